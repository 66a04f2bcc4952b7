"""The shipments of one order and their parcels, drawn from labels, hand-overs and scans.

A shipment is what its identifiers tie together: shipment IDs and tracking numbers named in one event belong to one shipment. A label
is never possession; a possession scan counts as shipped. Return parcels are not shipments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from dataflows.core.history.lazy import fact
from schemas.events import CarrierScan, Line, ReturnStep, ShipmentCancelled, WarehouseShipment
from schemas.instants import earliest
from schemas.record import Record

POSSESSION = frozenset(
    "accepted in_transit customs out_for_delivery attempt_failed ready_for_pickup held damaged returning returned delivered"
    " failed_final lost".split()
)
NEVER_POSSESSION = frozenset(("pickup_failed", "not_found", "rejected"))
MOVING = frozenset(("accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "ready_for_pickup", "delivered"))
NO_ID = "-"


def scan_of(record: Record) -> CarrierScan:
    """The data of a `carrier.scan`."""
    return cast("CarrierScan", record.event.data)


def is_estimate(record: Record) -> bool:
    """Whether a `carrier.scan` is a mere delivery estimate: it says when, and nothing of where the parcel is."""
    data = cast("CarrierScan", record.event.data)
    return data.eta is not None and data.status == "unknown" and data.reason is None


def possession(record: Record) -> bool:
    """Whether a scan shows that the carrier has the parcel."""
    data = cast("CarrierScan", record.event.data)
    return data.status in POSSESSION and data.reason not in NEVER_POSSESSION


def tracking_numbers(data: WarehouseShipment) -> list[str]:
    """All tracking numbers that a label or a hand-over names."""
    numbers = [data.tracking_number] if data.tracking_number else []
    numbers.extend(n for n in data.tracking_numbers or () if n not in numbers)
    return numbers


class Parcel:
    """One tracking number and its scans, as they happened ("" where the shipment has no tracking number).

    `told` are the delivery estimates: those that came by themselves, and the scans that state one.
    """

    def __init__(self, tracking: str, said: Sequence[Record] = ()) -> None:
        self.tracking = tracking
        self.scans: list[Record] = [r for r in said if not is_estimate(r)]
        self.told: list[Record] = [r for r in said if scan_of(r).eta is not None]

    def first(self, *statuses: str) -> int | None:
        """When the first scan with one of these statuses happened."""
        return next((r.at for r in self.scans if scan_of(r).status in statuses), None)

    @fact
    def delivered(self) -> int | None:
        """When it was first scanned delivered."""
        return self.first("delivered")

    @fact
    def returned(self) -> int | None:
        """When it was first scanned as back at its sender."""
        return self.first("returned")

    def following(self, position: int) -> Record | None:
        """The scan after the one at `position`."""
        return self.scans[position + 1] if position + 1 < len(self.scans) else None


class Shipment:
    """One shipment; instants are µs, UTC, None where it has not come to that."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.ids: set[str] = set()
        self.trackings: set[str] = set()
        self.labels: list[Record] = []
        self.handovers: list[Record] = []
        self.parcels: list[Parcel] = []
        self.voided: int | None = None
        self.replaced: int | None = None

    @property
    def scope(self) -> str:
        """Its scope in verdicts."""
        return f"shipment:{self.key}"

    @fact
    def announcements(self) -> list[WarehouseShipment]:
        """What hand-overs, then labels say of it."""
        return [cast("WarehouseShipment", r.event.data) for r in (*self.handovers, *self.labels)]

    @fact
    def scans(self) -> list[Record]:
        """All scans of all parcels."""
        if len(self.parcels) == 1:
            return self.parcels[0].scans
        seen: dict[int, Record] = {id(r): r for p in self.parcels for r in p.scans}
        return sorted(seen.values(), key=lambda r: (r.at, r.event.source, r.event.id))

    @fact
    def first_scan(self) -> int | None:
        """When the carrier first had it."""
        return next((r.at for r in self.scans if possession(r)), None)

    @fact
    def handed_over(self) -> int | None:
        """When the warehouse said that it left."""
        return min((r.at for r in self.handovers), default=None)

    @fact
    def shipped(self) -> int | None:
        """When it left: said by the warehouse or shown by a possession scan."""
        return earliest(self.handed_over, self.first_scan)

    @fact
    def labelled(self) -> int | None:
        """When its label was made."""
        return min((r.at for r in self.labels), default=None)

    @fact
    def delivered(self) -> int | None:
        """When the last of its parcels was delivered."""
        return _last(p.delivered for p in self.parcels)

    @fact
    def returned(self) -> int | None:
        """When the last of its parcels was back."""
        return _last(p.returned for p in self.parcels)

    @fact
    def lines(self) -> list[Line] | None:
        """Its lines: of its hand-overs, else of its labels; None where they are not said."""
        for records in (self.handovers, self.labels):
            lines = [line for r in records for line in cast("WarehouseShipment", r.event.data).lines or ()]
            if lines:
                return lines
        return None

    @property
    def live(self) -> bool:
        """Neither voided nor replaced."""
        return self.voided is None and self.replaced is None

    @property
    def left(self) -> bool:
        """Counts as shipped: a voided one only if the carrier has had it."""
        return self.voided is None or self.first_scan is not None

    @fact
    def replaces(self) -> str | None:
        """The shipment that it says it replaces."""
        return next((a.replaces for a in self.announcements if a.replaces), None)

    def said(self, name: str) -> str | None:
        """The first `carrier`, `service` or `site` that its hand-over, label or scans name."""
        for data in self.announcements:
            value = cast("str | None", getattr(data, name))
            if value:
                return value
        if name == "carrier":
            return next((c for r in self.scans if (c := scan_of(r).carrier)), None)
        return None

    def known_as(self, identifier: str | None) -> bool:
        """Whether it goes by this shipment ID or tracking number."""
        return identifier is not None and (identifier in self.ids or identifier in self.trackings)


def _last(instants: Iterable[int | None]) -> int | None:
    known = list(instants)
    return None if not known or None in known else max(i for i in known if i is not None)


def return_trackings(returns: Sequence[Record], announcements: Sequence[Record]) -> frozenset[str]:
    """Tracking numbers of return parcels: named by return events and by no label or hand-over."""
    if not returns:
        return frozenset()
    outbound = {n for r in announcements for n in tracking_numbers(cast("WarehouseShipment", r.event.data))}
    named = {cast("ReturnStep", r.event.data).tracking_number for r in returns}
    return frozenset(n for n in named if n and n not in outbound)


class _Ties:
    """Which identifiers belong together (disjoint sets)."""

    def __init__(self) -> None:
        self.parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(self, node: tuple[str, str]) -> tuple[str, str]:
        parent = self.parent.setdefault(node, node)
        return node if parent == node else self.root(parent)

    def tie(self, nodes: list[tuple[str, str]]) -> None:
        first = self.root(nodes[0])
        for node in nodes[1:]:
            self.parent[self.root(node)] = first


def _identifiers(record: Record) -> list[tuple[str, str]]:
    if record.event.type == "carrier.scan":
        data = scan_of(record)
        numbers = [data.tracking_number] if data.tracking_number else []
        shipment_id = data.shipment_id
    else:
        announced = cast("WarehouseShipment", record.event.data)
        numbers = tracking_numbers(announced)
        shipment_id = announced.shipment_id
    nodes = [("s", shipment_id)] if shipment_id else []
    nodes.extend(("t", n) for n in numbers)
    return nodes


def build_shipments(
    labels: Sequence[Record],
    handovers: Sequence[Record],
    scans: Sequence[Record],
    cancellations: Sequence[Record],
    returning: frozenset[str],
) -> list[Shipment]:
    """The shipments of an order, by key; `returning` are the tracking numbers of return parcels, whose scans are left out."""
    outbound = [r for r in scans if scan_of(r).tracking_number not in returning] if returning else scans
    only = _only_shipment(labels, handovers, outbound)
    found = [only] if only is not None else _tied_shipments(labels, handovers, outbound)
    _end(found, cancellations)
    return found


def _only_shipment(labels: Sequence[Record], handovers: Sequence[Record], scans: Sequence[Record]) -> Shipment | None:
    """The shipment of an order that plainly has one, with one parcel: the common case, without tying anything."""
    announced = handovers or labels
    if not announced:
        return None
    first = cast("WarehouseShipment", announced[0].event.data)
    id_, number = first.shipment_id, first.tracking_number
    if number is None:
        return None
    for record in (*labels, *handovers):
        data = cast("WarehouseShipment", record.event.data)
        if data.shipment_id != id_ or data.tracking_number != number or data.tracking_numbers:
            return None
    for record in scans:
        scan = cast("CarrierScan", record.event.data)
        if scan.tracking_number not in (None, number) or scan.shipment_id not in (None, id_):
            return None
    shipment = Shipment(id_ or number)
    shipment.ids = {id_} if id_ else set()
    shipment.trackings = {number}
    shipment.labels, shipment.handovers = list(labels), list(handovers)
    shipment.parcels = [Parcel(number, scans)]
    return shipment


def _tied_shipments(labels: Sequence[Record], handovers: Sequence[Record], outbound: Sequence[Record]) -> list[Shipment]:
    ties = _Ties()
    named: list[tuple[Record, list[tuple[str, str]]]] = [(r, _identifiers(r)) for r in (*labels, *handovers, *outbound)]
    for _, nodes in named:
        if nodes:
            ties.tie(nodes)
    by_root: dict[tuple[str, str], Shipment] = {}
    for node in ties.parent:
        shipment = by_root.setdefault(ties.root(node), Shipment(""))
        (shipment.ids if node[0] == "s" else shipment.trackings).add(node[1])
    for shipment in by_root.values():
        shipment.key = min(shipment.ids) if shipment.ids else min(shipment.trackings)
    nameless = (NO_ID, "")
    if any(not nodes for record, nodes in named if record.event.type != "carrier.scan"):
        by_root[nameless] = Shipment(NO_ID)
    loose = [record for record, nodes in named if not nodes and record.event.type == "carrier.scan"]
    if loose:
        home = next(iter(by_root)) if len(by_root) == 1 else nameless
        by_root.setdefault(home, Shipment(NO_ID))
    else:
        home = nameless
    said: dict[tuple[str, str], list[Record]] = {root: [] for root in by_root}
    for record, nodes in named:
        root = ties.root(nodes[0]) if nodes else home if record.event.type == "carrier.scan" else nameless
        if record.event.type == "carrier.scan":
            said[root].append(record)
        else:
            (by_root[root].labels if record.event.type == "warehouse.label_created" else by_root[root].handovers).append(record)
    for root, shipment in by_root.items():
        mine = said[root]
        shipment.parcels = [
            Parcel(number, [r for r in mine if scan_of(r).tracking_number in (None, number)]) for number in sorted(shipment.trackings)
        ] or [Parcel("", mine)]
    return sorted(by_root.values(), key=lambda s: s.key)


def _end(shipments: list[Shipment], cancellations: Sequence[Record]) -> None:
    """Marks the shipments that were voided or replaced."""
    for record in cancellations:
        data = cast("ShipmentCancelled", record.event.data)
        for shipment in shipments:
            if shipment.known_as(data.shipment_id) or shipment.known_as(data.tracking_number):
                shipment.voided = earliest(shipment.voided, record.at)
    for shipment in shipments:
        cancelled = next((r.at for r in shipment.scans if scan_of(r).status == "cancelled"), None)
        if cancelled is not None:
            shipment.voided = earliest(shipment.voided, cancelled)
        if len(shipments) == 1:
            return
        for record in (*shipment.labels, *shipment.handovers):
            replaces = cast("WarehouseShipment", record.event.data).replaces
            for other in shipments if replaces else ():
                if other is not shipment and other.known_as(replaces):
                    other.replaced = earliest(other.replaced, record.at)
