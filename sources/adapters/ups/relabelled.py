"""UPS: the number under which another carrier brings a parcel to the door (Ground Saver, Mail Innovations); the two are one parcel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sources.adapters.base import EventBuilder, digest
from sources.adapters.output import AdapterOutput
from sources.adapters.parcel import ParcelRef
from sources.adapters.payload import PayloadReader
from sources.adapters.scans import SCAN

RELABELLED: Final = "carrier.relabelled"
POSTAL: Final = frozenset(("USPS_PIC",))
"""Types of `alternateTrackingNumber` that are numbers of the postal service: UPS Tracking API; https://developer.ups.com/api/reference/tracking."""


def relabelled(
    payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, outputs: Sequence[AdapterOutput], stated_at: datetime | None
) -> Iterator[AdapterOutput]:
    """The other number of a package. Nothing dates it, and it holds for all of the parcel's way: from its first scan on."""
    scanned = (datetime.fromisoformat(one["time"]) for one in outputs if isinstance(one, dict) and one["type"] == SCAN)
    at = min(scanned, default=stated_at)
    for one in payload.each("alternateTrackingNumber"):
        number = one.id("number")
        if at is None or number in (None, parcel.tracking) or one.text("type") not in POSTAL:
            continue
        id_ = f"relabelled-{digest(parcel.tracking, number)}"
        data = {"tracking_number": number, "replaces_number": parcel.tracking}
        yield builder.event(RELABELLED, id_, at, data, order=parcel.order, recorded=stated_at)
