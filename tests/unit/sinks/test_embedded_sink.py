"""The output logs of an embedded installation: what was said before a crash is not said twice, and none of it moves."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from schemas.output import OutputRecord
from sinks.embedded.sink import EmbeddedSink, read_all
from sinks.jsonl import UnwritableError
from sinks.kafka.stats import WriterStats

if TYPE_CHECKING:
    from pathlib import Path

SAID = 60


def said(number: int, shard: str) -> OutputRecord:
    """An exception, as the so many-th that a shard ever said."""
    return OutputRecord(
        number, "A-1", "exceptions", "exception.raised", "", b'{"id":"%s-%d"}' % (shard.encode(), number), shard=shard, number=number
    )


def places(data: Path) -> dict[int, bytes]:
    """What stands where."""
    return {record.offset: record.content for record in read_all(data)["exceptions"]}


@pytest.mark.parametrize("seed", range(20))
def test_whenever_it_is_killed_each_record_stands_once_and_where_it_stood(tmp_path: Path, seed: int) -> None:
    """Each start says again what came after the last snapshot, in batches of its own; nothing is closed before a kill."""
    lots, stats = Random(seed), WriterStats()
    everything = [said(number, shard) for number in range(1, SAID // 2 + 1) for shard in ("s01", "s02")]
    token, done, before = None, 0, dict[int, bytes]()
    while done < len(everything):
        part = EmbeddedSink(tmp_path, "state", stats).build_part("out", "exceptions", token)
        at = done
        for _ in range(lots.randrange(1, 5)):
            count = lots.randrange(0, 12)
            part.write_batch([everything[at : at + count]])
            at = min(at + count, len(everything))
            if lots.random() < 0.4:
                token, done = part.snapshot(), at
        now = places(tmp_path)
        assert before.items() <= now.items(), "a record that somebody may have read is gone or another one"
        before = now
    assert [before[offset] for offset in sorted(before)] == [output.body for output in everything]
    assert stats.mismatches.total() == 0


def test_a_log_of_another_state_is_refused(tmp_path: Path) -> None:
    """Two engines must not share one."""
    EmbeddedSink(tmp_path, "one", WriterStats()).build_part("out", "exceptions", None).close()
    with pytest.raises(UnwritableError):
        EmbeddedSink(tmp_path, "other", WriterStats()).build_part("out", "exceptions", None)
