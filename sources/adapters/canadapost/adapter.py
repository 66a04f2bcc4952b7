"""Canada Post tracking: a `tracking-detail` of Get Tracking Details, REST or SOAP, in English or French.

It carries a parcel's whole history and does not say when it was given. Times are local, with the zone's abbreviation, which states the
offset, else in the zone of the province. Foreign events have neither and are read in the connection's zone: sites name their country in
the language of the answer, and the same scan must be the same event in both. `order_field` of a connection is looked up in
`tracking-detail` (`customer-ref-1`).

A delivery back to the sender has the codes of any delivery: one that comes after a scan that returns the parcel is `returned`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.canadapost.events import EVENT
from sources.adapters.carrier_replies import answered_at, content, parcel_outputs, to_sender
from sources.adapters.moments import iso, undated, when
from sources.adapters.output import AdapterOutput, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, PayloadReader, xml_payload
from sources.adapters.scans import SCAN, scan_event
from sources.adapters.tables import table

ZONE = table(
    "zone",
    "event-time-zone",
    "step",
    """
    NST = -03:30
    NDT = -02:30
    AST = -04:00
    ADT = -03:00
    EST = -05:00
    EDT = -04:00
    CST = -06:00
    CDT = -05:00
    MST = -07:00
    MDT = -06:00
    PST = -08:00
    PDT = -07:00
    GMT = +00:00
    UTC = +00:00
    """,
    source="Time zones and daylight saving time, National Research Council Canada",
)

PROVINCES = frozenset("AB BC MB NB NL NS NT NU ON PE QC SK YT".split())


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The history of one parcel."""
    name, here = content(payload, "neither tracking details nor messages")
    if name == "get-tracking-detail-response":
        name = next((one for one in ("tracking-detail", "messages") if here.get(one)), name)
        here = here.get(name)
    if name == "messages":
        builder.kind(name)
        if any(one.text("code") == "004" for one in here.each("message")):
            raise RefuseError("no_identity", "messages: a parcel without a history, and not which")
        raise RefuseError("not_a_report", "messages: an error answer")
    if name != "tracking-detail":
        raise RefuseError("not_a_report" if name.endswith("-request") else "unknown_form", "no tracking-detail")
    builder.kind(name)
    parcel = ParcelRef(here.need_id("pin"), "Canada Post", order=builder.order_of(here))
    stated_at = answered_at(builder)
    scans = here.get("significant-events").each("occurrence")
    yield from parcel_outputs(
        builder, parcel, scans, lambda one: _scan(one, builder, parcel, stated_at), lambda: _eta(here), seen_whole=to_sender
    )


def _scan(payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime | None) -> Iterator[AdapterOutput]:
    identifier = payload.need_id("event-identifier")
    code = identifier.lstrip("0") or identifier
    site, province = payload.text("event-site"), payload.text("event-province")
    country = "CA" if province in PROVINCES else None
    scan = Scan(
        at=_at(payload, builder, country, province),
        meaning=builder.code(EVENT, code),
        code=identifier,
        text=payload.text("event-description", longest=MAX_TEXT_CHARS),
        # Descriptions and foreign sites come in the language that the request asked for.
        key=(code, province),
        place={"city": site, "region": province, "country": country},
    )
    event = scan_event(builder, parcel, scan, stated_at)
    if event is not None:
        yield event


def _at(payload: PayloadReader, builder: EventBuilder, country: str | None, province: str | None) -> datetime:
    date, time, zone = payload.need_text("event-date"), payload.text("event-time"), payload.text("event-time-zone")
    where = payload.get("event-date").path
    if time is None:
        raise undated(where, date)
    offset = builder.code(ZONE, zone)
    if offset is not None:
        return iso(f"{date}T{time}{offset.term}", where, UTC)
    return iso(f"{date}T{time}", where, builder.zone_at(country, province))


def _eta(payload: PayloadReader) -> str | None:
    changed = payload.get("changed-expected-date")
    found = changed if changed.text() else payload.get("expected-delivery-date")
    return when(found.text(), found.path)


ADAPTER = Adapter(
    system="canadapost",
    title="Canada Post",
    forms="tracking details of the web services (XML)",
    parse=xml_payload,
    read=read,
    tables=(EVENT, ZONE),
    emits=(SCAN, "evidence.withdrawn"),
    ignores=frozenset({"accept_test", "auto_capture", "order_is_alias"}),
)
