"""Exports: what a topic partition holds, in a file of its own, so that a replay gives exactly what live reading gave.

One JSON object a line, gzip: first the header, then the records in the order of their offsets, byte for byte recoverable. A value or key
that is not text is written in base64. Offsets may have gaps, where transactions ended or were aborted.

Guarantee of the reader: the same topic, partition, offset, log time, key and headers as the live source gives. With timestamps of producers
(`CreateTime`) log time is as in `sources.messages`, with the instant of the export for the clock.
"""

from __future__ import annotations

import gzip
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import UNSET, Struct, UnsetType

from schemas.record import FeedWatermark, Record, headers_of
from schemas.values import from_micros, micros, parse_instant
from schemas.wire import Rejected
from sources.batch import BEGINNING, END, Refusal
from sources.lines import FileLines, UnreadableSourceError
from sources.messages import TIMESTAMP_TYPES, Item, Message, PartitionLog, StampError, Unreadable, is_barrier
from sources.watermarks import NO_FEEDS, WatermarkSampler

FORMAT = "orderwatch/1"
MAGIC = b'{"export":"orderwatch/1"'
"""How the file begins, once unpacked."""
TYPE_NAMES = {number: name for name, number in TIMESTAMP_TYPES.items()}
COMPRESSION = 5
"""Of gzip: the next levels cost twice the time for a few percent."""


class _Header(Struct):
    export: str
    topic: str
    partition: int
    timestamp_type: str
    exported: str


class _Line(Struct, omit_defaults=True):
    """A record. Bytes are base64 in JSON. `timestamp` is in ms; `timestamp_type` is there where it differs from the header's.

    `headers` is null where the client library could not hand them out; `unreadable`: nor anything else.
    """

    offset: int
    timestamp: int
    key: bytes | None
    headers: list[tuple[str, bytes | None]] | None
    value: str | UnsetType | None = UNSET
    value_base64: bytes | UnsetType = UNSET
    timestamp_type: str | UnsetType = UNSET
    unreadable: bool = False


class ExportedMessage:
    """A record of an export, as the client library would hand it out."""

    __slots__ = ("_kind", "_line", "_value")

    def __init__(self, line: _Line, kind: int) -> None:
        self._line = line
        self._kind = kind
        self._value = _value(line)

    def offset(self) -> int:
        """Its place in the partition."""
        return self._line.offset

    def timestamp(self) -> tuple[int, int]:
        """The kind of timestamp, and ms since the epoch."""
        return self._kind, self._line.timestamp

    def key(self) -> bytes | None:
        """The key."""
        return self._line.key

    def value(self) -> bytes | None:
        """The value; None in a tombstone."""
        return self._value

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """The headers, in their order; None if there are none. Raises UnicodeDecodeError where the client library did."""
        if self._line.headers is None:
            raise UnicodeDecodeError("utf-8", b"", 0, 0, "the name of a header")
        return self._line.headers or None

    def __len__(self) -> int:
        return len(self._value or b"")


def encode(message: Message, usual: str) -> bytes:
    """A record as a line of an export whose header says `usual` about timestamps."""
    kind, timestamp = message.timestamp()
    offset = message.offset() or 0
    try:
        value = message.value()
    except Rejected:
        return _ENCODE(_Line(offset, timestamp, None, None, None, unreadable=True))
    try:
        headers = list(headers_of(message))
    except Rejected:
        headers = None
    line = _Line(offset, timestamp, message.key(), headers)
    try:
        line.value = None if value is None else value.decode()
    except UnicodeDecodeError:
        line.value_base64 = value or b""
    name = TYPE_NAMES.get(kind, "")
    if name != usual:
        line.timestamp_type = name
    return _ENCODE(line)


def decode(line: bytes, usual: str) -> ExportedMessage | Unreadable:
    """Reads a line of an export. Raises msgspec.DecodeError or ValueError if it is none."""
    read = _DECODE(line)
    if read.unreadable:
        return Unreadable(read.offset)
    name = usual if read.timestamp_type is UNSET else read.timestamp_type
    return ExportedMessage(read, TIMESTAMP_TYPES.get(name, 0))


class ExportWriter:
    """Writes the export of one partition, which appears under its name once it is closed whole. `exported`: µs since the epoch."""

    def __init__(self, folder: Path, topic: str, partition: int, timestamp_type: str, exported: int) -> None:
        self.path = folder / f"{topic}-{partition:05d}.jsonl.gz"
        self.records = 0
        self._barrier: bytes | None = None
        self._barred = -1
        self._type = timestamp_type
        self._part = self.path.with_name(self.path.name + ".part")
        self._raw = self._part.open("wb")
        # Neither name nor time in the gzip header: the same records make the same bytes.
        self._data = gzip.GzipFile(filename="", mode="wb", compresslevel=COMPRESSION, fileobj=self._raw, mtime=0)
        header = _Header(FORMAT, topic, partition, timestamp_type, from_micros(exported).isoformat())
        self._data.write(_ENCODE(header) + b"\n")

    def write(self, message: Message) -> None:
        """Appends a record. A barrier is left out unless what comes next is stamped earlier: only then does it make a difference."""
        stamp = message.timestamp()[1]
        if is_barrier(message):
            if stamp > self._barred:
                self._barrier, self._barred = encode(message, self._type), stamp
            return
        if self._barrier is not None and stamp < self._barred:
            self._append(self._barrier)
        self._barrier, self._barred = None, -1
        self._append(encode(message, self._type))

    def _append(self, line: bytes) -> None:
        self._data.write(line + b"\n")
        self.records += 1

    def close(self) -> None:
        """Finishes the file and gives it its name."""
        self._shut()
        self._part.replace(self.path)

    def discard(self) -> None:
        """Leaves nothing of an export that broke off."""
        self._shut()
        self._part.unlink(missing_ok=True)

    def _shut(self) -> None:
        self._data.close()
        self._raw.close()


def is_export(head: bytes) -> bool:
    """Whether a file that begins so is an export."""
    return head.startswith(MAGIC)


class ExportReader:
    """Reads one export, as `sources.files.FileReader` reads other files. Raises UnreadableError if the file is damaged."""

    def __init__(self, lines: FileLines, feeds: Mapping[str, int] = NO_FEEDS) -> None:
        self.watermark = BEGINNING
        # A line holds a whole record, whatever its size: what is too large to be an event is for the decoder to say.
        lines.longest = None
        self._lines = lines
        self._number = 0
        self._feeds = feeds
        self._type = ""
        self._exported = 0
        self._log: PartitionLog | None = None
        self._waiting: list[Item] = []

    @property
    def consumed(self) -> int:
        """How many bytes of the file have been read."""
        return self._lines.consumed

    @property
    def greatest(self) -> int:
        """The greatest log time so far; BEGINNING if there is none."""
        return BEGINNING if self._log is None else self._log.greatest

    def close(self) -> None:
        """Closes the file."""
        self._lines.close()

    def read(self, until: int | None) -> None:
        """Reads the next chunk, and leaves out what is after `until`; after the last one `watermark` is END."""
        lines = self._lines.read()
        if lines is None:
            self.watermark = END
            self.close()
            return
        if not lines:
            return
        log = self._log
        if log is None:
            log = self._log = self._begin(lines.pop(0))
        try:
            items = log.read([decode(line, self._type) for line in lines], announced=BEGINNING, latest=self._exported)
        except (msgspec.DecodeError, ValueError, StampError) as error:
            raise UnreadableSourceError(f"{self._lines.path}: damaged export, after line {self._number}: {error}") from error
        self._number += len(lines)
        if until is not None:
            del items[bisect_right(items, until, key=_log) :]
        self._waiting += items
        self.watermark = log.greatest

    def take(self, before: int) -> list[Record | Refusal | FeedWatermark]:
        """What has a log time earlier than `before`, which must not be beyond `watermark`."""
        cut = len(self._waiting) if before >= END else bisect_right(self._waiting, before - 1, key=_log)
        taken, self._waiting = self._waiting[:cut], self._waiting[cut:]
        return taken

    def _begin(self, line: bytes) -> PartitionLog:
        try:
            header = _HEADER(line)
            self._exported = micros(parse_instant(header.exported))
        except (msgspec.DecodeError, ValueError) as error:
            raise UnreadableSourceError(f"{self._lines.path}: damaged header of an export: {error}") from error
        self._type = header.timestamp_type
        self._number = 1
        sampler = WatermarkSampler(self._feeds) if self._feeds else None
        # Whoever made the export of a topic that producers stamp has accepted the weaker guarantee.
        return PartitionLog(header.topic, header.partition, create_time=True, sampler=sampler)


def _log(item: Item) -> int:
    return item.log


def _value(line: _Line) -> bytes | None:
    if isinstance(line.value_base64, bytes):
        return line.value_base64
    if line.value is UNSET:
        raise ValueError(f"offset {line.offset} has no value")
    return line.value.encode() if isinstance(line.value, str) else None


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(_Line).decode
_HEADER = msgspec.json.Decoder(_Header).decode
