"""Checkpoints: what of an operator outlives a run. The state of its core, the items its merge holds back, the number of output records.

Rows of the core begin with a letter. The operator's own row is `[watermark, {channel: watermark}, number, policy version, held-back
items]`. It changes with every epoch, so it travels in the token itself, `[1, shard, token of the store, own row or None]`: an epoch in
which no order changed writes no file. Only a long one is a row of the store, under `OWN`. All of it is versioned plain data.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from dataflows.runtime.failure import noted
from dataflows.runtime.merge import Merge

T = TypeVar("T")
VERSION = 1
OWN = b"\x00shell"
MOST = 16_384
"""An own row of more bytes than this is not carried in the token."""


class CheckpointError(Exception):
    """Stored state from which this program cannot resume; the message is one line for the person who runs it."""


class Codec(Protocol[T]):
    """Turns held-back items into plain data and back."""

    def pack(self, items: Sequence[T]) -> bytes:
        """The items as bytes."""
        ...

    def unpack(self, packed: bytes) -> list[T]:
        """The items that `pack` was given."""
        ...


class StoreToken(Protocol):
    """Names what a store holds at the end of an epoch."""

    def wait(self) -> bytes:
        """The token as bytes, once all that it names would survive a loss of power."""
        ...


class CheckpointStore(Protocol):
    """Where a shard's rows are kept, as an operator uses it."""

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """The latest value of every key as of the token that the store was opened with."""
        ...

    def put(self, key: bytes, value: bytes | None) -> None:
        """Sets a row, or (None) takes it away."""
        ...

    def commit(self, rows: Callable[[], Iterable[tuple[bytes, bytes]]], *, afresh: bool = False) -> StoreToken:
        """Ends an epoch's writes. `afresh`: so that nothing of what was superseded is kept longer than a resume may need it."""
        ...


class Stores(Protocol):
    """The stores of a run, by shard."""

    def open(self, shard: str, token: bytes | None) -> CheckpointStore:
        """Opens the store of a shard as of a token; an empty one without."""
        ...


class Core(Protocol):
    """The pure part of an operator, as far as checkpoints need it."""

    erased: bool
    """Whether something was erased of which superseded rows may still hold something."""

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """Rows that changed since the last call."""
        ...

    def rows(self) -> Iterable[tuple[bytes, bytes]]:
        """All rows."""
        ...


class Checkpoint(NamedTuple, Generic[T]):
    """State to resume from. `changed_at`: the log time (µs) from which another policy holds; None if it is the same."""

    shard: str
    rows: list[tuple[bytes, bytes]]
    watermark: int
    channels: dict[str, int]
    number: int
    held: list[T]
    changed_at: int | None


class Snapshot:
    """What Bytewax is given as an operator's state. It is pickled right before the epoch commits: that waits until it is durable."""

    def __init__(self, shard: str, token: StoreToken, own: bytes | None) -> None:
        self._shard = shard
        self._token = token
        self._own = own

    @noted
    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        """Plain bytes: no class of this program is named in what is stored."""
        return bytes, (msgspec.msgpack.encode([VERSION, self._shard, self._token.wait(), self._own]),)


class Checkpointer(Generic[T]):
    """Makes the checkpoints of one operator. Guarantee: an operator that resumes continues exactly where its committed token stood."""

    def __init__(self, stores: Stores, policy: str, codec: Codec[T], on_commit: Callable[[float], None] = lambda _: None) -> None:
        """`policy`: the version of the present one; `on_commit` is called with the seconds that each commit took."""
        self._on_commit = on_commit
        self._stores = stores
        self._policy = policy
        self._codec = codec
        self._shard = ""
        self._store: CheckpointStore | None = None
        self._stored = False

    def begin(self, shard: str) -> None:
        """Opens an empty store for an operator that is new."""
        self._shard, self._store = shard, self._stores.open(shard, None)

    def resume(self, snapshot: bytes) -> Checkpoint[T]:
        """Opens the store as of a token and returns what it keeps.

        Raises:
            CheckpointError: if the state was written by a later version, or is incomplete.
        """
        try:
            version, *named = msgspec.msgpack.decode(snapshot, type=list[object])
            if version != VERSION:
                raise CheckpointError(f"the stored state of a shard has version {version}, this program reads {VERSION}")
            self._shard, token, own = msgspec.convert(named, tuple[str, bytes, bytes | None])
        except (msgspec.MsgspecError, ValueError) as error:
            raise CheckpointError(f"the recovery store holds what is no snapshot of a shard: {error}") from error
        self._store = self._stores.open(self._shard, token)
        rows: list[tuple[bytes, bytes]] = []
        for key, value in self._store.rows():
            if key == OWN:
                self._stored = True
                own = own or value
            else:
                rows.append((key, value))
        if own is None:
            raise CheckpointError(f"the stored state of shard {self._shard} is incomplete: its own row is missing")
        try:
            found = msgspec.msgpack.decode(own, type=tuple[int, dict[str, int], int, str, bytes])
        except msgspec.MsgspecError as error:
            raise CheckpointError(f"the stored state of shard {self._shard} cannot be read: {error}") from error
        watermark, channels, number, policy, held = found
        return Checkpoint(
            self._shard, rows, watermark, channels, number, self._codec.unpack(held), None if policy == self._policy else watermark
        )

    def commit(self, merge: Merge[T], core: Core, number: int = 0, held: Sequence[T] | None = None) -> Snapshot:
        """Writes what changed since the last time; `number`: of the last output record. `held`: if not what the merge holds."""
        store = self._store
        assert store is not None
        began = time.perf_counter()
        for key, value in core.changes():
            store.put(key, value)
        packed = self._codec.pack(merge.held if held is None else held)
        own = msgspec.msgpack.encode([merge.watermark, dict(merge.channels), number, self._policy, packed])
        large = len(own) > MOST
        if large or self._stored:
            store.put(OWN, own if large else None)
            self._stored = large

        def rows() -> Iterator[tuple[bytes, bytes]]:
            yield from core.rows()
            if large:
                yield OWN, own

        token = store.commit(rows, afresh=core.erased)
        core.erased = False
        self._on_commit(time.perf_counter() - began)
        return Snapshot(self._shard, token, None if large else own)
