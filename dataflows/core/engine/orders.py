"""The open orders of one shard: the ones touched last as objects, all others packed; and which of them changed, for whoever keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from dataflows.core.engine.codec import OrderCodec, check_of, waits_for_feeds
from dataflows.core.engine.order import Order
from dataflows.core.engine.triggers import Profile

HOT = 4 << 20
"""Bytes of unpacked orders that a shard keeps at most."""
ORDER_BYTES, EVENT_BYTES = 5_000, 800
"""What an unpacked order takes, and each of its events (measured: 5.2 KB with 1 event, 17 KB with 16, 52 KB with 64)."""
DIRTY = 256
"""Changed orders that are packed only when changes are asked for, at most. So an order that is touched again and again is packed once an
epoch; it bounds how long that takes at its end (64 shards: 0.1 s, at 8 µs an order)."""


class OrderCache:
    """Open orders by key. `hot` bounds the bytes of those that are kept unpacked; `restored` gives an unpacked order its profile.

    The bytes are an estimate from above: every touch counts as an event more. The order that was found last is unpacked in any case.

    Changes are tracked once they have been asked for. An unpacked order is then either dirty, that is touched since it was last packed,
    or clean, and its bytes are still there; `dirty` bounds how many are dirty at once.
    """

    def __init__(self, codec: OrderCodec, restored: Callable[[Order], Profile | None], hot: int = HOT, dirty: int = DIRTY) -> None:
        self._codec = codec
        self._restored = restored
        self._half = hot // 2
        self._young_bytes = 0
        self._most_dirty = max(dirty, 2)
        self._young: dict[str, Order] = {}
        self._old: dict[str, Order] = {}
        self._packed: dict[str, bytes] = {}
        self._tracking = False
        self._dirty: dict[str, Order] = {}
        self._clean: dict[str, bytes] = {}
        self._changed: dict[str, bytes | None] = {}

    def __len__(self) -> int:
        """How many orders are open."""
        return len(self._young) + len(self._old) + len(self._packed)

    def keys(self) -> Iterator[str]:
        """The keys of all open orders."""
        yield from self._young
        yield from self._old
        yield from self._packed

    def find(self, key: str) -> Order | None:
        """An open order, which counts as a touch: it may be changed until the next one is found. None if it is unknown."""
        order = self._young.get(key)
        if order is None:
            order = self._old.pop(key, None)
            if order is None:
                packed = self._packed.pop(key, None)
                if packed is None:
                    return None
                order = self._codec.unpack(key, packed)
                order.profile = self._restored(order)
            self._keep(key, order)
        else:
            self._young_bytes += EVENT_BYTES
            if self._young_bytes >= self._half:
                self._age()
        if self._tracking and key not in self._dirty:
            self._touch(key, order)
        return order

    def add(self, key: str, order: Order) -> None:
        """Takes in an order that is not here, which counts as a touch."""
        self._keep(key, order)
        if self._tracking:
            self._touch(key, order)

    def drop(self, key: str) -> None:
        """Forgets an order that has just been found."""
        if self._young.pop(key, None) is None:
            self._old.pop(key, None)
        if self._tracking:
            self._dirty.pop(key, None)
            self._changed[key] = None

    def repack(self, codec: OrderCodec, restored: Callable[[Order], Profile | None]) -> None:
        """Goes on with another codec: what is unpacked is packed by the old one, which both read."""
        for _ in range(2):
            self._age()
        self._codec, self._restored = codec, restored

    def check_of(self, key: str) -> int | None:
        """When an order is to be looked at (µs of log time), without touching it; None if it is unknown."""
        order = self._young.get(key) or self._old.get(key)
        if order is not None:
            return order.next_check
        packed = self._packed.get(key)
        return None if packed is None else check_of(packed)

    def changes(self) -> list[tuple[str, bytes | None]]:
        """The orders that changed since the last call, packed, None for those dropped; all orders if there was no last call."""
        if not self._tracking:
            self._tracking = True
            self._clean = {key: self._codec.pack(order) for known in (self._young, self._old) for key, order in known.items()}
            return [*self._clean.items(), *self._packed.items()]
        self._clean_up(len(self._dirty))
        changed, self._changed = self._changed, {}
        return list(changed.items())

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """All open orders, packed."""
        for known in (self._young, self._old):
            for key, order in known.items():
                yield key, self._clean.get(key) or self._codec.pack(order)
        yield from self._packed.items()

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> list[str]:
        """Takes orders in as `rows` gave them, and tracks changes from now on; the keys of those that wait for feeds."""
        self._tracking = True
        self._packed.update(rows)
        return [key for key, packed in self._packed.items() if waits_for_feeds(packed)]

    def _keep(self, key: str, order: Order) -> None:
        """Makes an order one of those touched last, and room for it."""
        young = self._young
        young[key] = order
        self._young_bytes += ORDER_BYTES + EVENT_BYTES * (len(order.timeline.records) + 1)
        if self._young_bytes >= self._half:
            self._age()

    def _age(self) -> None:
        """Packs the orders that were touched longest ago; those touched since may be next."""
        for known, idle in self._old.items():
            self._packed[known] = self._pack(known, idle) if self._tracking else self._codec.pack(idle)
            self._clean.pop(known, None)
        self._old, self._young, self._young_bytes = self._young, {}, 0

    def _touch(self, key: str, order: Order) -> None:
        if len(self._dirty) >= self._most_dirty:
            self._clean_up(self._most_dirty // 2)
        self._clean.pop(key, None)
        self._dirty[key] = order

    def _clean_up(self, number: int) -> None:
        """Packs the first of the dirty orders; they stay unpacked as well."""
        for key, order in list(islice(self._dirty.items(), number)):
            self._clean[key] = self._pack(key, order)

    def _pack(self, key: str, order: Order) -> bytes:
        if self._dirty.pop(key, None) is None:
            return self._clean[key]
        packed = self._changed[key] = self._codec.pack(order)
        return packed
