"""Action shards hear of an activated policy as order shards do: what it says of actions holds from its place on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflows.core.actions.shard import ActionShard
from dataflows.core.rules.load import policy_of_text
from schemas.problems import Problem
from tests.support.actions import intent as asked
from tests.support.actions import policy_of
from tests.support.logs import HOUR, T0, line, record

if TYPE_CHECKING:
    from schemas.output import OutputRecord
    from schemas.record import Record

BASE = "name: base\n"
ONE_A_DAY = "name: tight\nactions: {budgets: [{most: 1}], approval_timeout: 2 h}\n"


def activation(text: str, at: int, **more: object) -> Record:
    """A policy that is activated."""
    found = policy_of_text(text)
    assert not isinstance(found, Problem), found
    data: dict[str, object] = {"version": found.version, "text": text, "by": "user:anna", "by_roles": ["policy_author"], **more}
    return record(line("act", at, "policy.activated", order=None, source="/console", data=data), at, 9)


def states(outs: list[OutputRecord]) -> list[tuple[str, str]]:
    """What was said: the order and the state of its action."""
    return [(out.order, str(out.data["state"])) for out in outs if out.topic == "actions"]


def test_budgets_and_time_limits_of_an_activated_policy_hold_from_its_place_on() -> None:
    """The first two are requested, the third waits for a person, and expires by the new limit. What is out already stays."""
    shard = ActionShard(policy_of(BASE))
    for number, at in ((1, T0), (2, T0 + 1), (3, T0 + 2 * HOUR), (4, T0 + 2 * HOUR + 1)):
        shard.apply(asked(log=at, order=f"A-{number}"))
        if number == 2:
            shard.apply(activation(ONE_A_DAY, T0 + HOUR))
    shard.advance(T0 + 5 * HOUR)
    # That a person is reminded says it once more.
    assert list(dict.fromkeys(states(shard.drain()))) == [
        ("A-1", "requested"),
        ("A-2", "requested"),
        ("A-3", "requested"),
        ("A-4", "proposed"),
        ("A-4", "expired"),
    ]


def test_it_outlives_a_restart_and_is_taken_once() -> None:
    """From the rows, in whole or as they changed; the same event again changes nothing."""
    shard, change = ActionShard(policy_of(BASE)), activation(ONE_A_DAY, T0)
    shard.apply(change)
    changed = {key: value for key, value in shard.changes() if value is not None}
    assert changed == dict(shard.rows())
    again = ActionShard(policy_of(BASE))
    again.restore(changed.items())
    again.apply(change)
    assert not [*again.changes()]
    for number in (1, 2):
        again.apply(asked(log=T0 + HOUR, order=f"A-{number}"))
    assert states(again.drain()) == [("A-1", "requested"), ("A-2", "proposed")]


def test_what_order_shards_refuse_is_refused_and_said_by_them() -> None:
    """The policy that held goes on to hold."""
    shard = ActionShard(policy_of(BASE))
    shard.apply(activation(ONE_A_DAY, T0, by_roles=["approver"]))
    for number in (1, 2):
        shard.apply(asked(log=T0 + HOUR, order=f"A-{number}"))
    # That a person is reminded says it once more.
    assert list(dict.fromkeys(states(shard.drain()))) == [("A-1", "requested"), ("A-2", "requested")]
    assert shard.rejected == {}
