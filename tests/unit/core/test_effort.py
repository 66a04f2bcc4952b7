"""An order that the rules have too much work with is given up: counted, so that it happens at the same event in every run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dataflows.core.engine.effort import TOO_MUCH, effort
from dataflows.core.engine.shard import Shard
from dataflows.core.policy import Policy
from dataflows.core.rules.load import load_policy
from tests.bench.growth import SORTS
from tests.support.engine import records_of
from tests.support.logs import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.output import OutputRecord
    from schemas.record import Record

SIZE, MOST = 60, 1_500
GROWING = ("declines", "holds_open", "refunds", "replaces_chain", "scans_exceptions_each", "shipments_one_order", "updates")


@pytest.fixture(autouse=True)
def _one_unit_for_each_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small orders come to the limit of work, and not to that of events."""
    monkeypatch.setattr("dataflows.core.engine.shard.WORK", 1)


def limited(most_work: int) -> Policy:
    """A policy under which an order may be so much work."""
    policy = load_policy(None)
    return replace(policy, retention=replace(policy.retention, most_events=most_work))


def shard(most_work: int) -> Shard:
    """A shard whose orders may be so much work."""
    return Shard(limited(most_work))


def of_order(sort: str) -> list[Record]:
    """The events of a sort that name their order."""
    return [one for one in records_of(SORTS[sort](SIZE)) if one.order]


def said(outs: Iterable[OutputRecord]) -> list[tuple[int, str, bytes]]:
    """What was said and when."""
    return [(out.log, out.topic, out.body) for out in outs]


def told(outs: Iterable[OutputRecord]) -> list[str]:
    """Why records were rejected, and what failed."""
    return [out.kind for out in outs if out.topic == "rejects" or out.kind == "data.rule_failed"]


@pytest.mark.parametrize("sort", GROWING)
def test_an_order_that_costs_too_much_is_quarantined(sort: str) -> None:
    """That is said once with the reason; each later record is rejected; another order of the shard does not notice."""
    one = shard(MOST)
    records = of_order(sort)
    for record in records:
        one.apply(record)
    outs = one.drain()
    (failed,) = (out for out in outs if out.kind == "data.rule_failed")
    assert f"({TOO_MUCH})" in str(failed.data["summary"])
    rejects = [out for out in outs if out.kind == "order_quarantined"]
    assert {out.data["detail"] for out in rejects} == {TOO_MUCH}
    assert one.counts.rejected == {"order_quarantined": len(rejects)}
    given_up = next(place for place, record in enumerate(records) if record.log == failed.log)
    assert [out.data["offset"] for out in rejects] == [record.offset for record in records[given_up + 1 :]]
    other = records_of(SORTS["scans_one_order"](20))
    for record in other:
        record.order, record.log = "B", record.log + DAY
        one.apply(record)
    assert told(one.drain()) == []
    assert one.find("default", "B") is not None


@pytest.mark.parametrize("sort", GROWING)
@pytest.mark.parametrize("hot", [1, 3 << 20])
def test_it_happens_at_the_same_event_after_a_restart(sort: str, hot: int) -> None:
    """Restored at any event, and with orders that are packed at each, the same is said; and no order counts other work."""
    policy = limited(MOST)
    whole = Shard(policy)
    for record in of_order(sort):
        whole.apply(record)
    outs: list[OutputRecord] = []
    parts = Shard(policy, hot)
    for place, record in enumerate(of_order(sort)):
        if place % 7 == 3:
            outs += parts.drain()
            rows = dict(parts.rows())
            parts = Shard(policy, hot)
            parts.restore(rows.items())
        parts.apply(record)
    assert said(outs + parts.drain()) == said(whole.drain())


def test_scans_are_folded() -> None:
    """Thousands of scans of a parcel are hardly any work, even while an exception stands open."""
    one = shard(20_000)
    for record in records_of(SORTS["scans_one_order"](2_000)):
        one.apply(record)
    assert told(one.drain()) == []
    order = one.find("default", "A")
    assert order is not None
    assert order.live
    assert effort(order, whole=False) == 2 + len(order.exceptions.states)
    assert effort(order, whole=True) == 4 * (2 + 2_000 // 8 + len(order.exceptions.states))


def test_lines_count_by_what_changes() -> None:
    """A change of what is owed is judged of each line."""
    one = shard(1 << 30)
    for record in records_of(SORTS["lines_cancelled_each"](20)):
        one.apply(record)
    order = one.find("default", "A")
    assert order is not None
    assert effort(order, whole=False) == 21 + 20 * 21 // 4 + len(order.exceptions.states)
