"""How faults are written down: a function that writes the life of an order gone wrong and says what it must cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sources.simulator.order import SimulatedOrder

Write = Callable[[SimulatedOrder], None]
WritePair = Callable[[SimulatedOrder, SimulatedOrder], None]


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """One way in which orders go wrong.

    `kind` is what it is meant to show; its labels may hold more. `story` is what happens, in a sentence. `orders` is how many it takes.
    """

    kind: str
    name: str
    story: str
    orders: int
    write: Callable[[list[SimulatedOrder]], None]


class Faults(list[InjectedFault]):
    """The faults of one domain, filled by decorators."""

    def one(self, kind: str) -> Callable[[Write], Write]:
        """Registers a fault that happens to a single order."""

        def register(write: Write) -> Write:
            self.append(InjectedFault(kind, write.__name__, _story(write), 1, lambda orders: write(orders[0])))
            return write

        return register

    def pair(self, kind: str) -> Callable[[WritePair], WritePair]:
        """Registers a fault between two orders."""

        def register(write: WritePair) -> WritePair:
            self.append(InjectedFault(kind, write.__name__, _story(write), 2, lambda orders: write(orders[0], orders[1])))
            return write

        return register


def _story(write: Write | WritePair) -> str:
    """The first paragraph of the docstring, as one line."""
    return " ".join((write.__doc__ or "").strip().partition("\n\n")[0].split())
