"""One shard: its orders, the heap of their deadlines, and the sequence of what it says.

A shard is a function of the records that it is given in log order and of log time passing between them: a deadline fires after every
record of its instant. `Orders` keeps the open ones, `Tombs` what closed ones leave behind.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataflows.core.engine import CLOSE, Engine
from dataflows.core.order import Order
from dataflows.core.orders import HOT, Orders
from dataflows.core.tombs import Tombs
from dataflows.core.verdicts import Out
from schemas.record import Note, Record

if TYPE_CHECKING:
    from dataflows.core.policy import Policy


@dataclass(slots=True)
class Counts:
    """What a shard has counted since it began."""

    records: int = 0
    duplicates: int = 0
    orders: int = 0
    closed: int = 0
    rejected: dict[str, int] = field(default_factory=dict[str, int])


class Shard:
    """Orders of one shard under one policy. `hot` bounds how many are kept unpacked."""

    def __init__(self, policy: Policy, hot: int = HOT) -> None:
        self.policy = policy
        self.engine = Engine(policy)
        self.counts = Counts()
        self._orders = Orders(self.engine.restored, hot)
        self._tombs = Tombs()
        self._heap: list[tuple[int, str]] = []
        self._out: list[Out] = []

    def __len__(self) -> int:
        """How many orders are open."""
        return len(self._orders)

    def drain(self) -> list[Out]:
        """What was said since the last call, in order."""
        out, self._out = self._out, []
        return out

    def apply(self, record: Record | Note) -> None:
        """Takes one record or note; they must come in log order. Deadlines before it are fired first."""
        if self._heap and self._heap[0][0] < record.log:
            self.advance(record.log, inclusive=False)
        if isinstance(record, Note):
            self._note(record)
            return
        self.counts.records += 1
        event = record.event
        key = f"{event.tenant}\x1f{record.order}"
        order = self._orders.find(key)
        if order is None:
            order = self._open(key, record)
            if order is None:
                return
        said = self.engine.take(order, record)
        record.raw = b""
        if said is None:
            self.counts.duplicates += 1
            return
        if said:
            self._out.extend(said)
        pending = order.pending
        if CLOSE not in pending:
            pending[CLOSE] = record.log + self._patience(order)
        wake = min(pending.values())
        if wake < order.wake or not order.wake:
            order.wake = wake
            heapq.heappush(self._heap, (wake, key))

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Lets log time pass to `to`: fires the deadlines before it and, if `inclusive`, those at it (all its records must be in)."""
        heap = self._heap
        while heap and (heap[0][0] < to or (inclusive and heap[0][0] == to)):
            at, key = heapq.heappop(heap)
            order = self._orders.find(key)
            if order is None or order.wake != at:
                continue
            self._out.extend(self.engine.wake(order, at))
            if order.pending.get(CLOSE, to) <= at and self._close(key, order, at):
                continue
            order.wake = min(order.pending.values())
            heapq.heappush(heap, (order.wake, key))
        self._tombs.evict(to)

    def find(self, tenant: str, order: str) -> Order | None:
        """An open order; None if it is unknown or closed."""
        return self._orders.find(f"{tenant}\x1f{order}")

    def _patience(self, order: Order) -> int:
        """How long an order may be silent before it is seen whether it can be closed, µs."""
        retention = self.policy.retention
        return retention.close_after if order.placed else retention.expire_unknown

    def _open(self, key: str, record: Record) -> Order | None:
        """A new order for a record; None if the record is too old or belongs to a closed order."""
        tomb = self._tombs.find(key, record.log)
        if tomb is not None:
            if tomb.knows(record):
                self.counts.duplicates += 1
            else:
                self._reject(record, "order_closed", "the order was closed and forgotten")
            return None
        if record.log - record.at > self.policy.retention.dedupe:
            self._reject(record, "too_old", "an unknown order's event is older than the horizon")
            return None
        self.counts.orders += 1
        order = Order(record.event.tenant, record.order)
        self._orders.add(key, order)
        return order

    def _note(self, note: Note) -> None:
        key = f"{note.tenant}\x1f{note.order}"
        order = self._orders.find(key)
        if order is not None:
            self._out.extend(self.engine.note(order, note))

    def _close(self, key: str, order: Order, now: int) -> bool:
        """Closes a silent order with nothing open and nothing expected; else says when to see again."""
        again = order.last_log + self._patience(order)
        if again > now or len(order.pending) > 1 or (order.live and order.placed):
            order.pending[CLOSE] = again if again > now else now + self._patience(order)
            return False
        timeline = order.timeline
        self._tombs.add(key, now + self.policy.retention.dedupe, (*timeline.records, *timeline.hidden))
        self._orders.drop(key)
        self.counts.closed += 1
        return True

    def _reject(self, record: Record, reason: str, detail: str) -> None:
        self.counts.rejected[reason] = self.counts.rejected.get(reason, 0) + 1
        place: dict[str, object] = {
            "reason": reason,
            "detail": detail,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
        }
        key = self.engine.publisher.key(record.log)
        self._out.append(Out(record.log, record.order, "rejects", "reject", key, record.raw, data=place))
