"""What a history says about its order: the milestones, amounts, lines, shipments and holds that rules speak of.

Every fact is a pure function of the history and is computed when it is first asked for. `folding` keeps facts up with a history that
grows. Nobody may change what a fact gives. Instants are event times in µs, UTC; None means that it has not come to that.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import cast

from dataflows.core.clocks import Calendar
from dataflows.core.history.again import Stretch
from dataflows.core.history.dims import PLAIN, agreed, further
from dataflows.core.history.grouping import Shipments, identifiers, one_parcel
from dataflows.core.history.holds import Hold, Holds
from dataflows.core.history.ledger import LEDGER, Ledger, Period
from dataflows.core.history.manifest import tracking_numbers
from dataflows.core.history.milestones import MilestoneFacts
from dataflows.core.history.money import Payments
from dataflows.core.history.order_fields import ANNOUNCED, FIELDS, HOLDS, LINES, MONEY, PARCELS, SITED, fact
from dataflows.core.history.returns import RETURNS, Return, Returns
from dataflows.core.history.shipments import Shipment
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.model import Dims
from schemas.events import Money, Payment, WarehouseShipment
from schemas.instants import earliest
from schemas.record import Record


class Facts(MilestoneFacts):
    """The facts of one order under one policy."""

    # settings, clocks and zones

    @fact(*FIELDS, *HOLDS, folds=(*SITED, *PARCELS))
    def dims(self) -> Dims:
        """What policy overrides may depend on, for the order as a whole."""
        return self._dims(None)

    def _dims(self, shipment: Shipment | None) -> Dims:
        """What overrides of this policy ask for. The carrier and the service of an order are those on which all its shipments agree."""
        named = self.policy.named
        if self.placed is None:
            return Dims(self.tenant, self.site if "site" in named else None)
        fields, chosen = self.fields, [shipment] if shipment else [x for x in self.shipments if x.live]
        ship_to = fields.ship_to
        found = Dims(
            self.tenant,
            ((shipment.said("site") if shipment else None) or self.site) if "site" in named else None,
            agreed(chosen, "carrier") if "carrier" in named else None,
            (agreed(chosen, "service") or fields.service) if "service" in named else None,
            ship_to.country if ship_to else None,
            fields.channel,
            fields.customer.tier if fields.customer else None,
        )
        return found if named <= PLAIN else further(found, named, fields, self.method, self.terms, self.holds if "hold" in named else ())

    def of(self, shipment: Shipment, setting: RuleSetting) -> RuleSetting:
        """A rule's setting for one shipment: its own carrier, service and site count."""
        if not self.policy.overrides:
            return setting
        return self.policy.setting(setting.kind, self._dims(shipment))

    def carried(self, setting: RuleSetting, carrier: str | None) -> RuleSetting:
        """A rule's setting for a parcel that is none of the order's shipments: its own carrier counts, where one is known."""
        if carrier is None or "carrier" not in self.policy.named:
            return setting
        return self.policy.setting(setting.kind, self.dims._replace(carrier=carrier))

    def calendar(self, setting: RuleSetting, shipment: Shipment | None = None, carrier: str | None = None) -> Calendar:
        """The calendar by which a rule counts business time; `carrier` is that of a parcel that is no shipment."""
        clock = setting.clock
        if clock == "site":
            return self.policy.site_calendar((shipment.said("site") if shipment else None) or self.site, self.tenant)
        ship_to = self.fields.ship_to
        country, region = (ship_to.country, ship_to.region) if ship_to else (None, None)
        if clock == "carrier":
            return self.policy.carrier_calendar(shipment.said("carrier") if shipment else carrier, country, region)
        if clock == "destination":
            return self.policy.destination_calendar(country, region)
        return self.policy.tenant_calendar(self.tenant) if clock == "tenant" else self.policy.calendar(clock)

    # the ends of an order

    def called_off(self, at: int) -> int | None:
        """When a cancel ended what began at an instant, if the order was wanted again later; not after that instant: it never was."""
        lives = self.lives
        if len(lives) == 1:
            return None
        return next((one.until for one, other in pairwise(lives) if at < other.since), None)

    @fact(folds=MONEY)
    def payments(self) -> Payments:
        """What was taken and paid back."""
        return Payments.build(self.t.of("payment.captured"), self.t.of("payment.refunded"))

    @fact(*FIELDS, *MONEY)
    def refunded(self) -> int | None:
        """When everything that was captured (or, without captures, the total) had been refunded."""
        return self.payments.paid_back(self.fields.total) if "payment.refunded" in self.t.by_type else None

    @fact(*LINES, "order.reinstated", *MONEY)
    def ended(self) -> int | None:
        """When nothing more was owed to the customer: cancelled or refunded in full."""
        refunded = self.refunded
        again = refunded is not None and len(self.lives) > 1 and refunded < self.lives[-1].since
        return self.cancelled if again else earliest(self.cancelled, refunded)

    # money

    @fact("payment.captured")
    def captured(self) -> int | None:
        """When money was first taken."""
        return self.first("payment.captured")

    @fact(*LINES, "order.reinstated", *LEDGER)
    def paid_up(self) -> int | None:
        """When a prepaid order was paid: money was taken, and all that was owed was taken or reserved at one time."""
        first = self.captured
        if first is None or self._plainly_paid:
            return first
        secured = self.ledger.secured()
        return None if secured is None else max(first, secured)

    @property
    def _plainly_paid(self) -> bool:
        """Whether the first capture is of no stated amount, or of the total that was there from the beginning, as most are."""
        taken = cast("Payment", self.t.of("payment.captured")[0].event.data).amount
        return taken is None or (len(self.versions) == 1 and taken == self.versions[0][0].total)

    @fact("payment.authorized", "payment.captured")
    def authorized(self) -> int | None:
        """When money was first secured; a capture satisfies it."""
        return self.first("payment.authorized", "payment.captured")

    @fact(*LINES, "order.reinstated", *LEDGER)
    def ledger(self) -> Ledger:
        """What the order owes, what secures it and what was paid, at every instant."""
        return Ledger(self.t, self.versions, self.policy.tolerance)

    @fact(*LINES, "order.reinstated")
    def owing(self) -> tuple[Period, ...]:
        """While anything is owed: mostly from its placing on."""
        if all(not fields.lines or self._is_owed(fields.total) for fields, _, _ in self.versions):
            return (Period(self.placed_at, None, self.versions[0][2]),)
        return tuple(self.ledger.owing())

    def _is_owed(self, total: Money | None) -> bool:
        return total is None or Decimal(total.amount) > self.policy.tolerance(total.currency)

    # shipments and returns

    @fact(folds=PARCELS)
    def grouped(self) -> Shipments:
        """All shipments of the order, and which events are whose."""
        scans, relabels, returned = self.t.of("carrier.scan"), self.t.of("carrier.relabelled"), self.returned
        if returned.numbers:
            scans = [r for r in scans if not returned.has(r)]
            relabels = [r for r in relabels if not any(returned.owns(name) for _, name in identifiers(r))]
        return Shipments.build(self.t.of(*ANNOUNCED), scans, self.t.of("warehouse.shipment_cancelled"), relabels)

    @property
    def shipments(self) -> list[Shipment]:
        """All shipments of the order, by their key."""
        return self.grouped.all

    def shipment(self, identifier: str | None) -> Shipment | None:
        """The shipment that goes by an identifier."""
        return self.grouped.named(identifier)

    @fact(folds=PARCELS)
    def returned(self) -> Returns:
        """All returns of the order. A tracking number that a label or a hand-over names is of no return's parcel from then on."""
        if not any(t in self.t.by_type for t in RETURNS):
            return Returns()
        outbound: dict[str, int] = {}
        parcel_of = one_parcel(self.t.of("carrier.relabelled"))
        for record in self.t.of(*ANNOUNCED):
            for number in tracking_numbers(cast("WarehouseShipment", record.event.data)):
                outbound.setdefault(parcel_of.get(number, number), record.at)
        return Returns.build(self.t.of(*RETURNS), self.t.of("carrier.scan"), outbound, self.first("warehouse.shipped"), parcel_of)

    @property
    def returns(self) -> list[Return]:
        """All returns of the order, by their first step, with the scans of their parcels."""
        return self.returned.all

    @property
    def returning(self) -> set[str]:
        """The tracking numbers of return parcels."""
        return self.returned.numbers

    @property
    def handovers(self) -> list[tuple[Record, WarehouseShipment]]:
        """All `warehouse.shipped` events with their data."""
        return [(r, cast("WarehouseShipment", r.event.data)) for r in self.t.of("warehouse.shipped")]

    @fact(folds=HOLDS)
    def held(self) -> Holds:
        """All holds, and which of them are open."""
        return Holds.build(self.t.of("order.hold_placed"), self.t.of("order.hold_released"))

    @property
    def pauses(self) -> list[Stretch]:
        """When the whole order was held."""
        return [(h.record.at, h.released) for h in self.holds if h.shipment_id is None and h.released != h.record.at]

    @property
    def holds(self) -> list[Hold]:
        """All holds, as they happened."""
        return self.held.all
