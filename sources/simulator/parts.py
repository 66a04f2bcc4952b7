"""What an order's story is made of: its lines, its shipments, the steps of its script and the labels on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Data = dict[str, object]
Status = Literal["open", "resolved", "suppressed"]
Style = Literal["date", "instant", "range", "none"]


class Label(NamedTuple):
    """An exception that must stand at the world's end: one row of the expected file."""

    order_id: str
    kind: str
    scope: str | None
    status: Status


@dataclass(slots=True, eq=False)
class SimulatedStep:
    """One event of a script. `named` says whether it has a subject; `recorded` fixes its `recordedtime`, else delivery draws one."""

    id: str
    at: int
    source: str
    type: str
    data: Data
    named: bool = True
    recorded: int | None = None


@dataclass(slots=True)
class SimulatedLine:
    """An order line. Dates of its own are given by faults only; `more` is what else the order says of it."""

    line_id: str
    sku: str
    quantity: int
    cents: int
    ship_by: str | None = None
    promised_by: str | None = None
    more: Data = field(default_factory=dict[str, object])

    def plain(self) -> Data:
        """The line as an event on goods names it."""
        return {"line_id": self.line_id, "sku": self.sku, "quantity": self.quantity}

    def ordered(self) -> Data:
        """The line as the order names it, with its dates."""
        dates = {"ship_by": self.ship_by, "promised_by": self.promised_by}
        return self.plain() | self.more | {name: value for name, value in dates.items() if value is not None}


@dataclass(slots=True)
class SimulatedShipment:
    """What leaves a warehouse together. Without an ID it is known by its tracking numbers."""

    id: str | None
    lines: list[SimulatedLine]
    parcels: list[str]
    shipped: int = 0
    delivered: int = 0

    @property
    def key(self) -> str:
        """Its name in scopes: the ID, else the smallest tracking number."""
        return self.id or min(self.parcels)

    @property
    def scope(self) -> str:
        """The scope of exceptions on this shipment."""
        return f"shipment:{self.key}"
