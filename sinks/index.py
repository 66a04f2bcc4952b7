"""Where the lines of each exception stand in `exceptions.jsonl`, so that one can be found without reading the others.

`exceptions.index` stands beside the file. It is not part of what was said: it is made again whenever it is missing or does not fit. It fits
if it is not older than the file, speaks of as many bytes, was made over the same bytes at `SAMPLES` places of it, and each line that it
leads to is seen to be the exception's.

Layout: a head (what it is, the length of the file, the digest of the samples), then for each line sixteen bytes, sorted: the first half of
the exception's ID and the offset of the line, both big-endian.
"""

from __future__ import annotations

import os
import sys
from array import array
from contextlib import suppress
from hashlib import blake2b
from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Read = Callable[[int, int], bytes]
    """Reads so many bytes at an offset; fewer at the end."""

NAME = "exceptions.index"
MARK = b'"exception_id":"'
"""What stands before an ID in a line; no order and no text can hold it, since JSON escapes their quotes."""
ERASURE = b'"type":"exception.forgotten"'
"""What a line has that is about no exception; likewise."""
ID_LENGTH = 36
HEAD = Struct(">8sQ16s")
ENTRY = Struct(">QQ")
MAGIC = b"owindex1"
SAMPLES, SAMPLE = 16, 4096
LINE = 4096
"""Bytes that are read at once where a line begins; most lines are shorter."""


class NotExceptionsError(ValueError):
    """A file that does not hold exceptions; the message says where."""


class SeveralError(ValueError):
    """A prefix that fits several exceptions: `count` of them, of which `ids` are two."""

    def __init__(self, count: int, ids: tuple[str, str]) -> None:
        super().__init__(f"{count} IDs, such as {ids[0]} and {ids[1]}")
        self.count = count
        self.ids = ids


class Entries:
    """The lines of exceptions in the order of their file, as they are written or read; each costs sixteen bytes of memory."""

    def __init__(self) -> None:
        self.length = 0
        """Bytes of all lines."""
        self._keys = array("Q")
        self._offsets = array("Q")

    def add(self, exception_id: str, length: int) -> None:
        """Notes the next line. Raises ValueError if the ID is no UUID."""
        self._keys.append(_key(exception_id))
        self._offsets.append(self.length)
        self.length += length

    def skip(self, length: int) -> None:
        """Notes the next line as one that is about no exception: an order was erased."""
        self.length += length

    def over(self, path: Path) -> bytes:
        """The index over the file that these lines are in."""
        order = sorted(range(len(self._keys)), key=self._keys.__getitem__)  # stable: an exception's lines stay in order
        table = array("Q", bytes(ENTRY.size * len(order)))
        for place, number in enumerate(order):
            table[2 * place], table[2 * place + 1] = self._keys[number], self._offsets[number]
        if sys.byteorder == "little":
            table.byteswap()
        with path.open("rb") as file:
            return HEAD.pack(MAGIC, self.length, _digest(_reader(file.fileno()), self.length)) + table.tobytes()


def save(path: Path, index: bytes) -> None:
    """Keeps the index of a file beside it. Raises OSError."""
    new = path.with_name(f"{NAME}.new-{os.getpid()}")
    try:
        new.write_bytes(index)
        new.replace(path.with_name(NAME))
    finally:
        new.unlink(missing_ok=True)


def lines_of(path: Path, prefix: str) -> list[bytes]:
    """The lines of the one exception whose ID begins with `prefix`, in order; none if there is no such exception.

    Makes the index where it is missing or does not fit, and keeps it if the folder can be written to. Raises OSError, SeveralError, and
    NotExceptionsError.
    """
    with path.open("rb") as file:
        digits = prefix.replace("-", "").lower()
        if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
            return []
        read, known = _reader(file.fileno()), os.fstat(file.fileno())
        with suppress(OSError), path.with_name(NAME).open("rb") as index:
            there = os.fstat(index.fileno())
            kept = _reader(index.fileno())
            if there.st_mtime_ns >= known.st_mtime_ns and _fits(kept, there.st_size, read, known.st_size):
                with suppress(_StaleError):
                    return _find(kept, there.st_size, read, digits)
        entries = scanned(path)
        made = entries.over(path)
        now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime_ns) == (entries.length, known.st_mtime_ns):
            with suppress(OSError):  # where it cannot be kept it is made each time
                save(path, made)
        try:
            return _find(lambda at, size: made[at : at + size], len(made), read, digits)
        except _StaleError as error:
            raise NotExceptionsError("it changes while it is read") from error


def scanned(path: Path) -> Entries:
    """The lines of a file, read from its first to its last that is complete. Raises NotExceptionsError."""
    entries = Entries()
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break  # it is being written
            if ERASURE in line[:LINE]:
                entries.skip(len(line))
                continue
            try:
                entries.add(_id_of(line), len(line))
            except ValueError as error:
                raise NotExceptionsError(f"line {number} is no exception") from error
    return entries


class _StaleError(Exception):
    """The index leads to a line that is another exception's, or to one line twice."""


def _find(index: Read, size: int, read: Read, digits: str) -> list[bytes]:
    low, high = (int((digits + fill * 16)[:16], 16) for fill in "0f")
    first, end = _place(index, size, low), _place(index, size, high + 1)
    table = index(HEAD.size + first * ENTRY.size, (end - first) * ENTRY.size)
    places: dict[int, list[int]] = {}
    for key, offset in ENTRY.iter_unpack(table):
        places.setdefault(key, []).append(offset)
    if len(places) > 1:
        one, other = (_id_of(_line(read, places[key][0], key)) for key in list(places)[:2])
        raise SeveralError(len(places), (one, other))
    if any(earlier >= later for offsets in places.values() for earlier, later in pairwise(offsets)):
        raise _StaleError
    lines = [_line(read, offset, key) for key, offsets in places.items() for offset in offsets]
    found = [line for line in lines if _id_of(line).replace("-", "").startswith(digits)]
    ids = sorted({_id_of(line) for line in found})
    if len(ids) > 1:
        raise SeveralError(len(ids), (ids[0], ids[1]))
    return found


def _place(index: Read, size: int, key: int) -> int:
    """How many entries stand before `key`."""
    low, high = 0, (size - HEAD.size) // ENTRY.size
    while low < high:
        middle = (low + high) // 2
        if ENTRY.unpack(index(HEAD.size + middle * ENTRY.size, ENTRY.size))[0] < key:
            low = middle + 1
        else:
            high = middle
    return low


def _line(read: Read, offset: int, key: int) -> bytes:
    line = read(max(offset - 1, 0), LINE)
    if offset:
        before, line = line[:1], line[1:]
        if before != b"\n":
            raise _StaleError
    while b"\n" not in line:
        more = read(offset + len(line), LINE)
        if not more:
            raise _StaleError
        line += more
    line = line[: line.index(b"\n") + 1]
    try:
        if _key(_id_of(line)) != key:
            raise _StaleError
    except ValueError as error:
        raise _StaleError from error
    return line


def _key(exception_id: str) -> int:
    """The first half of a UUID. Raises ValueError if it is none."""
    digits = exception_id.replace("-", "")
    if len(digits) != 32 or len(exception_id) != ID_LENGTH:
        raise ValueError(f"{exception_id} is no UUID")
    return int.from_bytes(bytes.fromhex(digits)[:8], "big")


def _id_of(line: bytes) -> str:
    """The exception ID in a line. Raises ValueError if there is none."""
    at = line.index(MARK) + len(MARK)
    return line[at : at + ID_LENGTH].decode()


def _fits(index: Read, size: int, read: Read, length: int) -> bool:
    head = index(0, HEAD.size)
    if len(head) < HEAD.size or (size - HEAD.size) % ENTRY.size:
        return False
    return head == HEAD.pack(MAGIC, length, _digest(read, length))


def _digest(read: Read, length: int) -> bytes:
    """Of the first and the last bytes of a file, and of some between."""
    digest = blake2b(length.to_bytes(8, "big"), digest_size=16)
    for number in range(SAMPLES):
        digest.update(read(max(length - SAMPLE, 0) * number // (SAMPLES - 1), min(SAMPLE, length)))
    return digest.digest()


def _reader(descriptor: int) -> Read:
    return lambda at, size: os.pread(descriptor, size, at)
