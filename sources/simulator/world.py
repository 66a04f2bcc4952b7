"""The whole world: which orders there are, which of them go wrong and how, and the order in which everything becomes known.

A world is a function of the number of orders and the seed. Every order has its own generator of random numbers, so that a change to
one fault changes no other order.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import NamedTuple, cast

from sources.simulator.faults import FAULTS, InjectedFault
from sources.simulator.feeds import StreamLine, deliver, heartbeats
from sources.simulator.life import live
from sources.simulator.moments import DAY, OPENING, PLACING
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Label
from sources.simulator.quirks import together_on_one_pallet
from sources.simulator.shapes import QUIRKS

FAULTY = 0.15
"""The share of orders that a fault begins with."""
QUIRKY = 0.35
"""The share of healthy orders with a quirk."""
SHARED = 0.01
"""The share of the others that leave together with the next order."""
REGULARS_AFTER = 5_000
"""So many orders later a customer may order again: never within minutes, which would look like a click too many."""


class OrderGroup(NamedTuple):
    """Orders that share a fate (mostly one), with the fault if there is one."""

    start: int
    orders: list[SimulatedOrder]
    fault: InjectedFault | None


def groups(orders: int, seed: int, opening: int = OPENING) -> Iterator[OrderGroup]:
    """The orders of a world, finished, by the time at which the first of each group was placed.

    Faults are dealt round-robin from a shuffled deck, so that small worlds hold many kinds.
    """
    deck = list(FAULTS)
    Random(f"{seed}/deck").shuffle(deck)
    dealt = index = 0
    while index < orders:
        first = _order(index, orders, seed, opening)
        start, members, fault = first.placed, [first], None
        if first.rng.random() < FAULTY:
            fault = deck[dealt % len(deck)]
            dealt += 1
            if index + fault.orders > orders:
                fault = None
        if fault is None and first.rng.random() < SHARED and index + 1 < orders:
            members.append(_order(index + 1, orders, seed, opening))
            together_on_one_pallet(*members)
        elif fault is None:
            _healthy(first)
        else:
            members += [_order(index + n, orders, seed, opening) for n in range(1, fault.orders)]
            fault.write(members)
        for order in members:
            order.finish()
        yield OrderGroup(start, members, fault)
        index += len(members)


def _order(index: int, orders: int, seed: int, opening: int) -> SimulatedOrder:
    """The index-th order, with its plain facts; orders are spread over all days alike."""
    rng = Random(f"{seed}/{index}")
    placed = opening + _by_day(int((index + rng.random()) * PLACING / orders))
    regular = index >= REGULARS_AFTER and rng.random() < 0.2
    customer = f"cus_{index - REGULARS_AFTER if regular else index:07d}"
    return SimulatedOrder(index, placed, rng, customer).draw()


def _by_day(even: int) -> int:
    """Moves an instant of an even flow to where the day's rhythm has it: few orders are placed before 06:00 UTC."""
    days, second = divmod(even, DAY)
    quiet = DAY // 12
    within = second * 3 if second < quiet else DAY // 4 + (second - quiet) * 9 // 11
    return days * DAY + within


def _healthy(order: SimulatedOrder) -> None:
    """Lets an order live without harm: with a quirk, or with any mixture of terms, parcels and dates."""
    rng = order.rng
    order.ship_by = rng.choice(("date", "date", "instant", "range"))
    order.promised_by = rng.choice(("date", "date", "instant", "range", "none"))
    order.etas = rng.random() < 0.6
    order.names_lines = rng.random() < 0.75
    if rng.random() < QUIRKY:
        rng.choice(QUIRKS)(order)
        return
    order.terms = rng.choices(("prepaid", "on_ship", "invoice", "on_delivery", "external"), (60, 20, 10, 5, 5))[0]
    order.parcels = rng.choices(((1,), (2,), (3,)), (80, 15, 5))[0]
    if len(order.lines) > 1 and rng.random() < 0.25:
        order.names_lines = True
        order.parcels = rng.choice(((1, 1), (2, 1)))
    live(order)


class World:
    """A world being told.

    `lines` yields it; what it held so far is in `events`, `labels`, `faults` (by kind) and `children` (orders that are parts of another).
    `opening` (seconds since the epoch, UTC) is when its first day begins.
    """

    def __init__(self, orders: int, seed: int, opening: int = OPENING) -> None:
        self.orders = orders
        self.seed = seed
        self.opening = opening
        self.events = 0
        self.children = 0
        self.labels: list[Label] = []
        self.faults: Counter[str] = Counter()

    def lines(self) -> Iterator[bytes]:
        """The events as JSON without line ends, sorted by `recordedtime`, else `time`."""
        for delivery in heapq.merge(self._deliveries(), heartbeats(self.opening)):
            self.events += 1
            yield delivery.line

    def _deliveries(self) -> Iterator[StreamLine]:
        waiting: list[StreamLine] = []
        for group in groups(self.orders, self.seed, self.opening):
            # Nothing of this group or a later one is recorded before the group's start.
            while waiting and waiting[0].log < group.start:
                yield heapq.heappop(waiting)
            if group.fault is not None:
                self.faults[group.fault.kind] += 1
            for order in group.orders:
                self.labels += order.labels
                links = (cast("list[str]", step.data["children"]) for step in order.script if step.type == "order.linked")
                self.children += sum(map(len, links))
                for delivery in deliver(order, self.opening):
                    heapq.heappush(waiting, delivery)
        while waiting:
            yield heapq.heappop(waiting)
