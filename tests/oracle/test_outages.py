"""Outages of a feed of real orders: nothing is raised that rests on it, and once it has told what it missed no more than without them."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dataflows.core.policy import FeedPolicy
from dataflows.core.rules.load import load_policy
from schemas.instants import DAY, HOUR, MINUTE, SECOND
from sources.watermarks import WatermarkSampler
from tests.oracle.judging.reading import instant
from tests.oracle.test_olist import DATA, POLICY
from tests.support.engine import records_of, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.output import OutputRecord

FEED, CAPTURE = "/payments/olist", "payment.capture_overdue"
Json = dict[str, str]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the Olist data is not beside the project (licence: not part of it)"),
]


class Outage(NamedTuple):
    """Orders placed in some days, and from when until when the feed told nothing."""

    orders: tuple[str, str]
    since: str
    until: str


REAL = (
    Outage(("2018-04-16", "2018-04-26"), "2018-04-20T11:21:17Z", "2018-04-24T17:11:29Z"),
    Outage(("2018-06-28", "2018-07-07"), "2018-07-02T23:50:04Z", "2018-07-05T16:01:00Z"),
)
"""101 and 64 hours, the second with one straggler; what was paid meanwhile is dated by the recovery."""
MADE_UP = Outage(("2018-05-05", "2018-05-20"), "2018-05-08T11:00:00Z", "2018-05-12T16:00:00Z")
"""An outage in good times: what was paid meanwhile is told afterwards, in no order."""


@pytest.fixture(scope="module")
def events() -> list[Json]:
    """All events, in the order of the file."""
    with gzip.open(DATA / "events.jsonl.gz") as file:
        return [json.loads(text) for text in file]


def iso(at: int) -> str:
    """An instant of µs as the contract writes it."""
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat()


def log_of(events: list[Json], outage: Outage, *, happens: bool) -> list[Json]:
    """The log of the orders, with a heartbeat of the feed each hour, but not while it is out if that `happens`."""
    low, high = outage.orders
    placed = {event["subject"] for event in events if event["type"] == "order.placed" and low <= event["time"] < high}
    since, until, lots = instant(outage.since), instant(outage.until), Random(1)
    lines: list[Json] = []
    for event in events:
        if event["subject"] in placed:
            late = happens and event["source"] == FEED and since < instant(event["time"]) < until
            lines.append({**event, "recordedtime": iso(until + lots.randrange(20 * MINUTE))} if late else event)
    lines += [
        {"specversion": "1.0", "id": f"beat {at}", "source": FEED, "type": "feed.heartbeat", "time": iso(at)}
        for at in range(instant(f"{low}T00:00:00Z"), instant(f"{high}T00:00:00Z") + 10 * DAY, HOUR)
        if not (happens and since < at < until)
    ]
    return sorted(lines, key=lambda line: instant(line.get("recordedtime", line["time"])))


def said(lines: list[Json]) -> list[OutputRecord]:
    """What is said where overdue captures wait for the feed, which may be silent for half a day."""
    policy = load_policy(POLICY)
    waiting = tuple(replace(s, feeds=("payments",)) if s.kind == CAPTURE else s for s in policy.base)
    records, sampler = records_of(lines), WatermarkSampler({FEED: 15 * MINUTE})
    marks = [mark for record in records if (mark := sampler.sample(record)) is not None]
    orders = [record for record in records if record.order]
    return run(orders, replace(policy, base=waiting, feeds={FEED: FeedPolicy(0, 12 * HOUR)}), records[-1].log, marks=marks)


def captures(outs: list[OutputRecord], *types: str) -> Iterator[OutputRecord]:
    """What is said of overdue captures, first said only if no types are named."""
    for out in outs:
        if out.topic == "exceptions" and out.kind == CAPTURE and (out.type in types if types else out.data["sequence"] == 1):
            yield out


@pytest.mark.parametrize("outage", [*REAL, MADE_UP], ids=["101 h", "64 h", "made up"])
def test_an_outage_raises_nothing_that_rests_on_it_and_a_recovery_no_more_than_without(events: list[Json], outage: Outage) -> None:
    """Nor is anything taken back afterwards: what the feed missed was in before it was judged by."""
    outs, undisturbed = (said(log_of(events, outage, happens=happens)) for happens in (True, False))
    stale = next(out.log for out in outs if out.type == "feed.stale")
    recovered = next(out.log for out in outs if out.type == "feed.recovered")
    assert not [out for out in captures(outs) if stale <= out.log < recovered + 15 * MINUTE]
    assert len(list(captures(outs))) <= len(list(captures(undisturbed)))
    raised = [len(list(captures(each, "exception.raised"))) for each in (outs, undisturbed)]
    assert raised[0] <= raised[1]
    assert not list(captures(outs, "exception.retracted"))
