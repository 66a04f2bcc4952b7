"""A numbered log in files: how its records stand there, how they are read, and how its writer says how far it is.

    FOLDER/00000000000000000000.jsonl   a segment, named by the offset of its first record; the first line says what it is
    FOLDER/00000000000000081920.jsonl   the next one; only the last is written

A record is a line of JSON with its offset (dense, from 0), when it was appended (µs since the epoch, UTC), and a checksum. A reader
believes no line beyond the position that the writer has published: what stands there may be torn, or be cut off by a restart.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

FORMAT: Final = 1
MAGIC: Final = b'{"orderwatch_log":'
"""How a segment begins."""
CHUNK: Final = 1 << 20
NAME: Final = re.compile(r"(\d{20})\.jsonl")
POSITION: Final = "position"
"""The file in which the writer says how far it is."""
_SLOT: Final = struct.Struct("<4sq4QI")
_SLOT_MAGIC: Final = b"owp1"
SLOT_BYTES: Final = 64
RESERVED, PUBLISHED = 0, 1
"""Slots of a position: the time that the writer is bound to, on the disk; and what readers may rely on."""


class DamagedLogError(Exception):
    """A log cannot be read on; the message is one line that names the file."""


class LogHeader(msgspec.Struct, frozen=True):
    """The first line of a segment. `owner`: the state (UUID) whose output it holds; "" of the input log."""

    orderwatch_log: int
    log: str
    first: int
    owner: str = ""


class LogLine(msgspec.Struct, omit_defaults=True):
    """A record of a log. `time`: when it was appended (µs since the epoch, UTC); `shard` and `number`: who of the engine said it."""

    offset: int
    time: int
    crc: int
    value: msgspec.Raw
    key: str = ""
    shard: str = ""
    number: int = 0

    @property
    def content(self) -> bytes:
        """The event, byte for byte."""
        return bytes(self.value)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LogLine).decode
_decode_header = msgspec.json.Decoder(LogHeader).decode


def checksum(line: LogLine) -> int:
    """Of everything that a record says."""
    head = f"{line.offset} {line.time} {line.key} {line.shard} {line.number} ".encode()
    return zlib.crc32(line.value, zlib.crc32(head))


def line_of(offset: int, time: int, value: bytes, *, key: str = "", shard: str = "", number: int = 0) -> bytes:
    """A record as a line. `value` is JSON without line feeds."""
    line = LogLine(offset, time, 0, msgspec.Raw(value), key, shard, number)
    line.crc = checksum(line)
    return _encode(line) + b"\n"


def parse_line(line: bytes) -> LogLine:
    """Reads a line, without its line feed. Raises ValueError if it is none, or not as it was written."""
    try:
        read = _decode(line)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no record of a log: {error}") from error
    if read.crc != checksum(read):
        raise ValueError("not as it was written: its checksum differs")
    return read


def header_line(log: str, first: int, owner: str) -> bytes:
    """The first line of a segment."""
    return _encode(LogHeader(FORMAT, log, first, owner)) + b"\n"


def parse_header(line: bytes) -> LogHeader:
    """Reads the first line of a segment. Raises ValueError if it is none, or of a later version."""
    try:
        header = _decode_header(line)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no segment of a log: {error}") from error
    if header.orderwatch_log > FORMAT:
        raise ValueError(f"format {header.orderwatch_log}, this program reads {FORMAT}")
    return header


def segment_name(first: int) -> str:
    """The name of the segment that begins at an offset."""
    return f"{first:020d}.jsonl"


def segments_of(folder: Path) -> list[tuple[int, Path]]:
    """The segments of a log, oldest first, each with the offset of its first record; none if there is no folder."""
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    return sorted((int(match[1]), path) for path in paths if (match := NAME.fullmatch(path.name)))


class Position(NamedTuple):
    """How far a writer is: all records stamped at or before `time` (µs) stand below `ends`, on the disk; every later one is stamped later.

    `ends`: by log, in the writer's order of them; 0 for one that it does not have.
    """

    time: int
    ends: tuple[int, int, int, int]


def pack_position(position: Position) -> bytes:
    """A position as the bytes of a slot."""
    body = _SLOT.pack(_SLOT_MAGIC, position.time, *position.ends, 0)[:-4]
    return (body + struct.pack("<I", zlib.crc32(body))).ljust(SLOT_BYTES, b"\0")


def read_position(handle: int, slot: int) -> Position | None:
    """What stands in a slot of an open file; None if nothing whole does, as while it is being written."""
    packed = os.pread(handle, _SLOT.size, slot * SLOT_BYTES)
    if len(packed) < _SLOT.size or zlib.crc32(packed[:-4]) != int.from_bytes(packed[-4:], "little"):
        return None
    magic, time, *ends, _ = _SLOT.unpack(packed)
    return None if magic != _SLOT_MAGIC else Position(time, (ends[0], ends[1], ends[2], ends[3]))


class PositionReader:
    """Follows what a writer publishes. Before the first is there, and where there is no file yet, nothing is known (None)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1
        self._last: Position | None = None

    def read(self) -> Position | None:
        """What is published now; never earlier than what was read before. Raises OSError."""
        if self._handle < 0:
            try:
                self._handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
        self._last = read_position(self._handle, PUBLISHED) or self._last
        return self._last

    def close(self) -> None:
        """Lets go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class SegmentReader:
    """Reads the records of one log in their order, over all its segments. `next` is the offset that comes next."""

    def __init__(self, folder: Path) -> None:
        self.next = 0
        self.consumed = 0
        """Bytes read so far."""
        self._folder = folder
        self._handle = -1
        self._path = folder
        self._at = 0
        self._first = -1

    def seek(self, offset: int) -> None:
        """Goes on at an offset."""
        self.close()
        self.next = offset

    def first(self) -> int:
        """The offset of the first record that is still there; 0 if there is none."""
        segments = segments_of(self._folder)
        return segments[0][0] if segments else 0

    def read(self, end: int, most: int) -> list[LogLine]:
        """The next records before offset `end`, at most so many; all of them must be on the disk.

        Raises DamagedLogError if one is not there any more, or not as it was written; OSError if the files cannot be read.
        """
        found: list[LogLine] = []
        while self.next < end and len(found) < most:
            if self._handle < 0:
                self._open()
            if not self._chunk(end, most, found):
                self._roll()
        return found

    def close(self) -> None:
        """Lets go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _open(self) -> None:
        segments = segments_of(self._folder)
        within = [(first, path) for first, path in segments if first <= self.next]
        if not within:
            begins = f"it begins at {segments[0][0]}: they were deleted before they were read" if segments else "it is empty"
            raise DamagedLogError(f"{self._folder}: records from {self.next} on are not there, {begins}")
        first, self._path = within[-1]
        self._handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self._first, self._at = first, 0
        self._skip(self.next - first)

    def _skip(self, records: int) -> None:
        """Goes behind the header and so many records."""
        left, at = records + 1, 0
        while left:
            chunk = os.pread(self._handle, CHUNK, at)
            count = chunk.count(b"\n")
            if not chunk or (not count and len(chunk) < CHUNK):
                raise DamagedLogError(f"{self._path}: ends before offset {self.next}")
            if count < left:
                left -= count
                at += len(chunk)
                continue
            place = -1
            for _ in range(left):
                place = chunk.index(b"\n", place + 1)
            left, at = 0, at + place + 1
        self._at = at

    def _chunk(self, end: int, most: int, found: list[LogLine]) -> bool:
        """Takes what the next chunk holds; whether there was anything."""
        size = CHUNK
        chunk = os.pread(self._handle, size, self._at)
        while b"\n" not in chunk:
            if len(chunk) < size:
                return False
            size *= 2
            chunk = os.pread(self._handle, size, self._at)
        place = 0
        while self.next < end and len(found) < most and (stop := chunk.find(b"\n", place)) >= 0:
            try:
                line = parse_line(chunk[place:stop])
            except ValueError as error:
                raise DamagedLogError(f"{self._path}: record {self.next}: {error}") from error
            if line.offset != self.next:
                raise DamagedLogError(f"{self._path}: record {line.offset} stands where {self.next} is expected")
            found.append(line)
            self.next += 1
            place = stop + 1
        self._at += place
        self.consumed += place
        return True

    def _roll(self) -> None:
        """Goes on in the next segment. What was published is there, so that the end of one means that there is another."""
        path = self._path
        self.close()
        self._open()
        if self._path == path:
            raise DamagedLogError(f"{path}: ends before offset {self.next}, which was written")


def whole_lines(path: Path) -> Iterator[tuple[bytes, int]]:
    """The lines of a segment with where each ends; what follows the last line feed is no line."""
    at = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            at += len(line)
            yield line[:-1], at
