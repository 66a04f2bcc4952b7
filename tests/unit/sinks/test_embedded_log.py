"""The logs of an embedded installation: what is appended stays, torn tails go, time never goes back, and old segments go."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future
from threading import Event
from typing import TYPE_CHECKING

import pytest

from schemas.segments import DamagedLogError, PositionReader, SegmentReader, segments_of
from schemas.topics import EMBEDDED_DECISIONS, EMBEDDED_EVENTS
from sinks.embedded.input import InputLog, LogEvent
from sinks.embedded.log import SEGMENT_BYTES, LogEntry, SegmentLog, delete_segments
from sources.embedded.tail import InputTail

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400_000_000


def event(number: int) -> LogEvent:
    """An event of the contract."""
    text = '{"specversion":"1.0","id":"%d","source":"/shop","type":"order.placed","subject":"A","time":"2026-01-01T00:00:00Z","data":{}}'
    return LogEvent((text % number).encode(), "A")


def contents(folder: Path, end: int) -> list[bytes]:
    """The values of all records."""
    reader = SegmentReader(folder)
    reader.seek(reader.first())
    found = [line.content for line in reader.read(end, 1_000)]
    reader.close()
    return found


def filled(folder: Path, count: int, segment_bytes: int = SEGMENT_BYTES) -> SegmentLog:
    """A log with so many records, a minute apart."""
    log = SegmentLog(folder, "test", fsync=False, segment_bytes=segment_bytes)
    log.append([LogEntry(number * 60_000_000, b'{"n":%d}' % number) for number in range(1, count + 1)])
    log.sync()
    return log


@pytest.mark.parametrize("tail", [b"x", b"{", b'{"offset":3,"time":1,"crc":0,"value":{}}', b"\0" * 100, b'{"offset":9}\n', b"\n\n"])
def test_a_torn_tail_is_nobodys(tmp_path: Path, tail: bytes) -> None:
    """What a crash left at the end is cut off; the next record takes its place."""
    filled(tmp_path, 3).close()
    _, path = segments_of(tmp_path)[-1]
    with path.open("ab") as file:
        file.write(tail)
    log = SegmentLog(tmp_path, "test", fsync=False)
    assert (log.end, log.torn) == (3, len(tail))
    log.append([LogEntry(DAY // 2, b'{"n":4}')])
    log.close()
    assert contents(tmp_path, 4) == [b'{"n":1}', b'{"n":2}', b'{"n":3}', b'{"n":4}']


def test_every_way_to_tear_the_last_record_leaves_those_before(tmp_path: Path) -> None:
    """Wherever a write was cut off, also within the header of a new segment."""
    filled(tmp_path / "whole", 2).close()
    _, whole = segments_of(tmp_path / "whole")[-1]
    content = whole.read_bytes()
    ends = [at + 1 for at, byte in enumerate(content) if byte == ord("\n")]
    for cut in range(len(content)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / whole.name).write_bytes(content[:cut])
        log = SegmentLog(folder, "test", fsync=False)
        assert log.end == max(0, sum(end <= cut for end in ends) - 1)
        log.close()


def test_a_record_that_was_changed_is_not_read(tmp_path: Path) -> None:
    """A line that is not as it was written stops the reader: nothing is skipped."""
    filled(tmp_path, 3).close()
    _, path = segments_of(tmp_path)[-1]
    path.write_bytes(path.read_bytes().replace(b'{"n":2}', b'{"n":7}'))
    with pytest.raises(DamagedLogError, match="record 1: not as it was written"):
        contents(tmp_path, 3)


def test_segments_end_by_size_and_by_age_and_the_reader_goes_on(tmp_path: Path) -> None:
    """Offsets run on over segments."""
    log = SegmentLog(tmp_path, "test", fsync=False, segment_bytes=300)
    for number in range(20):
        log.append([LogEntry(1 + number, b'{"n":%d}' % number)])
    log.append([LogEntry(2 * DAY, b'{"n":20}')])
    log.close()
    assert len(segments_of(tmp_path)) > 3
    assert contents(tmp_path, 21) == [b'{"n":%d}' % number for number in range(21)]
    assert SegmentLog(tmp_path, "test", fsync=False).last_time == 2 * DAY


def test_what_a_failed_write_left_is_taken_back(tmp_path: Path) -> None:
    """Also where it had begun a new segment."""
    log = filled(tmp_path, 2, segment_bytes=200)
    log.append([LogEntry(3, b'{"n":3}'), LogEntry(4, b'{"n":4}')])
    assert len(segments_of(tmp_path)) > 1
    log.take_back()
    assert log.end == 2
    log.append([LogEntry(5, b'{"n":5}')])
    log.sync()
    log.close()
    assert contents(tmp_path, 3) == [b'{"n":1}', b'{"n":2}', b'{"n":5}']


def test_old_segments_go_only_once_everybody_is_past_them(tmp_path: Path) -> None:
    """By age or by size; the segment that is written never goes."""
    filled(tmp_path, 100, segment_bytes=1_000).close()
    firsts = [first for first, _ in segments_of(tmp_path)]
    assert delete_segments(tmp_path, 0, older_than=DAY, keep_bytes=0) == 0
    assert delete_segments(tmp_path, firsts[2], older_than=DAY, keep_bytes=1 << 30) > 0
    assert [first for first, _ in segments_of(tmp_path)] == firsts[2:]
    assert delete_segments(tmp_path, 100, older_than=0, keep_bytes=1 << 30) == 0
    delete_segments(tmp_path, 100, older_than=0, keep_bytes=1)
    assert [first for first, _ in segments_of(tmp_path)] == firsts[-1:]
    reader = SegmentReader(tmp_path)
    with pytest.raises(DamagedLogError, match="deleted before they were read"):
        reader.read(100, 1)


def test_time_never_goes_back_over_restarts_and_steps_of_the_clock(tmp_path: Path) -> None:
    """A clock that is set back, and one that had been ahead: each record is stamped later than all before it, in either log."""
    now = [1_000_000_000_000_000]
    said: list[str] = []
    stamps: list[int] = []
    for step in (0, -3_600_000_000, 0, 7_200_000_000, -3_600_000_000):
        now[0] += step
        log = InputLog(tmp_path, fsync=False, now=lambda: now[0], on_clock=said.append)
        done: list[Future[None]] = [log.submit(topic, [event(1), event(2)]) for topic in (EMBEDDED_EVENTS, EMBEDDED_DECISIONS)]
        for each in done:
            each.result()
        log.close()
        tail = InputTail(tmp_path, None)
        tail.look()
        items = tail.read(1_000)
        stamps = [item.log for item in items]
        assert len(stamps) == len(set(stamps))
        assert stamps == sorted(stamps)
        assert tail.watermark > stamps[-1]
        tail.close()
    assert len(stamps) == 20
    assert any("behind the log's time" in text for text in said)


def test_a_silent_log_says_up_to_when_there_is_nothing_and_keeps_to_it(tmp_path: Path) -> None:
    """What readers were told binds the next writer, though its clock is earlier and no record says so."""
    first = InputLog(tmp_path, now=lambda: 5_000_000)
    first.close()
    reader = PositionReader(tmp_path / "position")
    position = reader.read()
    reader.close()
    assert position is not None
    assert position.time == 5_000_000
    later = InputLog(tmp_path, now=lambda: 1_000)
    later.submit(EMBEDDED_EVENTS, [event(1)]).result()
    later.close()
    tail = InputTail(tmp_path, None)
    tail.look()
    assert [item.log for item in tail.read(10)] == [5_000_001]
    tail.close()


def test_however_it_is_cut_into_batches_the_records_come_in_the_order_of_their_time(tmp_path: Path) -> None:
    """Two logs are one; a batch of one record hides nothing of the other log that is earlier."""
    log = InputLog(tmp_path, fsync=False)
    for number in range(30):
        log.submit((EMBEDDED_EVENTS, EMBEDDED_DECISIONS)[number % 7 == 3], [event(number)]).result()
    log.close()
    whole: list[tuple[int, str, int]] = []
    for most in (1_000, 1, 2, 7):
        tail, found = InputTail(tmp_path, None), list[tuple[int, str, int]]()
        tail.look()
        while any(tail.lag().values()):
            before = tail.watermark
            items = tail.read(most)
            assert all(item.log >= before for item in items)
            found += [(item.log, item.topic, item.offset) for item in items]
        tail.close()
        whole = whole or found
        assert found == whole
    assert len(whole) == 30


def test_a_disk_that_refuses_is_told_and_what_was_not_answered_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed sync: its records go, the next ones are taken again."""
    log = InputLog(tmp_path)
    log.submit(EMBEDDED_EVENTS, [event(1)]).result()
    real = os.fdatasync

    def refusing(handle: int) -> None:
        del handle
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", refusing)
    with pytest.raises(OSError, match="No space left"):
        log.submit(EMBEDDED_EVENTS, [event(2)]).result()
    ails = [log.ailment]
    monkeypatch.setattr(os, "fdatasync", real)
    log.submit(EMBEDDED_EVENTS, [event(3)]).result()
    ails.append(log.ailment)
    assert ails == ["the input log cannot be written: no space left on device", None]
    log.close()
    assert contents(tmp_path / EMBEDDED_EVENTS, 2) == [event(1).value, event(3).value]


def test_who_gives_up_waiting_leaves_the_writer_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow disk a request runs out of time: its record is written all the same, and so is everything after it."""
    slow, sync = Event(), SegmentLog.sync

    def synced(log: SegmentLog) -> None:
        assert slow.wait(60)
        sync(log)

    log = InputLog(tmp_path, fsync=False)
    monkeypatch.setattr(SegmentLog, "sync", synced)

    async def impatient() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.wrap_future(log.submit(EMBEDDED_EVENTS, [LogEvent(b"{}")]))

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    slow.set()
    log.submit(EMBEDDED_EVENTS, [LogEvent(b"{}")]).result(60)
    assert log.logs[EMBEDDED_EVENTS].end == 2
    log.close()
