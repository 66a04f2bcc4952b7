"""Shopify: what an order's life says, whichever of its overlapping messages arrive."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import permutations
from typing import TYPE_CHECKING, Any, cast

import pytest

from dataflows.core.rules.load import load_policy
from schemas.wire import micros
from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of
from sources.adapters.histories import Remembered, settle
from sources.adapters.shopify.common import rounded
from tests.support.adapters import OWN, made_of, payloads
from tests.support.engine import records_of, run, standing
from tests.support.policies import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sources.adapters import Adapted
    from sources.adapters.output import Draft

SHOPIFY = ADAPTERS["shopify"]
LIVE = AdapterConnection()
ORDER = "5790012345678"
SNAPSHOTS = ("order_placed", "order_paid", "order_after_edits_and_refund", "order_with_transactions_of_the_api")


def captured(name: str) -> Payload:
    """One of the payloads made here."""
    return payload_of((OWN / "shopify" / f"{name}.json").read_bytes())


def output(name: str, connection: AdapterConnection = LIVE) -> Adapted:
    """What one of them becomes."""
    return translate(SHOPIFY, captured(name), connection)


def bent(name: str, **changes: object) -> tuple[Draft, ...]:
    """The events of one of them with some fields of its body changed."""
    payload = captured(name)
    body = cast("dict[str, object]", json.loads(payload.body)) | changes
    return translate(SHOPIFY, Payload(json.dumps(body).encode(), payload.headers, payload.received), LIVE).events


class Memory:
    """Histories in memory."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


def log(names: Iterable[str], connection: AdapterConnection = LIVE) -> dict[tuple[str, str], Draft]:
    """The events in the log after these messages, by their identity: the first one counts."""
    memory, found = Memory(), dict[tuple[str, str], "Draft"]()
    for name in names:
        adapted = output(name, connection)
        drafts, keep = settle(adapted.events, adapted.histories, memory, connection)
        memory.known |= keep
        for draft in drafts:
            found.setdefault((draft["source"], draft["id"]), draft)
    return found


def only(events: Iterable[Draft], type_: str) -> Draft:
    """The one event of a type."""
    (found,) = [event for event in events if event["type"] == type_]
    return found


def data_of(events: Iterable[Draft], type_: str) -> dict[str, Any]:
    """The data of the one event of a type."""
    return cast("dict[str, Any]", only(events, type_)["data"])


def of(events: Iterable[Draft], *types: str) -> list[Draft]:
    """The events of some types."""
    return [event for event in events if event["type"] in types]


# snapshots


def test_overlapping_messages_say_each_fact_once() -> None:
    """An order's messages repeat each other; the money that moved is counted once, by transaction."""
    found = log([*SNAPSHOTS, "transaction_sale", "transaction_refund", "refund_in_two_parts", "fulfillment_number_corrected"]).values()
    assert only(found, "order.placed")["id"] == f"placed-{ORDER}"
    assert only(found, "warehouse.shipped")["data"]["shipment_id"] == "5200000000001"
    amounts = {type_: [event["data"]["amount"]["amount"] for event in of(found, type_) if "amount" in event["data"]] for type_ in MONEY}
    assert amounts == {"payment.captured": ["120.00"], "payment.refunded": ["30.00"]}


MONEY = ("payment.captured", "payment.refunded")


@pytest.mark.parametrize("order", list(permutations(SNAPSHOTS)), ids=lambda names: "-".join(name[6:10] for name in names))
def test_in_any_order_messages_end_in_the_same_facts(order: tuple[str, ...]) -> None:
    """Webhooks are not sent in order."""
    assert set(log(order)) == set(log(SNAPSHOTS))


def test_a_lost_webhook_is_made_good_by_the_next_snapshot() -> None:
    """Of an order whose other webhooks were lost, the last snapshot alone tells what was placed, what left and what went back."""
    found = output("order_after_edits_and_refund").events
    placed = only(found, "order.placed")
    assert (placed["id"], placed["time"]) == (f"placed-{ORDER}", "2026-03-02T10:15:00+01:00")
    assert only(found, "warehouse.shipped")["id"] == output("fulfillment_two_parcels").events[0]["id"]
    assert {event["id"] for event in of(found, "payment.refunded")} == {"refunded-6900000000005", "refund-9100000000001"}


def test_an_edit_leaves_what_was_placed_and_patches_what_is_ordered_now() -> None:
    """A line with nothing left of it is gone; one that is never fulfilled (a tip) was never there."""
    found = output("order_after_edits_and_refund").events
    quantities = [
        {line.get("sku"): line["quantity"] for line in data_of(found, type_)["lines"]} for type_ in ("order.placed", "order.updated")
    ]
    assert quantities == [{"MUG-BLUE": 2, "TEA-250": 3, "SPOON": 1}, {"MUG-BLUE": 1, "TEA-250": 2}]


def test_a_refund_lowers_no_total() -> None:
    """It is told by its own event: in the total too it would count twice, and look as if too much had been captured."""
    assert data_of(output("order_after_edits_and_refund").events, "order.updated")["total"] == {"amount": "120.00", "currency": "EUR"}


def test_an_edit_that_adds_raises_the_total() -> None:
    """Whether or not Shopify writes it into `total_price` as well."""
    raised = {"shop_money": {"amount": "150.00", "currency_code": "USD"}, "presentment_money": {"amount": "140.00", "currency_code": "EUR"}}
    found = bent("order_paid", current_total_price="150.00", current_total_price_set=raised)
    assert data_of(found, "order.updated")["total"]["amount"] == "140.00"


def test_two_changes_within_a_second_are_two() -> None:
    """`updated_at` has no fractions."""
    one, other = bent("order_paid"), bent("order_paid", source_name="pos")
    assert only(one, "order.updated")["id"] != only(other, "order.updated")["id"]
    assert only(one, "order.updated") == only(bent("order_paid"), "order.updated")


def test_a_filtered_webhook_changes_only_what_it_names() -> None:
    """A field that is left out is not removed; one that is null is."""
    found = data_of(output("order_of_one_currency_without_sets").events, "order.updated")
    assert not {"customer", "ship_to"} & found.keys()
    assert data_of(bent("order_paid", shipping_address=None), "order.updated")["ship_to"] is None


def test_amounts_are_in_the_currency_that_the_customer_paid_in() -> None:
    """The shop's own currency would never compare with the transactions."""
    assert data_of(output("order_placed").events, "order.placed")["total"] == {"amount": "120.00", "currency": "EUR"}
    assert data_of(output("transaction_sale").events, "payment.captured")["amount"] == {"amount": "120.00", "currency": "EUR"}
    assert data_of(output("order_of_one_currency_without_sets").events, "order.placed")["total"] == {"amount": "12000", "currency": "JPY"}


def test_an_order_that_is_paid_is_captured_without_an_amount() -> None:
    """Shops that send no transactions, and orders that cost nothing, are paid all the same; transactions alone tell money."""
    assert of(output("order_paid").events, "payment.captured")[0]["data"] == {}
    assert not of(output("order_placed").events, "payment.captured")


@pytest.mark.parametrize(
    ("name", "method", "terms"),
    [
        ("order_placed", "ship", None),
        ("order_collected", "pickup", "prepaid"),
        ("order_at_the_till", "pickup", None),
        ("order_digital", "digital", None),
        ("order_cash_on_delivery", "local", "on_delivery"),
        ("order_on_terms", "ship", "invoice"),
    ],
)
def test_how_it_reaches_the_customer_and_when_it_is_paid(name: str, method: str, terms: str | None) -> None:
    """By published words only; a gateway that nobody published says nothing of the terms."""
    placed = data_of(output(name).events, "order.placed")
    assert (placed["method"], placed.get("payment_terms")) == (method, terms)


def test_one_address_has_one_hash_however_it_is_written() -> None:
    """Capitals, blanks, hyphens and a region that is left out make no other address; another house does."""
    placed = [data_of(output(name).events, "order.placed")["ship_to"] for name in ("order_placed", "order_after_edits_and_refund")]
    assert placed[0]["address_hash"] == placed[1]["address_hash"]
    address = json.loads(captured("order_placed").body)["shipping_address"] | {"address1": "Prinsengracht 14"}
    assert data_of(bent("order_placed", shipping_address=address), "order.placed")["ship_to"]["address_hash"] != placed[0]["address_hash"]


def test_a_cancelled_order_says_why() -> None:
    """With the code that Shopify publishes for it."""
    cancelled = only(output("order_cancelled").events, "order.cancelled")
    assert (cancelled["time"], cancelled["data"]) == ("2026-03-02T13:00:00+01:00", {"reason": "inventory"})


# identifiers


@pytest.mark.parametrize(
    ("number", "is_rounded"),
    [
        (5790012345678, False),
        (9007199254740992, False),
        (820982911946154508, False),
        (820982911946154500, True),
        (866550311766439000, True),
        (141249953214522974, False),
        (141249953214522980, True),
    ],
)
def test_a_number_that_was_rounded_is_recognised(number: int, is_rounded: bool) -> None:
    """The shortest digits of a double are not the number that it was made from."""
    assert rounded(number) is is_rounded


def test_a_rounded_number_is_no_identifier() -> None:
    """Its gid beats it; without one the order is refused, and a fulfilment ties by its own ID only."""
    assert output("order_with_a_rounded_number_only").refused[0].reason == "bad_value"
    shipped = only(output("fulfillment_of_a_rounded_order").events, "warehouse.shipped")
    assert "subject" not in shipped
    assert only(output("fulfillment_of_an_exact_large_number").events, "warehouse.shipped")["subject"] == "820982911946154508"


def test_the_order_goes_by_its_number_and_its_name_is_an_alias() -> None:
    """`#2041` is what people say; other systems may know only that."""
    placed = only(output("order_placed").events, "order.placed")
    assert (placed["subject"], placed["data"]["order_alias"]) == (ORDER, "#2041")


@pytest.mark.parametrize("name", ["order_after_edits_and_refund", "fulfillment_two_parcels", "transaction_sale", "refund_in_two_parts"])
def test_where_the_shop_goes_by_names_all_the_rest_ties_by_the_number(name: str) -> None:
    """`order_field: name`: nothing but the order itself has its name."""
    for event in output(name, AdapterConnection(order_field="name")).events:
        assert event["data"]["order_alias"] == ORDER
        assert event.get("subject") == ("#2041" if name.startswith("order") else None)


# goods


def test_several_fulfilments_cover_the_order_by_quantity() -> None:
    """Each tells its own lines, once, however often it is sent."""
    names = ("fulfillment_two_parcels", "fulfillment_number_corrected", "order_after_edits_and_refund", "fulfillment_without_number")
    pieces: dict[str, int] = {}
    for event in of(log(names).values(), "warehouse.shipped", "warehouse.label_created"):
        for line in event["data"].get("lines", ()):
            pieces[line["sku"]] = pieces.get(line["sku"], 0) + line["quantity"]
    assert pieces == {"MUG-BLUE": 2, "TEA-250": 2}


def test_a_corrected_tracking_number_is_withdrawn() -> None:
    """Else the shipment would wait for a parcel that does not exist. What arrives late changes nothing."""
    for names in permutations(("fulfillment_two_parcels", "fulfillment_number_corrected")):
        found = log(names)
        gone = {event["data"]["event_id"] for event in of(found.values(), "evidence.withdrawn")}
        labels = of(found.values(), "warehouse.label_created")
        left = {event["data"]["tracking_number"] for event in labels if event["id"] not in gone}
        assert left == {"JD014600001", "JD014600003"}


def test_a_parcel_that_is_fulfilled_anew_is_not_taken_for_the_cancelled_one() -> None:
    """A fulfilment made by mistake is cancelled and made again with the same tracking number: the order is delivered all the same."""
    names = "order_placed transaction_sale fulfillment_made_by_mistake fulfillment_cancelled fulfillment_made_anew".split()
    found = log([*names, "event_picked_up", "event_delivered"])
    mistaken = next(event for event in output("fulfillment_made_by_mistake").events if "tracking_number" in event["data"])
    assert data_of(found.values(), "evidence.withdrawn")["event_id"] == mistaken["id"]
    until = micros(datetime(2026, 4, 9, tzinfo=UTC))
    events = [promised(event) if event["type"] == "order.placed" else event for event in found.values()]
    assert {one.kind for one in standing(run(records_of(events), load_policy(None), until)) if one.status == "open"} == set()


def promised(event: Draft) -> Draft:
    """An order of just what was sent, promised by a day."""
    lines = [line | {"quantity": 2 if line["sku"] == "MUG-BLUE" else 1} for line in event["data"]["lines"]]
    return {**event, "data": {**event["data"], "lines": lines, "promised_by": "2026-03-06"}}


def test_a_label_is_no_shipment() -> None:
    """Neither where the carrier has only heard of the parcel, nor where the warehouse is still at it."""
    assert {event["type"] for event in output("fulfillment_label_only").events} == {"warehouse.label_created"}
    assert output("fulfillment_being_prepared").events == ()
    moving = bent("fulfillment_label_only", shipment_status="in_transit")
    assert {event["type"] for event in moving} == {"warehouse.shipped", "warehouse.label_created"}


def test_an_estimate_is_no_scan_and_a_date_stays_a_date() -> None:
    """Midnight UTC is how Shopify's apps write a day."""
    scan, estimate = output("event_in_transit_with_estimate").events
    assert scan["data"]["status"] == "in_transit"
    assert (estimate["data"]["status"], estimate["data"]["eta"]) == ("unknown", "2026-03-06")
    assert "reason" not in estimate["data"]


def test_a_deleted_event_is_withdrawn_with_its_estimate() -> None:
    """By the very IDs that its creation gave."""
    made = {(event["source"], event["id"]) for event in output("event_in_transit_with_estimate").events}
    gone = output("event_deleted").events
    assert {(event["data"]["event_source"], event["data"]["event_id"]) for event in gone} == made


# holds


def holds(names: Iterable[str]) -> list[tuple[str, str | None]]:
    """The steps of holds in a log: type and hold."""
    return [
        (event["type"].removeprefix("order.hold_"), event["data"].get("hold"))
        for event in of(log(names).values(), "order.hold_placed", "order.hold_released")
    ]


def test_a_hold_lasts_while_one_for_its_reason_does() -> None:
    """Several holds on one fulfilment order: each reason by itself, and all at the end."""
    steps = holds(("hold_placed_twice", "hold_added", "hold_of_two_for_one_reason_released", "hold_of_a_reason_released"))
    assert steps == [("placed", "fraud"), ("placed", "address"), ("placed", "address"), ("released", "address")]
    assert holds(("holds_all_released",)) == [("released", None)]


def test_a_released_hold_ends_no_hold_of_another_fulfilment_order() -> None:
    """Placing and releasing name the fulfilment order as the hold's ID."""
    for name in ("hold_placed_twice", "holds_all_released", "hold_of_a_reason_released"):
        assert {event["data"]["hold_id"] for event in output(name).events} == {"7300000000001"}


def test_the_list_of_fulfilment_orders_ties_them_to_their_order() -> None:
    """Webhooks name no order; the API's list names both, whatever the state."""
    tied = {event["data"].get("fulfillment_order_id") for event in output("fulfillment_orders_of_the_api").events}
    assert {f"730000000000{n}" for n in (1, 2, 3, 4)} <= tied
    assert data_of(output("fulfillment_orders_of_the_api").events, "order.updated") == {
        "ship_by": "2026-03-05T18:00:00+01:00",
        "promised_by": "2026-03-07",
    }


# money


def test_a_transaction_is_one_event_whichever_message_brings_it() -> None:
    """Its own webhook, the refund's, the order's."""
    alone = only(output("transaction_refund").events, "payment.refunded")
    for name in ("refund_in_two_parts", "order_after_edits_and_refund", "order_with_transactions_of_the_api"):
        same = next(event for event in output(name).events if event["id"] == alone["id"])
        assert {key: same[key] for key in ("source", "time", "data", "subject")} == {
            key: alone[key] for key in ("source", "time", "data", "subject")
        }


def test_the_goods_of_a_refund_carry_no_money() -> None:
    """They are told once, beside the transactions; a refund that moved none is none."""
    goods = next(event for event in output("refund_in_two_parts").events if event["id"] == "refund-9100000000001")
    assert goods["data"] == {"lines": [{"line_id": "14100000000001", "sku": "MUG-BLUE", "quantity": 1}]}
    assert output("refund_without_money").events == ()


@pytest.mark.parametrize(
    ("changes", "payment_id"),
    [
        ({}, "pi_3Qx1Example"),
        ({"receipt": {"id": "ch_1", "payment_intent": {"id": "pi_2"}}}, "pi_2"),
        ({"receipt": {"id": "ch_1", "payment_intent": "pi_2"}}, "pi_2"),
        ({"receipt": "pi_no", "authorization": "pi_4"}, "pi_4"),
        ({"receipt": None, "authorization": None}, "rPQ9a1B2c3D4"),
        ({"receipt": {}, "authorization": "1001", "payment_id": "#2041.1", "parent_id": 6900000000000}, f"{ORDER}#2041.1"),
        ({"receipt": {}, "authorization": "1001", "payment_id": None, "parent_id": 6900000000000}, "6900000000000"),
        ({"receipt": {}, "authorization": "1001", "payment_id": None}, "6900000000001"),
    ],
)
def test_a_payment_goes_by_what_its_provider_calls_it(changes: dict[str, object], payment_id: str) -> None:
    """So that a feed of Stripe's ties to the same order. What other shops call theirs too is taken with the order's ID."""
    assert data_of(bent("transaction_sale", **changes), "payment.captured")["payment_id"] == payment_id


def test_declines_are_soft_or_hard_by_their_code() -> None:
    """And a failed capture is no failed authorization."""
    declined = data_of(output("transaction_declined").events, "payment.failed")
    assert (declined["stage"], declined["decline"], declined["code"]) == ("authorization", "hard", "pick_up_card")
    assert data_of(output("transaction_capture_failed").events, "payment.failed")["stage"] == "capture"
    odd = data_of(bent("transaction_declined", error_code="moon_phase"), "payment.failed")
    assert "decline" not in odd
    assert odd["code"] == "moon_phase"


def test_a_refund_without_its_amount_is_refused() -> None:
    """It would read as a refund of everything."""
    assert bent("transaction_refund", currency=None) == ()


def test_an_inquiry_that_becomes_a_chargeback_is_one_dispute() -> None:
    """Two steps, one end."""
    found = log(("dispute_inquiry", "dispute_accepted")).values()
    assert [event["data"]["stage"] for event in of(found, "payment.disputed")] == ["inquiry", "chargeback"]
    assert data_of(found, "payment.dispute_closed")["outcome"] == "lost"
    assert {event["data"]["dispute_id"] for event in found} == {"930000001"}


# returns, test mode, privacy


def test_a_label_for_the_way_back_is_tied_to_its_return_and_ships_nothing() -> None:
    """Its scans are the return's; only they say that the parcel is under way."""
    label = data_of(output("return_label").events, "return.authorized")
    assert label == {"return_id": "2400000000001", "tracking_number": "3SRET0001"}
    assert {event["type"] for event in log(("return_requested", "return_approved", "return_label", "return_closed")).values()} == {
        "return.requested",
        "return.authorized",
    }


@pytest.mark.parametrize("name", ["order_of_a_test_notification", "transaction_in_test_mode"])
def test_what_is_a_test_is_refused_unless_the_connection_takes_it(name: str) -> None:
    """By the header of a test notification, or the object's own mark."""
    assert [one.reason for one in output(name).refused] == ["test_mode"]
    assert output(name).events == ()
    assert output(name, AdapterConnection(accept_test=True)).events


def test_an_attempt_to_deliver_again_says_the_same() -> None:
    """The instant is that of the trigger, not of the arrival."""
    payload = captured("hold_placed_twice")
    later = Payload(payload.body, payload.headers, datetime(2026, 3, 3, tzinfo=UTC))
    assert translate(SHOPIFY, later, LIVE).events == translate(SHOPIFY, payload, LIVE).events


PERSONAL = frozenset(
    "first_name last_name address1 address2 email contact_email phone company note reason_notes return_reason_note customer_note"
    " browser_ip credit_card_number staff_note latitude longitude token order_status_url".split()
)


def personal(value: object, within: str = "") -> Iterator[str]:
    """What a payload says of persons: names, streets, contacts and notes."""
    if isinstance(value, dict):
        for name, below in cast("dict[str, object]", value).items():
            of_person = name in PERSONAL or (name == "name" and ("address" in within or within == "destination"))
            if of_person and isinstance(below, str | float) and len(str(below)) > 3:
                yield str(below)
            yield from personal(below, name)
    elif isinstance(value, list):
        for below in cast("list[object]", value):
            yield from personal(below, within)


@pytest.mark.parametrize("path", [pytest.param(path, id=name) for name, path in payloads("shopify")])
def test_no_event_names_a_person_a_street_or_a_contact(path: Any) -> None:
    """Whatever the payload; nor does a refusal quote one."""
    adapted = made_of("shopify", path)
    text = json.dumps([adapted.events, adapted.refused, adapted.ignored], ensure_ascii=False).casefold()
    assert [secret for secret in set(personal(json.loads(path.read_bytes()))) if secret.casefold() in text] == []


# the whole


LIFE = (
    "order_placed transaction_declined transaction_sale order_paid hold_placed_twice holds_all_released fulfillment_orders_of_the_api"
    " fulfillment_two_parcels fulfillment_number_corrected event_in_transit_with_estimate fulfillment_without_number refund_in_two_parts"
    " order_after_edits_and_refund"
).split()


def test_of_a_whole_life_the_engine_reports_what_went_wrong_and_nothing_else() -> None:
    """Declined once and paid, held and released, sent in two shipments of which neither arrives by the promised day."""
    until = micros(datetime(2026, 3, 9, 12, tzinfo=UTC))
    found = {(one.kind, one.status) for one in standing(run(records_of(log(LIFE).values()), listed(), until))}
    assert found == {
        ("payment.declined_hard", "resolved"),
        ("data.orphan_signal", "resolved"),
        ("shipment.delivery_overdue", "open"),
        ("shipment.scan_gap", "open"),
    }
