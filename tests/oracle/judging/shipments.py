"""Shipments of one order: which events speak of the same one, and when it reached what."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.oracle.judging.reading import NEVER, Event, Line

POSSESSION = frozenset(
    {
        *("accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "ready_for_pickup", "held"),
        *("damaged", "returning", "returned", "delivered", "failed_final", "lost"),
    }
)
NO_POSSESSION_REASONS = frozenset({"pickup_failed", "not_found", "rejected"})


def possession(scan: Event) -> bool:
    """Whether the scan shows that the carrier has the parcel."""
    return scan.text("status") in POSSESSION and scan.text("reason") not in NO_POSSESSION_REASONS


def estimate(scan: Event) -> bool:
    """Whether the carrier only says when it will deliver."""
    return bool(scan.text("eta")) and scan.text("status") == "unknown" and not scan.text("reason")


def first(events: list[Event]) -> int:
    """The earliest time among the events."""
    return min((event.at for event in events), default=NEVER)


def with_status(scans: list[Event], *statuses: str) -> list[Event]:
    """The scans that have one of the statuses."""
    return [scan for scan in scans if scan.text("status") in statuses]


@dataclass(eq=False)
class Shipment:
    """One shipment with all that was said of it; `parcels` holds each parcel's scans in history order, `told` its estimates."""

    key: str
    shipment_ids: set[str]
    numbers: list[str]
    labels: list[Event] = field(default_factory=list[Event])
    ships: list[Event] = field(default_factory=list[Event])
    scans: list[Event] = field(default_factory=list[Event])
    parcels: dict[str, list[Event]] = field(default_factory=dict[str, list[Event]])
    told: dict[str, list[Event]] = field(default_factory=dict[str, list[Event]])
    voided: int = NEVER
    replaced: int = NEVER

    @property
    def scope(self) -> str:
        """The scope of what is said of this shipment."""
        return f"shipment:{self.key}"

    @property
    def first_scan(self) -> int:
        """The first scan that shows possession."""
        return first([scan for scan in self.scans if possession(scan)])

    @property
    def label(self) -> int:
        """The first label."""
        return first(self.labels)

    @property
    def shipped(self) -> int:
        """When it left: by the warehouse's word or by a possession scan."""
        return min(first(self.ships), self.first_scan)

    @property
    def delivered(self) -> int:
        """When its last parcel was delivered."""
        return max(first(with_status(scans, "delivered")) for scans in self.parcels.values())

    @property
    def ready(self) -> int:
        """When its last parcel could be fetched."""
        return max(first(with_status(scans, "ready_for_pickup")) for scans in self.parcels.values())

    @property
    def came(self) -> int:
        """When its last parcel was delivered or could be fetched."""
        return max(first(with_status(scans, "delivered", "ready_for_pickup")) for scans in self.parcels.values())

    @property
    def replaces(self) -> list[Event]:
        """Its labels and ship confirmations that say that it replaces another."""
        return [event for event in [*self.labels, *self.ships] if event.text("replaces")]

    @property
    def lines(self) -> list[Line]:
        """What is in it, by its ship confirmations, else by its labels."""
        return self.confirmed or self.labelled

    @property
    def confirmed(self) -> list[Line]:
        """What its ship confirmations say is in it."""
        return [line for event in self.ships for line in event.lines]

    @property
    def labelled(self) -> list[Line]:
        """What its labels say is in it: of several of the same parcels the last."""
        last = {frozenset(event.numbers): event.lines for event in self.labels if event.lines}
        return [line for lines in last.values() for line in lines]

    @property
    def names(self) -> set[str]:
        """All that it may be named by."""
        return self.shipment_ids | set(self.numbers)

    @property
    def counts(self) -> bool:
        """Whether it counts as shipped: not voided, or moving all the same."""
        return self.voided == NEVER or self.first_scan != NEVER

    @property
    def carrier(self) -> str | None:
        """The carrier that was named last."""
        events = sorted([*self.labels, *self.ships, *self.scans], key=lambda event: (event.at, event.source, event.id))
        return next((carrier for event in reversed(events) if (carrier := event.text("carrier"))), None)


def return_numbers(history: list[Event]) -> set[str]:
    """Tracking numbers of return parcels: named by a return and by no label or ship confirmation."""
    back = {number for event in history if event.type.startswith("return.") for number in event.numbers}
    out = {number for event in history if event.type in ("warehouse.label_created", "warehouse.shipped") for number in event.numbers}
    return back - out


def shipments(history: list[Event]) -> list[Shipment]:
    """All shipments of an order, by key."""
    back = return_numbers(history)
    labels = [event for event in history if event.type == "warehouse.label_created"]
    ships = [event for event in history if event.type == "warehouse.shipped"]
    scans = [event for event in history if event.type == "carrier.scan" and not back.intersection(event.numbers)]

    def names(event: Event) -> set[tuple[str, str]]:
        ids = {("s", event.text("shipment_id") or "")} if event.text("shipment_id") else set[tuple[str, str]]()
        return ids | {("t", number) for number in event.numbers}

    groups: list[set[tuple[str, str]]] = []
    for event in [*labels, *ships, *scans]:
        named = names(event)
        if named:
            groups = [group for group in groups if not group & named] + [named.union(*(group for group in groups if group & named))]
    bare = any(not names(event) for event in [*labels, *ships])
    anonymous = [scan for scan in scans if not names(scan)]
    found: list[Shipment] = []
    for group in groups:
        ids = sorted(value for kind, value in group if kind == "s")
        numbers = sorted(value for kind, value in group if kind == "t")
        found.append(Shipment((ids or numbers)[0], set(ids), numbers))
    if bare or (anonymous and len(found) != 1):
        found.append(Shipment("-", set(), []))
    found.sort(key=lambda shipment: shipment.key)

    def owner(event: Event) -> Shipment:
        named = names(event)
        if not named:
            alone = len(found) == 1 and event.type == "carrier.scan"
            return found[0] if alone else next(shipment for shipment in found if shipment.key == "-")
        return next(one for one in found if _named(one, named))

    for shipment in found:
        shipment.labels = [event for event in labels if owner(event) is shipment]
        shipment.ships = [event for event in ships if owner(event) is shipment]
        mine = [event for event in scans if owner(event) is shipment]
        shipment.scans = [scan for scan in mine if not estimate(scan)]
        for parcel in shipment.numbers or [""]:
            said = [scan for scan in mine if not scan.numbers or parcel in scan.numbers]
            shipment.parcels[parcel] = [scan for scan in said if not estimate(scan)]
            shipment.told[parcel] = [scan for scan in said if scan.text("eta")]
    for shipment in found:
        shipment.voided = min(
            first([event for event in history if event.type == "warehouse.shipment_cancelled" and _named(shipment, names(event))]),
            first(with_status(shipment.scans, "cancelled")),
        )
        shipment.replaced = first(
            [
                event
                for other in found
                if other is not shipment
                for event in other.replaces
                if _named(shipment, {("s", event.text("replaces") or ""), ("t", event.text("replaces") or "")})
            ]
        )
    return found


def _named(shipment: Shipment, names: set[tuple[str, str]]) -> bool:
    return any((kind == "s" and value in shipment.shipment_ids) or (kind == "t" and value in shipment.numbers) for kind, value in names)
