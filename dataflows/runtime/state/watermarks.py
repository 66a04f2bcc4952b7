"""How far the other processes of a cluster are: an exchange through small files, so that none reads far ahead of the slowest.

It affects speed, never output: what it says may be old, and a process that has not spoken yet counts as not having begun.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from dataflows.runtime.state.files import DIRECTORY_MODE, write_whole

INTERVAL_S = 0.2
"""How long what was said and heard is good for: a file is written and the others' are read at most this often."""


class SlotHolder(msgspec.Struct, frozen=True):
    """Who holds the lock of a process: noted in the lock's file."""

    incarnation: int
    pid: int
    host: str


class PublishedWatermark(msgspec.Struct, frozen=True):
    """What a process said: which opening of the state directory it is, and its watermark (log time in µs since the epoch, UTC)."""

    incarnation: int
    watermark: int = msgspec.field(name="progress")


class Advice:
    """One process's part in the exchange. `locks` are the files in which each living process has noted its incarnation."""

    def __init__(self, directory: Path, locks: Path, own: tuple[int, int], processes: int) -> None:
        """`own` is (process, incarnation); `processes` is how many there are in the cluster."""
        self._directory = directory
        self._locks = locks
        self._process, self._incarnation = own
        self._others = [other for other in range(processes) if other != self._process]
        self._watermark: int | None = None
        self._spoken = self._heard_at = -INTERVAL_S
        self._heard: int | None = None
        directory.mkdir(DIRECTORY_MODE, exist_ok=True)
        (directory / str(self._process)).unlink(missing_ok=True)

    def publish(self, watermark: int) -> None:
        """Tells the others, and whoever looks in, how far this process is (log time, µs since the epoch, UTC)."""
        self._watermark = watermark
        now = time.monotonic()
        if now - self._spoken >= INTERVAL_S:
            self._spoken = now
            published = msgspec.json.encode(PublishedWatermark(self._incarnation, watermark))
            write_whole(self._directory / str(self._process), published, durable=False)

    def least(self) -> int | None:
        """The low watermark of all processes, this one included; None while one has not spoken."""
        if self._others:
            now = time.monotonic()
            if now - self._heard_at >= INTERVAL_S:
                self._heard_at = now
                heard = [self._of(other) for other in self._others]
                known = [watermark for watermark in heard if watermark is not None]
                self._heard = min(known) if len(known) == len(heard) else None
            if self._heard is None or self._watermark is None:
                return None
            return min(self._heard, self._watermark)
        return self._watermark

    def _of(self, other: int) -> int | None:
        return published_by(other, self._directory, holder_of(self._locks / str(other)))


def published_by(process: int, directory: Path, holder: SlotHolder | None) -> int | None:
    """The watermark that a process published in `directory` since `holder` opened it; None if it has not."""
    try:
        published = msgspec.json.decode((directory / str(process)).read_bytes(), type=PublishedWatermark)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return published.watermark if holder is not None and published.incarnation == holder.incarnation else None


def holder_of(slot: Path) -> SlotHolder | None:
    """Who took the lock `slot` last; None if nobody did, or is about to."""
    try:
        return msgspec.json.decode(slot.read_bytes(), type=SlotHolder)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
