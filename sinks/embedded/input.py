"""The input log of an embedded installation: what happened (events) and what was decided, each a log of its own, with one clock.

Guarantee: a record counts once it is on the disk, at a time that is greater than that of every record before it in either log, over
restarts and whatever becomes of the host's clock. While nothing comes the writer says once a second up to when that is so: it binds itself
on the disk first, so that a reader's time never passes a record that is still to come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Condition, Thread
from typing import Final, NamedTuple

from schemas.segments import Position
from schemas.topics import EMBEDDED_DECISIONS, EMBEDDED_EVENTS
from sinks.embedded.log import SEGMENT_BYTES, LogEntry, PositionWriter, SegmentLog

TICK_S: Final = 1.0
"""How often the time of a silent log is said: deadlines are minutes and more."""
BEHIND: Final = 5_000_000
"""By how much (µs) the log's time may be ahead of the host's clock before somebody is told: a clock was set back, or had been ahead."""
INPUT_LOGS: Final = (EMBEDDED_EVENTS, EMBEDDED_DECISIONS)
"""The logs, in the order of a position's ends."""


class LogEvent(NamedTuple):
    """An event to append: its JSON, and the order that it is about, if it says so."""

    value: bytes
    key: str = ""


class LogClosedError(Exception):
    """Nothing can be appended any more: the writer is stopping."""


class _Waiting(NamedTuple):
    topic: str
    events: Sequence[LogEvent]
    done: Future[None]


def wall() -> int:
    """The host's clock, µs since the epoch, UTC."""
    return time.time_ns() // 1_000


class InputLog:
    """The one writer of the input log. All methods may be called from any thread.

    `now` is the host's clock; `on_clock` is told in one line that the log's time and that clock have come apart. Raises OSError and
    DamagedLogError when made; the caller holds the lock that keeps a second writer away.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fsync: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
        now: Callable[[], int] = wall,
        on_clock: Callable[[str], None] = lambda _: None,
    ) -> None:
        folder.mkdir(0o750, parents=True, exist_ok=True)
        self.logs: Mapping[str, SegmentLog] = {
            name: SegmentLog(folder / name, name, segment_bytes=segment_bytes, fsync=fsync) for name in INPUT_LOGS
        }
        self._now, self._on_clock = now, on_clock
        self._positions = PositionWriter(folder, fsync=fsync)
        self.time = max(self._positions.time, *(log.last_time for log in self.logs.values()))
        """The time of the last record, or up to which it was said that there is none (µs)."""
        self.ailment: str | None = None
        """Why the last write failed; None if it did not."""
        self._apart = False
        self._closing = False
        self._waiting: list[_Waiting] = []
        self._changed = Condition()
        self._tick()
        self._thread = Thread(target=self._run, name="input log", daemon=True)
        self._thread.start()

    @property
    def torn(self) -> int:
        """Bytes that a crash had left, which the start cut off: nobody was told of them."""
        return sum(log.torn for log in self.logs.values())

    def submit(self, topic: str, events: Sequence[LogEvent]) -> Future[None]:
        """Appends events to one of the two logs, in this order. The result is there once they are on the disk, or raises OSError.

        Raises LogClosedError if the log is closed.
        """
        if topic not in self.logs:
            raise ValueError(f"{topic} is no log")
        waiting = _Waiting(topic, events, Future())
        waiting.done.set_running_or_notify_cancel()  # What was handed over is written, though whoever handed it over gives up waiting.
        with self._changed:
            if self._closing:
                raise LogClosedError
            self._waiting.append(waiting)
            self._changed.notify()
        return waiting.done

    def close(self) -> None:
        """Writes what waits, and ends."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        self._positions.close()
        for log in self.logs.values():
            log.close()

    # --- on the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and not self._closing:
                    self._changed.wait(TICK_S)
                taken, self._waiting = self._waiting, []
                if not taken and self._closing:
                    return
            try:
                self._commit(taken)
            except Exception as error:  # noqa: BLE001 - raised to everybody whose records they were
                self._failed(taken, error)
                continue
            self.ailment = None
            for waiting in taken:
                waiting.done.set_result(None)

    def _commit(self, taken: Sequence[_Waiting]) -> None:
        if not taken:
            self._tick()
            return
        by_log: dict[str, list[LogEntry]] = {}
        for waiting in taken:
            for event in waiting.events:
                self.time = max(self.time + 1, self._now())
                by_log.setdefault(waiting.topic, []).append(LogEntry(self.time, event.value, event.key))
        self._compare()
        try:
            for topic, entries in by_log.items():
                self.logs[topic].append(entries)
            for topic in by_log:
                self.logs[topic].sync()
        except OSError:
            # What is on the disk of it nobody knows: it goes. Its time does not come again, since one of the logs may have it.
            for topic in by_log:
                self.logs[topic].take_back()
            raise
        self._positions.publish(self._position())

    def _tick(self) -> None:
        """Says that there is nothing up to now."""
        self.time = max(self.time, self._now())
        self._compare()
        self._positions.reserve(self._position())
        self._positions.publish(self._position())

    def _position(self) -> Position:
        events, decisions = (self.logs[name].end for name in INPUT_LOGS)
        return Position(self.time, (events, decisions, 0, 0))

    def _failed(self, taken: Sequence[_Waiting], error: Exception) -> None:
        reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        self.ailment = f"the input log cannot be written: {reason}"
        for waiting in taken:
            waiting.done.set_exception(error if isinstance(error, OSError) else OSError(self.ailment))

    def _compare(self) -> None:
        ahead = self.time - self._now()
        if (ahead > BEHIND) is self._apart:
            return
        self._apart = not self._apart
        self._on_clock(
            f"the host's clock is {ahead / 1e6:.1f} s behind the log's time, which waits for it: it was set back, or had been ahead"
            if self._apart
            else "the host's clock has caught up with the log's time"
        )
