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

from sources.adapters.answers import OVER, answered_at, not_found, order_of, tell, to_sender
from sources.adapters.base import Adapter, EventBuilder
from sources.adapters.doc import LONGEST_TEXT, PayloadReader, json_doc
from sources.adapters.finals import Stated, refine, unmapped
from sources.adapters.moments import offset_of, patterned, stamp, undated
from sources.adapters.parcel import ParcelRef, Scan
from sources.adapters.places import Spot, clocks, spot
from sources.adapters.scans import SCAN, estimate_event, scan_event
from sources.adapters.tables import Meaning, table
from sources.adapters.told import AdapterOutput, Ignored, RefuseError
from sources.adapters.ups.activities import ACTIVITY, EXCEPTION, REFINES
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


class Words(NamedTuple):
    """What an activity's fields are called in an answer, or in a webhook."""

    status: str
    code: str
    place: str
    country: str
    date: str
    time: str
    gmt_date: str
    gmt_time: str


ANSWERED = Words("status", "statusCode", "address", "countryCode", "date", "time", "gmtDate", "gmtTime")
PUSHED = Words(
    "activityStatus",
    "descriptionCode",
    "activityLocation",
    "country",
    "localActivityDate",
    "localActivityTime",
    "gmtActivityDate",
    "gmtActivityTime",
)


def read(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    """An answer, or a webhook."""
    if doc.has("trackResponse"):
        yield from _answer(doc.get("trackResponse"), say)
    elif doc.has("activityStatus"):
        yield from _alert(doc, say)
    elif doc.has("response"):
        say.kind("response")
        codes = [one.id("code") for one in doc.get("response").each("errors")]
        if any((meaning := ERROR.get(code)) is not None and meaning.word == "not_found" for code in codes):
            raise RefuseError("no_identity", "response.errors: a parcel that UPS does not know, and not which")
        raise RefuseError("not_a_report", "response.errors: an error answer")
    elif doc.has("validTrackingNumbers") or doc.has("invalidTrackingNumbers"):
        raise RefuseError("not_a_report", "the answer to a subscription")
    else:
        raise RefuseError("unknown_form", "neither a trackResponse nor a Track Alert webhook")


def _answer(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    say.kind("trackResponse")
    if not doc.get("shipment"):
        raise RefuseError("not_a_report", "an answer without a shipment")
    yield from say.each(doc.each("shipment"), lambda one: _shipment(one, say))


def _shipment(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    asked = doc.id("inquiryNumber", "value") if isinstance(doc.get("inquiryNumber").value, dict) else doc.id("inquiryNumber")
    packages = list(doc.each("package"))
    if not packages:
        yield from _without_package(doc, say, asked)
        return
    yield from say.each(packages, lambda one: _package(one, say, asked if len(packages) == 1 else None))


def _without_package(doc: PayloadReader, say: EventBuilder, asked: str | None) -> Iterator[AdapterOutput]:
    for warning in doc.each("warnings"):
        code = warning.id("code")
        meaning = say.code(ERROR, code)
        if meaning is None or meaning.word != "not_found":
            continue
        if asked is None:
            raise RefuseError("no_identity", "shipment[].warnings: a parcel that UPS does not know, and not which")
        yield from not_found(say, ParcelRef(asked, "UPS"), code, warning.text("message", longest=LONGEST_TEXT))
        return
    raise RefuseError("not_a_report", "a shipment without a package")


def _package(doc: PayloadReader, say: EventBuilder, asked: str | None) -> Iterator[AdapterOutput]:
    number = doc.id("trackingNumber") or asked
    if number is None:
        raise RefuseError("missing_field", doc.get("trackingNumber").path)
    parcel = ParcelRef(number, "UPS", order=order_of(doc, say))
    said = answered_at(say)
    activities = list(doc.each("activity"))
    zones = clocks(say, activities, lambda one: _seen(one, one.get("location"), ANSWERED))
    yield from tell(
        say,
        parcel,
        activities,
        lambda one: _activity(one, say, parcel, said, next(zones)),
        lambda: _eta(doc, say),
        seen_whole=to_sender,
        stated=lambda: _stated(doc, say, activities),
    )


def _activity(doc: PayloadReader, say: EventBuilder, parcel: ParcelRef, said: datetime | None, clock: tzinfo) -> Iterator[AdapterOutput]:
    event = scan_event(say, parcel, _scan(doc, say, doc.get("location"), ANSWERED, clock), said)
    if event is not None:
        yield event


def _alert(doc: PayloadReader, say: EventBuilder) -> Iterator[AdapterOutput]:
    say.kind("activityStatus")
    parcel = ParcelRef(doc.need_id("trackingNumber"), "UPS", order=order_of(doc, say))
    clock = next(clocks(say, [doc], lambda one: _seen(one, one, PUSHED)))
    scan = _scan(doc, say, doc, PUSHED, clock)
    event = scan_event(say, parcel, scan, None)
    if event is not None:
        yield event
    scheduled = doc.get("scheduledDeliveryDate")
    if scheduled.id() is not None and (event is None or event["data"]["status"] not in OVER):
        yield estimate_event(say, parcel, _date_of(scheduled, doc.get("deliveryEndTime").id(), clock), scan.at)
    elif event is None:
        yield Ignored("activityStatus", "says nothing of the parcel")


def _spot(around: PayloadReader, words: Words) -> Spot:
    place = around.get(words.place)
    country = place.text(words.country) or place.text("country")
    return spot(country, place.text("stateProvince"), place.text("postalCode"), place.text("city"))


def _seen(doc: PayloadReader, around: PayloadReader, words: Words) -> tuple[datetime, Spot]:
    """The time of an activity as it is written, and where it was."""
    return _at(doc, words, None), _spot(around, words)


def _scan(doc: PayloadReader, say: EventBuilder, around: PayloadReader, words: Words, clock: tzinfo) -> Scan:
    status, place = doc.get(words.status), around.get(words.place)
    type_, code, digits = status.text("type"), status.id("code"), _digits(status.id(words.code))
    if type_ is None and code is None and digits is None:
        raise RefuseError("missing_field", status.path)
    city = place.text("city")
    return Scan(
        at=_at(doc, words, clock),
        meaning=_meaning(say, type_, digits, code),
        code="/".join(part for part in (type_, digits, code) if part),
        text=status.text("description", longest=LONGEST_TEXT),
        # Descriptions come in the language of the request; a webhook writes the city in other letters than an answer.
        key=(type_, digits, code, city.casefold() if city else None),
        place={"city": city, "region": place.text("stateProvince"), "country": place.text(words.country) or place.text("country")},
    )


def _digits(code: str | None) -> str | None:
    """A status code with its leading zeros, which some senders lose."""
    return code.zfill(3) if code is not None and code.isascii() and code.isdecimal() else code


def _meaning(say: EventBuilder, type_: str | None, digits: str | None, code: str | None) -> Meaning | None:
    typed, status = say.code(TYPE, type_), say.code(STATUS, digits)
    if typed is not None and typed.ignored:
        return typed
    activity = say.code(EXCEPTION if typed is not None and typed.word == "exception" else ACTIVITY, _published(code))
    sound = status is not None and (status.ignored or typed is None or status.word in TYPED.get(typed.word, ()))
    meaning = status if sound else typed
    if meaning is None:
        return activity
    known = sound or activity is not None or (digits is None and code is None)
    return refine(meaning, activity, REFINES) if known else unmapped(meaning)


def _published(code: str | None) -> str | None:
    """An activity code as UPS lists them: `7`, which activities write `07`."""
    return code.lstrip("0") or code if code is not None and code.isascii() and code.isdecimal() else code


def _at(doc: PayloadReader, words: Words, clock: tzinfo | None) -> datetime:
    offset = offset_of(doc.text("gmtOffset"))
    date, time = doc.id(words.gmt_date), doc.id(words.gmt_time)
    if date is not None and time is not None:
        return _moment(date, time, doc.get(words.gmt_date).path, UTC).astimezone(offset or clock or UTC)
    date, time = doc.id(words.date), doc.id(words.time)
    where = doc.get(words.date).path
    if date is None:
        raise RefuseError("missing_field", where)
    if time is None:
        raise undated(where, date)
    return _moment(date, time, where, offset or clock)


def _moment(date: str, time: str, where: str, clock: tzinfo | None) -> datetime:
    """Of `20260506` and `074700`, which may have lost its zero (`74700`) or have colons."""
    return patterned(f"{date} {time.replace(':', '').zfill(6)}", _FORMS, where, clock)


def _destination(doc: PayloadReader, say: EventBuilder) -> tzinfo:
    for one in doc.each("packageAddress"):
        if one.text("type") == "DESTINATION":
            address = one.get("address")
            return say.zone_at(address.text("countryCode") or address.text("country"), address.text("stateProvince"))
    return say.zone


def _eta(doc: PayloadReader, say: EventBuilder) -> str | None:
    """The delivery as rescheduled, else as scheduled; until the end of its window, where there is one."""
    dates = {one.text("type"): one.get("date") for one in doc.each("deliveryDate")}
    found = dates.get("RDD") or dates.get("SDD")
    if found is None:
        return None
    window = doc.get("deliveryTime")
    timed = window.text("type") in ("EDW", "CDW", "IDW", "CMT")
    return _date_of(found, window.id("endTime") if timed else None, _destination(doc, say))


def _date_of(doc: PayloadReader, time: str | None, zone: tzinfo) -> str:
    date = doc.need_id()
    if time is None:
        return _moment(date, "0", doc.path, UTC).date().isoformat()
    return stamp(_moment(date, time, doc.path, zone))


def _stated(doc: PayloadReader, say: EventBuilder, activities: list[PayloadReader]) -> Stated | None:
    """What the current status says, unless an activity says the same, and more exactly where the parcel is."""
    current = doc.get("currentStatus")
    digits = _digits(current.id("statusCode") or current.id("code"))
    if digits is None or any(_digits(one.id("status", "statusCode")) == digits and _counts(one) for one in activities):
        return None
    return Stated(say.code(STATUS, digits), digits, current.text("description", longest=LONGEST_TEXT), _delivery(doc, say))


def _counts(activity: PayloadReader) -> bool:
    """Whether an activity's status code counts: it has a time of day, without which it is not told, and its type does not contradict it."""
    timed = activity.id(ANSWERED.time) is not None or activity.id(ANSWERED.gmt_time) is not None
    typed, status = TYPE.get(activity.text("status", "type")), STATUS.get(_digits(activity.id("status", "statusCode")))
    return timed and (typed is None or status is None or status.ignored or status.word in TYPED.get(typed.word, ()))


def _delivery(doc: PayloadReader, say: EventBuilder) -> datetime | None:
    """When the parcel was delivered, where the answer says so."""
    date = next((one.get("date") for one in doc.each("deliveryDate") if one.text("type") == "DEL"), None)
    time = doc.get("deliveryTime")
    if date is None or date.id() is None or time.text("type") != "DEL" or time.id("endTime") is None:
        return None
    return _moment(date.need_id(), time.id("endTime") or "", date.path, _destination(doc, say))


ADAPTER = Adapter(
    system="ups",
    title="UPS",
    forms="Tracking API (JSON): answers; Track Alert webhooks",
    parse=json_doc,
    read=read,
    tables=(STATUS, TYPE, EXCEPTION, ACTIVITY, ERROR),
    emits=(SCAN, "evidence.withdrawn"),
)
