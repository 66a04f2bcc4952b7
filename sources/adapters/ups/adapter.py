"""UPS: answers of the Tracking API (`/api/track/v1/details/…`), about one parcel or the pieces of a shipment, and Track Alert webhooks.

An answer carries a parcel's whole history and does not say when it was given. A webhook carries one activity, and no history. The time of
an activity is its GMT one; where that is missing, the local one at its offset, else in the zone of its place.

What an activity means stands in three places: the type is coarse, the status code under it (three digits) is finer, and the activity code
(two characters) says which exception it is, or that a "delivered" parcel lies at an access point. What contradicts the coarser one does
not count. `currentStatus` sums the activities up and is no scan, except an end that no activity states.

References lead to the order where `order_field` of a connection names their type: `referenceNumber.PACKAGE`, `referenceNumber.SHIPMENT`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.carrier_replies import OVER, answered_at, not_found, order_of, parcel_outputs, to_sender
from sources.adapters.finals import StatedStatus, refine, unmapped
from sources.adapters.moments import offset_of, patterned, stamp, undated
from sources.adapters.output import AdapterOutput, Ignored, RefuseError
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.payload import MAX_TEXT_CHARS, PayloadReader, json_payload
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.scans import SCAN, estimate_event, scan_event
from sources.adapters.tables import Meaning, table
from sources.adapters.ups.activities import ACTIVITY, EXCEPTION, REFINES
from sources.adapters.ups.relabelled import RELABELLED, relabelled
from sources.adapters.ups.statuses import STATUS, TYPE, TYPED

ERROR = table(
    "error",
    "shipment[].warnings[].code, response.errors[].code",
    "step",
    """
    TW0001 = not_found
    TV1002 = error          # the number is none, and is not named
    VSS300 = error
    250002 = error
    250003 = error
    10004  = error          # try again
    """,
    source="UPS Tracking and Track Alert API: error codes; https://developer.ups.com/api/reference/tracking/appendix",
)

_FORMS = ("%Y%m%d %H%M%S",)


class FieldNames(NamedTuple):
    """What an activity's fields are called in an answer, or in a webhook."""

    status: str
    code: str
    place: str
    country: str
    date: str
    time: str
    gmt_date: str
    gmt_time: str


ANSWERED = FieldNames("status", "statusCode", "address", "countryCode", "date", "time", "gmtDate", "gmtTime")
PUSHED = FieldNames(
    "activityStatus",
    "descriptionCode",
    "activityLocation",
    "country",
    "localActivityDate",
    "localActivityTime",
    "gmtActivityDate",
    "gmtActivityTime",
)


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer, or a webhook."""
    if payload.has("trackResponse"):
        yield from _reply(payload.get("trackResponse"), builder)
    elif payload.has("activityStatus"):
        yield from _alert(payload, builder)
    elif payload.has("response"):
        builder.kind("response")
        codes = [one.id("code") for one in payload.get("response").each("errors")]
        if any((meaning := ERROR.get(code)) is not None and meaning.term == "not_found" for code in codes):
            raise RefuseError("no_identity", "response.errors: a parcel that UPS does not know, and not which")
        raise RefuseError("not_a_report", "response.errors: an error answer")
    elif payload.has("validTrackingNumbers") or payload.has("invalidTrackingNumbers"):
        raise RefuseError("not_a_report", "the answer to a subscription")
    else:
        raise RefuseError("unknown_form", "neither a trackResponse nor a Track Alert webhook")


def _reply(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    builder.kind("trackResponse")
    if not payload.get("shipment"):
        raise RefuseError("not_a_report", "an answer without a shipment")
    yield from builder.each(payload.each("shipment"), lambda one: _shipment(one, builder))


def _shipment(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    asked = payload.id("inquiryNumber", "value") if isinstance(payload.get("inquiryNumber").value, dict) else payload.id("inquiryNumber")
    packages = list(payload.each("package"))
    if not packages:
        yield from _without_package(payload, builder, asked)
        return
    yield from builder.each(packages, lambda one: _package(one, builder, asked if len(packages) == 1 else None))


def _without_package(payload: PayloadReader, builder: EventBuilder, asked: str | None) -> Iterator[AdapterOutput]:
    for warning in payload.each("warnings"):
        code = warning.id("code")
        meaning = builder.code(ERROR, code)
        if meaning is None or meaning.term != "not_found":
            continue
        if asked is None:
            raise RefuseError("no_identity", "shipment[].warnings: a parcel that UPS does not know, and not which")
        yield from not_found(builder, ParcelRef(asked, "UPS"), code, warning.text("message", longest=MAX_TEXT_CHARS))
        return
    raise RefuseError("not_a_report", "a shipment without a package")


def _package(payload: PayloadReader, builder: EventBuilder, asked: str | None) -> Iterator[AdapterOutput]:
    number = payload.id("trackingNumber") or asked
    if number is None:
        raise RefuseError("missing_field", payload.get("trackingNumber").path)
    parcel = ParcelRef(number, "UPS", order=order_of(payload, builder))
    stated_at = answered_at(builder)
    activities = list(payload.each("activity"))
    zones = clocks(builder, activities, lambda one: _seen(one, one.get("location"), ANSWERED))
    outputs = list(
        parcel_outputs(
            builder,
            parcel,
            activities,
            lambda one: _activity(one, builder, parcel, stated_at, next(zones)),
            lambda: _eta(payload, builder),
            seen_whole=to_sender,
            stated=lambda: _stated(payload, builder, activities),
        )
    )
    yield from outputs
    yield from relabelled(payload, builder, parcel, outputs, stated_at)


def _activity(
    payload: PayloadReader, builder: EventBuilder, parcel: ParcelRef, stated_at: datetime | None, clock: tzinfo
) -> Iterator[AdapterOutput]:
    event = scan_event(builder, parcel, _scan(payload, builder, payload.get("location"), ANSWERED, clock), stated_at)
    if event is not None:
        yield event


def _alert(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    builder.kind("activityStatus")
    parcel = ParcelRef(payload.need_id("trackingNumber"), "UPS", order=order_of(payload, builder))
    clock = next(clocks(builder, [payload], lambda one: _seen(one, one, PUSHED)))
    scan = _scan(payload, builder, payload, PUSHED, clock)
    event = scan_event(builder, parcel, scan, None)
    if event is not None:
        yield event
    scheduled = payload.get("scheduledDeliveryDate")
    if scheduled.id() is not None and (event is None or event["data"]["status"] not in OVER):
        yield estimate_event(builder, parcel, _date_of(scheduled, payload.get("deliveryEndTime").id(), clock), scan.at)
    elif event is None:
        yield Ignored("activityStatus", "says nothing of the parcel")


def _spot(around: PayloadReader, terms: FieldNames) -> Spot:
    place = around.get(terms.place)
    country = place.text(terms.country) or place.text("country")
    return spot(country, place.text("stateProvince"), place.text("postalCode"), place.text("city"))


def _seen(payload: PayloadReader, around: PayloadReader, terms: FieldNames) -> tuple[datetime, Spot]:
    """The time of an activity as it is written, and where it was."""
    return _at(payload, terms, None), _spot(around, terms)


def _scan(payload: PayloadReader, builder: EventBuilder, around: PayloadReader, terms: FieldNames, clock: tzinfo) -> Scan:
    status, place = payload.get(terms.status), around.get(terms.place)
    type_, code, digits = status.text("type"), status.id("code"), _digits(status.id(terms.code))
    if type_ is None and code is None and digits is None:
        raise RefuseError("missing_field", status.path)
    city = place.text("city")
    return Scan(
        at=_at(payload, terms, clock),
        meaning=_meaning(builder, type_, digits, code),
        code="/".join(part for part in (type_, digits, code) if part),
        text=status.text("description", longest=MAX_TEXT_CHARS),
        # Descriptions come in the language of the request; a webhook writes the city in other letters than an answer.
        key=(type_, digits, code, city.casefold() if city else None),
        place={"city": city, "region": place.text("stateProvince"), "country": place.text(terms.country) or place.text("country")},
    )


def _digits(code: str | None) -> str | None:
    """A status code with its leading zeros, which some senders lose."""
    return code.zfill(3) if code is not None and code.isascii() and code.isdecimal() else code


def _meaning(builder: EventBuilder, type_: str | None, digits: str | None, code: str | None) -> Meaning | None:
    typed, status = builder.code(TYPE, type_), builder.code(STATUS, digits)
    if typed is not None and typed.ignored:
        return typed
    activity = builder.code(EXCEPTION if typed is not None and typed.term == "exception" else ACTIVITY, _published(code))
    sound = status is not None and (status.ignored or typed is None or status.term in TYPED.get(typed.term, ()))
    meaning = status if sound else typed
    if meaning is None:
        return activity
    known = sound or activity is not None or (digits is None and code is None)
    return refine(meaning, activity, REFINES) if known else unmapped(meaning)


def _published(code: str | None) -> str | None:
    """An activity code as UPS lists them: `7`, which activities write `07`."""
    return code.lstrip("0") or code if code is not None and code.isascii() and code.isdecimal() else code


def _at(payload: PayloadReader, terms: FieldNames, clock: tzinfo | None) -> datetime:
    offset = offset_of(payload.text("gmtOffset"))
    date, time = payload.id(terms.gmt_date), payload.id(terms.gmt_time)
    if date is not None and time is not None:
        return _moment(date, time, payload.get(terms.gmt_date).path, UTC).astimezone(offset or clock or UTC)
    date, time = payload.id(terms.date), payload.id(terms.time)
    where = payload.get(terms.date).path
    if date is None:
        raise RefuseError("missing_field", where)
    if time is None:
        raise undated(where, date)
    return _moment(date, time, where, offset or clock)


def _moment(date: str, time: str, where: str, clock: tzinfo | None) -> datetime:
    """Of `20260506` and `074700`, which may have lost its zero (`74700`) or have colons."""
    return patterned(f"{date} {time.replace(':', '').zfill(6)}", _FORMS, where, clock)


def _destination(payload: PayloadReader, builder: EventBuilder) -> tzinfo:
    for one in payload.each("packageAddress"):
        if one.text("type") == "DESTINATION":
            address = one.get("address")
            return builder.zone_at(address.text("countryCode") or address.text("country"), address.text("stateProvince"))
    return builder.zone


def _eta(payload: PayloadReader, builder: EventBuilder) -> str | None:
    """The delivery as rescheduled, else as scheduled; until the end of its window, where there is one."""
    dates = {one.text("type"): one.get("date") for one in payload.each("deliveryDate")}
    found = dates.get("RDD") or dates.get("SDD")
    if found is None:
        return None
    window = payload.get("deliveryTime")
    timed = window.text("type") in ("EDW", "CDW", "IDW", "CMT")
    return _date_of(found, window.id("endTime") if timed else None, _destination(payload, builder))


def _date_of(payload: PayloadReader, time: str | None, zone: tzinfo) -> str:
    date = payload.need_id()
    if time is None:
        return _moment(date, "0", payload.path, UTC).date().isoformat()
    return stamp(_moment(date, time, payload.path, zone))


def _stated(payload: PayloadReader, builder: EventBuilder, activities: list[PayloadReader]) -> StatedStatus | None:
    """What the current status says, unless an activity says the same, and more exactly where the parcel is."""
    current = payload.get("currentStatus")
    digits = _digits(current.id("statusCode") or current.id("code"))
    if digits is None or any(_digits(one.id("status", "statusCode")) == digits and _counts(one) for one in activities):
        return None
    return StatedStatus(
        builder.code(STATUS, digits), digits, current.text("description", longest=MAX_TEXT_CHARS), _delivery(payload, builder)
    )


def _counts(activity: PayloadReader) -> bool:
    """Whether an activity's status code counts: it has a time of day, without which it is not told, and its type does not contradict it."""
    timed = activity.id(ANSWERED.time) is not None or activity.id(ANSWERED.gmt_time) is not None
    typed, status = TYPE.get(activity.text("status", "type")), STATUS.get(_digits(activity.id("status", "statusCode")))
    return timed and (typed is None or status is None or status.ignored or status.term in TYPED.get(typed.term, ()))


def _delivery(payload: PayloadReader, builder: EventBuilder) -> datetime | None:
    """When the parcel was delivered, where the answer says so."""
    date = next((one.get("date") for one in payload.each("deliveryDate") if one.text("type") == "DEL"), None)
    time = payload.get("deliveryTime")
    if date is None or date.id() is None or time.text("type") != "DEL" or time.id("endTime") is None:
        return None
    return _moment(date.need_id(), time.id("endTime") or "", date.path, _destination(payload, builder))


ADAPTER = Adapter(
    system="ups",
    title="UPS",
    forms="Tracking API (JSON): answers; Track Alert webhooks",
    parse=json_payload,
    read=read,
    tables=(STATUS, TYPE, EXCEPTION, ACTIVITY, ERROR),
    emits=(SCAN, RELABELLED, "evidence.withdrawn"),
)
