"""Output records as the numbered logs of an embedded installation, each once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from schemas.embedded import output_folder
from schemas.output import OutputRecord
from schemas.segments import (
    POSITION,
    DamagedLogError,
    LogLine,
    Position,
    PositionReader,
    SegmentReader,
    parse_header,
    segments_of,
    whole_lines,
)
from schemas.topics import EMBEDDED, REJECTS, TOPIC_NAMES, TOPICS
from sinks.embedded.log import SEGMENT_BYTES, LogEntry, PositionWriter, SegmentLog
from sinks.jsonl import UnwritableError, line
from sinks.kafka.readback import ReadBack, ReadBackRecord, decode
from sinks.kafka.stats import WriterListener

LOG = structlog.get_logger("orderwatch.sinks.embedded")
READ: Final = 1_000


def log_folder(data: Path, topic: str) -> Path:
    """Where the log of one kind of output records lies."""
    return output_folder(data) / f"{EMBEDDED}{TOPIC_NAMES[topic]}"


def output_owner(data: Path) -> str | None:
    """The state (UUID) whose output a data directory holds; None if there is none."""
    for topic in TOPICS:
        for _, path in segments_of(log_folder(data, topic)):
            for header, _ in whole_lines(path):
                return parse_header(header).owner
    return None


class _Opened(NamedTuple):
    folder: Path
    log: SegmentLog
    positions: PositionWriter
    back: ReadBack


class _OutputLog(StatefulSinkPartition["Sequence[OutputRecord]", bytes]):
    def __init__(self, topic: str, opened: _Opened, listener: WriterListener, now: Callable[[], int]) -> None:
        self._topic = topic
        self._folder, self._log, self._positions, self._back = opened
        self._listener, self._now = listener, now
        self._publish()

    def write_batch(self, values: list[Sequence[OutputRecord]]) -> None:
        fresh: list[OutputRecord] = []
        entries: list[LogEntry] = []
        dropped = 0
        stamp = max(self._log.last_time, self._now())
        for output in (output for outputs in values for output in outputs):
            value, key = line(self._topic, output).rstrip(b"\n"), _key(self._topic, output)
            if not self._back.done:
                mismatches = self._back.mismatches
                said = self._back.already(output.shard, output.number, fingerprint(key, value))
                if self._back.mismatches > mismatches:
                    self._listener.mismatched(self._topic, 0)
                    LOG.error("a shard says something else than before the restart", topic=self._topic, shard=output.shard)
                if said:
                    dropped += 1
                    continue
            fresh.append(output)
            entries.append(LogEntry(stamp, value, key, output.shard, output.number))
        if dropped:
            self._listener.dropped(self._topic, 0, dropped)
        if not entries:
            return
        began = time.monotonic()
        try:
            self._log.append(entries)
            self._log.sync()
            self._publish()
        except OSError as error:
            self._log.take_back()
            raise UnwritableError(f"{self._folder}: {(error.strerror or str(error)).lower()}") from error
        self._listener.committed(self._topic, 0, fresh, time.monotonic() - began)

    def snapshot(self) -> bytes:
        return self._back.token(self._log.end)

    def close(self) -> None:
        self._log.close()
        self._positions.close()

    def _publish(self) -> None:
        self._positions.publish(Position(self._log.last_time, (self._log.end, 0, 0, 0)))


class EmbeddedSink(FixedPartitionedSink["Sequence[OutputRecord]", bytes]):
    """Writes output records to the logs in `data`, at once, one log for each topic.

    Guarantee: every output record stands in its log exactly once, at a place that never changes, and those of a shard in the order in which
    it said them, whatever is killed: a resumed run says again what it said after its last committed epoch, and the sink drops what it finds
    there already, by shard, number and content. Nothing is taken back that readers may have seen: the log's position covers a record only
    once it is on the disk. That needs a flow that is deterministic per shard; if a shard says something else than before, its records are
    compared by content alone, and the listener is told.

    `state` is the UUID of the state directory; logs that hold another one's output are refused. Raises UnwritableError when built if a
    folder cannot be written, or is not this state's; while running if the disk refuses.
    """

    def __init__(
        self,
        data: Path,
        state: str,
        listener: WriterListener,
        *,
        fsync: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._data, self._state, self._listener, self._fsync, self._now = data, state, listener, fsync, now
        self._segment_bytes = segment_bytes
        try:
            for topic in TOPICS:
                log_folder(data, topic).mkdir(0o750, parents=True, exist_ok=True)
        except OSError as error:
            raise UnwritableError(f"{error.filename or data}: {(error.strerror or str(error)).lower()}") from error

    def list_parts(self) -> list[str]:
        """One part per topic."""
        return list(TOPICS)

    def part_fn(self, item_key: str) -> int:
        """The index of a topic."""
        return TOPICS.index(item_key)

    def part_for(self, topic: str, output: OutputRecord) -> str:
        """The part of an output record: its topic."""
        del output
        return topic

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _OutputLog:
        """Opens the log of a topic, and reads back what stands there beyond the snapshot."""
        del step_id
        folder = log_folder(self._data, for_part)
        try:
            token = None if resume_state is None else decode(resume_state)
            name = f"{EMBEDDED}{TOPIC_NAMES[for_part]}"
            log = SegmentLog(folder, name, owner=self._state, segment_bytes=self._segment_bytes, fsync=self._fsync)
            positions = PositionWriter(folder, fsync=self._fsync)
            back = ReadBack(token)
            offset = 0 if token is None else token.offset
            if offset > log.end:
                raise UnwritableError(
                    f"{folder}: ends at {log.end}, but {offset} was recorded: output of this state is gone; put the folder back, or begin"
                    " with another data directory"
                )
            for record in _records(folder, max(offset, log.first), log.end):
                back.add(record.shard, ReadBackRecord(record.number, fingerprint(record.key, record.content), record.offset))
        except (DamagedLogError, ValueError) as error:
            raise UnwritableError(str(error)) from error
        except OSError as error:
            raise UnwritableError(f"{error.filename or folder}: {(error.strerror or str(error)).lower()}") from error
        self._listener.opened(for_part, 0, back.pending, 0.0)
        LOG.info("output log opened", topic=for_part, end=log.end, read_back=back.pending, torn=log.torn)
        return _OutputLog(for_part, _Opened(folder, log, positions, back), self._listener, self._now)


def fingerprint(key: str, value: bytes) -> bytes:
    """The content of a record, apart from where and when it was said."""
    digest = blake2b(f"{len(key)}:{key}".encode(), digest_size=16)
    digest.update(value)
    return digest.digest()


def read_all(data: Path, offsets: Mapping[str, int] | None = None) -> dict[str, list[LogLine]]:
    """All output records that are there, by topic, from given offsets on."""
    found: dict[str, list[LogLine]] = {}
    for topic in TOPICS:
        folder = log_folder(data, topic)
        ends = [first for first, _ in segments_of(folder)]
        begin = max((offsets or {}).get(topic, 0), ends[0] if ends else 0)
        found[topic] = _records(folder, begin, _end(folder))
    return found


def _end(folder: Path) -> int:
    reader = PositionReader(folder / POSITION)
    position = reader.read()
    reader.close()
    return 0 if position is None else position.ends[0]


def _records(folder: Path, begin: int, end: int) -> list[LogLine]:
    reader = SegmentReader(folder)
    reader.seek(begin)
    found: list[LogLine] = []
    while reader.next < end:
        found += reader.read(end, READ)
    reader.close()
    return found


def _key(topic: str, output: OutputRecord) -> str:
    """The key of a record: the order, of an incident its subject; a reject's own stands in its line."""
    return "" if topic == REJECTS else output.order
