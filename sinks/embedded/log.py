"""Writes one numbered log: appends, forces to the disk, begins new segments, deletes old ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from schemas.instants import DAY
from schemas.segments import (
    POSITION,
    PUBLISHED,
    RESERVED,
    SLOT_BYTES,
    DamagedLogError,
    Position,
    header_line,
    line_of,
    pack_position,
    parse_header,
    parse_line,
    read_position,
    segment_name,
    segments_of,
    whole_lines,
)

SEGMENT_BYTES: Final = 16 << 20
"""A segment of so many bytes is full. What is deleted is whole segments."""
SEGMENT_SPAN: Final = DAY
"""A segment whose first record is so old (µs) is full as well: so that age can be kept to."""
FILE_MODE, FOLDER_MODE = 0o640, 0o750


class LogEntry(NamedTuple):
    """A record to append: when (µs since the epoch, UTC), its JSON, and whose it is."""

    time: int
    value: bytes
    key: str = ""
    shard: str = ""
    number: int = 0


class SegmentLog:
    """The records of one log. Guarantee: what `sync` returned from is there for good, at its offset; a torn tail is cut off at the start.

    One writer at a time, which its owner sees to. `owner`: the state whose output it holds. Raises OSError where the disk refuses, and
    DamagedLogError when made if a segment that was finished is not whole.
    """

    def __init__(self, folder: Path, name: str, *, owner: str = "", segment_bytes: int = SEGMENT_BYTES, fsync: bool = True) -> None:
        self._folder, self._name, self._owner = folder, name, owner
        self._segment_bytes, self._fsync = segment_bytes, fsync
        self.torn = 0
        """Bytes that a crash had left and the start cut off."""
        self.end = 0
        """The offset of the next record."""
        self.last_time = 0
        """When the last record was appended; 0 if there is none."""
        self._handle = -1
        self._length = 0
        self._began = self._first = 0
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        self._open_last()
        self._good = self._state()

    @property
    def first(self) -> int:
        """The offset of the first record that is still there."""
        segments = segments_of(self._folder)
        return segments[0][0] if segments else self.end

    def append(self, entries: Sequence[LogEntry]) -> None:
        """Writes records; they count once `sync` has returned. After a failure of either, call `take_back`."""
        lines: list[bytes] = []
        pending = 0
        for entry in entries:
            if self._is_full(pending, entry.time):
                self._write(lines)
                lines, pending = [], 0
                self._roll(entry.time)
            if not self._began:
                self._began = entry.time
            line = line_of(self.end, entry.time, entry.value, key=entry.key, shard=entry.shard, number=entry.number)
            lines.append(line)
            pending += len(line)
            self.end += 1
            self.last_time = entry.time
        self._write(lines)

    def sync(self) -> None:
        """Forces what was appended to the disk."""
        if self._fsync:
            os.fdatasync(self._handle)
        self._good = self._state()

    def take_back(self) -> None:
        """After a failure: what was appended since the last `sync` is cut off. Nobody was told that it counts."""
        self.close()
        for first, path in segments_of(self._folder):
            if first > self._good[0]:
                path.unlink()
        self._first, self.end, self._length, self.last_time, self._began = self._good
        path = self._folder / segment_name(self._first)
        os.truncate(path, self._length)
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def close(self) -> None:
        """Lets go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _state(self) -> tuple[int, int, int, int, int]:
        return self._first, self.end, self._length, self.last_time, self._began

    def _open_last(self) -> None:
        segments = segments_of(self._folder)
        if not segments:
            self._make(0)
            return
        first, path = segments[-1]
        self.end = self._first = first
        whole = self._scan(path, first)
        size = path.stat().st_size
        self.torn = size - whole
        if not whole:
            # A crash came between the file and its header.
            path.unlink()
            self._sync_folder()
            self.torn = size
            if len(segments) > 1:
                self._open_last()
            else:
                self._make(0)
            return
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        if size > whole:
            os.ftruncate(self._handle, whole)
        self._length = whole
        if self._fsync:
            os.fsync(self._handle)
            self._sync_folder()
        if not self.last_time and len(segments) > 1:
            *_, (last, _) = whole_lines(segments[-2][1])
            self.last_time = parse_line(last).time

    def _scan(self, path: Path, first: int) -> int:
        """How many bytes of the last segment are whole records."""
        whole = 0
        for number, (line, stop) in enumerate(whole_lines(path)):
            try:
                if not number:
                    header = parse_header(line)
                    if header.first != first or (header.owner != self._owner):
                        whose = header.owner or "nobody"
                        raise DamagedLogError(f"{path}: a log of {whose} from {header.first} on is not what is expected here")
                else:
                    record = parse_line(line)
                    if record.offset != self.end:
                        break
                    self.end += 1
                    self.last_time = record.time
                    self._began = self._began or record.time
            except ValueError:
                break
            whole = stop
        return whole

    def _is_full(self, pending: int, time: int) -> bool:
        return self._length + pending >= self._segment_bytes or (self._began > 0 and time - self._began >= SEGMENT_SPAN)

    def _roll(self, time: int) -> None:
        if self._fsync:
            os.fdatasync(self._handle)
        self.close()
        self._make(self.end)
        self._began = time

    def _make(self, first: int) -> None:
        path = self._folder / segment_name(first)
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        self._length = self._began = 0
        self._first = first
        self._write([header_line(self._name, first, self._owner)])
        if self._fsync:
            os.fsync(self._handle)
        self._sync_folder()

    def _write(self, lines: Sequence[bytes]) -> None:
        left = memoryview(b"".join(lines))
        while left:
            written = os.write(self._handle, left)
            self._length += written
            left = left[written:]

    def _sync_folder(self) -> None:
        if not self._fsync:
            return
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def delete_segments(folder: Path, before: int, *, older_than: int, keep_bytes: int) -> int:
    """Deletes full segments, oldest first, of which all records have an offset less than `before`; returns how many bytes went.

    Those go whose records are all older than an instant (µs), and those that are more than `keep_bytes`. Raises OSError. It needs no
    writer: full segments are written no more.
    """
    gone = 0
    segments = segments_of(folder)
    total = sum(path.stat().st_size for _, path in segments)
    for (_, path), (following, next_path) in pairwise(segments):
        began = _began(next_path)
        if following > before or not (total > keep_bytes or (began is not None and began <= older_than)):
            break
        size = path.stat().st_size
        path.unlink()
        gone, total = gone + size, total - size
    return gone


def _began(path: Path) -> int | None:
    """When the first record of a segment was appended; None if it has none."""
    lines = whole_lines(path)
    next(lines, None)
    first = next(lines, None)
    return None if first is None else parse_line(first[0]).time


class PositionWriter:
    """Publishes how far a writer is, for readers in other processes."""

    def __init__(self, folder: Path, *, fsync: bool = True) -> None:
        self._fsync = fsync
        self._handle = os.open(folder / POSITION, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        known = [read_position(self._handle, slot) for slot in (RESERVED, PUBLISHED)]
        self.time = max((position.time for position in known if position is not None), default=0)
        """The latest instant that anybody was told of (µs)."""

    def reserve(self, position: Position) -> None:
        """Binds the writer, beyond a loss of power, to stamp nothing at or before an instant any more."""
        self._put(RESERVED, position)
        if self._fsync:
            os.fdatasync(self._handle)

    def publish(self, position: Position) -> None:
        """Lets readers rely on a position: its records are on the disk, or its time is reserved."""
        self._put(PUBLISHED, position)

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._handle)

    def _put(self, slot: int, position: Position) -> None:
        os.pwrite(self._handle, pack_position(position), slot * SLOT_BYTES)
