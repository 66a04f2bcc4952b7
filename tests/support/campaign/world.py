"""Orders that go wrong within seconds, and the policy that says so: deadlines fire in real time while a test runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

POLICY = """\
name: campaign
emits: [placed, captured, shipped, scans]
feeds:
  /carrier: {delay: 1 s, silence: 4 s}
rules:
  '*': {switch: off, grace: 0 s, suppressed_by: [], feeds: [], steps: []}
  payment.capture_overdue: {switch: on, anchor: placed, threshold: 2 s}
  payment.declined_hard: {switch: on}
  fulfilment.ship_overdue: {switch: on, fallback: {anchor: captured, threshold: 3 s}}
  shipment.first_scan_missing: {switch: on, threshold: 3 s, feeds: [carrier], steps: [{at: 2 s, severity: low}]}
  shipment.scan_gap: {switch: on, threshold: 4 s, international: 4 s, feeds: [carrier], suppressed_by: [shipment.damaged]}
  shipment.damaged: {switch: on}
  data.orphan_signal: {switch: on, threshold: 4 s}
"""
ACTIONS = """\
actions:
  quiet_hours: 'off'
  approval_timeout: 6 s
  approve_within: 3 s
  approvers: {'*': [approver]}
  budgets: [{rule: payment.declined_hard, most: 200}, {action: trace_parcel, most: 300}]
ladders: {default: {steps: [{wait: 2 s, role: lead}, {wait: 2 s, team: OPS}]}}
guardrails: {held: {when: any parcel (parcel.status == damaged)}}
"""
"""What is said of actions where they are decided about."""
LONGEST = 8.0
"""Seconds after the last event of an order until every deadline of it has passed, the carrier's delay included."""
SILENT_EVERY, SILENT_FOR = 40.0, 7.0
"""The carrier is silent for so many seconds out of so many, longer than the policy allows; what it has to say comes afterwards."""


@dataclass(frozen=True, order=True)
class Line:
    """A record to be written: at `at`, seconds since the epoch."""

    at: float
    number: int
    key: bytes
    value: bytes


@dataclass
class World:
    """Makes up orders; the same lots make up the same ones. Times are seconds since the epoch."""

    rng: Random
    orders: int = 0
    lines: int = 0

    def order(self, start: float) -> Iterator[Line]:
        """The records of the next order, placed at `start`; they are not sorted."""
        self.orders += 1
        order = Order(self, f"C-{self.orders:06d}", start)
        yield from self.rng.choice(FATES)(order)

    def heartbeat(self, at: float) -> Line:
        """The carrier is alive; says nothing while the carrier is silent."""
        return self.line(
            carrier_speaks(at), b"carrier", {"type": "feed.heartbeat", "source": "/carrier/acme", "time": instant(at), "data": {}}
        )

    def line(self, at: float, key: bytes, event: dict[str, object]) -> Line:
        """An event as a record."""
        self.lines += 1
        return Line(at, self.lines, key, json.dumps({"specversion": "1.0", "id": f"e-{self.lines}", **event}).encode())


class Order:
    """One order whose events are about to be made up. `happened` and `told` are seconds after it was placed."""

    def __init__(self, world: World, name: str, start: float) -> None:
        self.rng = world.rng
        self._world, self.name, self._start = world, name, start
        self._tracking = f"T{name}"

    def event(self, kind: str, source: str, happened: float, told: float | None = None, /, **data: object) -> Line:
        """An event that names the order."""
        return self._line({"type": kind, "subject": self.name}, source, happened, told, data)

    def placed(self) -> Line:
        """The order, without dates: its deadlines count from what happens to it."""
        lines = [{"line_id": "1", "sku": "LAMP", "quantity": 1}]
        return self.event("order.placed", "/storefront/acme", 0, total=money(), ship_to={"country": "NL"}, lines=lines)

    def captured(self, happened: float = 0.4, told: float | None = None) -> Line:
        """Its payment."""
        return self.event("payment.captured", "/payments/acme", happened, told, payment_id=f"P{self.name}", amount=money())

    def shipped(self, happened: float = 0.8, told: float | None = None) -> Line:
        """Its only parcel."""
        data: dict[str, object] = {"shipment_id": f"S{self.name}", "site": "ams1", "carrier": "acme", "tracking_number": self._tracking}
        return self.event("warehouse.shipped", "/warehouse/ams1", happened, told, **data)

    def scan(self, status: str, happened: float, told: float | None = None) -> Line:
        """A scan of its parcel, which knows the tracking number alone."""
        data: dict[str, object] = {"status": status, "tracking_number": self._tracking, "carrier": "acme"}
        return self._line({"type": "carrier.scan"}, "/carrier/acme", happened, told, data)

    def rubbish(self) -> Line:
        """A record that nobody can read."""
        self._world.lines += 1
        return Line(self._start + self.rng.random(), self._world.lines, self.name.encode(), b'{"specversion": "1.0", "id": "cut off')

    def again(self, line: Line) -> Line:
        """The same record a moment later."""
        return Line(line.at + self.rng.random(), line.number, line.key, line.value)

    def _line(self, who: dict[str, object], source: str, happened: float, told: float | None, data: dict[str, object]) -> Line:
        at = self._start + (happened if told is None else told) + self.rng.random() / 10
        at = carrier_speaks(at) if source.startswith("/carrier") else at
        key = str(who.get("subject", self._tracking)).encode()
        return self._world.line(at, key, {**who, "source": source, "time": instant(self._start + happened), "data": data})


def carrier_speaks(at: float) -> float:
    """When the carrier says what it would say at `at`: then, or when its silence is over."""
    into = at % SILENT_EVERY
    return at if into >= SILENT_FOR else at - into + SILENT_FOR


def instant(at: float) -> str:
    """RFC 3339."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def money() -> dict[str, str]:
    """What every order costs."""
    return {"amount": "10.00", "currency": "EUR"}


def smooth(order: Order) -> Iterator[Line]:
    """All goes well, or nearly: now and then a record comes twice, or one that nobody can read."""
    yield from (order.placed(), order.captured(), order.scan("accepted", 1.2), order.scan("delivered", 2.5))
    yield (shipped := order.shipped())
    if order.rng.random() < 0.3:
        yield order.again(shipped)
    if order.rng.random() < 0.1:
        yield order.rubbish()


def paid_late(order: Order) -> Iterator[Line]:
    """Raised, then resolved."""
    yield from (order.placed(), order.captured(4.0), order.shipped(4.5), order.scan("delivered", 5.0))


def paid_in_time_told_late(order: Order) -> Iterator[Line]:
    """Raised, then retracted: it had been paid in time."""
    yield from (order.placed(), order.captured(1.0, told=4.0), order.shipped(4.2), order.scan("delivered", 4.6))


def never_paid(order: Order) -> Iterator[Line]:
    """Declined for good, and no payment comes."""
    yield order.placed()
    yield order.event("payment.failed", "/payments/acme", 0.5, payment_id=f"P{order.name}", stage="authorization", decline="hard")


def never_shipped(order: Order) -> Iterator[Line]:
    """Paid, and nothing more is heard."""
    yield from (order.placed(), order.captured())


def never_scanned(order: Order) -> Iterator[Line]:
    """Shipped, and no carrier ever has it."""
    yield from (order.placed(), order.captured(), order.shipped())


def lost_on_the_way(order: Order) -> Iterator[Line]:
    """Scanned once and then no more, or late."""
    yield from (order.placed(), order.captured(), order.shipped(), order.scan("in_transit", 1.5))
    if order.rng.random() < 0.5:
        yield order.scan("delivered", 7.0)


def damaged(order: Order) -> Iterator[Line]:
    """The parcel is broken: said at once."""
    yield from (order.placed(), order.captured(), order.shipped(), order.scan("accepted", 1.0), order.scan("damaged", 1.5))


def scanned_before_tied(order: Order) -> Iterator[Line]:
    """Scans wait for the shipment that says whose they are; for some it comes too late, for some never."""
    yield from (order.placed(), order.captured(), order.scan("accepted", 0.5), order.scan("damaged", 0.7))
    if order.rng.random() < 0.7:
        yield order.shipped(0.5, told=order.rng.choice((2.0, 6.0)))


FATES: tuple[Callable[[Order], Iterator[Line]], ...] = (
    *(smooth, smooth, smooth, paid_late, paid_in_time_told_late, never_paid),
    *(never_shipped, never_scanned, lost_on_the_way, damaged, scanned_before_tied),
)
"""What may become of an order."""
