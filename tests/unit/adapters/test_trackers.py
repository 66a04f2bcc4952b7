"""Trackers: what names a scan, what a connection adds, and what the engine makes of a scan that is taken back."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson
import pytest

from dataflows.core.rules.load import load_policy
from schemas.places import countries, country_zone
from schemas.wire import micros
from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of
from sources.adapters.countries import ALPHA_2, alpha_2, region_code
from sources.adapters.histories import Remembered, settle
from tests.support.adapters import CONNECTION, OWN
from tests.support.engine import records_of, run, standing

if TYPE_CHECKING:
    from sources.adapters import Adapted
    from sources.adapters.output import Draft

Object = dict[str, Any]


def payload(name: str) -> Payload:
    """A payload made here."""
    return payload_of((OWN / name).read_bytes())


def body(name: str) -> Object:
    """Its body, to be changed."""
    return cast("Object", orjson.loads(payload(name).body))


def output(system: str, value: Object, connection: AdapterConnection = CONNECTION) -> Adapted:
    """What a system's adapter makes of a body."""
    return translate(ADAPTERS[system], Payload(orjson.dumps(value)), connection)


def ids(adapted: Adapted) -> list[str]:
    """The IDs of what was told."""
    return [event["id"] for event in adapted.events]


class Memory:
    """What is known, for `settle` to read."""

    def __init__(self, known: dict[str, Remembered]) -> None:
        self.known = known

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


# --- what names a scan ---------------------------------------------------------------------------


class Form(NamedTuple):
    """A payload of a system, where its scans are, and in a scan: the words, the place, a code."""

    payload: str
    scans: tuple[str, str]
    terms: str
    place: str | None
    code: str


FORMS = {
    "easypost": Form("easypost/delivered.json", ("result", "tracking_details"), "message", "tracking_location", "status_detail"),
    "aftership": Form("aftership/v4_local_times.json", ("msg", "checkpoints"), "message", None, "subtag"),
    "shippo": Form("shippo/newest_first.json", ("data", "tracking_history"), "status_details", "location", "status"),
}


def scans_of(system: str, value: Object) -> list[Object]:
    """The scans of a body."""
    outer, inner = FORMS[system].scans
    return cast("list[Object]", value[outer][inner])


def place_of(system: str, scan: Object) -> Object:
    """Where a scan says its city."""
    name = FORMS[system].place
    return scan if name is None else scan[name] or {}


def with_a_city(system: str, value: Object) -> Object:
    """The first scan of the list that has one; none of the payloads begins its history with it."""
    return next(scan for scan in scans_of(system, value) if place_of(system, scan).get("city"))


@pytest.mark.parametrize("system", FORMS)
def test_words_do_not_name_a_scan(system: str) -> None:
    """The same scan in another language, or reworded, is the same."""
    value = body(FORMS[system].payload)
    before = ids(output(system, value))
    for scan in scans_of(system, value):
        scan[FORMS[system].terms] = "Zugestellt"
    assert ids(output(system, value)) == before


@pytest.mark.parametrize("system", FORMS)
def test_two_scans_at_one_instant_are_told_apart_by_code_and_place(system: str) -> None:
    """Two scans never share an ID unless they agree in all that a source says of them in codes."""
    value = body(FORMS[system].payload)
    one = with_a_city(system, value)
    moved, other, again = deepcopy(one), deepcopy(one), deepcopy(one)
    place_of(system, moved)["city"] = "SPARKS"
    other[FORMS[system].code] = "another"
    scans_of(system, value)[:] = [one, moved, other, again]
    found = [id_ for id_ in ids(output(system, value)) if id_.startswith("scan-")]
    assert len(found) == len(set(found)) == 3


@pytest.mark.parametrize("system", FORMS)
def test_a_place_that_is_filled_in_later_makes_another_scan_and_withdraws_the_first(system: str) -> None:
    """Else what the source corrects could never be told."""
    value = body(FORMS[system].payload)
    placed = output(system, value)
    place_of(system, with_a_city(system, value))["city"] = None
    bare = output(system, value)
    [gone] = set(ids(bare)) - set(ids(placed))
    _, known = settle(bare.events, bare.histories, Memory({}), CONNECTION)
    later = [history._replace(stated_at=history.stated_at + timedelta(days=1)) for history in placed.histories]
    events, _ = settle(placed.events, later, Memory(known), CONNECTION)
    assert [event["data"]["event_id"] for event in events if event["type"] == "evidence.withdrawn"] == [gone]


def test_webhook_and_api_say_the_same_scans() -> None:
    """Overlapping sources add nothing."""
    for system, form in FORMS.items():
        value = body(form.payload)
        inner = value[form.scans[0]]
        reply = {"meta": {"code": 200}, "data": {"tracking": inner}} if system == "aftership" else inner
        assert output(system, reply).events == output(system, value).events != ()


# --- what a connection adds ----------------------------------------------------------------------


def test_a_history_that_cannot_be_read_to_the_end_withdraws_nothing() -> None:
    """An unreadable scan is not one that was taken back."""
    value = body("easypost/delivered.json")
    value["result"]["tracking_details"][2]["datetime"] = "soon"
    adapted = output("easypost", value)
    assert [one.reason for one in adapted.refused] == ["bad_time"]
    assert adapted.histories == ()
    assert len(ids(adapted)) == 5


def test_without_scans_there_is_no_history_either() -> None:
    """What is not told cannot be withdrawn."""
    adapted = output("easypost", body("easypost/delivered.json"), AdapterConnection(omit=("carrier.*",)))
    assert (adapted.events, adapted.histories) == ((), ())


def test_aftership_says_the_order_where_the_connection_says_so() -> None:
    """And then the promise that the shop gave it, at the destination's clock."""
    value = body("aftership/promise_moved.json")
    assert all("subject" not in event for event in output("aftership", value).events)
    events = output("aftership", value, AdapterConnection(order_field="order_id")).events
    assert [(event["type"], event["subject"]) for event in events] == [("carrier.scan", "O-4711"), ("order.updated", "O-4711")]
    assert events[1]["data"] == {"promised_by": "2026-07-15T20:00:00-10:00"}
    value["msg"]["order_promised_delivery_date"] = "2026-07-15"
    assert output("aftership", value, AdapterConnection(order_field="order_id")).events[1]["data"] == {"promised_by": "2026-07-15"}


def test_aftership_gives_up_once_for_each_silence() -> None:
    """However often it says so; a new checkpoint, and another silence, are another matter."""
    value = body("aftership/expired.json")
    first = ids(output("aftership", value))
    value["data"]["updated_at"] = "2026-07-09T00:00:00+00:00"
    assert ids(output("aftership", value)) == first
    scan = value["data"]["checkpoints"][0] | {"checkpoint_time": "2026-06-20T10:00:00"}
    value["data"]["checkpoints"].append(scan)
    assert ids(output("aftership", value))[-1] not in first


def test_a_return_label_never_delivers_the_order() -> None:
    """Its parcel is tied to the order as a return; its scans do not name the order."""
    value = body("easypost/return_label.json") | {"reference": "O-1"}
    events = output("easypost", value, AdapterConnection(order_field="reference")).events
    assert [(event["type"], event.get("subject")) for event in events] == [("carrier.scan", None), ("return.authorized", "O-1")]
    assert not any("eta" in event["data"] for event in events)


def test_what_comes_from_test_mode_is_refused_unless_it_is_wanted() -> None:
    """Trackers of a test account are no parcels."""
    tracker = body("easypost/local_promise.json") | {"mode": "test"}
    for system, value in (("easypost", tracker), ("shippo", body("shippo/test_mode.json"))):
        adapted = output(system, value, AdapterConnection())
        assert adapted.events == ()
        assert [one.reason for one in adapted.refused] == ["test_mode"]


def test_countries_of_three_letters_are_those_of_two() -> None:
    """Every country that has a zone can be named: those of ISO 3166-1, and Kosovo."""
    assert len(set(ALPHA_2.values())) == len(ALPHA_2) == 249 + 1
    assert countries() <= set(ALPHA_2.values())
    assert (alpha_2("usa"), alpha_2("us"), alpha_2("Germany"), alpha_2(None)) == ("US", "US", None, None)


def test_regions_by_name_are_those_by_code() -> None:
    """Carriers write either; the zone of a state is not that of most of its country."""
    assert region_code("US", "CALIFORNIA") == region_code("US", "ca") == "CA"
    assert (region_code("DE", "Sachsen"), region_code(None, "Texas"), region_code("US", None)) == ("SACHSEN", "TEXAS", None)
    assert all(country_zone(country, code) != country_zone(country, "?") for country, code in (("US", "WI"), ("CA", "AB"), ("AU", "WA")))
    value = body("aftership/v4_local_times.json")
    before = [event["time"] for event in output("aftership", value).events]
    value["msg"]["checkpoints"][6]["state"] = "California"
    assert [event["time"] for event in output("aftership", value).events] == before


# --- through the engine --------------------------------------------------------------------------

PARCEL = "1Z999AA10123456784"


def order() -> list[Draft]:
    """An order to Denver that is to be there by 4 March."""

    def event(id_: str, room: str, type_: str, time: str, data: Object) -> Draft:
        return {"specversion": "1.0", "id": id_, "source": room, "type": type_, "subject": "O-1", "time": time, "data": data}

    money = {"amount": "100", "currency": "USD"}
    placed = {"total": money, "promised_by": "2026-03-04", "ship_to": {"country": "US", "region": "US-CO"}}
    shipped = {"shipment_id": "S1", "carrier": "ups", "tracking_number": PARCEL}
    return [
        event("1", "/storefront/acme", "order.placed", "2026-03-02T10:00:00Z", placed),
        event("2", "/payments/acme", "payment.captured", "2026-03-02T10:00:01Z", {"payment_id": "P1", "amount": money}),
        event("3", "/warehouse/acme", "warehouse.shipped", "2026-03-02T23:00:00Z", shipped),
    ]


def stands(arriving: list[str], until: str) -> set[tuple[str, str]]:
    """What stands at an instant of 2026 when these have come in, each at the time at which it was received."""
    known: dict[str, Remembered] = {}
    lines = order()
    for name in arriving:
        one = payload(name)
        adapted = translate(ADAPTERS["easypost"], one, AdapterConnection())
        assert not adapted.refused
        assert one.received is not None
        found, keep = settle(adapted.events, adapted.histories, Memory(known), AdapterConnection())
        known |= keep
        lines += [event | {"recordedtime": one.received.isoformat()} for event in found]
    at = micros(datetime.fromisoformat(until))
    return {(one.kind, one.status) for one in standing(run(records_of(lines), load_policy(None), at))}


DELIVERED, TAKEN_BACK, AFTER_ALL = (f"easypost/delivered{how}.json" for how in ("", "_taken_back", "_after_all"))
OVERDUE = ("shipment.delivery_overdue", "open")


def test_a_delivery_that_the_carrier_takes_back_opens_what_it_had_closed() -> None:
    """Delivered in time: nothing. Taken back the day after: overdue. Delivered after all, at that same time: it never was."""
    assert stands([DELIVERED], "2026-03-05T08:30:00Z") == set()
    assert stands([DELIVERED], "2026-03-06T07:00:00Z") == set()
    assert OVERDUE in stands([DELIVERED, TAKEN_BACK], "2026-03-06T07:00:00Z")
    assert stands([DELIVERED, TAKEN_BACK, AFTER_ALL], "2026-03-06T09:00:00Z") == set()


def test_resending_what_was_taken_back_does_not_bring_it_back() -> None:
    """The old webhook comes once more, late: the parcel is still on its way."""
    assert OVERDUE in stands([DELIVERED, TAKEN_BACK, DELIVERED], "2026-03-06T07:00:00Z")
    assert OVERDUE in stands([TAKEN_BACK, DELIVERED], "2026-03-06T07:00:00Z")
