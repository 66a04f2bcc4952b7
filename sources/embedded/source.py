"""The input log of an embedded installation, live: one channel in log order.

Guarantee: each record that counts comes out once per resume, at the place and the time that the log's one writer gave it; the offsets are
part of the flow's own state. Time is what the writer says of the log, on the disk, never a clock of this process: while the writer is away
it stands.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from schemas.segments import DamagedLogError
from sources.batch import Batch
from sources.embedded.tail import INPUT_TOPICS, InputTail
from sources.kafka.settings import KafkaInputError, SourceStats
from sources.watermarks import WatermarkSampler

CHANNEL: Final = "embedded:00000"
"""The name of the part and channel. Stored data: it must not change."""
POLL: Final = timedelta(milliseconds=10)
"""How long an idle source waits before it looks again."""
TELL_US: Final = 100_000
"""A watermark that moved by less than this (µs) is not worth telling alone."""
VERSION: Final = 1


class _StoredTail(msgspec.Struct, array_like=True):
    """What is stored of the source: plain data, of what was handed out only."""

    version: int
    offsets: dict[str, int]
    watermark: int
    feed_watermarks: list[tuple[str | int, ...]]


class UnreadLogError(KafkaInputError):
    """The input log cannot be read on; the message is one line."""


class _EmbeddedPart(StatefulSourcePartition[Batch, bytes]):
    def __init__(self, source: EmbeddedSource, tail: InputTail) -> None:
        self._source, self._tail = source, tail
        self._announced = tail.watermark
        self._idle = False

    def next_batch(self) -> list[Batch]:
        tail, source = self._tail, self._source
        try:
            tail.look()
            items = tail.read(source.batch)
        except (DamagedLogError, OSError) as error:
            raise UnreadLogError(f"the input log cannot be read: {error}") from error
        source.noted(tail, len(items))
        drained = source.drains and not any(tail.lag().values())
        self._idle = not items and not drained
        if not items and tail.watermark - self._announced < TELL_US:
            if drained:
                raise StopIteration
            return []
        self._announced = tail.watermark
        return [Batch(CHANNEL, tail.watermark, items)]

    def next_awake(self) -> datetime | None:
        return datetime.now(UTC) + POLL if self._idle else None

    def snapshot(self) -> bytes:
        tail = self._tail
        marks = [] if tail.sampler is None else tail.sampler.state()
        return msgspec.msgpack.encode(_StoredTail(VERSION, tail.offsets, tail.watermark, list(marks)))

    def close(self) -> None:
        self._tail.close()


class EmbeddedSource(FixedPartitionedSource[Batch, bytes]):
    """Reads the input logs of `folder`. `feeds`: see `sources.watermarks`. `drains`: ends once all that was appended has been handed out.

    Raises UnreadLogError while running, if records are gone or damaged, or the files cannot be read.
    """

    channels = (CHANNEL,)

    def __init__(self, folder: Path, *, batch: int = 1_000, feeds: Mapping[str, int] | None = None, drains: bool = False) -> None:
        self.batch = batch
        self.drains = drains
        self.stats = SourceStats()
        self.partitions: dict[str, int] = dict.fromkeys(INPUT_TOPICS, 1)
        """How many partitions each log has."""
        self.weaker: dict[str, str] = {}
        """Nothing here goes by this host's clock."""
        self.grown: str | None = None
        """A log does not grow by partitions."""
        self._folder = folder
        self._feeds = feeds or {}
        self._tail: InputTail | None = None
        self._said: int = 0
        self._heard = time.monotonic()

    def lag(self) -> dict[str, int]:
        """By log: records between what was handed out and the end. From any thread."""
        return {} if self._tail is None else self._tail.lag()

    def waits(self) -> dict[str, tuple[float, str]]:
        """For how long (s) the writer has said nothing, and why that may be. From any thread."""
        return {CHANNEL: (time.monotonic() - self._heard, "the gateway, which writes the log, does not run")}

    def noted(self, tail: InputTail, items: int) -> None:
        """Keeps count of what was handed out and heard."""
        self.stats.refused = tail.refused
        self.stats.bytes = tail.consumed
        self.stats.records += items
        self.stats.watermark[CHANNEL] = tail.watermark
        if tail.position is not None and tail.position.time != self._said:
            self._said, self._heard = tail.position.time, time.monotonic()

    def list_parts(self) -> list[str]:
        """The one channel."""
        return [CHANNEL]

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _EmbeddedPart:
        """Begins or goes on to read."""
        del step_id, for_part
        marks: list[tuple[str | int, ...]] = []
        stored: _StoredTail | None = None
        if resume_state is not None:
            stored = _decode(resume_state)
            marks = stored.feed_watermarks
        tail = self._tail = InputTail(self._folder, WatermarkSampler(self._feeds, marks) if self._feeds else None)
        if stored is None:
            tail.seek_first()
        else:
            tail.seek(stored.offsets, stored.watermark)
        return _EmbeddedPart(self, tail)


def _decode(state: bytes) -> _StoredTail:
    try:
        stored = msgspec.msgpack.decode(state, type=_StoredTail)
    except msgspec.DecodeError as error:
        raise UnreadLogError(f"{CHANNEL}: the stored position cannot be read: {error}") from error
    if stored.version != VERSION:
        raise UnreadLogError(f"{CHANNEL}: the stored position is of version {stored.version}, this engine knows {VERSION}")
    return stored
