"""What stood in a partition beyond the recorded offset, and is therefore not written again. Pure: no broker, no clock.

A resumed shard says again what it said after its last snapshot, under the same numbers and in the same order. So what was read back is a
list per shard, and each output record must equal its head: number and fingerprint (content, which holds the ID). The first that does not
makes its shard *astray*: from then on an output record of it is dropped if its fingerprint is among what was read back, whatever its
number.

The token of a snapshot names the offset from which to read back next time. While something that was read back has not been said again, that
is its offset; `passed` then tells which numbers behind that offset belong to the snapshot's past.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec

VERSION = 1
"""Of the token."""
SHIFT = 1000
"""By how many numbers a shard that went astray may say something later than before: many times what one late record adds."""


class ReadBackRecord(NamedTuple):
    """A record that was read back."""

    number: int
    fingerprint: bytes
    offset: int


class SinkToken(msgspec.Struct, array_like=True, frozen=True):
    """What a snapshot stores: `offset` is where to read back from."""

    version: int
    offset: int
    passed: dict[str, int]
    """Shard to the last number that it had said at the snapshot; only while it matters."""
    astray: dict[str, int]
    """Shard to the number up to which it is compared by content only."""


def decode(token: bytes) -> SinkToken:
    """Reads a snapshot. Raises `ValueError` (one line) if it is of another version or damaged."""
    try:
        read = msgspec.msgpack.decode(token, type=SinkToken)
    except msgspec.DecodeError as error:
        raise ValueError(f"unreadable snapshot: {error}") from error
    if read.version != VERSION:
        raise ValueError(f"snapshot of version {read.version}, this Orderwatch reads {VERSION}")
    return read


class ReadBack:
    """Knows which output records are already written. Fill it with `add` in offset order, then ask `already` of each in its order.

    Memory: what stood beyond the recorded offset, until it has been said again.
    """

    def __init__(self, token: SinkToken | None = None) -> None:
        self._waiting: dict[str, deque[ReadBackRecord]] = {}
        self._astray: dict[str, int] = dict(token.astray) if token is not None else {}
        self._loose: dict[str, dict[bytes, int]] = {}
        """Of shards that went astray: fingerprint to offset."""
        self._passed: dict[str, int] = dict(token.passed) if token is not None else {}
        self.mismatches = 0

    def add(self, shard: str, entry: ReadBackRecord) -> None:
        """Takes in what was read back; what the snapshot already covers is left out."""
        if shard in self._astray:
            self._loose.setdefault(shard, {})[entry.fingerprint] = entry.offset
        elif entry.number > self._passed.get(shard, -1):
            self._waiting.setdefault(shard, deque()).append(entry)

    @property
    def pending(self) -> int:
        """How much of what was read back has not been said again."""
        return sum(map(len, self._waiting.values())) + sum(map(len, self._loose.values()))

    @property
    def done(self) -> bool:
        """Whether nothing needs to be compared any more."""
        return not self._waiting and not self._loose

    def already(self, shard: str, number: int, fingerprint: bytes) -> bool:
        """Whether this output record stands in the partition."""
        self._passed[shard] = number
        waiting = self._waiting.get(shard)
        if waiting is not None:
            head = waiting[0]
            if head.number == number and head.fingerprint == fingerprint:
                waiting.popleft()
                if not waiting:
                    del self._waiting[shard]
                return True
            self._stray(shard, waiting)
        loose = self._loose.get(shard)
        if loose is None:
            return False
        there = loose.pop(fingerprint, None) is not None
        if not loose or number > self._astray[shard]:
            del self._loose[shard], self._astray[shard]
        return there

    def _stray(self, shard: str, waiting: deque[ReadBackRecord]) -> None:
        self.mismatches += 1
        self._astray[shard] = max(entry.number for entry in waiting) + SHIFT
        self._loose[shard] = {entry.fingerprint: entry.offset for entry in waiting}
        del self._waiting[shard]

    def token(self, end: int) -> bytes:
        """The snapshot; `end` is the offset after our last commit."""
        if self.done:
            self._passed.clear()
            self._astray.clear()
            return msgspec.msgpack.encode(SinkToken(VERSION, end, {}, {}))
        offset = min(
            min((waiting[0].offset for waiting in self._waiting.values()), default=end),
            min((min(loose.values()) for loose in self._loose.values()), default=end),
        )
        return msgspec.msgpack.encode(SinkToken(VERSION, offset, self._passed, self._astray))
