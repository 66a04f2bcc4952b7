"""Which events belong to which shipment of an order, and which shipments were voided or replaced.

A shipment is what its identifiers tie together: shipment IDs and tracking numbers named in one event belong to one shipment, and so do
numbers of which the carrier says that one replaced the other; those are of one parcel. Return parcels are not shipments. An event that
names no identifier belongs to a shipment without one; a scan such as that, to the only shipment if there is one.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import cast

from dataflows.core.history.manifest import tracking_numbers
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.shipments import NO_ID, Shipment
from schemas.events import Relabelled, ShipmentCancelled, WarehouseShipment
from schemas.instants import earliest
from schemas.record import Record

SCAN = "carrier.scan"
RELABELLED = "carrier.relabelled"
Identifier = tuple[str, str]
"""A kind (`s`: shipment ID, `t`: tracking number) and the identifier."""
_by_key = attrgetter("key")


def identifiers(record: Record) -> list[Identifier]:
    """The identifiers that a label, a hand-over, a scan or a new label of the carrier ties together."""
    if record.event.type == RELABELLED:
        relabelled = cast("Relabelled", record.event.data)
        return [("t", relabelled.replaces_number), ("t", relabelled.tracking_number)]
    if record.event.type == SCAN:
        data = scan_of(record)
        found = [("s", data.shipment_id)] if data.shipment_id else []
        if data.tracking_number:
            found.append(("t", data.tracking_number))
        return found
    announced = cast("WarehouseShipment", record.event.data)
    found = [("s", announced.shipment_id)] if announced.shipment_id else []
    found.extend(("t", number) for number in tracking_numbers(announced))
    return found


class _Ties:
    """Which identifiers belong together (disjoint sets)."""

    def __init__(self) -> None:
        self.parent: dict[Identifier, Identifier] = {}

    def root(self, node: Identifier) -> Identifier:
        parent = self.parent.setdefault(node, node)
        while parent != node:
            above = self.parent[parent]
            self.parent[node] = above
            node, parent = parent, above
        return node

    def tie(self, nodes: list[Identifier]) -> None:
        first = self.root(nodes[0])
        for node in nodes[1:]:
            self.parent[self.root(node)] = first


def one_parcel(relabels: Iterable[Record]) -> dict[str, str]:
    """Of numbers of which the carrier says that one replaced the other, by what name their parcel goes: the least of them."""
    ties = _Ties()
    for record in relabels:
        ties.tie(identifiers(record))
    names: dict[Identifier, str] = {}
    for node in ties.parent:
        root = ties.root(node)
        names[root] = min(names.get(root, node[1]), node[1])
    return {node[1]: names[ties.root(node)] for node in ties.parent}


class Shipments:
    """The shipments of one order: `all`, by key. `announced` are the tracking numbers that labels and hand-overs name."""

    def __init__(self) -> None:
        self.all: list[Shipment] = []
        self.announced: set[str] = set()
        self._of: dict[Identifier, Shipment] = {}
        self._nameless: Shipment | None = None
        self._home: Shipment | None = None
        self._voids: dict[Identifier, list[Record]] = {}
        self._former: set[str] = set()
        self._parcel_of: dict[str, str] = {}
        self._replaced: dict[str, list[tuple[int, Shipment]]] = {}

    @classmethod
    def build(
        cls, announcements: Iterable[Record], scans: Iterable[Record], cancellations: Iterable[Record], relabels: Iterable[Record] = ()
    ) -> Shipments:
        """The shipments that labels and hand-overs, scans (of outbound parcels), voids and new labels make, each in their order."""
        known, cancellations, relabels = (*announcements, *scans), list(cancellations), list(relabels)
        found = cls()
        if relabels or not all(found.take(record) for record in known):
            found = cls()
            found._former = {cast("Relabelled", record.event.data).replaces_number for record in relabels}
            found._parcel_of = one_parcel(relabels)
            found._tie(known, relabels)
            for record in known:
                found._give(found._shipment_of(record), record)
        for record in cancellations:
            found.void(record)
        return found

    def named(self, identifier: str | None) -> Shipment | None:
        """The first shipment, by key, that goes by this shipment ID or tracking number."""
        return min(self._called(identifier), key=_by_key, default=None) if identifier is not None else None

    def knows(self, number: str) -> bool:
        """Whether an event of a shipment has named a tracking number."""
        return ("t", number) in self._of

    def relabelled(self, number: str) -> bool:
        """Whether the carrier gave a parcel this number instead of another, or another instead of it."""
        return number in self._parcel_of

    def void(self, record: Record) -> None:
        """Takes in the latest void of a shipment or a label."""
        data = cast("ShipmentCancelled", record.event.data)
        shipments: list[Shipment] = []
        for node in (("s", data.shipment_id), ("t", data.tracking_number)):
            if node[1] is not None:
                known = cast("Identifier", node)
                self._voids.setdefault(known, []).append(record)
                if known in self._of and self._of[known] not in shipments:
                    shipments.append(self._of[known])
        for shipment in shipments:
            self._void(shipment, record)

    def _void(self, shipment: Shipment, record: Record) -> None:
        """Tells a shipment of a void. One of a number says nothing of other numbers; a number that was replaced is no longer used."""
        data = cast("ShipmentCancelled", record.event.data)
        if data.tracking_number not in self._former:
            shipment.void(data.tracking_number, data.shipment_id, record.at)

    def take(self, record: Record) -> Shipment | None:
        """Takes in the latest label, hand-over or outbound scan; the shipment that it speaks of.

        None if it cannot be added: then all of them must be built anew, since it shows two shipments to be one, or gives events without an
        identifier to another shipment.
        """
        nodes = identifiers(record)
        if not nodes:
            shipment = self._without_identifier(record)
        else:
            if self._parcel_of and any(node not in self._of and node[1] in self._parcel_of for node in nodes):
                return None  # Its parcel has other numbers, which no event of a shipment had named.
            found = {id(one): one for node in nodes if (one := self._of.get(node)) is not None}
            if len(found) > 1:
                return None
            shipment = next(iter(found.values()), None)
            if shipment is None:
                if self._home is not None and not self._has_nameless() and len(self.all) < 2:
                    return None  # Scans without an identifier go to the only shipment that there is.
                shipment = Shipment("")
                self._name(shipment, nodes)
                insort(self.all, shipment, key=_by_key)
            elif not all(map(self._of.__contains__, nodes)):
                if shipment.unheard and shipment.trackings and any(node[0] == "t" and node not in self._of for node in nodes):
                    return None  # What counted for none of its parcels may count for another.
                before = shipment.key
                self._name(shipment, nodes)
                if shipment.key != before:
                    self.all.sort(key=_by_key)
        if shipment is not None:
            self._give(shipment, record)
        return shipment

    def _without_identifier(self, record: Record) -> Shipment | None:
        """The shipment of an event that names none."""
        if record.event.type == SCAN and len(self.all) == 1:
            self._home = self.all[0]
            return self._home
        if self._nameless is None:
            if self._home is not None:
                return None
            self._nameless = Shipment(NO_ID)
            insort(self.all, self._nameless, key=_by_key)
        if record.event.type == SCAN:
            self._home = self._nameless
        return self._nameless

    def _tie(self, known: Sequence[Record], relabels: Sequence[Record]) -> None:
        """Makes the shipments, without their events yet, that all events together tie."""
        ties = _Ties()
        named = [(record, identifiers(record)) for record in known]
        for _, nodes in named:
            if nodes:
                ties.tie(nodes)
        for record in relabels:
            ties.tie(identifiers(record))
        spoken = {ties.root(node) for _, nodes in named for node in nodes}
        by_root: dict[Identifier, Shipment] = {}
        for node in [node for node in ties.parent if ties.root(node) in spoken]:
            self._name(by_root.setdefault(ties.root(node), Shipment("")), [node])
        self.all = list(by_root.values())
        loose = any(not nodes for record, nodes in named if record.event.type == SCAN)
        if any(not nodes for record, nodes in named if record.event.type != SCAN) or (loose and len(self.all) != 1):
            self._nameless = Shipment(NO_ID)
            self.all.append(self._nameless)
        if loose:
            self._home = self.all[0] if len(self.all) == 1 else self._nameless
        self.all.sort(key=_by_key)

    def _shipment_of(self, record: Record) -> Shipment:
        nodes = identifiers(record)
        if nodes:
            return self._of[nodes[0]]
        return cast("Shipment", self._home if record.event.type == SCAN else self._nameless)

    def _give(self, shipment: Shipment, record: Record) -> None:
        """Gives an event to its shipment."""
        if record.event.type == SCAN:
            shipment.scan(record)
            return
        shipment.announce(record)
        data = cast("WarehouseShipment", record.event.data)
        self.announced.update(tracking_numbers(data))
        replaces = data.replaces
        if replaces:
            self._replaced.setdefault(replaces, []).append((record.at, shipment))
            for other in self._called(replaces):
                if other is not shipment:
                    other.replaced = earliest(other.replaced, record.at)

    def _name(self, shipment: Shipment, nodes: Iterable[Identifier]) -> None:
        """Gives identifiers to a shipment, and what was said of them before they were known to be its."""
        for node in nodes:
            if node in self._of:
                continue
            self._of[node] = shipment
            kind, identifier = node
            shipment.name(kind, identifier, self._parcel_of.get(identifier, ""))
            for record in self._voids.get(node, ()):
                self._void(shipment, record)
            for at, other in self._replaced.get(identifier, ()):
                if other is not shipment:
                    shipment.replaced = earliest(shipment.replaced, at)

    def _has_nameless(self) -> bool:
        """Whether a label or a hand-over named no identifier."""
        return self._nameless is not None and bool(self._nameless.labels or self._nameless.handovers)

    def _called(self, identifier: str) -> list[Shipment]:
        """The shipments that go by an identifier; two, if it is the shipment ID of one and a tracking number of another."""
        known = [self._of.get(("s", identifier)), self._of.get(("t", identifier))]
        return [s for i, s in enumerate(known) if s is not None and s not in known[:i]]
