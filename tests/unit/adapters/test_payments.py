"""Payment providers: one fact is told once, whichever webhooks say it, and what is not decided is not told."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pytest

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from tests.support.adapters import CONNECTION, OWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sources.adapters import Adapted
    from sources.adapters.output import Draft

Json: TypeAlias = dict[str, Any]

STREAMS = [
    ("stripe", "declined_then_paid"),
    ("stripe", "manual_capture_of_a_part"),
    ("stripe", "several_captures"),
    ("stripe", "reservation_given_back"),
    ("stripe", "refunds"),
    ("stripe", "inquiry_becomes_chargeback"),
    ("stripe", "review"),
    ("adyen", "refused_then_authorised"),
    ("adyen", "captures"),
    ("adyen", "given_back"),
    ("adyen", "refunds"),
    ("adyen", "disputes"),
    ("paypal", "authorized_then_captured_in_parts"),
    ("paypal", "denied_pending_given_back"),
    ("paypal", "refunds"),
    ("paypal", "inquiry_becomes_claim"),
]
"""Payloads that hold several webhooks of one story."""


def own(system: str, name: str) -> Json:
    """One of the project's own payloads."""
    return cast("Json", json.loads((OWN / system / f"{name}.json").read_text(encoding="utf-8")))


def adapted(system: str, payload: Json, connection: AdapterConnection = CONNECTION) -> Adapted:
    """What the adapter makes of a payload."""
    return translate(ADAPTERS[system], Payload(json.dumps(payload).encode()), connection)


def output(system: str, name: str) -> list[Draft]:
    """The events of one of the project's own payloads."""
    return list(adapted(system, own(system, name)).events)


def webhooks(system: str, name: str) -> list[Json]:
    """The webhooks of a story one by one, as they would come."""
    whole = own(system, name)
    match system:
        case "stripe":
            return cast("list[Json]", whole["data"])
        case "adyen":
            return [{"live": whole["live"], "notificationItems": [item]} for item in whole["notificationItems"]]
        case _:
            return cast("list[Json]", whole["events"])


def first_of_each(system: str, payloads: Iterable[Json]) -> dict[str, Draft]:
    """What the engine keeps: the first event of every source and ID."""
    kept: dict[str, Draft] = {}
    for payload in payloads:
        for event in adapted(system, payload).events:
            kept.setdefault(f"{event['source']} {event['id']}", event)
    return kept


def total(events: Iterable[Draft], type_: str) -> Decimal:
    """The sum of the amounts of one type of events."""
    return sum((Decimal(event["data"]["amount"]["amount"]) for event in events if event["type"] == type_), Decimal(0))


def ids(events: Iterable[Draft], type_: str) -> set[str]:
    """The IDs of the events of one type."""
    return {event["id"] for event in events if event["type"] == type_}


@pytest.mark.parametrize(("system", "name"), STREAMS)
def test_whatever_order_webhooks_come_in_and_however_often_they_say_the_same(system: str, name: str) -> None:
    """Shuffled, doubled and mixed, they make the same set of events, with the same money."""
    lots = random.Random(f"payments {system} {name}")
    straight = first_of_each(system, webhooks(system, name))
    assert straight
    for _ in range(20):
        shuffled = webhooks(system, name) * 2
        lots.shuffle(shuffled)
        again = first_of_each(system, shuffled)
        assert set(again) == set(straight)
        for type_ in ("payment.captured", "payment.refunded"):
            assert total(again.values(), type_) == total(straight.values(), type_)


def test_three_webhooks_that_say_that_a_payment_was_taken_tell_it_once() -> None:
    """`charge.succeeded`, `payment_intent.succeeded` and, of a manual capture, `charge.captured`."""
    assert ids(output("stripe", "declined_then_paid"), "payment.captured") == {"ch_3QpaidC:captured"}
    assert ids(output("stripe", "manual_capture_of_a_part"), "payment.captured") == {"ch_3Qman:captured"}


def test_a_failed_attempt_is_one_failure_whether_the_charge_or_the_intent_says_so() -> None:
    """Four webhooks, two attempts; the second one failed for good, and the third was paid."""
    failed = [event for event in output("stripe", "declined_then_paid") if event["type"] == "payment.failed"]
    assert [(event["id"], event["data"]["decline"]) for event in failed] == [("ch_3QdecA:failed", "soft"), ("ch_3QdecB:failed", "hard")]


@pytest.mark.parametrize(
    "event", ["payment_intent.created", "payment_intent.processing", "payment_intent.requires_action", "charge.pending"]
)
def test_what_is_not_decided_is_not_told(event: str) -> None:
    """Even where the object looks like a success: a processing intent may hold a charge that seems captured."""
    payload = webhooks("stripe", "declined_then_paid")[6] | {"type": event}
    result = adapted("stripe", payload)
    assert not result.events
    assert [one.what for one in result.ignored] == [event]


def test_the_end_of_a_reservation_is_known_whichever_webhook_comes_first() -> None:
    """An intent that only names its charge does not take the place of the charge's own event."""
    for payloads in (webhooks("stripe", "manual_capture_of_a_part"), webhooks("stripe", "manual_capture_of_a_part")[::-1]):
        kept = first_of_each("stripe", payloads)
        assert kept["/payments/stripe ch_3Qman:authorized"]["data"]["expires_at"] == "2026-05-11T13:06:40Z"


def test_capturing_a_part_takes_that_part_and_refunds_nothing() -> None:
    """Stripe lists the rest of the reservation as a refund: no money came, so none goes back."""
    events = output("stripe", "manual_capture_of_a_part")
    assert total(events, "payment.captured") == 60
    assert not ids(events, "payment.refunded")


def test_only_a_capture_that_ends_short_is_said_to_be_the_last() -> None:
    """An order may be paid with a gift card and a card: that the card's part is complete must not make the order seem short of money."""
    part = [event for event in output("stripe", "manual_capture_of_a_part") if event["type"] == "payment.captured"]
    assert [event["data"]["final"] for event in part] == [True]
    whole = [event for event in output("stripe", "declined_then_paid") if event["type"] == "payment.captured"]
    assert [event["data"].get("final") for event in whole] == [None]


def test_several_captures_add_up_and_are_never_told_as_a_total() -> None:
    """Each adds what it added."""
    stripe = [event for event in output("stripe", "several_captures") if event["type"] == "payment.captured"]
    assert [event["data"]["amount"]["amount"] for event in stripe] == ["30.00", "70.00"]
    paypal = [event for event in output("paypal", "authorized_then_captured_in_parts") if event["type"] == "payment.captured"]
    assert [(event["data"]["amount"]["amount"], event["data"]["final"]) for event in paypal] == [("60.00", False), ("40.00", True)]


def test_an_account_that_captures_at_once_says_so_in_its_connection() -> None:
    """Adyen sends no CAPTURE then: the authorisation is all that will ever be said."""
    item: Json = {"eventCode": "AUTHORISATION", "eventDate": "2026-05-04T10:00:00+02:00", "success": "true", "pspReference": "P1"}
    item |= {"merchantReference": "A-1", "merchantAccountCode": "Shop", "operations": ["CANCEL", "CAPTURE", "REFUND"], "reason": ""}
    item |= {"amount": {"currency": "EUR", "value": 1000}}
    body = json.dumps({"live": "true", "notificationItems": [{"NotificationRequestItem": item}]}).encode()
    found = [translate(ADAPTERS["adyen"], Payload(body), AdapterConnection(auto_capture=at_once)).events for at_once in (False, True)]
    assert [[event["type"] for event in events] for events in found] == [["payment.authorized"], ["payment.captured"]]


def test_partial_refunds_are_increments() -> None:
    """`charge.refunded` repeats earlier refunds and a running total; PayPal writes a total too, and in v1 a minus."""
    amounts = {
        event["id"]: event["data"]["amount"]["amount"] for event in output("stripe", "refunds") if event["type"] == "payment.refunded"
    }
    assert amounts == {"re_3Qref1:refunded": "20.00", "re_3Qref2:refunded": "15.00", "re_3Qref3:refunded": "5.00"}
    assert total(output("paypal", "authorized_then_captured_in_parts"), "payment.refunded") == 15
    assert total(output("paypal", "version_1"), "payment.refunded") == Decimal("12.34")


@pytest.mark.parametrize(
    ("system", "name", "event"),
    [
        ("stripe", "refunds", "re_3Qref2:refunded"),
        ("adyen", "refunds", "PSPREFUND0000002:refunded"),
        ("adyen", "captures", "PSPCAPTURE000002:captured"),
    ],
)
def test_what_fails_after_it_had_succeeded_did_not_occur(system: str, name: str, event: str) -> None:
    """The failure is told, and what was told before is withdrawn."""
    events = output(system, name)
    withdrawn = [one for one in events if one["type"] == "evidence.withdrawn" and one["data"]["event_id"] == event]
    assert len(withdrawn) == 1
    assert withdrawn[0]["data"]["event_source"] == f"/payments/{system}"
    assert event.replace("refunded", "").replace("captured", "") in "".join(ids(events, "payment.failed"))


def test_a_capture_that_adyen_repeats_is_not_the_one_that_failed() -> None:
    """It has an ID of its own, since the other one is withdrawn for good."""
    assert "PSPCAPTURE000002:recaptured" in ids(output("adyen", "captures"), "payment.captured")


def test_a_reservation_given_back_is_no_refund() -> None:
    """The expiry, the cancellation and the refund of what was never captured are one fact."""
    events = output("stripe", "reservation_given_back")
    assert ids(events, "payment.voided") == {"ch_3Qvoid:voided"}
    assert not ids(events, "payment.refunded")


@pytest.mark.parametrize(
    ("system", "name"),
    [("stripe", "inquiry_becomes_chargeback"), ("adyen", "disputes"), ("paypal", "inquiry_becomes_claim")],
)
def test_an_inquiry_is_no_chargeback_until_it_becomes_one(system: str, name: str) -> None:
    """Each is told once, as what it is."""
    stages = [event["data"]["stage"] for event in output(system, name) if event["type"] == "payment.disputed"]
    assert stages[:2] == ["inquiry", "chargeback"]


def test_a_dispute_that_may_still_be_answered_is_not_closed() -> None:
    """Adyen says `CHARGEBACK_REVERSED` when the defence was sent; only its status tells whether that is the end."""
    closed = ids(output("adyen", "disputes"), "payment.dispute_closed")
    assert "PSPDISPUTE000001:lost" in closed
    assert "PSPDISPUTE000001:won" not in closed


@pytest.mark.parametrize(
    ("code", "decline"),
    [
        ("insufficient_funds", "soft"),
        ("stolen_card", "hard"),
        ("authentication_required", "soft"),
        ("expired_card", "hard"),
        ("of_next_year", None),
    ],
)
def test_stripe_says_whether_another_try_may_work(code: str, decline: str | None) -> None:
    """A code that nobody has mapped is no reason to guess."""
    payload = webhooks("stripe", "failures")[1]
    payload["data"]["object"]["outcome"]["reason"] = code
    (event,) = adapted("stripe", payload).events
    assert (event["data"]["code"], event["data"].get("decline")) == (code, decline)


@pytest.mark.parametrize(
    ("reason", "code", "decline"),
    [
        ("2 : Refused", "Refused", "soft"),
        ("0: Not enough balance", "Not enough balance", "soft"),
        ("Expired Card", "Expired Card", "hard"),
        ("FRAUD", "FRAUD", "hard"),
        ("Something new", "Something new", None),
        ("", None, None),
    ],
)
def test_adyen_says_whether_another_try_may_work(reason: str, code: str | None, decline: str | None) -> None:
    """Its reasons are words, sometimes with a number before them."""
    payload = webhooks("adyen", "refused_then_authorised")[0]
    payload["notificationItems"][0]["NotificationRequestItem"]["reason"] = reason
    (event,) = adapted("adyen", payload).events
    assert (event["data"].get("code"), event["data"].get("decline")) == (code, decline)


@pytest.mark.parametrize(
    ("system", "currency", "amount"),
    [
        ("stripe", "JPY", "5400"),
        ("stripe", "KWD", "12.340"),
        ("stripe", "ISK", "500.00"),
        ("stripe", "UGX", "500.00"),
        ("stripe", "MGA", "900"),
        ("stripe", "HUF", "100.50"),
        ("stripe", "EUR", "0.07"),
        ("adyen", "JPY", "5400"),
        ("adyen", "CLP", "5400.00"),
        ("adyen", "ISK", "500.00"),
        ("adyen", "CVE", "900"),
        ("adyen", "IDR", "150000"),
        ("adyen", "KWD", "12.340"),
    ],
)
def test_money_is_read_by_the_providers_own_minor_units(system: str, currency: str, amount: str) -> None:
    """A hundred times too much or too little would be an `amount_mismatch` for every order in that currency."""
    (event,) = [event for event in output(system, "currencies") if event["subject"] == f"C-{currency}"]
    assert event["data"]["amount"] == {"amount": amount, "currency": currency}


@pytest.mark.parametrize(("system", "name"), [("stripe", "test_mode"), ("adyen", "test_mode"), ("paypal", "sandbox")])
def test_payments_of_test_mode_are_refused_unless_they_are_wanted(system: str, name: str) -> None:
    """A test order in production would be a false alarm."""
    assert adapted(system, own(system, name)).events
    refused = adapted(system, own(system, name), AdapterConnection())
    assert not refused.events
    assert [one.reason for one in refused.refused] == ["test_mode"]


def test_the_order_is_where_the_shop_put_it_and_never_made_up() -> None:
    """`metadata.order_id`, or what the connection says; without it the payment is known by its own ID only."""
    payload = webhooks("stripe", "declined_then_paid")[6]
    assert [event["subject"] for event in adapted("stripe", payload).events] == ["B-2001"]
    payload["data"]["object"]["metadata"] = {"cart": "77"}
    (event,) = adapted("stripe", payload).events
    assert "subject" not in event
    assert event["data"]["payment_id"] == "pi_3Q1"
    (event,) = adapted("stripe", payload, AdapterConnection(order_field="metadata.cart")).events
    assert event["subject"] == "77"


def test_free_text_at_paypal_is_no_order() -> None:
    """`custom_id` may hold anything; the invoice number is the order's, unless the connection says otherwise."""
    payload = webhooks("paypal", "authorized_then_captured_in_parts")[2]
    assert [event["subject"] for event in adapted("paypal", payload).events] == ["B-4001"]
    other = AdapterConnection(order_field="custom_id")
    assert [event["subject"] for event in adapted("paypal", payload, other).events] == ["customer 7"]


def test_a_refund_at_paypal_finds_the_order_by_the_capture() -> None:
    """It names neither the authorization, by which the payment is known, nor always the order."""
    events = output("paypal", "authorized_then_captured_in_parts")
    captured = next(event for event in events if event["id"] == "8CAP0002:captured")
    refunded = next(event for event in events if event["id"] == "9REF0001:refunded")
    assert captured["data"]["payment_id"] == "7AUTH0001"
    assert captured["data"]["order_alias"] == refunded["data"]["order_alias"] == "8CAP0002"


def test_a_review_holds_the_order_of_its_payment_until_it_is_closed() -> None:
    """Stripe's review names the payment, Adyen's authorisation says that it waits for one."""
    placed, released = [event for event in output("stripe", "review") if event["type"].startswith("order.")]
    assert placed["data"]["payment_id"] == "pi_3Qrev"
    assert placed["data"]["hold_id"] == released["data"]["hold_id"]
    assert {event["type"] for event in output("adyen", "review")} == {"payment.authorized", "order.hold_placed", "order.hold_released"}


def test_a_payment_without_a_capture_of_its_own_is_captured_by_being_authorised() -> None:
    """Adyen's `operations` offer none for a bank transfer; a card of no amount is only verified."""
    events = output("adyen", "refused_then_authorised")
    assert ids(events, "payment.captured") == {"PSPIDEAL00000001:captured"}
    assert ids(events, "payment.authorized") == {"PSPAUTHORISED001:authorized"}


def test_one_broken_item_of_a_batch_costs_that_item() -> None:
    """The others are told, and each refusal says why without quoting what stood there."""
    result = adapted("adyen", own("adyen", "broken_items"))
    assert ids(result.events, "payment.captured") == {"PSPCAPTURE000010:captured"}
    assert [one.reason for one in result.refused] == ["bad_time", "unknown_form", "missing_field"]
    assert not any("yesterday" in one.detail for one in result.refused)
