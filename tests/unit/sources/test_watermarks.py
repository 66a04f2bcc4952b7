"""Watermarks of feeds: which records give one, and that the cut of a log does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.feeds import FeedOf
from schemas.instants import MINUTE, SECOND
from schemas.record import FeedWatermark
from sources.batch import END
from sources.files import FileSource
from sources.watermarks import NO_FEED, WatermarkSampler
from tests.support.logs import HOUR, T0, line, record

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.record import Record
    from sources.batch import Refusal

LATE = 15 * MINUTE
FEEDS = {"/carrier": LATE, "/carrier/ups": LATE, "/warehouse/ams1": LATE}


@pytest.mark.parametrize(
    ("source", "feed"),
    [
        ("/carrier/ups", "/carrier/ups"),
        ("/carrier/ups/nl", "/carrier/ups"),
        ("/carrier/upsy", "/carrier"),
        ("/carrier", "/carrier"),
        ("/carriers", None),
        ("/warehouse", None),
        ("urn:carrier", None),
        ("", None),
    ],
)
def test_a_source_belongs_to_the_longest_prefix_that_ends_where_a_part_does(source: str, feed: str | None) -> None:
    """Twice, since answers are remembered."""
    feed_of = FeedOf(FEEDS)
    assert (feed_of(source), feed_of(source)) == (feed, feed)


def test_what_is_remembered_of_sources_is_bounded() -> None:
    """Whoever makes up sources does not fill the memory, and answers stay right."""
    feed_of = FeedOf(FEEDS)
    assert [feed_of(f"/carrier/{n}") for n in range(FeedOf.MOST + 5)] == ["/carrier"] * (FeedOf.MOST + 5)


def test_the_first_record_of_a_feed_in_a_second_gives_its_mark() -> None:
    """Right after it in the log; its value is when it happened, at most when it was logged; each feed and partition counts for itself."""
    sampler = WatermarkSampler(FEEDS)
    first = record(line("1", T0, source="/carrier/ups"), T0 + HOUR, offset=7)
    assert sampler.sample(first) == FeedWatermark(T0 + HOUR, "t", 0, 7, 1, "/carrier/ups", T0, late=True)
    assert sampler.sample(record(line("2", T0 + HOUR, source="/carrier/ups"), T0 + HOUR + SECOND - 1)) is None
    early = sampler.sample(record(line("3", T0 + 9 * HOUR, source="/carrier/dhl"), T0 + HOUR))
    assert early is not None
    assert (early.feed, early.at) == ("/carrier", T0 + HOUR)
    assert sampler.sample(record(line("4", T0, source="/carrier/ups"), T0 + HOUR, topic="other")) is not None
    assert sampler.sample(record(line("5", T0, source="/carrier/ups"), T0 + HOUR + SECOND)) is not None


def test_the_first_late_record_of_a_second_gives_a_mark_besides() -> None:
    """Whether a feed still tells what it has missed does not hang on what it tells in time in that second."""
    sampler, second = WatermarkSampler(FEEDS), T0 + HOUR
    ages = (0, LATE, LATE + 1, 2 * LATE)
    marks = [sampler.sample(record(line(str(n), second - age, source="/carrier/ups"), second)) for n, age in enumerate(ages)]
    assert [mark and mark.late for mark in marks] == [False, None, True, None]
    again = WatermarkSampler(FEEDS, sampler.state())
    assert again.sample(record(line("4", T0, source="/carrier/ups"), second + 1)) is None
    first = again.sample(record(line("5", T0, source="/carrier/ups"), second + SECOND))
    assert first is not None
    assert first.late
    assert again.sample(record(line("6", second, source="/carrier/ups"), second + SECOND)) is None


def test_the_first_record_of_a_partition_says_that_the_log_has_begun() -> None:
    """Once, whatever its feed: a feed that never speaks is missed from then on, also by a shard that has no order."""
    sampler = WatermarkSampler(FEEDS)
    assert sampler.sample(record(line("1", T0, source="/desk"), T0 + HOUR, offset=3)) == FeedWatermark(T0 + HOUR, "t", 0, 3, 1, NO_FEED, T0)
    assert sampler.sample(record(line("2", T0, source="/desk"), T0 + 2 * HOUR)) is None
    assert WatermarkSampler(FEEDS, sampler.state()).sample(record(line("3", T0, source="/desk"), T0 + 3 * HOUR)) is None


def test_a_heartbeat_gives_a_mark() -> None:
    """A feed that has nothing to say of any order is alive all the same."""
    beat = record(line("1", T0, "feed.heartbeat", order=None, source="/carrier/ups"), T0)
    assert WatermarkSampler(FEEDS).sample(beat) is not None


def test_a_sampler_that_is_stored_and_made_again_gives_the_same_marks() -> None:
    """What it has said stands in its state, as plain data."""
    lines = [line(str(n), T0 if n % 2 else T0 + HOUR, source="/carrier/ups") for n in range(12)]
    log = [record(one, T0 + HOUR + n * SECOND // 3, offset=n) for n, one in enumerate(lines)]
    whole = WatermarkSampler(FEEDS).among(list(log))
    for cut in range(len(log)):
        before = WatermarkSampler(FEEDS)
        pieces = before.among(log[:cut])
        pieces += WatermarkSampler(FEEDS, before.state()).among(log[cut:])
        assert pieces == whole
    assert len(whole) == len(log) + 6, "two in a second that begins with one in time, else one"


def test_a_replay_gives_the_same_marks_however_its_files_are_read(tmp_path: Path) -> None:
    """Each right after its record in log order, file by file, whatever the chunks."""
    paths: list[str] = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.jsonl"
        path.write_bytes(b"".join(line(f"{name}{n}", T0 + n * SECOND // 2, source="/carrier/ups") + b"\n" for n in range(20)))
        paths.append(str(path))
    found: list[list[tuple[object, ...]]] = []
    for chunk in (100, 1 << 20):
        part = FileSource(paths, chunk_bytes=chunk, feeds=FEEDS).build_part("events", "files", None)
        items: list[Record | Refusal | FeedWatermark] = []
        watermark = 0
        while watermark < END:
            (batch,) = part.next_batch()
            items += batch.items
            watermark = batch.watermark
        found.append([(type(item).__name__, item.log, item.topic, item.partition, item.offset, item.sub) for item in items])
        assert sum(isinstance(item, FeedWatermark) for item in items) == 20
        assert found[-1] == sorted(found[-1], key=lambda place: place[1:])
    assert found[0] == found[1]


def test_without_declared_feeds_items_are_passed_on_as_they_are() -> None:
    """The very list: nothing is copied."""
    items = [record(line("1", T0, source="/carrier/ups"), T0)]
    assert WatermarkSampler({}).among(items) is items
