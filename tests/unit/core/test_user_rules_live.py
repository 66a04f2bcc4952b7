"""Rules of the user over live state: a run goes on under a policy in which one was added, changed, switched off or removed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest

from dataflows.core.engine.shard import Shard
from dataflows.core.policy import Policy
from schemas.instants import HOUR
from schemas.output import OutputRecord
from tests.support.engine import records_of
from tests.support.stories import event
from tests.support.user_rules import form_of, loaded

KIND = "custom.gift_wrap_late"
HISTORY = ("11-02 10:00 order.placed lines: [SKU-1154 1]", "11-02 11:00 payment.captured")
"""Late from +25 h on."""
WITH, WITHOUT = form_of(["gift_wrap_late"]), form_of([])


def changed(**fields: Any) -> dict[str, Any]:
    """The policy with other fields of the rule."""
    form = deepcopy(WITH)
    form["custom_rules"]["gift_wrap_late"] |= fields
    return form


def go_on(before: dict[str, Any], after: dict[str, Any], later: tuple[str, ...] = ()) -> tuple[list[OutputRecord], list[OutputRecord]]:
    """What is said in 30 hours under one policy, and in 40 more under another, from the rows that the first run kept."""
    records = records_of([event(line, number) for number, line in enumerate((*HISTORY, *later))])
    began = records[0].log
    first, second = Shard(loaded(before)), Shard(loaded(after))
    for record in records[:2]:
        first.apply(record)
    first.advance(began + 30 * HOUR)
    said = first.drain()
    second.restore(list(first.rows()), reevaluate_at=began + 30 * HOUR)
    for record in records[2:]:
        second.apply(record)
    second.advance(began + 70 * HOUR)
    return said, second.drain()


def told(outs: list[OutputRecord]) -> list[tuple[str, str]]:
    """Types and kinds."""
    return [(out.type, out.kind) for out in outs]


def test_a_rule_that_is_added_holds_of_orders_that_are_open() -> None:
    """Its exceptions are raised at the start of the new run."""
    before, after = go_on(WITHOUT, WITH)
    assert before == []
    assert told(after)[:2] == [("exception.raised", KIND), ("intent.asked", KIND)]
    assert after[0].data["due_at"] == "2026-11-03T11:00:00Z"


@pytest.mark.parametrize(
    "form", [WITHOUT, form_of([], rules={"*": "off"}), changed(switch="off") | {"rules": {"*": "off"}}], ids=["gone", "none", "off"]
)
def test_what_was_said_of_a_rule_that_is_gone_is_taken_back(form: dict[str, Any]) -> None:
    """As of one that is switched off: retracted, its action withdrawn under the ID that it was proposed with, and counted no more."""
    before, after = go_on(WITH, form)
    assert told(before) == [("exception.raised", KIND), ("intent.asked", KIND)]
    assert told(after) == [("exception.retracted", KIND), ("intent.gone", KIND)]
    assert after[0].data["exception_id"] == before[0].data["exception_id"]
    assert after[0].data["sequence"] == 2
    assert after[1].data["action_id"] == before[1].data["action_id"]
    assert orjson.loads(after[0].body)["data"]["policy"]["mode"] == "on"


def test_a_rule_that_is_gone_costs_later_events_nothing() -> None:
    """The order goes on as any other, and can be stored and restored again."""
    packed = ("11-04 12:00 warehouse.packed", "11-04 13:00 support.contacted")
    _, after = go_on(WITH, WITHOUT, packed)
    assert told(after) == [("exception.retracted", KIND), ("intent.gone", KIND)]


def test_a_rule_that_comes_back_goes_on_with_its_exception() -> None:
    """The same exception is open again."""
    records = records_of([event(line, number) for number, line in enumerate(HISTORY)])
    began = records[0].log
    rows: list[tuple[bytes, bytes]] = []
    said: list[OutputRecord] = []
    for number, form in enumerate((WITH, WITHOUT, WITH)):
        shard = Shard(loaded(form))
        if number == 0:
            for record in records:
                shard.apply(record)
        else:
            shard.restore(rows, reevaluate_at=began + (29 + number) * HOUR)
        shard.advance(began + (30 + number) * HOUR)
        said += shard.drain()
        rows = list(shard.rows())
    exceptions = [out for out in said if out.topic == "exceptions"]
    assert [(out.type, out.status) for out in exceptions] == [
        ("exception.raised", "open"),
        ("exception.retracted", "retracted"),
        ("exception.updated", "open"),
    ]
    assert len({out.data["exception_id"] for out in exceptions}) == 1


def test_a_rule_whose_limit_is_moved_takes_back_and_raises_anew() -> None:
    """What is not true under the new limit is retracted, and raised when that one passes."""
    _, after = go_on(WITH, changed(within="48 h"))
    assert [(out.type, out.status) for out in after if out.topic == "exceptions"][:2] == [
        ("exception.retracted", "retracted"),
        ("exception.updated", "open"),
    ]
    assert after[2].data["due_at"] == "2026-11-04T11:00:00Z"


def test_a_rule_that_asks_for_another_action_withdraws_the_one_it_asked_for() -> None:
    """By its ID, not by that of the new one; an approval of the old one is still known."""
    before, after = go_on(WITH, changed(actions={"escalate": "now"}), ("11-04 12:00 warehouse.packed",))
    withdrawn = [out for out in after if out.type == "intent.gone"]
    assert [out.data["action_id"] for out in withdrawn] == [before[1].data["action_id"]]
    assert withdrawn[0].data["action"] == "create_task"


def test_a_rule_in_shadow_says_so_and_asks_for_nothing() -> None:
    """Switched from shadow to on, it asks."""
    before, after = go_on(changed(switch="shadow") | {"rules": {"*": "off", KIND: "shadow"}}, WITH)
    assert told(before) == [("exception.raised", KIND)]
    assert orjson.loads(before[0].body)["data"]["policy"]["mode"] == "shadow"
    assert told(after)[:2] == [("exception.updated", KIND), ("intent.asked", KIND)]


def test_an_order_with_a_state_of_a_rule_that_is_gone_is_closed_in_its_time() -> None:
    """Nothing of it keeps the order open."""
    policy: Policy = loaded(WITHOUT | {"retention": {"close_after": "5 d"}})
    records = records_of([event(line, number) for number, line in enumerate(HISTORY)])
    first, second = Shard(loaded(WITH)), Shard(policy)
    for record in records:
        first.apply(record)
    first.advance(records[0].log + 30 * HOUR)
    second.restore(list(first.rows()), reevaluate_at=records[0].log + 30 * HOUR)
    second.advance(records[0].log + 24 * 140 * HOUR)
    assert len(second) == 0
