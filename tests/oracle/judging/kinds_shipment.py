"""shipment.*, each by its sentence in section 3 of the catalogue. Scans of a parcel are in history order: "next" means next in it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.oracle.judging.conditions import Condition, signal, state, timeout
from tests.oracle.judging.kinds_goods import delivery_overdue
from tests.oracle.judging.kinds_order import times
from tests.oracle.judging.reading import DAY, NEVER, Event, text
from tests.oracle.judging.shipments import Shipment, first, possession, with_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.oracle.judging.facts import Order

ROUTINE = ("accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "delayed", "exception", "unknown")
OF_ANOTHER_KIND = frozenset(
    {
        *("pickup_failed", "missorted", "refused", "disposed", "prohibited", "rejected"),
        *("not_found", "documents", "duty", "customs", "unmapped", "final_attempt"),
    }
)
"""Reasons of an `exception` scan that say more than that it is late."""
FINAL = frozenset({"refused", "disposed", "prohibited", "rejected"})
REASONS = OF_ANOTHER_KIND | {"address", "weather", "capacity", "recipient_absent", "unclaimed", "other"}


@dataclass(frozen=True)
class Parcel:
    """One parcel of a shipment, with its scans, and with the estimates of its delivery."""

    order: Order
    shipment: Shipment
    number: str
    scans: list[Event]
    told: list[Event]

    @property
    def delivered(self) -> int:
        """The first delivered scan."""
        return first(with_status(self.scans, "delivered"))

    @property
    def returned(self) -> int:
        """The first returned scan."""
        return first(with_status(self.scans, "returned"))

    @property
    def xs(self) -> int:
        """XS of the shipment."""
        return self.order.xs(self.shipment)

    @property
    def over(self) -> int:
        """T*: nothing more is expected of the parcel."""
        return min(self.xs, self.delivered, self.returned)

    def signal(self, kind: str, scan: Event, *clears: int, x: int | None = None) -> list[Condition]:
        """A scan that is wrong until one of the instants."""
        lifted = self.xs if x is None else x
        return signal(self.order, kind, scan, clears, x=lifted, scope=self.shipment.scope, carrier=self.shipment.carrier)

    def timeout(self, kind: str, anchor: int, reached: int, lifted: int, due: int | None = None) -> list[Condition]:
        """An expectation of this parcel; one without a tracking number is not expected to be scanned."""
        if not self.number:
            return []
        carrier, scope = self.shipment.carrier, self.shipment.scope
        return timeout(self.order, kind, anchor, due=due, reached=reached, lifted=lifted, scope=scope, carrier=carrier)

    def following(self, wanted: Callable[[Event], bool]) -> Iterator[tuple[Event, list[Event]]]:
        """Each scan that is wanted, with the scans after it."""
        for n, scan in enumerate(self.scans):
            if wanted(scan):
                yield scan, self.scans[n + 1 :]


def reason(scan: Event) -> str | None:
    """The scan's reason; an unknown one counts as absent."""
    named = scan.text("reason")
    return named if named in REASONS else None


def following(scans: list[Event], wanted: Callable[[Event], bool]) -> int:
    """The time of the next scan that is wanted."""
    return next((scan.at for scan in scans if wanted(scan)), NEVER)


def shipment_kinds(order: Order) -> list[Condition]:
    """All of shipment.*."""
    found = delivery_overdue(order)
    if order.method != "ship":
        return found
    for shipment in order.shipments:
        found += first_scan_missing(order, shipment)
        for number, scans in shipment.parcels.items():
            parcel = Parcel(order, shipment, number, scans, shipment.told[number])
            found += transit(parcel) + reports(parcel) + attempts(parcel) + ends(parcel) + eta_slip(parcel)
    replacing = [one.shipped for one in order.shipments if one.replaces]
    for event in order.of("support.contacted"):
        delivered = any(one.delivered <= event.at for one in order.shipments)
        if event.text("intent") == "not_received" and delivered and order.ref > event.at:
            found += signal(order, "shipment.delivered_disputed", event, [order.ref, *replacing], x=order.cx)
    return found


def first_scan_missing(order: Order, shipment: Shipment) -> list[Condition]:
    """Labelled, then shipped by the warehouse's word, but never seen by the carrier."""
    if not shipment.numbers or "scans" not in order.policy.emits:
        return []
    xs, confirmed = order.xs(shipment), first(shipment.ships)
    found: list[Condition] = []
    for anchor, lifted in ((shipment.label, min(xs, confirmed)), (confirmed, xs)):
        found += timeout(
            order,
            "shipment.first_scan_missing",
            anchor,
            reached=shipment.first_scan,
            lifted=lifted,
            scope=shipment.scope,
            carrier=shipment.carrier,
        )
    return found


def transit(parcel: Parcel) -> list[Condition]:
    """Silence, and what the carrier does not know."""
    found: list[Condition] = []
    order = parcel.order
    possessed = first([scan for scan in parcel.scans if possession(scan)])
    if "scans" in order.policy.emits:
        for scan, _ in list(parcel.following(lambda one: reason(one) == "not_found"))[:1]:
            known = [
                other
                for other in parcel.scans
                if other is not scan
                and other.at >= scan.at
                and other.text("status") not in ("unknown", "expired")
                and reason(other) != "not_found"
            ]
            found += parcel.timeout("shipment.tracking_invalid", scan.at, first(known), parcel.xs)
        for scan, later in parcel.following(lambda one: one.at >= possessed and one.text("status") in ROUTINE):
            end = following(later, lambda _: True)
            for kind in ("shipment.scan_gap", "shipment.stuck", "shipment.lost_suspected"):
                found += parcel.timeout(kind, scan.at, end, parcel.over)
        for scan, later in parcel.following(lambda one: one.text("status") == "expired"):
            if parcel.number:
                found += parcel.signal("shipment.lost_suspected", scan, following(later, lambda _: True), x=parcel.over)
        for scan, _ in list(parcel.following(lambda one: one.text("status") == "returning"))[:1]:
            reached = min(parcel.returned, parcel.delivered)
            found += parcel.timeout("shipment.rts_stalled", scan.at, reached, parcel.xs)
    return found


def _held(scan: Event) -> bool:
    return scan.text("status") == "held" and reason(scan) not in ("customs", "documents", "duty")


def _waiting(scan: Event) -> bool:
    return scan.text("status") == "ready_for_pickup"


def _late(scan: Event) -> bool:
    return scan.text("status") in ("delayed", "exception")


def reports(parcel: Parcel) -> list[Condition]:
    """What the carrier reports while the parcel is under way."""
    found: list[Condition] = []
    for scan, _ in parcel.following(lambda one: reason(one) == "pickup_failed"):
        taken = times([other for other in parcel.scans if possession(other)])
        found += parcel.signal("shipment.pickup_failed", scan, *taken)
    for scan, later in parcel.following(_late):
        if scan.text("status") == "delayed" or reason(scan) not in OF_ANOTHER_KIND:
            found += parcel.signal("shipment.delay_reported", scan, following(later, lambda one: not _late(one)))
    found += reported(parcel, "shipment.misrouted", "missorted")
    found += reported(parcel, "shipment.customs_hold", "customs")
    found += reported(parcel, "shipment.documents_missing", "documents")
    found += reported(parcel, "shipment.duty_unpaid", "duty")
    for kind, such in (("shipment.held", _held), ("shipment.pickup_unclaimed", _waiting)):
        for n, scan in enumerate(parcel.scans):
            if such(scan) and not (n and such(parcel.scans[n - 1])):
                end = next((one.at for one in parcel.scans[n + 1 :] if not such(one)), NEVER)
                found += parcel.timeout(kind, scan.at, end, parcel.over)
    return found


def reported(parcel: Parcel, kind: str, why: str) -> list[Condition]:
    """A scan with a reason, until the next without it. Customs is routine unless the parcel is held."""
    found: list[Condition] = []
    for scan, later in parcel.following(lambda one: reason(one) == why):
        if why != "customs" or scan.text("status") == "held":
            found += parcel.signal(kind, scan, following(later, lambda one: reason(one) != why))
    return found


def attempts(parcel: Parcel) -> list[Condition]:
    """Failed attempts, and the last of them."""
    found: list[Condition] = []
    failed = with_status(parcel.scans, "attempt_failed")
    for scan, later in parcel.following(lambda one: one.text("status") == "attempt_failed"):
        found += parcel.signal("shipment.attempt_failed", scan, following(later, lambda one: one.text("status") != "attempt_failed"))
    last = failed[2:3]
    last += [scan for scan in parcel.scans if reason(scan) == "final_attempt"]
    last += [scan for scan in with_status(parcel.scans, "failed_final") if reason(scan) not in FINAL]
    for scan in last:
        ended = times(with_status(parcel.scans, "delivered", "returning", "returned"))
        found += parcel.signal("shipment.attempts_exhausted", scan, *ended)
    return found


def ends(parcel: Parcel) -> list[Condition]:
    """What does not end with a delivery."""
    found: list[Condition] = []
    for scan in parcel.scans:
        if scan.text("status") == "lost":
            found += parcel.signal("shipment.lost_confirmed", scan, parcel.delivered, parcel.returned)
        if scan.text("status") == "damaged":
            later = (at for at in (parcel.delivered, parcel.returned) if at > scan.at)
            found += parcel.signal("shipment.damaged", scan, *later)
        kind = {"rejected": "rejected_by_carrier"}.get(reason(scan) or "", reason(scan))
        if reason(scan) in FINAL:
            found += parcel.signal(f"shipment.{kind}", scan, parcel.delivered, parcel.returned)
    for scan in with_status(parcel.scans, "returning", "returned")[:1]:
        settled = parcel.order.settled(parcel.shipment)
        found += parcel.signal("shipment.return_to_sender", scan, *times(with_status(parcel.scans, "delivered")), settled)
    return found


def eta_slip(parcel: Parcel) -> list[Condition]:
    """The carrier expects to deliver later than promised, or, without a promise, a day later than it first said."""
    order = parcel.order
    told = [(scan.at, order.promise_deadline(eta)) for scan in parcel.told if (eta := scan.text("eta"))]
    if not told:
        return []
    promises = order.segments(lambda fields: text(fields, "promised_by"))
    instants = sorted({at for at, _ in told} | {one.start for one in promises if one.start >= told[0][0]})
    found: list[Condition] = []
    for at, end in pairwise([*instants, NEVER]):
        latest = [eta for since, eta in told if since <= at][-1]
        promise = next((one.value for one in promises if one.start <= at < one.end), None)
        late = latest > order.promise_deadline(promise) if promise else latest > told[0][1] + DAY
        if late:
            lifted = min(end, parcel.delivered, parcel.xs)
            found += state(order, "shipment.eta_slip", at, lifted, scope=parcel.shipment.scope, carrier=parcel.shipment.carrier)
    return found
