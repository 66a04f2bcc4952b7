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
LIFE: Final = frozenset(("order.cancelled", "order.reinstated", "payment.failed", "payment.authorized", "payment.captured"))
"""What tells whether an order is wanted."""
REMEMBERED: Final = 2 * DAY
"""How long an order that was cancelled or declined waits for one that repeats it."""
REPEATED: Final = 30 * DAY
"""How long an order that another one repeats is followed: a declined one is often paid for days later."""
_GONE, _BACK, _FAILED, _PAID = range(4)


@dataclass(slots=True)
class TwinLife:
    """What is known of an order that was cancelled or declined, or that another one repeats: instants (µs), and the later orders."""

    signs: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(instant, what)."""
    later: dict[str, tuple[int, tuple[Evidence, ...]]] = field(default_factory=dict[str, tuple[int, tuple[Evidence, ...]]])
    """When each was placed, and what shows that they are alike."""

    def over(self) -> int | None:
        """Since when the order is not wanted; None while it is."""
        gone = declined = None
        paid = False
        for at, what in sorted(self.signs):
            if what == _GONE:
                gone = at if gone is None else gone
            elif what == _BACK:
                gone = None
            elif what == _PAID:
                paid, declined = True, None
            elif not paid:
                declined = at if declined is None else declined
        known = [at for at in (gone, declined) if at is not None]
        return min(known, default=None)


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
        over = life.over()
        if over is None:
            return [head]
        if over <= finding.at:
            return []
        ended = ResolvedEvent(
            head.log, head.topic, head.partition, head.offset, head.sub + 1, head.tenant, head.order, replace(finding, at=over, kind=OVER)
        )
        return [head, ended]

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
            if what in {_BACK, _PAID}:
                return []
            table.set(key, life := TwinLife())
        if (record.at, what) in life.signs:
            return []
        before = life.over()
        life.signs.append((record.at, what))
        table.touched(key)
        over = life.over()
        if over == before:
            return []
        found: list[ResolvedEvent] = []
        for later, (at, proof) in life.later.items():
            kind, since = (SUSPECTED, at) if over is None else (OVER, over)
            cited = proof if over is None else (evidence(record),)
            finding = noted(head.log, since, record, order=later, kind=kind, scope_id=None, proof=cited, others=(key[1],))
            found.append(put(head, record, later, finding))
        return found

    def _advance(self, log: int) -> None:
        self.alone.advance(log)
        self.followed.advance(log)


def _what(record: Record) -> int | None:
    event = record.event
    match event.type:
        case "order.cancelled":
            return None if cast("OrderCancel", event.data).lines else _GONE
        case "order.reinstated":
            return _BACK
        case "payment.failed":
            return None if cast("PaymentFailed", event.data).stage in {"capture", "refund"} else _FAILED
        case _:
            return _PAID
