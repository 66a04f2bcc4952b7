"""Kinds of trade (`trade.yaml`): what is right of each by contract and catalogue, under the built-in policy and with nothing learned.

Events are written as in stories. `until`: when it is looked at; `open`: the kinds that stand open then; `over`: those that are resolved.
What stands open and hidden behind another kind is left to the comparison with the judge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import yaml

from dataflows.core.rules.load import load_policy
from tests.oracle.judge import judge
from tests.oracle.judging.reading import instant
from tests.oracle.judging.settings import Policy
from tests.property.test_engine import standing_of
from tests.support.engine import records_of, run, standing
from tests.support.stories import event, rfc3339

LAST = "11-30 10:00"
BUILT_IN = load_policy(None)


class Trade(NamedTuple):
    """One case; `until` is an instant of the contract."""

    title: str
    lines: tuple[dict[str, object], ...]
    until: str
    open: frozenset[str]
    over: frozenset[str]

    def __str__(self) -> str:
        return self.title


def _cases() -> list[Trade]:
    read = cast("list[dict[str, Any]]", yaml.safe_load(Path(__file__).with_name("trade.yaml").read_text(encoding="utf-8")))
    return [
        Trade(
            one["case"],
            tuple(event(line, number) for number, line in enumerate(one["events"].splitlines())),
            rfc3339(one.get("until", LAST)),
            frozenset(one.get("open", ())),
            frozenset(one.get("over", ())),
        )
        for one in read
    ]


@pytest.mark.parametrize("case", _cases(), ids=str)
def test_trade_is_judged_as_it_should_be(case: Trade) -> None:
    """By the engine what is written, and by the judge the same as by the engine."""
    until = instant(case.until)
    found = standing(run(records_of(case.lines), BUILT_IN, until))
    by_status = {status: {one.kind for one in found if one.status == status} for status in ("open", "resolved")}
    assert by_status == {"open": set(case.open), "resolved": set(case.over)}
    judged = {standing_of(one) for one in judge(case.lines, Policy(), until)}
    assert found == judged
