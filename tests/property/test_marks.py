"""Marks only save work: an engine that judges every rule at every event says the same, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import orjson
import pytest
from hypothesis import given

from dataflows.core.rules import RULES
from dataflows.core.rules.load import load_policy
from schemas.events import DATA_MODELS
from sources.simulator import expected, policy_text, stream
from tests.oracle.judging.reading import micros
from tests.property.histories import History, examples, histories
from tests.property.test_engine import TALKATIVE
from tests.support.engine import records_of, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

ALWAYS = (*DATA_MODELS, "note", "future")
THOROUGH = tuple(replace(rule, on=ALWAYS, arms=(), needs=(), unless=(), met_by=(), dated=None, silence=False, fits=None) for rule in RULES)


def said(lines: Sequence[Mapping[str, object]], policy: Policy, until: int, *, thorough: bool) -> list[str]:
    """Everything that is said: when, of which order, what, and a digest of all of it."""
    with pytest.MonkeyPatch.context() as patch:
        for room in ("engine", "profile"):
            patch.setattr(f"dataflows.core.{room}.RULES", THOROUGH if thorough else RULES)
        outs: list[OutputRecord] = run(records_of(lines), policy, until)
    return [f"{out.log} {out.order} {out.type} {out.kind} {out.data.get('scope')} {sha256(out.body).hexdigest()[:8]}" for out in outs]


@examples(120)
@given(histories())
def test_an_engine_that_always_looks_says_the_same_of_random_histories(history: History) -> None:
    """No mark that a rule names, and none that it leaves out, changes what is said."""
    lines, until = history.lines(), micros(history.last + 40 * timedelta(days=1))
    assert said(lines, TALKATIVE, until, thorough=True) == said(lines, TALKATIVE, until, thorough=False)


def test_an_engine_that_always_looks_says_the_same_of_a_world(tmp_path: Path) -> None:
    """The same over a simulated world with every kind of fault."""
    path = tmp_path / "world.policy.yaml"
    path.write_text(policy_text(), encoding="utf-8")
    policy = load_policy(path)
    lines = [cast("dict[str, object]", orjson.loads(line)) for line in stream(400, 5)]
    lines = [line for line in lines if line["type"] != "feed.heartbeat"]
    header, *_ = expected(400, 5)
    assert header
    until = max(record.log for record in records_of(lines)) + 86_400_000_000
    assert said(lines, policy, until, thorough=True) == said(lines, policy, until, thorough=False)
