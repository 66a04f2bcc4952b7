"""What a tracker says of a parcel beside its scans: a detail of a status, and a final status that no scan has.

One guard for all trackers and carriers. A detail that contradicts its status does not count: the status is what the system answers for. A
final status that the tracker states itself, as when somebody marks a parcel as delivered or lost, is told as a scan at the time that
the tracker states for it, else when it was said: then it had happened at the latest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sources.adapters.base import EventBuilder, digest
from sources.adapters.carriers import carrier_name
from sources.adapters.output import Draft, Refused
from sources.adapters.parcel import ParcelRef
from sources.adapters.tables import CodeTable, Meaning

_ON_THE_WAY: Final = "accepted in_transit customs out_for_delivery attempt_failed ready_for_pickup delayed held exception damaged"

REFINES: Final[Mapping[str, frozenset[str]]] = {
    status: frozenset(details.split())
    for status, details in {
        "unknown": "unknown delayed expired exception held",
        "label_created": "label_created delayed exception",
        "accepted": _ON_THE_WAY,
        "in_transit": _ON_THE_WAY,
        "customs": "customs delayed held exception",
        "out_for_delivery": "out_for_delivery attempt_failed delayed exception",
        "attempt_failed": "attempt_failed ready_for_pickup delayed held exception",
        "ready_for_pickup": "ready_for_pickup held delayed exception",
        "delayed": "delayed held customs exception",
        "held": "held customs",
        "exception": "exception attempt_failed ready_for_pickup customs delayed held damaged lost returning returned failed_final"
        " cancelled",
        "failed_final": "failed_final exception held damaged lost returning returned",
        "returning": "returning returned",
    }.items()
}
"""What a detail may make of a status: only what the status leaves open. A status that is not listed stays as it is (the detail may
still state its reason). No detail makes a parcel delivered, or gives one to the carrier of which only a label is known."""

COVERED: Final[Mapping[str, frozenset[str]]] = {
    "delivered": frozenset(("delivered", "returned")),
    "returning": frozenset(("returning", "returned")),
    "returned": frozenset(("returned",)),
    "lost": frozenset(("lost",)),
    "failed_final": frozenset(("failed_final", "lost", "damaged", "returning", "returned")),
    "cancelled": frozenset(("cancelled",)),
}
"""The final statuses, each with the statuses of scans that say it already (a delivery to the sender is `returned`)."""

LATEST: Final = timedelta(days=1)
"""How much later than it was said a stated time may lie: local times are written with wrong offsets, up to 14 hours off."""


def refined(
    builder: EventBuilder,
    status: tuple[CodeTable, str | None],
    detail: tuple[CodeTable, str | None],
    refines: Mapping[str, frozenset[str]] = REFINES,
) -> Meaning | None:
    """What a status and its detail mean together, each with the table of its codes; None if the status is in no table.

    A detail that says nothing, or contradicts the status by `refines`, leaves it as it is. One that is in no table does too, and the
    scan is told as unmapped all the same. Without a status, the detail is all there is.
    """
    coarse, fine = builder.code(*status), builder.code(*detail)
    if detail[1] is not None and fine is None:
        return unmapped(coarse)
    return fine if status[1] is None else refine(coarse, fine, refines)


def refine(coarse: Meaning | None, fine: Meaning | None, refines: Mapping[str, frozenset[str]] = REFINES) -> Meaning | None:
    """The same of what both were found to mean; `fine` is None where there is no detail."""
    if coarse is None or coarse.ignored or fine is None or fine.ignored:
        return coarse
    return fine if fine.term == coarse.term or fine.term in refines.get(coarse.term, ()) else coarse


def unmapped(coarse: Meaning | None) -> Meaning | None:
    """The meaning of a status whose finer code is in no table: the status holds, and the scan is told as unmapped all the same."""
    return None if coarse is None or coarse.ignored else Meaning((coarse.term, "unmapped"))


class StatedStatus(NamedTuple):
    """What a tracker itself says of a parcel: the status, in its own code and words, and when that happened, where it says so."""

    meaning: Meaning | None
    code: str | None
    text: str | None = None
    at: datetime | None = None


RETURNED: Final = "-returned"
"""What the ID of a delivery ends in that turned out to be one to the sender: another scan than the delivery, which may have been told."""


def sent_back(at: datetime, scans: Sequence[Draft]) -> bool:
    """Whether a delivery at `at` is one to the sender, by the `scans` around it: one before it returns the parcel."""
    return any(draft["data"]["status"] == "returning" and datetime.fromisoformat(draft["time"]) < at for draft in scans)


def final_scan(
    builder: EventBuilder, parcel: ParcelRef, stated: StatedStatus, scans: Sequence[Draft], stated_at: datetime | None
) -> Draft | Refused | None:
    """The scan of a final status that none of the `scans` has; None if they say it, or it is not final.

    The same statement is told once, however often it is repeated, and is withdrawn when a history no longer makes it. A time that cannot
    be (before the first scan, or more than `LATEST` after it was said) gives way to `stated_at`.
    Refused where nothing says when that was. A delivery of a parcel that was sent back before is `returned`.
    """
    meaning = stated.meaning
    if meaning is None or meaning.ignored or meaning.term not in COVERED:
        return None
    if any(draft["data"].get("status") in COVERED[meaning.term] for draft in scans):
        return None
    times = sorted(datetime.fromisoformat(draft["time"]) for draft in scans)
    stated_at = stated_at or builder.received
    at = stated.at
    if at is not None and ((times and at < times[0]) or (stated_at is not None and at > stated_at + LATEST)):
        at = None
    at = at or (stated_at if stated_at is None or not times else max(stated_at, times[-1]))
    if at is None:
        return Refused("missing_field", f"a parcel that is {meaning.term}, without a scan of it: nothing says when")
    carrier = carrier_name(parcel.carrier)
    back = meaning.term == "delivered" and sent_back(at, scans)
    data = {
        "status": "returned" if back else meaning.term,
        "reason": meaning.reason,
        "tracking_number": parcel.tracking,
        "shipment_id": parcel.shipment_id,
        "carrier": carrier,
        "raw": {"code": stated.code, "text": stated.text},
    }
    id_ = f"final-{digest(carrier, parcel.number, stated.code, stated.at)}{RETURNED if back else ''}"
    # Nothing is recorded before it happened: a stated time that lies later than `stated_at` is another clock's.
    return builder.event("carrier.scan", id_, at, data, order=parcel.order, recorded=stated_at if stated_at is None else max(stated_at, at))
