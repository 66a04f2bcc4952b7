"""One parcel of a shipment: its scans, what announced it, and whether it was voided."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.oracle.judging.reading import MINUTE, NEVER, Event

POSSESSION = frozenset(
    {
        *("accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "ready_for_pickup", "held"),
        *("damaged", "returning", "returned", "delivered", "failed_final", "lost"),
    }
)
NO_POSSESSION_REASONS = frozenset({"pickup_failed", "not_found", "rejected"})
UNDER_WAY = ("accepted", "in_transit", "customs", "delayed", "exception", "unknown")
"""The last scan of a parcel that another carrier may have taken over."""
OF_ANOTHER_KIND = frozenset(
    {
        *("pickup_failed", "missorted", "refused", "disposed", "prohibited", "rejected"),
        *("not_found", "documents", "duty", "customs", "unmapped", "final_attempt"),
    }
)
"""Reasons of an `exception` scan that say more than that it is late."""
REASONS = OF_ANOTHER_KIND | {"address", "weather", "capacity", "recipient_absent", "unclaimed", "other"}
REPEATED = 15 * MINUTE


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


def reason(scan: Event) -> str | None:
    """The scan's reason; an unknown one counts as absent."""
    named = scan.text("reason")
    return named if named in REASONS else None


def repeated(scans: list[Event]) -> list[tuple[Event, Event | None]]:
    """Each scan with the one that it repeats: of the same status, by another source, within a quarter of an hour before it."""
    found: list[tuple[Event, Event | None]] = []
    kept: list[Event] = []
    for scan in scans:
        before = [one for one in kept if one.source != scan.source and one.text("status") == scan.text("status")]
        again = before[-1] if before and scan.at - before[-1].at <= REPEATED else None
        if again is None:
            kept.append(scan)
        found.append((scan, again))
    return found


def told_once(scans: list[Event]) -> list[Event]:
    """The scans of a parcel without repeats that give no other reason, and without labels that are told once the carrier has the parcel."""
    possessed = first([scan for scan in scans if possession(scan)])
    steps = [scan for scan in scans if not (scan.text("status") == "label_created" and scan.at >= possessed)]
    return [scan for scan, again in repeated(steps) if again is None or reason(scan) not in (None, reason(again))]


@dataclass(eq=False)
class Parcel:
    """One parcel. `numbers`: all that it was known by; `current`: those that no other took the place of. Scans are in history order."""

    name: str
    numbers: set[str]
    current: set[str]
    scans: list[Event] = field(default_factory=list[Event])
    told: list[Event] = field(default_factory=list[Event])
    """Estimates of its delivery."""
    labels: list[Event] = field(default_factory=list[Event])
    hands: list[Event] = field(default_factory=list[Event])
    voided: int = NEVER
    over_to: Parcel | None = None
    taken_over: bool = False

    @property
    def possessed(self) -> int:
        """The first scan that shows possession."""
        return first([scan for scan in self.scans if possession(scan)])

    @property
    def label(self) -> int:
        """Its first label."""
        return first(self.labels)

    @property
    def handed(self) -> int:
        """When the warehouse first said that it left."""
        return first(self.hands)

    def reached(self, *statuses: str) -> int:
        """The first scan with one of the statuses."""
        return first(with_status(self.scans, *statuses))

    def goes_back(self, scan: Event) -> bool:
        """Whether a scan tells of a label although the carrier has the parcel."""
        return scan.text("status") == "label_created" and scan.at >= self.possessed

    def announce(self, labels: list[Event], ships: list[Event]) -> None:
        """Find what announced it: what names it or no number; of a number that nothing names, everything."""
        unnamed = not any(self.numbers.intersection(event.numbers) for event in [*labels, *ships])

        def mine(event: Event) -> bool:
            return not event.numbers or unnamed or bool(self.numbers.intersection(event.numbers))

        self.labels = [event for event in labels if mine(event)]
        self.hands = [event for event in ships if mine(event)]

    def leave(self, others: list[Parcel]) -> None:
        """Leave to `others`, which had a label by then, the hand-overs without numbers of before its own label."""

        def labelled(parcel: Parcel, at: int) -> bool:
            return not parcel.labels or any(label.at <= at for label in parcel.labels)

        self.hands = [
            event for event in self.hands if event.numbers or labelled(self, event.at) or not any(labelled(one, event.at) for one in others)
        ]

    def void(self, voids: list[Event]) -> None:
        """Whether and when it was voided. A later label brings it back, and nothing before that counts; what a carrier has is not void."""
        labels = [(event.at, 0) for event in self.labels]
        since = -NEVER
        for at, is_void in sorted([*labels, *((event.at, 1) for event in voids if event.at < self.possessed)]):
            if is_void:
                self.voided = min(self.voided, at)
            elif self.voided < at:
                self.voided, since = NEVER, at
        self.voided = self.voided if self.possessed == NEVER else NEVER
        self.labels = [event for event in self.labels if event.at >= since]
        self.hands = [event for event in self.hands if event.at >= since]

    def may_go_over_to(self, other: Parcel) -> bool:
        """Whether another carrier may have taken it over under the other number."""
        if not self.scans or self.possessed == NEVER or self.voided < NEVER or self.reached("delivered", "returned") < NEVER:
            return False
        last = self.scans[-1]
        if last.text("status") not in UNDER_WAY or not last.at < other.possessed < NEVER:
            return False
        mine, others = ({(scan.text("carrier") or "").lower() for scan in one.scans} - {""} for one in (self, other))
        if not mine or not others:
            mine, others = ({scan.source for scan in one.scans} for one in (self, other))
        return not mine & others
