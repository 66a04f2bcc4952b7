"""Recorded events from JSONL files, as one channel in log order.

Guarantee: deterministic. The same bytes give the same records at the same positions, whatever the chunk size; a file is read once, to its
end, and nothing is skipped: what is not an event comes out as a refusal. There is no resuming: a replay starts from the beginning.
"""

from __future__ import annotations

import sys
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import TypeAlias

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from schemas.record import FeedWatermark, Record
from schemas.topics import DECISIONS
from schemas.wire import MAX_BYTES, Rejected, decode, micros
from sources.batch import BEGINNING, END, Batch, Refusal
from sources.embedded.recorded import InputLogReader, is_input_log
from sources.exports import ExportReader, is_export
from sources.lines import CHUNK_BYTES, STDIN, FileLines, LineReader, UnreadableSourceError
from sources.logclock import DEFAULT_OUT_OF_ORDER, LogClock
from sources.watermarks import NO_FEEDS, WatermarkSampler

CHANNEL = "files"
POSITION = attrgetter("log", "topic", "partition", "offset", "sub")
LOG = attrgetter("log")


def label(path: str) -> str:
    """The topic that a file's records are said to come from: its name, without folder and compression, so that a copy replays alike."""
    return "stdin" if path == STDIN else Path(path).name.removesuffix(".gz")


@dataclass(slots=True)
class Taken:
    """What became of the records of one file: how many are events, how many were refused by reason. `head` is how the file begins."""

    path: str
    head: bytes
    events: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])


class FileReader:
    """Turns one file's lines into records that are sorted by log time; `watermark` says up to where they are complete."""

    def __init__(
        self,
        lines: LineReader,
        topic: str,
        partition: int,
        out_of_order: int,
        feeds: Mapping[str, int] = NO_FEEDS,
        *,
        taken: Taken | None = None,
    ) -> None:
        self.watermark = BEGINNING
        self.taken = taken or Taken(topic, b"")
        self._lines = lines
        self._topic = topic
        self._partition = partition
        self._line = 0
        self._clock = LogClock(out_of_order)
        self._waiting: list[Record | Refusal] = []
        self._feed_watermarks = WatermarkSampler(feeds)

    @property
    def consumed(self) -> int:
        """How many bytes of the file have been read."""
        return self._lines.consumed

    @property
    def greatest(self) -> int:
        """The greatest log time so far; BEGINNING if there is none."""
        return self._clock.greatest

    def close(self) -> None:
        """Closes the file."""
        self._lines.close()

    def read(self, until: int | None) -> None:
        """Reads the next chunk; after the last one `watermark` is END."""
        lines = self._lines.read()
        if lines is None:
            self._waiting += self._clock.finish(until)
            self._waiting.sort(key=POSITION)
            self.watermark = END
            self.close()
            return
        self._decode(lines)
        if self._clock.freed:
            self._waiting += self._clock.freed
            self._clock.freed = []
            self._waiting.sort(key=POSITION)
        else:
            # Lines are appended in their order, so a stable sort by log time sorts by position.
            self._waiting.sort(key=LOG)
        self.watermark = self._clock.floor

    def take(self, before: int) -> list[Record | Refusal | FeedWatermark]:
        """The records, with their watermarks, that have a log time earlier than `before`, which must not be beyond `watermark`."""
        waiting = self._waiting
        if before >= END:
            self._waiting = []
            return self._feed_watermarks.among(waiting)
        cut = bisect_left(waiting, before, key=LOG)
        self._waiting = waiting[cut:]
        del waiting[cut:]
        return self._feed_watermarks.among(waiting)

    def _decode(self, lines: list[bytes]) -> None:
        clock, sizes, topic, partition = self._clock, self._lines.sizes, self._topic, self._partition
        stamp, append, intern = clock.stamp, self._waiting.append, sys.intern
        if sizes:
            self._line += 1
            append(self._refusal(Rejected("too_large", f"more than {MAX_BYTES} bytes"), lines.pop(0), sizes[0]))
        number = self._line
        self.taken.events += len(lines)
        for line in lines:
            number += 1
            try:
                event = decode(line)
            except Rejected as why:
                self.taken.events -= 1
                if line and not line.isspace():
                    self._line = number
                    append(self._refusal(why, line, len(line)))
                continue
            at = micros(event.time)
            recorded = event.recordedtime
            own = at if recorded is None else micros(recorded)
            log = stamp(own)
            # Interned: an order's identifier then stands in memory once, in however many events and ties it occurs.
            record = Record(log or 0, topic, partition, number, 0, at, intern(event.subject or ""), event, line)
            if log is None:
                clock.hold(own, record)
            else:
                append(record)
        self._line = number

    def _refusal(self, why: Rejected, raw: bytes, size: int) -> Refusal:
        log = self._clock.greatest
        self.taken.refused[why.reason] += 1
        return Refusal(log, self._topic, self._partition, self._line, 0, why.reason, why.detail, raw[:MAX_BYTES], size)


def reader_of(path: str, number: int, out_of_order: int, chunk_bytes: int, feeds: Mapping[str, int], topic: str | None = None) -> AnyReader:
    """Opens a file: an export of a topic partition is recognised by its content, an input log is a folder.

    Raises UnreadableSourceError if it cannot be opened.

    `topic`: what its records are said to come from, unless it is an export, which says so itself.
    """
    if path != STDIN and is_input_log(Path(path)):
        return InputLogReader(Path(path), feeds)
    lines = FileLines(path, chunk_bytes)
    try:
        head = lines.peek()
        if is_export(head):
            return ExportReader(lines, feeds)
    except (OSError, EOFError, zlib.error) as error:
        lines.close()
        raise UnreadableSourceError(f"{path}: {error}") from error
    return FileReader(lines, topic or label(path), number, out_of_order, feeds, taken=Taken(path, head))


AnyReader: TypeAlias = "FileReader | ExportReader | InputLogReader"


class _Files(StatefulSourcePartition[Batch, None]):
    """All files of a replay, merged by log order: always reads on in the file that is furthest behind."""

    def __init__(self, readers: list[AnyReader], until: int | None, on_read: Callable[[int], None] | None) -> None:
        self._readers = readers
        self._until = until
        self._on_read = on_read
        self._ended = False

    def next_batch(self) -> list[Batch]:
        if self._ended:
            raise StopIteration
        readers = self._readers
        min(readers, key=lambda reader: reader.watermark).read(self._until)
        watermark = min(reader.watermark for reader in readers)
        if self._on_read is not None:
            self._on_read(sum(reader.consumed for reader in readers))
        items = readers[0].take(watermark)
        for reader in readers[1:]:
            items += reader.take(watermark)
        if len(readers) > 1:
            items.sort(key=POSITION)
        until = self._until
        if until is not None and items and items[-1].log > until:
            items = [item for item in items if item.log <= until or type(item) is Refusal]
        if watermark < END:
            # Time must not pass beyond `until`, however far the files go on.
            return [Batch(CHANNEL, watermark if until is None else min(watermark, until + 1), items)]
        self._ended = True
        greatest = max(reader.greatest for reader in readers)
        end = until if until is not None else greatest
        return [Batch(CHANNEL, END, items, None if end == BEGINNING else end)]

    def snapshot(self) -> None:
        return None

    def close(self) -> None:
        for reader in self._readers:
            reader.close()


class FileSource(FixedPartitionedSource[Batch, None]):
    """Replays JSONL files (plain, gzip, or `-` for standard input) in log order; exports of topics as the live source would read them.

    `until` (µs, inclusive) is how far time passes at the end; records after it are left out. `out_of_order` (µs) is how far a record may
    stand behind where it belongs. `on_read` is told how many bytes have been read; `feeds`: see `sources.watermarks`. `decisions`: further
    files, whose records count as those of the topic of decisions.
    Raises `UnreadableSourceError` when built if a file cannot be opened, and while running if it is cut off.
    """

    channels = (CHANNEL,)

    def __init__(
        self,
        paths: Sequence[str],
        *,
        until: int | None = None,
        out_of_order: int = DEFAULT_OUT_OF_ORDER,
        chunk_bytes: int = CHUNK_BYTES,
        on_read: Callable[[int], None] | None = None,
        feeds: Mapping[str, int] = NO_FEEDS,
        decisions: Sequence[str] = (),
    ) -> None:
        self._readers: list[AnyReader] = []
        try:
            for number, path in enumerate(paths):
                self._readers.append(reader_of(path, number, out_of_order, chunk_bytes, feeds))
            for number, path in enumerate(decisions):
                self._readers.append(reader_of(path, number, out_of_order, chunk_bytes, feeds, DECISIONS))
        except UnreadableSourceError:
            self.close()
            raise
        self._until = until
        self._on_read = on_read

    @property
    def taken(self) -> list[Taken]:
        """What became of the records of each file that is no export."""
        return [reader.taken for reader in self._readers if isinstance(reader, FileReader)]

    def close(self) -> None:
        """Closes the files, for a source that is not run to its end."""
        for reader in self._readers:
            reader.close()

    def list_parts(self) -> list[str]:
        """One part: the files are merged before they leave the source, so that reading never runs ahead of the slowest file."""
        return [CHANNEL]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Files:
        """Begins the replay; `resume_state` is not used, a replay starts from the beginning."""
        del step_id, for_part, resume_state
        return _Files(self._readers, self._until, self._on_read)
