"""Every guardrail of an order in a story where it stops automation and in one where it is silent; and what a change of the order does."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest

from dataflows.core.rules.load import load_policy
from schemas.instants import SECOND
from schemas.output import OutputRecord
from sources.watermarks import WatermarkSampler
from tests.support.engine import records_of, run
from tests.support.logs import DAY, HOUR, MINUTE, T0
from tests.unit.core.test_guardrails import event, names, placed, said, soft

Event = dict[str, object]
LINES = [{"line_id": "1", "sku": "A", "quantity": 1}, {"line_id": "2", "sku": "B", "quantity": 1}]


def scan(at: int, status: str) -> Event:
    """What the carrier says of the parcel."""
    return event("carrier.scan", at, {"tracking_number": "T1", "carrier": "ups", "status": status})


SPEAKS: dict[str, tuple[str, list[Event]]] = {
    "customer_tier": ("review", [placed(customer={"id": "c1", "tier": "vip", "consents": ["email"]})]),
    "no_stock": ("review", [placed(lines=LINES), event("inventory.short", T0 + MINUTE, {"sku": "B", "ordered": 1, "available": 0})]),
    "address_risk": ("review", [placed(), event("address.validated", T0 + MINUTE, {"risk": "medium"})]),
    "low_confidence": ("review", [placed(), scan(T0 + MINUTE, "unknown")]),
}
SILENT: dict[str, list[list[Event]]] = {
    "customer_tier": [[placed(customer={"id": "c1", "tier": "silver", "consents": ["email"]})], [placed()]],
    "no_stock": [
        [*SPEAKS["no_stock"][1], event("inventory.allocated", T0 + 2 * MINUTE, {"lines": [LINES[1]]})],
        [*SPEAKS["no_stock"][1], event("order.cancelled", T0 + 2 * MINUTE, {"lines": [LINES[1]]})],
        [placed(lines=LINES), event("inventory.allocated", T0 + MINUTE, {"lines": LINES})],
    ],
    "address_risk": [
        [*SPEAKS["address_risk"][1], event("address.validated", T0 + 2 * MINUTE, {"risk": "low"})],
        [*SPEAKS["address_risk"][1], event("order.updated", T0 + 2 * MINUTE, {"ship_to": {"country": "NL", "postal_code": "1011"}})],
        [placed(), event("address.validated", T0 + MINUTE, {})],
    ],
    "low_confidence": [[*SPEAKS["low_confidence"][1], scan(T0 + 2 * MINUTE, "in_transit")], [placed(), scan(T0 + MINUTE, "accepted")]],
}


@pytest.mark.parametrize("name", SPEAKS)
def test_it_stops_automation_and_says_why(name: str) -> None:
    """S24, S39, S40, S45: the exception and its action both say which guardrail spoke."""
    effect, lines = SPEAKS[name]
    exception, action = said(*lines, soft())
    assert (name, effect) in names(exception)
    assert (name, effect) in names(action)
    assert action["state"] == "proposed"
    assert all(each["reason"] for each in action["guardrails"])


@pytest.mark.parametrize(("name", "lines"), [(name, lines) for name, stories in SILENT.items() for lines in stories])
def test_it_is_silent_where_nothing_speaks_against_the_order(name: str, lines: list[Event]) -> None:
    """S44: what is in order is served at once, and what was mended is in order."""
    exception, action = said(*lines, soft())
    assert name not in [each for each, _ in names(exception) + names(action)]


def test_part_of_the_stock_found_is_not_all_of_it() -> None:
    """An allocation of another SKU says nothing about the one that is short."""
    lines = [*SPEAKS["no_stock"][1], event("inventory.allocated", T0 + 2 * MINUTE, {"lines": [LINES[0]]})]
    assert ("no_stock", "review") in names(said(*lines, soft())[1])


def test_a_task_for_a_team_is_no_risk() -> None:
    """A team is asked about missing stock whatever the value of the order (S49, S50)."""
    short = event("inventory.short", T0 + MINUTE, {"sku": "B", "ordered": 1, "available": 0})
    _, action = said(placed(lines=LINES, total={"amount": "5000.00", "currency": "EUR"}), short, kind="inventory.out_of_stock")
    assert action["action"] == "check_alternate_site"
    assert not {"no_stock", "high_value"} & {name for name, _ in names(action)}


# --- feeds ---------------------------------------------------------------------------------------

FEEDS = "feeds: {/payments/stripe: {silence: 1 h, delay: 0 s}, /storefront: {silence: 30 d, delay: 0 s}}\n"


def actions(lines: list[Event], text: str = "", until: int = T0 + 2 * DAY) -> list[dict[str, Any]]:
    """Everything that is said of the actions of a history, in order."""
    return [orjson.loads(out.body)["data"] for out in outs(lines, text, until) if out.topic == "actions"]


def outs(lines: list[Event], text: str, until: int) -> list[OutputRecord]:
    """Everything that is said of a history, in order."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(text)
        policy = load_policy(path)
    sampler, records = WatermarkSampler(policy.lateness), records_of(lines)
    marks = [mark for record in records if policy.feeds and (mark := sampler.sample(record)) is not None]
    return run(records, policy, until, marks=marks)


def of_stripe(type_: str, at: int, data: dict[str, object], order: str = "A-1") -> Event:
    """What the payment provider says."""
    return {**event(type_, at, data), "source": "/payments/stripe", "subject": order, "id": f"{type_} {order} {at}"}


def shop(lines: Event) -> Event:
    """What the shop says."""
    return {**lines, "source": "/storefront"}


def test_a_feed_that_falls_silent_takes_back_what_rests_on_it() -> None:
    """The decline was true when it came; three hours later nobody knows whether the money has come since (S24)."""
    declined = of_stripe("payment.failed", T0 + HOUR, {"payment_id": "p1", "decline": "soft"})
    later = shop(event("order.updated", T0 + 4 * HOUR, {"channel": "web"}))
    history = actions([shop(placed()), declined, later], FEEDS, T0 + 5 * HOUR)
    mine = [
        (each["action"], each["state"], names(each))
        for each in history
        if each["step"] == "retry_capture" or each["action"] == "retry_payment"
    ]
    assert mine == [
        ("retry_payment", "requested", []),
        ("retry_payment", "withdrawn", []),
        ("retry_payment", "proposed", [("stale_feed", "review")]),
    ]
    assert "/payments/stripe has been silent since 2026-04-20T10:00:00Z" in history[-1]["guardrails"][0]["reason"]


def test_its_silence_alone_takes_back_what_rests_on_it_and_nothing_else() -> None:
    """Nothing touches the orders; each has a second of its own within the minute after the silence began (S24)."""
    orders = [f"A-{number}" for number in range(40)]
    places = [{**shop(placed()), "subject": order, "id": order} for order in orders]
    declined = [of_stripe("payment.failed", T0 + HOUR, {"payment_id": f"p-{order}", "decline": "soft"}, order) for order in orders]
    elsewhere = {
        **event("payment.failed", T0 + HOUR, {"payment_id": "p-B", "decline": "soft"}),
        "source": "/payments/other",
        "subject": "B-1",
    }
    said = [
        (out.log - T0 - 2 * HOUR, out.order, str(out.data["state"]))
        for out in outs([*places, {**shop(placed()), "subject": "B-1", "id": "B-1"}, *declined, elsewhere], FEEDS, T0 + 5 * HOUR)
        if out.topic == "actions" and out.data["action"] == "retry_payment" and out.log > T0 + HOUR
    ]
    assert sorted(order for _, order, _ in said) == sorted(2 * orders)
    assert {state for _, _, state in said} == {"withdrawn", "proposed"}
    assert {at // SECOND for at, _, _ in said} <= set(range(60))
    assert len({at for at, _, _ in said}) > 10


def test_a_feed_that_speaks_again_in_time_takes_nothing_back() -> None:
    """The last second before it would have been silent."""
    declined = of_stripe("payment.failed", T0 + HOUR, {"payment_id": "p1", "decline": "soft"})
    beats = [of_stripe("payment.authorized", T0 + HOUR + n * (HOUR - SECOND), {"payment_id": f"p{n}"}, "A-9") for n in range(1, 4)]
    history = actions([shop(placed()), declined, *beats], FEEDS, T0 + 5 * HOUR - 5 * SECOND)
    assert [each["state"] for each in history if each["order_id"] == "A-1" and each["action"] == "retry_payment"] == ["requested"]


def test_a_feed_that_speaks_takes_nothing_back() -> None:
    """Whatever it says, of whatever order."""
    declined = of_stripe("payment.failed", T0 + HOUR, {"payment_id": "p1", "decline": "soft"})
    beats = [of_stripe("payment.authorized", T0 + n * HOUR // 2, {"payment_id": "p9"}, "A-9") for n in range(3, 9)]
    later = shop(event("order.updated", T0 + 4 * HOUR, {"channel": "web"}))
    history = actions([shop(placed()), declined, *beats, later], FEEDS, T0 + 5 * HOUR)
    assert [(each["state"], names(each)) for each in history if each["order_id"] == "A-1" and each["action"] == "retry_payment"] == [
        ("requested", [])
    ]


# --- judged again --------------------------------------------------------------------------------


def test_a_hold_for_fraud_takes_back_what_was_requested() -> None:
    """The customer's card is not charged again while the order is looked into (S12, S40, S52)."""
    history = actions([placed(), soft(), event("order.hold_placed", T0 + 2 * HOUR, {"hold": "fraud", "hold_id": "h"})], until=T0 + 3 * HOUR)
    mine = [each for each in history if each["action"] == "retry_payment"]
    assert [(each["state"], each["lane"]) for each in mine] == [("requested", "auto"), ("withdrawn", "auto"), ("proposed", "block")]
    assert mine[2]["replaces"] == mine[0]["action_id"]
    assert mine[2]["guardrails"][0]["name"] == "fraud_hold"


def test_an_event_that_no_guardrail_asks_about_takes_nothing_back() -> None:
    """Nor is anything said twice."""
    history = actions([placed(), soft(), event("order.updated", T0 + 2 * HOUR, {"channel": "web"})], until=T0 + 3 * HOUR)
    assert [each["state"] for each in history if each["action"] == "retry_payment"] == ["requested"]


def test_the_value_of_an_order_that_rises_asks_for_a_person() -> None:
    """An update of the order is judged by what it makes of it (S38)."""
    raised = event("order.updated", T0 + 2 * HOUR, {"total": {"amount": "4000.00", "currency": "EUR"}})
    history = actions([placed(), soft(), raised], until=T0 + 3 * HOUR)
    mine = [each for each in history if each["action"] == "retry_payment"]
    assert [each["state"] for each in mine] == ["requested", "withdrawn", "proposed"]
    assert names(mine[2]) == [("high_value", "review")]


def test_when_it_is_over_the_one_that_stands_in_its_place_is_withdrawn() -> None:
    """The payment came after all: nobody is asked about it any more."""
    hold = event("order.hold_placed", T0 + 2 * HOUR, {"hold": "fraud", "hold_id": "h"})
    paid = event("payment.captured", T0 + 3 * HOUR, {"payment_id": "p1", "amount": {"amount": "80.00", "currency": "EUR"}})
    history = [each for each in actions([placed(), soft(), hold, paid], until=T0 + 4 * HOUR) if each["action"] == "retry_payment"]
    assert [each["state"] for each in history] == ["requested", "withdrawn", "proposed", "withdrawn"]
    assert history[3]["action_id"] == history[2]["action_id"]
