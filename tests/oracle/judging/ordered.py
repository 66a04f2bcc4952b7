"""What was ordered: the lines of an order, as they stood when, with the dates by which they are wanted."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.oracle.judging.calendars import deadline
from tests.oracle.judging.covering import ZERO, Cell, Tally, kit_of
from tests.oracle.judging.fields import METHODS, Fields
from tests.oracle.judging.places import country_code, region_code
from tests.oracle.judging.reading import NEVER, Line, lines_of, mapping, text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Ordered(Fields):
    """An order with its lines."""

    # --- lines ------------------------------------------------------------------------------------------------------

    def whole(self, line: Line) -> Decimal:
        """The quantity ordered; a line without one is of one piece."""
        return Decimal(1) if line.quantity is None else line.quantity

    @functools.cached_property
    def orders(self) -> list[tuple[int, list[Line]]]:
        """The lines as they were ordered and from when on; those that are told first count from the placing."""
        told = [(at, lines_of(fields)) for at, fields in self.states]
        said = [(at, lines) for at, lines in told if lines]
        return [(self.placed if n == 0 else at, lines) for n, (at, lines) in enumerate(said)]

    def lines_at(self, at: int) -> list[Line]:
        """The lines in force at an instant."""
        return next((lines for since, lines in reversed(self.orders) if since <= at), self.orders[0][1] if self.orders else [])

    @functools.cached_property
    def in_turn(self) -> list[Line]:
        """All lines that were ever ordered, as they were said last; those that are wanted first at first, by both dates.

        Of those that are wanted alike, what was said last comes first.
        """
        known: dict[str, Line] = {}
        for _, lines in reversed(self.orders):
            for line in lines:
                known.setdefault(line.key, line)
        fields = self.latest

        def wanted(line: Line) -> tuple[int, int]:
            ship_by, promised_by = line.ship_by or text(fields, "ship_by"), line.promised_by or text(fields, "promised_by")
            return (
                self.ship_deadline(ship_by) if ship_by else NEVER,
                self.promise_deadline(promised_by) if promised_by else NEVER,
            )

        return sorted(known.values(), key=wanted)

    def method_of(self, key: str) -> str:
        """How a line reaches the customer."""
        if key in self._digital_kits:
            return "digital"
        method = next((line.method for line in self.in_turn if line.key == key), None)
        return method if method in METHODS else self.method

    @functools.cached_property
    def _digital_kits(self) -> set[str]:
        """Kits whose lines are all digital, and that do not say what they are themselves."""
        found: set[str] = set()
        for _ in self.in_turn:
            for kit in self.in_turn:
                parts = [line for line in self.in_turn if (above := kit_of(line, self.in_turn)) is not None and above.key == kit.key]
                methods = {"digital" if line.key in found else line.method if line.method in METHODS else self.method for line in parts}
                if kit.method is None and methods == {"digital"}:
                    found.add(kit.key)
        return found

    @functools.cached_property
    def digital(self) -> frozenset[str]:
        """The lines that owe nothing physical."""
        return frozenset(line.key for line in self.in_turn if self.method_of(line.key) == "digital")

    def ordered(self, at: int) -> dict[str, Decimal]:
        """The quantities ordered at an instant, by line."""
        found: dict[str, Decimal] = {}
        for line in self.lines_at(at):
            found[line.key] = found.get(line.key, ZERO) + self.whole(line)
        return found

    def most(self, at: int) -> dict[str, Decimal]:
        """The greatest quantity that was ordered of each line so far."""
        so_far = [self.ordered(since) for since, _ in self.orders if since <= max(at, self.placed)]
        return {line.key: max([one.get(line.key, ZERO) for one in so_far], default=ZERO) for line in self.in_turn}

    def tally(self, at: int, waived: Mapping[str, Decimal]) -> Tally:
        """A tally of the lines that were known at an instant, with room for what is not waived."""
        most = self.most(at)
        known = [line for line in self.in_turn if most[line.key] > 0]
        return Tally(known, {key: quantity - waived.get(key, ZERO) for key, quantity in most.items()}, most, digital=self.digital)

    def cancels(self, at: int) -> dict[str, Decimal]:
        """How much of each line cancels have named so far."""
        tally = self._cancelled_by(at)
        return {line.key: tally.covered(line.key) for line in tally.lines}

    def cancelled_parts(self, at: int) -> dict[Cell, Decimal]:
        """How much of the components of kits cancels have named so far."""
        return {cell: quantity for cell, quantity in self._cancelled_by(at).filled.items() if cell[1] is not None and quantity}

    def _cancelled_by(self, at: int) -> Tally:
        tally = self.tally(at, {})
        tally.add(line for event in self.of("order.cancelled") if event.at <= at for line in event.lines)
        return tally

    # --- dates ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def site(self) -> str | None:
        """The site that was named last."""
        named = [site for event in self.history if event.type.startswith(("warehouse.", "inventory.")) if (site := event.text("site"))]
        return named[-1] if named else None

    @property
    def country(self) -> str | None:
        """Latest country of destination, by its code."""
        return country_code(text(mapping(self.latest, "ship_to"), "country"))

    @property
    def region(self) -> str | None:
        """Latest region of destination, by its code."""
        return region_code(self.country, text(mapping(self.latest, "ship_to"), "region"))

    def ship_deadline(self, written: str) -> int:
        """A `ship_by` as an instant, in the site's zone."""
        return deadline(written, self.policy.site_zone(self.site))

    def promise_deadline(self, written: str) -> int:
        """A `promised_by` or `eta` as an instant, in the zone of the destination."""
        zone = text(mapping(self.latest, "ship_to"), "timezone") or self.policy.country_zone(self.country, self.region)
        return deadline(written, zone)
