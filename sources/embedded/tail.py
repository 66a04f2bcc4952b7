"""The two input logs as one stream of records in log order, up to where their writer has said that it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from typing import Final, TypeAlias

from schemas.record import FeedWatermark, Record
from schemas.segments import POSITION, LogLine, Position, PositionReader, SegmentReader
from schemas.topics import EMBEDDED_DECISIONS, EMBEDDED_EVENTS
from schemas.wire import MAX_BYTES, Rejected, decode, micros
from sources.batch import BEGINNING, Refusal
from sources.watermarks import WatermarkSampler

Item: TypeAlias = "Record | Refusal | FeedWatermark"
INPUT_TOPICS: Final = (EMBEDDED_EVENTS, EMBEDDED_DECISIONS)
"""The logs, in the order of a position's ends."""
PARTITION: Final = 0
_TIME = attrgetter("time")


class _Log:
    """One of the logs: what was read of it and not handed out."""

    def __init__(self, folder: Path, topic: str) -> None:
        self.topic = topic
        self.reader = SegmentReader(folder / topic)
        self.next = 0
        """The offset after the last record that was handed out."""
        self.waiting: list[LogLine] = []

    def fill(self, end: int, most: int) -> None:
        """Reads on to `end`, as far as `most` allow."""
        if len(self.waiting) < most:
            self.waiting += self.reader.read(end, most - len(self.waiting))

    def seek(self, offset: int) -> None:
        """Goes on at an offset."""
        self.waiting = []
        self.next = offset
        self.reader.seek(offset)


class InputTail:
    """Reads the input logs of a folder, in one thread. Each record comes out once, in the order of its time.

    Every stamp is greater than all before it, in either log: so what has been read up to one is complete up to there. `sampler` gives the
    watermarks of feeds. Raises DamagedLogError if records are gone or damaged, OSError if the files cannot be read.
    """

    def __init__(self, folder: Path, sampler: WatermarkSampler | None) -> None:
        self.sampler = sampler
        self.watermark = BEGINNING
        """Nothing with an earlier log time will come (µs)."""
        self.position: Position | None = None
        self.refused = 0
        self._folder = folder
        self._positions = PositionReader(folder / POSITION)
        self._logs = [_Log(folder, topic) for topic in INPUT_TOPICS]

    @property
    def consumed(self) -> int:
        """How many bytes have been read."""
        return sum(log.reader.consumed for log in self._logs)

    @property
    def offsets(self) -> dict[str, int]:
        """By log, the offset of the record that comes next."""
        return {log.topic: log.next for log in self._logs}

    def seek(self, offsets: dict[str, int], watermark: int) -> None:
        """Goes on where an earlier tail stood."""
        for log in self._logs:
            log.seek(offsets[log.topic])
        self.watermark = watermark

    def seek_first(self) -> None:
        """Begins with the first records that are still there."""
        for log in self._logs:
            log.seek(log.reader.first())

    def lag(self) -> dict[str, int]:
        """By log, how many records were appended and not handed out. From any thread."""
        position = self.position
        if position is None:
            return {}
        return {log.topic: max(0, end - log.next) for log, end in zip(self._logs, position.ends, strict=False)}

    def look(self) -> None:
        """Asks how far the writer is."""
        self.position = self._positions.read()

    def read(self, most: int) -> list[Item]:
        """The next records, at most so many, with the watermarks of feeds; moves `watermark`. Never waits."""
        position = self.position
        if position is None:
            return []
        complete = position.time
        for log, end in zip(self._logs, position.ends, strict=False):
            log.fill(end, most)
            if log.next + len(log.waiting) < end:
                # What follows the last one of this log is later than that.
                complete = min(complete, log.waiting[-1].time)
        taken: list[tuple[LogLine, str]] = []
        for log in self._logs:
            count = sum(1 for line in log.waiting if line.time <= complete)
            taken += [(line, log.topic) for line in log.waiting[:count]]
        taken.sort(key=lambda pair: pair[0].time)
        if len(taken) > most:
            del taken[most:]
            complete = taken[-1][0].time
        for log in self._logs:
            count = sum(1 for line in log.waiting if line.time <= complete)
            log.waiting = log.waiting[count:]
            log.next += count
        self.watermark = max(self.watermark, complete + 1)
        return self._items(taken)

    def close(self) -> None:
        """Lets go of the files."""
        self._positions.close()
        for log in self._logs:
            log.reader.close()

    def _items(self, taken: Sequence[tuple[LogLine, str]]) -> list[Item]:
        items: list[Item] = []
        sampler, intern = self.sampler, sys.intern
        for line, topic in taken:
            raw = line.content
            try:
                event = decode(raw)
            except Rejected as why:
                self.refused += 1
                digest = sha256(raw).digest() if len(raw) > MAX_BYTES else b""
                kept = raw[:MAX_BYTES]
                items.append(
                    Refusal(line.time, topic, PARTITION, line.offset, 0, why.reason, why.detail, kept, len(raw), _key(line), (), digest)
                )
                continue
            # Interned: an order's identifier then stands in memory once, in however many events and ties it occurs.
            order = intern(event.subject or "")
            record = Record(line.time, topic, PARTITION, line.offset, 0, micros(event.time), order, event, raw, _key(line))
            items.append(record)
            if sampler is not None and (mark := sampler.sample(record)) is not None:
                items.append(mark)
        return items


def _key(line: LogLine) -> bytes | None:
    return line.key.encode() if line.key else None
