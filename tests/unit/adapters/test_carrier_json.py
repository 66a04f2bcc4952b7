"""JSON of FedEx, UPS, USPS and DHL: what a scan is, when it was, and whose; `test_samples` holds the whole payloads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.histories import Remembered, settle
from sources.adapters.tables import grouped
from tests.support.adapters import OWN, made_of
from tests.support.carrier_json import (
    dhl,
    dhl_event,
    fedex,
    fedex_event,
    fedex_result,
    ups,
    ups_activity,
    usps,
    usps_event,
)
from tests.support.carrier_xml import NOON, detail, event, output, reasons, statuses
from tests.support.carrier_xml import fedex as fedex_xml
from tests.support.carrier_xml import usps as usps_xml

if TYPE_CHECKING:
    from collections.abc import Callable

    from sources.adapters import Adapted

RECEIVED = datetime(2026, 5, 8, tzinfo=UTC)

SAYING: list[tuple[str, str, str]] = [
    ("fedex", fedex(fedex_result(fedex_event("OC"))), "label_created"),
    ("fedex", fedex(fedex_result(fedex_event("DO"))), "accepted"),  # dropped off, not delivered
    ("fedex", fedex(fedex_result(fedex_event("OD", derived="IT"))), "out_for_delivery"),  # a type says more than what is derived from it
    ("fedex", fedex(fedex_result(fedex_event("Q8", derived="IT"))), "in_transit unmapped"),
    ("fedex", fedex(fedex_result(fedex_event("Q8", derived="DL"))), "delivered unmapped"),
    ("fedex", fedex(fedex_result(fedex_event("Q8"))), "unknown unmapped"),
    ("fedex", fedex(fedex_result(fedex_event("DE", "07"))), "exception refused"),
    ("fedex", fedex(fedex_result(fedex_event("DL", "07"))), "delivered"),  # a reason that contradicts its event does not count
    ("fedex", fedex(fedex_result(fedex_event("DL", "025"))), "in_transit"),  # "delivered" to USPS
    ("fedex", fedex(fedex_result(fedex_event("RS", "07"))), "returning refused"),
    ("fedex", fedex(fedex_result(fedex_event("HL"))), "ready_for_pickup"),
    ("fedex", fedex(fedex_result(fedex_event("CD", "55"))), "held customs"),
    ("ups", ups(ups_activity("M", "003", "MP")), "label_created"),
    ("ups", ups(ups_activity("M", "011", "FS")), "label_created"),  # no detail delivers what UPS does not have yet
    ("ups", ups(ups_activity("P", "038", "XD")), "accepted"),
    ("ups", ups(ups_activity("I", "005", "DP")), "in_transit"),
    ("ups", ups(ups_activity("X", "013", "DP")), "exception prohibited"),  # the same two letters of an exception
    ("ups", ups(ups_activity("I", "011", "FS")), "in_transit"),  # a detail that contradicts its type does not count
    ("ups", ups(ups_activity("D", "11", "9E")), "delivered"),  # without its zero
    ("ups", ups(ups_activity("D", None, None)), "delivered"),
    ("ups", ups(ups_activity("D", "040", "2Q")), "ready_for_pickup"),  # "delivered" to an access point
    ("ups", ups(ups_activity("X", "022", "48")), "attempt_failed recipient_absent"),
    ("ups", ups(ups_activity("X", "999", "KS")), "exception refused"),
    ("ups", ups(ups_activity("X", "999", "none")), "exception unmapped"),
    ("ups", ups(ups_activity(None, "021", None)), "out_for_delivery"),
    ("ups", ups(ups_activity("X", "036", "8H")), "returning refused"),
    ("ups", ups(ups_activity("X", "058", "RD")), "held customs"),
    ("ups", ups(ups_activity("RS", None, None)), "returned"),
    ("ups", ups(ups_activity("none", "998", "none")), "unknown unmapped"),
    ("usps", usps(usps_event("01", "Delivered, Left with Individual")), "delivered"),
    ("usps", usps(usps_event("01", "Delivered, To Original Sender")), "returned"),
    ("usps", usps(usps_event("01", "Delivered, To Agent")), "in_transit"),
    ("usps", usps(usps_event("03", "Delivered")), "accepted"),
    ("usps", usps(usps_event("Q8", "Held in Customs")), "held customs"),
    ("usps", usps(usps_event(None, "Out for Delivery")), "out_for_delivery"),
    ("usps", usps(usps_event("GX", "Shipping Label Created, USPS Awaiting Item")), "label_created"),
    ("usps", usps(usps_event("Q8", "Words that nobody knows")), "unknown unmapped"),
    ("dhl", dhl("express", dhl_event("transit", "PU")), "accepted"),
    ("dhl", dhl("express", dhl_event("delivered", "OK")), "delivered"),
    ("dhl", dhl("express", dhl_event("transit", "OK")), "in_transit"),  # a code that contradicts its status does not count
    ("dhl", dhl("express", dhl_event("pre-transit", "OK")), "label_created"),
    ("dhl", dhl("express", dhl_event("failure", "RD")), "exception refused"),
    ("dhl", dhl("express", dhl_event("failure", "CD")), "held customs"),
    ("dhl", dhl("express", dhl_event("transit", "Q8")), "in_transit unmapped"),
    ("dhl", dhl("express", dhl_event("Q8", "OK")), "unknown unmapped"),
    ("dhl", dhl("freight", dhl_event("transit", "Q8")), "in_transit"),  # a division without codes of its own
    ("dhl", dhl("freight", dhl_event("unknown", None)), "unknown"),
    ("dhl", dhl("ecommerce-europe", dhl_event("delivered", "43")), "ready_for_pickup"),  # "delivered" to a shop
    ("dhl", dhl("parcel-nl", dhl_event("delivered", "DELIVERED_AT_PARCELSHOP")), "ready_for_pickup"),
    ("dhl", dhl("parcel-nl", dhl_event("transit", "DELIVERED_AT_PARCELSHOP")), "ready_for_pickup"),
    ("dhl", dhl("parcel-nl", dhl_event("delivered", "COLLECTED_AT_PARCELSHOP")), "delivered"),
    ("dhl", dhl("post-de", dhl_event("delivered", "DELIVERED_ZU_OK")), "delivered"),
    ("dhl", dhl("parcel-de", dhl_event("transit", "Die Sendung wurde in das Zustellfahrzeug geladen.")), "out_for_delivery"),
    ("dhl", dhl("ecommerce", dhl_event("failure", "words", description="ADDRESSEE UNKNOWN")), "exception address"),
]


@pytest.mark.parametrize(("system", "body", "meaning"), SAYING)
def test_a_scan_means_what_the_carrier_means_by_it(system: str, body: str, meaning: str) -> None:
    """Whatever the carrier calls a delivery: nobody has the parcel but the recipient, or the parcel is not delivered."""
    adapted = output(system, body, NOON)
    assert statuses(adapted) == [meaning]
    assert not adapted.refused


INSTANTS: list[tuple[str, str, str]] = [
    ("fedex", fedex(fedex_result(fedex_event("OD", at="2026-05-06T09:00:00-07:00"))), "2026-05-06T09:00:00-07:00"),
    ("fedex", fedex(fedex_result(fedex_event("OD", at="2026-05-06T09:00:00"))), "2026-05-06T09:00:00-05:00"),
    (
        "fedex",
        fedex(fedex_result(fedex_event("OD", at="2026-05-06T09:00:00", postalCode="94607", countryCode="US"))),
        "2026-05-06T09:00:00-07:00",
    ),
    ("fedex", fedex(fedex_result(fedex_event("OD", at="2026-05-06T00:00:00-05:00"))), "2026-05-06T00:00:00-05:00"),
    ("ups", ups(ups_activity("I", "005", "AR")), "2026-05-06T09:00:00-07:00"),
    ("ups", ups(ups_activity("I", "005", "AR", "90000")), "2026-05-06T09:00:00-07:00"),
    ("ups", ups(ups_activity("I", "005", "AR", gmtOffset="-04.00")), "2026-05-06T09:00:00-04:00"),
    (
        "ups",
        ups(ups_activity("I", "005", "AR", gmtDate="20260506", gmtTime="14:00:00", gmtOffset="-05:00")),
        "2026-05-06T09:00:00-05:00",
    ),
    ("ups", ups(ups_activity("I", "005", "AR", gmtDate="20260506", gmtTime="140000")), "2026-05-06T14:00:00Z"),
    ("ups", ups(ups_activity("I", "005", "AR", gmtDate="20260506", gmtTime="", gmtOffset="no offset")), "2026-05-06T09:00:00-07:00"),
    ("usps", usps(usps_event("OF", "Out for Delivery")), "2026-05-06T09:00:00-05:00"),
    ("usps", usps(usps_event("OF", "Out for Delivery", "2026-05-06T09:00:00Z")), "2026-05-06T09:00:00-05:00"),  # local all the same
    ("usps", usps(usps_event("OF", "Out for Delivery", "2026-05-06T09:00:00-08:00")), "2026-05-06T09:00:00-08:00"),
    ("usps", usps(usps_event("OF", "Out for Delivery", GMTOffset="-7:00")), "2026-05-06T09:00:00-07:00"),
    ("usps", usps(usps_event("OF", "Out for Delivery", GMTTimestamp="2026-05-06T13:00:31Z")), "2026-05-06T09:00:00-04:00"),
    (
        "usps",
        usps(usps_event("OF", "Out for Delivery", GMTTimestamp="2026-05-06T13:00:31Z", GMTOffset="-05:00")),
        "2026-05-06T09:00:00-04:00",
    ),
    ("usps", usps(usps_event("OF", "Out for Delivery", GMTTimestamp="2026-05-07T13:07:31Z")), "2026-05-07T13:07:31Z"),
    (
        "usps",
        usps(usps_event("OF", "Out for Delivery", "2026-05-06T00:00:00", GMTTimestamp="2026-05-06T05:00:00Z")),
        "2026-05-06T00:00:00-05:00",
    ),
    (
        "usps",
        usps(usps_event("A1", "Arrived at USPS Facility", eventState=None, eventCity="LOS ANGELES CA DISTRIBUTION CENTER")),
        "2026-05-06T09:00:00-07:00",
    ),
    ("dhl", dhl("express", dhl_event("transit", "DF")), "2026-05-06T09:00:00+02:00"),
    ("dhl", dhl("parcel-de", dhl_event("transit", "AA", "2026-05-06T09:00:00")), "2026-05-06T09:00:00+02:00"),
    (
        "dhl",
        dhl("ecommerce", dhl_event("transit", "544", "2026-05-06T09:00:00", location={"address": {"addressLocality": "Reno, NV, US"}})),
        "2026-05-06T09:00:00-07:00",
    ),
    (
        "dhl",
        dhl("express", dhl_event("transit", "DF", "2026-05-06T09:00:00", location={"address": {"addressLocality": "LONDON - UK"}})),
        "2026-05-06T09:00:00+01:00",
    ),
    (
        "dhl",
        dhl(
            "express",
            dhl_event("transit", "DF", "2026-05-06T09:00:00", location={"address": {"addressLocality": "AMSTERDAM - NETHERLANDS, THE"}}),
        ),
        "2026-05-06T09:00:00+02:00",
    ),
    (
        "dhl",  # a state, or a country: the connection's clock
        dhl("express", dhl_event("transit", "DF", "2026-05-06T09:00:00", location={"address": {"addressLocality": "Gary, IN"}})),
        "2026-05-06T09:00:00-04:00",
    ),
    (
        "dhl",
        dhl("express", dhl_event("pre-transit", "104", "2026-05-06T09:00:00"), origin={"address": {"countryCode": "JP"}}),
        "2026-05-06T09:00:00+09:00",
    ),
]


@pytest.mark.parametrize(("system", "body", "at"), INSTANTS)
def test_a_scan_has_the_instant_that_the_carrier_means(system: str, body: str, at: str) -> None:
    """By its offset, its time in Greenwich, its place, the other scans, and last the connection."""
    assert [event["time"] for event in output(system, body, NOON).events] == [at]


@pytest.mark.parametrize(
    ("system", "body"),
    [
        ("fedex", fedex(fedex_result(fedex_event("PU", at="2026-05-06T00:00:00")))),
        ("ups", ups(ups_activity("I", "005", "AR", ""))),
        ("usps", usps(usps_event("NT", "In Transit to Next Facility", "2026-05-06T00:00:00"))),
        ("usps", usps(usps_event("NT", "In Transit to Next Facility", "2026-05-06"))),
        ("dhl", dhl("parcel-de", dhl_event("transit", "AA", "2026-05-06T00:00:00"))),
        ("dhl", dhl("parcel-de", dhl_event("transit", "AA", "2026-05-06"))),
    ],
)
def test_a_date_without_a_time_of_day_is_no_instant(system: str, body: str) -> None:
    """Whatever was written would be made up, and a history without it would withdraw what was told of it."""
    adapted = output(system, body, NOON)
    assert reasons(adapted) == ["bad_time"]
    assert not adapted.events
    assert not adapted.histories


NOWHERE: list[tuple[str, object, str]] = [
    ("fedex", {"errors": [{"code": "NOT.AUTHORIZED.ERROR"}]}, "not_a_report"),
    ("fedex", {"errors": [{"code": "TRACKING.TRACKINGNUMBER.NOTFOUND"}]}, "no_identity"),
    ("fedex", {"output": {"alerts": [{"code": "VIRTUAL.RESPONSE"}]}}, "not_a_report"),
    ("fedex", {"output": {"completeTrackResults": []}}, "not_a_report"),
    ("fedex", {"output": {"cxsErrors": []}}, "not_a_report"),
    ("ups", {"response": {"errors": [{"code": "TV1002"}]}}, "not_a_report"),
    ("ups", {"response": {"errors": [{"code": "TW0001"}]}}, "no_identity"),
    ("ups", {"trackResponse": {"shipment": []}}, "not_a_report"),
    ("ups", {"trackResponse": {"shipment": [{"warnings": [{"code": "TW0001"}]}]}}, "no_identity"),
    ("ups", {"trackResponse": {"shipment": [{"inquiryNumber": "1Z1"}]}}, "not_a_report"),
    ("ups", {"validTrackingNumbers": ["1Z1"], "invalidTrackingNumbers": []}, "not_a_report"),
    ("ups", {"somethingElse": 1}, "unknown_form"),
    ("usps", {"apiVersion": "v3", "error": {"code": "429"}}, "not_a_report"),
    ("usps", {"apiVersion": "v3", "error": {"code": "404"}}, "no_identity"),
    ("usps", {"apiVersion": "v3"}, "unknown_form"),
    ("usps", [], "not_a_report"),
    ("usps", {"subscriptionType": "TRACKING", "payload": "[]"}, "not_a_report"),
    ("dhl", [], "wrong_type"),
    ("usps", {"subscriptionType": "SCAN_EVENT_EXTRACT", "payload": "{}"}, "unknown_form"),
    ("usps", {"subscriptionType": "TRACKING", "payload": "no json"}, "not_readable"),
    ("dhl", {"shipments": []}, "not_a_report"),
    ("dhl", {"title": "Unauthorized", "status": 401}, "not_a_report"),
    ("dhl", {"title": "Not found", "status": 404, "instance": "/somewhere/else"}, "no_identity"),
    ("dhl", {"scope": "subscription.validate", "secret": "s"}, "not_a_report"),
    ("dhl", {"scope": "something.else"}, "unknown_form"),
]


@pytest.mark.parametrize(("system", "body", "reason"), NOWHERE)
def test_an_answer_that_says_nothing_of_a_parcel_is_refused_and_says_why(system: str, body: object, reason: str) -> None:
    """Never silence: what an answer is instead stands in the reason."""
    adapted = output(system, json.dumps(body), NOON)
    assert reasons(adapted) == [reason]
    assert adapted.refused[0].detail
    assert not adapted.events


@pytest.mark.parametrize(
    ("system", "detail"),
    [
        ("fedex", "neither trackResults (JSON) nor a TrackReply (XML)"),
        ("usps", "neither a trackingNumber (JSON) nor a TrackResponse (XML)"),
    ],
)
def test_a_system_of_two_forms_names_both_where_a_payload_is_neither(system: str, detail: str) -> None:
    """Whoever sends the wrong file reads what the right one has."""
    for body in ("{}", '{"a": 1}', '{"a": 1, "b": 2}', "<a/>"):
        assert [(one.reason, one.detail) for one in output(system, body, NOON).refused] == [("unknown_form", detail)]


@pytest.mark.parametrize(
    ("system", "body", "number"),
    [
        ("fedex", fedex({"trackingNumberInfo": {"trackingNumber": "771"}, "error": {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND"}}), "771"),
        (
            "ups",
            json.dumps({"trackResponse": {"shipment": [{"inquiryNumber": {"value": "1Z1"}, "warnings": [{"code": "TW0001"}]}]}}),
            "1Z1",
        ),
        ("usps", json.dumps([{"trackingNumber": "940", "error": {"errors": [{"code": "150001"}]}}]), "940"),
        ("dhl", json.dumps({"title": "Not found", "status": 404, "instance": "/track/shipments/003"}), "003"),
    ],
)
def test_a_parcel_that_the_carrier_does_not_know_is_told_at_the_time_of_the_answer(system: str, body: str, number: str) -> None:
    """Each answer is an event of its own; where nothing says when it was given, it is refused."""
    found = [output(system, body, {"date": f"Thu, 07 May 2026 {hour}:00:00 GMT"}).events for hour in (12, 13)]
    assert [(one["data"]["status"], one["data"]["reason"], one["data"]["tracking_number"]) for [one] in found] == [
        ("unknown", "not_found", number)
    ] * 2
    assert [one["time"] for [one] in found] == ["2026-05-07T12:00:00Z", "2026-05-07T13:00:00Z"]
    assert found[0][0]["id"] != found[1][0]["id"]
    assert reasons(output(system, body)) == ["missing_field"]


def test_a_scan_is_the_same_event_in_xml_and_in_json() -> None:
    """Who moves from one interface to the other tells nothing twice."""
    place = "<PostalCode>60607</PostalCode><StateOrProvinceCode>IL</StateOrProvinceCode><CountryCode>US</CountryCode>"
    old = output("fedex", fedex_xml(event("DE", MAY, "08", place)), NOON).events
    new = output("fedex", fedex(fedex_result(fedex_event("DE", "08", MAY))), NOON).events
    assert [one["id"] for one in old] == [one["id"] for one in new]
    city = "<EventCity>CHICAGO</EventCity><EventState>IL</EventState>"
    old = output("usps", usps_xml(detail("OF", "Out for Delivery", place=city)), NOON).events
    for more in ({}, {"GMTTimestamp": "2026-05-06T14:00:42Z", "GMTOffset": "-05:00"}):
        new = output("usps", usps(usps_event("OF", "Out for Delivery", **more)), NOON).events
        assert [one["id"] for one in old] == [one["id"] for one in new]


MAY = "2026-05-06T09:00:00-05:00"


def test_a_track_alert_and_an_answer_tell_the_same_event() -> None:
    """UPS pushes an activity and answers with it: it happened once."""
    pushed: dict[str, Any] = json.loads((OWN / "ups/alert_delivered.json").read_bytes())["body"]
    activity = ups_activity(
        "D",
        "011",
        "FS",
        "131000",
        date="20260507",
        gmtDate="20260507",
        gmtTime="20:10:00",
        gmtOffset="-07:00",
    )
    answered = output("ups", ups(activity).replace('"1Z1"', f'"{pushed["trackingNumber"]}"'), NOON).events
    assert [one["id"] for one in answered] == [one["id"] for one in output("ups", json.dumps(pushed)).events]


ORDERS: list[tuple[str, str, str]] = [
    ("fedex", "own/fedex/api_pieces_and_a_counter.json", "additionalTrackingInfo.packageIdentifiers.PURCHASE_ORDER"),
    ("ups", "own/ups/access_point.json", "referenceNumber.shipment"),
    ("dhl", "own/dhl/parcel_de.json", "details.references.customer-reference"),
    ("dhl", "own/dhl/express_pieces.json", "details.references.Customer-Reference"),
]


@pytest.mark.parametrize(("system", "name", "field"), ORDERS)
def test_a_reference_leads_to_the_order(system: str, name: str, field: str) -> None:
    """By its type, in letters of either case."""
    adapted = made_of(system, OWN.parent / name.replace("own", "payloads", 1), AdapterConnection(order_field=field))
    assert {one.get("subject") for one in adapted.events} & {"PO-7001", "SO-5001", "SO-801", "SO-802"}


def test_of_several_references_nothing_says_which_is_the_order() -> None:
    """Two that differ name no order; two that agree name it. What goes back to the shop delivers none."""
    connection = AdapterConnection(order_field="additionalTrackingInfo.packageIdentifiers.CUSTOMER_REFERENCE")

    def orders(*values: str, **more: Any) -> set[str | None]:
        references = {"packageIdentifiers": [{"type": "CUSTOMER_REFERENCE", "values": list(values)}]}
        body = fedex(fedex_result(fedex_event("DL"), additionalTrackingInfo=references, **more))
        return {one.get("subject") for one in translate(ADAPTERS["fedex"], Payload(body.encode(), NOON), connection).events}

    assert orders("SO-1") == orders("SO-1", "SO-1") == {"SO-1"}
    assert orders("SO-1", "SO-2") == orders() == {None}
    assert orders("SO-1", returnDetail={"authorizationName": "shop"}) == {None}
    assert orders("SO-1", returnDetail={"reasonDetail": [{"type": "NOT_AS_EXPECTED"}]}) == {None}
    assert orders("SO-1", returnDetail={"authorizationName": "", "reasonDetail": [{"type": "", "description": ""}]}) == {"SO-1"}


FINALS: list[tuple[str, str, list[str]]] = [
    ("fedex", fedex(fedex_result(fedex_event("OD"), latestStatusDetail={"code": "DL"})), ["out_for_delivery", "delivered"]),
    ("fedex", fedex(fedex_result(fedex_event("DL", "025"), latestStatusDetail={"code": "DL"})), ["in_transit"]),
    ("fedex", fedex(fedex_result(fedex_event("OD"), latestStatusDetail={"code": "OD"})), ["out_for_delivery"]),
    ("fedex", fedex(fedex_result(fedex_event("OC"), latestStatusDetail={"code": "CA"})), ["label_created", "cancelled"]),
    ("ups", ups(ups_activity("I", "005", "AR"), currentStatus={"code": "011"}), ["in_transit", "delivered"]),
    ("ups", ups(ups_activity("D", "011", "2Q"), currentStatus={"code": "011"}), ["ready_for_pickup"]),
    ("ups", ups(ups_activity("I", "011", "FS"), currentStatus={"code": "011"}), ["in_transit", "delivered"]),
    ("ups", ups(ups_activity("X", "036", "8H"), currentStatus={"code": "034"}), ["returning refused", "returned"]),
    ("usps", usps(usps_event("OF", "Out for Delivery"), statusCategory="Delivered"), ["out_for_delivery", "delivered"]),
    (
        "usps",
        usps(usps_event("OF", "Out for Delivery"), statusCategory="Delivered", status="Delivered, To Original Sender"),
        ["out_for_delivery", "returned"],
    ),
    (
        "usps",
        usps(usps_event("OF", "Out for Delivery"), statusCategory="Delivered", status="Delivered, To Agent"),
        ["out_for_delivery"],
    ),
    # What is delivered after it was sent back went to the sender, whether a scan says the delivery or the answer alone.
    ("fedex", fedex(fedex_result(fedex_event("RS", "07"), latestStatusDetail={"code": "DL"})), ["returning refused", "returned"]),
    ("ups", ups(ups_activity("X", "036", "8H"), currentStatus={"code": "011"}), ["returning refused", "returned"]),
    (
        "usps",
        usps(usps_event("09", "Return to Sender"), statusCategory="Delivered", status="Delivered, Left with Individual"),
        ["returning", "returned"],
    ),
    ("dhl", dhl("express", dhl_event("failure", "RT"), status={"statusCode": "delivered"}), ["returning", "returned"]),
    (
        "fedex",  # the delivery was before: what comes back is another matter
        fedex(
            fedex_result(
                fedex_event("OD", at="2026-05-05T09:00:00-05:00"),
                fedex_event("RS", "07"),
                latestStatusDetail={"code": "DL"},
                dateAndTimes=[{"type": "ACTUAL_DELIVERY", "dateTime": "2026-05-05T15:00:00-05:00"}],
            )
        ),
        ["out_for_delivery", "returning refused", "delivered"],
    ),
    ("usps", usps(usps_event("01", "Delivered, To Agent"), statusCategory="Delivered"), ["in_transit"]),
    ("usps", usps(usps_event("OF", "Out for Delivery"), statusCategory="Delivered to Agent"), ["out_for_delivery"]),
    ("dhl", dhl("express", dhl_event("transit", "WC"), status={"statusCode": "delivered"}), ["out_for_delivery", "delivered"]),
    ("dhl", dhl("express", dhl_event("transit", "WC"), status={"statusCode": "transit"}), ["out_for_delivery"]),
    (
        "dhl",
        dhl("express", dhl_event("transit", "WC"), status={"statusCode": "delivered"}, returnFlag=True),
        ["out_for_delivery", "returned"],
    ),
]


@pytest.mark.parametrize(("system", "body", "meanings"), FINALS)
def test_the_end_that_only_the_answer_itself_states_is_told(system: str, body: str, meanings: list[str]) -> None:
    """Unless a scan says it, or says what that delivery really was."""
    adapted = output(system, body, NOON)
    assert statuses(adapted) == meanings
    [history] = adapted.histories
    assert set(history.events) == {one["id"] for one in adapted.events}


@pytest.mark.parametrize(
    ("system", "body"),
    [
        (
            "fedex",
            fedex(fedex_result(fedex_event("RS", "07"), fedex_event("DL", at="2026-05-07T09:00:00-05:00"))),
        ),
        ("ups", ups(ups_activity("X", "036", "8H"), ups_activity("D", "011", "FS", "110000"))),
        ("dhl", dhl("express", dhl_event("failure", "RT"), dhl_event("delivered", "OK", "2026-05-07T09:00:00+02:00"))),
    ],
)
def test_what_is_delivered_after_it_was_sent_back_is_returned(system: str, body: str) -> None:
    """The sender has it, not the recipient."""
    assert [one.partition(" ")[0] for one in statuses(output(system, body, NOON))] == ["returning", "returned"]


def test_a_return_that_is_told_after_the_stated_delivery_corrects_it() -> None:
    """Another event than the delivery, which is withdrawn."""
    memory: dict[str, Remembered] = {}
    stated: dict[str, Any] = {"latestStatusDetail": {"code": "DL"}}
    early = fedex_event("OD", at="2026-05-05T09:00:00-05:00")
    first = fedex(fedex_result(early, **stated))
    second = fedex(fedex_result(early, fedex_event("RS", "07"), **stated))
    [_, delivered] = _settled(output("fedex", first, NOON), memory)
    written = _settled(output("fedex", second, {"date": "Thu, 07 May 2026 13:00:00 GMT"}), memory)
    assert [one["data"]["event_id"] for one in written if one["type"] == "evidence.withdrawn"] == [delivered["id"]]
    assert written[2]["data"]["status"] == "returned"
    assert written[2]["id"] != delivered["id"]


@pytest.mark.parametrize(
    ("system", "body"),
    [
        ("fedex", fedex(fedex_result(fedex_event("DL", at="2026-05-06T00:00:00"), latestStatusDetail={"code": "DL"}))),
        ("ups", ups(ups_activity("D", "011", "FS", ""), currentStatus={"code": "011"})),
        ("usps", usps(usps_event("01", "Delivered", "2026-05-06T00:00:00"), statusCategory="Delivered")),
        ("dhl", dhl("express", dhl_event("delivered", "OK", "2026-05-06"), status={"statusCode": "delivered", "timestamp": "2026-05-06"})),
    ],
)
def test_a_delivery_of_a_day_alone_is_told_at_the_time_of_the_answer(system: str, body: str) -> None:
    """Its scan is no instant; that it was delivered by then is."""
    adapted = output(system, body, NOON)
    assert reasons(adapted) == ["bad_time"]
    assert [(one["data"]["status"], one["time"]) for one in adapted.events] == [("delivered", "2026-05-07T12:00:00Z")]


def test_the_status_of_dhl_names_no_pieces_and_delivers_no_more_than_its_events_do() -> None:
    """It is written in another form, or is later: of two pieces, one is still on its way."""
    details = {"pieceIds": ["A", "B"]}
    one = dhl_event("delivered", "OK", "2026-05-06T10:00:00+02:00") | {"pieceIds": ["A"]}
    for at in ("2026-05-06T10:00:00", "2026-05-06T08:00:00Z", "2026-05-06T10:00:01+02:00"):
        status = dhl_event("delivered", "OK", at)
        assert set(statuses(output("dhl", dhl("express", one, details=details, status=status), NOON))) == {"in_transit"}
    assert statuses(output("dhl", dhl("express", details=details, status=dhl_event("delivered", "OK")), NOON)) == ["delivered"]


@pytest.mark.parametrize(
    ("service", "carrier"),
    [("ecommerce", "dhlecommerce"), ("ecommerce-apac", "dhlecommerce"), ("express", "dhl"), ("parcel-de", "dhl"), ("", "dhl")],
)
def test_a_service_of_dhl_has_the_carriers_name_that_storefronts_use(service: str, carrier: str) -> None:
    """Feeds and incidents are by carrier: `DHL eCommerce` is one, whoever speaks of it."""
    body = dhl(service, dhl_event("transit", "WC"), estimatedTimeOfDelivery="2026-05-09")
    assert [one["data"]["carrier"] for one in output("dhl", body, NOON).events] == [carrier] * 2


def test_a_shipment_of_dhl_is_delivered_when_all_of_its_pieces_are() -> None:
    """Events name the pieces they are about, in any order of the answer; where they name none, the status holds."""
    details = {"pieceIds": ["A", "B", "C"]}

    def made(*deliveries: list[str] | None) -> list[list[str]]:
        events = [
            dhl_event("delivered", "OK", f"2026-05-06T{10 + hour}:00:00+02:00") | ({} if named is None else {"pieceIds": named})
            for hour, named in enumerate(deliveries)
        ]
        latest = dict(events[-1])
        return [statuses(output("dhl", dhl("express", *order, details=details, status=latest), NOON)) for order in permutations(events)]

    assert made(["A"], ["B"]) == [["in_transit", "in_transit"]] * 2
    for found in made(["A"], ["B", "A"], ["C"]):
        assert sorted(found) == ["delivered", "in_transit", "in_transit"]
    assert made(["A", "B", "C"]) == [["delivered"]]
    assert made(None) == [["delivered"]]


ESTIMATES: list[tuple[str, str, list[str]]] = [
    ("fedex", fedex(fedex_result(fedex_event("OD"), dateAndTimes=[{"type": "ESTIMATED_DELIVERY", "dateTime": MAY}])), [MAY]),
    (
        "fedex",
        fedex(fedex_result(fedex_event("OD"), dateAndTimes=[{"type": "ESTIMATED_DELIVERY", "dateTime": "2026-05-09T00:00:00-06:00"}])),
        ["2026-05-09"],
    ),
    ("fedex", fedex(fedex_result(fedex_event("DL"), dateAndTimes=[{"type": "ESTIMATED_DELIVERY", "dateTime": MAY}])), []),
    ("fedex", fedex(fedex_result(fedex_event("OD"), dateAndTimes=[{"type": "COMMITMENT", "dateTime": MAY}])), []),
    ("ups", ups(ups_activity("I", "005", "AR"), deliveryDate=[{"type": "SDD", "date": "20260509"}]), ["2026-05-09"]),
    (
        "ups",
        ups(
            ups_activity("I", "005", "AR"),
            deliveryDate=[{"type": "SDD", "date": "20260509"}],
            deliveryTime={"type": "EOD", "endTime": "190000"},
        ),
        ["2026-05-09"],
    ),
    ("ups", ups(ups_activity("I", "005", "AR"), deliveryDate=[{"type": "DEL", "date": "20260509"}]), []),
    ("usps", usps(usps_event("OF", "Out for Delivery"), expectedDeliveryDate="2026-05-09"), ["2026-05-09"]),
    (
        "usps",
        usps(
            usps_event("OF", "Out for Delivery"),
            predictedDeliveryTimeStamp="2026-05-08T18:00:00",
            expectedDeliveryDate="2026-05-09",
            destinationState="CA",
        ),
        ["2026-05-08T18:00:00-07:00"],
    ),
    ("usps", usps(usps_event("01", "Delivered"), expectedDeliveryDate="2026-05-09"), []),
    ("dhl", dhl("express", dhl_event("transit", "WC"), estimatedTimeOfDelivery="2026-05-09T00:00:00Z"), ["2026-05-09"]),
    (
        "dhl",
        dhl(
            "express",
            dhl_event("transit", "WC"),
            estimatedTimeOfDelivery="2026-05-09",
            estimatedDeliveryTimeFrame={"estimatedThrough": "2026-05-09T18:00:00"},
            destination={"address": {"countryCode": "GB"}},
        ),
        ["2026-05-09T18:00:00+01:00"],
    ),
    ("dhl", dhl("express", dhl_event("failure", "DS"), estimatedTimeOfDelivery="2026-05-09"), []),
]


@pytest.mark.parametrize(("system", "body", "etas"), ESTIMATES)
def test_an_estimate_is_no_scan_and_ends_with_the_parcels_way(system: str, body: str, etas: list[str]) -> None:
    """It is `unknown` with an `eta`, made when the answer was given."""
    found = [one for one in output(system, body, NOON).events if "eta" in one["data"]]
    assert [one["data"]["eta"] for one in found] == etas
    assert all(one["data"]["status"] == "unknown" and one["time"] == "2026-05-07T12:00:00Z" for one in found)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_webhooks_that_come_late_and_out_of_order_withdraw_nothing(order: tuple[int, ...]) -> None:
    """Each has only its own scan, and says no more than that: an answer is what takes scans back."""
    scans = [fedex_event(code, at=f"2026-05-06T{hour}:00:00-05:00") for code, hour in (("PU", "09"), ("OD", "10"), ("DL", "11"))]
    memory: dict[str, Remembered] = {}
    written: list[Any] = []
    for number in order:
        payload = Payload(fedex(fedex_result(scans[number])).encode(), {"fdx-signature": "x"}, RECEIVED)
        adapted = translate(ADAPTERS["fedex"], payload, AdapterConnection())
        written += _settled(adapted, memory)
    assert {one["type"] for one in written} == {"carrier.scan"}
    assert len({one["id"] for one in written}) == 3


def test_a_scan_that_a_later_answer_no_longer_has_is_withdrawn() -> None:
    """As of any history; a scan that is corrected is another one."""
    memory: dict[str, Remembered] = {}
    first = ups(ups_activity("I", "005", "AR"), ups_activity("D", "011", "FS", "110000"))
    second = ups(ups_activity("I", "005", "AR"), ups_activity("X", "022", "48", "110000"))
    _settled(output("ups", first, {"date": "Thu, 07 May 2026 12:00:00 GMT"}), memory)
    written = _settled(output("ups", second, {"date": "Thu, 07 May 2026 13:00:00 GMT"}), memory)
    withdrawn = [one["data"]["event_id"] for one in written if one["type"] == "evidence.withdrawn"]
    assert withdrawn == [one["id"] for one in output("ups", first, NOON).events if one["data"]["status"] == "delivered"]


FORMS: dict[str, Callable[[Any, Any], str]] = {
    "fedex": lambda first, second: fedex(fedex_result(first, second)),
    "ups": ups,
    "usps": usps,
    "dhl": lambda first, second: dhl("parcel-de", first, second),
}


@pytest.mark.parametrize("system", FORMS)
def test_a_scan_of_a_day_alone_hides_no_correction_of_a_later_day(system: str) -> None:
    """As before a shipment: what lies after that day is taken back, and what may be the scan without a time is not."""
    form, (unread, early, late, other) = FORMS[system], DAYS[system]
    memory: dict[str, Remembered] = {}
    first = output(system, form(early, late), {"date": "Thu, 07 May 2026 12:00:00 GMT"})
    second = output(system, form(unread, other), {"date": "Thu, 07 May 2026 13:00:00 GMT"})
    assert reasons(second) == ["bad_time"]
    _settled(first, memory)
    written = _settled(second, memory)
    assert [one["data"]["event_id"] for one in written if one["type"] == "evidence.withdrawn"] == [first.events[1]["id"]]
    assert [one["id"] for one in written if one["type"] == "carrier.scan"] == [second.events[0]["id"]]


DAYS: dict[str, tuple[Any, Any, Any, Any]] = {
    "fedex": (
        fedex_event("PU", at="2026-05-04T00:00:00"),
        fedex_event("PU", at="2026-05-04T09:00:00-05:00"),
        fedex_event("DL"),
        fedex_event("DE", "08"),
    ),
    "ups": (
        ups_activity("P", "038", "XD", "", date="20260504"),
        ups_activity("P", "038", "XD", date="20260504"),
        ups_activity("D", "011", "FS"),
        ups_activity("X", "022", "48"),
    ),
    "usps": (
        usps_event("MA", "Pre-Shipment Info Sent to USPS, USPS Awaiting Item", "2026-05-04T00:00:00"),
        usps_event("MA", "Pre-Shipment Info Sent to USPS, USPS Awaiting Item", "2026-05-04T09:00:00"),
        usps_event("01", "Delivered"),
        usps_event("02", "Notice Left"),
    ),
    "dhl": (
        dhl_event("pre-transit", "VA", "2026-05-04"),
        dhl_event("pre-transit", "VA", "2026-05-04T09:00:00"),
        dhl_event("delivered", "ZU"),
        dhl_event("failure", "ZN"),
    ),
}
"""By system: a scan of a day alone, the same with a time, a scan of two days later, and what it is corrected to."""


def _settled(adapted: Adapted, memory: dict[str, Remembered]) -> list[Any]:
    """What is written of an answer, and remembered."""

    class Kept:
        def get(self, key: str) -> Remembered | None:
            return memory.get(key)

        def put(self, key: str, value: Remembered) -> None:
            memory[key] = value

    written, keep = settle(adapted.events, adapted.histories, Kept(), AdapterConnection())
    memory.update(keep)
    return list(written)


def test_one_number_of_several_shipments_is_refused() -> None:
    """Two divisions of DHL may have the same, and nothing says which is an order's."""
    twice = [fedex_result(fedex_event("DL")) for _ in range(2)]
    for unique, one in zip(("a", "b"), twice, strict=True):
        one["trackingNumberInfo"] = {"trackingNumber": "771", "trackingNumberUniqueId": unique}
    assert reasons(output("fedex", fedex(*twice), NOON)) == ["no_identity", "no_identity"]
    shipment = json.loads(dhl("express", dhl_event("delivered", "OK")))["shipments"][0]
    other = shipment | {"id": "004"}
    adapted = output("dhl", json.dumps({"shipments": [shipment, other, shipment | {"service": "parcel-nl"}]}), NOON)
    assert reasons(adapted) == ["no_identity", "no_identity"]
    assert [one["data"]["tracking_number"] for one in adapted.events] == ["004"]


@pytest.mark.parametrize(
    ("before", "stated_at"),
    [
        ("2024-02-01", ["delivered"]),
        ("2026-02-04", ["delivered"]),
        ("2026-02-05", None),  # 90 days before 6 May
        ("2026-05-06", None),
        ("", None),
    ],
)
def test_of_a_number_that_was_used_again_long_after_the_latest_shipment_is_told(before: str, stated_at: list[str] | None) -> None:
    """In any order of the answer; a refusal would leave each later order of the number without its delivery."""
    at = f"{before}T09:00:00-05:00"
    results = [
        fedex_result(*([fedex_event("RS", at=at)] if before else []), latestStatusDetail={"code": "DL"}),
        fedex_result(fedex_event("DL")),
    ]
    xml = [event("RS", at) if before else "", event("DL", MAY)]
    for unique, one in zip(("a", "b"), results, strict=True):
        one["trackingNumberInfo"] = {"trackingNumber": "771", "trackingNumberUniqueId": unique}
    shipments = [
        json.loads(dhl("express", *events, status=status))["shipments"][0]
        for events, status in (
            ([dhl_event("failure", "RT", at)] if before else [], {"statusCode": "delivered"}),
            ([dhl_event("delivered", "OK")], {"statusCode": "delivered"}),
        )
    ]
    for order in ((0, 1), (1, 0)):
        details = "".join(
            f"<TrackDetails><TrackingNumber>771</TrackingNumber><TrackingNumberUniqueIdentifier>{place}</TrackingNumberUniqueIdentifier>"
            f"{xml[place]}</TrackDetails>"
            for place in order
        )
        for adapted in (
            output("fedex", fedex(*(results[place] for place in order)), NOON),
            output("fedex", f"<TrackReply>{details}</TrackReply>", NOON),
            output("dhl", json.dumps({"shipments": [shipments[place] for place in order]}), NOON),
        ):
            assert statuses(adapted) == (stated_at or [])
            assert reasons(adapted) == ([] if stated_at else ["no_identity"] * 2)
            assert len(adapted.ignored) == (1 if stated_at else 0)


def test_a_scan_that_cannot_be_read_is_refused_alone() -> None:
    """The others are told, and no history that would withdraw it."""
    adapted = output("dhl", dhl("express", dhl_event("transit", "WC"), dhl_event("transit", "PU", "yesterday")), NOON)
    assert statuses(adapted) == ["out_for_delivery"]
    assert reasons(adapted) == ["bad_time"]
    assert not adapted.histories


def test_a_byte_order_mark_or_blanks_hide_neither_json_nor_xml() -> None:
    """Both forms of a system come at one address."""
    for system, json_body, xml_body in (
        ("fedex", fedex(fedex_result(fedex_event("OD"))), fedex_xml(event("OD", MAY))),
        ("usps", usps(usps_event("OF", "Out for Delivery")), usps_xml(detail("OF", "Out for Delivery"))),
    ):
        for body in (json_body, xml_body):
            for before in ("\ufeff", " \r\n", ""):
                assert statuses(output(system, before + body, NOON)) == ["out_for_delivery"]


def test_a_table_of_groups_says_what_is_no_group() -> None:
    """As a table of rows does."""
    assert [row[0] for row in grouped("a", "b", "in_transit: X Y\n Z\nignored (why): V", source="s").rows] == ["X", "Y", "Z", "V"]
    with pytest.raises(ValueError, match="codes without a meaning"):
        grouped("a", "b", "X Y", source="s")
