"""What an order says of its lines, and what has become of them: the part of its facts that its own events decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from dataflows.core.history.covering import OrderShape
from dataflows.core.history.order_fields import FIELDS, LINES, METHODS, OWED, SITED, FieldFacts, fact
from dataflows.core.history.quantities import Cancellations, OrderLines, line_key
from dataflows.core.history.turns import cancelled_at
from dataflows.core.history.versions import Versions, says
from schemas.events import Line, OrderCancel, OrderPlaced
from schemas.instants import FAR, earliest


class GoodsFacts(FieldFacts):
    """The lines of one order, under one policy."""

    # lines and quantities

    @fact("order.placed", folds=("order.updated",))
    def book(self) -> OrderLines:
        """The order's lines as they stand, and which of them an event speaks of."""
        return OrderLines({line_key(line, i): line for i, line in enumerate(self.fields.lines or ())}, self._wanted_by)

    def _wanted_by(self, line: Line) -> tuple[int, int]:
        """By when a line is to be shipped and delivered."""
        ship_by, promised_by = line.ship_by or self.fields.ship_by, line.promised_by or self.fields.promised_by
        return (
            FAR if ship_by is None else self.ship_deadline(ship_by),
            FAR if promised_by is None else self.promise_deadline(promised_by),
        )

    @property
    def lines(self) -> Mapping[str, Line]:
        """The order's lines as they stand, by their name."""
        return self.book.lines

    @property
    def ordered(self) -> dict[str, int]:
        """Ordered quantity per line (1 where none is said)."""
        return self.book.ordered

    @fact("order.placed", folds=("order.updated", "order.cancelled"))
    def cancellations(self) -> Cancellations:
        """What was cancelled of the lines."""
        return Cancellations(self.book, self.t.of("order.cancelled"))

    @property
    def gone(self) -> dict[str, int]:
        """Lines that were cancelled whole, and when."""
        return self.cancellations.gone

    @property
    def wanted(self) -> dict[str, int]:
        """Quantity per line that is not cancelled."""
        return self.cancellations.wanted

    @fact(*LINES, "order.reinstated")
    def cancelled(self) -> int | None:
        """When the whole order was cancelled: by one event, or by the last of its lines."""
        by_line = [r for r in self.t.of("order.cancelled") if cast("OrderCancel", r.event.data).lines]
        gone = cancelled_at(self.shape, cast("Versions", self.history), by_line) if by_line else None
        return earliest(self.lives[-1].until, gone)

    def first(self, *types: str) -> int | None:
        """When the first event of these types happened."""
        return min((known[0].at for t in types if (known := self.t.by_type.get(t))), default=None)

    def instants(self, *types: str) -> Iterable[int]:
        """When the events of these types happened."""
        return (r.at for t in types for r in self.t.by_type.get(t, ()))

    @fact(*OWED)
    def plain_lines(self) -> bool:
        """Whether what the order owes of its lines never changed, and each is one thing: most orders are so."""
        lines = self.fields.lines or ()
        changes = self.t.of("order.cancelled", "payment.refunded")
        return not (
            len(self.lines) < len(lines)
            or self.book.share_skus()
            or "digital" in self.methods
            or any(x.method or x.components or x.parent_line_id or (x.quantity is not None and x.quantity < 1) for x in lines)
            or any(cast("OrderCancel", r.event.data).lines for r in changes)
            or len(self.lives) > 1
            or any(says(record, "lines") for _, _, record in self.versions[1:])
        )

    @fact(*FIELDS)
    def pieces(self) -> dict[tuple[str | None, str | None, int | None], str]:
        """The names of the order's lines as they stand, by ID, SKU and quantity; of those that an event can name."""
        return {(x.line_id, x.sku, x.quantity): key for key, x in self.lines.items() if x.line_id or x.sku}

    def method_of(self, line: Line) -> str:
        """How a line reaches the customer."""
        return line.method if line.method is not None and line.method in METHODS else self.method

    @fact(*FIELDS)
    def methods(self) -> frozenset[str]:
        """How its lines reach the customer."""
        return frozenset(self.method_of(line) for line in self.lines.values()) or frozenset((self.method,))

    @fact(*FIELDS)
    def ever(self) -> dict[str, Line]:
        """All lines that it ever had by their name, as they were last told."""
        found = dict(self.lines)
        stated: object = None
        for fields, _, _ in reversed(self.versions):
            if fields.lines is not stated:  # Most updates state none.
                stated = fields.lines
                for i, line in enumerate(fields.lines or ()):
                    found.setdefault(line_key(line, i), line)
        return found

    def method_by(self, key: str) -> str:
        """How the line of a name reaches the customer; as the order does, if there is none."""
        line = self.ever.get(key)
        return self.method if line is None else self.method_of(line)

    def lines_called(self, fields: OrderPlaced, key: str) -> Iterable[Line]:
        """The lines of one version of the order that have a name."""
        return (line for i, line in enumerate(fields.lines or ()) if line_key(line, i) == key)

    @fact(*FIELDS, *SITED)
    def shape(self) -> OrderShape:
        """What its lines are made of, and which of them are wanted first."""
        return OrderShape(self.ever, self.method_of, self._wanted_by)
