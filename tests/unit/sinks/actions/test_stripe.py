"""Stripe: intents and refunds on an account that speaks the documented API, keys that are kept for a day, errors by type and code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sinks.actions.executor import ActionRefused, Done, NotDone, RetryLater, Unknown
from sinks.actions.registry import build, settings_of
from sinks.actions.stripe_money import minor_units
from tests.support.endpoints.harness import KEY, SECRET, VARIABLE, call_of, local
from tests.support.endpoints.stripe import StripeServer, error

if TYPE_CHECKING:
    from sinks.actions.executor import ActionCall, Observation, Outcome
    from tests.support.endpoints.wire import Received, Reply

INTENT: dict[str, Any] = {"target": "payment:pi_123"}
REFUND: dict[str, Any] = {**INTENT, "parameters": {"amount": {"amount": "12.50", "currency": "EUR"}}}


async def done(server: StripeServer, *calls: ActionCall) -> list[Outcome]:
    """The outcomes of calls, one after the other."""
    async with server.running():
        executor = build("stripe", settings_of("stripe", local(server.url, url=server.url, key={"env": VARIABLE})))
        return [await executor.execute(call) for call in calls]


def one(server: StripeServer, action: str = "retry_payment", **call: Any) -> Outcome:
    """The outcome of one call."""
    given: dict[str, Any] = {**INTENT, **call}
    return asyncio.run(done(server, call_of(action, **given)))[0]


async def found(server: StripeServer, call: ActionCall) -> Observation:
    """What a status query finds."""
    async with server.running():
        return await build("stripe", settings_of("stripe", local(server.url, url=server.url, key={"env": VARIABLE}))).status(call)


@pytest.mark.parametrize(
    ("status", "step", "outcome", "after"),
    [
        ("requires_capture", None, Done("pi_123", "succeeded"), "succeeded"),
        ("requires_confirmation", None, Done("pi_123", "succeeded"), "succeeded"),
        ("requires_capture", "reauthorise", Done("pi_123", "was requires_capture already"), "requires_capture"),
        ("succeeded", "retry_capture", Done("pi_123", "was succeeded already"), "succeeded"),
        ("requires_action", None, ActionRefused("requires_action", "its state allows no capture"), "requires_action"),
        ("canceled", None, ActionRefused("canceled", "its state allows no capture"), "canceled"),
        ("processing", None, RetryLater("under_way", 600.0), "processing"),
    ],
)
def test_what_is_owed_is_taken_as_the_intent_stands(status: str, step: str | None, outcome: Outcome, after: str) -> None:
    """Captured, confirmed, or left alone."""
    server = StripeServer(status=status, key=SECRET)
    assert one(server, says={"step": step}) == outcome
    assert server.intent["status"] == after


def test_a_failed_payment_is_tried_again_with_what_it_was_paid_with() -> None:
    """Without it the customer has to give another."""
    server = StripeServer(status="requires_payment_method")
    assert one(server) == ActionRefused("no_payment_method", "there is none to try again with: the customer has to give one")
    server = StripeServer(status="requires_payment_method")
    server.intent["last_payment_error"] = {"payment_method": {"id": "pm_9"}}
    assert one(server) == Done("pi_123", "succeeded")
    assert server.taken[-1].request.form == {"payment_method": "pm_9", "off_session": "true"}
    assert server.taken[-1].request.headers["idempotency-key"] == KEY


def test_a_decline_is_final_and_says_what_the_bank_says() -> None:
    """`insufficient_funds`, and nothing of the message."""
    server = StripeServer(status="requires_confirmation")
    server.decline = "insufficient_funds"
    assert one(server) == ActionRefused("insufficient_funds", "the account does not do it")


def test_an_intent_is_cancelled_once_and_a_paid_one_never() -> None:
    """Cancelled already is done; paid already is refused."""
    server = StripeServer()
    calls = [call_of("cancel_order", attempt=number, **INTENT) for number in (1, 2)]
    assert asyncio.run(done(server, *calls)) == [Done("pi_123", "canceled"), Done("pi_123", "was canceled already")]
    assert one(StripeServer(status="succeeded"), "cancel_order") == ActionRefused(
        "payment_intent_unexpected_state", "the account does not do it"
    )


def test_a_refund_is_made_once_of_the_amount_that_was_approved() -> None:
    """In cents, with the action's ID as key and in its metadata."""
    server = StripeServer(status="succeeded")
    assert one(server, "approve_refund", **REFUND) == Done("re_1", "refund succeeded")
    (request,) = [taken.request for taken in server.taken]
    assert request.form == {"payment_intent": "pi_123", "amount": "1250", "metadata[orderwatch_action]": KEY}
    assert request.headers["idempotency-key"] == KEY


def test_what_nobody_approved_is_not_paid_back() -> None:
    """Whatever asked for it."""
    server = StripeServer(status="succeeded")
    assert one(server, "approve_refund", **REFUND, says={"approved_by": []}) == ActionRefused(
        "not_approved", "money is paid back only if somebody has approved it"
    )
    assert server.taken == []


def test_a_day_later_the_key_is_forgotten_and_the_refund_is_found() -> None:
    """The answer was lost; the next attempt asks first, and does not pay twice."""
    server = StripeServer(["closed_after"], status="succeeded")
    assert one(server, "approve_refund", **REFUND) == RetryLater("bad_answer", in_doubt=True)
    server.forget_keys()
    later = call_of("approve_refund", attempt=2, first_begun=1.0, **REFUND)
    assert asyncio.run(done(server, later)) == [Done("re_1", "refund succeeded")]
    assert asyncio.run(found(server, later)) == Done("re_1", "refund succeeded")
    assert len(server.refunds) == 1


def test_a_day_later_a_refund_that_was_never_made_is_made() -> None:
    """It is not there, so that it is asked for again."""
    server = StripeServer(["closed_before"], status="succeeded")
    one(server, "approve_refund", **REFUND)
    later = call_of("approve_refund", attempt=2, first_begun=1.0, **REFUND)
    assert asyncio.run(found(server, later)) == NotDone("there is no refund of this action")
    assert asyncio.run(done(server, later)) == [Done("re_1", "refund succeeded")]


def test_a_key_that_was_used_for_something_else_is_left_to_people() -> None:
    """What the other request did is not known."""
    server = StripeServer(status="succeeded")
    one(server, "approve_refund", **REFUND)
    other = {**REFUND, "parameters": {"amount": {"amount": "9", "currency": "EUR"}}}
    assert one(server, "approve_refund", **other) == Unknown("idempotency_error", "the key was used for another request")


class Answering(StripeServer):
    """Answers every change in one way."""

    def __init__(self, answer: Reply) -> None:
        super().__init__(status="requires_capture")
        self.answer = answer

    def effect(self, request: Received, key: str) -> None:
        """Nothing is done."""

    def reply(self, request: Received) -> Reply:
        """The intent, and the one answer."""
        return super().reply(request) if request.method == "GET" else self.answer


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (error(429, "invalid_request_error", "lock_timeout"), RetryLater("lock_timeout")),
        (error(429, "invalid_request_error", "rate_limit"), RetryLater("rate_limit", throttle=True)),
        (error(409, "idempotency_error", "idempotency_key_in_use"), RetryLater("idempotency_key_in_use", in_doubt=True)),
        (error(409, "invalid_request_error"), RetryLater("invalid_request_error", in_doubt=True)),
        (
            error(401, "invalid_request_error", "api_key_expired"),
            ActionRefused("api_key_expired", "the account does not let us in", disable=True),
        ),
        (error(400, "invalid_request_error", "parameter_missing"), ActionRefused("parameter_missing", "the account does not do it")),
        (error(424, "api_error"), RetryLater("api_error", in_doubt=True)),
        (error(500, "api_error"), RetryLater("http_500", in_doubt=True)),
        (error(402, "card_error", "no <word> of the API"), ActionRefused("card_error", "the account does not do it")),
    ],
)
def test_errors_mean_what_their_type_and_code_say(answer: Reply, outcome: Outcome) -> None:
    """As documented; what is no word of the API is not handed on."""
    assert one(Answering(answer)) == outcome


@pytest.mark.parametrize("target", ["payment:ch_1", "order", "payment:pi_123/../refunds", "payment:"])
def test_what_names_no_intent_is_refused(target: str) -> None:
    """Nothing is sent."""
    server = StripeServer()
    assert one(server, target=target) == ActionRefused("no_payment_intent", "the action names no payment intent (pi_…)")
    assert server.taken == []


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        *(("12.50", "EUR", 1250), ("12", "JPY", 12), ("5", "ISK", 500), ("1.230", "KWD", 1230), ("0.01", "USD", 1)),
        *(("12.505", "EUR", None), ("12.5", "JPY", None), ("5.5", "ISK", None), ("1.234", "KWD", None)),
        *(("0", "EUR", None), ("-1", "EUR", None), ("NaN", "EUR", None), ("1e400", "EUR", None), ("1", "eur", None), (None, "EUR", None)),
    ],
)
def test_amounts_are_whole_numbers_of_the_smallest_unit(amount: object, currency: str, units: int | None) -> None:
    """To the cent, or not at all."""
    assert (minor_units({"amount": amount, "currency": currency}) or None) == units
