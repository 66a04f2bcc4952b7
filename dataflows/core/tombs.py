"""What is left of closed orders: which events they knew, so that a repeat is recognized and a late event does not resurrect them."""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.record import Record

_SIZE = 8


class Tomb(NamedTuple):
    """A closed order: `until` which instant (µs of log time) it is remembered, and the digests of its events' identities in a row."""

    until: int
    ids: bytes

    def knows(self, record: Record) -> bool:
        """Whether the order had this event."""
        known = self.ids
        return _digest(record) in {known[i : i + _SIZE] for i in range(0, len(known), _SIZE)}


class Tombs:
    """Closed orders by key. They are evicted in the order in which they were added, once their time has come."""

    def __init__(self) -> None:
        self._tombs: dict[str, Tomb] = {}
        self._queue: deque[str] = deque()

    def __len__(self) -> int:
        """How many closed orders are remembered."""
        return len(self._tombs)

    def add(self, key: str, until: int, records: Iterable[Record]) -> None:
        """Remembers an order and its events until an instant (µs of log time)."""
        self._tombs[key] = Tomb(until, b"".join(map(_digest, records)))
        self._queue.append(key)

    def find(self, key: str, now: int) -> Tomb | None:
        """The tomb of an order; None if it has none, or none any more at log time `now` (µs)."""
        tomb = self._tombs.get(key)
        return None if tomb is None or tomb.until <= now else tomb

    def evict(self, to: int) -> None:
        """Forgets those whose time is over at log time `to` (µs)."""
        queue, tombs = self._queue, self._tombs
        while queue:
            tomb = tombs.get(queue[0])
            if tomb is not None:
                if tomb.until > to:
                    return
                del tombs[queue[0]]
            queue.popleft()


def _digest(record: Record) -> bytes:
    event = record.event
    return blake2b(f"{event.source}\x1f{event.id}".encode(), digest_size=_SIZE).digest()
