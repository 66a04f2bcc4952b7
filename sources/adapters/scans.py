"""What trackers and carriers have in common: one event per scan, with an ID made from what the scan says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sources.adapters.base import digest
from sources.adapters.carriers import carrier_name
from sources.adapters.told import History

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sources.adapters.base import Say
    from sources.adapters.tables import Meaning
    from sources.adapters.told import Draft

SCAN = "carrier.scan"


@dataclass(frozen=True, slots=True)
class Parcel:
    """The parcel that scans are about; `order` is the order's ID where the source knows it."""

    tracking: str
    carrier: str | None
    order: str | None = None
    shipment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan.

    `meaning` is None for a code that is in no table. `key` is what tells it from another scan at the same instant: codes and place as
    the source writes them, not words that differ by language.
    """

    at: datetime
    meaning: Meaning | None
    code: str | None
    text: str | None
    key: tuple[str | None, ...]
    place: dict[str, str | None] | None = None


def scan_event(say: Say, parcel: Parcel, scan: Scan, recorded: datetime | None) -> Draft | None:
    """The event of a scan; None if its code is known to say nothing of the parcel.

    An unknown code is `status: unknown, reason: unmapped` and keeps the source's own words.
    """
    if scan.meaning is not None and scan.meaning.ignored:
        return None
    place = {name: value for name, value in (scan.place or {}).items() if value}
    data: dict[str, Any] = {
        "status": "unknown" if scan.meaning is None else scan.meaning.word,
        "reason": "unmapped" if scan.meaning is None else scan.meaning.reason,
        "tracking_number": parcel.tracking,
        "shipment_id": parcel.shipment_id,
        "carrier": carrier_name(parcel.carrier),
        "location": place or None,
        "raw": {"code": scan.code, "text": scan.text},
    }
    id_ = f"scan-{digest(carrier_name(parcel.carrier), parcel.tracking, scan.at, *scan.key)}"
    return say.event(SCAN, id_, scan.at, data, order=parcel.order, recorded=recorded)


def estimate_event(say: Say, parcel: Parcel, eta: str, said: datetime) -> Draft:
    """A delivery estimate, made at `said`: status `unknown` and an `eta`, which the engine never takes for a scan."""
    data = {
        "status": "unknown",
        "eta": eta,
        "tracking_number": parcel.tracking,
        "shipment_id": parcel.shipment_id,
        "carrier": carrier_name(parcel.carrier),
    }
    id_ = f"eta-{digest(carrier_name(parcel.carrier), parcel.tracking, said, eta)}"
    return say.event(SCAN, id_, said, data, order=parcel.order, recorded=said)


def history(say: Say, parcel: Parcel, drafts: Iterable[Draft], said: datetime | None) -> History | None:
    """The whole history that these events were made from; None where there is no telling when it was said.

    `said` is when the source said so; where it does not say, when it was received.
    """
    at = said or say.received
    if at is None:
        return None
    times = {draft["id"]: datetime.fromisoformat(draft["time"]) for draft in drafts}
    key = f"{carrier_name(parcel.carrier)}/{parcel.tracking}"
    return History(key, say.source(SCAN), at, times, parcel.tracking, parcel.order)
