"""Monitored feeds as one shard knows them: how far each has spoken, which orders wait for it, and whether it has fallen silent.

A deadline that depends on a feed is decided once the feed has spoken past it, so that a silent feed is one incident and not an exception
on each of its orders. Everything here follows from the log: watermarks stand in it like records, and all times are log times in µs, UTC.

A shard is given watermarks in runs (`add`) and takes them in only where it has to know: when a deadline asks, and at the instants at which
orders need wait no longer, which are looked up ahead. The shard that raises a feed's incident is besides given each watermark of it in its
place in the log (`hear`), since silence may end with any of them. Both say the same: a watermark that was taken in already changes nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import uuid5
from zlib import crc32

import msgspec

from dataflows.core.clocks import Span
from dataflows.core.engine.exceptions import NAMESPACE, event
from dataflows.core.engine.feed_state import FeedState
from dataflows.core.engine.silences import SilentSources
from dataflows.core.engine.watermarks import NOWHERE, Pending, WatermarkRun
from dataflows.core.history.facts import Facts
from dataflows.core.history.voices import Voices
from dataflows.core.policy import Policy
from schemas.feeds import FeedOf
from schemas.instants import FAR, NEVER, iso
from schemas.output import OutputRecord
from schemas.record import FeedWatermark, Position

VERSION = 1
CARRIED = ("warehouse.label_created", "warehouse.shipped", "carrier.scan")
"""Events that show that an order has parcels."""


@dataclass(slots=True)
class Deferred:
    """What of one rule of an order waits for feeds.

    `armed`: since when each undecided deadline, by (scope, instant), is known to have passed; `feeds`: the feeds that must speak first,
    each with the earliest instant that it must pass.
    """

    armed: dict[tuple[str | None, int], int]
    feeds: dict[str, int]


class Feeds:
    """The feeds that a policy declares. `place`: which shard of how many this is; one of them raises a feed's incident."""

    def __init__(self, policy: Policy, place: tuple[int, int] = (0, 1)) -> None:
        number, total = place
        self.due = FAR
        """The next instant at which an order need wait no longer or a feed becomes stale."""
        self.own = frozenset(name for name in policy.feeds if crc32(name.encode()) % total == number)
        """The feeds whose incidents this shard raises."""
        self._known = {name: FeedState(terms, name in self.own) for name, terms in policy.feeds.items()}
        self._feed_of = FeedOf(self._known)
        self._domains: dict[str, list[str]] = {}
        for name in self._known:
            self._domains.setdefault(name.split("/")[1], []).append(name)
        self._began = FAR
        self._log = NEVER
        self._next = NOWHERE
        self._place: Position | None = NOWHERE
        self._asked: tuple[Voices | None, frozenset[str]] = (None, frozenset())
        self.silences = SilentSources(policy.pace, place, self._feed_of)
        """Sources that have fallen silent though no feed names them."""

    def __bool__(self) -> bool:
        """Whether any feed is declared."""
        return bool(self._known)

    @property
    def began(self) -> bool:
        """Whether the shard's log has begun."""
        return self._began != FAR

    # watermarks and silence

    def add(self, run: WatermarkRun) -> None:
        """Takes watermarks that stand in the log behind all that has been applied, in any order with what is pending."""
        for name, track in run.tracks.items():
            known = self._known.get(name)
            if known is not None and not known.own:
                known.pending.append(Pending(track))
        # The first record of each partition has one: what stands before the shard has told it when the log began.
        self._begin(run.marks[0].log)
        self._plan()

    def stand(self, place: Position) -> None:
        """Says where the item that is applied next stands in the log; needed only where watermarks were given in runs."""
        self._next = place

    def begin(self, log: int) -> None:
        """Notes that the next item of the log is applied: deadlines before it have been decided, and what stands before it is known.

        The first tells when the shard's log began: from then on a feed can be missed.
        """
        self._log, self._place = log, self._next
        if self._began == FAR:
            self._begin(log)
            self._plan()

    def _begin(self, log: int) -> None:
        self._began = min(self._began, log)
        for known in self._known.values():
            known.began = self._began

    def hear(self, mark: FeedWatermark) -> list[OutputRecord]:
        """Takes one watermark in; what was to happen before it must have happened. Says that the feed has recovered if it has."""
        known = self._known.get(mark.feed)
        if known is None:
            return []
        if known.pending:
            self._catch_up(known)  # What stands before it may have come in a later run.
        since = known.hear(mark)
        if known.queue:
            self.due = min(self.due, mark.log + known.terms.delay)
        if not known.own:
            return []
        if known.stale_since is None:
            self.due = min(self.due, known.stale_at)
        return [] if since is None else self._say(mark.feed, "feed.recovered", since, mark.log)

    def reach(self, at: int) -> tuple[list[OutputRecord], list[str]]:
        """Lets log time be `at`, whose records are all in: what is said of feeds, and the keys of the orders that need wait no longer."""
        self._log, self._place = at, None
        if at < self.due:
            return [], []
        said: list[OutputRecord] = []
        free: list[str] = []
        for name, known in self._known.items():
            queue, waiting = known.queue, known.waiting
            if queue:
                self._catch_up(known)
            while queue and queue[0][0] < known.counted:
                instant, key = heapq.heappop(queue)
                if waiting.get(key) == instant:
                    del waiting[key]
                    free.append(key)
            if known.own and known.stale_since is None and known.stale_at <= at:
                known.stale_since = at
                said += self._say(name, "feed.stale", at, at)
        self._plan()
        return said, free

    def settle(self, log: int) -> None:
        """Takes in all that has an earlier log time than `log`: nothing of it will be asked for again."""
        self._log, self._place = log, NOWHERE
        for known in self._known.values():
            self._catch_up(known)

    def _up_to_date(self, name: str) -> FeedState:
        known = self._known[name]
        if known.pending or known.logs:
            self._catch_up(known)
        return known

    def _catch_up(self, known: FeedState) -> None:
        """Brings what is known of a feed to the present position."""
        if known.pending:
            known.take(self._log, self._place)
        known.count(self._now)

    def _plan(self) -> None:
        self.due = FAR
        for known in self._known.values():
            if known.queue:
                self.due = min(self.due, self._frees(known))
            if known.own and known.stale_since is None:
                self.due = min(self.due, known.stale_at)

    def _frees(self, known: FeedState) -> int:
        """When the first order need wait no longer for a feed: never in the past, whatever has counted already."""
        return max(known.frees(), self._now + 1)

    @property
    def _now(self) -> int:
        """The last instant whose deadlines may have been decided: between records that of the present one has not."""
        return self._log if self._place is None else self._log - 1

    def _say(self, name: str, type_: str, since: int, log: int) -> list[OutputRecord]:
        """One line of the feed's incident. `since`: when it became stale."""
        known = self._known[name]
        terms = known.terms
        incident = uuid5(NAMESPACE, f"feed\x1f{name}\x1f{since}")
        data: dict[str, object] = {
            "feed": name,
            "mark": None if known.watermark == NEVER else iso(known.watermark),
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

        Of an order that no carrier has had and that has no label it is the warehouse that would tell that it left: a carrier that is
        silent holds its own parcels only.
        """
        if "carrier" in domains and not any(type_ in facts.t.by_type for type_ in CARRIED):
            domains = dict.fromkeys("warehouse" if domain == "carrier" else domain for domain in domains)
        found: list[str] = []
        for domain in domains:
            declared = self._domains.get(domain)
            if declared:
                concerned = self._concerned(facts)
                own = [name for name in declared if name in concerned]
                found += own or ([] if f"/{domain}" in concerned else declared)
        return tuple(found)

    def named(self, source: str) -> str | None:
        """The declared feed that a source belongs to."""
        return self._feed_of(source)

    def silent(self, name: str) -> int | None:
        """Since when a feed is stale, at the present place in the log; None if it is not."""
        return self._since(self._up_to_date(name)) if name in self._known else self.silences.since(name)

    def falls_silent(self, name: str) -> int:
        """When a feed is stale if it says nothing more; FAR if it is."""
        known = self._up_to_date(name)
        return known.stale_at if self._since(known) is None else FAR

    def _concerned(self, facts: Facts) -> frozenset[str]:
        """The declared feeds that have to do with an order, and the domains of the others; remembered for the order asked about last."""
        voices = facts.voices
        asked, concerned = self._asked
        if asked is not voices:
            spoken = {self._feed_of(source) or "/" + source.strip("/").partition("/")[0] for source in voices.sources}
            names = {name.casefold() for name in voices.names}
            concerned = frozenset(spoken) | {feed for feed in self._known if feed.rpartition("/")[2].casefold() in names}
            self._asked = (voices, concerned)
        return concerned

    def horizon(self, feeds: Iterable[str], now: int) -> int:
        """The last instant (µs of event time) that all these feeds have spoken past, as far as it counts yet."""
        known = self._known
        return min(self._up_to_date(name).counted - 1 if name in known else self.silences.horizon(name, now) for name in feeds)

    def decides(self, feeds: Iterable[str], at: int, armed: int, now: int) -> int | str:
        """When a deadline at `at` that depends on feeds can be decided: a log time, or the name of a feed that has not yet spoken past it.

        `armed`: since when it is known, if that is later than the deadline itself.
        """
        instant = armed
        for name in feeds:
            if name not in self._known:
                decided = self.silences.decides(name, at, now)
                if decided is None:
                    return name
                instant = max(instant, decided)
                continue
            known = self._up_to_date(name)
            instant = max(instant, armed + known.terms.delay)
            if known.counted <= at:
                if known.watermark <= at:
                    return name
                instant = max(instant, known.passes(at))
        return instant

    def until(self, name: str, at: int) -> int | None:
        """Until when a deadline waits for a feed at most; None: for one that is declared it waits for as long as that takes."""
        return None if name in self._known else self.silences.last(at)

    def has_passed(self, waits: Mapping[str, int]) -> bool:
        """Whether some feed has spoken past the instant that is waited for; one that is no longer declared always has."""
        return any(name not in self._known or self._up_to_date(name).counted > at for name, at in waits.items())

    # orders

    def expect(self, key: str, deferred: Iterable[Deferred]) -> None:
        """Notes what an order waits for, in place of what it waited for before."""
        waits: dict[str, int] = {}
        for each in deferred:
            for name, at in each.feeds.items():
                waits[name] = min(at, waits.get(name, at))
        for name, known in self._known.items():
            instant = waits.get(name)
            if instant is None:
                known.waiting.pop(key, None)
            elif known.waiting.get(key) != instant:
                known.waiting[key] = instant
                heapq.heappush(known.queue, (instant, key))
                if known.queue[0] == (instant, key):
                    self.due = min(self.due, self._frees(known))
        self.silences.expect(key, waits)

    def view(self) -> list[tuple[str, int | None, bool, int]]:
        """For metrics, per feed (a silent source too): its watermark (µs; None if it never spoke), whether it is stale, orders that wait.

        As of the last batch; changes nothing, so that it can be asked from any thread.
        """
        declared = [
            (name, None if known.watermark == NEVER else known.watermark, stale, len(known.waiting) if stale else 0)
            for name, known in self._known.items()
            for stale in (self._since(known) is not None,)
        ]
        return [*declared, *self.silences.view()]

    def _since(self, known: FeedState) -> int | None:
        """Since when a feed is stale. Only the shard that speaks of it hears of it at once; to others it follows from what they know."""
        if known.own or known.stale_since is not None:
            return known.stale_since
        return known.stale_at if known.stale_at <= self._now else None

    # state

    def row(self) -> bytes:
        """What must be kept, as versioned plain data; which orders wait stands with the orders."""
        feeds = [
            [
                *(name, known.watermark, known.counted, known.heard, list(zip(known.logs, known.ats, strict=True)), self._since(known)),
                *(known.recovered, known.held, known.limit),
            ]
            for name, known in self._known.items()
        ]
        return msgspec.msgpack.encode([VERSION, self._began, feeds])

    def restore(self, row: bytes) -> None:
        """Goes on from what `row` said; feeds that are no longer declared are left out.

        Raises:
            ValueError: if it was written by a later version.
        """
        version, began, feeds = msgspec.msgpack.decode(row)
        if version != VERSION:
            raise ValueError(f"feed state of version {version}, this program reads version {VERSION}")
        self._begin(began)
        for name, mark, counted, heard, recent, stale_since, *recovery in feeds:
            known = self._known.get(name)
            if known is not None:
                known.watermark, known.counted, known.heard, known.stale_since = mark, counted, heard, stale_since
                known.logs, known.ats = [log for log, _ in recent], [at for _, at in recent]
                if recovery:  # States of before that was waited for do not have it.
                    known.recovered, known.held, known.limit = recovery
        self._plan()
