"""Sources that have fallen silent against their own pace, though no feed names them: which deadlines wait for them, and until when.

The identity step finds out and tells every shard (`core.identity.paces`). While all that would tell a milestone of an order are silent, the
clock of what waits for that milestone stands still at their last word. When one of them speaks again it goes on from there, for what was
booked meanwhile is told by and by, and after `catch_up` it shows the right time again. So what fell due an hour after the last word is
decided an hour after the next. Nothing waits for longer than `longest`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final
from uuid import uuid5
from zlib import crc32

import msgspec
from msgspec import Struct

from dataflows.core.clocks import Span
from dataflows.core.engine.exceptions import NAMESPACE, ExceptionState, event
from dataflows.core.history.facts import Facts
from dataflows.core.policy import PacePolicy
from schemas.instants import HOUR, iso
from schemas.learned import PACE_OF, PACED
from schemas.output import OutputRecord
from schemas.record import Silences

VERSION: Final = 1
BY: Final = " by "
ANYBODY: Final = "anybody"
"""All sources of a milestone together. No source is called so: each has a first part."""
PAYMENTS: Final = "payment."
EVERY: Final = "every source of payments"
"""The same in words."""


class Silence(Struct, array_like=True):
    """One silence, in µs of log time; its fields are stored data."""

    since: int
    """The last word before it."""
    known: int
    """When it was known to be one."""
    ended: int | None = None


class SilentSources:
    """The silences that a shard knows, each by a name that says of what; `terms`: None, there are none.

    `place`: which shard of how many this is; one of them speaks of a source. `feed_of`: the declared feed of a source.
    """

    def __init__(self, terms: PacePolicy | None, place: tuple[int, int], feed_of: Callable[[str], str | None]) -> None:
        self._terms = terms or PacePolicy()
        self._guards = terms is not None
        self._place = place
        self._feed_of = feed_of
        self._known: dict[str, Silence] = {}
        self._waiting: dict[str, set[str]] = {}
        self._asking: dict[str, None] = {}
        self.changed = False

    def __bool__(self) -> bool:
        """Whether anything may wait."""
        return bool(self._known)

    def take(self, said: Silences) -> tuple[list[OutputRecord], list[str], list[str]]:
        """Takes in what begins and ends: what this shard says of it, and the keys of two sorts of orders.

        Those that have waited for the next word, and those that ask for what may rest on a source that has fallen silent.
        """
        catch_up = self._terms.catch_up
        self._known = {name: one for name, one in self._known.items() if one.ended is None or said.log < one.ended + catch_up}
        freed: set[str] = set()
        lines: list[OutputRecord] = []
        for change in said.changes:
            name = _name(said.tenant, said.milestone, change.source)
            if not change.over:
                self._known[name] = Silence(change.since, said.log)
                self._waiting[name] = set()
            elif name in self._known:
                self._known[name].ended = said.log
                freed |= self._waiting.pop(name, set())
            if change.source and name in self._known and self._speaks(change.source):
                lines.append(_line(said, change.source, self._known[name]))
        self.changed = True
        doubtful: list[str] = []
        if any(not change.over for change in said.changes):
            doubtful, self._asking = sorted(self._asking), {}
        return lines, sorted(freed), doubtful

    def _speaks(self, source: str) -> bool:
        number, total = self._place
        return crc32(source.encode()) % total == number and self._feed_of(source) is None

    def of(self, facts: Facts, milestones: Iterable[str], domains: Iterable[str], now: int) -> tuple[str, ...]:
        """The silences that what waits for a milestone of an order waits for, given the first parts of the sources that would tell it.

        Those of the sources that have spoken of the order, if all of them are or were silent, else of all that tell the milestone.
        """
        found: list[str] = []
        prefixes = tuple(f"/{domain}/" for domain in domains)
        for milestone in dict.fromkeys(PACE_OF[each] for each in milestones if each in PACE_OF):
            own = [_name(facts.tenant, milestone, source) for source in sorted(facts.voices.sources) if source.startswith(prefixes)]
            named = own if own and all(self._lasts(name, now) for name in own) else [_name(facts.tenant, milestone, "")]
            found += [name for name in named if self._lasts(name, now)]
        return tuple(found)

    def under(self, facts: Facts, state: ExceptionState, milestones: Iterable[str], domains: Iterable[str]) -> dict[str, int]:
        """The silent sources on which an exception rests, in words, with since when that is known: who told what it is about payments.

        And who would tell what its rule waits for.
        """
        tellers = {each.source for each in state.evidence if each.type.startswith(PAYMENTS) and self._feed_of(each.source) is None}
        names = {_name(facts.tenant, milestone, source) for milestone in PACED for source in tellers}
        names.update(self.of(facts, milestones, domains, facts.now))
        known = {name: since for name in names if (since := self.since(name)) is not None}
        return {EVERY if name.endswith(BY + ANYBODY) else name.rpartition(BY)[2]: since for name, since in known.items()}

    def watch(self, key: str, *, asks: bool) -> None:
        """Notes whether an order asks for what may rest on a source: whether it does is seen when one falls silent."""
        if not asks:
            self._asking.pop(key, None)
        elif self._guards:
            self._asking[key] = None

    def _lasts(self, name: str, now: int) -> bool:
        known = self._known.get(name)
        return known is not None and (known.ended is None or now < known.ended + self._terms.catch_up)

    def since(self, name: str) -> int | None:
        """Since when a source is known to be silent; None if it is not."""
        known = self._known.get(name)
        return None if known is None or known.ended is not None else known.known

    def horizon(self, name: str, now: int) -> int:
        """Which deadlines have been decided by now: the last of them."""
        known = self._known[name]
        if known.ended is None:
            return max(known.since, now - self._terms.longest)
        return known.since + now - known.ended

    def decides(self, name: str, at: int, now: int) -> int | None:
        """When a deadline is decided (log time); None while that is for the next word to say."""
        known = self._known.get(name)
        if known is None or at <= known.since:
            return at
        last = at + self._terms.longest
        if known.ended is None:
            return last if last <= now else None
        return min(max(at, known.ended + min(at - known.since, self._terms.catch_up)), last)

    def expect(self, key: str, waits: Mapping[str, int]) -> None:
        """Notes what an order waits for, in place of what it waited for before."""
        for name, waiting in self._waiting.items():
            if name in waits:
                waiting.add(key)
            else:
                waiting.discard(key)

    def view(self) -> list[tuple[str, int | None, bool, int]]:
        """For metrics, as `Feeds.view` of a declared feed: each source that is or was just silent. Changes nothing."""
        found: dict[str, tuple[str, int | None, bool, int]] = {}
        for name, known in list(self._known.items()):
            owed, _, source = name.rpartition(BY)
            if source == ANYBODY:
                continue
            silent = known.ended is None
            waiting = self._waiting.get(name, set()) | self._waiting.get(owed + BY + ANYBODY, set()) if silent else ()
            if source not in found or silent:  # Of several tenants that it serves it may be silent for one.
                found[source] = (source, known.since, silent, len(waiting))
        return list(found.values())

    def last(self, at: int) -> int:
        """Until when a deadline waits at most."""
        return at + self._terms.longest

    # state

    def row(self) -> bytes:
        """What must be kept, as versioned plain data; which orders wait stands with the orders."""
        return msgspec.msgpack.encode([VERSION, sorted(self._known.items())])

    def restore(self, row: bytes) -> None:
        """Goes on from what `row` said.

        Raises:
            ValueError: if it was written by a later version.
        """
        version, known = msgspec.msgpack.decode(row)
        if version != VERSION:
            raise ValueError(f"silent sources of version {version}, this program reads version {VERSION}")
        self._known = {name: msgspec.convert(one, Silence) for name, one in known}
        self._waiting = {name: set() for name, one in self._known.items() if one.ended is None}
        self.changed = False


def of_payments(state: ExceptionState, awaits: Iterable[str]) -> bool:
    """Whether an exception may rest on a source of payments: by what was told, or by the milestones that its rule waits for."""
    return any(each.type.startswith(PAYMENTS) for each in state.evidence) or not PACE_OF.keys().isdisjoint(awaits)


def _name(tenant: str, milestone: str, source: str) -> str:
    return f"{tenant}: {milestone}{BY}{source or ANYBODY}"


def _line(said: Silences, source: str, known: Silence) -> OutputRecord:
    """One line of the incident, as of a feed that the policy declares."""
    incident = uuid5(NAMESPACE, "\x1f".join(("silent", said.tenant, said.milestone, source, str(known.known))))
    type_, number, status = ("feed.stale", 1, "open") if known.ended is None else ("feed.recovered", 2, "resolved")
    data: dict[str, object] = {
        "feed": source,
        "mark": iso(known.since),
        "stale_since": iso(known.known),
        "silence": str(Span((known.known - known.since) // HOUR * HOUR, "us")),
        "cadence": None,
        "owner": None,
        "milestone": said.milestone,
    }
    body = event(said.tenant, source, type_, f"{incident}:{number}", said.log, data)
    return OutputRecord(said.log, source, "incidents", type_, type_, body, kind=type_, status=status, data=data)
