"""Guardrails of an order: which spoke is said with its exceptions and with the actions that they ask for."""

from __future__ import annotations

from typing import Any

import orjson

from dataflows.core.decisions.quiet import quiet_until
from dataflows.core.rules.load import load_policy
from tests.support.engine import records_of, run
from tests.support.logs import DAY, HOUR, T0, iso

EUR = {"amount": "80.00", "currency": "EUR"}


def placed(**fields: object) -> dict[str, object]:
    """The placing of an order."""
    data = {"total": EUR, "ship_to": {"country": "NL"}, "customer": {"id": "c1", "consents": ["email"]}, **fields}
    return event("order.placed", T0, data)


def event(type_: str, at: int, data: dict[str, object]) -> dict[str, object]:
    """An event of the order."""
    return {"specversion": "1.0", "id": f"{type_} {at}", "source": "/test", "type": type_, "subject": "A-1", "time": iso(at), "data": data}


def soft(at: int = T0 + HOUR) -> dict[str, object]:
    """A payment that may pass later."""
    return event("payment.failed", at, {"payment_id": "p1", "decline": "soft"})


def said(*lines: dict[str, object], kind: str = "payment.declined_soft") -> tuple[dict[str, Any], dict[str, Any]]:
    """The first exception of a kind and its first action."""
    outs = [out for out in run(records_of(lines), load_policy(None), T0 + 20 * DAY) if out.kind == kind]
    exception = next(out for out in outs if out.topic == "exceptions")
    action = next(out for out in outs if out.topic == "actions")
    return orjson.loads(exception.body)["data"], orjson.loads(action.body)["data"]


def names(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Which guardrails spoke, and what they do."""
    return [(each["name"], each["effect"]) for each in data["guardrails"]]


def test_an_order_that_nothing_speaks_against_is_served_at_once() -> None:
    """A soft decline heals itself (S44)."""
    exception, action = said(placed(), soft())
    assert (names(exception), names(action)) == ([], [])
    assert (action["state"], action["lane"], action["action"]) == ("requested", "auto", "retry_payment")


def test_value_fraud_and_a_failed_capture_stop_automation() -> None:
    """Each says why (S39, S40)."""
    exception, action = said(placed(total={"amount": "1000.01", "currency": "EUR"}), soft())
    assert names(exception) == names(action) == [("high_value", "review")]
    assert (action["state"], action["lane"]) == ("proposed", "review")
    exception, action = said(placed(), event("order.hold_placed", T0 + 1, {"hold": "fraud"}), soft())
    assert names(exception) == names(action) == [("fraud_hold", "block")]
    assert "held for fraud" in action["guardrails"][0]["reason"]
    capture = event("payment.failed", T0 + HOUR // 2, {"payment_id": "p2", "stage": "capture", "decline": "hard"})
    _, action = said(placed(), capture, soft())
    assert ("failed_capture", "block") in names(action)


def test_a_hold_that_was_released_says_nothing_any_more() -> None:
    """Only what holds now."""
    lines = (event("order.hold_placed", T0 + 1, {"hold": "fraud"}), event("order.hold_released", T0 + 2, {"hold": "fraud"}))
    assert names(said(placed(), *lines, soft())[1]) == []


def test_sources_that_contradict_each_other_stop_automation() -> None:
    """As does any other open exception that blocks."""
    shipped = event("warehouse.shipped", T0 + 1, {"tracking_number": "T1", "carrier": "ups"})
    _, action = said(placed(), shipped, soft(T0 + 2 * DAY))
    assert ("conflicting_sources", "block") in names(action)
    assert (action["state"], action["lane"]) == ("proposed", "block")
    _, action = said(placed(), event("address.invalid", T0 + 1, {}), soft())
    assert ("blocking_exception", "block") in names(action)


def test_a_message_needs_consent_and_waits_for_the_end_of_the_quiet_hours() -> None:
    """In the zone of the destination: a promise that breaks at midnight is said in the morning."""
    promised = {"promised_by": "2026-04-21", "payment_terms": "external"}
    _, action = said(placed(**promised), kind="shipment.delivery_overdue")
    assert names(action) == [("quiet_hours", "hold")]
    assert (action["state"], action["held_until"]) == ("proposed", "2026-04-22T06:00:00Z")
    _, action = said(placed(**promised, customer={"id": "c1", "consents": []}), kind="shipment.delivery_overdue")
    assert (names(action), action["state"]) == ([("no_consent", "block")], "blocked")
    _, action = said(placed(**promised, customer={"id": "c1"}), kind="shipment.delivery_overdue")
    assert names(action) == [("quiet_hours", "hold")]


def test_quiet_hours_end_by_the_clock_of_their_zone() -> None:
    """Over midnight or not, and over a change of the clock."""
    night = (21 * 60, 8 * 60)
    assert quiet_until(T0, "Europe/Amsterdam", night) == 0  # 10:00
    assert quiet_until(T0 + 11 * HOUR, "Europe/Amsterdam", night) == T0 + 22 * HOUR  # 21:00
    assert quiet_until(T0 + 11 * HOUR - 1, "Europe/Amsterdam", night) == 0
    assert quiet_until(T0, "America/New_York", night) == T0 + 4 * HOUR  # 04:00
    assert quiet_until(T0, "UTC", (8 * 60, 12 * 60)) == T0 + 4 * HOUR
    assert quiet_until(T0 + 4 * HOUR, "UTC", (8 * 60, 12 * 60)) == 0
