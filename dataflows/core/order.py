"""One open order in memory: its timeline, what was said of it, and when to look at it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dataflows.core.ledger import Ledger
from dataflows.core.shipments import possession, scan_of, tracking_numbers
from dataflows.core.timeline import Timeline

if TYPE_CHECKING:
    from dataflows.core.profile import Profile
    from schemas.events import OrderPlaced, WarehouseShipment
    from schemas.record import Record

SKEW = 15 * 60 * 1_000_000
ANNOUNCEMENTS = ("warehouse.label_created", "warehouse.shipped")
STRUCTURAL = frozenset(
    (
        "order.updated",
        "order.cancelled",
        "payment.refunded",
        "warehouse.shipment_cancelled",
        "carrier.scan:cancelled",
        "return.requested",
        "return.authorized",
        "return.shipped",
    )
)
"""Events that may change what earlier events mean; all rules are judged again after them."""


class Order:
    """State of one order. `pending` maps a rule to the earliest log time at which it may become true; `live` rules have something open."""

    __slots__ = ("id", "last_log", "ledger", "live", "marks", "pending", "profile", "tenant", "timeline", "units", "wake")

    def __init__(self, tenant: str, order: str) -> None:
        self.tenant = tenant
        self.id = order
        self.timeline = Timeline()
        self.ledger = Ledger(tenant, order)
        self.marks: set[str] = set()
        self.pending: dict[int, int] = {}
        self.live: set[int] = set()
        self.units: set[str] = set()
        self.profile: Profile | None = None
        self.wake = 0
        self.last_log = 0

    @property
    def placed(self) -> bool:
        """Whether its `order.placed` is known."""
        return "order.placed" in self.timeline.by_type

    def mark(self, record: Record) -> tuple[list[str], bool]:
        """Notes what kind of event came; returns its marks, and whether it may change what earlier events mean."""
        type_ = record.event.type
        marks = [type_]
        structural = type_ in STRUCTURAL
        if type_ == "carrier.scan":
            data = scan_of(record)
            marks.append(f"carrier.scan:{data.status}")
            structural = data.status == "cancelled"
            if data.reason is not None:
                marks.append("carrier.scan+reason")
            if data.eta is not None:
                marks.append("carrier.scan+eta")
            if "scanned" not in self.marks and possession(record):
                self.marks.add("scanned")
                structural = structural or "warehouse.shipped" not in self.marks
            unit = data.tracking_number or data.shipment_id
            if unit is not None and unit not in self.units:
                structural = structural or bool(self.units)
                self._meet((unit,))
        elif type_ in ANNOUNCEMENTS:
            announced = cast("WarehouseShipment", record.event.data)
            units = [*tracking_numbers(announced), *((announced.shipment_id,) if announced.shipment_id else ())]
            if (self.units and not self.units.issuperset(units)) or not units or announced.replaces:
                structural = True
            self._meet(units)
        elif type_ == "order.placed":
            structural = bool(self.marks)
            placed = cast("OrderPlaced", record.event.data)
            self.marks.add(f"terms:{placed.payment_terms}")
            if len(placed.lines or ()) > 1 or any((line.quantity or 1) > 1 for line in placed.lines or ()):
                self.marks.add("lines")
        elif type_ == "order.updated":
            self.marks.update(("lines", "terms:invoice", "terms:on_ship"))
        if record.at > record.log + SKEW:
            marks.append("future")
            structural = True
        self.marks.update(marks)
        return marks, structural

    def _meet(self, units: tuple[str, ...] | list[str]) -> None:
        if self.units and self.units.isdisjoint(units):
            self.marks.add("several")
        self.units.update(units)
