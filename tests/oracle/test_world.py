"""The simulated world at full size: the engine against the judge, and against what the simulator says must be found."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dataflows.core.rules.load import load_policy
from sources.simulator import write_world
from tests.oracle.judge import judge
from tests.oracle.judging.policies import read_policy
from tests.oracle.judging.reading import instant
from tests.support.engine import Standing, records_of, run, standing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oracle.judging.reading import Json

EVERYTHING_HOT = 1 << 20
"""Keeps all orders unpacked: packing is tested elsewhere, and takes time here."""


class Found(NamedTuple):
    """What a label says of an exception."""

    order: str
    kind: str
    scope: str | None
    status: str


class World(NamedTuple):
    """A written world: its events, the labels, where its policy lies and until when it is judged."""

    lines: list[Json]
    labels: set[Found]
    policy: Path
    until: int


def world(orders: int, seed: int, folder: Path) -> World:
    """Writes a world and reads it back."""
    summary = write_world(orders, seed, folder / "world.jsonl")
    labels = [json.loads(line) for line in summary.expected_path.read_bytes().splitlines()][1:]
    return World(
        [json.loads(line) for line in summary.path.read_bytes().splitlines()],
        {Found(label["order_id"], label["kind"], label["scope"], label["status"]) for label in labels},
        summary.policy_path,
        instant(summary.until),
    )


def engine(told: World) -> set[Standing]:
    """What stands at the world's end by the engine."""
    return standing(run(records_of(told.lines), load_policy(told.policy), told.until, hot=EVERYTHING_HOT))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A simulated world of 10,000 orders, with every kind of fault."""
    return world(10_000, 7, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def found(told: World) -> set[Standing]:
    """What the engine finds in it."""
    return engine(told)


@pytest.mark.slow
def test_the_engine_agrees_with_the_judge_on_ten_thousand_orders(told: World, found: set[Standing]) -> None:
    """On a simulated world every standing verdict of the engine, with episode, severity and deadline, is the judge's, and the reverse."""
    verdicts = judge(told.lines, read_policy(told.policy), told.until)
    judged = {Standing(one.tenant, one.order, one.kind, one.scope, one.episode, one.status, one.severity, one.due) for one in verdicts}
    assert sorted(found - judged, key=str) == []
    assert sorted(judged - found, key=str) == []


@pytest.mark.slow
def test_the_engine_finds_what_was_injected_and_nothing_else(told: World, found: set[Standing]) -> None:
    """Precision and recall against the simulator's labels are 1, for every kind."""
    counted = Counter(Found(one.order, one.kind, one.scope, one.status) for one in found)
    assert sorted(set(counted) - told.labels, key=str) == []
    assert sorted(told.labels - set(counted), key=str) == []
