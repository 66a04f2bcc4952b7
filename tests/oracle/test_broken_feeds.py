"""A carrier's feed that is broken from its first day, one that dies after a week, one test event of a new milestone: no miss, no storm.

On a simulated world under a policy that lists no milestones: what feeds tell of is learned. A feed that is broken is one line; against the
undisturbed world nothing is raised besides.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dataflows.core.policy import FeedPolicy
from dataflows.core.rules.load import load_policy
from schemas.learned import ENOUGH
from sources.simulator import stream
from sources.watermarks import WatermarkSampler
from tests.oracle.judging.reading import instant
from tests.support.engine import records_of, run
from tests.support.logs import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

    Line = dict[str, object]

UPS = "/carrier/ups"
NEVER_SEEN = "feed.never_seen"
SILENT = FeedPolicy(HOUR, 4 * DAY)
LEARNS = replace(load_policy(None), zone="Europe/Amsterdam")
WATCHES = replace(LEARNS, feeds={"/carrier": SILENT, UPS: SILENT})


class Raised(NamedTuple):
    """What an exception is about."""

    order: str
    kind: str
    scope: str | None


@cache
def world() -> tuple[Line, ...]:
    """The events of 250 orders, in the order of the log."""
    return tuple(json.loads(line) for line in stream(250, 5))


OPENED = instant(str(world()[0]["time"]))


def said(policy: Policy, left_out: Callable[[Line], bool] = lambda _: False, *more: Line) -> list[OutputRecord]:
    """What is said of the world without some of its events, and with others."""
    lines = [line for line in world() if not left_out(line)]
    for one in more:
        place = next(n for n, line in enumerate(lines) if str(line.get("recordedtime", line["time"])) >= str(one["time"]))
        lines.insert(place, one)
    records, sampler = records_of(lines), WatermarkSampler(policy.lateness)
    marks = [mark for record in records if (mark := sampler.sample(record)) is not None]
    return run(records, policy, records[-1].log + 3 * DAY, marks=marks)


@cache
def undisturbed(*, watched: bool) -> frozenset[Raised]:
    """What is raised of the whole world."""
    return raised(said(WATCHES if watched else LEARNS))


def raised(outs: list[OutputRecord]) -> frozenset[Raised]:
    """What is said of orders, each once."""
    scoped = ((out, out.data["scope"]) for out in outs if out.topic == "exceptions")
    return frozenset(Raised(out.order, out.kind, None if scope is None else str(scope)) for out, scope in scoped)


def incidents(outs: list[OutputRecord]) -> Counter[tuple[str, str]]:
    """What is said of feeds, how often."""
    return Counter((out.type, out.order) for out in outs if out.topic == "incidents")


def by_ups(line: Line) -> bool:
    """Whether an event is of the carrier."""
    return line["source"] == UPS


def test_a_feed_that_is_broken_from_its_first_day_is_one_line() -> None:
    """It is declared: it is stale, its first scans were never seen, and nothing that rests on it is raised of any of its parcels."""
    handed = [line for line in world() if line["type"] == "warehouse.shipped" and "'carrier': 'ups'" in str(line["data"])]
    assert len(handed) > 2 * ENOUGH
    outs = said(WATCHES, by_ups)
    assert {what: times for what, times in incidents(outs).items() if "ups" in what[1]} == {
        ("feed.stale", UPS): 1,
        (NEVER_SEEN, "ups: first_scan"): 1,
    }
    assert raised(outs) - undisturbed(watched=True) == set()


def test_it_is_one_line_where_nobody_declared_it() -> None:
    """Nothing that is learned is missed. Deliveries are waited for from the start: a promise that has passed is told, of each order."""
    outs = said(LEARNS, by_ups)
    assert incidents(outs) == {(NEVER_SEEN, "ups: first_scan"): 1}
    assert {one.kind for one in raised(outs) - undisturbed(watched=False)} == {"shipment.delivery_overdue"}


def test_a_feed_that_dies_after_a_week_is_one_line() -> None:
    """What it told of is learned by then, and none of it is missed of the parcels that it never tells of."""
    outs = said(WATCHES, lambda line: by_ups(line) and instant(str(line["time"])) >= OPENED + 7 * DAY)
    assert {what: times for what, times in incidents(outs).items() if "ups" in what[1]} == {("feed.stale", UPS): 1}
    assert raised(outs) - undisturbed(watched=True) == set()


@pytest.mark.parametrize(
    "test",
    [
        {"source": UPS, "type": "carrier.scan", "data": {"status": "in_transit", "tracking_number": "TEST-1", "carrier": "ups"}},
        {"source": "/warehouse/ams1", "type": "warehouse.packed", "subject": "TEST", "data": {"site": "ams1"}},
        {"source": "/payments/adyen", "type": "payment.authorized", "subject": "TEST", "data": {"payment_id": "test"}},
    ],
    ids=["first scan", "packed", "authorized"],
)
def test_one_test_event_of_a_new_milestone_arms_nothing(test: Line) -> None:
    """The world with it says what the world without it says, but for the test itself."""

    def new(line: Line) -> bool:
        return line["type"] == test["type"] and line["source"] == test["source"]

    time = str(world()[200]["time"])
    with_it = said(LEARNS, new, {"specversion": "1.0", "id": "test", "time": time, **test})
    of_others = {one for one in raised(with_it) if "TEST" not in one.order}
    assert of_others == raised(said(LEARNS, new))
    assert incidents(with_it) == {}
