"""What is counted for whoever watches: cases and actions as they stand, over all that happens and over a restart."""

from __future__ import annotations

from collections import Counter

from dataflows.core.actions.shard import ActionShard
from dataflows.core.engine.shard import Shard
from tests.property.test_actions import POLICY, drawn
from tests.support.actions import policy_of
from tests.support.desk import Desk


def cases(shard: Shard) -> dict[tuple[str, ...], int]:
    """The cases that are counted, but for other kinds."""
    return {tuple(standing): count for standing, count in shard.engine.publisher.cases.items() if count}


def test_a_case_is_counted_by_its_state_and_whoever_has_it() -> None:
    """Until its exception is over."""
    desk = Desk("", "ladders: {default: {steps: [{wait: 1 h, team: OPS}]}}")
    assert cases(desk.shard) == {("new", "FIN", "0"): 1}
    desk.decide("assigned", by="user:anna", assignee="user:ben", team="OPS")
    (standing,) = cases(desk.shard)
    assert (standing[0], standing[1]) == ("assigned", "OPS")
    again = Shard(desk.shard.policy)
    again.restore(desk.shard.rows())
    assert cases(again) == cases(desk.shard)
    desk.decide("resolved", by="user:ben", outcome="paid by hand")
    assert cases(desk.shard) == {}


def test_actions_are_counted_as_they_were_said() -> None:
    """Those that have ended are none; a restart counts the same."""
    for seed in range(40):
        world, _ = drawn(seed, late=True)
        last = world.desk.states.values()
        standing = world.desk.shard.machine.standing
        ended = [data["action_id"] for data in last if data["state"] in ("executed", "rejected", "expired", "withdrawn")]
        ended += [data["action_id"] for data in last if data["state"] == "failed" and data["retry_at"] is None]
        open_ = [data for data in last if data["action_id"] not in ended]
        assert +standing.actions == Counter(
            (data["action"], data["state"], data["lane"], "yes" if data["escalation"] else "no") for data in open_
        )
        spoken = [
            (each["name"], each["effect"]) for data in open_ if data["state"] in ("proposed", "blocked") for each in data["guardrails"]
        ]
        assert +standing.guarded == Counter(spoken)
        again = ActionShard(policy_of(POLICY))
        again.restore(world.desk.shard.rows())
        assert (+again.machine.standing.actions, +again.machine.standing.guarded) == (+standing.actions, +standing.guarded)
