"""A simulated world told at a pace that people can follow: its days pass in seconds.

Guarantee: the same records at the same positions as a replay of the same lines; the clock of this machine only decides when they come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import orjson
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from schemas.values import micros
from sources.batch import END, Batch
from sources.files import FileReader
from sources.logclock import DEFAULT_OUT_OF_ORDER
from sources.watermarks import NO_FEEDS

CHANNEL = "world"
TICK = 0.05
"""Seconds between two looks at the clock."""
MOST = 2_000
"""Lines per look, so that a world that has fallen behind still shows what it does."""


class PacedLines:
    """Lines of events, each handed out once the world's time (µs) has reached it."""

    def __init__(self, lines: Iterator[bytes], now: Callable[[], int]) -> None:
        self.sizes: dict[int, int] = {}
        self.consumed = 0
        self._lines = lines
        self._now = now
        self._next: tuple[int, bytes] | None = None
        self._ended = False

    def read(self) -> list[bytes] | None:
        """The lines that are due; None after the last one."""
        due: list[bytes] = []
        now = self._now()
        while len(due) < MOST:
            if self._next is None:
                line = next(self._lines, None)
                if line is None:
                    return due or None
                self._next = (recorded(line), line)
            at, line = self._next
            if at > now:
                break
            self.consumed += len(line)
            due.append(line)
            self._next = None
        return due

    def close(self) -> None:
        """Nothing is open."""


def recorded(line: bytes) -> int:
    """When an event was recorded (µs), else when it happened."""
    event = orjson.loads(line)
    return micros(datetime.fromisoformat(event.get("recordedtime") or event["time"]))


class _Paced(StatefulSourcePartition[Batch, None]):
    def __init__(self, reader: FileReader, until: int) -> None:
        self._reader = reader
        self._until = until
        self._ended = False

    def next_batch(self) -> list[Batch]:
        if self._ended:
            raise StopIteration
        reader = self._reader
        reader.read(self._until)
        self._ended = reader.watermark >= END
        return [Batch(CHANNEL, reader.watermark, reader.take(reader.watermark), self._until if self._ended else None)]

    def next_awake(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=0 if self._ended else TICK)

    def snapshot(self) -> None:
        return None


class PacedSource(FixedPartitionedSource[Batch, None]):
    """Tells `lines`, which begin at `start` (µs), so that `speed` seconds of theirs pass per second; at the end time passes to `until`.

    `feeds`: see `sources.watermarks`.
    """

    channels = (CHANNEL,)

    def __init__(self, lines: Iterator[bytes], *, start: int, until: int, speed: float, feeds: Mapping[str, int] = NO_FEEDS) -> None:
        self._start = start
        self._speed = speed
        self._began: float | None = None
        self._reader = FileReader(PacedLines(lines, self.now), CHANNEL, 0, DEFAULT_OUT_OF_ORDER, feeds)
        self._until = until

    def now(self) -> int:
        """The world's time, µs."""
        if self._began is None:
            self._began = time.monotonic()
        return self._start + int((time.monotonic() - self._began) * self._speed * 1_000_000)

    def list_parts(self) -> list[str]:
        """One part."""
        return [CHANNEL]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Paced:
        """Begins to tell; a world is never resumed."""
        del step_id, for_part, resume_state
        return _Paced(self._reader, self._until)
