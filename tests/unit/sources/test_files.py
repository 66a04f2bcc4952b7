"""JSONL files as one channel in log order."""

from __future__ import annotations

import gzip
import io
import sys
from random import Random
from typing import TYPE_CHECKING

import pytest

from schemas.record import FeedWatermark, Record
from schemas.wire import MAX_BYTES
from sources.batch import END, Refusal
from sources.files import FileSource
from sources.lines import UnreadableSourceError
from tests.support.logs import DAY, HOUR, MINUTE, T0, line

if TYPE_CHECKING:
    from pathlib import Path

Item = Record | Refusal


def read(*paths: str | Path, chunk: int = 1 << 20, until: int | None = None, out_of_order: int = HOUR) -> tuple[list[Item], int | None]:
    """Everything that comes out of some files, and up to when time passes at the end; checks that watermark is kept."""
    source = FileSource([str(path) for path in paths], until=until, out_of_order=out_of_order, chunk_bytes=chunk)
    part = source.build_part("events", "files", None)
    items: list[Item] = []
    before = -(1 << 63)
    while True:
        try:
            (batch,) = part.next_batch()
        except UnreadableSourceError:
            part.close()
            raise
        assert batch.watermark >= before
        assert all(before <= item.log < batch.watermark for item in batch.items)
        items += [item for item in batch.items if not isinstance(item, FeedWatermark)]
        before = batch.watermark
        if batch.watermark == END:
            with pytest.raises(StopIteration):
                part.next_batch()
            return items, batch.until


def ids(items: list[Item]) -> list[str]:
    """The event IDs, or the reasons of refusals."""
    return [item.event.id if isinstance(item, Record) else item.reason for item in items]


def write(path: Path, *lines: bytes) -> Path:
    """A file of these lines."""
    path.write_bytes(b"".join(text + b"\n" for text in lines))
    return path


def test_records_come_out_in_log_order(tmp_path: Path) -> None:
    """Lines that stand a little behind their place are put there."""
    path = write(tmp_path / "e.jsonl", line("a", T0), line("c", T0 + 2 * MINUTE), line("b", T0 + MINUTE), line("d", T0 + DAY))
    items, until = read(path)
    assert ids(items) == ["a", "b", "c", "d"]
    assert [item.offset for item in items] == [1, 3, 2, 4]
    assert {(item.topic, item.partition) for item in items} == {("e.jsonl", 0)}
    assert until == T0 + DAY


def test_recordedtime_is_the_log_time(tmp_path: Path) -> None:
    """Late evidence is late because it was recorded late."""
    late = line("late", T0 - 30 * DAY, recorded=T0 + MINUTE)
    items, _ = read(write(tmp_path / "e.jsonl", line("a", T0), late, line("b", T0 + HOUR)))
    assert [(item.event.id, item.log, item.at) for item in items if isinstance(item, Record)][1] == ("late", T0 + MINUTE, T0 - 30 * DAY)


def test_the_chunk_size_changes_nothing(tmp_path: Path) -> None:
    """The same bytes give the same records at the same positions, however they are read."""
    rng = Random(5)
    lines = [line(f"e{n}", T0 + n * MINUTE + rng.randrange(-50, 50) * MINUTE) for n in range(400)]
    lines[37] = line("absurd", T0 + 5_000 * DAY)
    lines[120] = b"not json"
    lines[200:] = [line(f"later{n}", T0 + 40 * DAY + n * MINUTE) for n in range(200)]
    path = write(tmp_path / "e.jsonl", *lines)
    whole = [(item.log, item.offset) for item in read(path)[0]]
    assert len(whole) == 400
    for chunk in (64, 1_000, 7_777):
        assert [(item.log, item.offset) for item in read(path, chunk=chunk)[0]] == whole


def test_gzip_and_standard_input_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compression is recognised by content; its suffix is no part of the label."""
    lines = [line("a", T0), line("b", T0 + MINUTE)]
    plain = write(tmp_path / "e.jsonl", *lines)
    packed = tmp_path / "e.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    expected = [(item.topic, item.offset) for item in read(plain)[0]]
    assert [(item.topic, item.offset) for item in read(packed)[0]] == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(packed.read_bytes()))))
    assert ids(read("-")[0]) == ["a", "b"]


def test_several_files_are_merged_by_log_time(tmp_path: Path) -> None:
    """Whichever file a record stands in, it comes at its time; the same file twice gives everything twice."""
    one = write(tmp_path / "1.jsonl", *(line(f"x{n}", T0 + n * HOUR) for n in range(0, 48, 2)))
    two = write(tmp_path / "2.jsonl", *(line(f"x{n}", T0 + n * HOUR) for n in range(1, 48, 2)))
    items, until = read(one, two, chunk=200)
    assert ids(items) == [f"x{n}" for n in range(48)]
    assert until == T0 + 47 * HOUR
    twice = read(one, one)[0]
    assert [item.partition for item in twice] == [0, 1] * 24


def test_records_after_until_are_left_out(tmp_path: Path) -> None:
    """`until` is inclusive, and time passes exactly there."""
    path = write(tmp_path / "e.jsonl", line("a", T0), line("b", T0 + MINUTE), line("c", T0 + MINUTE + 1))
    items, until = read(path, until=T0 + MINUTE)
    assert ids(items) == ["a", "b"]
    assert until == T0 + MINUTE


def test_blank_lines_and_a_missing_last_line_feed_are_nothing(tmp_path: Path) -> None:
    """Only content counts, but every line has its number."""
    path = tmp_path / "e.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\n  \r\n" + line("a", T0) + b"\r\n\n" + line("b", T0))
    items, _ = read(path)
    assert [(item.offset, item.event.id) for item in items if isinstance(item, Record)] == [(3, "a"), (5, "b")]


def test_an_empty_file_ends_at_once(tmp_path: Path) -> None:
    """There is nothing to wait for, and no time passes."""
    assert read(write(tmp_path / "e.jsonl")) == ([], None)


@pytest.mark.parametrize("chunk", [4_096, 1 << 20, 8 << 20])
@pytest.mark.parametrize("size", [MAX_BYTES + 1, MAX_BYTES + 500_000, 3 * MAX_BYTES])
def test_a_line_that_is_too_long_is_refused_and_not_kept_whole(tmp_path: Path, chunk: int, size: int) -> None:
    """Its beginning is kept up to the limit, its true size is said, and its neighbours are unharmed."""
    path = write(tmp_path / "e.jsonl", line("a", T0), b"x" * size, line("b", T0))
    items, _ = read(path, chunk=chunk)
    (refusal,) = (item for item in items if isinstance(item, Refusal))
    assert (refusal.reason, refusal.offset, refusal.size, len(refusal.raw)) == ("too_large", 2, size, MAX_BYTES)
    assert sorted(ids(items)) == ["a", "b", "too_large"]


def test_a_line_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    """The limit itself is allowed."""
    event = line("a", T0)
    padded = event[:-1] + b" " * (MAX_BYTES - len(event)) + b"}"
    assert ids(read(write(tmp_path / "e.jsonl", padded), chunk=10_000)[0]) == ["a"]


def test_what_is_no_event_keeps_its_bytes_and_its_place(tmp_path: Path) -> None:
    """A refusal stands where the log had come to."""
    path = write(tmp_path / "e.jsonl", line("a", T0), b"\xff\xfe", line("b", T0 + MINUTE))
    refusal = next(item for item in read(path)[0] if isinstance(item, Refusal))
    assert (refusal.raw, refusal.offset, refusal.reason) == (b"\xff\xfe", 2, "not_utf8")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """Missing, falsely named and broken files are told apart from empty ones before anything runs."""
    fake = write(tmp_path / "fake.gz", b"no gzip")
    cut = tmp_path / "cut.gz"
    cut.write_bytes(b"\x1f\x8b\x08\x00")
    for path in (tmp_path / "missing", tmp_path, fake, cut):
        with pytest.raises(UnreadableSourceError, match=str(path)):
            FileSource([str(path)])


def test_a_gzip_file_that_is_cut_off_fails_while_running(tmp_path: Path) -> None:
    """What was read before is whole, but the file is not."""
    path = tmp_path / "e.jsonl.gz"
    rng = Random(3)
    content = b"".join(line(f"{rng.random()}", T0 + n) + b"\n" for n in range(2_000))
    path.write_bytes(gzip.compress(content)[:-5_000])
    with pytest.raises(UnreadableSourceError, match=r"e\.jsonl\.gz"):
        read(path, chunk=10_000)
