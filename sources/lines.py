"""Lines of a file, a gzip file or standard input, in bounded memory."""

from __future__ import annotations

import gzip
import sys
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from schemas.wire import MAX_BYTES
from sources.texts import UTF8, wide

STDIN = "-"
GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 2 << 20
HEAD_BYTES = 4_096
"""How much of a file is looked at to see what it is."""


class UnreadableSourceError(Exception):
    """A source that cannot be read; the message is one line for the user."""


class Peekable(Protocol):
    """A buffered file, whose first bytes can be looked at without taking them."""

    def peek(self, size: int, /) -> bytes:
        """Some of the next bytes."""
        ...


class LineReader(Protocol):
    """Where a reader of events gets its lines from.

    `sizes` holds the true size of those lines of the last `read`, by index, of which only a part was kept.
    """

    sizes: dict[int, int]

    @property
    def consumed(self) -> int:
        """How many bytes have been read; can be asked at any time, also once it is closed."""
        ...

    def read(self) -> list[bytes] | None:
        """The next lines; None at the end."""
        ...

    def close(self) -> None:
        """Lets go of what is open."""
        ...


class FileLines:
    """Reads a file by chunks and cuts it into lines, without their line feeds.

    Of a line longer than `longest` (`MAX_BYTES`) only that much is kept; its true size stands in `sizes` under its index
    in the chunk. Compression is recognised by content. Raises `UnreadableSourceError` if the file cannot be opened or is cut off.
    """

    def __init__(self, path: str, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.path = path
        self.sizes: dict[int, int] = {}
        self.longest: int | None = MAX_BYTES
        """How much of a line is kept; None: all of it."""
        self._chunk_bytes = chunk_bytes
        self._rest = b""
        self._dropped = 0
        self._first = True
        self._raw, self._data = _open(path)
        self._seekable = self._raw.seekable()
        self._consumed = 0

    @property
    def consumed(self) -> int:
        """How many bytes of the file itself (compressed, if it is) have been read; of a pipe, how many it held when unpacked."""
        return self._consumed

    def peek(self) -> bytes:
        """Some of the first bytes, unpacked, without taking them."""
        return cast("Peekable", self._data).peek(HEAD_BYTES)[:HEAD_BYTES]

    def read(self) -> list[bytes] | None:
        """The lines that the next chunk completes; None at the end of the file."""
        try:
            chunk = self._data.read(self._chunk_bytes)
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableSourceError(f"{self.path}: {error}") from error
        # Kept, not asked of the file when somebody wants to know: a file that has been read to its end is closed while others are read on.
        self._consumed = self._raw.tell() if self._seekable else self._consumed + len(chunk)
        if self._first:
            self._first = False
            if (encoding := wide(chunk)) is not None:
                raise UnreadableSourceError(f"{self.path}: written in {encoding}; events are read in UTF-8")
            chunk = chunk.removeprefix(UTF8)
        self.sizes.clear()
        if not chunk:
            if not self._rest:
                return None
            lines, self._rest = [self._rest], b""
        else:
            lines = chunk.split(b"\n")
            lines[0] = self._rest + lines[0]
            self._rest = lines.pop()
        if self._dropped and lines:
            self.sizes[0] = len(lines[0]) + self._dropped
            self._dropped = 0
        if self.longest is not None and len(self._rest) > self.longest:
            self._dropped += len(self._rest) - self.longest
            self._rest = self._rest[: self.longest]
        return lines

    def close(self) -> None:
        """Closes the file."""
        self._data.close()
        self._raw.close()


def _open(path: str) -> tuple[BinaryIO, BinaryIO]:
    """The file itself, and what to read its content from."""
    try:
        raw = cast("BinaryIO", sys.stdin.buffer if path == STDIN else Path(path).open("rb"))  # noqa: SIM115 - closed by Lines.close
    except OSError as error:
        raise UnreadableSourceError(f"{path}: {_describe(error)}") from error
    try:
        return raw, _content(path, raw)
    except (OSError, EOFError, zlib.error) as error:
        raw.close()
        raise UnreadableSourceError(f"{path}: {_describe(error)}") from error
    except UnreadableSourceError:
        raw.close()
        raise


def _content(path: str, raw: BinaryIO) -> BinaryIO:
    head = cast("Peekable", raw).peek(2)[:2]
    if head == GZIP_MAGIC:
        data = gzip.GzipFile(fileobj=raw)
        data.peek(1)
        return cast("BinaryIO", data)
    if path.endswith(".gz") and head:
        raise UnreadableSourceError(f"{path}: not a gzip file")
    return raw


def _describe(error: Exception) -> str:
    """What the system says, as the end of a sentence."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:1].lower() + text[1:]
