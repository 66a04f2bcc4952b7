"""Quantities per order line: what is still wanted, and when it was covered. A milestone of an order is one of all its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import cast

from dataflows.core.history.shipments import Shipment
from schemas.events import Line, OrderCancel
from schemas.record import Record


def line_key(line: Line, position: int = 0) -> str:
    """The name of an order line: its `line_id`, else its `sku`, else its position."""
    return line.line_id or line.sku or f"#{position}"


def quantity(line: Line, whole: int = 1) -> int:
    """The stated quantity, else `whole`."""
    return whole if line.quantity is None else line.quantity


class OrderLines:
    """The lines of an order by their name, and which of them an event's line speaks of.

    An event's line speaks of the order line with its `line_id`, else of all order lines with its `sku`. Those are served in order of `due`,
    which gives the instants by which a line is wanted.
    """

    __slots__ = ("_by_sku", "lines", "ordered")

    def __init__(self, lines: Mapping[str, Line], due: Callable[[Line], tuple[int, int]]) -> None:
        self.lines = lines
        self.ordered = {key: quantity(line) for key, line in lines.items()}
        self._by_sku: dict[str, list[str]] | None = None
        if len({line.sku for line in lines.values()}) < len(lines):
            # At once: `due` is a method of the facts that hold this, and to keep it would be a circle, which keeps all of a cold order's
            # objects in memory until the collector comes. That is seldom.
            for keys in self._known().values():
                if len(keys) > 1:
                    keys.sort(key=lambda key: due(lines[key]))

    def keys_of(self, line: Line) -> Sequence[str]:
        """The order lines that an event's line speaks of, the one that is wanted first at first; none if the order has no such line."""
        if line.line_id is not None and line.line_id in self.lines:
            return (line.line_id,)
        return () if line.sku is None else self._known().get(line.sku, ())

    def share_skus(self) -> bool:
        """Whether some lines have the same SKU."""
        return any(len(keys) > 1 for keys in self._known().values())

    def take(self, lines: Iterable[Line], left: dict[str, int]) -> Iterator[str]:
        """Takes the quantities that an event's lines state from what is `left` of the order's lines, never more than there is.

        Yields the lines that it takes from. An absent quantity means all of it.
        """
        for line in lines:
            rest = line.quantity
            for key in self.keys_of(line):
                if key in left and (rest is None or rest > 0 or not left[key]):
                    taken = left[key] if rest is None else min(rest, left[key])
                    rest = None if rest is None else rest - taken
                    left[key] -= taken
                    yield key

    def _known(self) -> dict[str, list[str]]:
        if self._by_sku is None:
            self._by_sku = {}
            for key, line in self.lines.items():
                if line.sku is not None:
                    self._by_sku.setdefault(line.sku, []).append(key)
        return self._by_sku


class Cancellations:
    """What was cancelled: `whole` is when all of the order was by one event, `gone` are lines that were cancelled whole, and when.

    `wanted` is what is left of each line.
    """

    __slots__ = ("_book", "_left", "gone", "wanted", "whole")

    def __init__(self, book: OrderLines, cancellations: Iterable[Record]) -> None:
        self._book = book
        self._left: dict[str, int] | None = None
        self.whole: int | None = None
        self.gone: dict[str, int] = {}
        self.wanted = book.ordered
        for record in cancellations:
            self.take(record)

    @property
    def by_line(self) -> int | None:
        """When the last of the lines was cancelled; None if some are wanted."""
        return next(reversed(self.gone.values())) if self.gone and len(self.gone) == len(self._book.lines) else None

    def take(self, record: Record) -> Sequence[str] | None:
        """Takes in the latest cancellation; the lines that went by it, or None if it made less of a line or if that is not all."""
        lines = cast("OrderCancel", record.event.data).lines
        if not lines:
            if self.whole is None:
                self.whole = record.at
            return ()
        went: list[str] | None = []
        if self._left is None:
            # Of a line without a piece nothing is wanted, which counts from the first cancellation of lines on.
            self._left = dict(self._book.ordered)
            self.wanted = {key: left for key, left in self._left.items() if left > 0}
            if len(self.wanted) < len(self._left):
                went = None
        for key in self._book.take(lines, self._left):
            if self._left[key] > 0:
                self.wanted[key] = self._left[key]
                went = None
                continue
            self.gone[key] = record.at
            del self._left[key]
            self.wanted.pop(key, None)
            if went is not None:
                went.append(key)
        return went


class LineCoverage:
    """When steps of one kind had reached the quantities that are wanted of each line. Steps are taken in by the order of their instants.

    The first step of an order without lines covers all of it, a step without lines all that is left. This is for orders of which nothing
    changes (see `Facts.plain`); what others owe stands in `obligations`.
    """

    __slots__ = ("_bare", "_last", "_missing", "_reached", "_steps", "_whole", "book", "first")

    def __init__(self, book: OrderLines, wanted: Mapping[str, int]) -> None:
        self.book = book
        self.first: int | None = None
        self._last = 0
        self._steps: dict[int, tuple[int, int, int]] = {}
        self._missing = dict(wanted)
        self._reached: dict[str, int] = {}
        self._whole: int | None = None
        self._bare = not book.lines

    def take(self, at: int, lines: Sequence[Line] | None) -> None:
        """Takes in the latest step."""
        self._last = at
        if self.first is None:
            self.first = at
        missing = self._missing
        if self._bare or not missing:
            return
        if not lines:
            self._reached.update(dict.fromkeys(missing, at))
            missing.clear()
        for key in self.book.take(lines or (), missing):
            if missing[key] <= 0:
                self._reached[key] = at
                del missing[key]
        if not missing:
            self._whole = at

    def over(self, steps: Iterable[tuple[Shipment, int | None]]) -> LineCoverage:
        """The coverage by shipments, each at an instant if it has come to that; `step` keeps it up with them."""
        known = [(at, shipment) for shipment, at in steps if at is not None]
        for at, shipment in sorted(known, key=itemgetter(0)):
            self.step(shipment, at)
        return self

    def step(self, shipment: Shipment, at: int | None) -> bool | None:
        """Takes in how a shipment stands now: whether that is news. None if it is none that can be added: then it must be built anew."""
        lines = shipment.lines
        step = None if at is None else (at, id(lines), len(lines or ()))
        before = self._steps.get(id(shipment))
        if step == before:
            return False
        if at is None or step is None or before is not None or at < self._last:
            return None
        self._steps[id(shipment)] = step
        self.take(at, lines)
        return True

    @property
    def begun(self) -> bool:
        """Whether there was a step."""
        return self.first is not None

    def whole(self) -> int | None:
        """When every quantity had been reached; None if it has not come to that."""
        return self.first if self._bare else self._whole

    def of(self, keys: Iterable[str]) -> int | None:
        """When the quantities of these lines had been reached. Lines of which nothing is wanted do not count; None if nothing is."""
        if self._bare:
            return self.first
        known = [key for key in keys if key in self._reached or key in self._missing]
        instants = [self._reached[key] for key in known if key in self._reached]
        return max(instants) if known and len(instants) == len(known) else None
