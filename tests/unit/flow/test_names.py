"""Names and hashes that state on disk is read by."""

from __future__ import annotations

from dataflows.core.identity import alias_shard, order_shard
from dataflows.detect import names

ORDER_SHARDS = [45, 23, 19, 13]
ALIAS_SHARDS = [6, 0, 3]


def test_names_never_change() -> None:
    """A state directory of an older version is found by them; whoever changes one breaks every running installation."""
    assert names.FLOW == "orderwatch"
    assert tuple(f"s{n:02d}" for n in range(64)) == names.ORDER_SHARDS
    assert names.FIRST_SHARDS == ("a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7")
    assert names.SECOND_SHARDS == ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7")
    assert names.THIRD_SHARDS == ("c0", "c1")
    assert names.ACTION_SHARDS == ("t0", "t1", "t2", "t3")
    assert names.OUTPUT == "out"
    steps = {name: value for name, value in vars(names).items() if name.startswith("STEP_")}
    assert steps == {
        "STEP_EVENTS": "events",
        "STEP_ROUTE": "route",
        "STEP_TO_FIRST": "to_identity_first",
        "STEP_TO_SECOND": "to_identity_second",
        "STEP_TO_ORDERS": "to_orders",
        "STEP_FIRST": "identity_first",
        "STEP_ONWARD": "onward",
        "STEP_INTO_SECOND": "into_identity_second",
        "STEP_SECOND": "identity_second",
        "STEP_TO_THIRD": "to_identity_third",
        "STEP_ONWARD_AGAIN": "onward_again",
        "STEP_INTO_THIRD": "into_identity_third",
        "STEP_THIRD": "identity_third",
        "STEP_RESOLVED_THIRD": "placed_third",
        "STEP_RESOLVED_FIRST": "placed_first",
        "STEP_RESOLVED_SECOND": "placed_second",
        "STEP_INTO_ORDERS": "into_orders",
        "STEP_JUDGE": "judge",
        "STEP_DECISIONS": "to_actions",
        "STEP_INTENTS": "intents",
        "STEP_INTO_ACTIONS": "into_actions",
        "STEP_ACTIONS": "actions",
        "STEP_SAID": "said",
        "STEP_COLLECT": "collect",
        "STEP_ORDER": "order_verdicts",
        "STEP_TOPICS": "topics",
    }


def test_an_order_stays_in_its_shard() -> None:
    """The hash is stable: the same in every process and version."""
    assert [order_shard("default", order, 64) for order in ("A-1", "A-2", "2e7a8482f6fb09756ca50c10d7bfc047", "ä")] == ORDER_SHARDS
    assert order_shard("acme", "A-1", 64) != order_shard("default", "A-1", 64)
    assert [alias_shard(value, 8) for value in ("pay-1", "1Z999", "ä")] == ALIAS_SHARDS
