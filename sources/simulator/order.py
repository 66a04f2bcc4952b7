"""One simulated order: its facts, its script of events and the exceptions that they must cause.

A life (`sources.simulator.life`) or a fault writes the script; the dates promised to the customer are set when the script is
finished, so that they fit whatever has happened to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from sources.simulator.moments import DAY, HOUR, day, instant
from sources.simulator.parts import Data, Label, SimulatedLine, SimulatedShipment, SimulatedStep, Status, Style
from sources.simulator.topology import (
    CARRIERS,
    CHANNELS,
    COUNTRIES,
    COURIER,
    PRODUCTS,
    PROVIDERS,
    SERVICES,
    SHOPS,
    SITES,
    TIERS,
    WITH_SITE,
    Carrier,
    Country,
    Site,
)


@dataclass(slots=True, eq=False)
class SimulatedOrder:
    """Facts, script and labels of one order. Times are seconds since the epoch; `when` has the order's milestones by name."""

    index: int
    placed: int
    rng: Random
    customer: str
    id: str = ""
    shop: str = ""
    provider: str = ""
    channel: str = ""
    tier: str = ""
    service: str = ""
    country: Country = COUNTRIES[0]
    site: Site = SITES[0]
    carrier: Carrier = CARRIERS[0]
    address: str = ""
    method: str = "ship"
    terms: str = "prepaid"
    lines: list[SimulatedLine] = field(default_factory=list[SimulatedLine])
    names_lines: bool = True
    parcels: tuple[int, ...] = (1,)
    shipments: list[SimulatedShipment] = field(default_factory=list[SimulatedShipment])
    ship_by: Style = "date"
    ship_slack: int = 0
    ship_deadline: int | None = None
    promised_by: Style = "date"
    promise_slack: int = 0
    promise_deadline: int | None = None
    etas: bool = True
    earliest_release: int = 0
    waits: dict[str, int] = field(default_factory=dict[str, int])
    when: dict[str, int] = field(default_factory=dict[str, int])
    placing: Data = field(default_factory=dict[str, object])
    script: list[SimulatedStep] = field(default_factory=list[SimulatedStep])
    sequence: int = 0
    labels: list[Label] = field(default_factory=list[Label])

    def draw(self) -> SimulatedOrder:
        """Draws the plain facts that every order has: a shipped, prepaid order of one parcel with all its dates."""
        rng = self.rng
        self.shop = rng.choice(SHOPS)
        self.id = f"{self.shop[:3].upper()}-{self.index:07d}"
        self.provider = rng.choice(PROVIDERS)
        self.channel = rng.choice(CHANNELS)
        self.tier = rng.choice(TIERS)
        self.service = rng.choice(SERVICES)
        self.address = f"adr-{self.customer[4:]}"
        self.ship_slack = rng.randint(48, 96) * HOUR
        self.promise_slack = rng.randint(60, 120) * HOUR
        self.lane(international=rng.random() < 0.25)
        self.basket(rng.choices((1, 2, 3, 4), (55, 25, 13, 7))[0])
        return self

    def lane(self, *, international: bool) -> None:
        """Draws destination, warehouse and carrier of a domestic or an international lane."""
        rng = self.rng
        choices = COUNTRIES if international else WITH_SITE
        self.country = rng.choices(choices, [country.weight for country in choices])[0]
        self.site = rng.choice([site for site in SITES if (site.country != self.country.code) == international])
        fits = [carrier for carrier in CARRIERS if carrier.country in (None, *(() if international else (self.country.code,)))]
        self.carrier = rng.choice(fits)

    def basket(self, lines: int) -> None:
        """Draws that many lines."""
        chosen = self.rng.sample(PRODUCTS, lines)
        self.lines = [
            SimulatedLine(f"{n}", product.sku, self.rng.choices((1, 2, 3), (75, 18, 7))[0], product.cents)
            for n, product in enumerate(chosen, 1)
        ]

    @property
    def is_international(self) -> bool:
        """Whether the lane crosses a border."""
        return self.site.country != self.country.code

    @property
    def ship_to(self) -> Data:
        """The destination as the order names it."""
        return {
            "country": self.country.code,
            "region": self.country.region,
            "postal_code": self.country.postal_code,
            "timezone": self.country.zone,
            "address_hash": self.address,
        }

    @property
    def total(self) -> int:
        """What all lines cost, in cents."""
        return sum(line.quantity * line.cents for line in self.lines)

    @property
    def payment(self) -> str:
        """The ID of the (first) payment."""
        return f"pay_{self.index:07d}"

    @property
    def first(self) -> SimulatedShipment:
        """The first shipment."""
        return self.shipments[0]

    @property
    def payments(self) -> str:
        """The source of its payment events."""
        return f"/payments/{self.provider}"

    @property
    def storefront(self) -> str:
        """The source of its storefront events."""
        return f"/storefront/{self.shop}"

    @property
    def invoices(self) -> str:
        """The source of its invoices."""
        return "/erp/finance"

    def money(self, cents: int) -> Data:
        """An amount in the order's currency."""
        return {"amount": f"{cents // 100}.{cents % 100:02d}", "currency": self.country.currency}

    def wait(self, name: str, low: int, high: int) -> int:
        """Seconds until the named milestone: what a fault has set, else a draw between the two."""
        fixed = self.waits.get(name)
        return self.rng.randint(low, high) if fixed is None else fixed

    def naming(self, lines: Iterable[SimulatedLine]) -> Data:
        """The `lines` of an event, or nothing where this order's warehouse names none."""
        return {"lines": [line.plain() for line in lines]} if self.names_lines else {}

    def plan_shipments(self) -> None:
        """Divides the lines among the shipments and numbers their parcels."""
        count = len(self.parcels)
        self.shipments = [self.shipment(n, self.lines[n::count], parcels) for n, parcels in enumerate(self.parcels)]

    def shipment(self, n: int, lines: list[SimulatedLine], parcels: int) -> SimulatedShipment:
        """The n-th shipment of this order with so many tracked parcels."""
        tracked = [f"{self.carrier.prefix}{self.index:08d}{n}{p}" for p in range(parcels)]
        known = self.site.numbers_shipments or not tracked
        return SimulatedShipment(f"SHP-{self.index:07d}-{n}" if known else None, lines, tracked)

    def add(self, at: int, source: str, kind: str, data: Data, *, named: bool = True) -> SimulatedStep:
        """Appends an event to the script and returns it."""
        step = SimulatedStep(f"{self.index:07d}-{self.sequence:03d}", at, source, kind, data, named)
        self.sequence += 1
        self.script.append(step)
        return step

    def warehouse(self, at: int, step: str, **data: object) -> SimulatedStep:
        """Appends `warehouse.<step>` with the order's site."""
        return self.add(at, self.site.source, f"warehouse.{step}", {"site": self.site.name, **data})

    def scan(
        self, at: int, shipment: SimulatedShipment, status: str, reason: str | None = None, parcel: int = 0, **data: object
    ) -> SimulatedStep:
        """Appends a scan of one parcel (of the whole shipment if it has no tracking numbers); some scans name no order."""
        content: Data = {"status": status, "carrier": self.carrier.name, **data}
        if reason is not None:
            content["reason"] = reason
        if shipment.parcels:
            content["tracking_number"] = shipment.parcels[parcel]
        else:
            content["shipment_id"] = shipment.id
        return self.add(at, self.carrier.source, "carrier.scan", content, named=self.rng.random() < 0.55)

    def expect(self, kind: str, status: Status, scope: str | None = None) -> None:
        """Labels the order with an exception that its script must cause."""
        self.labels.append(Label(self.id, kind, scope, status))

    # --- editing a script ---------------------------------------------------------------------------------------------

    def find(self, kind: str, status: str | None = None) -> SimulatedStep:
        """The earliest event of a type, for scans of a status. Raises `LookupError` if there is none."""
        found = [step for step in self.script if step.type == kind and (status is None or step.data.get("status") == status)]
        if not found:
            raise LookupError(f"order {self.id} has no {kind} {status or ''}")
        return min(found, key=lambda step: step.at)

    def scanned(self, status: str) -> int:
        """When the first scan of this status happened."""
        return self.find("carrier.scan", status).at

    def after(self, at: int) -> int:
        """When the next scan after an instant happens."""
        return min(step.at for step in self.script if step.type == "carrier.scan" and step.at > at)

    def between(self, status: str) -> int:
        """The middle between the first scan of this status and the next scan."""
        at = self.scanned(status)
        return (at + self.after(at)) // 2

    def drop(self, kind: str, status: str | None = None) -> None:
        """Takes all events of a type, for scans of a status, out of the script."""
        self.script = [step for step in self.script if step.type != kind or (status is not None and step.data.get("status") != status)]

    def cut(self, at: int) -> None:
        """Takes everything after an instant out of the script; the dates promised before stay as planned."""
        self.script = [step for step in self.script if step.at <= at]

    def postpone(self, at: int, seconds: int) -> None:
        """Lets everything after an instant happen so much later; the promised dates move along."""
        for step in self.script:
            if step.at > at:
                step.at += seconds
        for shipment in self.shipments:
            shipment.shipped += seconds if shipment.shipped > at else 0
            shipment.delivered += seconds if shipment.delivered > at else 0
        self.when = {name: moment + seconds if moment > at else moment for name, moment in self.when.items()}

    def stretch(self, at: int, seconds: int) -> None:
        """Makes the silence between the scan at an instant and the next scan exactly so long."""
        self.postpone(at, seconds - (self.after(at) - at))

    # --- the promised dates -------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Sets the dates that the customer was promised, and what carriers estimate, by what the script came to."""
        last = max((shipment.delivered for shipment in self.shipments), default=0)
        shipped = max((shipment.shipped for shipment in self.shipments), default=0)
        ship = self.ship_deadline or shipped + self.ship_slack
        promise = self.promise_deadline or last + self.promise_slack
        if self.method != "digital":
            self._date("ship_by", self.ship_by, ship)
            self._date("promised_by", self.promised_by, promise)
        self.placing["lines"] = [line.ordered() for line in self.lines]
        if self.etas:
            for shipment in self.shipments:
                self._estimate(shipment)

    def _date(self, name: str, style: Style, at: int) -> None:
        if style == "date":
            self.placing[name] = day(at)
        elif style == "instant":
            self.placing[name] = instant(at, self.site.zone)
        elif style == "range":
            self.placing[name] = f"{day(at - 2 * DAY)}/{day(at)}"

    def _estimate(self, shipment: SimulatedShipment) -> None:
        eta = instant(shipment.delivered + HOUR)
        for step in self.script:
            if step.data.get("status") in ("accepted", "in_transit") and step.data.get("tracking_number") in shipment.parcels:
                step.data.setdefault("eta", eta)


def local_courier(order: SimulatedOrder) -> None:
    """Makes the order one that a local courier brings, known by its shipment ID only."""
    order.method = "local"
    order.lane(international=False)
    order.carrier = COURIER
    order.parcels = (0,)
