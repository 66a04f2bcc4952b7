"""Policies that are activated over random histories: what an activation does not change stays as if there had been none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, cast

import orjson
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.policy import Policy
from dataflows.core.policy.effective import version_of
from dataflows.core.policy.show import render
from dataflows.core.rules.load import policy_of_text
from schemas.problems import Problem
from schemas.wire import micros
from tests.property.histories import History, examples, histories
from tests.property.test_engine import TALKATIVE
from tests.support.engine import records_of, run
from tests.support.logs import line, record

if TYPE_CHECKING:
    from schemas.output import OutputRecord
    from schemas.record import Record

LISTED: Policy = replace(TALKATIVE, learns=False, base=tuple(replace(setting, suppressed_by=()) for setting in TALKATIVE.base))
POLICY: Policy = replace(LISTED, version=version_of(LISTED))
KIND = "payment.capture_overdue"
SETTINGS = (
    "  payment.capture_overdue: {threshold: 1 h, suppressed_by: []}\n",
    "  payment.capture_overdue: {threshold: 20 d, suppressed_by: []}\n",
    "  payment.capture_overdue: {switch: off, suppressed_by: []}\n",
    "  payment.capture_overdue: {severity: critical, owner: DESK, lane: review, suppressed_by: []}\n",
)


def text_of(change: str) -> str:
    """The text of the policy with another setting of one rule."""
    if not change:
        return render(POLICY)
    lines, skipped = list[str](), False
    for one in render(POLICY).splitlines():
        if one.startswith(f"  {KIND}:"):
            lines += change.splitlines()
            skipped = True
        elif skipped and one.startswith("    "):
            continue
        else:
            skipped = False
            lines.append(one)
    return "\n".join(lines) + "\n"


def with_activation(history: History, text: str, lots: Random) -> tuple[list[Record], int]:
    """The history's records and somewhere among them, or a while after, the activation; and how far time passes."""
    records = records_of(history.lines())
    first, last = records[0].log, records[-1].log
    at = lots.choice((lots.choice(records).log, lots.randrange(first, last + 1), last + lots.randrange(40 * 86_400_000_000)))
    found = policy_of_text(text)
    assert not isinstance(found, Problem), found
    data: dict[str, object] = {"version": found.version, "text": text, "by": "user:anna", "by_roles": ["policy_author"]}
    made = record(line("act", at, "policy.activated", order=None, source="/console", data=data), at, 1 << 20)
    return [*records, made], micros(history.last + timedelta(days=200))


def said(outs: list[OutputRecord], *, but: str = "") -> list[tuple[int, str, str, object]]:
    """What was said of all kinds but one."""
    found: list[tuple[int, str, str, object]] = []
    for out in outs:
        if out.kind == but or (out.topic == "rejects" and but):
            continue
        found.append((out.log, out.order, out.type, out.body if not but else _about(orjson.loads(out.body))))
    return sorted(found, key=repr)


def _about(event: dict[str, object]) -> dict[str, object]:
    """What an event says, but for what it says of other exceptions of its order."""
    data = cast("dict[str, object]", event["data"])
    return {name: value for name, value in data.items() if name not in {"context", "policy", "score", "score_terms", "guardrails"}}


@examples(20)
@given(histories(skew=False), st.integers(0, 1 << 32))
def test_the_policy_that_holds_can_be_activated_again_and_changes_nothing(history: History, seed: int) -> None:
    """Not a byte, whatever comes late afterwards."""
    records, until = with_activation(history, text_of(""), Random(seed))
    assert said(run(records, POLICY, until)) == said(run(records[:-1], POLICY, until))


@examples(20)
@given(histories(skew=False), st.integers(0, 1 << 32), st.sampled_from(SETTINGS))
def test_an_activation_changes_nothing_of_the_rules_that_it_leaves_as_they_are(history: History, seed: int, change: str) -> None:
    """Of any other kind the same is said at the same instants. Nothing suppresses anything here: that would be a change."""
    records, until = with_activation(history, text_of(change), Random(seed))
    with_, without = run(records, POLICY, until), run(records[:-1], POLICY, until)
    assert not [out for out in with_ if out.topic == "rejects" and b"policy.activated" in out.body]
    of_exceptions = [[out for out in outs if out.topic == "exceptions"] for outs in (with_, without)]
    changed, same = (said(outs, but=KIND) for outs in of_exceptions)
    assert changed == same
