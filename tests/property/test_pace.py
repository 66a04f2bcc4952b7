"""What a shard knows of a feed follows from the log, not from the pace: how it is cut into runs, and when anybody asks, change nothing.

The feeds of this log fall silent and speak again within minutes, in time and late, so that one silence ends while another is still
waited for. `tests/property/test_feeds.py` holds what is said against the definition.
"""

from __future__ import annotations

from operator import attrgetter
from typing import NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.engine.feed_state import FeedState
from dataflows.core.engine.watermarks import Pending, WatermarkRun
from dataflows.core.policy import FeedPolicy
from schemas.instants import FAR, HOUR, MINUTE, SECOND
from schemas.record import FeedWatermark, Position, Record
from schemas.wire import decode
from sources.watermarks import WatermarkSampler
from tests.property.histories import examples
from tests.support.logs import T0, iso

FEED = "/payments"
POSITION = attrgetter("log", "topic", "partition", "offset", "sub")
GAPS = (0, SECOND // 2, MINUTE, 6 * MINUTE, 9 * MINUTE, 3 * HOUR)
AGES = (-MINUTE, 0, 0, 0, 15 * MINUTE, 16 * MINUTE, 4 * HOUR)
DELAYS, SILENCES = (0, 0, MINUTE, HOUR), (MINUTE, 5 * MINUTE, 5 * MINUTE, HOUR)


class Known(NamedTuple):
    """All that a shard knows of a feed at a position."""

    watermark: int
    counted: int
    stale: bool
    recovered: int
    held: int
    passes: tuple[int, ...]


class Log(NamedTuple):
    """Records of a feed, in log order, in some partitions, and what is expected of it."""

    terms: FeedPolicy
    records: list[Record]

    def marks(self) -> list[FeedWatermark]:
        """The watermarks, read through in one go."""
        sampler = WatermarkSampler({FEED: self.terms.late_after})
        return [mark for record in self.records if (mark := sampler.sample(record)) is not None]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """A log whose gaps are as long as its feed may be silent, or longer, or none."""
    terms = FeedPolicy(draw(st.sampled_from(DELAYS)), draw(st.sampled_from(SILENCES)))
    steps = st.tuples(st.sampled_from(GAPS), st.sampled_from(AGES), st.integers(0, 2))
    records: list[Record] = []
    log = T0
    for offset, (gap, age, partition) in enumerate(draw(st.lists(steps, min_size=5, max_size=40))):
        log += gap
        event: dict[str, object] = {
            "specversion": "1.0",
            "id": str(offset),
            "source": FEED,
            "type": "feed.heartbeat",
            "time": iso(log - age),
            "data": {},
        }
        raw = orjson.dumps(event)
        records.append(Record(log, "t", partition, offset, 0, log - age, "", decode(raw), raw))
    return Log(terms, sorted(records, key=POSITION))


def known(state: FeedState, log: int, place: Position | None) -> Known:
    """What is known at a position; `place` None: behind all records of `log`."""
    now = log if place is None else log - 1
    state.count(now)
    waiting = [T0 + n * 10 * MINUTE for n in range(-30, 60)]
    passes = tuple(max(state.passes(at), now) if state.watermark > at else FAR for at in waiting)
    stale = state.stale_since is not None or state.stale_at <= now
    return Known(state.watermark, state.counted, stale, state.recovered, state.held, passes)


def one_by_one(log: Log, asked: list[Position | int]) -> list[Known]:
    """What is known at some places if each watermark is taken in at its own, and time passes between all of them."""
    state, found = FeedState(log.terms, own=True, began=T0), list[Known]()
    marks = log.marks()
    for place in asked:
        at, exact = (place, None) if isinstance(place, int) else (place[0], place)
        while marks and (marks[0].log <= at if exact is None else marks[0].position < exact):
            state.count(marks[0].log - 1)
            state.hear(marks.pop(0))
        found.append(known(state, at, exact))
    return found


def in_runs(log: Log, asked: list[Position | int], cuts: list[int]) -> list[Known]:
    """What is known at those places if the watermarks come in runs of some length each, and nobody asks in between."""
    state, found = FeedState(log.terms, own=False, began=T0), list[Known]()
    marks, left = log.marks(), list(cuts)
    for place in asked:
        at, exact = (place, None) if isinstance(place, int) else (place[0], place)
        while marks and (marks[0].log <= at if exact is None else marks[0].position < exact):
            step = left.pop(0) if left else len(marks)
            # Not always in one run: partitions are read one before the other.
            for partition in sorted({mark.partition for mark in marks[:step]}, reverse=bool(step % 2)):
                run = WatermarkRun.of(mark for mark in marks[:step] if mark.partition == partition)
                state.pending += [Pending(track) for track in run.tracks.values()]
            del marks[:step]
        if state.pending:
            state.take(at, exact)
        found.append(known(state, at, exact))
    return found


@st.composite
def places(draw: st.DrawFn, log: Log) -> list[Position | int]:
    """Where somebody asks: before records, behind all of an instant, and long afterwards."""
    records = st.lists(st.sampled_from(log.records), max_size=4)
    wanted = [record.position for record in draw(records)]
    last = log.records[-1].log
    behind = [record.log for record in draw(records)] + [last + span * MINUTE for span in draw(st.lists(st.integers(0, 60), min_size=1))]
    return sorted([*wanted, *behind], key=lambda place: (place, "~", 0, 0, 0) if isinstance(place, int) else place)


@examples(400)
@given(logs(), st.data())
def test_what_is_known_of_a_feed_does_not_hang_on_the_pace(log: Log, data: st.DataObject) -> None:
    """Whichever runs the watermarks come in, and whether somebody asked before: the same is known at the same place."""
    asked = data.draw(places(log))
    cuts = data.draw(st.lists(st.integers(1, 9), max_size=20))
    assert in_runs(log, asked, cuts) == one_by_one(log, asked)


@examples(200)
@given(logs(), st.lists(st.integers(0, 40), max_size=6))
def test_what_is_told_of_a_feed_does_not_hang_on_where_reading_was_begun_again(log: Log, cuts: list[int]) -> None:
    """The same watermarks stand in the log, late ones included, wherever the source stopped and went on."""
    limits = {FEED: log.terms.late_after}
    sampler, found = WatermarkSampler(limits), list[FeedWatermark]()
    for number, record in enumerate(log.records):
        if number in cuts:
            sampler = WatermarkSampler(limits, sampler.state())
        if (mark := sampler.sample(record)) is not None:
            found.append(mark)
    assert found == log.marks()
    late = {(record.partition, record.log // SECOND) for record in log.records if record.log - record.at > limits[FEED]}
    assert {(mark.partition, mark.log // SECOND) for mark in found if mark.late} == late
