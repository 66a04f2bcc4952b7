"""What trackers and carriers have in common: one event per scan, with an ID made from what the scan says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sources.adapters.base import EventBuilder, digest
from sources.adapters.carriers import carrier_name
from sources.adapters.finals import StatedStatus, final_scan
from sources.adapters.output import AdapterOutput, Draft, History, Refused, Undated
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_NAME_CHARS

SCAN = "carrier.scan"
LONGEST_DAY = timedelta(hours=36)
"""From the midnight in Greenwich that a date begins with until it is over in the westernmost zone, twelve hours behind."""


def scan_event(builder: EventBuilder, parcel: ParcelRef, scan: Scan, recorded: datetime | None) -> Draft | None:
    """The event of a scan; None if its code is known to say nothing of the parcel.

    An unknown code is `status: unknown, reason: unmapped` and keeps the source's own words.
    """
    if scan.meaning is not None and scan.meaning.ignored:
        return None
    place = {name: value for name, value in (scan.place or {}).items() if value}
    data: dict[str, Any] = {
        "status": "unknown" if scan.meaning is None else scan.meaning.term,
        "reason": "unmapped" if scan.meaning is None else scan.meaning.reason,
        "tracking_number": parcel.tracking,
        "shipment_id": parcel.shipment_id,
        "carrier": carrier_name(parcel.carrier),
        "location": place or None,
        # A code made of several may be longer than each of them.
        "raw": {"code": scan.code and scan.code[:MAX_NAME_CHARS], "text": scan.text},
    }
    id_ = f"scan-{digest(carrier_name(parcel.carrier), parcel.number, scan.at, *scan.key)}"
    return builder.event(SCAN, id_, scan.at, data, order=parcel.order, recorded=recorded)


def estimate_event(builder: EventBuilder, parcel: ParcelRef, eta: str, stated_at: datetime) -> Draft:
    """A delivery estimate, made at `stated_at`: status `unknown` and an `eta`, which the engine never takes for a scan."""
    data = {
        "status": "unknown",
        "eta": eta,
        "tracking_number": parcel.tracking,
        "shipment_id": parcel.shipment_id,
        "carrier": carrier_name(parcel.carrier),
    }
    id_ = f"eta-{digest(carrier_name(parcel.carrier), parcel.number, stated_at, eta)}"
    return builder.event(SCAN, id_, stated_at, data, order=parcel.order, recorded=stated_at)


def whole(
    builder: EventBuilder,
    parcel: ParcelRef,
    output: Iterable[AdapterOutput],
    stated_at: datetime | None,
    stated: Callable[[], StatedStatus | None] | None = None,
) -> Iterator[AdapterOutput]:
    """Passes on what the scans of a whole history became, and adds that history (see `history`).

    `stated` is what the tracker says of the parcel beside its scans: see `finals`. If a scan could not be read, no history is added: that
    scan would seem to be withdrawn. Where at least its day is known, the history speaks for the time after that day. Without any scan
    there is none to add.
    """
    drafts: list[Draft] = []
    unread: list[date | None] = []
    for one in output:
        if isinstance(one, dict):
            drafts.append(one)
        if isinstance(one, Refused):
            unread.append(one.day if isinstance(one, Undated) else None)
        yield one
    itself = None if stated is None else stated()
    final = None if itself is None else final_scan(builder, parcel, itself, drafts, stated_at)
    if final is not None:
        yield final
        if isinstance(final, dict):
            drafts.append(final)
    days = [day for day in unread if day is not None]
    since = _over(max(days)) if days else None
    # What lies before is told, and is no part of the history: it does not speak for that time.
    drafts = [draft for draft in drafts if since is None or datetime.fromisoformat(draft["time"]) >= since]
    found = history(builder, parcel, drafts, stated_at) if drafts and len(days) == len(unread) else None
    if found is not None:
        yield found._replace(since=since)


def _over(day: date) -> datetime:
    """When a day is over everywhere on earth."""
    return datetime.combine(day, time(), UTC) + LONGEST_DAY


def history(builder: EventBuilder, parcel: ParcelRef, drafts: Iterable[Draft], stated_at: datetime | None) -> History | None:
    """The whole history that these events were made from; None where there is no telling when it was said, or scans are not wanted.

    Nor has a parcel without a number one.

    `stated_at` is when the source said so; where it does not say, when it was received.
    """
    at = stated_at or builder.received
    if at is None or parcel.tracking is None or builder.connection.omits(SCAN):
        return None
    times = {draft["id"]: datetime.fromisoformat(draft["time"]) for draft in drafts}
    key = f"{carrier_name(parcel.carrier)}/{parcel.tracking}"
    return History(key, builder.source(SCAN), at, times, parcel.tracking, parcel.order)
