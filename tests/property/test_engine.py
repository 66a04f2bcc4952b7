"""The engine over random histories: it says what the independent judge says, and how the events arrive does not matter."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.rules.load import load_policy
from tests.oracle.judge import Verdict, judge
from tests.oracle.judging.policies import read_policy
from tests.oracle.judging.reading import micros
from tests.oracle.judging.settings import Policy
from tests.property.histories import AFTER, ARRIVAL, DELAYS, LONG, History, examples, histories
from tests.property.ingredients import DAY, GRID, HOUR
from tests.property.policies import judged as judged_of
from tests.property.policies import policies, policy_of, yaml_of
from tests.support.drawing import drawn
from tests.support.engine import Standing, records_of, run, standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataflows.core.policy import Policy as EnginePolicy
    from tests.property.policies import Form

AGREED = Path(__file__).with_name("agreed")
MILESTONES = frozenset(
    {
        *("placed", "captured", "authorized", "shipped", "scans", "allocated", "released", "picked", "packed"),
        *("invoiced", "return_shipped", "inspected", "refunded"),
    }
)
TALKATIVE = replace(load_policy(None), emits=MILESTONES)
"""The built-in policy where the feeds tell every milestone."""


def said(lines: Sequence[Mapping[str, object]], until: int, cuts: Sequence[int] = ()) -> set[Standing]:
    """What stands at `until`, by the engine."""
    return standing(run(records_of(lines), TALKATIVE, until, cuts))


def judged(lines: Sequence[Mapping[str, object]], until: int) -> set[Standing]:
    """What stands at `until`, by the judge."""
    verdicts = judge(lines, Policy(emits=MILESTONES), until)
    return {standing_of(one) for one in verdicts}


def standing_of(one: Verdict) -> Standing:
    """What the judge says, in the words of the engine."""
    return Standing(one.tenant, one.order, one.kind, one.scope, one.episode, one.status, one.severity, one.due)


@examples(250)
@given(histories(), st.sampled_from(AFTER))
def test_the_engine_agrees_with_the_judge_at_the_end(history: History, after: timedelta) -> None:
    """At an instant at or after the last record the engine's standing verdicts are the judge's."""
    lines, until = history.lines(), micros(history.last + after)
    assert said(lines, until) == judged(lines, until)


@examples(150)
@given(histories(most=8), st.sampled_from(GRID))
def test_the_engine_agrees_with_the_judge_on_the_way(history: History, offset: timedelta) -> None:
    """At any instant of the grid the engine's standing verdicts are the judge's, whatever is still to come."""
    lines, until = history.lines(), micros(history.base + offset)
    assert said(lines, until) == judged(lines, until)


@pytest.mark.slow
def test_the_engine_agrees_with_the_judge_under_any_policy(tmp_path: Path) -> None:
    """The same where parcels, payments and returns are told as sources tell them, under policies that the judge knows."""
    path = tmp_path / "policy.yaml"

    def both_of(form: Form) -> tuple[EnginePolicy, Policy]:
        path.write_text(yaml_of(form), encoding="utf-8")
        return policy_of(form), read_policy(path)

    both = [both_of(judged_of(form)) for form in drawn(policies(), 50, 2)]
    for number, history in enumerate(drawn(histories(chapters=2), 20_000 if LONG else 1_000, 2)):
        engines, judges = both[number % len(both)]
        lines, until = history.lines(), micros(history.last + AFTER[number % len(AFTER)])
        found = standing(run(records_of(lines), engines, until))
        right = {standing_of(one) for one in judge(lines, judges, until)}
        if found != right:
            pytest.fail(
                f"history {number}: only the engine {sorted(found - right, key=str)}, only the judge {sorted(right - found, key=str)}"
            )


@pytest.mark.parametrize("path", sorted(AGREED.glob("*.json")), ids=lambda path: path.stem)
def test_the_engine_agrees_with_the_judge_on_what_was_found(path: Path, tmp_path: Path) -> None:
    """Histories on which they once did not, cut down to what shows it, each under the policy that it was found with."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    (tmp_path / "policy.yaml").write_text(yaml_of(kept["policy"]), encoding="utf-8")
    found = standing(run(records_of(kept["events"]), policy_of(kept["policy"]), kept["until"]))
    assert found == {standing_of(one) for one in judge(kept["events"], read_policy(tmp_path / "policy.yaml"), kept["until"])}


@examples(100)
@given(histories(skew=False), st.lists(st.sampled_from(DELAYS), min_size=1, max_size=20))
def test_the_order_of_arrival_does_not_matter_in_the_end(history: History, delays: list[timedelta]) -> None:
    """Once all has arrived the verdicts are the same in whatever order, but for the kinds about arrival; orders are placed in time."""
    until = micros(history.last + max(DELAYS) + HOUR)
    once, again = said(history.lines([timedelta(0)]), until), said(history.lines(delays), until)
    assert {one for one in once if one.kind not in ARRIVAL} == {one for one in again if one.kind not in ARRIVAL}


@examples(60)
@given(histories(skew=False), st.lists(st.integers(0, 100), min_size=1))
def test_repeated_records_change_nothing(history: History, which: list[int]) -> None:
    """A record that comes again, at any later time, changes no verdict."""
    lines, until = history.lines(), micros(history.last + 2 * DAY)
    again = [lines[n % len(lines)] for n in which]
    assert said([*lines, *again], until) == said(lines, until)


@examples(60)
@given(histories(), st.lists(st.sampled_from(GRID)))
def test_the_cut_into_batches_changes_nothing(history: History, cuts: list[timedelta]) -> None:
    """Every way of cutting the log into batches gives the same events out, byte by byte."""
    records, until = records_of(history.lines()), micros(history.last + DAY)
    whole = run(records, TALKATIVE, until)
    pieces = run(records_of(history.lines()), TALKATIVE, until, [micros(history.base + cut) for cut in cuts])
    assert sorted(one.body for one in whole) == sorted(one.body for one in pieces)
