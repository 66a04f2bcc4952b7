"""The code tables of a mapping file, linted where they are used: what a meaning may be depends on the field that it is for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol, cast

from schemas.places import zone_names
from schemas.problems import nearest
from schemas.tree import Path
from sources.adapters.tables import CARRIER_REASONS, IGNORED, TERMS, CodeTable, Meaning, Vocabulary, faults, folded
from sources.mapping.vocabulary import LISTED, TYPES, VOCABULARIES


class FaultReporter(Protocol):
    """Where faults are reported."""

    def __call__(self, path: Path, message: str, suggestion: str | None = None, *, key: bool = False) -> None:
        """Reports a fault at a value, or at its key."""
        ...


class Tables:
    """The tables of a file. Each use of one is a `CodeTable` of its own, with the vocabulary of the field that it is used for."""

    def __init__(self, report: FaultReporter, stated: dict[str, Any]) -> None:
        self._report = report
        self._rows: dict[str, tuple[tuple[str, Meaning], ...]] = {}
        self._names = list(stated)
        self._unused = set(stated)
        self.used: dict[tuple[str, str, str], CodeTable] = {}
        for name, rows in stated.items():
            if isinstance(rows, dict):
                self._rows[name] = tuple(self._read(name, cast("dict[str, object]", rows)))

    def use(self, path: Path, name: object, expression: str, field: str, owners: Collection[str]) -> CodeTable | None:
        """The table of that name, for codes in `expression` that become `field` of events of the types `owners`."""
        if not isinstance(name, str):
            if name is not None:
                self._report(path, "the name of a table is expected here")
            return None
        if name not in self._rows:
            if name not in self._names:
                meant = nearest(name, self._names)
                self._report(path, f"unknown table {name!r}; known: {', '.join(sorted(self._names)) or 'none'}", meant)
                self._unused.discard(meant or "")
            return None
        self._unused.discard(name)
        vocabulary: Vocabulary = "type" if field == "type" else "step"
        for type_ in owners:
            vocabulary = VOCABULARIES.get((type_, field), vocabulary)
        table = CodeTable(name, expression, vocabulary, "the mapping", self._rows[name])
        for code, meaning in table.rows:
            self._check(("tables", name, code), table, code, meaning, self._words(field, owners), field)
        return self.used.setdefault((name, expression, vocabulary), table)

    def unused(self) -> None:
        """Reports the tables that no event uses."""
        for name in self._unused:
            self._report(("tables", name), "no event uses this table", key=True)

    @staticmethod
    def _words(field: str, owners: Collection[str]) -> frozenset[str] | None:
        if field == "zone":
            return zone_names()
        lists = [terms for type_ in owners if (terms := LISTED.get((type_, field))) is not None]
        return frozenset[str].intersection(*lists) if lists else None

    def _read(self, name: str, stated: dict[str, object]) -> list[tuple[str, Meaning]]:
        rows: list[tuple[str, Meaning]] = []
        seen: dict[str, str] = {}
        for code, value in stated.items():
            at = ("tables", name, code)
            other = seen.setdefault(folded(code), code)
            if other != code:
                self._report(at, f"the code has a meaning already, as {other!r}: case and blanks do not tell codes apart", key=True)
            rows.append((code, self._meaning(at, value)))
        if not rows:
            self._report(("tables", name), "the table is empty", key=True)
        return rows

    def _meaning(self, at: Path, value: object) -> Meaning:
        if isinstance(value, dict):
            parts = cast("dict[str, object]", value)
            why = parts.get(IGNORED)
            if list(parts) != [IGNORED] or not isinstance(why, str) or not why.strip():
                self._report(at, "a code that says nothing is written {ignored: why}")
            return Meaning((), str(why))
        if isinstance(value, list):
            terms = cast("list[object]", value)
            if not terms or not all(isinstance(term, str) and term for term in terms):
                self._report(at, "words are expected in this list")
            return Meaning(tuple(str(term) for term in terms) or ("?",))
        if not isinstance(value, str) or not value.strip():
            self._report(at, "the code has no meaning; what says nothing is written {ignored: why}")
            return Meaning(("?",), "?")
        if value.strip() == IGNORED:
            self._report(at, "why? A code that says nothing is written {ignored: why}")
            return Meaning((), "?")
        return Meaning(tuple(value.split()))

    def _check(self, at: Path, table: CodeTable, code: str, meaning: Meaning, terms: frozenset[str] | None, field: str) -> None:
        if meaning.terms[:1] == ("?",) or (meaning.ignored and field != "hold"):
            return
        if meaning.ignored:
            self._report(at, "a hold is never ignored; `other` is one without a name")
            return
        one = CodeTable(table.name, table.field, table.vocabulary, table.source, ((code, meaning),))
        prefix = f"{table.name}: {code!r}: "
        known = TERMS[table.vocabulary]
        for fault in faults((one,)):
            wrong = next((term for term in meaning.terms if repr(term) in fault), "")
            among = TYPES if field == "type" else CARRIER_REASONS if wrong in meaning.terms[1:] else known or ()
            listed = f"; known: {', '.join(sorted(among))}" if wrong and among else ""
            self._report(at, f"{fault.removeprefix(prefix)}{listed}", nearest(wrong, among))
        text = " ".join(meaning.terms)
        if known is None and terms is not None and text not in terms:
            self._report(at, f"{text!r} is no {field}; known: {', '.join(terms)}", nearest(text, terms))
