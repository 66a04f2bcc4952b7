"""What an order says of itself: its fields, as they were placed and as they were changed."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

from tests.oracle.judging.learned import AT_ONCE, SCANS, Learned, place_of
from tests.oracle.judging.parcels import first
from tests.oracle.judging.reading import NEVER, Event, Json, Line, Money, lines_of, mapping, money, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.oracle.judging.settings import Policy, Setting

T = TypeVar("T")
TERMS = ("prepaid", "on_ship", "on_delivery", "invoice", "external")
METHODS = ("ship", "pickup", "local", "digital")


@dataclass(frozen=True, slots=True)
class Segment(Generic[T]):
    """A value and from when until when it was in force."""

    value: T
    start: int
    end: int


def patched(before: Json, patch: Json) -> dict[str, object]:
    """JSON Merge Patch (RFC 7396)."""
    after = dict(before)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            after[name] = patched(mapping(after, name), mapping(patch, name))
        else:
            after[name] = value
    return after


@dataclass
class Fields:
    """One order: its history without duplicates and withdrawn events, sorted by time, and its fields."""

    tenant: str
    id: str
    history: list[Event]
    policy: Policy
    reused: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    unresolved: list[Event] = field(default_factory=list[Event])
    twins: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """From when until when another order was the same."""
    learned: Learned = field(default_factory=Learned)
    """What the log had taught of who tells what."""
    part: bool = False
    """Whether another order was split into it and others."""

    def of(self, *types: str) -> list[Event]:
        """The events of the types, in history order."""
        return [event for event in self.history if event.type in types]

    def awaits(self, milestone: str, anchors: Iterable[Event] = (), of: Iterable[str | None] = ()) -> bool:
        """Whether a milestone is waited for, from some events on (none: from the placing): listed, or known to be told by then.

        `of`: the carriers or sites that would tell of it; none known: any.
        """
        emits = self.policy.emits
        if emits is not None:
            return milestone in emits or ("scans" in emits and milestone in SCANS)
        anchor = min(map(place_of, anchors), default=place_of(self.of("order.placed")[0]))
        return milestone in AT_ONCE or self.learned.knows(self.tenant, milestone, {one.casefold() for one in of if one}, anchor)

    def setting(self, kind: str) -> Setting:
        """The effective setting of a kind."""
        return self.policy.rules[kind]

    # --- order fields -----------------------------------------------------------------------------------------------

    @functools.cached_property
    def placed(self) -> int:
        """P."""
        return first(self.of("order.placed"))

    @functools.cached_property
    def told_fields(self) -> list[tuple[Event, dict[str, object]]]:
        """What changed the order's fields, with the fields after it.

        A placing of a cancelled order changes them like an update; any other further placing adds what has not been said.
        An update that is dated before the placing counts at the placing.
        """
        placing = self.of("order.placed")[0]
        found: list[tuple[Event, dict[str, object]]] = [(placing, patched({}, placing.data))]
        for event in self.of("order.placed", "order.updated"):
            before = found[-1][1]
            if event is placing:
                continue
            told = replace(event, at=placing.at) if event.at < placing.at else event
            if event.type == "order.updated" or any(event is start for start in self.reinstated):
                found.append((told, patched(before, event.data)))
            else:
                found.append((told, {**patched({}, event.data), **before}))
        return found

    @functools.cached_property
    def states(self) -> list[tuple[int, dict[str, object]]]:
        """The order's fields after each change of them."""
        return [(event.at, fields) for event, fields in self.told_fields]

    # --- cancelled, and wanted again --------------------------------------------------------------------------------

    @functools.cached_property
    def _turns(self) -> list[tuple[Event, Event | None]]:
        """Each event from which on the order was wanted, with the cancel that ended it. A cancel dated before the placing counts."""
        placing = self.of("order.placed")[0]
        events = self.of("order.placed", "order.reinstated", "order.cancelled")
        place = next(n for n, event in enumerate(events) if event is placing)
        early = [event for event in events[:place] if event.type == "order.cancelled"]
        found: list[tuple[Event, Event | None]] = [(placing, None)]
        for event in [*early, *events[place + 1 :]]:
            start, end = found[-1]
            if event.type == "order.cancelled":
                if not event.lines and end is None:
                    found[-1] = (start, event)
            elif end is not None:
                found.append((event, None))
        return found

    @property
    def reinstated(self) -> list[Event]:
        """What made the order wanted again."""
        return [start for start, _ in self._turns[1:]]

    @property
    def lives(self) -> list[tuple[int, int]]:
        """From when until when the order was wanted: from its placing, and again from each reinstatement after a cancel."""
        return [(start.at, NEVER if end is None else end.at) for start, end in self._turns]

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """When the order was cancelled and not yet wanted again."""
        return [(end, start) for (_, end), (start, _) in pairwise(self.lives)]

    @property
    def latest(self) -> dict[str, object]:
        """The fields after all changes."""
        return self.states[-1][1]

    def segments(self, value: Callable[[Json], T]) -> list[Segment[T]]:
        """The values that something about the fields had, each with the time that it was in force."""
        found: list[Segment[T]] = []
        for (start, fields), end in zip(self.states, [*(at for at, _ in self.states[1:]), NEVER], strict=True):
            now = value(fields)
            if found and found[-1].value == now:
                found[-1] = Segment(now, found[-1].start, end)
            else:
                found.append(Segment(now, start, end))
        return found

    @property
    def terms(self) -> str:
        """Latest payment terms; what an order was split into is paid with that order."""
        terms = text(self.latest, "payment_terms")
        terms = terms if terms in TERMS else "prepaid"
        return "external" if self.part and terms in ("prepaid", "on_ship") else terms

    @property
    def method(self) -> str:
        """Latest method of delivery."""
        method = text(self.latest, "method")
        return method if method in METHODS else "ship"

    @functools.cached_property
    def lines(self) -> list[Line]:
        """Latest lines as ordered."""
        return lines_of(self.latest)

    @property
    def total(self) -> Money | None:
        """Latest total."""
        return money(self.latest, "total")
