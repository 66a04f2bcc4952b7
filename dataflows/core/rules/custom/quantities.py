"""Conflicts about how much of what was shipped. Only what a warehouse confirms counts, never what a label names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dataflows.core.history.covering import Part, Shape
from dataflows.core.history.facts import Facts
from dataflows.core.history.quantities import line_key, quantity
from dataflows.core.history.shipments import Shipment
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import signal
from dataflows.core.rules.reading import ended_for
from dataflows.core.rules.structs import Found
from schemas.events import Line, OrderPlaced
from schemas.record import Record


class _Shipped(NamedTuple):
    """A shipment as it left: how many units of each line had left with it (`totals`), what was owed of each then, what nobody ordered."""

    at: int
    shipment: Shipment
    totals: dict[str, int]
    owed: Mapping[str, int]
    unordered: list[str]


class _Tally:
    """How much of each line has left, whether or not it was ordered."""

    def __init__(self, shape: Shape, counts: dict[Part, int]) -> None:
        self.shape = shape
        self.counts = counts

    def total(self, key: str) -> int:
        """The units of a line that its parts, the most that left of one, are."""
        children = self.shape.children.get(key, ())
        return max((-(-self.counts.get(part, 0) // part.each) for part in self.shape.parts.get(key, ())), default=0) if not children else 0

    def take(self, targets: Sequence[tuple[str, Part | None]], line: Line, owed: Mapping[str, int]) -> Iterable[str]:
        """Counts what a line of a shipment states: its order lines one after another, what is too much as the first one's."""
        free = [self._free(key, part, owed) for key, part in targets]
        rest = quantity(line, sum(owed.get(key, 0) * (1 if part is None else part.each) for key, part in targets) or 1)
        for (key, part), most in zip(targets, free, strict=True):
            share = min(rest, most)
            if share > 0:
                rest -= share
                yield from self._add(key, part, share, owed)
        if rest > 0:
            yield from self._add(*targets[0], rest, owed)

    def _free(self, key: str, part: Part | None, owed: Mapping[str, int]) -> int:
        if part is not None:
            return max(owed.get(key, 0) * part.each - self.counts.get(part, 0), 0)
        children = self.shape.children.get(key)
        if children:
            return max((owed.get(key, 0) for child in children if self.total(child) < owed.get(child, 0)), default=0)
        return max(owed.get(key, 0) - self.total(key), 0)

    def _add(self, key: str, part: Part | None, units: int, owed: Mapping[str, int]) -> Iterable[str]:
        if part is not None:
            self.counts[part] = self.counts.get(part, 0) + units
            yield key
            return
        for own in self.shape.parts.get(key, ()):
            self.counts[own] = self.counts.get(own, 0) + units * own.each
            yield key
        for child in self.shape.children.get(key, ()):
            yield from self._add(child, None, units * owed.get(child, 0) // max(owed.get(key, 0), 1) or units, owed)


def _walk(o: Facts) -> tuple[list[_Shipped], list[Shipment]]:
    """Shipments with lines as they left, and those that only repeat what had left before."""
    shape = o.obligations.shape
    walk: list[_Shipped] = []
    twice: list[Shipment] = []
    tally = _Tally(shape, {})
    known = [(x.shipped, x) for x in o.shipments if x.live and x.confirmed and x.shipped is not None]
    for at, shipment in sorted(known, key=lambda item: (item[0], item[1].key)):
        change = o.obligations.at(at)
        after, touched, unordered = _Tally(shape, dict(tally.counts)), dict[str, None](), list[str]()
        for position, line in enumerate(shipment.confirmed):
            targets = [target for target in shape.speaks_of(line) if target[0] in change.known]
            if targets:
                touched.update(dict.fromkeys(after.take(targets, line, change.owed)))
            elif not shape.has(line):
                unordered.append(line.sku or line_key(line, position))
        more = {key: after.total(key) - tally.total(key) for key in touched}
        if walk and not shipment.replaces and not unordered and more:
            left = {key: max(change.owed.get(key, 0) - tally.total(key), 0) for key in more}
            if all(amount > left[key] for key, amount in more.items()):
                twice.append(shipment)
                continue
        tally = after
        walk.append(_Shipped(at, shipment, {key: after.total(key) for key in touched}, change.owed, unordered))
    return walk, twice


def _evidence(shipment: Shipment) -> tuple[Record, ...]:
    return tuple(shipment.handovers) or tuple(shipment.scans[:1])


def quantity_mismatch(o: Facts, s: RuleSetting) -> Found:
    if not o.ever:
        return
    raised: set[str] = set()
    for shipped in _walk(o)[0]:
        for key, total in shipped.totals.items():
            if key in raised or total <= shipped.owed.get(key, 0):
                continue
            raised.add(key)
            fits = next((since for fields, since, _ in o.versions if since > shipped.at and total <= _ordered(fields, key)), None)
            evidence = _evidence(shipped.shipment)
            yield signal(o, s, evidence[0], at=shipped.at, clears=(fits,), lifted=o.ended, scope=f"line:{key}", evidence=evidence)


def _ordered(fields: OrderPlaced, key: str) -> int:
    return sum(quantity(line) for i, line in enumerate(fields.lines or ()) if line_key(line, i) == key)


def unordered_item(o: Facts, s: RuleSetting) -> Found:
    if not o.ever:
        return
    raised: set[str] = set()
    for shipped in _walk(o)[0]:
        for name in shipped.unordered:
            if name not in raised:
                raised.add(name)
                ordered = next((since for fields, since, _ in o.versions if since > shipped.at and _names(fields, name)), None)
                evidence = _evidence(shipped.shipment)
                yield signal(o, s, evidence[0], at=shipped.at, clears=(ordered,), lifted=o.ended, scope=f"line:{name}", evidence=evidence)


def _names(fields: OrderPlaced, name: str) -> bool:
    """Whether the order has what goes by a SKU or a line's name."""
    lines = fields.lines or ()
    return any(name in (x.sku, line_key(x, i)) or any(name == part.sku for part in x.components or ()) for i, x in enumerate(lines))


def duplicate_shipment(o: Facts, s: RuleSetting) -> Found:
    if not o.ever or len(o.shipments) < 2:
        return
    for shipment in _walk(o)[1]:
        evidence, lifted, setting = _evidence(shipment), ended_for(o, shipment), o.of(shipment, s)
        yield signal(
            *(o, setting, evidence[0]), at=shipment.shipped, lifted=lifted, scope=shipment.scope, evidence=evidence, shipment=shipment
        )
