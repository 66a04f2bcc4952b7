"""The coverage report: what occurred in payloads and what became of it, as tables for a terminal or as Markdown.

Samples of what may be somebody's name, address or number are shown by their shape only (`Aaaa@aaa.aa`): reports are passed on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from sources.adapters import Adapter
    from sources.adapters.coverage import Coverage
    from sources.adapters.output import Refused
    from sources.adapters.tables import CodeTable

MOST_ROWS: Final = 200
"""Most rows of a table; the rest is counted."""
PERSONAL: Final = re.compile(
    r"name|mail|phone|mobile|fax|street|addr|city|town|zip|postal|post_?code|note|comment|message|remark|instruction|text|desc"
    r"|customer|buyer|payer|recipient|receiver|sender|shipper|consignee|contact|person|user|operator|employee|signed|signature|company"
    r"|birth|gender|iban|bic|card|last_?4|holder|account|login|passw|token|secret|(^|_)ip($|_)|latitude|longitude|(^|_)lat($|_)|(^|_)lon"
    r"|kunde|kaeufer|empf|strasse|straße|hausn|plz|(^|_)ort($|_)|telefon|bemerk|notiz|bediener|benutzer|mitarbeiter|firma"
    r"|nom($|_)|prenom|rue($|_)|ville|adresse|client|courriel|nombre|calle|ciudad|cliente|naam|straat|plaats|klant|indirizzo|cognome",
    re.IGNORECASE,
)
"""Names of fields, in the languages that home-grown systems are written in, that may hold what is personal."""
PLAIN: Final = re.compile(r"[+-]?[\d.,:/T Z+-]{1,32}|[A-Za-z0-9_.:/#-]{1,40}")
"""What codes, numbers, times and identifiers look like; other values are shown by their shape."""
PHONE: Final = re.compile(r"\+[\d ./()-]{7,}|00[\d./()-]*[ /(][\d ./()-]*")


class ReportTable(NamedTuple):
    """One table of the report."""

    title: str
    about: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def sections(coverage: Coverage, adapter: Adapter, refused: Iterable[Refused]) -> list[ReportTable]:
    """The tables of a report: messages, codes, fields, refusals. What was not mapped stands first."""
    kinds = [
        (name, f"{kind.count:,}", ", ".join(f"{what} {count:,}" for what, count in sorted(kind.became.items())) or "nothing")
        for name, kind in sorted(coverage.kinds.items(), key=lambda row: (-row[1].count, row[0]))
    ]
    meanings = {(table.name, table.field): table for table in adapter.tables}
    codes = [
        (
            "" if code.known else "not mapped",
            table,
            field,
            text,
            f"{code.count:,}",
            _meaning(meanings.get((table, field)), text) if code.known else "",
        )
        for (table, field, text), code in sorted(coverage.codes.items(), key=lambda row: (row[1].known, row[0]))
    ]
    fields = [
        ("" if field.read else "not read", path, f"{field.count:,}", sample(path, field.sample))
        for path, field in sorted(coverage.fields.items(), key=lambda row: (row[1].read > 0, row[0]))
    ]
    reasons: dict[str, list[str]] = {}
    for one in refused:
        reasons.setdefault(one.reason, []).append(one.detail)
    unmapped, unread = len(coverage.unmapped()), sum(not field.read for field in coverage.fields.values())
    return [
        ReportTable("Messages", f"{sum(kind.count for kind in coverage.kinds.values()):,} messages", ("kind", "count", "became"), kinds),
        *_configured(coverage),
        ReportTable("Codes", f"{unmapped:,} of {len(codes):,} not mapped", ("", "table", "field", "code", "count", "meaning"), codes),
        ReportTable("Fields", f"{unread:,} of {len(fields):,} not read", ("", "field", "count", "for instance"), fields),
        ReportTable(
            "Refused",
            f"{sum(map(len, reasons.values())):,} refused",
            ("reason", "count", "for instance"),
            [(reason, f"{len(details):,}", details[0]) for reason, details in sorted(reasons.items())],
        ),
    ]


def _configured(coverage: Coverage) -> list[ReportTable]:
    """The fields that the connection names, if it names any."""
    rows = [
        ("" if one.found else "not found", setting, name, f"{one.found:,} of {one.count:,}")
        for (setting, name), one in sorted(coverage.configured.items())
    ]
    if not rows:
        return []
    about = f"{len(coverage.missing()):,} of {len(rows):,} found in no payload"
    return [ReportTable("Configured fields", about, ("", "setting", "field", "payloads"), rows)]


def sample(path: str, value: str) -> str:
    """A value as it may be shown: by its shape where it may be personal."""
    name = path.rpartition(".")[2]
    plain = PLAIN.fullmatch(value) is not None and PHONE.fullmatch(value) is None
    if plain and not PERSONAL.search(name):
        return value
    return re.sub(r"\d", "0", re.sub(r"[^\W\d_]", lambda letter: "A" if letter[0].isupper() else "a", value))


def show(console: Console, found: Iterable[ReportTable]) -> None:
    """Prints the tables that have rows."""
    for section in found:
        console.print(Text(f"\n{section.title}: {section.about}", style="bold"))
        if not section.rows:
            continue
        table = Table(box=None, pad_edge=False)
        for head in section.head:
            table.add_column(head, overflow="fold")  # a code that is cut is none
        for row in section.rows[:MOST_ROWS]:
            style = "yellow" if row[0].startswith("not ") else ""
            table.add_row(*(Text(printable(cell), style=style) for cell in row))
        console.print(table)
        if len(section.rows) > MOST_ROWS:
            console.print(f"... and {len(section.rows) - MOST_ROWS:,} more")


def markdown(title: str, found: Iterable[ReportTable]) -> str:
    """The tables as a Markdown document."""
    text = f"# {title}\n"
    for section in found:
        text += f"\n## {section.title}: {section.about}\n"
        if section.rows:
            text += "\n" + _line(section.head) + _line("---" for _ in section.head)
            text += "".join(_line(map(printable, row)) for row in section.rows[:MOST_ROWS])
        if len(section.rows) > MOST_ROWS:
            text += f"\n... and {len(section.rows) - MOST_ROWS:,} more\n"
    return text


def printable(text: str) -> str:
    """A text without what a terminal would act upon."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(re.sub(r"([\\|<*`])", r"\\\1", cell) for cell in cells) + " |\n"


def _meaning(table: CodeTable | None, code: str) -> str:
    meaning = None if table is None else table.get(code)
    if meaning is None:
        return ""
    return " ".join(meaning.terms) if meaning.terms else f"ignored: {meaning.why}"
