"""A shipment of an order and its parcels, drawn from labels, hand-overs and scans. `grouping` says which events are whose.

A label is never possession; a possession scan counts as shipped. Each takes its events in one by one, in the order of the history, and
costs the same for the last as for the first.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from operator import attrgetter
from typing import cast

from dataflows.core.history.manifest import Manifest, tracking_numbers
from dataflows.core.history.parcels import Parcel, is_estimate, possession, scan_of
from dataflows.core.history.standing import ParcelStanding, Voids, gone_over
from schemas.events import Line, WarehouseShipment
from schemas.instants import earliest
from schemas.record import Record

MOVING = frozenset(("accepted", "in_transit", "customs", "out_for_delivery", "attempt_failed", "ready_for_pickup", "delivered"))
NO_ID = "-"
"""The key of what names no identifier."""
REACHED = frozenset(("delivered", "ready_for_pickup", "returned"))
SAID = ("carrier", "service", "site")
"""What announcements say of a shipment beside its identifiers and lines."""


class Shipment:
    """One shipment; instants are µs, UTC, None where it has not come to that.

    `scans` are those of all its parcels, `first_scan` is when the carrier first had it, `handed_over` when the warehouse said that it left;
    it has `shipped` with the first of the two. Of a shipment with voided parcels all this is said of the others. `unheard`: a scan
    that names no number counts for none of its parcels.
    """

    __slots__ = (
        *("_carrier", "_common", "_common_handed", "_common_made", "_handed_over", "_label_lines", "_labelled", "_manifest", "_mixed"),
        *("_parcel", "_reached", "_said", "_said_by_label", "_shipped", "_standing", "_teller", "_voids", "_went"),
        *("first_scan", "handovers", "ids", "key", "labels", "parcels", "replaced", "scans", "trackings", "unheard"),
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
        self.replaced: int | None = None
        self.unheard = False
        self._handed_over: int | None = None
        self._shipped: int | None = None
        self._manifest = Manifest()
        self._label_lines: list[Line] = []
        self._labelled: dict[frozenset[str], list[Line]] = {}
        self._said: dict[str, str] = {}
        self._said_by_label: dict[str, str] = {}
        self._carrier: str | None = None
        self._common: list[Record] = []
        self._common_made: Record | None = None
        self._common_handed: Record | None = None
        self._parcel: dict[str, Parcel] = {"": self.parcels[0]}
        self._reached: dict[str, list[int]] = {"delivered": [], "ready": [], "returned": []}
        self._voids: Voids | None = None
        self._standing: ParcelStanding | None = None
        self._teller: tuple[str, str | None] | None = None
        self._mixed = False
        self._went: dict[str, tuple[int, str]] | None = None

    @property
    def confirmed(self) -> list[Line]:
        """The lines that its hand-overs name."""
        return self._manifest.lines if self._voids is None else self._stands(self._voids).confirmed

    @property
    def scope(self) -> str:
        """Its scope in verdicts."""
        return f"shipment:{self.key}"

    @property
    def labelled(self) -> int | None:
        """When its label was made."""
        if self._voids is not None:
            return self._stands(self._voids).labelled
        return self.labels[0].at if self.labels else None

    @property
    def handed_over(self) -> int | None:
        """When the warehouse said that it left."""
        return self._handed_over if self._voids is None else self._stands(self._voids).handed_over

    @property
    def shipped(self) -> int | None:
        """When it left."""
        return self._shipped if self._voids is None else self._stands(self._voids).shipped

    @property
    def delivered(self) -> int | None:
        """When the last of its parcels was delivered."""
        return self._last("delivered")

    @property
    def kept(self) -> int | None:
        """When the last of its parcels was delivered, or ready to be collected."""
        return self._last("ready")

    @property
    def returned(self) -> int | None:
        """When the last of its parcels was back."""
        return self._last("returned")

    @property
    def voided(self) -> int | None:
        """When the last of its parcels was voided; None if one is not."""
        if self._voids is None:
            return None
        voided = self._stands(self._voids).voided
        return max(voided.values()) if len(voided) == len(self.parcels) else None

    @property
    def lines(self) -> list[Line] | None:
        """Its lines: of its hand-overs, else of its labels; None where they are not said."""
        if self._voids is not None:
            return self._stands(self._voids).lines
        return self._manifest.lines or self._label_lines or None

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
        """Counts as shipped if it has: it is not voided."""
        return self.voided is None

    def said(self, name: str) -> str | None:
        """The first `carrier`, `service` or `site` that its hand-over, label or scans name."""
        value = self._said.get(name) or self._said_by_label.get(name)
        return self._carrier if value is None and name == "carrier" else value

    def known_as(self, identifier: str | None) -> bool:
        """Whether it goes by this shipment ID or tracking number."""
        return identifier is not None and (identifier in self.ids or identifier in self.trackings)

    def voided_of(self, parcel: Parcel) -> int | None:
        """When a parcel was voided."""
        return None if self._voids is None else self._stands(self._voids).voided.get(parcel.tracking)

    def over_of(self, parcel: Parcel) -> int | None:
        """When nothing more was expected of a parcel of its own: it was voided, or went over to another number."""
        went = self._gone_over().get(parcel.tracking) if self._mixed else None
        return earliest(self.voided_of(parcel), went[0] if went is not None else None)

    def goes_on(self, parcel: Parcel) -> bool:
        """Whether a parcel is one that went over to this number."""
        return self._mixed and any(other == parcel.tracking for _, other in self._gone_over().values())

    def announced(self, parcel: Parcel) -> tuple[Record | None, Record | None]:
        """The first label and the first hand-over of a parcel: those that name it, or no number. Of one that none names any do."""
        if self._voids is not None:
            return self._stands(self._voids).announced(parcel)
        if parcel.made is None and parcel.handed is None:
            return self.labels[0] if self.labels else None, self.handovers[0] if self.handovers else None
        return _sooner(parcel.made, self._common_made), _sooner(parcel.handed, self._common_handed)

    def name(self, kind: str, identifier: str, parcel: str = "") -> None:
        """Takes in an identifier of its own; `kind` is `s` for a shipment ID, `t` for a tracking number, of the `parcel` of that name."""
        if kind == "s":
            self.ids.add(identifier)
        elif identifier not in self.trackings:
            self.trackings.add(identifier)
            if len(self.trackings) == 1:
                self.parcels, self._parcel = [], {}
                self._reached = {"delivered": [], "ready": [], "returned": []}
            self._part(identifier, parcel or identifier)
        if kind == "s":
            self.key = identifier if len(self.ids) == 1 else min(self.key, identifier)
        elif not self.ids:
            self.key = identifier if len(self.trackings) == 1 else min(self.key, identifier)
        self._standing = self._went = None

    def _part(self, number: str, name: str) -> None:
        """Gives a number to the parcel of a name."""
        known = self._parcel.get(name)
        if known is None:
            known = Parcel(name)
            insort(self.parcels, known, key=attrgetter("tracking"))
            for record in self._common:
                self._take(known, record)
        self._parcel[number] = self._parcel[name] = known

    def tie(self, numbers: Iterable[str], shipment_id: str | None) -> None:
        """Notes that numbers were named together with a shipment ID."""
        if shipment_id is not None:
            for number in numbers:
                self._parcel[number].ids.add(shipment_id)

    def announce(self, record: Record) -> None:
        """Takes in its latest label or hand-over."""
        data = cast("WarehouseShipment", record.event.data)
        numbers = tracking_numbers(data)
        self.tie(numbers, data.shipment_id)
        if record.event.type == "warehouse.label_created":
            self.labels.append(record)
            said = self._said_by_label
            if not numbers and self._common_made is None:
                self._common_made = record
            for number in numbers:
                parcel = self._parcel[number]
                parcel.made = parcel.made or record
            if data.lines:
                # A label that is printed again says no more than the first.
                self._labelled[frozenset(numbers)] = data.lines
                self._label_lines = [line for known in self._labelled.values() for line in known]
        else:
            if self._handed_over is None:
                self._handed_over = record.at
                self._shipped = earliest(record.at, self.first_scan)
            self.handovers.append(record)
            said = self._said
            if not numbers and self._common_handed is None:
                self._common_handed = record
            for number in numbers:
                parcel = self._parcel[number]
                parcel.handed = parcel.handed or record
            self._manifest.take(record)
        for name in (*SAID, "replaces"):
            if name not in said and (value := cast("str | None", getattr(data, name))):
                said[name] = value
        self._standing = None

    def scan(self, record: Record) -> None:
        """Takes in its latest scan."""
        data = scan_of(record)
        number = data.tracking_number
        if number is None:
            self._common.append(record)
            counts = [self._take(parcel, record) for parcel in self.parcels]
        else:
            parcel = self._parcel[number]
            if data.shipment_id:
                parcel.ids.add(data.shipment_id)
            counts = [self._take(parcel, record)]
        if not any(counts):
            self.unheard = self.unheard or (number is None and not is_estimate(record))
            return
        self.scans.append(record)
        self._went = None
        if not self._mixed:
            if self._teller is None:
                self._teller = (record.event.source, data.carrier)
            elif len(self.parcels) > 1 and (record.event.source, data.carrier) != self._teller:
                self._mixed = True
        if self.first_scan is None and possession(record):
            self.first_scan = record.at
            self._shipped = earliest(record.at, self._handed_over)
        if self._carrier is None and data.carrier:
            self._carrier = data.carrier
        if data.status == "cancelled":
            self.void()

    def void(self, number: str | None = None, shipment_id: str | None = None, at: int = 0) -> None:
        """Takes in a void of a number or of a shipment ID; of neither: a parcel knows of it by its scans."""
        self._voids = self._voids or Voids()
        if number is not None:
            self._voids.by_number.setdefault(number, []).append(at)
        elif shipment_id is not None:
            self._voids.by_id.setdefault(shipment_id, []).append(at)
        self._standing = None

    def _take(self, parcel: Parcel, record: Record) -> bool:
        """Gives a scan to a parcel; notes what the parcel first came to by it. Whether it counts as one."""
        status, begun = scan_of(record).status, parcel.first_scan is not None
        ended = (parcel.delivered, parcel.ready, parcel.returned) if status in REACHED else ()
        if not parcel.take(record):
            return False
        if not begun and parcel.first_scan is not None:
            self._standing = None
        if ended:
            delivered, ready, returned = ended
            if delivered is None and parcel.delivered is not None:
                insort(self._reached["delivered"], parcel.delivered)
            if delivered is None and ready is None and status != "returned":
                insort(self._reached["ready"], record.at)
            if returned is None and parcel.returned is not None:
                insort(self._reached["returned"], parcel.returned)
        return True

    def _last(self, status: str) -> int | None:
        """When the last of the parcels came to a status; None if one has not."""
        if self._voids is None and not self._mixed:
            reached = self._reached[status]
            return reached[-1] if len(reached) == len(self.parcels) else None
        voided = {} if self._voids is None else self._stands(self._voids).voided
        went = self._gone_over()
        instants: list[int] = []
        for parcel in self.parcels:
            if parcel.tracking in voided or parcel.tracking in went:
                continue
            at = earliest(parcel.delivered, parcel.ready) if status == "ready" else cast("int | None", getattr(parcel, status))
            if at is None:
                return None
            instants.append(at)
        return max(instants, default=None)

    def _stands(self, voids: Voids) -> ParcelStanding:
        if self._standing is None:
            self._standing = ParcelStanding(self._parcel, self.labels, self.handovers, voids)
        return self._standing

    def _gone_over(self) -> dict[str, tuple[int, str]]:
        if not self._mixed:
            return {}
        if self._went is None:
            self._went = gone_over(self.parcels)
        return self._went


def _sooner(one: Record | None, other: Record | None) -> Record | None:
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda r: (r.at, r.event.source, r.event.id))
