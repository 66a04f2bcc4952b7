"""What an order says of itself, and the clocks and zones that follow from it: the first part of its facts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar, cast

from dataflows.core.clocks import deadline
from dataflows.core.history.again import Life, lives_of
from dataflows.core.history.lazy import Readers
from dataflows.core.history.learned import Learned
from dataflows.core.history.returns import RETURNS
from dataflows.core.history.timeline import Timeline, happened
from dataflows.core.history.versions import LineDates, Segment, Versions
from dataflows.core.history.voices import Voices, voices_of
from dataflows.core.policy import Policy
from schemas.events import InventoryAllocated, Line, OrderLinked, OrderPlaced
from schemas.record import Record

Value = TypeVar("Value")
TERMS = frozenset(("prepaid", "on_ship", "on_delivery", "invoice", "external"))
OWN_MONEY = frozenset(("prepaid", "on_ship"))
"""Terms by which a payment is waited for."""
METHODS = frozenset(("ship", "pickup", "local", "digital"))
FIELDS = ("order.placed", "order.updated")
LINES = (*FIELDS, "order.cancelled")
OWED = (*LINES, "payment.refunded", "order.reinstated")
"""Events that say what an order owes of its lines."""
MONEY = ("payment.captured", "payment.refunded")
ANNOUNCED = ("warehouse.label_created", "warehouse.shipped")
STEPS = ("inventory.allocated", "warehouse.released", "warehouse.picked", "warehouse.packed")
"""Steps of the warehouse that are reached when all lines are covered."""
SITED = (*STEPS, "inventory.short", "warehouse.pick_started", "warehouse.pick_short", "warehouse.rejected", *ANNOUNCED)
"""Events that name a site."""
PARCELS = (*ANNOUNCED, "carrier.scan", "carrier.relabelled", "warehouse.shipment_cancelled", *RETURNS)
HOLDS = ("order.hold_placed", "order.hold_released")
readers = Readers()
fact = readers.fact
"""Makes a fact of an order."""


def _splits_off(link: Record) -> bool:
    """Whether an order is a part of another by a link that it has."""
    data = cast("OrderLinked", link.event.data)
    return link.order in data.children and link.order != (data.parent or link.event.subject)


class FieldFacts:
    """What one order says of itself, under one policy. `now` is the log time at which it is asked for."""

    learned = Learned()
    """What feeds have been seen to emit; whoever asks under a policy that learns says it of the facts."""

    def __init__(self, timeline: Timeline, policy: Policy, tenant: str, now: int) -> None:
        self.t = timeline
        self.policy = policy
        self.tenant = tenant
        self.now = now
        self.found: dict[int, tuple[object, object]] = {}
        """What rules have found in this history, by their place and with their setting, as far as it is kept."""

    @fact("order.placed")
    def placed(self) -> Record | None:
        """The first `order.placed`; without it nothing is expected of an order."""
        return next(iter(self.t.of("order.placed")), None)

    @fact("order.placed")
    def placed_at(self) -> int:
        """When the order was placed."""
        return self.placed.at if self.placed is not None else 0

    @fact("order.placed", "order.reinstated", "order.cancelled")
    def lives(self) -> list[Life]:
        """From when until when the order was wanted: from its placing, and again from each reinstatement after a cancellation."""
        placed = cast("Record", self.placed)
        return lives_of(placed, self.t.of("order.placed", "order.reinstated", "order.cancelled"))

    @fact("order.placed", "order.reinstated", "order.cancelled")
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """From when until when the order was cancelled and not yet wanted again."""
        return tuple((before.until, after.since) for before, after in pairwise(self.lives) if before.until is not None)

    @fact("order.placed", folds=("order.updated", "order.cancelled", "order.reinstated"))
    def history(self) -> Versions | None:
        """What the order said of itself, as placed and after each update; None if it is not known to be placed."""
        if self.placed is None:
            return None
        if len(self.t.of("order.placed")) == 1:
            return Versions(self.placed, self.t.of("order.updated"))
        stated = [r for r in self.t.of("order.placed", "order.updated") if r is not self.placed]
        return Versions(self.placed, stated, frozenset(id(life.record) for life in self.lives[1:]))

    @property
    def versions(self) -> list[tuple[OrderPlaced, int, Record]]:
        """The order's fields as placed and after each update: (fields, since, event)."""
        return self.history.all if self.history is not None else []

    @fact(*FIELDS)
    def fields(self) -> OrderPlaced:
        """The order's fields as they stand now."""
        return self.versions[-1][0]

    def fields_at(self, instant: int) -> OrderPlaced | None:
        """The order's fields as they stood at an instant; None before it was placed."""
        return self.history.at(instant) if self.history is not None else None

    def ordered_at(self, instant: int) -> dict[str, int]:
        """The quantity of each line that was ordered at an instant."""
        return self.history.ordered_at(instant) if self.history is not None else {}

    def segments(self, value_of: Callable[[OrderPlaced], Value]) -> list[Segment[Value]]:
        """The values that a field had: (value, from, until, event); consecutive equal values are one segment."""
        return self.history.segments(value_of) if self.history is not None else []

    def dates(self, name: str) -> list[Segment[str | None]]:
        """The values that a date of the order as a whole had."""
        return self.history.dates(name) if self.history is not None else []

    def line_dates(self, name: str) -> LineDates:
        """The lines that have no such date of their own, and the dates of those that ever had one."""
        return self.history.line_dates(name) if self.history is not None else LineDates([], {})

    def former(self, line: Line) -> str | None:
        """The order line, as the order stood at any time, of which a line speaks."""
        return self.history.former(line) if self.history is not None else None

    @fact(*FIELDS)
    def terms(self) -> str:
        """Payment terms; unknown ones count as prepaid."""
        terms = self.fields.payment_terms
        return terms if terms in TERMS else "prepaid"

    @fact(*FIELDS, "order.linked")
    def paid_on(self) -> str:
        """The terms by which its payment is waited for: what an order was split into is paid with that order."""
        return "external" if self.terms in OWN_MONEY and any(map(_splits_off, self.t.of("order.linked"))) else self.terms

    @fact(*FIELDS)
    def method(self) -> str:
        """How the goods reach the customer; unknown methods count as ship."""
        method = self.fields.method
        return method if method in METHODS else "ship"

    @fact(folds=SITED)
    def site(self) -> str | None:
        """The last site that a warehouse or inventory event named."""
        named = (next((r for r in reversed(self.t.of(type_)) if _site(r) is not None), None) for type_ in SITED)
        last = max((r for r in named if r is not None), key=happened, default=None)
        return None if last is None else _site(last)

    @fact()
    def voices(self) -> Voices:
        """Who has spoken of the order."""
        return voices_of(self.t.records)

    # clocks and zones

    @fact(*FIELDS)
    def ship_to_zone(self) -> str:
        """The destination's time zone: the order's own, else the policy's for its country and region, else UTC."""
        ship_to = self.fields.ship_to if self.placed is not None else None
        if ship_to is None:
            return "UTC"
        return self.policy.valid_zone(ship_to.timezone) or self.policy.ship_to_zone(ship_to.country, ship_to.region)

    @fact(folds=SITED)
    def site_zone(self) -> str:
        """The time zone in which ship-by dates end."""
        return self.policy.site_zone(self.site, self.tenant)

    def ship_deadline(self, text: str) -> int:
        """The instant at which a `ship_by` ends."""
        return deadline(text, self.site_zone)

    def promise_deadline(self, text: str) -> int:
        """The instant at which a `promised_by` (or an ETA) ends."""
        return deadline(text, self.ship_to_zone)

    def emits(self, milestone: str) -> bool:
        """Whether the policy says that the feeds emit this milestone."""
        return self.policy.awaits(milestone)

    @fact(*FIELDS, folds=SITED)
    def domestic(self) -> bool:
        """Origin and destination lie in one country, as far as both are known."""
        origin = self.policy.site_country(self.site)
        ship_to = self.fields.ship_to
        return origin is None or ship_to is None or ship_to.country is None or origin == ship_to.country


def _site(record: Record) -> str | None:
    return cast("InventoryAllocated", record.event.data).site
