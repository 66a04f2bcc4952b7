"""shipment.*, each by its sentence in section 3 of the catalogue. Scans of a parcel are in history order: "next" means next in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.oracle.judging.conditions import Condition, signal, state, timeout
from tests.oracle.judging.covering import cells_of
from tests.oracle.judging.kinds_goods import delivery_overdue
from tests.oracle.judging.kinds_order import times
from tests.oracle.judging.learned import told_for
from tests.oracle.judging.parcels import OF_ANOTHER_KIND, Parcel, first, possession, reason, repeated, with_status
from tests.oracle.judging.reading import DAY, NEVER, Event, lines_of, text
from tests.oracle.judging.shipments import ancestors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.oracle.judging.facts import Order
    from tests.oracle.judging.fields import Segment
    from tests.oracle.judging.reading import Json
    from tests.oracle.judging.shipments import Shipment

ROUTINE = ("accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "delayed", "exception", "unknown")
FINAL = frozenset({"refused", "disposed", "prohibited", "rejected"})


@dataclass(frozen=True)
class Watched:
    """One parcel of a shipment that is watched."""

    order: Order
    shipment: Shipment
    parcel: Parcel

    @property
    def scans(self) -> list[Event]:
        """Its scans."""
        return self.parcel.scans

    @property
    def delivered(self) -> int:
        """The first delivered scan."""
        return self.parcel.reached("delivered")

    @property
    def returned(self) -> int:
        """The first returned scan."""
        return self.parcel.reached("returned")

    @property
    def xs(self) -> int:
        """XS: nobody waits for it any more, or it goes on under another number."""
        return xs_of(self.order, self.shipment, self.parcel)

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
        if not self.parcel.numbers:
            return []
        carrier, scope = self.shipment.carrier, self.shipment.scope
        return timeout(self.order, kind, anchor, due=due, reached=reached, lifted=lifted, scope=scope, carrier=carrier)

    def following(self, wanted: Callable[[Event], bool]) -> Iterator[tuple[Event, list[Event]]]:
        """Each scan that is wanted, with the scans after it."""
        for n, scan in enumerate(self.scans):
            if wanted(scan):
                yield scan, self.scans[n + 1 :]


def following(scans: list[Event], wanted: Callable[[Event], bool]) -> int:
    """The time of the next scan that is wanted."""
    return next((scan.at for scan in scans if wanted(scan)), NEVER)


def shipment_kinds(order: Order) -> list[Condition]:
    """All of shipment.*."""
    found = delivery_overdue(order)
    if order.method != "ship":
        return found
    for shipment in order.shipments:
        for parcel in shipment.parcels:
            one = Watched(order, shipment, parcel)
            found += first_scan_missing(one) + transit(one) + reports(one) + attempts(one) + ends(one) + eta_slip(one) + eta_passed(one)
    replacing = [one.shipped for one in order.shipments if one.replaces]
    for event in order.of("support.contacted"):
        delivered = any(one.delivered <= event.at for one in order.shipments)
        if event.text("intent") == "not_received" and delivered and order.ref > event.at:
            found += signal(order, "shipment.delivered_disputed", event, [order.ref, *replacing], x=order.cx)
    return found


def xs_of(order: Order, shipment: Shipment, parcel: Parcel) -> int:
    """XS of one parcel."""
    return min(order.x, parcel.voided, shipment.replaced, parcel.over_to.possessed if parcel.over_to else NEVER)


def first_scan_missing(one: Watched) -> list[Condition]:
    """Labelled, then shipped by the warehouse's word, but never seen by the carrier."""
    if one.parcel.taken_over:
        return []
    label, handed = one.parcel.label, one.parcel.handed
    anchors = [(label, min(one.xs, handed)), (handed, one.xs)] if not handed < label < NEVER else [(label, one.xs)]
    found: list[Condition] = []
    for anchor, lifted in anchors:
        if not scanning(one, anchor):
            continue
        found += one.timeout("shipment.first_scan_missing", anchor, one.parcel.possessed, lifted)
    return found


def scanning(one: Watched, anchor: int) -> bool:
    """Whether the first scan is waited for: its carrier is known to scan, or has scanned another parcel of the shipment before."""
    carriers = [event.text("carrier") for event in [*one.shipment.labels, *one.shipment.ships]]
    told = [event for event in [*one.parcel.labels, *one.parcel.hands] if event.at == anchor]
    seen = one.order.policy.emits is None and one.shipment.first_scan < one.parcel.possessed
    return seen or one.order.awaits("first_scan", told, carriers)


def moving_on(parcel: Watched, scan: Event, possessed: int) -> bool:
    """Whether the next scan is waited for: its carrier tells of progress, or has said more of this parcel than that it has it."""
    known = [one for one in parcel.scans[: parcel.scans.index(scan) + 1] if one.at >= possessed]
    if parcel.order.policy.emits is None and any(one.text("status") != "accepted" for one in known):
        return True
    return parcel.order.awaits("progress", [scan], [told_for(scan, "progress")])


def transit(parcel: Watched) -> list[Condition]:
    """Silence, and what the carrier does not know."""
    found: list[Condition] = []
    order = parcel.order
    possessed = first([scan for scan in parcel.scans if possession(scan)])
    if order.awaits("delivered"):
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
            if moving_on(parcel, scan, possessed):
                found += parcel.timeout(kind, scan.at, end, parcel.over)
    for scan, later in parcel.following(lambda one: one.text("status") == "expired"):
        if parcel.parcel.numbers:
            found += parcel.signal("shipment.lost_suspected", scan, following(later, lambda _: True), x=parcel.over)
    for scan, _ in list(parcel.following(lambda one: one.text("status") == "returning"))[:1]:
        if moving_on(parcel, scan, possessed):
            found += parcel.timeout("shipment.rts_stalled", scan.at, min(parcel.returned, parcel.delivered), parcel.xs)
    return found


def _held(scan: Event) -> bool:
    return scan.text("status") == "held" and reason(scan) not in ("customs", "documents", "duty")


def _waiting(scan: Event) -> bool:
    return scan.text("status") == "ready_for_pickup"


def _late(scan: Event) -> bool:
    return scan.text("status") in ("delayed", "exception")


def reports(parcel: Watched) -> list[Condition]:
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


def reported(parcel: Watched, kind: str, why: str) -> list[Condition]:
    """A scan with a reason, until the next without it. Customs is routine unless the parcel is held."""
    found: list[Condition] = []
    for scan, later in parcel.following(lambda one: reason(one) == why):
        if why != "customs" or scan.text("status") == "held":
            found += parcel.signal(kind, scan, following(later, lambda one: reason(one) != why))
    return found


def attempts(parcel: Watched) -> list[Condition]:
    """Failed attempts, and the last of them."""
    found: list[Condition] = []
    failed = with_status([scan for scan, again in repeated(parcel.scans) if again is None], "attempt_failed")
    for scan, later in parcel.following(lambda one: one.text("status") == "attempt_failed"):
        found += parcel.signal("shipment.attempt_failed", scan, following(later, lambda one: one.text("status") != "attempt_failed"))
    last = failed[2:3]
    last += [scan for scan in parcel.scans if reason(scan) == "final_attempt"]
    last += [scan for scan in with_status(parcel.scans, "failed_final") if reason(scan) not in FINAL]
    for scan in last:
        ended = times(with_status(parcel.scans, "delivered", "returning", "returned"))
        found += parcel.signal("shipment.attempts_exhausted", scan, *ended)
    return found


def ends(parcel: Watched) -> list[Condition]:
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


def promises(one: Watched) -> list[Segment[str | None]]:
    """The promise of what is in the shipment and when it is in force; none for a replacement that it was not made for."""
    order, shipment = one.order, one.shipment
    held = {key for line in shipment.lines for key, _ in cells_of(line, order.in_turn)}

    def of_goods(fields: Json) -> str | None:
        """The first that ends of the promises of the lines in it (of all, where it does not say which); a line's own before the order's."""
        lines, whole = lines_of(fields), text(fields, "promised_by")
        stated = [line.promised_by or whole for line in [one for one in lines if one.key in held] or lines] or [whole]
        return min([one for one in stated if one], key=order.promise_deadline, default=None)

    found = order.segments(of_goods)
    if not shipment.replaces:
        return found
    before = [other for other in ancestors(shipment, order.shipments) if other.delivered <= shipment.begun]

    def counts(promise: str | None) -> bool:
        return promise is not None and not before and order.promise_deadline(promise) > shipment.begun

    return [segment if counts(segment.value) else replace(segment, value=None) for segment in found]


def estimates(one: Watched) -> list[tuple[int, int]]:
    """When the carrier said by when it will deliver, and what."""
    return [(scan.at, one.order.promise_deadline(eta)) for scan in one.parcel.told if (eta := scan.text("eta"))]


def eta_slip(one: Watched) -> list[Condition]:
    """The carrier expects to deliver later than promised, or, without a promise, a day later than it first said."""
    order, told = one.order, estimates(one)
    if not told:
        return []
    promised = promises(one)
    instants = sorted({at for at, _ in told} | {segment.start for segment in promised if segment.start >= told[0][0]})
    found: list[Condition] = []
    for at, end in pairwise([*instants, NEVER]):
        latest = [eta for since, eta in told if since <= at][-1]
        promise = next((segment.value for segment in promised if segment.start <= at < segment.end), None)
        late = latest > order.promise_deadline(promise) if promise else latest > told[0][1] + DAY
        if late:
            lifted = min(end, one.delivered, one.xs)
            found += state(order, "shipment.eta_slip", at, lifted, scope=one.shipment.scope, carrier=one.shipment.carrier)
    return found


def eta_passed(one: Watched) -> list[Condition]:
    """Nothing was promised, and what the carrier itself expected has passed."""
    if not one.order.awaits("delivered") or not one.parcel.numbers:
        return []
    order, shipment, told = one.order, one.shipment, estimates(one)
    came = one.parcel.reached("delivered", "ready_for_pickup")
    found: list[Condition] = []
    for (at, eta), (following, _) in pairwise([*told, (NEVER, NEVER)]):
        for segment in promises(one):
            if segment.value is None and segment.start < following and at < segment.end:
                since, lifted = max(at, segment.start), min(following, segment.end, one.over)
                kind, scope = "shipment.eta_passed", shipment.scope
                carrier = shipment.carrier
                found += timeout(order, kind, eta, since=since, begun=since, reached=came, lifted=lifted, scope=scope, carrier=carrier)
    return found
