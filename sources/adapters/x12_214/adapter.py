"""X12 214, Transportation Carrier Shipment Status: one event per AT7, releases 003060 to 008010.

The PRO number (B10-01) is the tracking number, the shipper's own number (B10-02) the shipment, the SCAC (B10-03) the carrier. Before a
truckload carrier has a PRO number, the shipment is all that it names. A 214 names
orders only in the shipper's words (purchase order, ...), and freight carries several orders under one PRO: so it ties nothing to an order
unless the connection's `order_field` says where the order's ID stands: `L11.PO` (by the qualifier of an L11), `SPO.01`, `B10.02`. If that
holds several, each order is told. Carriers send only what is new: there is no history.

Codes are X12's; what they become is said here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone, tzinfo
from functools import partial
from typing import Final

from schemas.places import zone
from sources.adapters.base import Adapter, EventBuilder, digest
from sources.adapters.moments import iso, stamp
from sources.adapters.output import AdapterOutput, Draft, Ignored, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import PayloadReader
from sources.adapters.places import clock, spot
from sources.adapters.scans import SCAN, estimate_event, scan_event
from sources.adapters.tables import Meaning
from sources.adapters.x12_214.codes import APPOINTMENT, ESTIMATES, MARKER, REASON, REFERENCE, SETS, STATUS, TIME
from sources.adapters.x12_214.reader import Loops, day_of, time_of, x12_payload

LOOPS: Final = Loops(
    depth={"LX": 1, "CD3": 2, "SPO": 2, "AT7": 3},
    inside={"AT7": frozenset(("MS1", "MS2", "M7", "K1"))},
)
"""The loops of a 214 that say which statuses concern which part: assigned number, carton, purchase order, and the status with its place."""

COUNTRIES: Final = {"USA": "US", "CAN": "CA", "MEX": "MX"}
"""Three-letter countries (ISO 3166-1 alpha-3) that carriers write instead of two letters."""
STATES: Final = frozenset(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT"
    " VA WA WV WI WY DC PR VI GU".split()
)
PROVINCES: Final = frozenset("AB BC MB NB NL NS NT NU ON PE QC SK YT".split())
"""Where MS1 leaves the country out, its state (USPS) or province (Canada Post) tells it; no code is both."""
MOST: Final = 10_000
"""Most events that one part of a set becomes: its statuses times its packages times its orders."""
NOT_TAKEN: Final = frozenset(("label_created", "delayed", "exception"))
"""Statuses with which a failed pick-up can go: the others say that the carrier has the goods."""


@dataclass(frozen=True, slots=True)
class Freight:
    """What the statuses of one place in a set are about; deeper loops add to it. `stated_at` is when the carrier wrote it."""

    parcel: ParcelRef
    orders: tuple[str, ...]
    stop: str | None
    stated_at: datetime | None


def parse(body: bytes) -> PayloadReader:
    """An X12 file with the loops of a 214."""
    return x12_payload(body, LOOPS)


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The statuses of every 214 in every interchange."""
    yield from builder.each(payload.each("interchanges"), lambda one: _interchange(one, builder))


def _interchange(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    _check_whole(payload)
    builder.test_mode(is_test=payload.text("ISA", "15") == "T")
    yield from builder.each(payload.each("sets"), lambda one: _set(one, builder))


def _set(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    code = payload.need_text("ST", "01")
    builder.kind(code)
    meaning = builder.code(SETS, code)
    if meaning is None or meaning.ignored:
        yield Ignored(code, meaning.why if meaning else "another transaction set than 214")
        return
    _check_whole(payload)
    begin = next(payload.each("B10"), None)
    if begin is None:
        raise RefuseError("missing_field", "B10")
    tracking = begin.id("01") or _reference(payload, builder, "tracking") or begin.id("06")
    parcel = ParcelRef(tracking, begin.id("03"), shipment_id=begin.id("02") or _reference(payload, builder, "shipment"))
    silent = True
    for output in _part(payload, builder, Freight(parcel, (), None, _stated_at(payload.get("GS"), builder)), ""):
        silent = False
        yield output
    if silent:
        raise RefuseError("missing_field", "AT7: a 214 without a status")


def _check_whole(payload: PayloadReader) -> None:
    fault = payload.text("fault")
    if fault is not None:
        raise RefuseError("not_readable", fault)


def _part(payload: PayloadReader, builder: EventBuilder, above: Freight, loop: str) -> Iterator[AdapterOutput]:
    """The statuses of a set, or of one loop in it, and of the loops below."""
    here = replace(above, orders=_orders(payload, builder, loop) or above.orders, stop=_reference(payload, builder, "stop") or above.stop)
    packages = list(dict.fromkeys(_packages(payload, builder)))
    if max(len(packages), 1) * max(len(here.orders), 1) * sum(1 for _ in payload.each("AT7")) > MOST:
        raise RefuseError("too_large", f"more than {MOST} statuses, packages and orders in one part of a set")
    for parcel in [replace(here.parcel, tracking=package) for package in packages] or [here.parcel]:
        freight = replace(here, parcel=parcel)
        yield from builder.each(payload.each("AT7"), partial(_status, builder=builder, freight=freight))
    for name in ("LX", "CD3", "SPO"):
        yield from builder.each(payload.each(name), partial(_part, builder=builder, above=here, loop=name))


def _reference(payload: PayloadReader, builder: EventBuilder, term: str) -> str | None:
    """The reference number that the table calls by this word; None if there is none, or several that differ."""
    found: set[str | None] = set()
    for reference in payload.each("L11"):
        meaning = builder.code(REFERENCE, reference.text("02"))
        if meaning is not None and meaning.terms[:1] == (term,):
            found.add(reference.id("01"))
    return found.pop() if len(found) == 1 else None


def _packages(payload: PayloadReader, builder: EventBuilder) -> Iterator[str]:
    """The numbers under which the carrier tracks the packages that this part is about."""
    for marker in payload.each("MAN"):
        meaning = builder.code(MARKER, marker.text("01"))
        if meaning is not None and not meaning.ignored:
            yield marker.need_id("02")


def _orders(payload: PayloadReader, builder: EventBuilder, loop: str) -> tuple[str, ...]:
    """The IDs of the orders that stand at the connection's `order_field`, each once; `loop` is the segment whose loop `payload` is."""
    if builder.connection.order_field is None:
        return ()
    name, _, place = builder.connection.order_field.upper().partition(".")
    if name == loop:
        found = [payload.id(place)]
    elif name == "L11":
        found = [one.id("01") for one in payload.each(name) if (one.text("02") or "").upper() == place]
    else:
        found = [one.id(place) for one in payload.each(name)]
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _status(payload: PayloadReader, builder: EventBuilder, freight: Freight) -> Iterator[AdapterOutput]:
    """One AT7: a status, or what it says of an appointment."""
    code = payload.text("01")
    if code is None:
        appointment = payload.need_text("03")
        meaning = builder.code(APPOINTMENT, appointment)
        builder.code(REASON, payload.text("04"))
        if meaning is None:
            raise RefuseError("unmapped", f"{payload.get('03').path}: an appointment code that is in no table")
        if meaning.ignored:
            yield Ignored(f"AT7 {appointment}", meaning.why)
        else:
            yield from _estimate(payload, builder, freight)
        return
    status, reason = builder.code(STATUS, code), builder.code(REASON, payload.text("02"))
    if code.upper() in ESTIMATES:
        yield from _estimate(payload, builder, freight)
    elif status is not None and status.ignored:
        yield Ignored(f"AT7 {code}", status.why)
    else:
        yield from _scan(payload, builder, freight, _with_reason(status, payload.text("02"), reason))


def _with_reason(status: Meaning | None, code: str | None, reason: Meaning | None) -> Meaning | None:
    """A status with the reason that was stated for it. A reason never changes the status; one in no table is `other`."""
    if status is None or code is None or (reason is not None and reason.ignored):
        return status
    term = "other" if reason is None else reason.term
    if term == "pickup_failed" and status.term not in NOT_TAKEN:
        term = "other"  # A pick-up that was missed before this one succeeded.
    if term == "other" and status.reason is not None:
        return status
    return Meaning((status.term, term), status.why)


def _scan(payload: PayloadReader, builder: EventBuilder, freight: Freight, meaning: Meaning | None) -> Iterator[AdapterOutput]:
    place = _place(payload)
    date, time, zone_ = _when(payload, builder, place)
    if time is None:
        raise RefuseError("missing_field", f"{payload.path}: a status without its time of day")
    code, reason = payload.need_text("01"), payload.text("02")
    scan = Scan(
        at=iso(f"{date}T{time}", payload.path, zone_),
        meaning=meaning,
        code=code if reason is None else f"{code}/{reason}",
        text=None,
        key=(code, reason, place["city"], place["region"], freight.stop),
        place=place,
    )
    # A status cannot have been written before it happened: then GS is in another zone than the connection's, and says nothing.
    written = freight.stated_at if freight.stated_at is not None and freight.stated_at >= scan.at else None
    for parcel in _parcels(freight):
        draft = scan_event(builder, parcel, scan, written)
        if draft is not None:
            yield _of_order(draft, parcel)


def _estimate(payload: PayloadReader, builder: EventBuilder, freight: Freight) -> Iterator[AdapterOutput]:
    date, time, zone_ = _when(payload, builder, _place(payload))
    stated_at = freight.stated_at or builder.received
    if stated_at is None:
        raise RefuseError("missing_field", "GS.04: when the estimate was made")
    eta = date if time is None else stamp(iso(f"{date}T{time}", payload.path, zone_))
    for parcel in _parcels(freight):
        yield _of_order(estimate_event(builder, parcel, eta, stated_at), parcel)


def _parcels(freight: Freight) -> list[ParcelRef]:
    """The parcel once for each order that it carries, or once if none is named. Raises RefuseError where nothing says which it is."""
    if freight.parcel.tracking is None and freight.parcel.shipment_id is None and not freight.orders:
        raise RefuseError("missing_field", "B10.01: neither a PRO number nor a shipment (B10.02), a package or an order")
    return [replace(freight.parcel, order=order) for order in freight.orders] or [freight.parcel]


def _of_order(draft: Draft, parcel: ParcelRef) -> Draft:
    """The same under an ID of its own for each order that it is told of."""
    return draft if parcel.order is None else {**draft, "id": f"{draft['id']}-{digest(parcel.order)[:12]}"}


def _place(payload: PayloadReader) -> dict[str, str | None]:
    """Where it happened, by the MS1 behind the AT7. Where the country is left out, the state or province tells it."""
    here = next(payload.each("MS1"), PayloadReader({}, f"{payload.path}.MS1[]", payload.read))
    region, country = (here.text("02") or "").upper() or None, (here.text("03") or "").upper() or None
    if country is None and region is not None:
        country = "US" if region in STATES else "CA" if region in PROVINCES else None
    return {"city": here.text("01"), "region": region, "country": COUNTRIES.get(country, country) if country else None}


def _when(payload: PayloadReader, builder: EventBuilder, place: dict[str, str | None]) -> tuple[str, str | None, tzinfo]:
    """Date, time of day and zone of an AT7.

    Until release 003070 the date has six digits and the century stands behind it, so that time and time code stand one place later.
    """
    digits = payload.need_text("05")
    late = len(digits) == 6 and len(payload.text("06") or "") <= 2
    century = (payload.text("06") if late else None) or "20"
    time, code = (payload.text("07"), payload.text("08")) if late else (payload.text("06"), payload.text("07"))
    date = day_of(digits if len(digits) == 8 else century + digits, payload.get("05").path)
    return date, None if time is None else time_of(time, payload.path), _zone(code, builder, place)


def _zone(code: str | None, builder: EventBuilder, place: dict[str, str | None]) -> tzinfo:
    """The zone of a time code (element 623); without one, or for local time, that of the place."""
    meaning = builder.code(TIME, code)
    if code is not None and meaning is None:
        raise RefuseError("unmapped", "AT7: a time code that is in no table")
    if meaning is None or meaning.term == "local":
        return clock(builder, spot(place["country"], place["region"], None, place["city"]))
    return zone(meaning.term) if "/" in meaning.term else _offset(meaning.term)


def _offset(text: str) -> tzinfo:
    """The zone of an offset as the table writes it, `-03:30`."""
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[4:]))
    return timezone(-ahead if text.startswith("-") else ahead)


def _stated_at(group: PayloadReader, builder: EventBuilder) -> datetime | None:
    """When the carrier wrote the group, by GS; None if it does not say. It states no zone: the connection's."""
    date, time = group.text("04"), group.text("05")
    if date is None or time is None:
        return None
    written = day_of(date if len(date) == 8 else f"20{date}", group.get("04").path)
    return iso(f"{written}T{time_of(time, group.get('05').path)}", group.get("05").path, builder.zone)


ADAPTER = Adapter(
    system="x12_214",
    title="X12 214",
    forms="X12 interchanges with 214 transaction sets, releases 003060 to 008010",
    parse=parse,
    read=read,
    tables=(SETS, STATUS, REASON, APPOINTMENT, TIME, REFERENCE, MARKER),
    emits=(SCAN,),
    scheme="secret",
    ignores=frozenset({"auto_capture", "headers", "order_is_alias"}),
)
