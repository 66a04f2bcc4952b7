"""One open order in memory: its timeline, what was said of it, and when to look at it again."""

from __future__ import annotations

from typing import cast

from dataflows.core.clocks import deadline
from dataflows.core.engine.feeds import Deferred
from dataflows.core.engine.lifecycle import ExceptionLifecycle
from dataflows.core.engine.triggers import Profile
from dataflows.core.history.facts import RETURNS, TERMS, Facts
from dataflows.core.history.shipments import POSSESSION, is_estimate, possession, scan_of, tracking_numbers
from dataflows.core.history.timeline import Timeline
from schemas.envelope import DEFAULT_TENANT
from schemas.events import DATA_MODELS, AddressSignal, InventoryAllocated, OrderPlaced, Payment, ReturnStep, WarehouseShipment
from schemas.instants import DAY
from schemas.record import Record
from schemas.wire import micros

SKEW = 15 * 60 * 1_000_000
ANNOUNCEMENTS = ("warehouse.label_created", "warehouse.shipped")
STEPS = frozenset(
    (*ANNOUNCEMENTS, "inventory.allocated", "warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed")
)
SCAN_MARKS = {
    status: ("carrier.scan", f"carrier.scan:{status}") for status in (*sorted(POSSESSION), "label_created", "delayed", "exception")
}
FINER_MARKS = (
    *(
        "carrier.scan+reason",
        "estimate",
        "late eta",
        "scanned",
        "unannounced",
        "part shipped",
        "high risk",
        "balance",
        "expires",
        "settled",
        "future",
        "note",
    ),
    *("several", "whole", "lines", "ship_by", "promised_by"),
)
"""All marks that are no event type, scan status or payment terms."""
Piece = tuple["str | None", "str | None", "int | None"]
STRUCTURAL = frozenset(
    (
        "order.updated",
        "order.cancelled",
        "payment.refunded",
        "warehouse.shipment_cancelled",
        "carrier.scan:cancelled",
    )
)
"""Events that may change what earlier events mean; all rules are judged again after them."""


EAST = 14 * 3_600_000_000
WEST = 12 * 3_600_000_000
"""No clock is further from UTC than 14 hours ahead or 12 hours behind, so no local midnight comes earlier or later than that."""
UNPROMISED = 0
"""What stands for the promise of an order that was placed without one."""


def exact(text: str) -> bool:
    """Whether a `*_by` field names instants only, so that no zone has a say in it."""
    return text.count("T") > text.count("/")


def soonest(text: str) -> int:
    """A lower bound in µs of the instant at which a `*_by` date ends, in whatever zone."""
    return deadline(text, "UTC") - (0 if exact(text) else EAST)


def latest(text: str) -> int:
    """An upper bound in µs of the instant at which a `*_by` date ends, in whatever zone."""
    return deadline(text, "UTC") + (0 if exact(text) else WEST)


def key_of(tenant: str, order: str) -> str:
    """What an order is known by within a shard, and in what is stored of it: where there is one tenant only, its ID itself.

    It is then the string that ties hold already, and costs no memory of its own. No identifier holds a control character.
    """
    return order if tenant == DEFAULT_TENANT else f"{tenant}\x1f{order}"


class Order:
    """State of one order.

    `pending` maps a rule to the earliest log time at which it may become true; `live` rules have something open; `pieces` are
    the ordered lines (line_id, sku, quantity) while they are as placed; `facts` are those of the history as it stands, if asked for;
    `dates` are lower bounds of the deadlines that `ship_by` and `promised_by` give it as placed, `promised` that of the order's own
    promise (None: it may have been changed), `estimated` that of all the carriers' estimates. `units` maps every shipment ID and
    tracking number to one that stands for all those of its shipment. `parked` maps a rule to what of it waits for feeds. `quarantined`
    names the error after which the order is judged no more; its history is gone then.
    """

    __slots__ = (
        "dates",
        "estimated",
        "facts",
        "handed",
        "id",
        "last_log",
        "ledger",
        "live",
        "marks",
        "parked",
        "payments",
        "pending",
        "pieces",
        "profile",
        "promised",
        "quarantined",
        "seen",
        "sent_back",
        "tenant",
        "timeline",
        "total",
        "units",
        "wake",
    )

    def __init__(self, tenant: str, order: str) -> None:
        self.tenant = tenant
        self.id = order
        self.timeline = Timeline()
        self.ledger = ExceptionLifecycle(tenant, order)
        self.marks: set[str] = set()
        self.pending: dict[int, int] = {}
        self.live: set[int] = set()
        self.parked: dict[int, Deferred] = {}
        self.quarantined = ""
        self.units: dict[str, str] = {}
        self.handed: frozenset[str] = frozenset()
        self.seen: frozenset[str] = frozenset()
        self.estimated: int | None = None
        self.promised: int | None = None
        self.sent_back: frozenset[str] = frozenset()
        self.payments: frozenset[str | None] = frozenset()
        self.dates: dict[str, int] = {}
        self.total: tuple[str, str] | None = None
        self.pieces: list[Piece] | None = None
        self.facts: Facts | None = None
        self.profile: Profile | None = None
        self.wake = 0
        self.last_log = 0

    @property
    def placed(self) -> bool:
        """Whether its `order.placed` is known."""
        return "order.placed" in self.timeline.by_type

    def mark(self, record: Record) -> tuple[tuple[str, ...], bool, bool]:
        """Notes what kind of event came: its marks, whether it may change what earlier events mean, and whether it speaks of all lines.

        Marks of an event: its type; of a scan `carrier.scan:<status>`, `carrier.scan+reason` (it has one); of a mere estimate `estimate`
        instead; `late eta` (not plainly within the promise, or without one within a day of all others), `scanned` (the order's first
        possession), `unannounced` (a parcel's first possession or a delivery without a hand-over); `part shipped` (a hand-over of some
        lines, or one of several shipments), `high risk` (of an address), `balance` (a capture that is not simply the total), `expires` (an
        authorization that does), `settled` (a capture of all that was authorized), `future` (dated after its log time).
        Marks of an order besides: `several` (parcels), `whole` (handed over at once), `lines` (more than one piece, or others than
        ordered), `ship_by`, `promised_by`, `terms:<terms>`.
        """
        type_ = record.event.type
        if type_ == "carrier.scan":
            marks, structural, whole = self._mark_scan(record)
        else:
            marks, structural, whole = (type_,), type_ in STRUCTURAL, True
            if type_ in STEPS:
                lines = cast("InventoryAllocated", record.event.data).lines
                whole = not lines or [(x.line_id, x.sku, x.quantity) for x in lines] == self.pieces
                if type_ in ANNOUNCEMENTS:
                    structural = self._announce(record, whole=whole)
                    if type_ == "warehouse.shipped" and (not whole or "several" in self.marks or type_ in self.marks):
                        marks = (type_, "part shipped")
            elif type_ == "order.placed":
                structural = bool(self.marks)
                self._place(cast("OrderPlaced", record.event.data))
            elif type_ == "order.updated":
                self.marks.update(("lines", "terms:invoice", "terms:on_ship", "terms:prepaid"))
                self.marks.discard("ship_by")  # It may have been taken away.
                self.pieces = self.promised = self.total = None
            elif type_ in RETURNS:
                number = cast("ReturnStep", record.event.data).tracking_number
                if number is not None and number not in self.sent_back:
                    self.sent_back |= {number}
                    structural = number in self.units
            elif type_ == "payment.authorized":
                secured = cast("Payment", record.event.data)
                self.payments |= {secured.payment_id}
                if secured.expires_at is not None:
                    self.dates["expires_at"] = micros(secured.expires_at)
                    marks = (type_, "expires")
            elif type_ == "payment.captured":
                structural = "payment.refunded" in self.marks  # What was refunded in full may no longer be.
                taken = cast("Payment", record.event.data)
                paid = taken.amount
                if paid is None or (paid.amount, paid.currency) != self.total or type_ in self.marks:
                    marks = (type_, "balance")
                if taken.payment_id is None or self.payments == frozenset((taken.payment_id,)):
                    marks = (*marks, "settled")
            elif type_.startswith("address.") and cast("AddressSignal", record.event.data).risk == "high":
                marks = (type_, "high risk")
        if record.at > record.log + SKEW:
            marks = (*marks, "future")
            structural = True
        self.marks.update(marks)
        return marks, structural, whole

    def unmark(self) -> None:
        """Forgets the marks of event types that evidence was withdrawn of: some rules rest on their being there."""
        gone = {mark for mark in self.marks if mark in DATA_MODELS and mark not in self.timeline.by_type}
        if "order.placed" in gone:
            gone.add("ship_by")
        self.marks -= gone

    def _place(self, placed: OrderPlaced) -> None:
        lines = placed.lines or ()
        self.marks.add(f"terms:{placed.payment_terms if placed.payment_terms in TERMS else 'prepaid'}")
        self.pieces = [(x.line_id, x.sku, x.quantity) for x in lines]
        if len(lines) > 1 or any((x.quantity or 1) > 1 for x in lines):
            self.marks.add("lines")
        self.promised = UNPROMISED if placed.promised_by is None else soonest(placed.promised_by)
        self.total = (placed.total.amount, placed.total.currency) if placed.total else None
        self._date("ship_by", [placed.ship_by, *(x.ship_by for x in lines)])
        self._date("promised_by", [placed.promised_by, *(x.promised_by for x in lines)])

    def _date(self, name: str, texts: list[str | None]) -> None:
        known = [soonest(text) for text in texts if text is not None]
        if known:
            self.marks.add(name)
            self.dates[name] = min(known)

    def _mark_scan(self, record: Record) -> tuple[tuple[str, ...], bool, bool]:
        data = scan_of(record)
        seen, status = self.marks, data.status
        marks: tuple[str, ...] = SCAN_MARKS.get(status) or ("carrier.scan", f"carrier.scan:{status}")
        if is_estimate(record):
            marks = ("estimate",)
        if data.reason is not None:
            marks = (*marks, "carrier.scan+reason")
        unit = data.tracking_number or data.shipment_id or ""
        if unit in self.sent_back and unit not in self.units:
            return marks, False, False
        if data.eta is not None and self._is_late(data.eta):
            marks = (*marks, "late eta")
        # A voided shipment that moves after all counts again.
        structural = status == "cancelled" or "warehouse.shipment_cancelled" in seen or "carrier.scan:cancelled" in seen
        if unit not in self.units or data.shipment_id:
            structural = self._meet((unit, data.shipment_id) if data.shipment_id else (unit,)) or structural
        if possession(record):
            if "scanned" not in seen:
                marks = (*marks, "scanned")
            if unit not in self.handed and unit not in self.seen:
                self.seen |= {unit}
                marks = (*marks, "unannounced")
        if status == "delivered" and unit not in self.handed:
            marks = (*marks, "unannounced")
        whole = "several" not in seen and ("lines" not in seen or "whole" in seen) and seen.isdisjoint(RETURNS)
        return marks, structural, whole

    def _announce(self, record: Record, *, whole: bool) -> bool:
        announced = cast("WarehouseShipment", record.event.data)
        numbers = tracking_numbers(announced)
        units = [*numbers, *((announced.shipment_id,) if announced.shipment_id else ())] or [""]
        structural = self._meet(units) or units == [""] or announced.replaces is not None
        if len(numbers) > 1:
            self.marks.add("several")
        if not whole:
            self.marks.add("lines")
        if "scanned" in self.marks or "warehouse.shipped" in self.marks:
            structural = True  # Its lines may be those of what has left.
        if record.event.type == "warehouse.shipped":
            self.handed = self.handed.union(units)
            if whole:
                self.marks.add("whole")
        return structural

    def _is_late(self, eta: str) -> bool:
        """Whether an estimate may be one that slipped."""
        if self.promised == UNPROMISED:
            known, at = self.estimated, soonest(eta)
            self.estimated = at if known is None else min(known, at)
            return latest(eta) > self.estimated + DAY
        return self.promised is None or latest(eta) > self.promised

    def _meet(self, units: tuple[str, ...] | list[str]) -> bool:
        """Ties the identifiers that one event names; whether that changes what was known: a new one, or two shipments that are one."""
        known = self.units
        homes = {known[unit] for unit in units if unit in known}
        if len(homes) == 1 and all(unit in known for unit in units):
            return False
        changed = bool(known)
        if changed and not homes:
            self.marks.add("several")
        home = min(homes, default=units[0])
        for unit in [*units, *(u for u, other in known.items() if other in homes)]:
            known[unit] = home
        return changed
