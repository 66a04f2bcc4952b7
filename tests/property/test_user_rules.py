"""Rules of the user hold what built-in ones hold: when they are evaluated, how events arrive and when the engine restarts changes nothing.

The policy has all the examples of USER-RULES.md.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.engine.shard import Shard
from dataflows.core.rules.model import Rule, Triggers
from tests.oracle.judging.reading import micros
from tests.property.histories import History, examples, histories
from tests.property.ingredients import DAY
from tests.support.drawing import drawn
from tests.support.engine import records_of, run, standing
from tests.support.thorough import ALWAYS, Rejudged
from tests.support.user_rules import entries, form_of, loaded

if TYPE_CHECKING:
    from dataflows.core.policy import Policy

HISTORIES = int(os.environ.get("ORDERWATCH_HISTORIES", "1000")) // 4
FORMS = {
    "plain": form_of(),
    "overridden": form_of(
        overrides=[
            {"when": {"carrier": "ups"}, "rules": {"custom.tracking_stuck": "shadow", "custom.return_unused": {"threshold": "1 d"}}},
            {"when": {"site": "w1"}, "rules": {"custom.line_late": {"severity": "critical"}, "custom.pick_slow": {"threshold": "1 bh"}}},
        ],
        sites={"w1": {"country": "DE", "zone": "Asia/Tokyo"}},
    ),
}


@cache
def policy_of(name: str) -> Policy:
    """One of the policies."""
    return loaded(FORMS[name])


@cache
def thorough_of(name: str) -> Policy:
    """The same, with rules that are evaluated at every event."""
    policy = policy_of(name)
    rules = tuple(replace(cast("Rule", rule), triggers=Triggers(on=ALWAYS)) for rule in policy.rules)
    return replace(policy, rules=rules)


def end_of(history: History) -> int:
    """When most deadlines have passed."""
    return micros(history.last + timedelta(days=40))


def said(history: History, policy: Policy, make: type[Shard | Rejudged] = Shard) -> list[bytes]:
    """Every line about a rule of the user, without which of several events of one instant resolved it: triggers have a say in that."""
    found: list[bytes] = []
    for out in run(records_of(history.lines()), policy, end_of(history), make=make):
        if out.kind.startswith("custom."):
            line = orjson.loads(out.body)
            for name in ("resolved_by", "summary"):
                line["data"].pop(name, None)
            found.append(orjson.dumps(line))
    return sorted(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
def test_no_event_is_missed(name: str) -> None:
    """Rules that are evaluated at every event say the same as with their derived triggers, and as an engine that starts anew at each."""
    for number, history in enumerate(drawn(histories(chapters=2), HISTORIES, 7)):
        real = said(history, policy_of(name))
        assert said(history, thorough_of(name)) == real, history
        if number % 4 == 0:
            assert said(history, policy_of(name), Rejudged) == real, history


def test_the_histories_raise_every_example() -> None:
    """Else the test above would prove little."""
    raised: set[str] = set()
    told_by_few = {"gift_wrap_late", "backorder_after_promise", "attempt_hopeless", "second_attempt", "invoice_unpaid", "departure_early"}
    wanted = {f"custom.{name}" for name in entries().keys() - told_by_few}
    for first in range(7, 17):
        for history in drawn(histories(chapters=2), 300, first):
            raised |= {one.kind for one in standing(run(records_of(history.lines()), policy_of("plain"), end_of(history)))}
        if wanted <= raised:
            return
    assert wanted <= raised


@examples(150)
@given(
    histories(chapters=2), st.lists(st.integers(0, 60), max_size=4), st.lists(st.sampled_from((timedelta(0), DAY)), min_size=1, max_size=4)
)
def test_how_events_arrive_changes_nothing(history: History, cuts: list[int], delays: list[timedelta]) -> None:
    """Batches say the same bytes in each topic; late arrival ends in the same exceptions."""
    policy, until = policy_of("plain"), end_of(history)
    records = records_of(history.lines())
    instants = [records[0].log + cut * 3_600_000_000 for cut in cuts] if records else []
    cut, whole = (sorted(run(records, policy, until, at), key=lambda out: out.topic) for at in (instants, ()))
    assert [(out.topic, out.body) for out in cut] == [(out.topic, out.body) for out in whole]
    ends = [
        {
            (one.order, one.kind, one.scope, one.status)
            for one in standing(run(records_of(lines), policy, until))
            if one.kind.startswith("custom.")
        }
        for lines in (history.lines([timedelta(0)]), history.lines(delays))
    ]
    assert ends[0] == ends[1]
