"""The open orders of one shard: the ones touched last as objects, all others packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflows.core.storage import pack_order, unpack_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataflows.core.order import Order
    from dataflows.core.profile import Profile

HOT = 256
"""Orders that a shard keeps unpacked after their last touch, at least; at most twice as many."""


class Orders:
    """Open orders by key. `hot` bounds how many are kept unpacked; `restored` gives an unpacked order its profile."""

    def __init__(self, restored: Callable[[Order], Profile], hot: int = HOT) -> None:
        self._restored = restored
        self._hot = hot
        self._young: dict[str, Order] = {}
        self._old: dict[str, Order] = {}
        self._packed: dict[str, bytes] = {}

    def __len__(self) -> int:
        """How many orders are open."""
        return len(self._young) + len(self._old) + len(self._packed)

    def find(self, key: str) -> Order | None:
        """An open order, which counts as a touch; None if it is unknown."""
        order = self._young.get(key)
        if order is not None:
            return order
        order = self._old.pop(key, None)
        if order is None:
            packed = self._packed.pop(key, None)
            if packed is None:
                return None
            order = unpack_order(packed)
            order.profile = self._restored(order)
        self.add(key, order)
        return order

    def add(self, key: str, order: Order) -> None:
        """Takes in an order that is not here; those touched longest ago are packed if there are too many."""
        self._young[key] = order
        if len(self._young) >= self._hot:
            for known, idle in self._old.items():
                self._packed[known] = pack_order(idle)
            self._old, self._young = self._young, {}
            for idle in self._old.values():
                idle.facts = None  # Computed again if they are asked for.

    def drop(self, key: str) -> None:
        """Forgets an order that has just been found."""
        if self._young.pop(key, None) is None:
            self._old.pop(key, None)
