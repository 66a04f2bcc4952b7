"""Shipments of one order: which events speak of the same one, and when it reached what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.oracle.judging.confirms import said_once
from tests.oracle.judging.parcels import Parcel, estimate, first, possession, told_once, with_status
from tests.oracle.judging.reading import NEVER, Event, Line

if TYPE_CHECKING:
    from collections.abc import Iterable

OUTBOUND = ("warehouse.label_created", "warehouse.shipped")


@dataclass(eq=False)
class Shipment:
    """One shipment with all that was said of it."""

    key: str
    shipment_ids: set[str]
    numbers: list[str]
    labels: list[Event] = field(default_factory=list[Event])
    ships: list[Event] = field(default_factory=list[Event])
    scans: list[Event] = field(default_factory=list[Event])
    parcels: list[Parcel] = field(default_factory=list[Parcel])
    replaced: int = NEVER

    @property
    def scope(self) -> str:
        """The scope of what is said of this shipment."""
        return f"shipment:{self.key}"

    @property
    def live(self) -> list[Parcel]:
        """Its parcels that were not voided."""
        return [parcel for parcel in self.parcels if parcel.voided == NEVER]

    @property
    def awaited(self) -> list[Parcel]:
        """Its parcels that were not voided, and that did not go over to another number."""
        return [parcel for parcel in self.live if parcel.over_to is None]

    @property
    def voided(self) -> int:
        """When its last parcel was voided."""
        return max(parcel.voided for parcel in self.parcels)

    @property
    def first_scan(self) -> int:
        """The first scan that shows possession."""
        return min(parcel.possessed for parcel in self.parcels)

    @property
    def label(self) -> int:
        """The first label of a parcel that was not voided."""
        return min((parcel.label for parcel in self.live), default=NEVER)

    @property
    def shipped(self) -> int:
        """When it left: by the warehouse's word or by a possession scan."""
        return min((min(parcel.handed, parcel.possessed) for parcel in self.live), default=NEVER)

    @property
    def delivered(self) -> int:
        """When its last parcel was delivered."""
        return max((parcel.reached("delivered") for parcel in self.awaited), default=NEVER)

    @property
    def ready(self) -> int:
        """When its last parcel could be fetched."""
        return max((parcel.reached("ready_for_pickup") for parcel in self.awaited), default=NEVER)

    @property
    def came(self) -> int:
        """When its last parcel was delivered or could be fetched."""
        return max((parcel.reached("delivered", "ready_for_pickup") for parcel in self.awaited), default=NEVER)

    @property
    def replaces(self) -> list[Event]:
        """Its labels and ship confirmations that say that it replaces another."""
        return [event for event in [*self.labels, *self.ships] if event.text("replaces")]

    @property
    def begun(self) -> int:
        """Its first label or ship confirmation."""
        return first([*self.labels, *self.ships])

    @property
    def lines(self) -> list[Line]:
        """What is in it, by its ship confirmations, else by its labels."""
        return self.confirmed or self.labelled

    @property
    def confirmed(self) -> list[Line]:
        """What the ship confirmations of parcels that were not voided say is in it."""
        mine = [event for event in self.ships if any(event is one for parcel in self.live for one in parcel.hands)]
        return said_once(mine)

    @property
    def labelled(self) -> list[Line]:
        """What the labels of such parcels say is in it: of several of the same numbers the last."""
        mine = [event for event in self.labels if any(event is one for parcel in self.live for one in parcel.labels)]
        last = {frozenset(event.numbers): event.lines for event in mine if event.lines}
        return [line for lines in last.values() for line in lines]

    @property
    def names(self) -> set[str]:
        """All that it may be named by."""
        return self.shipment_ids | set(self.numbers)

    @property
    def counts(self) -> bool:
        """Whether it counts: not voided."""
        return self.voided == NEVER

    @property
    def carrier(self) -> str | None:
        """The carrier that has it: the one that its first hand-over names, else its first label, else its first scan."""
        turns = [sorted(events, key=lambda event: (event.at, event.source, event.id)) for events in (self.ships, self.labels, self.scans)]
        return next((carrier for events in turns for event in events if (carrier := event.text("carrier"))), None)


def one_parcel(history: list[Event], number: str) -> set[str]:
    """A number and all that the carrier put in its place, or that it was put in the place of."""
    found: set[str] = {number}
    relabels = [set(event.numbers) for event in history if event.type == "carrier.relabelled"]
    while more := [both for both in relabels if both & found and not both <= found]:
        found = found.union(*more)
    return found


def return_numbers(history: list[Event]) -> set[str]:
    """Tracking numbers of return parcels: named by a return before any label or ship confirmation names them."""
    back = [event for event in history if event.type.startswith("return.")]
    out = [event for event in history if event.type in OUTBOUND]
    found: set[str] = set()
    for number in {number for event in back for number in event.numbers}:
        same = one_parcel(history, number)
        if first(naming(back, same)) < first(naming(out, same)):
            found |= same
    return found


def lent(history: list[Event]) -> dict[str, int]:
    """Numbers of parcels that had come to their end when a return named them, and when it did: what is scanned after that comes back."""
    back = [event for event in history if event.type.startswith("return.")]
    out = [event for event in history if event.type in OUTBOUND]
    over = with_status([event for event in history if event.type == "carrier.scan"], "delivered", "returned")
    found: dict[str, int] = {}
    for number in {number for event in back for number in event.numbers}:
        same = one_parcel(history, number)
        end, sent = first(naming(over, same)), first(naming(out, same))
        if sent < NEVER and first(naming(back, same)) >= sent:
            named = first([event for event in naming(back, same) if event.at > end])
            found |= dict.fromkeys(same, named) if named < NEVER else {}
    return found


def naming(events: list[Event], numbers: set[str]) -> list[Event]:
    """The events that name one of the numbers of a parcel."""
    return [event for event in events if numbers.intersection(event.numbers)]


def return_scans(history: list[Event]) -> list[Event]:
    """Scans of return parcels. A number that is a parcel's later is the return's until then, if anything had left that could come back."""
    back, again = return_numbers(history), lent(history)
    out = [event for event in history if event.type in OUTBOUND]
    named = {number for event in history if event.type.startswith("return.") for number in event.numbers}
    scans = [event for event in history if event.type == "carrier.scan"]
    moved = [scan for scan in scans if scan.numbers and not named.intersection(scan.numbers) and possession(scan)]
    left = first([*(event for event in out if event.type == "warehouse.shipped"), *moved])
    found: list[Event] = []
    for scan in scans:
        mine = back.intersection(scan.numbers)
        until = min((first(naming(out, one_parcel(history, number))) for number in mine), default=-NEVER)
        if (mine and (until == NEVER or left <= scan.at < until)) or any(scan.at > again.get(number, NEVER) for number in scan.numbers):
            found.append(scan)
    return found


def groups_of(events: list[Event]) -> list[set[tuple[str, str]]]:
    """Shipment IDs and tracking numbers that occur together."""
    groups: list[set[tuple[str, str]]] = []
    for event in events:
        if named := names_of(event):
            groups = [group for group in groups if not group & named] + [named.union(*(group for group in groups if group & named))]
    return groups


def names_of(event: Event) -> set[tuple[str, str]]:
    """How an event names a shipment."""
    ids = {("s", event.text("shipment_id") or "")} if event.text("shipment_id") else set[tuple[str, str]]()
    return ids | {("t", number) for number in event.numbers}


def shipments(history: list[Event]) -> list[Shipment]:
    """All shipments of an order, by key."""
    returned = {id(scan) for scan in return_scans(history)}
    labels = [event for event in history if event.type == "warehouse.label_created"]
    ships = [event for event in history if event.type == "warehouse.shipped"]
    scans = [event for event in history if event.type == "carrier.scan" and id(event) not in returned]
    relabels = [event for event in history if event.type == "carrier.relabelled"]
    known = {name for event in [*labels, *ships, *scans] for name in names_of(event)}
    groups = groups_of([*labels, *ships, *scans, *(event for event in relabels if names_of(event) & known)])
    bare = any(not names_of(event) for event in [*labels, *ships])
    anonymous = [scan for scan in scans if not names_of(scan)]
    found: list[Shipment] = []
    for group in groups:
        ids = sorted(value for kind, value in group if kind == "s")
        numbers = sorted(value for kind, value in group if kind == "t")
        found.append(Shipment((ids or numbers)[0], set(ids), numbers))
    if bare or (anonymous and len(found) != 1):
        found.append(Shipment("-", set(), []))
    found.sort(key=lambda shipment: shipment.key)

    def owner(event: Event) -> Shipment:
        named = names_of(event)
        if not named:
            alone = len(found) == 1 and event.type == "carrier.scan"
            return found[0] if alone else next(shipment for shipment in found if shipment.key == "-")
        return next(one for one in found if _named(one, named))

    for shipment in found:
        shipment.labels = [event for event in labels if owner(event) is shipment]
        shipment.ships = [event for event in ships if owner(event) is shipment]
        mine = [event for event in scans if owner(event) is shipment]
        for all_of, current in parcels_of(shipment.numbers, relabels):
            said = [scan for scan in mine if not scan.numbers or all_of.intersection(scan.numbers)]
            parcel = Parcel(min(current or all_of or {""}), all_of, current)
            parcel.scans = told_once([scan for scan in said if not estimate(scan)])
            parcel.told = [scan for scan in said if scan.text("eta") and not parcel.goes_back(scan)]
            shipment.parcels.append(parcel)
        kept = {id(scan) for parcel in shipment.parcels for scan in parcel.scans}
        shipment.scans = [scan for scan in mine if id(scan) in kept]
        for parcel in shipment.parcels:
            parcel.announce(shipment.labels, shipment.ships)
        voids = [event for event in history if event.type == "warehouse.shipment_cancelled" and _named(shipment, names_of(event))]
        for parcel in shipment.parcels if voids or with_status(shipment.scans, "cancelled") else ():
            parcel.leave([other for other in shipment.parcels if other is not parcel])
        for parcel in shipment.parcels:
            parcel.void(voids_of(shipment, parcel, history))
        hand_over(shipment)
    for shipment in found:
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


def parcels_of(numbers: list[str], relabels: list[Event]) -> list[tuple[set[str], set[str]]]:
    """The numbers of each parcel of a shipment, and those that no other number took the place of; one without any if it has none."""
    found: list[set[str]] = [{number} for number in numbers]
    for event in relabels:
        both = set(event.numbers)
        found = [one for one in found if not one & both] + [set[str]().union(*(one for one in found if one & both))]
    over = {event.text("replaces_number") for event in relabels if event.text("replaces_number") != event.text("tracking_number")}
    found = sorted((one for one in found if one), key=min)
    return [(one, one - over) for one in found] or [(set(), set())]


def voids_of(shipment: Shipment, parcel: Parcel, history: list[Event]) -> list[Event]:
    """What voids a parcel: its number, or its shipment's ID alone where the parcel had been named by then."""
    found: list[Event] = []
    outbound = [*shipment.labels, *shipment.ships]
    mine = [event for event in outbound if parcel.numbers.intersection(event.numbers)]
    for event in history:
        if event.type == "warehouse.shipment_cancelled":
            if event.numbers:
                if (parcel.current or parcel.numbers).intersection(event.numbers):
                    found.append(event)
            elif event.text("shipment_id") in shipment.shipment_ids:
                ids = {event.text("shipment_id") for event in mine} - {None}
                named = mine or outbound
                if first(named) <= event.at and (not mine or not ids or event.text("shipment_id") in ids):
                    found.append(event)
    return [*found, *with_status(parcel.scans, "cancelled")]


def hand_over(shipment: Shipment) -> None:
    """Which numbers went over to which: the parcel was handed to another carrier, which gave it a number of its own."""
    wishes: list[tuple[Parcel, Parcel]] = []
    for one in shipment.parcels:
        others = [other for other in shipment.parcels if other is not one and one.may_go_over_to(other)]
        if others:
            wishes.append((one, min(others, key=lambda other: (other.possessed, other.name))))
    for one, other in wishes:
        if sum(1 for _, wanted in wishes if wanted is other) == 1:
            one.over_to, other.taken_over = other, True


def ancestors(one: Shipment, shipments: Iterable[Shipment]) -> list[Shipment]:
    """The shipments that a shipment replaces, directly or not."""
    found: list[Shipment] = []
    waiting = [one]
    known = list(shipments)
    while waiting:
        now = waiting.pop()
        for other in known:
            if other is not one and other not in found and any(event.text("replaces") in other.names for event in now.replaces):
                found.append(other)
                waiting.append(other)
    return found


def _named(shipment: Shipment, names: set[tuple[str, str]]) -> bool:
    return any((kind == "s" and value in shipment.shipment_ids) or (kind == "t" and value in shipment.numbers) for kind, value in names)
