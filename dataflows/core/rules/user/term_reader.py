"""How an entry names what it speaks of: words, events, scans and dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast, get_args

from dataflows.core.predicates import Part, Predicate, compile_predicate
from dataflows.core.rules.user.entry import ValueReader
from dataflows.core.rules.user.terms import DATES, SCAN, WORDS, Choice, DateName, FormName, Occurrence, OtherStatus, Word
from schemas.deciding import PREFIXES
from schemas.envelope import HEARTBEAT
from schemas.events import DATA_MODELS, Status
from schemas.plain import Data
from schemas.problems import nearest
from schemas.tree import Path

OTHER_STATUS: Final = "another status"
SCAN_STATUSES: Final[tuple[str, ...]] = tuple(sorted(get_args(Status)))
HEARD: Final = tuple(name for name in DATA_MODELS if name != HEARTBEAT and not name.startswith(PREFIXES))
"""The types of events that say something about an order."""
_DATED: Final = ("order", "line", "parcel", "payment", "backorder")


class TermReader(ValueReader):
    """Reads the terms of one entry."""

    def _terms(self, name: str, *, other: bool = False) -> list[Word | Occurrence | OtherStatus]:
        value = self._data.get(name)
        if value is None:
            return []
        items = [((name, number), item) for number, item in enumerate(value)] if isinstance(value, list) else [((name,), value)]
        found: list[Word | Occurrence | OtherStatus] = []
        for path, item in items:
            if item == OTHER_STATUS and other:
                found.append(OtherStatus())
            elif (term := self._term(path, item)) is not None:
                found.append(term)
        return found

    def _anchor(self, path: Path, value: Data, *, dates: bool) -> Word | Occurrence | DateName | Choice | None:
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("earliest", "latest"):
            (which, items) = next(iter(value.items()))
            words = [self._term((*path, which, number), item) for number, item in enumerate(items if isinstance(items, list) else [])]
            if len(words) < 2 or not all(isinstance(word, Word) for word in words):
                self.wrong((*path, which), "two or more words such as `captured` are expected here, in a list")
                return None
            return Choice(which == "latest", cast("tuple[Word, ...]", tuple(words)))
        if dates and isinstance(value, str) and value not in HEARD and value.partition(".")[0] in _DATED and "." in value:
            known = [date for date, (parts, _) in DATES.items() if self._each in parts]
            if value in known:
                return DateName(value)
            all_known = (*known, *self._words(), *HEARD)
            self.wrong(path, f"{value!r} is no date, word or event here; dates: {', '.join(known)}", nearest(value, all_known))
            return None
        return self._term(path, value)

    def _when(self, form: FormName) -> Word | Occurrence | None:
        value = self._data.get("when")
        if value is None:
            return None
        found = self._term(("when",), value)
        if form == "reported" and isinstance(found, Word):
            self.wrong(
                ("when",), f"`reported` begins with an event, and {found.name!r} is a word; such as `warehouse.rejected` or `scan held`"
            )
            return None
        return found

    def _words(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*WORDS[self._each], *WORDS[Part.ORDER])))

    def _term(self, path: Path, value: Data) -> Word | Occurrence | None:
        """A word of the part or of the order, an event type, `scan STATUS`, or `{event: ..., where: ...}`."""
        if isinstance(value, dict):
            return self._event(path, value)
        if not isinstance(value, str):
            self.wrong(path, "a word such as `packed`, or an event such as `warehouse.packed`, is expected here")
            return None
        if value in WORDS[self._each]:
            return Word(self._each, value)
        name = value.removeprefix("order.")  # such as order.shipped, where `shipped` is the part's
        if name in WORDS[Part.ORDER] and value not in HEARD:
            return Word(Part.ORDER, name)
        if value.startswith("scan"):
            return self._scan(path, value.removeprefix("scan").strip(), None)
        if value in HEARD:
            return Occurrence((value,), None, value)
        words, types = self._words(), HEARD
        known = f"words: {', '.join(words)}" if "." not in value else "`scan STATUS`, or a type of event of the contract"
        self.wrong(path, f"unknown word or event {value!r}; {known}", nearest(value, (*words, *types)))
        return None

    def _event(self, path: Path, value: Mapping[str, Data]) -> Occurrence | None:
        for key in value:
            if key not in ("event", "scan", "where"):
                self.wrong((*path, key), "unknown key; known here: event, scan, where", nearest(key, ("event", "scan", "where")), key=True)
        if "scan" in value:
            stated = value["scan"]
            status = stated if isinstance(stated, str) else " ".join(str(item) for item in stated or ())
            return self._scan((*path, "scan"), status, value.get("where"), where_path=(*path, "where"))
        types = tuple(self._types((*path, "event"), value.get("event")))
        if not types:
            return None
        where = self._predicate((*path, "where"), value.get("where"), Part.EVENT, types)
        return Occurrence(types, where, _said(" or ".join(types), where))

    def _scan(self, path: Path, text: str, where: Data, where_path: Path = ()) -> Occurrence | None:
        statuses = text.replace(",", " ").split()
        for status in statuses:
            if status not in SCAN_STATUSES:
                self.wrong(path, f"unknown status {status!r}; known: {', '.join(SCAN_STATUSES)}", nearest(status, SCAN_STATUSES))
                return None
        if where is not None and self._predicate(where_path, where, Part.EVENT, (SCAN,)) is None:
            return None
        test = f"event.status in [{', '.join(statuses)}]" if statuses else ""
        whole = " and ".join(part for part in (test, f"({where})" if where is not None else "") if part)
        predicate = compile_predicate(whole, Part.EVENT, (SCAN,)) if whole else None
        if isinstance(predicate, tuple):  # A predicate that is too long with the statuses before it.
            self.wrong(where_path or path, str(predicate[0]))
            return None
        return Occurrence((SCAN,), predicate, f"scan {' or '.join(statuses)}".strip() + (f" where {where}" if where is not None else ""))

    def _types(self, path: Path, value: Data) -> list[str]:
        items = value if isinstance(value, list) else [value]
        found: list[str] = []
        for number, item in enumerate(items):
            at = (*path, number) if isinstance(value, list) else path
            if not isinstance(item, str) or item not in HEARD:
                self.wrong(at, f"unknown event type {item!r}", nearest(str(item), HEARD))
            else:
                found.append(item)
        return found


def _said(text: str, where: Predicate | None) -> str:
    return text if where is None else f"{text} where {where.text}"
