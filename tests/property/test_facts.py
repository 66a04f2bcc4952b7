"""Facts are folded: in whatever order events arrive, and whatever of them is withdrawn, they say what the whole history says."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.history import folding
from dataflows.core.history.facts import Facts
from dataflows.core.history.timeline import Added, Timeline
from schemas.record import Record
from tests.property.histories import History, examples, histories
from tests.property.policies import MILESTONES, policy_of
from tests.property.strewn import CLOCKS, strewn
from tests.support.engine import records_of
from tests.support.facts import NAMES, told

if TYPE_CHECKING:
    from collections.abc import Sequence

WHEN = ({"carrier": "ups"}, {"site": "w1"}, {"service": "express"}, {"hold": "fraud"})
"""What settings depend on, so that the facts tell it."""
POLICY = policy_of(
    {
        "emits": list(MILESTONES),
        "sites": CLOCKS["sites"],
        "overrides": [{"when": when, "rules": {"order.stalled": {"switch": "on", "severity": "high"}}} for when in WHEN],
    }
)


def whole(timeline: Timeline) -> Facts:
    """The facts of a history that has only now been read: as those of an order that was unpacked."""
    again = Timeline()
    again.fill(list(timeline.records), timeline.hidden)
    return Facts(again, POLICY, "default", 0)


def keep_up(records: Sequence[Record], asked: Sequence[bool], lots: Random) -> None:
    """Takes records in one after another; after those that are `asked`, and at the end, compares what is folded with what is read.

    After others some facts are asked for, by lot, so that not all of them are folded from the same event on.
    """
    timeline = Timeline()
    facts = Facts(timeline, POLICY, "default", 0)
    for number, record in enumerate(records):
        added = timeline.add(record)
        if added is Added.APPENDED:
            folding.take(facts, record)
        elif added is Added.INSERTED:
            folding.reread(facts, (record, *timeline.moved))
        if asked[number % len(asked)] or number + 1 == len(records):
            assert told(facts) == told(whole(timeline))
        elif facts.placed is not None:
            for name in lots.sample(NAMES, 3):
                getattr(facts, name)


@examples(300)
@given(histories(chapters=2), st.lists(st.booleans(), min_size=1, max_size=5), st.integers(0, 1 << 32))
def test_folded_facts_are_those_of_the_whole_history(history: History, asked: list[bool], seed: int) -> None:
    """In log order, and in any other; duplicates and withdrawals included."""
    lots = Random(seed)
    lines = history.lines()
    for events in (lines, strewn(lines, lots)):
        records = [record for record in records_of(events) if record.order]
        for order in sorted({record.order for record in records}):
            own = [record for record in records if record.order == order]
            keep_up(own, asked, lots)
            shuffled = [*own, *own[:3]]
            lots.shuffle(shuffled)
            keep_up(shuffled, asked, lots)
