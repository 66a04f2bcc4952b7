"""A parcel and its scans, as trackers and carriers state them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sources.adapters.tables import Meaning


@dataclass(frozen=True, slots=True)
class ParcelRef:
    """The parcel that scans are about; `order` is the order's ID where the source knows it.

    Freight may have no number of the carrier's yet: then `tracking` is None, and `shipment_id` is what it goes by.
    """

    tracking: str | None
    carrier: str | None
    order: str | None = None
    shipment_id: str | None = None

    @property
    def number(self) -> str:
        """What tells it from other parcels of its carrier, for IDs."""
        return self.tracking if self.tracking is not None else f"shipment {self.shipment_id}"


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan.

    `meaning` is None for a code that is in no table. `key` is what tells it from another scan at the same instant: all codes that `meaning`
    was read from, and the place, as the source writes them; never words that differ by language or are reworded later. So a scan that is
    sent again keeps its ID; one whose status or place is corrected, or whose place is filled in later, is another scan, and the history
    that says so withdraws the first. Two scans that agree in all of that are one.
    """

    at: datetime
    meaning: Meaning | None
    code: str | None
    text: str | None
    key: tuple[str | None, ...]
    place: dict[str, str | None] | None = None
