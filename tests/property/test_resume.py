"""A live run that is killed at any instant and resumed says what one that was never disturbed says, under the same numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.rules.load import load_policy
from schemas.record import Record
from schemas.wire import Rejected, decode, micros
from sources.batch import Batch, Refusal
from sources.simulator import policy_text, stream
from sources.simulator.moments import END
from tests.property.histories import examples
from tests.support.graph import Graph, MemoryStores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

CHANNELS = ("events:00000", "events:00001", "scans:00000")
UNTIL = END * 1_000_000
Said = dict[tuple[str, int], tuple[str, str, int, bytes]]


@cache
def world() -> tuple[tuple[Record | Refusal, ...], ...]:
    """A simulated world in three partitions, in log order, with some junk."""
    lots = Random(5)
    channels: tuple[list[Record | Refusal], ...] = ([], [], [])
    greatest = [0, 0, 0]
    lines = [line for line in stream(150, 3) if b"heartbeat" not in line]
    for number, raw in enumerate(lines):
        line = b"{junk" if lots.random() < 0.01 else raw
        at = crc32(str(number).encode()) % 3
        offset = len(channels[at])
        try:
            event = decode(line)
        except Rejected as why:
            channels[at].append(Refusal(greatest[at], CHANNELS[at], at, offset, 0, why.reason, why.detail, line, len(line)))
            continue
        time = micros(event.time)
        own = time if event.recordedtime is None else micros(event.recordedtime)
        # Whole seconds: many records then share an instant, in several partitions.
        log = greatest[at] = max(greatest[at], own // 1_000_000 * 1_000_000)
        topic = CHANNELS[at].partition(":")[0]
        channels[at].append(Record(log, topic, at, offset, 0, time, event.subject or "", event, line, key=b"k", headers=(("h", b"v"),)))
    return tuple(tuple(records) for records in channels)


def fresh(items: Sequence[Record | Refusal]) -> list[Record | Refusal]:
    """The items as a source hands them out anew: the heart lets go of a record's bytes once it has taken it."""
    return [
        Record(i.log, i.topic, i.partition, i.offset, i.sub, i.at, i.order, decode(i.raw), i.raw, i.key, i.headers)
        if isinstance(i, Record)
        else i
        for i in items
    ]


class Partitions:
    """Where each partition has been read to; batches are drawn by lot."""

    def __init__(self, lots: Random, places: Sequence[int] = (0, 0, 0)) -> None:
        self._lots = lots
        self.places = list(places)

    @property
    def ended(self) -> bool:
        """Whether all has been read."""
        return all(place == len(records) for place, records in zip(self.places, world(), strict=True))

    def batches(self) -> list[Batch]:
        """The next batches: of some partitions, some records each, perhaps none."""
        lots = self._lots
        drawn: list[Batch] = []
        for number in lots.sample(range(3), lots.randrange(1, 4)):
            records, place = world()[number], self.places[number]
            step = lots.choice((0, 1, 5, 40, 200))
            items = records[place : place + step]
            self.places[number] = place + len(items)
            if self.places[number] == len(records):
                progress = UNTIL + 1
            else:
                progress = items[-1].log if items else (records[place - 1].log if place else 0)
            drawn.append(Batch(CHANNELS[number], progress, items and fresh(items)))
        return drawn


def note(said: Said, outs: Sequence[OutputRecord]) -> None:
    """Takes verdicts in; one that is said again must be the same."""
    for out in outs:
        content = (out.topic, out.order, out.log, out.body)
        assert said.setdefault((out.shard, out.number), content) == content


@cache
def undisturbed(*, learns: bool) -> Said:
    """What one run says that nobody disturbs."""
    said: Said = {}
    graph, partitions = Graph(rules(learns=learns), CHANNELS, hot=256), Partitions(Random(1))
    while not partitions.ended:
        note(said, graph.take(partitions.batches()))
    return said


@cache
def rules(*, learns: bool) -> Policy:
    """The world's policy; `learns`: without its list of milestones."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        text = policy_text()
        path.write_text("".join(line for line in text.splitlines(keepends=True) if not learns or "emits:" not in line), encoding="utf-8")
        return load_policy(path)


@examples(25)
@given(seed=st.integers(0, 2**32), learns=st.booleans())
def test_a_killed_run_says_the_same_under_the_same_numbers(seed: int, learns: bool) -> None:
    """Random batches, epochs and kills; what was said in a lost epoch is said again, number for number, and nothing besides.

    What was learned is kept too.
    """
    lots = Random(seed)
    policy = rules(learns=learns)
    stores = MemoryStores()
    said: Said = {}
    snapshots, places = dict[str, bytes](), [0, 0, 0]
    graph, partitions = Graph(policy, CHANNELS, stores, remote=True), Partitions(lots)
    kills = 0
    while not partitions.ended:
        note(said, graph.take(partitions.batches()))
        luck = lots.random()
        if luck < 0.25:
            snapshots, places = graph.snapshot(), list(partitions.places)
        elif luck < 0.45 and kills < 12:
            kills += 1
            graph, partitions = Graph(policy, CHANNELS, stores, snapshots, hot=lots.choice((2, 64)), remote=True), Partitions(lots, places)
    assert said == undisturbed(learns=learns)
