"""What a tracker says of a parcel beside its scans: details that contradict their status, and final statuses that no scan has."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import orjson
import pytest

from sources.adapters import ADAPTERS, Adapted, AdapterConnection, Payload, translate
from sources.adapters.carriers import SAME, carrier_name
from sources.adapters.finals import COVERED, REFINES, refine
from sources.adapters.histories import Remembered, settle
from sources.adapters.tables import TERMS, Meaning

Object = dict[str, Any]
RECEIVED: Final = datetime.fromisoformat("2026-05-06T12:00:00Z")


def output(system: str, value: Object | str) -> Adapted:
    """What a system's adapter makes of a body that came at noon of 6 May 2026."""
    body = value.encode() if isinstance(value, str) else orjson.dumps(value)
    return translate(ADAPTERS[system], Payload(body, {}, RECEIVED), AdapterConnection())


def scans(adapted: Adapted) -> list[tuple[str, str]]:
    """Status and time of each scan that is no estimate."""
    found = [event for event in adapted.events if event["type"] == "carrier.scan" and "eta" not in event["data"]]
    return [(event["data"]["status"], event["time"]) for event in found]


# --- a status against its detail ----------------------------------------------------------------------------------


def easypost(status: str, detail: str | None, /, **more: object) -> Object:
    """A tracker of EasyPost with one scan."""
    scan = {"status": status, "status_detail": detail, "datetime": "2026-05-05T10:00:00Z"}
    return {"object": "Tracker", "tracking_code": "9400", "tracking_details": [scan], "updated_at": "2026-05-06T11:00:00Z", **more}


def aftership(tag: str | None, subtag: str | None, /, **more: object) -> Object:
    """A tracking of AfterShip with one checkpoint."""
    scan = {"tag": tag, "subtag": subtag, "checkpoint_time": "2026-05-05T10:00:00Z"}
    return {"tracking_number": "9400", "slug": "ups", "checkpoints": [scan], "updated_at": "2026-05-06T11:00:00Z", **more}


def shippo(status: str, code: str | None, /, **more: object) -> Object:
    """A track of Shippo with one scan."""
    scan = {"status": status, "substatus": {"code": code}, "status_date": "2026-05-05T10:00:00Z", "object_created": "2026-05-05T10:01:00Z"}
    return {"tracking_number": "9400", "carrier": "ups", "tracking_history": [scan], "test": False, **more}


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (("easypost", easypost("in_transit", "damaged")), "damaged"),
        (("easypost", easypost("in_transit", "lost")), "in_transit"),
        (("easypost", easypost("pre_transit", "received_at_origin_facility")), "label_created"),
        (("easypost", easypost("delivered", "out_for_delivery")), "delivered"),
        (("easypost", easypost("failure", "lost")), "lost"),
        (("easypost", easypost("return_to_sender", "refused")), "returning"),
        (("aftership", aftership("Delivered", "Exception_013")), "delivered"),
        (("aftership", aftership("InTransit", "Delivered_001")), "in_transit"),
        (("aftership", aftership("InfoReceived", "InTransit_002")), "label_created"),
        (("aftership", aftership("Exception", "Exception_013")), "lost"),
        (("aftership", aftership("Exception", "Exception_011")), "returned"),
        (("aftership", aftership(None, "Delivered_003")), "delivered"),
        (("aftership", aftership("Pending", "Delivered_001")), "unknown"),
        (("shippo", shippo("TRANSIT", "delivered")), "in_transit"),
        (("shippo", shippo("TRANSIT", "out_for_delivery")), "out_for_delivery"),
        (("shippo", shippo("DELIVERED", "package_lost")), "delivered"),
        (("shippo", shippo("FAILURE", "package_lost")), "lost"),
        (("shippo", shippo("RETURNED", "delivered")), "returning"),
        (("shippo", shippo("PRE_TRANSIT", "package_held")), "label_created"),
    ],
)
def test_a_detail_that_contradicts_its_status_does_not_count(value: tuple[str, Object], status: str) -> None:
    """The status is what the tracker answers for; a detail says what the status leaves open."""
    assert [one for one, _ in scans(output(*value))] == [status]


def test_no_detail_makes_a_parcel_delivered_or_gives_a_mere_label_to_the_carrier() -> None:
    """Whatever the tables of an adapter say."""
    terms = TERMS["scan"]
    assert terms is not None
    for coarse in terms - {"delivered"}:
        assert refine(Meaning((coarse,)), Meaning(("delivered",))) == Meaning((coarse,))
    possession = {"accepted", "in_transit", "held", "damaged", "lost", "returned", "out_for_delivery"}
    assert all(refine(Meaning(("label_created",)), Meaning((fine,))) == Meaning(("label_created",)) for fine in possession)
    assert set(REFINES) | {term for fine in REFINES.values() for term in fine} | set(COVERED) <= terms


# --- a final status without a scan ---------------------------------------------------------------------------------

MORNING: Final = "2026-05-06T09:00:00-07:00"
BEFORE: Final = ("in_transit", "2026-05-05T10:00:00Z")
NOTED: Final = "2026-05-06T11:00:00Z"
DETAILS: Final = "<TrackingNumber>7</TrackingNumber>"


def fedex(code: str, *, delivered: str = "", events: str = "AR") -> str:
    """A reply of FedEx about one parcel."""
    scan = f"<Events><Timestamp>2026-05-05T10:00:00Z</Timestamp><EventType>{events}</EventType></Events>" if events else ""
    at = f"<ActualDeliveryTimestamp>{delivered}</ActualDeliveryTimestamp>" if delivered else ""
    return f"<TrackReply><TrackDetails>{DETAILS}<StatusDetail><Code>{code}</Code></StatusDetail>{at}{scan}</TrackDetails></TrackReply>"


USPS_DELIVERED: Final = """<TrackResponse><TrackInfo ID="94"><StatusCategory>Delivered</StatusCategory>
<TrackSummary><EventCode>10</EventCode><EventDate>May 5, 2026</EventDate><EventTime>10:00 am</EventTime></TrackSummary>
<TrackDetail><EventCode>01</EventCode><EventDate>May 6, 2026</EventDate></TrackDetail></TrackInfo></TrackResponse>"""


def transit(status: str, /, **more: object) -> Object:
    """A tracking of AfterShip whose checkpoint says that it is on its way."""
    return aftership("InTransit", "InTransit_003") | {"tag": status} | more


@pytest.mark.parametrize(
    ("value", "final"),
    [
        (
            ("aftership", transit("Delivered", shipment_delivery_date="2026-05-06T09:00:00-07:00")),
            ("delivered", "2026-05-06T09:00:00-07:00"),
        ),
        (("aftership", transit("Delivered")), ("delivered", NOTED)),
        (("aftership", transit("Delivered", shipment_delivery_date="2026-05-05")), ("delivered", "2026-05-05T23:59:59Z")),
        (("aftership", transit("Delivered", shipment_delivery_date="2026-05-06T00:00:00")), ("delivered", NOTED)),
        (("aftership", transit("Delivered", shipment_delivery_date="2026-05-01T09:00:00Z")), ("delivered", NOTED)),
        (("aftership", transit("Delivered", shipment_delivery_date="2026-08-01T09:00:00Z")), ("delivered", NOTED)),
        (("aftership", transit("Delivered", return_to_sender=True)), ("returned", NOTED)),
        (("aftership", transit("Exception", subtag="Exception_013")), ("lost", NOTED)),
        (("aftership", transit("Exception", subtag="Exception_011")), ("returned", NOTED)),
        (("aftership", transit("Exception", subtag="Exception_003")), None),
        (("aftership", transit("OutForDelivery")), None),
        (("aftership", transit("Delivered", checkpoints=[])), ("delivered", NOTED)),
        (("easypost", easypost("in_transit", None, status="delivered")), ("delivered", NOTED)),
        (("easypost", easypost("in_transit", None, status="failure", status_detail="lost")), ("lost", NOTED)),
        (("easypost", easypost("in_transit", None, status="return_to_sender")), ("returning", NOTED)),
        (("easypost", easypost("in_transit", None, status="in_transit", status_detail="lost")), None),
        (
            ("shippo", shippo("TRANSIT", None, tracking_status={"status": "DELIVERED", "status_date": "2026-05-06T08:00:00Z"})),
            ("delivered", "2026-05-06T08:00:00Z"),
        ),
        (
            (
                "shippo",
                shippo(
                    "TRANSIT",
                    None,
                    tracking_status={"status": "FAILURE", "substatus": {"code": "package_lost"}, "status_date": "2026-05-06T08:00:00Z"},
                ),
            ),
            ("lost", "2026-05-06T08:00:00Z"),
        ),
        (("fedex", fedex("DL", delivered="2026-05-06T09:10:00-05:00")), ("delivered", "2026-05-06T09:10:00-05:00")),
        (("fedex", fedex("DL")), ("delivered", "2026-05-06T12:00:00Z")),
        (("fedex", fedex("DL", events="")), ("delivered", "2026-05-06T12:00:00Z")),
        (("fedex", fedex("CA")), ("cancelled", "2026-05-06T12:00:00Z")),
        (("fedex", fedex("OD")), None),
        (("usps", USPS_DELIVERED), ("delivered", "2026-05-06T12:00:00Z")),
    ],
)
def test_a_final_status_that_no_scan_has_is_told(value: tuple[str, Object | str], final: tuple[str, str] | None) -> None:
    """At the time that the tracker states, where that can be, else when it was said."""
    found = [one for one in scans(output(*value)) if one != BEFORE]
    assert found == ([] if final is None else [final])


@pytest.mark.parametrize(
    ("system", "value"),
    [
        ("easypost", easypost("delivered", None, status="delivered")),
        ("easypost", easypost("failure", "lost", status="failure")),
        ("aftership", aftership("Delivered", "Delivered_001") | {"tag": "Delivered", "shipment_delivery_date": "2026-05-06T09:00:00Z"}),
        ("shippo", shippo("DELIVERED", None, tracking_status={"status": "DELIVERED", "status_date": "2026-05-05T10:00:00Z"})),
        ("fedex", fedex("DL", events="DL", delivered="2026-05-05T10:00:00Z")),
    ],
)
def test_what_a_scan_says_already_is_not_told_twice(system: str, value: Object | str) -> None:
    """The sum is none of its own then."""
    assert len(scans(output(system, value))) == 1


def test_a_final_status_without_any_time_is_refused_and_not_dropped() -> None:
    """An answer that nothing dates cannot be told; it is counted."""
    adapted = translate(ADAPTERS["fedex"], Payload(fedex("DL", events="").encode()), AdapterConnection())
    assert [(one.reason, one.detail) for one in adapted.refused] == [
        ("missing_field", "a parcel that is delivered, without a scan of it: nothing says when")
    ]


class Memory:
    """What is known, for `settle` to read."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


def test_a_final_status_that_is_no_longer_stated_is_withdrawn() -> None:
    """Somebody marked the wrong parcel; and what is repeated is the same event."""
    memory = Memory()
    events: list[Object] = []
    for value in (
        transit("Delivered"),
        transit("Delivered", updated_at="2026-05-07T11:00:00Z"),
        transit("InTransit", updated_at="2026-05-08T11:00:00Z"),
    ):
        adapted = output("aftership", value)
        found, keep = settle(adapted.events, adapted.histories, memory, AdapterConnection())
        memory.known |= keep
        events += found
    finals = [event["id"] for event in events if event["id"].startswith("final-")]
    assert len(finals) == 2
    assert len(set(finals)) == 1
    assert [event["data"]["event_id"] for event in events if event["type"] == "evidence.withdrawn"] == finals[:1]


# --- carriers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "one"),
    [
        (("UPSN", "UPS", "United Parcel Service", "UPSDAP"), "ups"),
        (("FXFE", "FDEG", "FedEx", "FedEx Ground", "FedexDefault", "fedex-freight"), "fedex"),
        (("USPS", "United States Postal Service"), "usps"),
        (("UPGF", "TForce Freight"), "tforcefreight"),
        (("ODFL", "Old Dominion Freight Line"), "olddominion"),
        (("CNWY", "XPO Logistics"), "xpo"),
        (("R+L Carriers", "RLCA"), "rlcarriers"),
        (("Canada Post", "canada-post", "Postes Canada"), "canadapost"),
    ],
)
def test_a_carrier_has_one_name_whichever_system_speaks_of_it(names: tuple[str, ...], one: str) -> None:
    """Names of storefronts and trackers, and the SCACs of freight."""
    assert {carrier_name(name) for name in names} == {one}


def test_every_other_name_leads_to_a_name_and_not_to_a_further_one() -> None:
    """Else the order of look-ups would decide."""
    assert not set(SAME) & set(SAME.values())
    assert all(name and name == name.casefold() and name.isalnum() for pair in SAME.items() for name in pair)
