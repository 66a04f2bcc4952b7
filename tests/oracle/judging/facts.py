"""The facts of one order, computed from its whole history (section 2 of the catalogue)."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, TypeVar

from tests.oracle.judging.calendars import Calendar, deadline
from tests.oracle.judging.reading import NEVER, Event, Json, Line, Money, lines_of, mapping, money, text
from tests.oracle.judging.shipments import Shipment, first, return_numbers, shipments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.oracle.judging.settings import Policy, Setting

T = TypeVar("T")
ZERO = Decimal(0)
TERMS = ("prepaid", "on_ship", "on_delivery", "invoice", "external")
METHODS = ("ship", "pickup", "local", "digital")


@dataclass(frozen=True, slots=True)
class Segment(Generic[T]):
    """A value and from when until when it was in force."""

    value: T
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold: from when until when."""

    hold: str
    scope: str | None
    start: int
    release: int


def patched(before: Json, patch: Json) -> dict[str, object]:
    """JSON Merge Patch (RFC 7396)."""
    after = dict(before)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            after[name] = patched(mapping(after, name), mapping(patch, name))
        else:
            after[name] = value
    return after


def matching(line: Line, lines: Sequence[Line]) -> list[Line]:
    """The order's lines that an event's line means: by line ID, else by SKU."""
    by_id = [one for one in lines if line.line_id and one.line_id == line.line_id]
    return by_id or [one for one in lines if line.sku and one.sku == line.sku]


@dataclass
class Order:
    """One order: its history without duplicates and withdrawn events, sorted by time, and what follows from it."""

    tenant: str
    id: str
    history: list[Event]
    policy: Policy
    reused: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    unresolved: list[Event] = field(default_factory=list[Event])
    duplicate: bool = False

    def of(self, *types: str) -> list[Event]:
        """The events of the types, in history order."""
        return [event for event in self.history if event.type in types]

    def setting(self, kind: str) -> Setting:
        """The effective setting of a kind."""
        return self.policy.rules[kind]

    # --- order fields -----------------------------------------------------------------------------------------------

    @functools.cached_property
    def placed(self) -> int:
        """P."""
        return first(self.of("order.placed"))

    @functools.cached_property
    def states(self) -> list[tuple[int, dict[str, object]]]:
        """The order's fields after each change of them."""
        states: list[tuple[int, dict[str, object]]] = [(self.placed, patched({}, self.of("order.placed")[0].data))]
        for update in self.of("order.updated"):
            if update.at >= self.placed:
                states.append((update.at, patched(states[-1][1], update.data)))
        return states

    @property
    def latest(self) -> dict[str, object]:
        """The fields after all changes."""
        return self.states[-1][1]

    def segments(self, value: Callable[[Json], T]) -> list[Segment[T]]:
        """The values that something about the fields had, each with the time that it was in force."""
        found: list[Segment[T]] = []
        for (start, fields), end in zip(self.states, [*(at for at, _ in self.states[1:]), NEVER], strict=True):
            now = value(fields)
            if found and found[-1].value == now:
                found[-1] = Segment(now, found[-1].start, end)
            else:
                found.append(Segment(now, start, end))
        return found

    @property
    def terms(self) -> str:
        """Latest payment terms."""
        terms = text(self.latest, "payment_terms")
        return terms if terms in TERMS else "prepaid"

    @property
    def method(self) -> str:
        """Latest method of delivery."""
        method = text(self.latest, "method")
        return method if method in METHODS else "ship"

    @functools.cached_property
    def lines(self) -> list[Line]:
        """Latest lines as ordered."""
        return lines_of(self.latest)

    @property
    def total(self) -> Money | None:
        """Latest total."""
        return money(self.latest, "total")

    # --- cancels and refunds ----------------------------------------------------------------------------------------

    def whole(self, line: Line) -> Decimal:
        """The quantity ordered; a line without one is of one piece."""
        return Decimal(1) if line.quantity is None else line.quantity

    def quantities(self, events_lines: Iterable[Line]) -> dict[str, Decimal]:
        """How much of each of the order's lines the given lines are together."""
        sums: dict[str, Decimal] = {}
        for line in events_lines:
            for mine in matching(line, self.lines):
                sums[mine.key] = sums.get(mine.key, ZERO) + (self.whole(mine) if line.quantity is None else line.quantity)
        return sums

    @functools.cached_property
    def cancelled(self) -> dict[str, Decimal]:
        """Cancelled quantities by line."""
        return self.quantities(line for event in self.of("order.cancelled") for line in event.lines)

    @functools.cached_property
    def live(self) -> dict[str, Decimal]:
        """The lines that are left with what is left of them."""
        left = {line.key: self.whole(line) - self.cancelled.get(line.key, ZERO) for line in self.lines}
        return {key: quantity for key, quantity in left.items() if quantity > 0}

    def gone(self, lines: Sequence[Line]) -> int:
        """When line cancels had left nothing of these lines."""
        so_far: list[Line] = []
        for event in self.of("order.cancelled"):
            so_far += event.lines
            sums = self.quantities(so_far)
            if lines and all(sums.get(line.key, ZERO) >= self.whole(line) for line in lines):
                return event.at
        return NEVER

    @functools.cached_property
    def cx(self) -> int:
        """CX: cancelled as a whole."""
        return min(first([event for event in self.of("order.cancelled") if not event.lines]), self.gone(self.lines))

    @functools.cached_property
    def ref(self) -> int:
        """REF: fully refunded."""
        captures = self.of("payment.captured")
        paid = [amount for event in captures if (amount := money(event.data, "amount"))]
        total = self.total
        currency = total.currency if total else (paid[0].currency if paid else None)
        if captures:
            target = sum((amount.amount for amount in paid if amount.currency == currency), ZERO)
        else:
            target = total.amount if total else ZERO
        back = ZERO
        for event in self.of("payment.refunded"):
            amount = money(event.data, "amount")
            if amount is None and not event.lines:
                return event.at
            if amount is not None and amount.currency == currency:
                back += amount.amount
                if target > 0 and back >= target:
                    return event.at
        return NEVER

    @property
    def x(self) -> int:
        """X: cancelled or fully refunded."""
        return min(self.cx, self.ref)

    # --- milestones -------------------------------------------------------------------------------------------------

    @property
    def auth(self) -> int:
        """AUTH."""
        return first(self.of("payment.authorized", "payment.captured"))

    @property
    def cap(self) -> int:
        """CAP."""
        return first(self.of("payment.captured"))

    def reached(self, steps: Sequence[tuple[int, Sequence[Line]]], keys: Iterable[str]) -> int:
        """When the steps (time, lines) together cover the live quantity of the lines named by `keys`."""
        if not self.lines or any(not lines for _, lines in steps):
            return min((at for at, _ in steps), default=NEVER)
        wanted = [key for key in keys if key in self.live]
        so_far: list[Line] = []
        for at, lines in sorted(steps, key=lambda step: step[0]):
            so_far += lines
            sums = self.quantities(so_far)
            if all(sums.get(key, ZERO) >= self.live[key] for key in wanted):
                return at
        return NEVER

    def cover(self, type_: str) -> int:
        """Cover(type) for a warehouse step."""
        return self.reached([(event.at, event.lines) for event in self.of(type_)], list(self.live))

    @functools.cached_property
    def shipments(self) -> list[Shipment]:
        """All shipments."""
        return shipments(self.history)

    @functools.cached_property
    def return_numbers(self) -> set[str]:
        """Tracking numbers of return parcels."""
        return return_numbers(self.history)

    def xs(self, shipment: Shipment) -> int:
        """XS of a shipment."""
        return min(self.x, shipment.voided, shipment.replaced)

    def ship_of(self, keys: Iterable[str]) -> int:
        """SHIP of the lines named by `keys`."""
        return self.reached([(one.shipped, one.lines) for one in self.shipments if one.counts and one.shipped < NEVER], keys)

    def delivery_of(self, keys: Iterable[str]) -> int:
        """DLV of the lines named by `keys`."""
        there = [one for one in self.shipments if one.voided == NEVER and one.replaced == NEVER and one.delivered < NEVER]
        return self.reached([(one.delivered, one.lines) for one in there], keys)

    @functools.cached_property
    def ship(self) -> int:
        """SHIP."""
        return self.ship_of(self.live)

    @functools.cached_property
    def dlv(self) -> int:
        """DLV."""
        return self.delivery_of(self.live)

    @functools.cached_property
    def packed(self) -> int:
        """PACKED."""
        return min(self.cover("warehouse.packed"), self.ship)

    @functools.cached_property
    def picked(self) -> int:
        """PICKED."""
        return min(self.cover("warehouse.picked"), self.packed)

    @functools.cached_property
    def released(self) -> int:
        """RELEASED."""
        return min(self.cover("warehouse.released"), first(self.of("warehouse.pick_started")), self.picked)

    @functools.cached_property
    def allocated(self) -> int:
        """ALLOCATED."""
        return min(self.cover("inventory.allocated"), self.released)

    # --- holds ------------------------------------------------------------------------------------------------------

    def scope_of(self, shipment_id: str | None) -> str | None:
        """The scope of something said of a shipment ID."""
        if shipment_id is None:
            return None
        return next((one.scope for one in self.shipments if shipment_id in one.shipment_ids), f"shipment:{shipment_id}")

    @functools.cached_property
    def holds(self) -> list[Hold]:
        """All holds; a second placing of an open one is none."""
        found: list[Hold] = []
        open_until: dict[tuple[str, ...], int] = {}
        for event in self.of("order.hold_placed"):
            names = {name: event.text(name) or "" for name in ("hold", "hold_id", "shipment_id")}
            key = (event.source, *names.values())
            if event.at < open_until.get(key, -NEVER):
                continue
            release = first(
                [
                    other
                    for other in self.of("order.hold_released")
                    if other.at >= event.at
                    and other.source == event.source
                    and all(other.text(name) in (None, value) for name, value in names.items())
                ]
            )
            open_until[key] = release
            found.append(Hold(names["hold"], self.scope_of(names["shipment_id"] or None), event.at, release))
        return found

    # --- places and calendars ---------------------------------------------------------------------------------------

    @functools.cached_property
    def site(self) -> str | None:
        """The site that was named last."""
        named = [site for event in self.history if event.type.startswith(("warehouse.", "inventory.")) if (site := event.text("site"))]
        return named[-1] if named else None

    @property
    def country(self) -> str | None:
        """Latest country of destination."""
        return text(mapping(self.latest, "ship_to"), "country")

    @property
    def region(self) -> str | None:
        """Latest region of destination."""
        return text(mapping(self.latest, "ship_to"), "region")

    @property
    def domestic(self) -> bool:
        """Whether it stays in the site's country, as far as known."""
        known = self.policy.sites.get(self.site or "")
        return known is None or known.country is None or self.country is None or known.country == self.country

    def calendar(self, clock: str, carrier: str | None = None) -> Calendar:
        """The calendar that a clock means for this order."""
        if clock == "site":
            return self.policy.site_calendar(self.site, self.tenant)
        if clock == "carrier":
            return self.policy.carrier_calendar(carrier, self.country, self.region)
        if clock == "destination":
            return self.policy.destination_calendar(self.country, self.region)
        if clock == "tenant":
            return Calendar(self.policy.tenant_zone(self.tenant))
        return self.policy.calendars[clock]

    def ship_deadline(self, written: str) -> int:
        """A `ship_by` as an instant, in the site's zone."""
        return deadline(written, self.policy.site_zone(self.site, self.tenant))

    def promise_deadline(self, written: str) -> int:
        """A `promised_by` or `eta` as an instant, in the zone of the destination."""
        zone = text(mapping(self.latest, "ship_to"), "timezone") or self.policy.country_zone(self.country, self.region)
        return deadline(written, zone)

    def in_force(self, name: str, at: int) -> str | None:
        """The order's own date field at an instant."""
        return next((one.value for one in self.segments(lambda fields: text(fields, name)) if one.start <= at < one.end), None)
