"""Tracking XML of FedEx, USPS and Canada Post: what a scan is, when it was, and whose; `test_samples` holds the whole payloads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.histories import Remembered, settle
from tests.support.adapters import OWN, made_of
from tests.support.carrier_xml import NEW_YORK, NOON, canadapost, detail, event, fedex, occurrence, output, reasons, statuses, usps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources.adapters import Adapted

AT = "2026-05-06T09:00:00-05:00"
SAYING: list[tuple[str, str, str]] = [
    ("fedex", fedex(event("OC", AT)), "label_created"),
    ("fedex", fedex(event("DE", AT, "007")), "attempt_failed recipient_absent"),
    ("fedex", fedex(event("DE", AT, "08")), "attempt_failed recipient_absent"),
    ("fedex", fedex(event("DE", AT, "no such reason")), "exception"),
    ("fedex", fedex(event("DL", AT, "014")), "delivered"),
    ("fedex", fedex(event("DL", AT, "007")), "delivered"),  # a reason that contradicts its event does not count
    ("fedex", fedex(event("DL", AT, "025")), "in_transit"),  # "delivered" to USPS, not to the recipient
    ("fedex", fedex(event("DL", AT, "026")), "returned"),
    ("fedex", fedex(event("RS", AT, "006")), "returning refused"),
    ("fedex", fedex(event("HL", AT, "015A")), "ready_for_pickup"),
    ("fedex", fedex(event("PD", AT)), "exception pickup_failed"),
    ("fedex", fedex(event("QQ", AT)), "unknown unmapped"),
    ("usps", usps(detail("GX", "Shipping Label Created")), "label_created"),
    ("usps", usps(detail("TM", "Shipment Received, Package Acceptance Pending")), "label_created"),
    ("usps", usps(detail("01", "Delivered, Neighbor as Requested")), "delivered"),
    ("usps", usps(detail("01", "Delivered to Agent for Final Delivery")), "in_transit"),
    ("usps", usps(detail("01", "Delivered, To Original Sender")), "returned"),
    ("usps", usps(detail("02", "Notice Left (No Authorized Recipient Available)")), "attempt_failed recipient_absent"),
    ("usps", usps(detail("03", "Delivered")), "accepted"),  # a text that contradicts its code does not count
    ("usps", usps(detail("Q1", "Out for Delivery")), "out_for_delivery"),  # an unknown code that has a known text
    ("usps", usps(detail("Q1", "Levitated")), "unknown unmapped"),
    ("usps", usps(detail("", "Arrived at Hub")), "in_transit"),  # a request without Revision: no codes
    ("canadapost", canadapost(occurrence("3000")), "label_created"),
    ("canadapost", canadapost(occurrence("0100")), "in_transit"),
    ("canadapost", canadapost(occurrence("100")), "in_transit"),  # with and without zeros
    ("canadapost", canadapost(occurrence("1405")), "ready_for_pickup"),  # in a locker
    ("canadapost", canadapost(occurrence("1425")), "delivered"),  # to the concierge
    ("canadapost", canadapost(occurrence("1417")), "returning refused"),
    ("canadapost", canadapost(occurrence("0159")), "delayed weather"),
    ("canadapost", canadapost(occurrence("9999")), "unknown unmapped"),
]


@pytest.mark.parametrize(("system", "body", "meaning"), SAYING)
def test_a_scan_means_what_its_codes_say(system: str, body: str, meaning: str) -> None:
    """Never more: unknown codes are told as such."""
    assert statuses(output(system, body)) == [meaning]


@pytest.mark.parametrize(
    ("system", "body"),
    [
        ("fedex", fedex(event("RR", AT))),
        ("usps", usps(detail("DX", "Awaiting Delivery Scan"))),
        ("canadapost", canadapost(occurrence("20"))),
    ],
)
def test_what_says_nothing_of_the_parcel_is_no_scan(system: str, body: str) -> None:
    """A wish, a scan that is missing, a signature that can be seen."""
    adapted = output(system, body)
    assert (adapted.events, adapted.refused) == ((), ())


TIMES: list[tuple[str, str, str]] = [
    ("fedex", fedex(event("AR", "2026-05-06T09:00:00+09:00")), "2026-05-06T09:00:00+09:00"),
    ("fedex", fedex(event("AR", "2026-05-06T09:00:00", place="<StateOrProvinceCode>AZ</StateOrProvinceCode><CountryCode>US</CountryCode>")),
     "2026-05-06T09:00:00-07:00"),
    ("fedex", fedex(event("AR", "2026-05-06T09:00:00", place="")), "2026-05-06T09:00:00-04:00"),
    ("usps", usps(detail("10", "Arrived")), "2026-05-06T09:00:00-05:00"),
    ("usps", usps(detail("10", "Arrived", place="<EventZIPCode>96815</EventZIPCode>")), "2026-05-06T09:00:00-10:00"),
    ("usps", usps(detail("10", "Arrived", place="<EventCity>DES MOINES IA DISTRIBUTION CENTER</EventCity>")), "2026-05-06T09:00:00-05:00"),
    ("usps", usps(detail("10", "Arrived", place="<EventState>PR</EventState>")), "2026-05-06T09:00:00-04:00"),
    ("usps", usps(detail("10", "Arrived", place="<EventState>AP</EventState>")), "2026-05-06T09:00:00-04:00"),
    ("usps", usps(detail("10", "Arrived", place="<EventCountry>JAPAN</EventCountry>")), "2026-05-06T09:00:00+09:00"),
    ("usps", usps(detail("10", "Arrived", "1:30 am", "November 1, 2026")), "2026-11-01T01:30:00-05:00"),
    ("usps", usps(detail("10", "Arrived", "2:30 am", "March 8, 2026")), "2026-03-08T03:30:00-05:00"),
    ("canadapost", canadapost(occurrence("100", zone="NDT")), "2026-05-06T09:00:00-02:30"),
    ("canadapost", canadapost(occurrence("100", zone="", province="BC")), "2026-05-06T09:00:00-07:00"),
    ("canadapost", canadapost(occurrence("4310", zone="ISRAEL", province="")), "2026-05-06T09:00:00-04:00"),
]  # fmt: skip


@pytest.mark.parametrize(("system", "body", "time"), TIMES)
def test_a_local_time_is_read_where_the_scan_was(system: str, body: str, time: str) -> None:
    """By the source's offset, else the place's zone, else the connection's."""
    assert [one["time"] for one in output(system, body).events] == [time]


@pytest.mark.parametrize(
    ("system", "body"),
    [
        ("fedex", fedex(event("PU", "2026-05-06T00:00:00"), event("AR", AT))),
        ("usps", usps(detail("NT", "In Transit to Next Facility", ""), detail("10", "Arrived"))),
        ("canadapost", canadapost(occurrence("2300", "2026-05-06"), occurrence("100"))),
    ],
)
def test_a_date_is_never_midnight_of_a_scan(system: str, body: str) -> None:
    """A scan of which only the day is known is refused; the others are told."""
    adapted = output(system, body)
    assert (statuses(adapted), reasons(adapted)) == (["in_transit"], ["bad_time"])


EXPECTED = (
    "<EstimatedDeliveryTimestamp>{}</EstimatedDeliveryTimestamp><DestinationAddress><CountryCode>FR</CountryCode></DestinationAddress>"
)
ESTIMATES: list[tuple[str, str, str]] = [
    ("fedex", fedex(event("AR", AT), more=EXPECTED.format("2026-05-09T00:00:00")), "2026-05-09"),
    ("fedex", fedex(event("AR", AT), more=EXPECTED.format("2026-05-09T00:00:00-05:00")), "2026-05-09"),
    ("fedex", fedex(event("AR", AT), more=EXPECTED.format("2026-05-09T18:00:00")), "2026-05-09T18:00:00+02:00"),
    ("usps", usps(detail("10", "Arrived"), more="<ExpectedDeliveryDate>May 9, 2026</ExpectedDeliveryDate>"), "2026-05-09"),
    ("canadapost", canadapost(occurrence("100"), more="<changed-expected-date>2026-05-09</changed-expected-date>"
     "<expected-delivery-date>2026-05-07</expected-delivery-date>"), "2026-05-09"),
]  # fmt: skip


@pytest.mark.parametrize(("system", "body", "eta"), ESTIMATES)
def test_an_estimate_is_made_when_the_answer_was_given(system: str, body: str, eta: str) -> None:
    """It is no scan, and a date stays one; where nothing says when the answer was given, there is no telling when it was estimated."""
    scan, estimate = output(system, body, NOON).events
    assert scan["data"]["status"] == "in_transit"
    assert estimate["time"] == estimate["recordedtime"] == "2026-05-07T12:00:00Z"
    assert (estimate["data"]["status"], estimate["data"]["eta"]) == ("unknown", eta)
    assert statuses(output(system, body)) == ["in_transit"]


def test_an_estimate_that_the_delivery_has_overtaken_is_not_told() -> None:
    """Carriers leave it standing."""
    body = usps(detail("01", "Delivered"), more="<ExpectedDeliveryDate>May 9, 2026</ExpectedDeliveryDate>")
    assert statuses(output("usps", body, NOON)) == ["delivered"]


NOTE = "<Notification><Severity>ERROR</Severity><Code>{}</Code></Notification>"
ABSENT = [
    ("fedex", fedex(more=NOTE.format(9040))),
    ("fedex", fedex(more=NOTE.format(6035))),
    ("usps", usps(more="<Error><Number>-2147219302</Number></Error>")),
]


@pytest.mark.parametrize(("system", "body"), ABSENT)
def test_a_number_that_the_carrier_does_not_know_is_not_found(system: str, body: str) -> None:
    """At the time of the answer, by its header or its receipt; without either the answer is refused."""
    adapted = output(system, body, NOON)
    assert statuses(adapted) == ["unknown not_found"]
    assert (adapted.events[0]["time"], adapted.histories) == ("2026-05-07T12:00:00Z", ())
    assert statuses(output(system, body, received=datetime(2026, 5, 7, tzinfo=UTC))) == ["unknown not_found"]
    assert reasons(output(system, body)) == ["missing_field"]


FAULT = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault/></e:Body></e:Envelope>'


@pytest.mark.parametrize(
    ("system", "body", "reason"),
    [
        ("fedex", fedex(more=NOTE.format(9045)), "not_a_report"),
        ("fedex", FAULT, "not_a_report"),
        ("fedex", "<TrackRequest><SelectionDetails/></TrackRequest>", "not_a_report"),
        ("fedex", "<TrackReply><Notifications><Code>5508</Code></Notifications></TrackReply>", "not_a_report"),
        ("fedex", "<RateReply/>", "unknown_form"),
        ("usps", usps(more="<Error><Number>-2147219301</Number></Error>"), "not_a_report"),
        ("usps", "<Error><Number>80040b1a</Number><Description>Authorization failure.</Description></Error>", "not_a_report"),
        ("usps", "<TrackFieldRequest/>", "not_a_report"),
        ("usps", "<TrackResponse/>", "not_a_report"),
        ("canadapost", FAULT, "not_a_report"),
        ("canadapost", "<messages><message><code>AA002</code></message></messages>", "not_a_report"),
        ("canadapost", "<messages><message><code>004</code></message></messages>", "no_identity"),
        ("canadapost", "<pin-summary/>", "unknown_form"),
    ],
)
def test_faults_and_requests_are_refused_and_never_not_found(system: str, body: str, reason: str) -> None:
    """A carrier that cannot answer has not said that it does not know the number."""
    adapted = output(system, body, NOON)
    assert (adapted.events, reasons(adapted)) == ((), [reason])


def test_a_number_of_several_shipments_is_nobodys() -> None:
    """FedEx uses its numbers again; which shipment is meant is not guessed, and other numbers of the reply are told."""
    one, other = (fedex(event("AR", AT), more=f"<TrackingNumberUniqueIdentifier>{n}</TrackingNumberUniqueIdentifier>") for n in (1, 2))
    inner = [body.partition(">")[2].removesuffix("</TrackReply>") for body in (one, other, fedex(event("PU", AT), number="772"))]
    adapted = output("fedex", f"<TrackReply>{''.join(inner)}</TrackReply>")
    assert (statuses(adapted), reasons(adapted)) == (["accepted"], ["no_identity", "no_identity"])


def ids(adapted: Adapted) -> list[str]:
    """The IDs of all events, sorted."""
    return sorted(one["id"] for one in adapted.events)


def test_both_languages_of_canada_post_tell_the_same_events() -> None:
    """Nor does it matter that one is newest first."""
    english, french = (made_of("canadapost", OWN / "canadapost" / f"abroad_in_{language}.json") for language in ("english", "french"))
    assert ids(english) == ids(french)
    assert {one["time"] for one in english.events} == {one["time"] for one in french.events}


def test_the_versions_of_fedex_tell_the_same_events() -> None:
    """Namespaces, prefixes and envelopes say nothing, and neither do descriptions and cities, which follow the request's language."""
    plain = fedex(event("AR", AT, place="<City>COLOGNE</City><PostalCode>50667</PostalCode><CountryCode>DE</CountryCode>"))
    other = plain.replace("COLOGNE", "KOELN").replace("<CompletedTrackDetails>", "").replace("</CompletedTrackDetails>", "")
    soap = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>{other}</s:Body></s:Envelope>'
    assert ids(output("fedex", plain)) == ids(output("fedex", soap))


@pytest.mark.parametrize(
    ("system", "scans"),
    [
        ("fedex", [event("DE", AT, "007"), event("AR", AT), event("OD", "2026-05-06T08:00:00-05:00")]),
        ("usps", [detail("02", "Notice Left"), detail("07", "Arrived at Post Office"), detail("OF", "Out for Delivery", "8:00 am")]),
        ("canadapost", [occurrence("1479"), occurrence("1701"), occurrence("174", "2026-05-06 08:00:00")]),
    ],
)
def test_order_and_resending_add_nothing(system: str, scans: Sequence[str]) -> None:
    """Every scan keeps its ID, also beside another at the same instant."""
    make = {"fedex": fedex, "usps": usps, "canadapost": canadapost}[system]
    whole = ids(output(system, make(*scans)))
    assert len(set(whole)) == len(scans)
    assert ids(output(system, make(*reversed(scans), scans[0]))) == whole
    assert set(ids(output(system, make(*scans[1:])))) < set(whole)


class Kept:
    """A memory of histories."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


def remembered(system: str, *bodies: str) -> list[str]:
    """What a series of answers, each an hour after the one before, ends in."""
    memory = Kept()
    written: list[str] = []
    for hour, body in enumerate(bodies):
        adapted = output(system, body, received=datetime(2026, 5, 8, hour, tzinfo=UTC))
        drafts, keep = settle(adapted.events, adapted.histories, memory, NEW_YORK)
        memory.known |= keep
        written += [one["data"].get("status", "withdrawn") for one in drafts]
    return written


def test_a_corrected_scan_withdraws_the_one_before() -> None:
    """What the carrier no longer says did not occur; that a reply has only the last scan withdraws nothing."""
    first, later = event("AR", "2026-05-06T01:00:00-05:00"), event("DE", AT, "007")
    assert remembered("fedex", fedex(first, later), fedex(later)) == ["in_transit", "attempt_failed", "attempt_failed"]
    assert remembered("fedex", fedex(first, later), fedex(first, event("DE", AT, "002")))[-2:] == ["attempt_failed", "withdrawn"]


def test_a_delivery_after_the_return_began_is_the_senders() -> None:
    """Canada Post has one code for both; where the return is told late, the delivery to the recipient is withdrawn."""
    back, there = occurrence("1417"), occurrence("1496", "2026-05-07 09:00:00")
    assert statuses(output("canadapost", canadapost(there, back))) == ["returned", "returning refused"]
    before = occurrence("1496", "2026-05-05 09:00:00")
    assert statuses(output("canadapost", canadapost(back, before))) == ["returning refused", "delivered"]
    assert sorted(remembered("canadapost", canadapost(before, there), canadapost(before, there, back))) == sorted(
        ["delivered", "delivered", "delivered", "returned", "returning", "withdrawn"]
    )


def test_a_parcel_without_scans_is_no_event() -> None:
    """It is known to the carrier, and that is all."""
    for system, body in (("fedex", fedex()), ("usps", usps()), ("canadapost", canadapost())):
        adapted = output(system, body, NOON)
        assert (adapted.events, adapted.refused, adapted.histories, len(adapted.ignored)) == ((), (), (), 1)


def test_the_order_stands_where_the_connection_says() -> None:
    """Canada Post repeats the shipper's reference."""
    body = canadapost(occurrence("100"), more="<customer-ref-1>R-1</customer-ref-1>").encode()
    adapted = translate(ADAPTERS["canadapost"], Payload(body), AdapterConnection(order_field="customer-ref-1"))
    assert [one["subject"] for one in adapted.events] == ["R-1"]


def test_a_blank_before_the_declaration_is_read_over() -> None:
    """The standard allows none; a real answer has one."""
    assert statuses(output("canadapost", f' <?xml version="1.0" encoding="UTF-8"?>{canadapost(occurrence("100"))}')) == ["in_transit"]


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 May 2026 12:00:00 GMT", "Thu, 07 May 1026 12:00:00 GMT"])
def test_a_header_that_is_no_date_says_nothing(date: str) -> None:
    """The time of receipt is left."""
    received = datetime(2026, 5, 7, 13, tzinfo=UTC)
    adapted = output("usps", usps(detail("10", "Arrived")), {"date": date}, received)
    assert [history.stated_at for history in adapted.histories] == [received]
