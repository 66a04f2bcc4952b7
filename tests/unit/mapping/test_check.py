"""Mistakes in a mapping file: each is named with line, column, field, what is wrong and what was probably meant."""
# ruff: noqa: E501 - one mistake a line

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.mapping import MappingError, examine, load_mapping
from sources.mapping.check import examine_text

if TYPE_CHECKING:
    from schemas.problems import Problem

HEAD = "name: wms\nformat: csv\n"
"""Two right lines; mistakes begin in line 3."""
EVENT = "events: [{type: warehouse.packed, order: O, time: T}]"

MISTAKES = [
    # unknown keys, at every level
    (f"{HEAD}zones: UTC\n{EVENT}", 3, 1, "zones", "unknown key", "zone"),
    (f"{HEAD}csv: {{delimeter: ';'}}\n{EVENT}", 3, 7, "csv.delimeter", "unknown key", "delimiter"),
    (f"{HEAD}ignore: [{{when: A, wy: b, why: b}}]\n{EVENT}", 3, 20, "ignore[0].wy", "unknown key", "why"),
    (f"{HEAD}events: [{{type: warehouse.packed, oder: O, order: O, time: T}}]", 3, 35, "events[0].oder", "unknown key", "order"),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: {{at: T, formt: iso}}}}]", 3, 59, "events[0].time.formt", "unknown key", "format"),
    (f"{HEAD}tables: {{t: {{A: warehouse.packed}}}}\nevents: [{{type: {{code: S, tabel: t, table: t}}, order: O, time: T}}]", 4, 27, "events[0].type.tabel", "unknown key", "table"),
    (f"{HEAD}events: [{{type: payment.captured, order: O, time: T, data: {{amount: {{amount: A, currency: C, minr: yes}}}}}}]", 3, 94,
     "events[0].data.amount.minr", "unknown key", "minor"),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: T, data: {{lines: {{skuu: S, sku: S}}}}}}]", 3, 69,
     "events[0].data.lines.skuu", "unknown key", "sku"),
    # unknown names
    ("name: wms\nformat: cvs\n" + EVENT, 2, 9, "format", "unknown format", "csv"),
    (f"{HEAD}zone: Berlin\n{EVENT}", 3, 7, "zone", "unknown time zone", "Europe/Berlin"),
    (f"{HEAD}decimal: comma\n{EVENT}", 3, 10, "decimal", "unknown decimal sign", None),
    (f"{HEAD}csv: {{encoding: cp125}}\n{EVENT}", 3, 17, "csv.encoding", "unknown encoding", "cp1252"),
    (f"{HEAD}csv: {{encoding: hex}}\n{EVENT}", 3, 17, "csv.encoding", "unknown encoding", None),
    (f"{HEAD}events: [{{type: warehouse.pakced, order: O, time: T}}]", 3, 17, "events[0].type", "unknown event type", "warehouse.packed"),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: T, data: {{shipment: S}}}}]", 3, 61, "events[0].data.shipment",
     "unknown field; warehouse.packed has none", "shipment_id"),
    (f"{HEAD}events: [{{type: {{code: S, table: stp}}, order: O, time: T}}]\ntables: {{step: {{A: warehouse.packed}}}}", 3, 34,
     "events[0].type.table", "unknown table", "step"),
    (f"{HEAD}csv: {{header: [ORDER_NO, T]}}\nevents: [{{type: warehouse.packed, order: ORDRE_NO, time: T}}]", 4, 42, "events[0].order",
     "no column 'ORDRE_NO'", "ORDER_NO"),
    # tables: one meaning each, in the contract's words
    (f"{HEAD}tables:\n  s: {{A: warehouse.pickd}}\nevents: [{{type: {{code: S, table: s}}, order: O, time: T}}]", 4, 10, "tables.s.A", "is no type",
     "warehouse.picked"),
    (f"{HEAD}tables:\n  s: {{A: warehouse.picked, A: warehouse.packed}}\nevents: [{{type: {{code: S, table: s}}, order: O, time: T}}]", 4, 28,
     "tables.s.A", "occurs twice", None),
    (f"{HEAD}tables:\n  s: {{pck: warehouse.picked, PCK : warehouse.packed}}\nevents: [{{type: {{code: S, table: s}}, order: O, time: T}}]", 4, 30,
     "tables.s.PCK", "has a meaning already, as 'pck'", None),
    (f"{HEAD}tables:\n  s: {{A: warehouse.picked, B: }}\nevents: [{{type: {{code: S, table: s}}, order: O, time: T}}]", 4, 30, "tables.s.B",
     "has no meaning", None),
    (f"{HEAD}tables:\n  s: {{A: warehouse.picked, B: ignored}}\nevents: [{{type: {{code: S, table: s}}, order: O, time: T}}]", 4, 31, "tables.s.B",
     "{ignored: why}", None),
    (f"{HEAD}tables:\n  s: {{A: warehouse.picked, B: {{ignore: x}}}}\nevents: [{{type: {{code: S, table: s}}, order: O, time: T}}]", 4, 31, "tables.s.B",
     "{ignored: why}", None),
    (f"{HEAD}tables: {{s: {{}}}}\nevents: [{{type: {{code: S, table: s}}, order: O, time: T}}]", 3, 10, "tables.s", "the table is empty", None),
    (f"{HEAD}tables:\n  s: {{A: delivered}}\n{EVENT}", 4, 3, "tables.s", "no event uses this table", None),
    (f"{HEAD}tables: {{s: {{A: deliverd}}}}\nevents: [{{type: carrier.scan, time: T, data: {{tracking_number: N, status: {{code: S, table: s}}}}}}]", 3, 17,
     "tables.s.A", "is no scan", "delivered"),
    (f"{HEAD}tables: {{s: {{A: held costoms}}}}\nevents: [{{type: carrier.scan, time: T, data: {{tracking_number: N, status: {{code: S, table: s}}}}}}]", 3, 17,
     "tables.s.A", "is no reason", "customs"),
    (f"{HEAD}tables: {{s: {{A: frod}}}}\nevents: [{{type: order.hold_placed, order: O, time: T, data: {{hold: {{code: S, table: s}}}}}}]", 3, 17,
     "tables.s.A", "is no hold", "fraud"),
    (f"{HEAD}tables: {{s: {{A: {{ignored: x}}}}}}\nevents: [{{type: order.hold_placed, order: O, time: T, data: {{hold: {{code: S, table: s}}}}}}]", 3, 17,
     "tables.s.A", "a hold is never ignored", None),
    (f"{HEAD}tables: {{s: {{A: prepayed}}}}\nevents: [{{type: order.placed, order: O, time: T, data: {{payment_terms: {{code: S, table: s}}}}}}]", 3, 17,
     "tables.s.A", "is no payment_terms", "prepaid"),
    (f"{HEAD}tables: {{s: {{A: Europe/Berln}}}}\nzone: {{code: S, table: s}}\n{EVENT}", 3, 17, "tables.s.A", "is no zone", "Europe/Berlin"),
    # expressions
    (f"{HEAD}events: [{{type: warehouse.packed, order: Order-No., time: T}}]", 3, 42, "events[0].order", "is written '\"Order-No.\"'", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, when: 'A == ', time: T}}]", 3, 51, "events[0].when", "no expression: column 6", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: T, data: {{site: lowr(S)}}}}]", 3, 67, "events[0].data.site", "unknown function",
     "lower"),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: T, data: {{site: 'lower(S, T)'}}}}]", 3, 67, "events[0].data.site",
     "takes 1 argument, not 2", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: {'a' * 501}, time: T}}]", 3, 42, "events[0].order", "at most 500", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, when: A == `b`, time: T}}]", 3, 51, "events[0].when", "a text is written 'so'", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: [A], time: T}}]", 3, 42, "events[0].order", "a single expression", None),
    # times
    (f"{HEAD}times: DD.MM.YYYY HH:mm\n{EVENT}", 3, 8, "times", "is no time format", "%d.%m.%Y %H:%M"),
    (f"{HEAD}times: [iso, '%d.%m.%Y %I:%M']\n{EVENT}", 3, 14, "times[1]", "%I needs %p", "%d.%m.%Y %H:%M"),
    (f"{HEAD}times: '%d.%m. %H:%M'\n{EVENT}", 3, 8, "times", "year, month and day", None),
    (f"{HEAD}times: '%d.%m.%Q %H:%M'\n{EVENT}", 3, 8, "times", "%Q is no sign", None),
    (f"{HEAD}times: unix_sec\n{EVENT}", 3, 8, "times", "is no time format", "unix_ms"),
    (f"{HEAD}times: '%d.%m.%Y'\n{EVENT}", 4, 51, "events[0].time", "has no time of day", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: {{at: T, zone: Europe/Berln}}}}]", 3, 65, "events[0].time.zone", "unknown time zone",
     "Europe/Berlin"),
    # what the contract requires
    (f"{HEAD}events: [{{type: order.hold_placed, order: O, time: T, data: {{hold_id: H}}}}]", 3, 55, "events[0].data", "`data.hold` is required", None),
    (f"{HEAD}events: [{{type: warehouse.packed, time: T}}]", 3, 10, "events[0]", "nothing says which order", None),
    (f"{HEAD}events: [{{type: feed.heartbeat, time: T}}]", 3, 10, "events[0]", "`source` is required", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O}}]", 3, 10, "events[0].time", "`time` is required", None),
    (f"{HEAD}events: []", 1, 1, "", "`events` is empty", None),
    ("name: wms\n" + EVENT, 1, 1, "format", "`format` is required", None),
    ("format: csv\n" + EVENT, 1, 1, "name", "`name` is required", None),
    (f"{HEAD}ignore: [{{when: A}}]\n{EVENT}", 3, 10, "ignore[0].why", "`why` is required", None),
    # fields of another sort
    (f"{HEAD}events: [{{type: order.hold_placed, order: O, time: T, data: {{hold: fraud}}}}]", 3, 68, "events[0].data.hold",
     "for the constant write {value: fraud}", None),
    (f"{HEAD}events: [{{type: order.hold_placed, order: O, time: T, data: {{hold: {{value: froud}}}}}}]", 3, 76, "events[0].data.hold.value",
     "'froud' is no hold", "fraud"),
    (f"{HEAD}events: [{{type: order.placed, order: O, time: T, data: {{method: {{value: pick-up}}}}}}]", 3, 73, "events[0].data.method.value",
     "is no method", "pickup"),
    (f"{HEAD}events: [{{type: payment.captured, order: O, time: T, data: {{amount: A}}}}]", 3, 69, "events[0].data.amount", "needs its currency", None),
    (f"{HEAD}events: [{{type: payment.captured, order: O, time: T, data: {{amount: {{amount: A}}}}}}]", 3, 69, "events[0].data.amount",
     "`currency` is required", None),
    (f"{HEAD}events: [{{type: payment.captured, order: O, time: T, data: {{amount: {{amount: A, currency: {{value: Euro}}}}}}}}]", 3, 99,
     "events[0].data.amount.currency.value", "no currency", None),
    (f"{HEAD}events: [{{type: payment.captured, order: O, time: T, data: {{amount: {{amount: A, currency: C, minor: cents}}}}}}]", 3, 101,
     "events[0].data.amount.minor", "yes or no", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: T, data: {{lines: SKU}}}}]", 3, 68, "events[0].data.lines", "its fields are expected", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: T, source: /ware house}}]", 3, 62, "events[0].source", "is no source", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: T, history: T}}]", 3, 54, "events[0].history", "carrier.scan, with `each`", None),
    (f"{HEAD}events: [{{type: order.placed, order: O, time: T, data: {{ship_to: {{contry: C}}}}}}]", 3, 67, "events[0].data.ship_to.contry",
     "unknown key", "country"),
    (f"{HEAD}events: [{{type: order.placed, order: O, time: T, data: {{customer: C}}}}]", 3, 67, "events[0].data.customer", "its fields are expected",
     None),
    (f"{HEAD}events: [{{type: order.placed, order: O, time: T, data: {{lines: {{each: I}}}}}}]", 3, 64, "events[0].data.lines", "no field is stated",
     None),
    # coarser tables, places, conditions, functions of the request, keys
    (f"{HEAD}tables: {{f: {{A: delivered}}}}\nevents: [{{type: carrier.scan, time: T, data: {{tracking_number: N, status: {{code: S, table: f, else: C}}}}}}]",
     4, 101, "events[0].data.status.else", "a coarser code is expected", None),
    (f"{HEAD}tables: {{f: {{A: delivered}}, g: {{B: lost}}}}\nevents: [{{type: carrier.scan, time: T, data: {{tracking_number: N, status: {{code: S, table: f, else: {{code: C, tabel: g, table: g}}}}}}}}]",
     4, 111, "events[0].data.status.else.tabel", "unknown key", "table"),
    (f"{HEAD}tables: {{f: {{A: delivered}}, g: {{B: lots}}}}\nevents: [{{type: carrier.scan, time: T, data: {{tracking_number: N, status: {{code: S, table: f, else: {{code: C, table: g}}}}}}}}]",
     3, 36, "tables.g.B", "is no scan", "lost"),
    (f"{HEAD}zone: {{contry: CC, country: CC}}\n{EVENT}", 3, 8, "zone.contry", "unknown key", "country"),
    (f"{HEAD}zone: {{region: R}}\n{EVENT}", 3, 7, "zone", "`country` is required", None),
    (f"{HEAD}zone: {{country: CC, else: Europe/Berln}}\n{EVENT}", 3, 27, "zone.else", "unknown time zone", "Europe/Berlin"),
    (f"{HEAD}refuse: [{{when: A}}]\n{EVENT}", 3, 10, "refuse[0].why", "`why` is required", None),
    (f"{HEAD}refuse: [{{when: A, wy: b, why: b}}]\n{EVENT}", 3, 20, "refuse[0].wy", "unknown key", "why"),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: T, refuse: [{{when: 'A ==', why: b}}]}}]", 3, 70, "events[0].refuse[0].when",
     "no expression: column 5", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: header(O), time: T}}]", 3, 42, "events[0].order", "takes a name in quotes", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: \"header('Authorization')\", time: T}}]", 3, 42, "events[0].order", "to do with secrets", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: O, time: received(T)}}]", 3, 51, "events[0].time", "takes 0 arguments, not 1", None),
    (f"{HEAD}events: [{{type: warehouse.packed, order: hmac(O), time: T}}]", 3, 42, "events[0].order", "hmac() needs a key", None),
    (f"{HEAD}hmac_key: {{env: PATH}}\n{EVENT}", 3, 1, "hmac_key", "no expression uses this key", None),
    (f"{HEAD}hmac_key: {{evn: K, env: K}}\nevents: [{{type: warehouse.packed, order: hmac(O), time: T}}]", 3, 12, "hmac_key.evn", "unknown key", "env"),
    (f"{HEAD}hmac_key: {{}}\nevents: [{{type: warehouse.packed, order: hmac(O), time: T}}]", 3, 11, "hmac_key", "either env or file", None),
    (f"{HEAD}hmac_key: {{env: ORDERWATCH_NO_SUCH_KEY}}\nevents: [{{type: warehouse.packed, order: hmac(O), time: T}}]", 3, 17, "hmac_key.env",
     "ORDERWATCH_NO_SUCH_KEY is not set", None),
    (f"{HEAD}hmac_key: {{file: no-such-file}}\nevents: [{{type: warehouse.packed, order: hmac(O), time: T}}]", 3, 18, "hmac_key.file",
     "no-such-file: no such file", None),
    # bad values and shapes
    (f"{HEAD}tenant: {{value: }}\n{EVENT}", 3, 16, "tenant.value", "1 to 256 printable", None),
    ("name: Acme WMS\nformat: csv\n" + EVENT, 1, 7, "name", "is no name", "acme-wms"),
    (f"{HEAD}csv: {{delimiter: ab}}\n{EVENT}", 3, 18, "csv.delimiter", "is no delimiter", None),
    (f"{HEAD}csv: {{quote: ab}}\n{EVENT}", 3, 14, "csv.quote", "is no quote", None),
    (f"{HEAD}csv: {{skip: x}}\n{EVENT}", 3, 13, "csv.skip", "is no number of lines", None),
    (f"{HEAD}csv: {{header: no}}\n{EVENT}", 3, 15, "csv.header", "as a list", None),
    (f"{HEAD}csv: {{header: [A, A]}}\n{EVENT}", 3, 6, "csv", "no two alike", None),
    ("name: wms\nformat: json\ncsv: {skip: 1}\n" + EVENT, 1, 1, "", "`csv` goes with format csv", None),
    (f"{HEAD}tables: [a]\n{EVENT}", 3, 9, "tables", "a mapping", None),
    (f"{HEAD}events: 3", 3, 9, "events", "a list", None),
    ("- a", 1, 1, "", "a mapping", None),
    (f"{HEAD}zone: &a UTC\nkind: *a\n{EVENT}", 4, 7, "", "aliases (*name) are not allowed", None),
    (f"{HEAD}kind: {{a: b: c}}", 3, 12, "", "not valid YAML", None),
]  # fmt: skip


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    """What is wrong with a file."""
    path = folder / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return examine(path)[1]


@pytest.mark.parametrize(("text", "line", "column", "field", "message", "suggestion"), MISTAKES)
def test_a_mistake_is_named(tmp_path: Path, text: str, line: int, column: int, field: str, message: str, suggestion: str | None) -> None:
    """With its place, its field, and the nearest valid name."""
    (found,) = problems(tmp_path, text)
    assert (found.line, found.column, found.field) == (line, column, field), str(found)
    assert message in found.message
    assert found.suggestion == suggestion


def test_all_mistakes_are_named_at_once_and_in_their_order(tmp_path: Path) -> None:
    """Whoever mends a file wants to mend it once."""
    text = f"{HEAD}zone: Berln\ntables: {{s: {{A: b}}}}\nevents: [{{type: warehouse.pakced, oder: O, time: foo(}}]"
    found = problems(tmp_path, text)
    assert [one.line for one in found] == sorted(one.line for one in found)
    assert {one.field for one in found} == {"zone", "tables.s", "events[0].type", "events[0].oder", "events[0].time"}
    with pytest.raises(MappingError) as raised:
        load_mapping(tmp_path / "mapping.yaml")
    assert raised.value.problems == found
    assert str(raised.value).count("\n") == len(found) - 1


def test_a_file_that_is_none_is_a_problem_too(tmp_path: Path) -> None:
    """One line each."""
    assert "cannot be read" in str(examine(tmp_path / "absent.yaml")[1][0])
    (tmp_path / "latin.yaml").write_bytes(b"name: w\xe4ms")
    assert "is not UTF-8" in str(examine(tmp_path / "latin.yaml")[1][0])


@settings(max_examples=300)
@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from([*HEAD.splitlines(), *EVENT.split(), "tables:", "  s: {A: x}", "when: a[?"])).map("\n".join)
)
def test_no_text_makes_the_check_raise(text: str) -> None:
    """A mapping is right, or something is wrong with it."""
    mapping, faults = examine_text(text)
    assert (mapping is None) == bool(faults)


@settings(max_examples=500)
@given(st.text(alphabet="ab.[]*?|&'\"`{}():,@=!<>0-_ \\", max_size=30))
def test_no_expression_makes_the_check_raise(text: str) -> None:
    """Whatever the library of expressions raises is a mistake with a place."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    _, faults = examine_text(f'{HEAD}events: [{{type: warehouse.packed, order: O, time: T, when: "{quoted}"}}]')
    assert all(fault.line == 3 for fault in faults)


def test_the_mappings_that_the_guide_shows_are_right() -> None:
    """The smallest one in the README, and the example."""
    folder = Path(__file__).resolve().parents[3] / "sources" / "mapping"
    shown = re.findall(r"```yaml\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    for text in (*shown, (folder / "example.yaml").read_text(encoding="utf-8")):
        assert examine_text(text, environment=None)[1] == []
