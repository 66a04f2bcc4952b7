"""A shipment of an order and its parcels, drawn from labels, hand-overs and scans. `grouping` says which events are whose.

A label is never possession; a possession scan counts as shipped. Each takes its events in one by one, in the order of the history, and
costs the same for the last as for the first.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import cast

from schemas.events import CarrierScan, Line, WarehouseShipment
from schemas.instants import earliest
from schemas.record import Record

POSSESSION = frozenset(
    "accepted in_transit customs out_for_delivery attempt_failed ready_for_pickup held damaged returning returned delivered"
    " failed_final lost".split()
)
NEVER_POSSESSION = frozenset(("pickup_failed", "not_found", "rejected"))
MOVING = frozenset(("accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "ready_for_pickup", "delivered"))
NO_ID = "-"
"""The key of what names no identifier."""
SAID = ("carrier", "service", "site")
"""What announcements say of a shipment beside its identifiers and lines."""


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


def tracking_numbers(data: WarehouseShipment) -> list[str]:
    """All tracking numbers that a label or a hand-over names."""
    own = (data.tracking_number,) if data.tracking_number else ()
    return list(dict.fromkeys((*own, *(data.tracking_numbers or ()))))


class Parcel:
    """One tracking number and its scans, as they happened ("" where the shipment has no tracking number).

    `estimates` are the delivery estimates: those that came by themselves, and the scans that state one. `delivered` and `returned` are when
    it was first scanned so, `ready` when it first waited to be collected.
    """

    __slots__ = ("_by", "delivered", "estimates", "ready", "returned", "scans", "tracking")

    def __init__(self, tracking: str) -> None:
        self.tracking = tracking
        self.scans: list[Record] = []
        self.estimates: list[Record] = []
        self.delivered: int | None = None
        self.ready: int | None = None
        self.returned: int | None = None
        self._by: dict[tuple[str, str], list[int]] = {}

    def take(self, record: Record) -> str | None:
        """Takes in its latest scan; what it first came to by it, if it is `delivered` or `returned`."""
        data = scan_of(record)
        if data.eta is not None:
            self.estimates.append(record)
            if is_estimate(record):
                return None
        if self._by:
            self._index(len(self.scans), data)
        self.scans.append(record)
        if data.status == "ready_for_pickup" and self.ready is None:
            self.ready = record.at
        if data.status == "delivered" and self.delivered is None:
            self.delivered = record.at
            return "delivered"
        if data.status == "returned" and self.returned is None:
            self.returned = record.at
            return "returned"
        return None

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


class Shipment:
    """One shipment; instants are µs, UTC, None where it has not come to that.

    `scans` are those of all its parcels, `first_scan` is when the carrier first had it, `handed_over` when the warehouse said that it left;
    it has `shipped` with the first of the two.
    """

    __slots__ = (
        *("_carrier", "_common", "_label_lines", "_labelled", "_lines", "_said", "_said_by_label", "_parcel", "_reached"),
        *("first_scan", "handed_over", "handovers"),
        *("ids", "key", "labels", "parcels", "replaced", "scans", "shipped", "trackings", "voided"),
    )

    def __init__(self, key: str) -> None:
        self.key = key
        self.ids: set[str] = set()
        self.trackings: set[str] = set()
        self.labels: list[Record] = []
        self.handovers: list[Record] = []
        self.parcels: list[Parcel] = [Parcel("")]
        self.scans: list[Record] = []
        self.first_scan: int | None = None
        self.handed_over: int | None = None
        self.shipped: int | None = None
        self.voided: int | None = None
        self.replaced: int | None = None
        self._lines: list[Line] = []
        self._label_lines: list[Line] = []
        self._labelled: dict[frozenset[str], list[Line]] = {}
        self._said: dict[str, str] = {}
        self._said_by_label: dict[str, str] = {}
        self._carrier: str | None = None
        self._common: list[Record] = []
        self._parcel: dict[str, Parcel] = {}
        self._reached: dict[str, list[int]] = {"delivered": [], "returned": []}

    @property
    def confirmed(self) -> list[Line]:
        """The lines that its hand-overs name."""
        return self._lines

    @property
    def scope(self) -> str:
        """Its scope in verdicts."""
        return f"shipment:{self.key}"

    @property
    def labelled(self) -> int | None:
        """When its label was made."""
        return self.labels[0].at if self.labels else None

    @property
    def delivered(self) -> int | None:
        """When the last of its parcels was delivered."""
        return self._last("delivered")

    @property
    def kept(self) -> int | None:
        """When the last of its parcels was delivered, or ready to be collected."""
        instants = [earliest(parcel.delivered, parcel.ready) for parcel in self.parcels]
        known = [at for at in instants if at is not None]
        return max(known) if known and len(known) == len(instants) else None

    @property
    def returned(self) -> int | None:
        """When the last of its parcels was back."""
        return self._last("returned")

    @property
    def lines(self) -> list[Line] | None:
        """Its lines: of its hand-overs, else of its labels; None where they are not said."""
        return self._lines or self._label_lines or None

    @property
    def replaces(self) -> str | None:
        """The shipment that it says it replaces."""
        return self._said.get("replaces") or self._said_by_label.get("replaces")

    @property
    def live(self) -> bool:
        """Neither voided nor replaced."""
        return self.voided is None and self.replaced is None

    @property
    def left(self) -> bool:
        """Counts as shipped: a voided one only if the carrier has had it."""
        return self.voided is None or self.first_scan is not None

    def said(self, name: str) -> str | None:
        """The first `carrier`, `service` or `site` that its hand-over, label or scans name."""
        value = self._said.get(name) or self._said_by_label.get(name)
        return self._carrier if value is None and name == "carrier" else value

    def known_as(self, identifier: str | None) -> bool:
        """Whether it goes by this shipment ID or tracking number."""
        return identifier is not None and (identifier in self.ids or identifier in self.trackings)

    def name(self, kind: str, identifier: str) -> None:
        """Takes in an identifier of its own; `kind` is `s` for a shipment ID, `t` for a tracking number."""
        if kind == "s":
            self.ids.add(identifier)
        elif identifier not in self.trackings:
            self.trackings.add(identifier)
            parcel = self._parcel[identifier] = Parcel(identifier)
            if len(self.trackings) == 1:
                self.parcels = []
                self._reached = {"delivered": [], "returned": []}
            insort(self.parcels, parcel, key=attrgetter("tracking"))
            for record in self._common:
                self._take(parcel, record)
        if kind == "s":
            self.key = identifier if len(self.ids) == 1 else min(self.key, identifier)
        elif not self.ids:
            self.key = identifier if len(self.trackings) == 1 else min(self.key, identifier)

    def announce(self, record: Record) -> None:
        """Takes in its latest label or hand-over."""
        data = cast("WarehouseShipment", record.event.data)
        if record.event.type == "warehouse.label_created":
            self.labels.append(record)
            said = self._said_by_label
            if data.lines:
                # A label that is printed again says no more than the first.
                self._labelled[frozenset(tracking_numbers(data))] = data.lines
                self._label_lines = [line for known in self._labelled.values() for line in known]
        else:
            if self.handed_over is None:
                self.handed_over = record.at
                self.shipped = earliest(record.at, self.first_scan)
            self.handovers.append(record)
            said = self._said
            if data.lines:
                self._lines.extend(data.lines)
        for name in (*SAID, "replaces"):
            if name not in said and (value := cast("str | None", getattr(data, name))):
                said[name] = value

    def scan(self, record: Record) -> None:
        """Takes in its latest scan."""
        data = scan_of(record)
        number = data.tracking_number
        if number is None:
            self._common.append(record)
        for parcel in self.parcels if number is None or not self.trackings else (self._parcel[number],):
            self._take(parcel, record)
        if is_estimate(record):
            return
        self.scans.append(record)
        if self.first_scan is None and possession(record):
            self.first_scan = record.at
            self.shipped = earliest(record.at, self.handed_over)
        if self._carrier is None and data.carrier:
            self._carrier = data.carrier
        if data.status == "cancelled":
            self.voided = earliest(self.voided, record.at)

    def _take(self, parcel: Parcel, record: Record) -> None:
        """Gives a scan to a parcel; notes what the parcel first came to by it."""
        first = parcel.take(record)
        if first is not None:
            insort(self._reached[first], record.at)

    def _last(self, status: str) -> int | None:
        """When the last of the parcels came to a status; None if one has not."""
        reached = self._reached[status]
        return reached[-1] if len(reached) == len(self.parcels) else None
