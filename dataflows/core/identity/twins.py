"""Whether an order that another one repeats is still wanted: one that was cancelled or declined is nobody's twin.

The shard of the earlier order decides, since what ends it comes in under its name, before the later one is placed or after.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, cast

from msgspec.structs import replace

from dataflows.core.identity.items import ResolvedEvent, evidence, noted, put, record_of
from dataflows.core.identity.recent import Recent
from schemas.events import OrderCancel, PaymentFailed
from schemas.instants import DAY
from schemas.record import Evidence, IdentityFinding, Record

SUSPECTED: Final = "order.duplicate_suspected"
OVER: Final = "order.duplicate_over"
"""No kind of exception: from `at` on the orders that a finding names are repeated no more."""
LIFE: Final = frozenset(("order.placed", "order.cancelled", "order.reinstated", "payment.failed", "payment.authorized", "payment.captured"))
"""What tells whether an order is wanted."""
REMEMBERED: Final = 2 * DAY
"""How long an order that was cancelled or declined waits for one that repeats it."""
REPEATED: Final = 30 * DAY
"""How long an order that another one repeats is followed: a declined one is often paid for days later."""
_GONE, _BACK, _FAILED, _PAID, _PLACED = range(5)
Lapse = tuple[int, "int | None"]
"""From when until when (None: still) an order was not wanted."""


@dataclass(slots=True)
class TwinLife:
    """What is known of an order that was cancelled or declined, or that another one repeats: instants (µs), and the later orders."""

    signs: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(instant, what)."""
    later: dict[str, tuple[int, tuple[Evidence, ...]]] = field(default_factory=dict[str, tuple[int, tuple[Evidence, ...]]])
    """When each was placed, and what shows that they are alike."""

    def lapses(self, since: int) -> list[Lapse]:
        """When the order was not wanted, as far as that is not over by `since`; a placing after that is one of a cancelled order."""
        gone = declined = paid = False
        found: list[Lapse] = []
        begun: int | None = None
        for at, what in sorted(self.signs):
            if what == _GONE:
                gone = True
            elif what == _BACK or (what == _PLACED and at > since):
                gone = False
            elif what == _PAID:
                paid, declined = True, False
            elif what == _FAILED and not paid:
                declined = True
            if begun is None and (gone or declined):
                begun = at
            elif begun is not None and not (gone or declined):
                found.append((begun, at))
                begun = None
        if begun is not None:
            found.append((begun, None))
        return [(start, end) for start, end in found if start != end and (end is None or end > since)]


class Lives:
    """The orders of one shard, by tenant and ID: those that are over, and those that another one repeats.

    They are forgotten some time after they were last spoken of.
    """

    def __init__(self) -> None:
        self.alone: Recent[tuple[str, str], TwinLife] = Recent(REMEMBERED)
        self.followed: Recent[tuple[str, str], TwinLife] = Recent(REPEATED)

    def see(self, head: Record | ResolvedEvent, order: str) -> list[ResolvedEvent]:
        """Takes in that another order repeats this one, or what became of it."""
        if isinstance(head, ResolvedEvent) and isinstance(head.item, IdentityFinding):
            return self.repeated(head, order)
        return self.note(head, cast("Record", record_of(head)))

    def repeated(self, head: ResolvedEvent, earlier: str) -> list[ResolvedEvent]:
        """Takes in that an order repeats `earlier`; returns what is said of that."""
        self._advance(head.log)
        finding = cast("IdentityFinding", head.item)
        key = (finding.tenant, earlier)
        life = self.followed.get(key) or self.alone.pop(key) or TwinLife()
        life.later[finding.order] = (finding.at, finding.evidence)
        self.followed.set(key, life)
        lapses = life.lapses(finding.at)
        if lapses and lapses[0][0] <= finding.at and lapses[0][1] is None:
            return []
        return _changed(head, finding, lapses)

    def note(self, head: Record | ResolvedEvent, record: Record) -> list[ResolvedEvent]:
        """Takes in what became of an order; returns what that says of those which repeat it."""
        what = _what(record)
        if what is None:
            return []
        self._advance(head.log)
        key = (record.event.tenant, record.order)
        life = self.followed.get(key)
        table = self.alone if life is None else self.followed
        life = life or table.get(key)
        if life is None:
            if what in {_BACK, _PAID, _PLACED}:
                return []
            table.set(key, life := TwinLife())
        if (record.at, what) in life.signs:
            return []
        before = {later: life.lapses(at) for later, (at, _) in life.later.items()}
        life.signs.append((record.at, what))
        table.touched(key)
        found: list[ResolvedEvent] = []
        for later, (at, proof) in life.later.items():
            lapses = life.lapses(at)
            if lapses != before[later]:
                cited = (*proof, evidence(record))
                finding = noted(head.log, at, record, order=later, kind=SUSPECTED, scope_id=None, proof=cited, others=(key[1],))
                found += _changed(put(head, record, later, finding), finding, lapses)
        return found

    def _advance(self, log: int) -> None:
        self.alone.advance(log)
        self.followed.advance(log)


def _changed(head: ResolvedEvent, finding: IdentityFinding, lapses: list[Lapse]) -> list[ResolvedEvent]:
    """That an order repeats another, then each time that the other was not wanted, and was again; `head` stands where the first is said."""
    found = [head]
    for start, end in lapses:
        found.append(_next(found[-1], replace(finding, kind=OVER, at=start)))
        if end is not None:
            found.append(_next(found[-1], replace(finding, at=end)))
    return found


def _next(before: ResolvedEvent, finding: IdentityFinding) -> ResolvedEvent:
    place = (before.log, before.topic, before.partition, before.offset, before.sub + 1)
    return ResolvedEvent(*place, before.tenant, before.order, finding)


def _what(record: Record) -> int | None:
    event = record.event
    match event.type:
        case "order.cancelled":
            return None if cast("OrderCancel", event.data).lines else _GONE
        case "order.placed":
            return _PLACED
        case "order.reinstated":
            return _BACK
        case "payment.failed":
            return None if cast("PaymentFailed", event.data).stage in {"capture", "refund"} else _FAILED
        case _:
            return _PAID
