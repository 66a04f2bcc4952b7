"""Monitored feeds as one shard knows them: how far each has spoken, which orders wait for it, and whether it has fallen silent.

A deadline that depends on a feed is decided once the feed has spoken past it, so that a silent feed is one incident and not an exception
on each of its orders. Everything here follows from the log: marks stand in it like records, and all times are log times in µs, UTC.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from uuid import uuid5
from zlib import crc32

import msgspec

from dataflows.core.clocks import Span
from dataflows.core.engine.exceptions import NAMESPACE, event
from dataflows.core.history.facts import Facts
from dataflows.core.policy import FeedPolicy, Policy
from schemas.feeds import FeedOf
from schemas.instants import iso
from schemas.output import OutputRecord
from schemas.record import FeedWatermark

VERSION = 1
NEVER = -(1 << 62)
"""The mark of a feed that has not spoken; earlier than every instant."""
FAR = 1 << 62
"""Later than every instant."""
_MARK = itemgetter(1)


@dataclass(slots=True)
class Deferred:
    """What of one rule of an order waits for feeds.

    `armed`: since when each undecided deadline, by (scope, instant), is known to have passed; `feeds`: the feeds that must speak first,
    each with the earliest instant that it must pass.
    """

    armed: dict[tuple[str | None, int], int]
    feeds: dict[str, int]


@dataclass(slots=True)
class _Known:
    """What is known of a feed.

    `mark` is the greatest, `heard` when it rose last, `counted` the greatest that was known `delay` ago; `recent` holds (log time, mark) of
    those that rose since. `waiting` maps the key of an order to the instant that it waits for, `queue` sorts them.
    """

    terms: FeedPolicy
    mark: int = NEVER
    counted: int = NEVER
    heard: int = NEVER
    recent: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    stale_since: int | None = None
    waiting: dict[str, int] = field(default_factory=dict[str, int])
    queue: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


class Feeds:
    """The feeds that a policy declares. `place`: which shard of how many this is; one of them raises a feed's incident."""

    def __init__(self, policy: Policy, place: tuple[int, int] = (0, 1)) -> None:
        number, total = place
        self.due = FAR
        """The next instant at which a mark begins to count or a feed becomes stale."""
        self._known = {name: _Known(terms) for name, terms in policy.feeds.items()}
        self._own = frozenset(name for name in self._known if crc32(name.encode()) % total == number)
        self._feed_of = FeedOf(self._known)
        self._domains: dict[str, list[str]] = {}
        for name in self._known:
            self._domains.setdefault(name.split("/")[1], []).append(name)
        self._began = FAR
        self._asked: tuple[Facts | None, frozenset[str]] = (None, frozenset())
        self.changed = bool(self._known)
        """Whether `row` would say anything new since it was last set to False."""

    def __bool__(self) -> bool:
        """Whether any feed is declared."""
        return bool(self._known)

    # marks and silence

    def begin(self, log: int) -> None:
        """Notes when the shard's log began: from then on a feed can be missed."""
        if self._began == FAR:
            self._began = log
            self._plan()

    def hear(self, mark: FeedWatermark) -> list[OutputRecord]:
        """Takes a mark in; what was to happen before it must have happened. Says that the feed has recovered if it has."""
        known = self._known.get(mark.feed)
        if known is None or mark.at <= known.mark:
            return []
        known.mark, known.heard = mark.at, mark.log
        known.recent.append((mark.log, mark.at))
        self.due = min(self.due, mark.log + known.terms.delay)
        self.changed = True
        said: list[OutputRecord] = []
        if known.stale_since is not None and mark.at + known.terms.silence > mark.log:
            said = self._say(mark.feed, "feed.recovered", known.stale_since, mark.log)
            known.stale_since = None
        if known.stale_since is None:
            self.due = min(self.due, self._stale_at(known))
        return said

    def reach(self, at: int) -> tuple[list[OutputRecord], list[str]]:
        """Lets log time be `at`, which is `due`: what is said of feeds, and the keys of the orders that need wait no longer."""
        said: list[OutputRecord] = []
        free: list[str] = []
        for name, known in self._known.items():
            recent, delay = known.recent, known.terms.delay
            while recent and recent[0][0] + delay <= at:
                known.counted = recent.pop(0)[1]
            queue, waiting = known.queue, known.waiting
            while queue and queue[0][0] < known.counted:
                instant, key = heapq.heappop(queue)
                if waiting.get(key) == instant:
                    del waiting[key]
                    free.append(key)
            if known.stale_since is None and self._stale_at(known) <= at:
                known.stale_since = at
                said += self._say(name, "feed.stale", at, at)
        self._plan()
        return said, free

    def _stale_at(self, known: _Known) -> int:
        since = self._began if known.mark == NEVER else known.mark
        return max(since + known.terms.silence, known.heard)

    def _plan(self) -> None:
        self.changed = True
        self.due = FAR
        for known in self._known.values():
            if known.recent:
                self.due = min(self.due, known.recent[0][0] + known.terms.delay)
            if known.stale_since is None:
                self.due = min(self.due, self._stale_at(known))

    def _say(self, name: str, type_: str, since: int, log: int) -> list[OutputRecord]:
        """One line of the feed's incident, if this is the shard that speaks for it. `since`: when it became stale."""
        if name not in self._own:
            return []
        known = self._known[name]
        terms = known.terms
        incident = uuid5(NAMESPACE, f"feed\x1f{name}\x1f{since}")
        data: dict[str, object] = {
            "feed": name,
            "mark": None if known.mark == NEVER else iso(known.mark),
            "stale_since": iso(since),
            "silence": str(Span(terms.silence, "us")),
            "cadence": None if terms.cadence is None else str(Span(terms.cadence, "us")),
            "owner": terms.owner,
        }
        number, status = (1, "open") if type_ == "feed.stale" else (2, "resolved")
        body = event("default", name, type_, f"{incident}:{number}", log, data)
        return [OutputRecord(log, name, "incidents", type_, type_, body, kind=type_, status=status, data=data)]

    # deadlines

    def of(self, domains: Iterable[str], facts: Facts) -> tuple[str, ...]:
        """The declared feeds that a deadline of an order depends on, given what its rule waits for (first parts of `source`).

        Of each domain those that have spoken of the order, and those named like a carrier or a site of it; where there are none, all,
        unless a source of the domain that is not declared has spoken of it: then the order's own is known, and nobody watches it.
        """
        found: list[str] = []
        for domain in domains:
            declared = self._domains.get(domain)
            if declared:
                concerned = self._concerned(facts)
                own = [name for name in declared if name in concerned]
                found += own or ([] if f"/{domain}" in concerned else declared)
        return tuple(found)

    def _concerned(self, facts: Facts) -> frozenset[str]:
        """The declared feeds that have to do with an order, and the domains of the others; remembered for the facts asked about last."""
        asked, concerned = self._asked
        if asked is not facts:
            names: set[str] = set()
            spoken: set[str] = set()
            for record in facts.t.records:
                source = record.event.source
                spoken.add(self._feed_of(source) or "/" + source.strip("/").partition("/")[0])
                for term in ("carrier", "site"):
                    name = getattr(record.event.data, term, None)
                    if isinstance(name, str):
                        names.add(name.casefold())
            concerned = frozenset(spoken) | {feed for feed in self._known if feed.rpartition("/")[2].casefold() in names}
            self._asked = (facts, concerned)
        return concerned

    def horizon(self, feeds: Iterable[str]) -> int:
        """The last instant (µs of event time) that all these feeds have spoken past, as far as it counts yet."""
        return min(self._known[name].counted for name in feeds) - 1

    def decides(self, feeds: Iterable[str], at: int, armed: int) -> int | str:
        """When a deadline at `at` that depends on feeds can be decided: a log time, or the name of a feed that has not yet spoken past it.

        `armed`: since when it is known, if that is later than the deadline itself.
        """
        instant = armed
        for name in feeds:
            known = self._known[name]
            delay = known.terms.delay
            instant = max(instant, armed + delay)
            if known.counted <= at:
                if known.mark <= at:
                    return name
                passed = bisect_right(known.recent, at, key=_MARK)
                instant = max(instant, known.recent[passed][0] + delay)
        return instant

    def has_passed(self, waits: Mapping[str, int]) -> bool:
        """Whether some feed has spoken past the instant that is waited for; one that is no longer declared always has."""
        known = self._known
        return any(name not in known or known[name].counted > at for name, at in waits.items())

    # orders

    def expect(self, key: str, parked: Iterable[Deferred]) -> None:
        """Notes what an order waits for, in place of what it waited for before."""
        waits: dict[str, int] = {}
        for each in parked:
            for name, at in each.feeds.items():
                waits[name] = min(at, waits.get(name, at))
        for name, known in self._known.items():
            instant = waits.get(name)
            if instant is None:
                known.waiting.pop(key, None)
            elif known.waiting.get(key) != instant:
                known.waiting[key] = instant
                heapq.heappush(known.queue, (instant, key))

    def view(self) -> list[tuple[str, int | None, bool, int]]:
        """For metrics, per feed: its name, its mark (µs; None if it never spoke), whether it is stale, orders that are parked for it."""
        return [
            (name, None if known.mark == NEVER else known.mark, stale, len(known.waiting) if stale else 0)
            for name, known in self._known.items()
            for stale in (known.stale_since is not None,)
        ]

    # state

    def row(self) -> bytes:
        """What must be kept, as versioned plain data; which orders wait stands with the orders."""
        feeds = [[name, known.mark, known.counted, known.heard, known.recent, known.stale_since] for name, known in self._known.items()]
        return msgspec.msgpack.encode([VERSION, self._began, feeds])

    def restore(self, row: bytes) -> None:
        """Goes on from what `row` said; feeds that are no longer declared are left out.

        Raises:
            ValueError: if it was written by a later version.
        """
        version, began, feeds = msgspec.msgpack.decode(row)
        if version != VERSION:
            raise ValueError(f"feed state of version {version}, this program reads version {VERSION}")
        self._began = began
        for name, mark, counted, heard, recent, stale_since in feeds:
            known = self._known.get(name)
            if known is not None:
                known.mark, known.counted, known.heard, known.stale_since = mark, counted, heard, stale_since
                known.recent = [(log, at) for log, at in recent]
        self._plan()
        self.changed = False
