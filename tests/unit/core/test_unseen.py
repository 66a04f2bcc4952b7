"""A milestone that is owed and that nobody has ever told: said once, and over with the first that tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from dataflows.core.clocks.explain import moment
from dataflows.core.engine.shard import Shard
from dataflows.core.rules.load import load_policy
from schemas.learned import ENOUGH, OWES, Showing
from schemas.output_events import OUT_MODELS
from tests.support.engine import records_of, run
from tests.support.logs import DAY, HOUR, MINUTE, T0, iso
from tests.unit.core.test_learned import event, life

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dataflows.core.policy import Policy

POLICY = load_policy(None)
NEVER_SEEN = "feed.never_seen"
Line = dict[str, object]


def shipped(orders: int, carrier: str = "UPS", start: int = T0) -> list[Line]:
    """Orders that are paid and handed over, one a minute, of which no carrier says a word."""
    return [one for number in range(orders) for one in life(number, start + number * MINUTE, scanned=False, carrier=carrier)]


def said(lines: Iterable[Line], until: int, policy: Policy = POLICY, cuts: Iterable[int] = ()) -> list[tuple[str, str, str]]:
    """What is said of milestones that were never seen: when, which, and whether it is open."""
    outs = run(records_of(sorted(lines, key=lambda one: str(one["time"]))), policy, until, [*cuts])
    found: list[tuple[str, str, str]] = []
    for out in outs:
        if out.type == NEVER_SEEN:
            body = orjson.loads(out.body)
            OUT_MODELS[NEVER_SEEN].model_validate_json(out.body)
            assert len(body["data"]["orders"]) == ENOUGH
            found.append((body["time"], f"{body['data']['milestone']} {body['data']['carrier']}", body["data"]["status"]))
    return found


OPENED = (iso(T0 + 19 * MINUTE + DAY), "first_scan ups", "open")


def test_it_is_said_once_after_a_day() -> None:
    """Of twenty orders, each of which has owed it for a day; of nineteen nothing, nor of what was shown."""
    assert said(shipped(30), T0 + 9 * DAY) == [OPENED]
    assert said(shipped(30), T0 + 19 * MINUTE + DAY - 1) == []
    assert said(shipped(19), T0 + 9 * DAY) == []
    assert said(shipped(30), T0 + 9 * DAY, cuts=[T0 + HOUR * step for step in range(1, 60, 3)]) == [OPENED]


def test_it_stands_in_its_place() -> None:
    """Before what is said of later records, though nothing else is due there: what a shard says is numbered."""
    shard = Shard(POLICY)
    shard.learn(Showing((T0, "t", 0, n, 0), "default", f"{OWES}first_scan", "", "ups", f"o{n}") for n in range(ENOUGH))
    for record in records_of([event(n, "address.invalid", T0 + 2 * DAY, "o1", "/shop", reason="street") for n in range(2)]):
        shard.apply(record)
    shard.apply(records_of([event(3, "order.placed", T0 + 2 * DAY, "o1", "/shop")])[0])
    logs = [(out.log, out.kind) for out in shard.drain()]
    assert logs[0] == (T0 + DAY, NEVER_SEEN)
    assert len(logs) > 1


def test_it_is_over_with_the_first_record() -> None:
    """Whenever that comes; one that comes within the day leaves nothing to be said."""
    scan = event(1, "carrier.scan", T0 + 3 * DAY, None, "/carrier/ups", status="accepted", tracking_number="1Z0001")
    assert said([*shipped(30), scan], T0 + 9 * DAY) == [OPENED, (iso(T0 + 3 * DAY), "first_scan ups", "resolved")]
    assert said([*shipped(30), {**scan, "time": iso(T0 + DAY)}], T0 + 9 * DAY) == []


def test_each_carrier_is_one_of_its_own() -> None:
    """And what nobody need tell is owed by nobody: a capture of an order that is free or paid later."""
    unscanned = [*shipped(20), *({**one, "id": f"d{one['id']}"} for one in shipped(20, "dhl", T0 + HOUR))]
    assert {what for _, what, _ in said(unscanned, T0 + 9 * DAY)} == {"first_scan ups", "first_scan dhl"}
    unpaid = [one for one in shipped(30) if one["type"] == "order.placed"]
    assert said(unpaid, T0 + 9 * DAY) == [(iso(T0 + 19 * MINUTE + DAY), "captured None", "open")]
    for data in ({"payment_terms": "invoice"}, {"total": {"amount": "0.00", "currency": "EUR"}}):
        assert said([{**one, "data": data} for one in unpaid], T0 + 9 * DAY) == []


def test_it_says_in_a_sentence_what_nobody_has_told() -> None:
    """For whom it is waited, since when, and by whose word it ended; in one zone, which it names."""
    told = event(99, "carrier.scan", T0 + 3 * DAY, "o1", "/ups", status="accepted", tracking_number="T1", carrier="UPS")
    outs = [out for out in run(records_of([*shipped(20), told]), POLICY, T0 + 9 * DAY) if out.type == NEVER_SEEN]
    since, at = moment(T0 + 19 * MINUTE, "UTC"), moment(T0 + 3 * DAY, "UTC")
    assert [out.data["summary"] for out in outs] == [
        f"No first scan by carrier ups has ever been told: since {since} 20 orders wait for one, the first of them o0. (Times: UTC.)",
        f"A first scan by carrier ups was told on {at}, the first ever: 20 orders had waited for one since {since}. (Times: UTC.)",
    ]
