"""What freight carriers (X12 214) and traceability repositories (EPCIS) say, one sentence each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from sources.adapters import ADAPTERS, Adapted, AdapterConnection, Payload, translate
from sources.adapters.epcis.gs1 import Key, key_of, term, transaction
from sources.adapters.output import RefuseError
from sources.adapters.x12_214.codes import ESTIMATES, REASON, STATUS
from tests.support.adapters import OWN

if TYPE_CHECKING:
    from sources.adapters.output import Draft

PLAIN = AdapterConnection(zone="America/New_York")


def interchange(*segments: str, usage: str = "P", release: str = "004010", written: str = "20260318*1530", end: str = "~") -> bytes:
    """An X12 interchange with one transaction set, whose segments between ST and SE these are; the first may be another ST."""
    kind, *rest = segments if segments[0].startswith("ST") else ("ST*214*0001", *segments)
    isa = f"ISA*00*{'':10}*00*{'':10}*02*{'GRTL':15}*ZZ*{'SHOP':15}*260318*1530*U*{release[:5]}*000000001*0*{usage}*>"
    group = f"GS*QM*GRTL*SHOP*{written}*1*X*{release}"
    return end.join([isa, group, kind, *rest, f"SE*{len(rest) + 2}*0001", "GE*1*1", "IEA*1*000000001", ""]).encode()


def edi(*segments: str, connection: AdapterConnection = PLAIN, **envelope: str) -> Adapted:
    """What a 214 with these segments tells."""
    return translate(ADAPTERS["x12_214"], Payload(interchange(*segments, **envelope)), connection)


def scan(at7: str, *segments: str, connection: AdapterConnection = PLAIN, **envelope: str) -> Draft:
    """The one event of a 214 with one AT7, at Albany in New York unless said otherwise."""
    place = segments or ("MS1*Albany*NY*US",)
    (event,) = edi("B10*7001*S-1*GRTL", "LX*1", f"AT7*{at7}", *place, connection=connection, **envelope).events
    return event


def epcis(*events: dict[str, Any], connection: AdapterConnection = PLAIN) -> Adapted:
    """What a list of EPCIS events tells."""
    return translate(ADAPTERS["epcis"], Payload(orjson.dumps(list(events))), connection)


def seen(step: str, **fields: Any) -> dict[str, Any]:
    """An EPCIS object event of one parcel."""
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-03-18T10:00:00+01:00",
        "eventTimeZoneOffset": "+01:00",
        "action": "OBSERVE",
        "bizStep": step,
        "epcList": ["urn:epc:id:sscc:0614141.1234567890"],
        **fields,
    }


def own(system: str, name: str, connection: AdapterConnection = PLAIN) -> Adapted:
    """What the project's own payload tells."""
    return translate(ADAPTERS[system], Payload((OWN / system / name).read_bytes()), connection)


class TestX12:
    """Statuses of carriers."""

    def test_leaving_with_the_goods_accepts_and_the_drivers_arrival_does_not(self) -> None:
        """Possession begins when the goods are aboard."""
        assert scan("AF*NS***20260318*0900*ET")["data"]["status"] == "accepted"
        assert scan("X3*NS***20260318*0900*ET")["data"]["status"] == "label_created"
        assert scan("X8*NS***20260318*0900*ET")["data"]["status"] == "label_created"
        assert scan("X6*NS***20260318*0900*ET")["data"]["status"] == "in_transit"
        assert scan("AP*BG***20260318*0900*ET")["data"]["status"] == "exception"

    def test_an_estimate_is_no_scan(self) -> None:
        """Its time is when the carrier expects to deliver, and it is said when the group was written."""
        for code in sorted(ESTIMATES):
            event = scan(f"{code}*NS***20260320*1700*CT")
            assert event["data"]["status"] == "unknown"
            assert event["data"]["eta"] == "2026-03-20T17:00:00-05:00"
            assert event["time"] == "2026-03-18T15:30:00-04:00"
            assert "reason" not in event["data"]

    def test_an_estimate_without_a_time_stays_a_date(self) -> None:
        """It is never midnight."""
        assert scan("AG*NS***20260321")["data"]["eta"] == "2026-03-21"

    def test_an_appointment_to_deliver_is_an_estimate_and_one_to_pick_up_says_nothing(self) -> None:
        """AT703 speaks of what is agreed, not of what happened."""
        assert scan("**X9*NA*20260320*1530*ET")["data"]["eta"] == "2026-03-20T15:30:00-04:00"
        adapted = edi("B10*7001*S-1*GRTL", "LX*1", "AT7***AA*NA*20260320*1530*ET")
        assert not adapted.events
        assert adapted.ignored[0].what == "AT7 AA"

    def test_the_status_is_the_status_and_the_reason_the_reason(self) -> None:
        """Normal reasons add nothing; a reason that is in no table is `other`."""
        for code, status, reason in (
            ("SD*AO", "delayed", "weather"),
            ("AH*AQ", "attempt_failed", "recipient_absent"),
            ("AP*A2", "exception", "address"),
            ("X4*AA", "in_transit", "missorted"),
            ("A7*NS", "exception", "refused"),
            ("PR*NS", "held", "customs"),
            ("PR*BC", "held", "documents"),
            ("PR*BG", "held", "customs"),
            ("AP*Q9", "exception", "other"),
            ("D1*NS", "delivered", None),
            ("D1", "delivered", None),
        ):
            data = scan(f"{code}{'' if '*' in code else '*'}***20260318*0900*ET")["data"]
            assert (data["status"], data.get("reason")) == (status, reason), code

    def test_a_pick_up_that_was_missed_before_takes_no_possession_back(self) -> None:
        """AY beside AF explains the delay; beside SD it is the missed pick-up."""
        assert scan("AF*AY***20260318*0900*ET")["data"]["reason"] == "other"
        assert scan("SD*AY***20260318*0900*ET")["data"]["reason"] == "pickup_failed"

    def test_no_status_that_x12_has_is_a_delivery_but_three(self) -> None:
        """A part of the goods is not all of them, and an arrival is no delivery."""
        assert {code for code, meaning in STATUS.rows if not meaning.ignored and meaning.term == "delivered"} == {"D1", "CB", "CD"}
        assert scan("PA*NS***20260318*0900*ET")["data"]["status"] == "exception"
        assert REASON.get("ns") is REASON.get("NS")

    def test_a_status_that_x12_does_not_have_is_unmapped(self) -> None:
        """It keeps the carrier's own code."""
        data = scan("Z9*NS***20260318*0900*ET")["data"]
        assert (data["status"], data["reason"], data["raw"]) == ("unknown", "unmapped", {"code": "Z9/NS"})

    @pytest.mark.parametrize(
        ("code", "time"),
        [
            ("ET", "09:00:00-04:00"),
            ("ES", "09:00:00-05:00"),
            ("CT", "09:00:00-05:00"),
            ("PD", "09:00:00-07:00"),
            ("NT", "09:00:00-02:30"),
            ("UT", "09:00:00Z"),
            ("GM", "09:00:00Z"),
            ("08", "09:00:00+08:00"),
            ("17", "09:00:00-08:00"),
            ("LT", "09:00:00-06:00"),
            ("", "09:00:00-06:00"),
        ],
    )
    def test_a_time_code_says_whose_clock_it_is(self, code: str, time: str) -> None:
        """Standard and daylight time are what they say whatever the date; local time is that of the place."""
        assert scan(f"X4*NS***20260318*0900*{code}", "MS1*Denver*CO*US")["time"] == f"2026-03-18T{time}"

    def test_local_time_of_nowhere_is_the_connections(self) -> None:
        """Neither country nor a state that tells it."""
        assert scan("X4*NS***20260318*0900*LT", "MS1*Somewhere*ZZ", connection=AdapterConnection(zone="Asia/Tokyo"))["time"].endswith(
            "+09:00"
        )

    def test_a_group_written_before_what_it_says_happened_is_in_another_zone(self) -> None:
        """GS states no zone; what it says by the connection's is left out where it cannot be."""
        assert scan("X4*NS***20260318*1500*ET")["recordedtime"] == "2026-03-18T15:30:00-04:00"
        assert "recordedtime" not in scan("X4*NS***20260318*1531*ET")

    def test_before_release_004010_the_century_stands_behind_the_date(self) -> None:
        """So that time and time code stand one place later."""
        assert scan("D1*NS***260318*20*0900*ET", release="003070", written="260318*1530")["time"] == "2026-03-18T09:00:00-04:00"
        assert scan("D1*NS***260318*0900*ET", release="003060", written="260318*1530")["time"] == "2026-03-18T09:00:00-04:00"

    def test_a_status_without_its_time_of_day_is_refused(self) -> None:
        """Midnight would be a guess."""
        adapted = edi("B10*7001*S-1*GRTL", "LX*1", "AT7*D1*NS***20260318", "AT7*X6*NS***20260318*0900*ET")
        assert [one.reason for one in adapted.refused] == ["missing_field"]
        assert [one["data"]["status"] for one in adapted.events] == ["in_transit"]

    def test_a_214_ties_nothing_to_an_order(self) -> None:
        """It names what the shipper calls things; one PRO carries several orders."""
        for event in own("x12_214", "truckload_stops.edi").events:
            assert "subject" not in event
            assert "order_alias" not in event["data"]
            assert event["data"]["tracking_number"] == "TL-90077"
            assert event["data"]["shipment_id"] == "BOL553010"

    def test_order_field_says_where_the_order_stands(self) -> None:
        """Each loop speaks of its own orders, and of all of them."""
        stated_at = own("x12_214", "truckload_stops.edi", AdapterConnection(order_field="L11.PO")).events
        assert [one.get("subject") for one in stated_at] == ["PO-1001", "PO-1002", "PO-1003", None, None]
        assert len({one["id"] for one in stated_at}) == 5
        stated_at = own("x12_214", "truckload_stops.edi", AdapterConnection(order_field="SPO.01")).events
        assert [(one.get("subject"), one["data"]["status"]) for one in stated_at[2:]] == [
            ("PO-1004", "exception"),
            ("PO-1005", "delivered"),
        ]
        stated_at = own("x12_214", "truckload_stops.edi", AdapterConnection(order_field="B10.02", order_is_alias=True)).events
        assert {one["data"]["order_alias"] for one in stated_at} == {"BOL553010"}

    def test_two_stops_at_the_same_minute_are_two_scans(self) -> None:
        """The stop number tells them apart."""
        first, second, *_ = own("x12_214", "truckload_stops.edi").events
        assert first["id"] != second["id"]
        assert first["data"] == second["data"]

    def test_packages_with_numbers_of_the_carriers_own_are_parcels_of_the_shipment(self) -> None:
        """One is delivered, the other is not; the shipper's SSCC is no tracking number of the carrier."""
        stated_at = own("x12_214", "packages.edi").events
        assert [(one["data"]["tracking_number"], one["data"]["status"]) for one in stated_at] == [
            ("1Z77W0000300001234", "delivered"),
            ("1Z77W0000300001243", "attempt_failed"),
        ]
        assert {one["data"]["carrier"] for one in stated_at} == {"ups"}

    def test_sent_again_in_another_interchange_it_is_the_same_scan(self) -> None:
        """IDs are made from what is said; separators, line ends and control numbers say nothing."""
        at7 = "D1*NS***20260318*0900*ET"
        assert scan(at7)["id"] == scan(at7, end="\r\n")["id"] == scan(at7, written="20260319*0001", release="008010")["id"]
        assert scan(at7)["id"] == scan("D1*NS***20260318*0800*CT")["id"]
        assert scan(at7)["id"] != scan("D1*NS***20260318*0901*ET")["id"]

    def test_a_test_interchange_is_test_mode_and_the_next_one_is_not(self) -> None:
        """Each interchange says for itself."""
        adapted = own("x12_214", "mixed_file.edi")
        assert [one.reason for one in adapted.refused] == ["test_mode"]
        assert [one["data"]["tracking_number"] for one in adapted.events] == ["55502"]
        assert [one.what for one in adapted.ignored] == ["997", "990", "601"]

    def test_what_was_lost_on_the_way_is_refused(self) -> None:
        """A set that is cut off or miscounted could say anything."""
        body = interchange("B10*7001*S-1*GRTL", "LX*1", "AT7*D1*NS***20260318*0900*ET")
        for broken in (body.replace(b"SE*5", b"SE*7"), body[: body.index(b"SE*")], body.replace(b"*0001~GE", b"*0002~GE")):
            adapted = translate(ADAPTERS["x12_214"], Payload(broken), PLAIN)
            assert not adapted.events
            assert [one.reason for one in adapted.refused] == ["not_readable"]

    def test_what_is_whole_in_a_broken_file_counts(self) -> None:
        """An interchange without its end, another one, and something else behind it."""
        first = interchange("B10*7001*S-1*GRTL", "LX*1", "AT7*X6*NS***20260318*0900*ET")
        second = interchange("B10*7002*S-2*GRTL", "LX*1", "AT7*D1*NS***20260318*0900*ET", end="'\r\n")
        adapted = translate(ADAPTERS["x12_214"], Payload(first[: first.index(b"GE*")] + b"\n" + second + b"end of file\n"), PLAIN)
        assert [one["data"]["tracking_number"] for one in adapted.events] == ["7001", "7002"]
        assert [one.reason for one in adapted.refused] == ["not_readable"]
        adapted = translate(ADAPTERS["x12_214"], Payload(first + b"\r\n" + second + b"\x1a"), PLAIN)
        assert [one["data"]["tracking_number"] for one in adapted.events] == ["7001", "7002"]
        assert not adapted.refused

    def test_what_is_no_interchange_is_refused(self) -> None:
        """As a whole, with one reason."""
        for body in (b"", b"UNA:+.? 'UNB+UNOA:1", b"ISA", b"ISA*00*", b"ISA" + b"*" * 16 + b">A", b'{"ISA": 1}'):
            adapted = translate(ADAPTERS["x12_214"], Payload(body), PLAIN)
            assert [one.reason for one in adapted.refused] == ["not_readable"], body

    def test_several_lots_of_packages_and_orders_do_not_multiply_without_end(self) -> None:
        """A file of a few kilobytes cannot become millions of events."""
        markers = [f"MAN*CP*{number}" for number in range(150)]
        orders = [f"L11*{number}*PO" for number in range(150)]
        adapted = edi(
            "B10*7001*S-1*GRTL",
            "LX*1",
            "AT7*D1*NS***20260318*0900*ET",
            *markers,
            *orders,
            connection=AdapterConnection(order_field="L11.PO"),
        )
        assert [one.reason for one in adapted.refused] == ["too_large"]


class TestEpcis:
    """Events of traceability repositories."""

    def test_an_orders_way_through_the_warehouse_and_to_the_customer(self) -> None:
        """The SSCC is the parcel, the despatch advice the shipment, the purchase order another name of the order."""
        stated_at = own("epcis", "order_life.json").events
        assert [(one["type"], one["data"].get("status")) for one in stated_at] == [
            ("warehouse.picked", None),
            ("warehouse.packed", None),
            ("warehouse.shipped", None),
            ("carrier.scan", "in_transit"),
            ("carrier.scan", "in_transit"),
            ("carrier.scan", "delivered"),
        ]
        assert stated_at[2]["data"] == {
            "site": "4012345000016",
            "shipment_id": "DA-5501",
            "tracking_number": "040123450000004175",
            "order_alias": "SO-70031",
        }
        assert stated_at[0]["data"]["lines"] == [{"sku": "04012345111224", "quantity": 2}, {"sku": "04012345222333", "quantity": 3}]

    def test_order_field_says_which_transaction_is_the_order(self) -> None:
        """Otherwise a purchase order is a name, not the storefront's ID."""
        order = {"bizTransactionList": [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:4012345000009:SO%2D1"}], "shop:order": 77}
        assert epcis(seen("picking", **order)).events[0]["data"] == {"order_alias": "SO-1"}
        for field, subject in (("po", "SO-1"), ("bizTransactionList.po", "SO-1"), ("shop:order", "77")):
            (event,) = epcis(seen("picking", **order), connection=AdapterConnection(order_field=field)).events
            assert (event["subject"], event["data"]) == (subject, {})

    def test_urns_and_links_say_the_same(self) -> None:
        """One event in both ways of writing, its lists in another order, is one event."""
        (urns,), (links,) = own("epcis", "event_in_urns.json").events, own("epcis", "event_in_links.json").events
        assert urns["id"] == links["id"]
        assert urns["data"] == links["data"]
        assert datetime.fromisoformat(urns["time"]) == datetime.fromisoformat(links["time"])

    def test_a_declared_error_withdraws_what_the_event_told(self) -> None:
        """By the event's ID where it has one, else by what it says; corrective events stand."""
        stated_at = own("epcis", "corrections.json").events
        withdrawn = {one["data"]["event_id"] for one in stated_at if one["type"] == "evidence.withdrawn"}
        output = [one for one in stated_at if one["type"] != "evidence.withdrawn"]
        assert [one["data"]["tracking_number"] for one in output if one["id"] not in withdrawn] == ["040123450000004175"]
        assert {one["id"] for one in output} & withdrawn == {one["id"] for one in output[:2]} | {output[3]["id"]}
        assert all(one["source"] == one["data"]["event_source"] for one in stated_at if one["type"] == "evidence.withdrawn")

    def test_an_error_declared_twice_is_one_withdrawal(self) -> None:
        """Repositories repeat themselves."""
        error = seen("shipping", errorDeclaration={"declarationTime": "2026-03-19T08:00:00Z"})
        first, again = epcis(error).events, epcis(error | {"recordTime": "2026-03-20T08:00:00Z"}).events
        assert [one["id"] for one in first] == [one["id"] for one in again]
        assert first[0]["data"]["event_id"] == epcis(seen("shipping")).events[0]["id"]

    def test_what_came_back_is_a_return(self) -> None:
        """Sent back, on the way, received, inspected."""
        stated_at = own("epcis", "returns.json").events
        assert [one["type"] for one in stated_at] == ["return.shipped", "carrier.scan", "return.received", "return.inspected"]
        assert stated_at[1]["data"]["status"] == "returning"
        assert {one["data"].get("return_id") for one in stated_at if one["type"].startswith("return.")} == {"RMA-88"}

    def test_a_step_within_a_site_is_no_possession(self) -> None:
        """Holding and accepting are a carrier's only of goods in transit: `held` counts as possession."""
        assert epcis(seen("holding", disposition="in_transit")).events[0]["data"]["status"] == "held"
        assert epcis(seen("accepting", disposition="in_transit")).events[0]["data"]["status"] == "accepted"
        for step in ("holding", "accepting"):
            assert not epcis(seen(step, disposition="in_progress")).events

    def test_what_is_received_damaged_is_delivered_and_damaged(self) -> None:
        """Both are true; on the way it is damaged only."""
        both = epcis(seen("receiving", disposition="urn:epcglobal:cbv:disp:damaged")).events
        assert [one["data"]["status"] for one in both] == ["delivered", "damaged"]
        assert [one["data"]["status"] for one in epcis(seen("arriving", disposition="damaged")).events] == ["damaged"]

    def test_staging_is_no_step_of_the_contract(self) -> None:
        """It repeats the goods that were packed; counted twice, half an order would be a whole one."""
        adapted = epcis(seen("staging_outbound"), seen("loading"))
        assert not adapted.events
        assert [one.what for one in adapted.ignored] == ["staging_outbound", "loading"]

    def test_taking_apart_is_no_packing(self) -> None:
        """Action DELETE."""
        assert not epcis(seen("packing", action="DELETE")).events
        assert epcis(seen("void_shipping", action="DELETE")).events[0]["type"] == "warehouse.shipment_cancelled"

    def test_one_parcel_for_several_orders_is_told_of_each_without_lines(self) -> None:
        """Which goods are whose, the event does not say."""
        first, second, *_ = own("epcis", "several_orders.json").events
        assert (first["data"]["order_alias"], second["data"]["order_alias"]) == ("SO-70041", "SO-70042")
        assert "lines" not in first["data"]

    def test_a_step_of_somebodys_own_is_unmapped(self) -> None:
        """It keeps its name."""
        data = epcis(seen("https://shop.example/steps/gift_wrapping")).events[0]["data"]
        assert (data["status"], data["reason"]) == ("unknown", "unmapped")
        assert data["raw"]["code"] == "https://shop.example/steps/gift_wrapping"

    def test_weight_is_no_number_of_pieces(self) -> None:
        """Twelve and a half kilograms are no twelve pieces."""
        goods = {"epcList": [], "bizTransactionList": [{"type": "po", "bizTransaction": "SO-1"}]}
        weighed = {"epcClass": "urn:epc:class:lgtin:4012345.044455.L1", "quantity": 12.5, "uom": "KGM"}
        counted = {"epcClass": "urn:epc:class:lgtin:4012345.044455.L1", "quantity": 12, "uom": "H87"}
        assert epcis(seen("picking", quantityList=[weighed], **goods)).events[0]["data"]["lines"] == [{"sku": "04012345444551"}]
        assert epcis(seen("picking", quantityList=[counted], **goods)).events[0]["data"]["lines"][0]["quantity"] == 12

    def test_a_time_without_an_offset_is_local_to_the_event(self) -> None:
        """EPCIS states the offset apart; the connection's zone comes last."""
        (event,) = epcis(seen("shipping", eventTime="2026-03-18T10:00:00")).events
        assert datetime.fromisoformat(event["time"]) == datetime(2026, 3, 18, 9, tzinfo=UTC)
        (event,) = epcis(seen("shipping", eventTime="2026-03-18T10:00:00", eventTimeZoneOffset=None)).events
        assert event["time"] == "2026-03-18T10:00:00-04:00"

    def test_too_many_parcels_and_orders_are_refused(self) -> None:
        """An event of a few kilobytes cannot become millions."""
        parcels = [f"urn:epc:id:sscc:0614141.{number:010}" for number in range(200)]
        orders = [{"type": "po", "bizTransaction": f"SO-{number}"} for number in range(200)]
        adapted = epcis(seen("arriving", epcList=parcels, bizTransactionList=orders))
        assert [one.reason for one in adapted.refused] == ["too_large"]


class TestGs1:
    """Identifiers. Numbers are those of GS1's own examples."""

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            ("urn:epc:id:sscc:0614141.1234567890", Key("sscc", "106141412345678908")),
            ("https://id.gs1.org/00/106141412345678908", Key("sscc", "106141412345678908")),
            ("urn:epc:id:sgtin:0614141.112345.400", Key("gtin", "10614141123459", "400")),
            ("https://example.com/some/path/01/10614141123459/21/400?x=1", Key("gtin", "10614141123459", "400")),
            ("urn:epc:idpat:sgtin:0614141.112345.*", Key("gtin", "10614141123459")),
            ("urn:epc:class:lgtin:4012345.012345.998877", Key("gtin", "04012345123456", "998877")),
            ("urn:epc:id:sgln:0614141.12345.400", Key("gln", "0614141123452", "400")),
            ("urn:epc:id:sgln:0614141.12345.0", Key("gln", "0614141123452")),
            ("https://id.gs1.org/414/0614141123452", Key("gln", "0614141123452")),
            ("urn:epc:id:gsin:0614141.123456789", Key("gsin", "06141411234567890")),
            ("https://id.gs1.org/00/12", Key("other", "https://id.gs1.org/00/12")),
            ("urn:epc:id:sscc:0614141.1", Key("other", "urn:epc:id:sscc:0614141.1")),
            ("urn:epc:id:giai:0614141.12345400", Key("other", "urn:epc:id:giai:0614141.12345400")),
        ],
    )
    def test_a_key_is_the_same_in_every_way_of_writing(self, text: str, key: Key) -> None:
        """What it names, and which piece of it."""
        assert key_of(text) == key

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("urn:epcglobal:cbv:bt:5012345678900:1234", "1234"),
            ("urn:epcglobal:cbv:bt:5012345678900:SO%2F12:3", "SO/12:3"),
            ("http://transaction.acme.com/po/12345678", "12345678"),
            ("urn:epc:id:gdti:0614141.00001.1618034", "1618034"),
            ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
            ("4711", "4711"),
        ],
    )
    def test_a_business_transaction_is_what_its_issuer_calls_it(self, text: str, number: str) -> None:
        """Without the issuer."""
        assert transaction(text, "here") == number

    def test_a_number_with_control_characters_is_none(self) -> None:
        """Percent escapes can hide anything."""
        with pytest.raises(RefuseError, match="no identifier"):
            transaction("urn:epcglobal:cbv:bt:5012345678900:%00", "here")

    @pytest.mark.parametrize(
        "text",
        ["shipping", "urn:epcglobal:cbv:bizstep:shipping", "https://ref.gs1.org/cbv/BizStep-shipping", "cbv:BizStep-shipping"],
    )
    def test_a_term_has_one_name(self, text: str) -> None:
        """However it is written."""
        assert term(text) == "shipping"
        assert term(None) is None
        assert term("https://shop.example/steps/shipping") == "https://shop.example/steps/shipping"
