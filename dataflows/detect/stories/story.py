"""A file of stories: read, checked, and everything that is wrong with it told by line.

    - story: a gift is not packed within a day      # a sentence
      kind: custom.gift_wrap_late                   # the kind of exception that it is about (or `kinds`, a list)
      start: 2026-11-02 10:00                       # optional, like `zone`, and `emits` and `sites` as in a policy
      events: |
        +0h  order.placed lines: [GIFT-1 1]
        +30h warehouse.packed
      expect: |
        +23h nothing
        +25h open since +24h medium owner FULF
        +30h resolved since +24h

An expectation is `INSTANT [KIND] STATUS [on SCOPE] [since INSTANT] [due INSTANT] [SEVERITY] [owner NAME] [lane LANE] [episode N] [for
ORDER]`, or `INSTANT [KIND] nothing [for ORDER]`. All of one instant together are everything that stands then of the story's kinds on those
orders; what they leave unsaid may be anything. A story without a kind is about all kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from dataflows.core.policy.values import MILESTONES
from dataflows.detect.stories.events import FIRST_ORDER, BadLineError, event_of
from dataflows.detect.stories.times import STAMP, START, Times
from schemas.places import zone_names
from schemas.plain import Data
from schemas.problems import Problem, UnreadableError, nearest, problems_of, text_of, unknown_zone
from schemas.tree import Fault, Tree, read
from schemas.tree import Path as At

KEYS: Final = ("story", "kind", "kinds", "start", "zone", "emits", "sites", "events", "expect")
_KIND: Final = r"[a-z_]+\.[a-z_]+"
_EXPECT: Final = re.compile(
    rf"(?P<as_of>{STAMP}) +(?:(?P<kind>{_KIND}) +)?(?P<status>open|resolved|suppressed)(?: on (?P<scope>\S+))?"
    rf"(?: since (?P<start>{STAMP}))?(?: due (?P<due>{STAMP}))?(?: (?P<severity>low|medium|high|critical))?"
    r"(?: owner (?P<owner>\"[^\"]+\"|\S+))?(?: lane (?P<lane>auto|review|block))?(?: episode (?P<episode>\d+))?(?: for (?P<order>\S+))?"
)
_NOTHING: Final = re.compile(rf"(?P<as_of>{STAMP}) +(?:(?P<kind>{_KIND}) +)?nothing(?: for (?P<order>\S+))?")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One exception that must stand; what is None may be anything. Instants are RFC 3339."""

    order: str
    status: str
    scope: str | None
    start: str | None
    due: str | None
    severity: str | None
    episode: int
    kind: str = ""
    owner: str | None = None
    lane: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """All exceptions of some kinds (none: of any kind) on `orders` as of an instant; `line` is where the file says so first."""

    as_of: str
    orders: frozenset[str]
    expectations: tuple[Expectation, ...]
    kinds: frozenset[str] = frozenset()
    line: int = 0


@dataclass(frozen=True)
class Story:
    """A short history with what is to be said of it, and when. `lines` are contract events in file order; `kind`: the first of `kinds`."""

    title: str
    kinds: tuple[str, ...]
    lines: tuple[Mapping[str, object], ...]
    checkpoints: tuple[Expected, ...]
    emits: tuple[str, ...] = ()
    sites: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    times: Times = field(default_factory=Times)
    file: str = ""
    line: int = 0
    rows: tuple[int, ...] = ()
    """The line of the file in which each event stands."""

    @property
    def kind(self) -> str:
        """The kind that it is about; empty if it is about all."""
        return self.kinds[0] if self.kinds else ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"


def stories_of(path: Path) -> tuple[list[Story], tuple[Problem, ...]]:
    """The stories of a file, and everything that is wrong with it; there are no stories if anything is."""
    try:
        text = text_of(path)
    except UnreadableError as error:
        return [], (error.problem,)
    tree = read(text)
    reader = _Reader(tree, str(path))
    found = list(reader.stories())
    problems = problems_of(str(path), [*tree.faults, *reader.faults])
    return ([], problems) if problems else (found, ())


class _Reader:
    """Reads the stories of one tree; `faults` is what is wrong with it."""

    def __init__(self, tree: Tree, file: str) -> None:
        self._tree = tree
        self._file = file
        self.faults: list[Fault] = []

    def _wrong(self, path: At, message: str, suggestion: str | None = None, *, key: bool = False) -> None:
        self.faults.append(self._tree.fault(path, message, suggestion, key=key))

    def stories(self) -> Iterator[Story]:
        """All stories, as far as they can be read."""
        data = self._tree.data
        if not isinstance(data, list):
            if not self._tree.faults:
                self._wrong((), "a list of stories is expected here: `- story: ...`")
            return
        for number, one in enumerate(data):
            if isinstance(one, dict):
                yield self._story((number,), one)
            else:
                self._wrong((number,), "a story is expected here: `story: ...`, `events: |`, `expect: |`")

    def _story(self, path: At, data: Mapping[str, Data]) -> Story:
        for name in data:
            if name not in KEYS:
                self._wrong((*path, name), f"unknown key; known here: {', '.join(KEYS)}", nearest(name, KEYS), key=True)
        for name in ("story", "events", "expect"):
            if not isinstance(data.get(name), str):
                self._wrong((*path, name) if name in data else path, f"`{name}` is required here, as a text")
        times = self._times(path, data)
        kinds = self._texts((*path, "kind"), data.get("kind")) + self._texts((*path, "kinds"), data.get("kinds"))
        emits = self._texts((*path, "emits"), data.get("emits"))
        for name in emits:
            if name not in MILESTONES:
                self._wrong((*path, "emits"), f"unknown milestone {name!r}; known: {', '.join(MILESTONES)}", nearest(name, MILESTONES))
        sites = cast("dict[str, dict[str, str]]", data.get("sites") or {})
        events = list(self._events((*path, "events"), data.get("events"), times))
        return Story(
            title=str(data.get("story")),
            kinds=kinds,
            lines=tuple(event for _, event in events),
            rows=tuple(row for row, _ in events),
            checkpoints=self._expected((*path, "expect"), data.get("expect"), times, frozenset(kinds)),
            emits=emits,
            sites=sites,
            times=times,
            file=self._file,
            line=self._tree.at(path)[0],
        )

    def _texts(self, path: At, value: Data) -> tuple[str, ...]:
        if value is None:
            return ()
        found = [value] if isinstance(value, str) else value
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return tuple(cast("list[str]", found))
        self._wrong(path, "a text, or a list of texts, is expected here")
        return ()

    def _times(self, path: At, data: Mapping[str, Data]) -> Times:
        start, zone = START, data.get("zone")
        if zone is not None and (not isinstance(zone, str) or zone not in zone_names()):
            self._wrong((*path, "zone"), *unknown_zone(str(zone)))
            zone = None
        if "start" in data:
            try:
                start = datetime.strptime(str(data["start"]), "%Y-%m-%d %H:%M")  # noqa: DTZ007 (in the zone of the story)
            except ValueError:
                self._wrong((*path, "start"), f"{data['start']!r} is no start such as 2026-11-02 10:00")
        return Times(start, zone)

    def _rows(self, path: At, value: Data) -> Iterator[tuple[int, str]]:
        """The lines of a block with the line of the file that each stands in."""
        first = self._tree.at(path)[0]
        for number, row in enumerate(str(value or "").splitlines()):
            text = row.partition("  #")[0].strip()
            if text and not text.startswith("#"):
                yield first + 1 + number, text

    def _fault(self, line: int, path: At, error: BadLineError) -> None:
        self.faults.append(Fault(line, 1, path, str(error), error.suggestion))

    def _events(self, path: At, value: Data, times: Times) -> Iterator[tuple[int, Mapping[str, object]]]:
        for number, (line, text) in enumerate(self._rows(path, value)):
            try:
                yield line, event_of(text, number, times)
            except BadLineError as error:
                self._fault(line, path, error)

    def _expected(self, path: At, value: Data, times: Times, kinds: frozenset[str]) -> tuple[Expected, ...]:
        found: dict[str, _Stated] = {}
        for line, text in self._rows(path, value):
            match = _NOTHING.fullmatch(text) or _EXPECT.fullmatch(text)
            if match is None:
                message = f"no expectation: {text!r}; one is written `+25h open since +24h high owner OPS`, or `+23h nothing`"
                self._fault(line, path, BadLineError(message))
                continue
            try:
                self._note(found, line, match.groupdict(), times, kinds)
            except ValueError:
                self._fault(line, path, BadLineError(f"{text!r} names an instant that does not exist"))
        return tuple(Expected(as_of, *stated.whole(), line=stated.line) for as_of, stated in found.items())

    @staticmethod
    def _note(found: dict[str, _Stated], line: int, parts: Mapping[str, str | None], times: Times, kinds: frozenset[str]) -> None:
        stated = found.setdefault(times.rfc3339(str(parts["as_of"])), _Stated(line))
        order, kind = parts["order"] or FIRST_ORDER, parts["kind"]
        stated.orders.add(order)
        stated.kinds.append(kinds | {kind} if kind else kinds)
        if status := parts.get("status"):
            instants = {name: times.rfc3339(text) if (text := parts[name]) else None for name in ("start", "due")}
            owner = parts["owner"]
            stated.expectations.append(
                Expectation(
                    order=order,
                    status=status,
                    scope=parts["scope"],
                    severity=parts["severity"],
                    episode=int(parts["episode"] or 1),
                    kind=kind or (next(iter(kinds)) if len(kinds) == 1 else ""),
                    owner=owner and owner.strip('"'),
                    lane=parts["lane"],
                    **instants,
                )
            )


class _Stated:
    """What the lines of one instant say."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.orders: set[str] = set()
        self.kinds: list[frozenset[str]] = []
        self.expectations: list[Expectation] = []

    def whole(self) -> tuple[frozenset[str], tuple[Expectation, ...], frozenset[str]]:
        """Orders, exceptions, and the kinds that are meant: all of them if a line leaves the kind open."""
        kinds = frozenset[str]() if not all(self.kinds) else frozenset[str]().union(*self.kinds)
        return frozenset(self.orders), tuple(self.expectations), kinds
