"""The store of one shard: a log of changed rows, written in sequence and read once, at resume.

A process writes only segments of its own, and a token names segments with their lengths. So whatever lies behind a recorded length, an
epoch that was rolled back or a zombie that writes on, is never read; nothing needs to be undone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Protocol

import msgspec

from dataflows.runtime.state.errors import DamagedStateError, StateError
from dataflows.runtime.state.files import DIRECTORY_MODE
from dataflows.runtime.state.segments import COMMIT, FRAME_BYTES, ROWS, Commit, Name, SegmentWriter, last_commit, load, parse, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    Rows = Callable[[], Iterable[tuple[bytes, bytes]]]

DISK = ThreadPoolExecutor(8, thread_name_prefix="store")
"""Who waits for the disk. Sixty-four shards one after the other would hold up an epoch for 80 to 150 ms; eight at a time, for 15."""

_encode = msgspec.msgpack.Encoder().encode


class Compaction:
    """When logs are written afresh; shared by all shards of a process, so that they take turns.

    A log is due once it holds more superseded bytes than living ones and more than `least_bytes`, or is in more than `most_segments`.
    Superseded bytes are not counted row by row, which would cost memory for each; they are at most what was appended since the log
    was last written afresh. Every byte that shards append lets half a byte be written afresh, and at most `burst_bytes` are saved up:
    shards that fill evenly would otherwise all be due in the same epoch, which would stall it.
    """

    def __init__(self, least_bytes: int = 1 << 20, most_segments: int = 8, burst_bytes: int = 16 << 20) -> None:
        self.least_bytes = least_bytes
        self.most_segments = most_segments
        self.burst_bytes = burst_bytes
        self._credit = burst_bytes

    def earn(self, appended: int) -> None:
        """Notes what a shard has appended in an epoch."""
        self._credit = min(self._credit + appended // 2, self.burst_bytes)

    def take(self, superseded: int, living: int, count: int) -> bool:
        """Whether a log of these bytes and this many segments may be written afresh now."""
        due = superseded > max(living, self.least_bytes) or count > self.most_segments
        if not due or self._credit < min(living, self.burst_bytes):
            return False
        self._credit -= living
        return True


class Home(Protocol):
    """What a store needs to know of the state directory."""

    @property
    def shards(self) -> Path:
        """The directory that holds one directory per shard."""
        ...

    @property
    def incarnation(self) -> int:
        """The number of this opening of the state directory by a process, greater than all before it."""
        ...

    @property
    def fsync(self) -> bool:
        """Whether tokens wait for the disk; without, state survives the end of a process but not of the machine."""
        ...

    @property
    def compaction(self) -> Compaction:
        """When logs are written afresh."""
        ...


class CommitToken:
    """What Bytewax keeps of a shard for an epoch. Pickling it waits until the disk has what it names, and gives plain bytes.

    Bytewax pickles snapshots on the way to committing the epoch, after it has asked all shards for theirs, and not with recovery off.
    """

    __slots__ = ("_data", "syncs")

    def __init__(self, data: bytes, syncs: tuple[Future[None], ...] = ()) -> None:
        self._data = data
        self.syncs = syncs

    def wait(self) -> bytes:
        """The token as bytes, once what it names is durable. Raises StateError if the disk failed."""
        for sync in self.syncs:
            sync.result()
        return self._data

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        return bytes, (self.wait(),)


class ShardStore:
    """One shard's rows as of a token, and what is put since."""

    @classmethod
    def open(cls, home: Home, shard: str, token: bytes | None) -> ShardStore:
        """The store as of `token`; empty for None. What was written after the token no longer counts.

        Raises StateError if something that the token names is missing, shorter or damaged, or if there is no token where there was one.
        """
        directory = home.shards / shard
        directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        if token is None:
            _expect_nothing(directory)
            return cls(home, directory, Commit(shard, 0, ()), {})
        commit = Commit.decode(token)
        if commit.shard != shard:
            raise DamagedStateError(f"the recovery store holds the token of shard {commit.shard} for shard {shard}")
        return cls(home, directory, commit, load(directory, commit))

    def __init__(self, home: Home, directory: Path, commit: Commit, rows: dict[bytes, bytes]) -> None:
        self._home = home
        self._directory = directory
        self._commit = commit
        self._rows = rows
        self._token = CommitToken(commit.encode())
        self._living = sum(map(len, rows)) + sum(map(len, rows.values()))
        self._segments = commit.segments
        self._segment_bytes = sum(length for _, length in commit.segments)
        self._buffer: dict[bytes, bytes | None] = {}
        self._buffered = 0
        self._changed = False
        self._syncs: list[Future[None]] = []
        self._retired: list[SegmentWriter] = []
        named = {file for file, _ in commit.segments}
        known = segments(directory)
        # Epochs that were rolled back. What is newer than us is not ours to judge: then we are the ones who no longer count.
        self._dropped = [name for name in known if name.incarnation < home.incarnation and name.file not in named]
        number = max((name.number + 1 for name in known if name.incarnation == home.incarnation), default=0)
        self._writer = SegmentWriter(directory, Name(home.incarnation, number))
        # Whoever looks in from outside shall see from here on what counts again.
        self._writer.append(COMMIT, commit.encode())

    @property
    def size(self) -> int:
        """The bytes on disk that count, superseded rows among them."""
        return self._segment_bytes + self._writer.length

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """The latest value per key as of the token, once: the store does not keep them."""
        rows, self._rows = self._rows, {}
        return iter(rows.items())

    def put(self, key: bytes, value: bytes | None) -> None:
        """Sets a row, or removes it. Raises StateError if the disk does not take it."""
        self._buffer[key] = value
        self._buffered += len(key) + (0 if value is None else len(value))
        self._changed = True
        if self._buffered >= FRAME_BYTES:
            self._flush()
            if self._home.fsync and (not self._syncs or self._syncs[-1].done()):
                # The disk begins while the epoch lasts, so that there is little left to wait for at its end.
                self._syncs.append(DISK.submit(self._writer.sync))

    def commit(self, rows: Rows, *, afresh: bool = False) -> CommitToken:
        """Ends an epoch: what was put up to here is what the token stands for. `rows` gives everything that lives, if the log is due.

        `afresh`: the log is due, since something was erased: files that hold it are deleted as soon as this epoch is durable.

        The caller vouches that the epoch of the call before is durable; so what that one no longer needed is deleted.
        Raises StateError if the disk failed, or if a later incarnation has opened this shard.
        """
        self._token.wait()
        self._drop()
        if not self._changed:
            return self._token
        compaction = self._home.compaction
        if afresh or compaction.take(self.size + self._buffered - self._living, self._living, len(self._segments) + 1):
            self._write_afresh(rows)
        else:
            before = self._writer.length
            self._flush()
            compaction.earn(self._writer.length - before)
        writer = self._writer
        self._commit = Commit(self._commit.shard, self._commit.number + 1, (*self._segments, (writer.name.file, writer.length)))
        data = self._commit.encode()
        writer.append(COMMIT, data)
        self._changed = False
        if self._home.fsync:
            self._syncs.append(DISK.submit(writer.sync))
        self._token, self._syncs = CommitToken(data, tuple(self._syncs)), []
        return self._token

    def close(self) -> None:
        """Ends the use of the store; what was put and not committed is lost. Raises StateError if the disk failed."""
        wait((*self._syncs, *self._token.syncs))
        for writer in (*self._retired, self._writer):
            writer.close()
        self._token.wait()

    def _flush(self) -> None:
        if self._buffer:
            self._writer.append(ROWS, _encode(self._buffer))
            self._buffer.clear()
            self._buffered = 0

    def _write_afresh(self, rows: Rows) -> None:
        """Begins a segment with everything that lives; the earlier ones are needed until this epoch is durable."""
        old = self._writer
        self._dropped = [name for file, _ in self._segments if (name := parse(file)) is not None]
        self._dropped.append(old.name)
        self._retired.append(old)
        self._segments, self._segment_bytes = (), 0
        self._writer = SegmentWriter(self._directory, Name(old.name.incarnation, old.name.number + 1))
        self._buffer.clear()
        self._buffered = 0
        for key, value in rows():
            self.put(key, value)
        self._flush()
        self._living = self._writer.length

    def _drop(self) -> None:
        """Deletes the segments that no resume can need any more."""
        if not self._dropped:
            return
        latest = segments(self._directory)[-1].incarnation
        if latest > self._home.incarnation:
            raise StateError(f"{self._directory}: incarnation {latest} has taken over from {self._home.incarnation}")
        for writer in self._retired:
            writer.close()
        for name in self._dropped:
            (self._directory / name.file).unlink(missing_ok=True)
        self._retired, self._dropped = [], []


def _expect_nothing(directory: Path) -> None:
    """A second commit is only written once the first is durable; so where there is one, there is a token."""
    for name in segments(directory):
        commit = last_commit(directory / name.file)
        if commit is not None and commit.number > 1:
            raise DamagedStateError(f"{directory} holds state that the recovery store knows nothing of: it was deleted, or is another's")
