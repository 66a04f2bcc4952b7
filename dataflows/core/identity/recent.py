"""A table that forgets what has not been used for a while, by log time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeAlias, TypeVar, cast

from dataflows.core.identity.digests import DigestMap, digest_of
from schemas.envelope import DEFAULT_TENANT

K = TypeVar("K")
V = TypeVar("V")
Former: TypeAlias = "str | tuple[str, ...]"
"""A key of a state of before: an alias, or the parts of one."""
CACHED = 128
"""Aliases per table whose text is kept, those asked for last. With 2,048 every second look-up finds its alias here, with 128 every
third: that costs a third of a per cent of all CPU, and saves 350 bytes for each of 12,000 open orders."""


class RecentEntry(NamedTuple, Generic[K, V]):
    """A key as it is kept between runs: when it was last used, at the latest (µs of log time), and its value; None if it was taken out."""

    key: K
    used: int
    value: V | None


class Recent(Generic[K, V]):
    """A mapping whose entries stay for at least `keep` µs of log time after their last use, and at most for twice that.

    Two generations: what is used moves to the young one, and when `keep` has passed the old one is dropped whole. So an entry costs no
    timestamp, and forgetting no search. Generations change at multiples of `keep`, the same in every run.
    """

    __slots__ = ("_changed", "_generation", "_has_old", "_keep", "_old", "_young")

    def __init__(self, keep: int) -> None:
        self._keep = max(keep, 1)
        self._generation: int | None = None
        self._young = self._generation_map()
        self._old = self._generation_map()
        self._has_old = False
        """Whether anything may be left of the old generation; mostly nothing is, and it need not be asked."""
        self._changed: set[K] | None = None

    def _generation_map(self) -> dict[K, V]:
        return {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def advance(self, log: int) -> None:
        """Lets log time pass."""
        generation = log // self._keep
        if self._generation is not None:
            if generation <= self._generation:
                return
            self._old = self._young if generation == self._generation + 1 else self._generation_map()
            self._young = self._generation_map()
            self._has_old = len(self._old) > 0
        self._generation = generation

    def get(self, key: K) -> V | None:
        """The value of a key, which counts as a use."""
        value = self._young.get(key)
        if value is None and self._has_old:
            value = self._old.pop(key, None)
            if value is not None:
                self._young[key] = value
                self.touched(key)
        return value

    def set(self, key: K, value: V) -> None:
        """Sets the value of a key."""
        self._young[key] = value
        if self._has_old:
            self._old.pop(key, None)
        if self._changed is not None:
            self._changed.add(key)

    def pop(self, key: K) -> V | None:
        """Takes a key out."""
        value = self._young.pop(key, None)
        if value is None:
            value = self._old.pop(key, None)
        if value is not None:
            self.touched(key)
        return value

    def touched(self, key: K) -> None:
        """Notes that the value of a key has changed in itself."""
        if self._changed is not None:
            self._changed.add(key)

    @property
    def last(self) -> int | None:
        """The last instant of the present generation (µs of log time); None before time has begun."""
        return None if self._generation is None else self._end(self._generation)

    def _end(self, generation: int) -> int:
        return (generation + 1) * self._keep - 1

    def changes(self) -> Iterator[RecentEntry[K, V]]:
        """What changed since the last call; at the first, everything. Nothing is tracked before. What is forgotten is no change."""
        changed, self._changed = self._changed, set()
        if changed is None:
            yield from self.entries()
            return
        generation = self._generation or 0
        for key in changed:
            if key in self._young:
                yield RecentEntry(key, self._end(generation), self._young[key])
            else:
                yield RecentEntry(key, self._end(generation - 1), self._old.get(key))

    def entries(self) -> Iterator[RecentEntry[K, V]]:
        """Everything."""
        generation = self._generation or 0
        for age, values in enumerate((self._young, self._old)):
            for key, value in values.items():
                yield RecentEntry(key, self._end(generation - age), value)

    def restore(self, last: int | None, entries: Iterable[tuple[K, int, V | None]]) -> None:
        """Goes on from kept entries; what would have been forgotten by then is left out. Only an empty table can be restored.

        Since instants are kept, not numbers of generations, these may have been of another length: an entry still stays for long enough.
        """
        self._changed = set()
        if last is None:
            return
        self._generation = now = last // self._keep
        for key, used, value in entries:
            own = used // self._keep
            if value is not None and own >= now - 1:
                (self._young if own == now else self._old)[key] = value
        self._has_old = len(self._old) > 0


class AliasTable(Recent[bytes, V]):
    """What is known of the aliases of one kind, by their digests; asked for by the aliases themselves.

    Rows of the last release have the aliases as keys: they are taken in, and with the next changes taken out and written anew.
    """

    __slots__ = ("_cached", "_digest", "_former", "_missing")

    def __init__(self, keep: int) -> None:
        super().__init__(keep)
        self._cached: dict[str, V] = {}
        self._missing: str | None = None
        self._digest = b""
        self._former: list[Former] = []

    def _generation_map(self) -> dict[bytes, V]:
        # It has what is used of a dict.
        return cast("dict[bytes, V]", DigestMap[V]())

    def known(self, value: str) -> V | None:
        """What is known of an alias, which counts as a use."""
        found = self._cached.get(value)
        if found is not None:
            return found
        self._digest = digest_of(value)
        found = self.get(self._digest)
        if found is None:
            self._missing = value
        else:
            self._missing = None
            self._cache(value, found)
        return found

    def learn(self, value: str, known: V) -> None:
        """Sets what is known of an alias."""
        if value is self._missing:
            # It was asked for right before, and not known.
            cast("DigestMap[V]", self._young).add(self._digest, known)
            self.touched(self._digest)
        else:
            self.set(digest_of(value), known)
        self._missing = None
        self._cache(value, known)

    def unlearn(self, value: str) -> None:
        """Knows an alias no more."""
        self._cached.pop(value, None)
        self._missing = None
        self.pop(digest_of(value))

    def hand_over(self, value: str) -> V | None:
        """What is known of an alias, which from now on another table keeps, and tells of its changes."""
        digest = digest_of(value)
        known = self.pop(digest)
        if known is not None and self._changed is not None:
            self._changed.discard(digest)
        self._cached.pop(value, None)
        return known

    def _cache(self, value: str, known: V) -> None:
        if len(self._cached) >= CACHED:
            self._cached.clear()
        self._cached[value] = known

    def advance(self, log: int) -> None:
        """Lets log time pass."""
        before = self._generation
        super().advance(log)
        if self._generation != before:
            self._cached.clear()  # The next use counts.
            self._missing = None

    def take_over(self, last: int | None, entries: Iterable[tuple[Former | bytes, int, V | None]]) -> None:
        """Goes on from kept entries, as `restore` does."""
        former: list[Former] = []

        def by_digest() -> Iterator[tuple[bytes, int, V | None]]:
            for key, used, value in entries:
                if isinstance(key, bytes):
                    yield key, used, value
                else:
                    former.append(key)
                    yield digest_of(key if isinstance(key, str) else "\n".join(key)), used, value

        self.restore(last, by_digest())
        self._former = former
        if former:
            # Everything is written by its digest.
            self._changed = None

    def rewritten(self) -> Iterator[Former]:
        """The keys of rows of the last release that are to be taken out; told once."""
        former, self._former = self._former, []
        yield from former


def order_key(tenant: str, order: str) -> str:
    """An order as the key of a `NameTable`: where there is one tenant only, its ID itself, which other tables hold already."""
    return order if tenant == DEFAULT_TENANT else f"{tenant}\n{order}"


def name_of(tenant: str, order: str) -> str:
    """What the digest of an order is made of, in a table of all tenants. Stored data: it never changes."""
    return f"{tenant}\n{order}"


def _name_of_key(key: str) -> str:
    return key if "\n" in key else name_of(DEFAULT_TENANT, key)


class NameTable(Recent[str, V]):
    """What is known of names that are asked for with nearly every event: a look into a dict, where an `AliasTable` takes less memory.

    A name is the key of an order (`order_key`). Between runs its keys are digests, as those of an `AliasTable`: what was
    restored is known by them until it is asked for.
    """

    __slots__ = ("_restored",)

    def __init__(self, keep: int) -> None:
        super().__init__(keep)
        self._restored: AliasTable[V] = AliasTable(keep)

    def __len__(self) -> int:
        return super().__len__() + len(self._restored)

    def known(self, name: str) -> V | None:
        """What is known of a name, which counts as a use."""
        value = self.get(name)
        if value is None and len(self._restored):
            value = self._restored.hand_over(_name_of_key(name))
            if value is not None:
                self.set(name, value)
        return value

    def unlearn(self, name: str) -> None:
        """Knows a name no more."""
        self.pop(name)
        self._restored.unlearn(_name_of_key(name))

    def advance(self, log: int) -> None:
        """Lets log time pass."""
        super().advance(log)
        self._restored.advance(log)

    def take_over(self, last: int | None, entries: Iterable[tuple[Former | bytes, int, V | None]]) -> None:
        """Goes on from kept entries, as `AliasTable` does."""
        self._restored.take_over(last, entries)
        self.restore(last, ())

    def rewritten(self) -> Iterator[Former]:
        """The keys of rows of an earlier release that are to be taken out; told once."""
        yield from self._restored.rewritten()

    def changed_entries(self) -> Iterator[RecentEntry[bytes, V]]:
        """What changed since the last call, as `changes` says it, by digests; each once."""
        yield from self._restored.changes()
        for name, used, value in self.changes():
            yield RecentEntry(digest_of(_name_of_key(name)), used, value)

    def all_entries(self) -> Iterator[RecentEntry[bytes, V]]:
        """Everything, by digests."""
        yield from self._restored.entries()
        for name, used, value in self.entries():
            yield RecentEntry(digest_of(_name_of_key(name)), used, value)
