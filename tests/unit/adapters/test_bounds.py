"""What shops and payment providers leave to be worked out: when something was, of which payment, what an order comes to, when it is due."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.bounds import bounded, latest
from sources.adapters.coverage import Coverage
from sources.adapters.payload import json_payload
from sources.adapters.payments import united

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sources.adapters import Adapted
    from sources.adapters.histories import Remembered
    from sources.adapters.output import Draft

PLACED, PAID, SHIPPED, TAGGED = (f"2026-05-0{day}T10:00:00Z" for day in (4, 5, 6, 8))


class Kept:
    """What adapters remember, in memory."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


def output(system: str, body: object, connection: AdapterConnection | None = None, **headers: str) -> Adapted:
    """What a system's adapter makes of a payload, of which nothing may be refused."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = translate(ADAPTERS[system], Payload(json.dumps(body).encode(), named), connection or AdapterConnection())
    assert found.refused == ()
    return found


def only(events: Iterable[Draft], type_: str) -> Draft:
    """The one event of a type."""
    (found,) = [event for event in events if event["type"] == type_]
    return found


def followed(system: str, *bodies: object) -> list[Draft]:
    """The events of several payloads, one after the other, as a gateway that remembers tells them."""
    memory, found = Kept(), list[dict[str, Any]]()
    for body in bodies:
        adapted = output(system, body)
        events, keep = united(adapted.events, adapted.steps, memory, AdapterConnection())
        memory.known |= keep
        found += events
    return found


# --- when -------------------------------------------------------------------------------------------------

INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds it


@given(a=INSTANTS, b=INSTANTS, later=st.lists(st.none() | INSTANTS), fresh=st.booleans())
def test_what_is_told_lies_within_what_is_known(a: datetime, b: datetime, later: list[datetime | None], fresh: bool) -> None:
    """Never before the lower bound, never after the upper, and never after what the snapshot shows to have followed."""
    since, until = min(a, b), max(a, b)
    found = bounded(since, until, later, fresh=fresh)
    assert since <= found <= until
    assert all(one is None or one < since or found <= one for one in later)
    assert since <= latest(since, until, later) <= until
    assert latest(since, None) == since


def order(**fields: object) -> dict[str, Any]:
    """A snapshot of a paid order of Shopify's, changed last when it was tagged."""
    whole: dict[str, Any] = {
        "admin_graphql_api_id": "gid://shopify/Order/1",
        "id": 1,
        "name": "#1",
        "created_at": PLACED,
        "updated_at": TAGGED,
        "currency": "EUR",
        "total_price": "100.00",
        "current_total_price": "100.00",
        "financial_status": "paid",
        "line_items": [{"id": 7, "sku": "A", "quantity": 1, "current_quantity": 1}],
        "fulfillments": [],
        "refunds": [],
    }
    return whole | fields


def fulfillment() -> dict[str, Any]:
    """What left before the order was tagged."""
    return {"id": 5, "status": "success", "created_at": SHIPPED, "updated_at": SHIPPED, "line_items": []}


UPDATED = {"x_shopify_topic": "orders/updated", "x_shopify_triggered_at": TAGGED}


SNAPSHOTS: list[tuple[dict[str, Any], dict[str, str], str]] = [
    # Nothing else happened that the webhook would be about.
    ({}, UPDATED, TAGGED),
    # It had left before: nobody knows when it was paid.
    ({"fulfillments": [fulfillment()]}, UPDATED, PLACED),
    ({"cancelled_at": SHIPPED}, UPDATED, PLACED),
    ({"closed_at": SHIPPED}, UPDATED, PLACED),
    ({"refunds": [{"id": 9, "created_at": SHIPPED, "transactions": [{"id": 8}]}]}, UPDATED, PLACED),
    # An edit before it was paid is recorded as a refund of no money.
    ({"refunds": [{"id": 9, "created_at": PAID, "transactions": []}]}, UPDATED, TAGGED),
    # Nobody sent it because something changed.
    ({}, {}, PLACED),
    ({"updated_at": PLACED}, UPDATED, PLACED),
]
"""What a snapshot shows, how it came, and when it says that the order was paid."""


@pytest.mark.parametrize(("fields", "headers", "time"), SNAPSHOTS)
@pytest.mark.parametrize("status", ["paid", "authorized"])
def test_a_snapshot_does_not_say_when_an_order_was_paid(status: str, fields: dict[str, Any], headers: dict[str, str], time: str) -> None:
    """It says so at the time of the snapshot, unless that would be after what came later."""
    found = translate(
        ADAPTERS["shopify"],
        Payload(json.dumps(order(financial_status=status, **fields)).encode(), {k.replace("_", "-"): v for k, v in headers.items()}),
        AdapterConnection(),
    )
    event = next(one for one in found.events if one["id"] == f"order-{'captured' if status == 'paid' else 'authorized'}-1")
    assert (event["time"], event["recordedtime"]) == (time, TAGGED)


def test_transactions_say_when_and_then_no_snapshot_need() -> None:
    """An order of the API with its transactions."""
    sale = {"id": 3, "kind": "sale", "status": "success", "amount": "100.00", "currency": "EUR", "processed_at": PAID}
    captured = only(output("shopify", order(transactions=[sale])).events, "payment.captured")
    assert (captured["id"], captured["time"]) == ("captured-3", PAID)


def test_all_that_a_snapshot_shows_was_said_with_it_and_what_was_paid_before_what_left() -> None:
    """So that whoever reads along never sees goods leave that are paid for a line further down."""
    events = output("shopify", order(fulfillments=[fulfillment()])).events
    assert {event["recordedtime"] for event in events} == {TAGGED}
    types = [event["type"] for event in events]
    assert types.index("payment.captured") < types.index("warehouse.shipped")


def dispute(**fields: object) -> dict[str, Any]:
    """A chargeback of Shopify's."""
    whole = {"id": 4, "order_id": 1, "type": "chargeback", "status": "needs_response", "amount": "9.00", "currency": "EUR"}
    return whole | {"initiated_at": PLACED, "evidence_due_by": None} | fields


@pytest.mark.parametrize(
    ("body", "topic", "time"),
    [
        (dispute(), "disputes/create", PLACED),
        (dispute(), "disputes/update", TAGGED),
        (dispute(type="inquiry"), "disputes/update", PLACED),
        (dispute(status="lost", finalized_on=SHIPPED), "disputes/update", SHIPPED),
        (dispute(evidence_sent_on=PAID), "disputes/update", PAID),
    ],
)
def test_a_chargeback_may_have_begun_as_an_inquiry(body: object, topic: str, time: str) -> None:
    """It accuses as late as can be: a parcel that was delivered meanwhile was not in flight."""
    events = output("shopify", body, x_shopify_topic=topic, x_shopify_triggered_at=TAGGED).events
    assert only(events, "payment.disputed")["time"] == time


def stripe(type_: str, object_: dict[str, Any], created: int, before: dict[str, Any] | None = None, **more: object) -> dict[str, Any]:
    """An event of Stripe's."""
    data = {"object": object_} | ({} if before is None else {"previous_attributes": before})
    return {"id": "evt", "object": "event", "type": type_, "created": created, "livemode": True, "data": data} | more


def stripe_dispute(status: str, *transactions: int) -> dict[str, Any]:
    """A dispute of Stripe's that was made on 10 May."""
    return {
        "id": "dp_1", "object": "dispute", "amount": 5400, "currency": "jpy", "charge": "ch_1", "created": 1_778_371_200,
        "livemode": True, "status": status, "balance_transactions": [{"created": at} for at in transactions],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event", "time"),
    [
        (stripe("charge.dispute.created", stripe_dispute("needs_response"), 1_778_371_201), "2026-05-10T00:00:00Z"),
        (stripe("charge.dispute.updated", stripe_dispute("needs_response"), 1_778_803_201, {"status": "warning_under_review"}),
         "2026-05-15T00:00:01Z"),
        (stripe("charge.dispute.funds_withdrawn", stripe_dispute("needs_response", 1_778_803_200), 1_778_803_202), "2026-05-15T00:00:00Z"),
        (stripe("charge.dispute.updated", stripe_dispute("under_review"), 1_778_803_201, {"evidence": {}}), "2026-05-15T00:00:01Z"),
        (stripe_dispute("needs_response"), "2026-05-10T00:00:00Z"),
    ],
)  # fmt: skip
def test_an_inquiry_becomes_a_chargeback_when_its_event_says_so(event: object, time: str) -> None:
    """Not when the dispute was made: it was none then."""
    assert only(output("stripe", event).events, "payment.disputed")["time"] == time


# --- which payment ----------------------------------------------------------------------------------------


def transaction(number: int, kind: str, parent: int | None = None, **fields: object) -> dict[str, Any]:
    """A transaction of Shopify's."""
    whole = {"id": number, "order_id": 1, "kind": kind, "status": "success", "gateway": "g", "parent_id": parent}
    return whole | {"amount": "10.00", "currency": "EUR", "processed_at": PAID} | fields


CHAIN = (transaction(901, "authorization"), transaction(902, "capture", 901), transaction(903, "refund", 902))


def payments_of(events: Iterable[Draft]) -> set[str]:
    """The payments that events are about."""
    return {event["data"]["payment_id"] for event in events if "payment_id" in event["data"]}


def test_an_authorization_its_capture_and_the_refund_are_one_payment() -> None:
    """A refund names its capture only, and that its authorization: each takes over what the one before was given."""
    assert payments_of(followed("shopify", *CHAIN)) == {"901"}
    assert payments_of(followed("shopify", *CHAIN, transaction(904, "refund", 902))) == {"901"}


@pytest.mark.parametrize("chain", list(permutations(CHAIN)), ids=lambda chain: "-".join(str(one["id"]) for one in chain))
def test_in_one_payload_they_are_one_payment_in_any_order(chain: tuple[dict[str, Any], ...]) -> None:
    """As the API lists them."""
    assert payments_of(followed("shopify", {"transactions": list(chain)})) == {"901"}


def test_what_shopify_calls_a_payment_is_one_also_where_nothing_is_remembered() -> None:
    """`#1001.1` is made of the order's name, which other shops have too: with the order's ID it is nobody else's."""
    steps = [{**one, "payment_id": "#1001.1"} for one in CHAIN]
    assert payments_of(event for step in steps for event in output("shopify", step).events) == {"1#1001.1"}
    assert payments_of(output("shopify", {**steps[0], "order_id": 2}).events) == {"2#1001.1"}


def test_the_intent_of_a_refund_stands_in_its_charge() -> None:
    """Shopify shows Stripe's refund as it is; what the capture was called counts before it."""
    receipt = {"id": "re_1", "charge": {"id": "ch_1", "payment_intent": "pi_1"}}
    assert payments_of(output("shopify", transaction(903, "refund", 902, receipt=receipt)).events) == {"pi_1"}
    assert payments_of(followed("shopify", *CHAIN[:2], transaction(903, "refund", 902, receipt=receipt))) == {"901"}
    first = transaction(901, "authorization", receipt={"payment_intent": "pi_1"})
    assert payments_of(followed("shopify", first, *CHAIN[1:])) == {"pi_1"}


def test_a_refund_at_paypal_is_of_the_authorization_that_was_captured() -> None:
    """It names the capture only."""
    capture: dict[str, Any] = {
        "id": "CAP",
        "status": "COMPLETED",
        "amount": {"value": "10.00", "currency_code": "EUR"},
        "create_time": PAID,
    }
    capture |= {"supplementary_data": {"related_ids": {"authorization_id": "AUTH"}}}
    refund: dict[str, Any] = {
        "id": "REF",
        "status": "COMPLETED",
        "amount": {"value": "4.00", "currency_code": "EUR"},
        "create_time": SHIPPED,
    }
    refund |= {"links": [{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAP"}]}
    contested: dict[str, Any] = {"dispute_id": "PP-1", "create_time": TAGGED, "dispute_life_cycle_stage": "INQUIRY", "status": "OPEN"}
    contested["disputed_transactions"] = [{"seller_transaction_id": "CAP"}]
    bodies = [
        {"event_type": type_, "create_time": TAGGED, "resource": one}
        for type_, one in (
            ("PAYMENT.CAPTURE.COMPLETED", capture), ("PAYMENT.CAPTURE.REFUNDED", refund), ("CUSTOMER.DISPUTE.CREATED", contested),
        )
    ]  # fmt: skip
    events = followed("paypal", *bodies)
    assert payments_of(events) == {"AUTH"}
    assert {event["data"]["order_alias"] for event in events} == {"CAP"}
    assert payments_of(followed("paypal", bodies[1])) == {"CAP"}


def test_a_refund_at_stripe_that_names_its_charge_only_is_of_the_intent() -> None:
    """As those of old API versions are."""
    charge = {"id": "ch_1", "object": "charge", "status": "succeeded", "paid": True, "captured": True, "amount": 500, "currency": "eur"}
    charge |= {"created": 1_778_371_200, "payment_intent": "pi_1", "livemode": True}
    refund = {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 200, "currency": "eur", "charge": "ch_1"}
    refund |= {"created": 1_778_371_300}
    events = followed("stripe", stripe("charge.succeeded", charge, 1_778_371_201), refund)
    assert payments_of(events) == {"pi_1"}


def test_payments_of_other_accounts_and_tenants_never_mix() -> None:
    """What is remembered is remembered by tenant and source."""
    memory = Kept()
    first = output("shopify", CHAIN[1], AdapterConnection("a"))
    memory.known |= united(first.events, first.steps, memory, AdapterConnection("a"))[1]
    for other in (AdapterConnection("b"), AdapterConnection("a", "elsewhere")):
        refund = output("shopify", CHAIN[2], other)
        assert payments_of(united(refund.events, refund.steps, memory, other)[0]) == {"902"}


def test_the_account_of_a_payment_is_told() -> None:
    """Stripe's Connect events of several accounts come to one webhook; Adyen's and PayPal's merchants may have several."""
    charge = {"id": "ch_1", "object": "charge", "status": "failed", "amount": 500, "currency": "eur", "created": 1_778_371_200}
    event = stripe("charge.failed", charge, 1_778_371_201, account="acct_1")
    assert only(output("stripe", event).events, "payment.failed")["data"]["account"] == "acct_1"
    both = output("stripe", {"object": "list", "data": [event, {**event, "account": None}]})
    assert [one["data"].get("account") for one in both.events] == ["acct_1"]
    hold = {"id": "prv_1", "object": "review", "open": True, "created": 1_778_371_200, "charge": "ch_1", "payment_intent": "pi_1"}
    assert "account" not in output("stripe", stripe("review.opened", hold, 1_778_371_201, account="acct_1")).events[0]["data"]


# --- which order ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", "nested"),
        ("a.c.d", "flat"),
        ("x.y.z", "whole"),
        ("x.y", "begun"),
        ("a.c", None),
        ("a.b.c", None),
        ("list.b", None),
        ("empty.b", "behind"),
        ("nothing", None),
    ],
)
def test_a_path_may_lead_through_names_with_dots(path: str, value: str | None) -> None:
    """Nested as it is written first; a way that leads nowhere is no refusal."""
    text = '{"a": {"b": "nested", "c.d": "flat"}, "x.y.z": "whole", "x.y": "begun", "list": [1], "empty": {"b": ""}, "empty.b": "behind"}'
    assert json_payload(text.encode()).at(path).value == value


def notification(**fields: object) -> dict[str, Any]:
    """A notification of Adyen's."""
    item: dict[str, Any] = {
        "eventCode": "AUTHORISATION",
        "success": "true",
        "eventDate": PAID,
        "pspReference": "P1",
        "merchantAccountCode": "ACME",
    }
    item |= {"amount": {"value": 10_000, "currency": "USD"}, "merchantReference": "5501"}
    return {"live": "true", "notificationItems": [{"NotificationRequestItem": item | fields}]}


def test_adyens_additional_data_is_flat() -> None:
    """Its key is `metadata.order_id`."""
    connection = AdapterConnection(order_field="additionalData.metadata.order_id")
    for more in ({"metadata.order_id": "77"}, {"metadata": {"order_id": "77"}}):
        assert output("adyen", notification(additionalData=more), connection).events[0]["subject"] == "77"
    assert "subject" not in output("adyen", notification(additionalData={"other": "77"}), connection).events[0]


def test_a_configured_field_that_is_never_found_is_known() -> None:
    """A payload has it if any part of it has."""
    coverage, connection = Coverage(), AdapterConnection(order_field="additionalData.order")
    key = ("order_field", "additionalData.order")
    for more in ({}, {"order": "1"}):
        for _ in range(2):
            translate(ADAPTERS["adyen"], Payload(json.dumps(notification(additionalData=more)).encode()), connection, coverage)
        assert coverage.missing() == ({} if more else {key: 2})
    assert (coverage.configured[key].count, coverage.configured[key].found) == (4, 2)


# --- how much ---------------------------------------------------------------------------------------------


def refunded(number: int, *transactions: dict[str, Any], items: Iterable[dict[str, Any]] = (), **fields: object) -> dict[str, Any]:
    """A refund of Shopify's."""
    return {"id": number, "created_at": SHIPPED, "transactions": list(transactions), "refund_line_items": list(items)} | fields


def item(restock: str) -> dict[str, Any]:
    """Goods for 40 that were taken off an order, or came back."""
    return {"line_item_id": 7, "quantity": 1, "restock_type": restock, "subtotal": 32.0, "total_tax": 8.0}


MONEY = transaction(8, "refund", 7, amount="40.00")


@pytest.mark.parametrize(
    ("ordered", "current", "refunds", "total"),
    [
        ("100.00", "100.00", [], "100.00"),
        # Taken off by an edit, recorded as a refund of no money.
        ("100.00", "60.00", [refunded(1, items=[item("no_restock")])], "60.00"),
        ("100.00", "60.00", [], "60.00"),
        # Added by an edit.
        ("100.00", "130.00", [], "130.00"),
        # Given back: its own event tells it.
        ("100.00", "60.00", [refunded(1, MONEY, items=[item("cancel")])], "100.00"),
        ("100.00", "60.00", [refunded(1, {**MONEY, "status": "pending"})], "100.00"),
        # Taken off by an edit, paid, and all of it given back.
        ("100.00", "0.00", [refunded(1, items=[item("no_restock")]), refunded(2, {**MONEY, "amount": "60.00"})], "60.00"),
        # Came back, and the money did not go back yet.
        ("100.00", "60.00", [refunded(1, items=[item("return")])], "100.00"),
        ("100.00", "60.00", [refunded(1, items=[item("no_restock")], **{"return": {"id": 5}})], "100.00"),
        # A refund of good will, which some versions take off the current total and others do not.
        ("100.00", "100.00", [refunded(1, {**MONEY, "amount": "10.00"})], "100.00"),
        # In another currency: not comparable.
        ("100.00", "60.00", [refunded(1, {**MONEY, "currency": "USD"})], "60.00"),
        ("100.00", "60.00", None, "100.00"),
    ],
)
def test_an_edit_changes_the_total_and_a_refund_does_not(ordered: str, current: str, refunds: list[Any] | None, total: str) -> None:
    """Without its refunds nobody knows why a snapshot's current total is less."""
    body = order(total_price=ordered, current_total_price=current, financial_status="pending", refunds=refunds)
    if refunds is None:
        del body["refunds"]
    updated = only(translate(ADAPTERS["shopify"], Payload(json.dumps(body).encode()), AdapterConnection()).events, "order.updated")
    assert updated["data"]["total"] == {"amount": total, "currency": "EUR"}


def test_cash_at_the_till_is_taken_without_what_was_handed_over() -> None:
    """The change is another transaction, which comes later: until then 120 would have been taken for 100."""
    sale = output("shopify", transaction(911, "sale", gateway="cash", amount="120.00"))
    assert only(sale.events, "payment.captured")["data"] == {"payment_id": "911"}
    change = output("shopify", transaction(912, "change", 911, gateway="cash", amount="20.00"))
    assert (change.events, len(change.ignored)) == ((), 1)
    refund = output("shopify", transaction(913, "refund", 911, gateway="cash", amount="15.00"))
    assert only(refund.events, "payment.refunded")["data"]["amount"]["amount"] == "15.00"


@pytest.mark.parametrize("system", ["stripe", "paypal"])
def test_a_refund_of_nothing_is_none(system: str) -> None:
    """The contract has none."""
    resource = {"id": "R", "status": "COMPLETED", "capture_id": "C", "amount": {"value": "0.00", "currency_code": "EUR"}}
    body: dict[str, Any] = {
        "stripe": {"id": "re_1", "object": "refund", "status": "succeeded", "amount": 0, "currency": "eur", "created": 1_778_371_200},
        "paypal": {"event_type": "PAYMENT.CAPTURE.REFUNDED", "create_time": PAID, "resource": resource},
    }
    found = output(system, body[system])
    assert (found.events, len(found.ignored)) == ((), 1)


def test_adyen_gives_back_what_was_paid_of_an_order_that_was_not_paid_in_full() -> None:
    """Each part by its reference, where the notification names them; else all of it."""
    parts = {
        "order-1-pspReference": "G1",
        "order-1-paymentAmount": "USD 30.00",
        "order-2-pspReference": "G2",
        "order-2-paymentAmount": "JPY 500",
    }
    named = output("adyen", notification(eventCode="ORDER_CLOSED", success="false", pspReference="O1", additionalData=parts))
    assert [(event["id"], event["data"].get("amount")) for event in named.events] == [
        ("O1:closed", None),
        ("G1:order-closed", {"amount": "30.00", "currency": "USD"}),
        ("G2:order-closed", {"amount": "500", "currency": "JPY"}),
    ]
    bare = output("adyen", notification(eventCode="ORDER_CLOSED", success="false", pspReference="O1"))
    assert [(event["type"], event["data"].get("amount")) for event in bare.events] == [("payment.failed", None), ("payment.refunded", None)]
    assert output("adyen", notification(eventCode="ORDER_CLOSED", pspReference="O1")).events == ()


# --- by when ----------------------------------------------------------------------------------------------


def work(number: int, status: str, fulfill_at: str | None = PLACED, fulfill_by: str | None = None, line: int = 7) -> dict[str, Any]:
    """A fulfilment order of Shopify's."""
    whole = {"id": number, "order_id": 1, "status": status, "fulfill_at": fulfill_at, "fulfill_by": fulfill_by, "updated_at": PLACED}
    return whole | {"line_items": [{"id": number * 10, "line_item_id": line, "quantity": 1}], "fulfillment_holds": []}


def dates(*works: dict[str, Any]) -> dict[str, Any]:
    """What is told of an order's dates."""
    events = output("shopify", {"fulfillment_orders": list(works)}).events
    return only(events, "order.updated")["data"] if any(event["type"] == "order.updated" for event in events) else {}


def test_what_is_scheduled_is_due_on_its_day_and_releases_nothing() -> None:
    """By the clock of the shop that scheduled it; a date that the shop states itself counts before it."""
    scheduled = work(1, "scheduled", "2026-06-15T00:00:00-04:00")
    assert dates(scheduled) == {"ship_by": "2026-06-15"}
    assert {event["type"] for event in output("shopify", {"fulfillment_orders": [scheduled]}).events} == {"order.updated"}
    assert dates(work(1, "scheduled", "2026-06-15T00:00:00-04:00", "2026-06-20T17:00:00Z")) == {"ship_by": "2026-06-20T17:00:00Z"}
    assert dates(work(1, "open")) == {}


def test_different_days_are_the_lines_own() -> None:
    """All that is still to be fulfilled stands in the patch, since it replaces the lines; the order's day is the last, if all have one."""
    june, july = work(1, "scheduled", "2026-06-15T09:00:00Z"), work(2, "scheduled", "2026-07-01T09:00:00Z", line=8)
    lines = [{"line_id": "7", "quantity": 1, "ship_by": "2026-06-15"}, {"line_id": "8", "quantity": 1, "ship_by": "2026-07-01"}]
    assert dates(june, july) == {"ship_by": "2026-07-01", "lines": lines}
    now = work(3, "open", line=8)
    assert dates(june, now) == {"lines": [lines[0], {"line_id": "8", "quantity": 1}]}
    assert dates(june, work(3, "closed", line=8)) == {"ship_by": "2026-06-15"}


@pytest.mark.parametrize(
    ("status", "is_carriers"), [("in_transit", True), ("out_for_delivery", True), ("confirmed", False), ("label_printed", False)]
)
def test_a_date_of_the_shops_own_is_no_estimate_of_the_carrier(status: str, is_carriers: bool) -> None:
    """Before a carrier has the parcel nobody but the shop can have written it."""
    event = {
        "id": 1,
        "fulfillment_id": 5,
        "order_id": 1,
        "status": status,
        "happened_at": PAID,
        "estimated_delivery_at": "2026-05-12T18:00:00Z",
    }
    found = output("shopify", event)
    assert any("eta" in one["data"] for one in found.events) is is_carriers
    assert len(found.ignored) == (not is_carriers)
