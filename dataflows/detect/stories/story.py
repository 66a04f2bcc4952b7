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

A story may also say `requirement` (what it proves, in words of your own), `policy` (the text of the policy that it is told under, instead
of any other) and `policies` (texts by name, which `policy.activated NAME` makes hold). `decided` says how decisions are written, `expect`
what can be expected. A story without a kind is about all kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from dataflows.core.policy import Policy
from dataflows.core.policy.values import MILESTONES
from dataflows.core.rules.load import examined_text
from dataflows.detect.stories.decided import Reference, Scene
from dataflows.detect.stories.events import BadLineError, StoryEvent, event_in
from dataflows.detect.stories.expect import Expected, Expecting
from dataflows.detect.stories.times import START, Times
from schemas.places import zone_names
from schemas.plain import Data
from schemas.problems import Problem, UnreadableError, nearest, problems_of, text_of, unknown_zone
from schemas.tree import Fault, Tree, read
from schemas.tree import Path as At

KEYS: Final = ("story", "requirement", "kind", "kinds", "start", "zone", "emits", "sites", "policy", "policies", "events", "expect")
EMITTED: Final = "placed, captured, shipped, delivered, scans"
"""What feeds tell of in a story that does not say more."""


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
    requirements: tuple[str, ...] = ()
    """What it proves."""
    policy: Policy | None = None
    """The policy that it is told under; None: that of whoever runs it."""
    about: Mapping[int, Reference] = field(default_factory=dict[int, Reference])
    """By the place of a line the exception or action that it is about: its ID is known once it has been said."""
    topics: Mapping[int, str] = field(default_factory=dict[int, str])
    """By the place of a line the topic that it says it was written to."""

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
        policy = self._policy((*path, "policy"), data.get("policy"))
        scene = Scene(kinds, self._policies((*path, "policies"), data.get("policies"), emits))
        events = list(self._events((*path, "events"), data.get("events"), times, scene))
        return Story(
            title=str(data.get("story")),
            kinds=kinds,
            lines=tuple(one.event for _, one in events),
            rows=tuple(row for row, _ in events),
            checkpoints=self._expected((*path, "expect"), data.get("expect"), times, kinds),
            emits=emits,
            sites=sites,
            times=times,
            file=self._file,
            line=self._tree.at(path)[0],
            requirements=self._texts((*path, "requirement"), data.get("requirement")),
            policy=policy,
            about={place: one.about for place, (_, one) in enumerate(events) if one.about is not None},
            topics={place: one.topic for place, (_, one) in enumerate(events) if one.topic is not None},
        )

    def _policy(self, path: At, value: Data) -> Policy | None:
        """The policy of a text, None where there is none or it is wrong."""
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong(path, "the text of a policy is expected here: `policy: |`")
            return None
        policy, problems = examined_text(value, self._file)
        first = self._tree.at(path)[0]
        for problem in problems:
            if not problem.warning:
                message = f"{problem.field}: {problem.message}" if problem.field else problem.message
                self.faults.append(Fault(first + problem.line, 1, path, message, problem.suggestion))
        return policy

    def _policies(self, path: At, value: Data, emits: tuple[str, ...]) -> dict[str, tuple[str, str]]:
        """The policies that decisions may have hold, by name: version and text. What feeds tell of is the story's to say."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._wrong(path, "policies by name are expected here: `next: |`")
            return {}
        found: dict[str, tuple[str, str]] = {}
        for name, text in value.items():
            policy = self._policy((*path, name), text)
            if policy is not None and isinstance(text, str):
                whole = f"{text.rstrip()}\nemits: [{', '.join((EMITTED, *emits))}]\n" if policy.learns else text
                active = examined_text(whole, self._file)[0]
                found[name] = ("" if active is None else active.version, whole)
        return found

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

    def _events(self, path: At, value: Data, times: Times, scene: Scene) -> Iterator[tuple[int, StoryEvent]]:
        for number, (line, text) in enumerate(self._rows(path, value)):
            try:
                yield line, event_in(text, number, times, scene)
            except BadLineError as error:
                self._fault(line, path, error)

    def _expected(self, path: At, value: Data, times: Times, kinds: tuple[str, ...]) -> tuple[Expected, ...]:
        found = Expecting(times, kinds)
        for line, text in self._rows(path, value):
            try:
                found.take(line, text)
            except BadLineError as error:
                self._fault(line, path, error)
        return found.all()
