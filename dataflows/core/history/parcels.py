"""A parcel: what the carrier says of one tracking number, or of several that it says are of one parcel.

The history of a parcel never goes back, and what two sources say alike is said once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import cast

from schemas.events import CarrierScan
from schemas.instants import MINUTE
from schemas.record import Record

POSSESSION = frozenset(
    "accepted in_transit customs out_for_delivery attempt_failed ready_for_pickup held damaged returning returned delivered"
    " failed_final lost".split()
)
NEVER_POSSESSION = frozenset(("pickup_failed", "not_found", "rejected"))
LABELLED = "label_created"
REPEATED = 15 * MINUTE
"""How long (µs) after a scan another source may say the same of the parcel and mean the same scan: aggregators ask every few minutes."""


scan_of = cast("Callable[[Record], CarrierScan]", attrgetter("event.data"))
"""The data of a `carrier.scan`. It is asked for more than once per event, so that a function of Python's would cost."""


def is_estimate(record: Record) -> bool:
    """Whether a `carrier.scan` is a mere delivery estimate: it says when, and nothing of where the parcel is."""
    data = scan_of(record)
    return data.eta is not None and data.status == "unknown" and data.reason is None


def possession(record: Record) -> bool:
    """Whether a scan shows that the carrier has the parcel."""
    data = scan_of(record)
    return data.status in POSSESSION and data.reason not in NEVER_POSSESSION


def turned_back(record: Record) -> bool:
    """Whether a scan shows that the parcel is on its way back, or was refused."""
    data = scan_of(record)
    return data.status in ("returning", "returned") or data.reason == "refused"


class Parcel:
    """One parcel and its scans, as they happened; `tracking` is the least of its numbers, "" where its shipment has none.

    `scans` are those that count: no label after the carrier had the parcel, and nothing that another source had just said; `again` are the
    positions of scans that repeat another but for their reason. `estimates` are the delivery estimates: those that came by themselves, and
    the scans that state one. `first_scan` is when the carrier first had it; `ready`, `delivered` and `returned` are when it was first
    scanned so, `cancelled` all instants at which the carrier called it off.

    `made` and `handed` are the first label and the first hand-over that name it, `ids` the shipments that were named with it.
    """

    __slots__ = (
        *("_by", "_carriers", "_heard", "_read", "_source", "_sources"),
        *("again", "cancelled", "delivered", "estimates", "first_scan", "handed", "ids", "made", "ready", "returned", "scans", "tracking"),
    )

    def __init__(self, tracking: str) -> None:
        self.tracking = tracking
        self.scans: list[Record] = []
        self.estimates: list[Record] = []
        self.again: set[int] = set()
        self.cancelled: list[int] = []
        self.first_scan: int | None = None
        self.ready: int | None = None
        self.delivered: int | None = None
        self.returned: int | None = None
        self.made: Record | None = None
        self.handed: Record | None = None
        self.ids: set[str] = set()
        self._by: dict[tuple[str, str], list[int]] = {}
        self._source: str | None = None
        self._carriers: set[str] = set()
        self._sources: set[str] = set()
        self._read = 0
        self._heard: dict[str, dict[str, int]] | None = None

    @property
    def attempts(self) -> int:
        """How many delivery attempts failed."""
        return sum(position not in self.again for position in self.having(status="attempt_failed"))

    def carriers(self) -> tuple[frozenset[str], frozenset[str]]:
        """The carriers that its scans name, and the sources of them."""
        for record in self.scans[self._read :]:
            self._sources.add(record.event.source)
            if name := scan_of(record).carrier:
                self._carriers.add(name.lower())
        self._read = len(self.scans)
        return frozenset(self._carriers), frozenset(self._sources)

    def take(self, record: Record) -> bool:
        """Takes in its latest scan; whether it counts as one."""
        data = scan_of(record)
        status = data.status
        if status == LABELLED and self.first_scan is not None:
            return False
        if data.eta is not None:
            self.estimates.append(record)
            if is_estimate(record):
                return False
        position, source = len(self.scans), record.event.source
        if self._source is None:
            self._source = source
        elif self._heard is not None or source != self._source:
            known = self._said_before(record, status, source)
            if known is not None and (data.reason is None or data.reason == scan_of(known).reason):
                return False
            if known is not None:
                self.again.add(position)
            else:
                cast("dict[str, dict[str, int]]", self._heard).setdefault(status, {})[source] = position
        if self._by:
            self._index(position, data)
        self.scans.append(record)
        if self.first_scan is None and possession(record):
            self._begin(record)
        if status == "delivered" and self.delivered is None:
            self.delivered = record.at
        elif status == "ready_for_pickup" and self.ready is None:
            self.ready = record.at
        elif status == "returned" and self.returned is None:
            self.returned = record.at
        elif status == "cancelled":
            self.cancelled.append(record.at)
        return True

    def having(self, *, status: str = "", reason: str = "") -> Sequence[int]:
        """The positions of the scans with a status, or with a reason."""
        if not self._by:
            for position, record in enumerate(self.scans):
                self._index(position, scan_of(record))
        return self._by.get(("status", status) if status else ("reason", reason), ())

    def first(self, *statuses: str) -> int | None:
        """When the first scan with one of these statuses happened."""
        positions = [known[0] for status in statuses if (known := self.having(status=status))]
        return self.scans[min(positions)].at if positions else None

    def _index(self, position: int, data: CarrierScan) -> None:
        self._by.setdefault(("status", data.status), []).append(position)
        if data.reason is not None:
            self._by.setdefault(("reason", data.reason), []).append(position)

    def _said_before(self, record: Record, status: str, source: str) -> Record | None:
        """The last scan by which another source said the same, if that was just before."""
        if self._heard is None:
            self._heard = self._by_source()
        places = self._heard.get(status)
        place = max((place for other, place in places.items() if other != source), default=None) if places else None
        return self.scans[place] if place is not None and record.at - self.scans[place].at <= REPEATED else None

    def _by_source(self) -> dict[str, dict[str, int]]:
        """The position of the last scan with each status from each source, but for what only repeats another."""
        heard: dict[str, dict[str, int]] = {}
        for position, known in enumerate(self.scans):
            if position not in self.again:
                heard.setdefault(scan_of(known).status, {})[known.event.source] = position
        return heard

    def _begin(self, record: Record) -> None:
        """Notes that the carrier has it. A label that was scanned at this very instant is no step of it."""
        self.first_scan = at = record.at
        if all(known.at < at or scan_of(known).status != LABELLED for known in self.scans):
            return
        again = {id(self.scans[position]) for position in self.again}
        gone = {id(known) for known in self.scans if known.at >= at and scan_of(known).status == LABELLED}
        self.scans = [known for known in self.scans if id(known) not in gone]
        self.estimates = [known for known in self.estimates if id(known) not in gone]
        self.again = {position for position, known in enumerate(self.scans) if id(known) in again}
        self._by = {}
        self._carriers, self._sources, self._read = set(), set(), 0
        self._heard = None if self._heard is None else self._by_source()
