"""A world told at a pace: the clock decides when events come, never where they stand."""

from __future__ import annotations

from sources.batch import END
from sources.paced import PacedLines, PacedSource, recorded
from tests.support.logs import HOUR, T0, line


def test_a_line_is_handed_out_once_its_time_has_come() -> None:
    """Not before, all that are due at once, and None when all are told."""
    now = T0
    lines = PacedLines(iter([line("a", T0), line("b", T0 + 1), line("c", T0 + HOUR)]), lambda: now)
    assert lines.read() == [line("a", T0)]
    assert lines.read() == []
    now = T0 + 1
    assert lines.read() == [line("b", T0 + 1)]
    now = T0 + 2 * HOUR
    assert lines.read() == [line("c", T0 + HOUR)]
    assert lines.read() is None


def test_an_event_comes_when_it_was_recorded() -> None:
    """Late evidence is told late."""
    assert recorded(line("late", T0, recorded=T0 + HOUR)) == T0 + HOUR
    assert recorded(line("prompt", T0)) == T0


def test_at_the_end_time_passes_to_until() -> None:
    """The last batch ends the channel; deadlines after the last event fire."""
    source = PacedSource(iter([line("a", T0), line("b", T0 + HOUR)]), start=T0, until=T0 + 9 * HOUR, speed=1e9)
    part = source.build_part("events", "world", None)
    batches = part.next_batch()
    while not batches or batches[-1].watermark < END:  # how many there are depends on how fast this machine is
        batches += part.next_batch()
    assert batches[-1].until == T0 + 9 * HOUR
    assert [item.offset for batch in batches for item in batch.items] == [1, 2]
