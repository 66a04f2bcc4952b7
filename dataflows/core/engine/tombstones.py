"""What is left of closed orders: which events they knew, so that a repeat is recognized and a late event does not resurrect them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import msgspec

from schemas.instants import FAR
from schemas.record import Record

_SIZE = 8
_encode = msgspec.msgpack.Encoder().encode


class Tombstone(msgspec.Struct, frozen=True, array_like=True):
    """A closed order: `until` which instant (µs of log time) it is remembered, and the digests of its events' identities in a row.

    `unplaced` is the order itself, packed, where its placing had not come by then: a placing that comes after all goes on from there.
    """

    until: int
    ids: bytes
    unplaced: bytes = b""
    customers: bytes = b""
    """The marks of its customers in a row, so that it can be erased with them."""

    def knows(self, record: Record) -> bool:
        """Whether the order had this event."""
        known = self.ids
        return _digest(record) in {known[i : i + _SIZE] for i in range(0, len(known), _SIZE)}


_decode = msgspec.msgpack.Decoder(Tombstone).decode


class Tombstones:
    """Closed orders by key, packed as they are kept. They are forgotten in the order in which they came, each in its time.

    Changes are tracked once they have been asked for.
    """

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self._queue: deque[str] = deque()
        self._next = FAR
        self._changed: dict[str, bytes | None] | None = None

    def __len__(self) -> int:
        """How many closed orders are remembered."""
        return len(self._packed)

    def add(self, key: str, until: int, records: Iterable[Record], unplaced: bytes = b"", customers: Iterable[bytes] = ()) -> None:
        """Remembers an order and its events until an instant (µs of log time); `unplaced`, `customers` as in `Tombstone`."""
        packed = self._packed[key] = _encode(Tombstone(until, b"".join(map(_digest, records)), unplaced, b"".join(customers)))
        self._queue.append(key)
        if len(self._queue) == 1:
            self._next = until
        if self._changed is not None:
            self._changed[key] = packed

    def find(self, key: str, now: int) -> Tombstone | None:
        """The tombstone of an order; None if it has none, or none any more at log time `now` (µs)."""
        packed = self._packed.get(key)
        if packed is None:
            return None
        tombstone = _decode(packed)
        return tombstone if tombstone.until > now else None

    def keys_of(self, mark: bytes) -> list[str]:
        """The closed orders of a customer, by their mark."""
        return [key for key, packed in self._packed.items() if mark in _marks(_decode(packed).customers)]

    def drop(self, key: str) -> None:
        """Forgets an order that is open again."""
        del self._packed[key]
        if self._changed is not None:
            self._changed[key] = None

    def evict(self, to: int) -> None:
        """Forgets those whose time is over at log time `to` (µs)."""
        while self._next <= to:
            key = self._queue.popleft()
            # Under a policy that remembers for less long an order may have been closed again before its tombstone was this one's turn.
            if key in self._packed and _decode(self._packed[key]).until <= to:
                del self._packed[key]
                if self._changed is not None:
                    self._changed[key] = None
            self._plan()

    def changes(self) -> list[tuple[str, bytes | None]]:
        """What changed since the last call, None for those forgotten; everything if there was no last call."""
        changed, self._changed = self._changed, {}
        return list(self._packed.items() if changed is None else changed.items())

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """All that is remembered."""
        yield from self._packed.items()

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Takes in what `rows` gave, and tracks changes from now on."""
        self._changed = {}
        self._packed = dict(rows)
        self._queue = deque(sorted(self._packed, key=lambda key: _decode(self._packed[key]).until))
        self._plan()

    def _plan(self) -> None:
        """Sees when the next one's time is over."""
        while self._queue and self._queue[0] not in self._packed:
            self._queue.popleft()
        self._next = _decode(self._packed[self._queue[0]]).until if self._queue else FAR


def customer_mark(tenant: str, customer: str) -> bytes:
    """What stands for a customer in tombstones. Stored data: it never changes."""
    return blake2b(f"{tenant}\x1f{customer}".encode(), digest_size=_SIZE).digest()


def _marks(row: bytes) -> set[bytes]:
    return {row[i : i + _SIZE] for i in range(0, len(row), _SIZE)}


def _digest(record: Record) -> bytes:
    event = record.event
    return blake2b(f"{event.source}\x1f{event.id}".encode(), digest_size=_SIZE).digest()
