"""Code tables: what each code of a source becomes, as text that a person reads, a test lints and the documents show.

A row is `code = meaning`, and `# …` behind it says why. Codes match without regard to case and surrounding blanks. A code whose meaning is
`ignored` is known and says nothing about an order. What a table does not list is unmapped: it is told as such, never guessed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from schemas.events import DATA_MODELS, Hold, Status

Vocabulary: TypeAlias = Literal["scan", "reason", "type", "decline", "hold", "cancel", "rejection", "dispute", "outcome", "stage", "step"]

CARRIER_REASONS: Final = frozenset(
    "missorted refused disposed prohibited rejected pickup_failed not_found documents duty customs address weather capacity"
    " recipient_absent unclaimed final_attempt other".split()
)
"""Reasons of a `carrier.scan` that a table may give; `unmapped` is given to codes that are in none."""
IGNORED: Final = "ignored"

TERMS: Final[dict[Vocabulary, frozenset[str] | None]] = {
    "scan": frozenset(get_args(Status)),
    "reason": CARRIER_REASONS,
    "type": frozenset(DATA_MODELS),
    "decline": frozenset(("soft", "hard")),
    "hold": frozenset(get_args(Hold)),
    "cancel": None,
    "rejection": frozenset("routing sku_unknown sku_inactive customs_data validation other".split()),
    "dispute": frozenset(("inquiry", "chargeback")),
    "outcome": frozenset(("won", "lost")),
    "stage": frozenset(("authorization", "capture", "refund")),
    "step": None,
}
"""By vocabulary: the first words that a meaning may have; None: any word. A `scan` may have a carrier reason as its second word, a
`type` further types; a `reason` is a carrier reason that stands in a field of its own. `step` is for a table of
the adapter's own words, such as a transaction's kind."""


class Meaning(NamedTuple):
    """What a code becomes; `terms` are empty where it is ignored."""

    terms: tuple[str, ...]
    why: str = ""

    @property
    def term(self) -> str:
        """The first word: the status, the type, the hold, ..."""
        return self.terms[0]

    @property
    def reason(self) -> str | None:
        """The carrier reason of a `scan`, if it has one."""
        return self.terms[1] if len(self.terms) > 1 else None

    @property
    def ignored(self) -> bool:
        """Whether the code is known and says nothing."""
        return not self.terms


@dataclass(frozen=True)
class CodeTable:
    """What the codes in one `field` of a source become. `source` says who publishes the codes, and where."""

    name: str
    field: str
    vocabulary: Vocabulary
    source: str
    rows: tuple[tuple[str, Meaning], ...]

    @cached_property
    def by_code(self) -> dict[str, Meaning]:
        """The meanings by folded code; of two rows for one code, which `faults` finds, the first counts."""
        return {folded(code): meaning for code, meaning in reversed(self.rows)}

    def get(self, code: str | None) -> Meaning | None:
        """What a code becomes; None if the table does not have it."""
        return None if code is None else self.by_code.get(folded(code))


def folded(code: str) -> str:
    """A code as tables compare it."""
    return " ".join(code.split()).casefold()


def table(name: str, field: str, vocabulary: Vocabulary, rows: str, *, source: str) -> CodeTable:
    """A table from its text. Raises ValueError for a row that is none."""
    found: list[tuple[str, Meaning]] = []
    for line in rows.strip().splitlines():
        row, _, why = line.partition("#")
        if not row.strip():
            continue
        code, equals, terms = row.rpartition("=")
        if not equals or not code.strip():
            raise ValueError(f"{name}: no row of a code table: {line.strip()!r}")
        meaning = tuple(terms.split())
        found.append((" ".join(code.split()), Meaning(() if meaning == (IGNORED,) else meaning or ("",), why.strip())))
    return CodeTable(name, field, vocabulary, source, tuple(found))


def grouped(name: str, field: str, groups: str, *, source: str) -> CodeTable:
    """A table of scans from lines of `meaning: code code …`, or `ignored (why): code …`; a line without a colon goes on.

    For vendors that publish hundreds of codes: what stands together becomes the same. Raises ValueError for a line that is none.
    """
    rows: list[str] = []
    meaning, why = "", ""
    for line in groups.strip().splitlines():
        head, colon, codes = line.partition(":")
        if colon:
            meaning, _, why = head.strip().rstrip(")").partition(" (")
        elif not meaning:
            raise ValueError(f"{name}: codes without a meaning: {line.strip()!r}")
        rows += [f"{code} = {meaning}{f'  # {why}' if why else ''}" for code in (codes if colon else line).split()]
    return table(name, field, "scan", "\n".join(rows), source=source)


def faults(tables: tuple[CodeTable, ...]) -> list[str]:
    """What is wrong with the tables of one adapter: codes with two meanings or none, and words that the contract does not have."""
    found: list[str] = []
    read: dict[tuple[str, str], str] = {}
    for one in tables:
        if not one.source:
            found.append(f"{one.name}: does not say who publishes its codes")
        for code, count in Counter(folded(code) for code, _ in one.rows).items():
            if count > 1:
                found.append(f"{one.name}: {code!r} has {count} meanings")
            other = read.setdefault((one.field, code), one.name)
            if other != one.name:
                found.append(f"{one.name}: {code!r} of {one.field!r} has a meaning in {other} too")
        for code, meaning in one.rows:
            found += [f"{one.name}: {code!r}: {fault}" for fault in _term_faults(one.vocabulary, meaning)]
    return found


def _term_faults(vocabulary: Vocabulary, meaning: Meaning) -> list[str]:
    if meaning.ignored:
        return [] if meaning.why else ["is ignored without saying why"]
    first, *others = meaning.terms
    if not first:
        return ["has no meaning"]
    terms = TERMS[vocabulary]
    found = [] if terms is None or first in terms else [f"{first!r} is no {vocabulary}"]
    allowed = CARRIER_REASONS if vocabulary == "scan" else terms if vocabulary == "type" else frozenset[str]()
    if vocabulary == "scan" and len(others) > 1:
        found.append("has more than a status and a reason")
    if terms is not None:
        found += [f"{term!r} is no {'reason' if vocabulary == 'scan' else vocabulary}" for term in others if term not in (allowed or ())]
    return found
