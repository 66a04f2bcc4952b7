"""A mapping from digests to values that costs a quarter of a dict's memory: millions of aliases are known at a time, and seldom asked for.

An entry is eight bytes of digest and four of an index into the list of values, in the byte string of its bucket; buckets are split one at
a time as entries come (linear hashing), so that no insertion has to move them all. Two keys are taken for one if their digests are equal:
among ten million aliases of one table the odds of any such pair are one to 370,000.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Generic, TypeVar

V = TypeVar("V")
DIGEST, ENTRY = 8, 12
"""Bytes of a digest, and of an entry."""
FULL = 12
"""Entries per bucket, on average, from which on another bucket is made."""


_begun = blake2b(digest_size=DIGEST).copy
"""To copy one costs less than to begin one."""


def digest_of(value: str) -> bytes:
    """The digest of a key. Stored data: it never changes."""
    digest = _begun()
    digest.update(value.encode())
    return digest.digest()


class DigestMap(Generic[V]):
    """As much of a dict as a table that forgets needs. Values are never None."""

    __slots__ = ("_buckets", "_free", "_mask", "_split", "_values")

    def __init__(self) -> None:
        self._buckets = [b""]
        self._mask = 0
        self._split = 0
        """The buckets before this one are split already: one more bit tells where their entries are."""
        self._values: list[V | None] = []
        self._free: list[int] = []
        """Indexes of values that were taken out."""

    def __len__(self) -> int:
        return len(self._values) - len(self._free)

    def __contains__(self, digest: bytes) -> bool:
        return self._find(digest) is not None

    def __getitem__(self, digest: bytes) -> V:
        found = self.get(digest)
        if found is None:
            raise KeyError(digest)
        return found

    def get(self, digest: bytes) -> V | None:
        """The value of a digest; None if there is none."""
        # As `_find` does it, without the calls: this is asked once or more for every event.
        number = int.from_bytes(digest[:4], "little")
        bucket = number & self._mask
        if bucket < self._split:
            bucket = number & (2 * self._mask + 1)
        entries = self._buckets[bucket]
        at = entries.find(digest)
        while at % ENTRY:
            if at < 0:
                return None
            at = entries.find(digest, at + 1)
        return self._values[int.from_bytes(entries[at + DIGEST : at + ENTRY], "little")]

    def __setitem__(self, digest: bytes, value: V) -> None:
        found = self._find(digest)
        if found is not None:
            bucket, at = found
            self._values[int.from_bytes(self._buckets[bucket][at + DIGEST : at + ENTRY], "little")] = value
        else:
            self.add(digest, value)

    def add(self, digest: bytes, value: V) -> None:
        """Sets the value of a digest that has none."""
        if self._free:
            index = self._free.pop()
            self._values[index] = value
        else:
            index = len(self._values)
            self._values.append(value)
        self._buckets[self._bucket(digest)] += digest + index.to_bytes(ENTRY - DIGEST, "little")
        if len(self._values) - len(self._free) > FULL * len(self._buckets):
            self._grow()

    def pop(self, digest: bytes, default: None = None) -> V | None:
        """Takes the value of a digest out; `default` if there is none."""
        found = self._find(digest)
        if found is None:
            return default
        bucket, at = found
        entries = self._buckets[bucket]
        index = int.from_bytes(entries[at + DIGEST : at + ENTRY], "little")
        self._buckets[bucket] = entries[:at] + entries[at + ENTRY :]
        value, self._values[index] = self._values[index], None
        self._free.append(index)
        return value

    def items(self) -> Iterator[tuple[bytes, V]]:
        """All entries."""
        for entries in self._buckets:
            for at in range(0, len(entries), ENTRY):
                value = self._values[int.from_bytes(entries[at + DIGEST : at + ENTRY], "little")]
                assert value is not None
                yield entries[at : at + DIGEST], value

    def _bucket(self, digest: bytes) -> int:
        number = int.from_bytes(digest[:4], "little")
        bucket = number & self._mask
        return bucket if bucket >= self._split else number & (2 * self._mask + 1)

    def _find(self, digest: bytes) -> tuple[int, int] | None:
        """The bucket of a digest and where in it its entry begins."""
        bucket = self._bucket(digest)
        entries = self._buckets[bucket]
        at = entries.find(digest)
        while at % ENTRY:
            if at < 0:
                return None
            at = entries.find(digest, at + 1)
        return bucket, at

    def _grow(self) -> None:
        """Splits one bucket."""
        entries, bit = self._buckets[self._split], (self._mask + 1).bit_length() - 1
        byte, more = bit >> 3, 1 << (bit & 7)
        kept: list[bytes] = []
        moved: list[bytes] = []
        for at in range(0, len(entries), ENTRY):
            (moved if entries[at + byte] & more else kept).append(entries[at : at + ENTRY])
        self._buckets[self._split] = b"".join(kept)
        self._buckets.append(b"".join(moved))
        self._split += 1
        if self._split > self._mask:
            self._mask, self._split = 2 * self._mask + 1, 0
