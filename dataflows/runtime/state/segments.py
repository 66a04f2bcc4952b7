"""Segments: files of frames that are only ever appended to, and named by who wrote them.

A frame is a header (CRC-32 of what follows the length, length of the payload, kind) and a payload in MessagePack: either rows, a map from
key to value (nil: the key is gone), or a commit, which says what counts as written up to here.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar, cast
from zlib import crc32

import msgspec

from dataflows.runtime.state.errors import DamagedStateError, StateError, of_system
from dataflows.runtime.state.files import private, sync_directory

HEADER = struct.Struct("<IIB")
ROWS, COMMIT = 1, 2
"""Kinds of frames. Not 0: a tail of zeros, as some file systems leave after a power cut, must not look like a frame."""
FRAME_BYTES = 64 * 1024
"""Rows are gathered until they have about this size, then written as one frame."""
VERSION = 1
"""The version of commits (and so of tokens); a later program still reads earlier ones."""

_NAME = re.compile(r"(\d{6,})-(\d{4,})\.log")
_rows = msgspec.msgpack.Decoder(dict[bytes, bytes | None])
Result = TypeVar("Result")


class Name(NamedTuple):
    """Whose segment it is (the incarnation of the process) and its number among those; sorted as they were begun."""

    incarnation: int
    number: int

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.incarnation:06d}-{self.number:04d}.log"


class Commit(NamedTuple):
    """What counts after a commit: the segments in order, each with its recorded length in bytes. `number` counts a shard's commits."""

    shard: str
    number: int
    segments: tuple[tuple[str, int], ...]

    def encode(self) -> bytes:
        """As versioned plain data."""
        return msgspec.msgpack.encode([VERSION, self.shard, self.number, self.segments])

    @classmethod
    def decode(cls, data: bytes) -> Commit:
        """From `encode`, of this version or an earlier one. Raises StateError if it cannot be read."""
        try:
            version, *fields = msgspec.msgpack.decode(data, type=list[object])
            if version == VERSION:
                return cls(*msgspec.convert(fields, tuple[str, int, tuple[tuple[str, int], ...]]))
        except (msgspec.MsgspecError, ValueError) as error:
            raise DamagedStateError(f"the recovery store holds what is no token of a store: {error}") from error
        raise StateError(f"the recovery store holds a token of version {version}; this program reads up to version {VERSION}")


class SegmentWriter:
    """The segment that a process appends to."""

    def __init__(self, directory: Path, name: Name) -> None:
        """Begins a segment; raises StateError if there is one of this name."""
        self.name = name
        self.path = directory / name.file
        self.length = 0
        self._handle = _guarded(self.path, lambda: private(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND))
        self._listed = False

    def append(self, kind: int, payload: bytes) -> int:
        """Writes a frame; returns its length. Raises StateError if the disk does not take it."""
        data = HEADER.pack(crc32(payload, kind), len(payload), kind) + payload
        _guarded(self.path, lambda: _write(self._handle, data))
        self.length += len(data)
        return len(data)

    def sync(self) -> None:
        """Makes durable what has been written; called in threads. Raises StateError if the disk failed: then nothing is known of it."""
        _guarded(self.path, self._sync)

    def close(self) -> None:
        """Ends the segment; no `sync` may be under way."""
        os.close(self._handle)

    def _sync(self) -> None:
        os.fsync(self._handle)
        if not self._listed:
            sync_directory(self.path.parent)
            sync_directory(self.path.parent.parent)
            self._listed = True


def parse(file: str) -> Name | None:
    """The name of a segment from that of its file; None for other files."""
    found = _NAME.fullmatch(file)
    return None if found is None else Name(int(found[1]), int(found[2]))


def segments(directory: Path) -> list[Name]:
    """The segments in a directory, as they were begun. Raises StateError if it cannot be listed."""
    files = _guarded(directory, lambda: list(directory.iterdir()))
    return sorted(name for file in files if (name := parse(file.name)) is not None)


def read_rows(path: Path, length: int) -> Iterator[dict[bytes, bytes | None]]:
    """The rows of a segment's first `length` bytes, frame by frame; what lies behind is not looked at.

    Raises DamagedStateError, naming the file, if it is missing or shorter, or if anything within the length is not as it was written.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise DamagedStateError(f"{path} is missing: the state directory and the recovery store in it belong together") from None
    with file:
        size = os.fstat(file.fileno()).st_size
        if size < length:
            raise DamagedStateError(f"{path} holds {size} bytes, {length} were recorded: the end of it is lost")
        at = 0
        while at < length:
            head = file.read(HEADER.size)
            if len(head) == HEADER.size and at + HEADER.size + (found := HEADER.unpack(head))[1] <= length:
                crc, size, kind = found
                payload = file.read(size)
                if crc32(payload, kind) == crc and kind in (ROWS, COMMIT):
                    if kind == ROWS:
                        yield _rows.decode(payload)
                    at += HEADER.size + size
                    continue
            raise DamagedStateError(f"{path} is damaged at byte {at}: it is not what was written there")


def load(directory: Path, commit: Commit) -> dict[bytes, bytes]:
    """The latest value of each key as of a commit. Raises StateError as `read_rows` does."""
    rows: dict[bytes, bytes] = {}
    for file, length in commit.segments:
        for some in read_rows(directory / file, length):
            gone = [key for key, value in some.items() if value is None]
            rows.update(cast("dict[bytes, bytes]", some))
            for key in gone:
                del rows[key]
    return rows


def last_commit(path: Path) -> Commit | None:
    """The last whole commit in a segment that may still be written to; None if there is none. Raises OSError if it cannot be read."""
    last: Commit | None = None
    with path.open("rb") as file:
        while len(head := file.read(HEADER.size)) == HEADER.size:
            crc, size, kind = HEADER.unpack(head)
            if kind == ROWS:
                file.seek(size, os.SEEK_CUR)
                continue
            payload = file.read(size)
            if kind != COMMIT or len(payload) < size or crc32(payload, kind) != crc:
                break
            last = Commit.decode(payload)
    return last


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _guarded(path: Path, call: Callable[[], Result]) -> Result:
    try:
        return call()
    except OSError as error:
        raise of_system(error, path) from error
