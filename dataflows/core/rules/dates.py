"""Deadlines that an order's own dates set: units are due by the date of their line, those of lines without one by the order's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, cast

from dataflows.core.history.again import running
from dataflows.core.history.facts import Facts
from dataflows.core.history.obligations import Unit
from dataflows.core.history.shipments import Shipment
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.armed import armed
from dataflows.core.rules.backorders import backorders, waits_of
from dataflows.core.rules.conditions import Condition, count, timeout
from dataflows.core.rules.reading import ended_for
from dataflows.core.rules.soonest import soonest
from dataflows.core.rules.structs import AnyForm, Find, Found, Overdue
from dataflows.core.rules.vocabulary import Date, Milestone
from schemas.events import OrderPlaced, WarehouseShipment
from schemas.instants import FAR, NEVER, earliest
from schemas.record import Record

Deadline = Callable[[Facts, str], int]
DEADLINES: dict[Date, Deadline] = {Date.SHIP_BY: Facts.ship_deadline, Date.PROMISED_BY: Facts.promise_deadline}
LABELS = {Date.SHIP_BY: "ship by", Date.PROMISED_BY: "promised by"}
STEPS: dict[Milestone, tuple[str, ...]] = {
    Milestone.SHIPPED: ("left",),
    Milestone.DELIVERED: ("kept",),
    Milestone.RELEASED: ("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed", "left"),
}
"""The steps that meet what is due by a date."""


class DueStretch(NamedTuple):
    """A stretch in which a unit has a date or none (`by` None); `own`: whether the date is its line's own, `record` stated it."""

    unit: Unit
    since: int
    until: int | None
    by: int | None
    text: str
    own: bool
    record: Record

    @property
    def scope(self) -> str | None:
        """The line, where the date is its own."""
        return f"line:{self.unit.key}" if self.own else None


def shipping(o: Facts) -> Iterator[Unit]:
    """What is to leave; goods that are to be fetched have when they are packed."""
    fetched = "pickup" in o.methods
    for unit in o.units("left"):
        if not fetched or o.method_by(unit.key) != "pickup":
            yield unit
    if fetched:
        yield from (unit for unit in o.units("left", "warehouse.packed") if o.method_by(unit.key) == "pickup")


def _alike(o: Facts, name: str, units: Sequence[Unit]) -> Iterable[Unit]:
    """One of all units that are owed and met alike, of lines that never had a date of their own: what is found of them is the same."""
    if len(units) < 2:
        return units
    own = o.line_dates(name).own
    waits = {wait.key for wait in backorders(o) if wait.key is not None}
    left = _left(o) if o.pauses else {}
    first: dict[object, Unit] = {}
    for unit in units:
        key, _, since, gone, met, ordered = unit
        if key in own:
            first[unit] = unit
        else:
            first.setdefault((since, gone, met, ordered, left.get((key, since, gone)), o.method_by(key), key in waits and key), unit)
    return first.values()


def _left(o: Facts) -> dict[tuple[str, int, int | None], int | None]:
    """When all units of a line that are owed from and until the same instants had left."""
    left: dict[tuple[str, int, int | None], int | None] = {}
    for unit in shipping(o):
        line = (unit.key, unit.since, unit.gone)
        before = left.get(line, unit.met)
        left[line] = None if before is None or unit.met is None else max(before, unit.met)
    return left


def dated(
    o: Facts,
    name: str,
    units: Sequence[Unit],
    deadline: Deadline,
    due: Callable[[int], int] = lambda by: by,
    *,
    of: Iterable[Unit] | None = None,
) -> Iterator[DueStretch]:
    """By which date each unit (or each `of` them) is owed, and when.

    A unit that was added later takes an earlier date only if that lies ahead and something before it still waited for it. What fell due
    while the order was held (and not all of its line had left), or before a cancelled order was wanted again, is void.
    """
    own = o.line_dates(name).own
    pauses = o.pauses
    left = _left(o) if pauses else {}
    for unit in units if of is None else of:
        for (text, is_own), since, until, record in _segments(o, name, unit.key if unit.key in own else None):
            start, end = max(since, unit.since), earliest(until, unit.gone)
            by = None if text is None else deadline(o, text)
            if by is not None and since < unit.ordered:
                if due(by) <= unit.since or not _awaited(o, units, unit, name, own=is_own):
                    by = None
            elif by is not None and since < unit.since and due(by) <= unit.since:
                by = None
            if by is not None and pauses:
                met, at = left.get((unit.key, unit.since, unit.gone)), due(by)
                if met is None or met > at:
                    held = [FAR if r is None else r for h, r in pauses if h <= at and (r is None or (at < r and since < r))]
                    if held:
                        start, by = max(start, *held), None
            if start < FAR and (end is None or start < end):
                yield DueStretch(unit, start, end, by, text or "", is_own and by is not None, record)


def _segments(o: Facts, name: str, key: str | None) -> Iterable[tuple[tuple[str | None, bool], int, int | None, Record]]:
    """The dates that a line (None: one that never had its own) had, each its own or its order's."""
    if key is None:
        return (((text, False), since, until, record) for text, since, until, record in o.dates(name))

    def date_of(fields: OrderPlaced) -> tuple[str | None, bool]:
        own = next((cast("str | None", getattr(line, name)) for line in o.lines_called(fields, key)), None)
        return (own, True) if own else (cast("str | None", getattr(fields, name)), False)

    return o.segments(date_of)


def _awaited(o: Facts, units: Iterable[Unit], unit: Unit, name: str, *, own: bool) -> bool:
    """Whether something that was there before a unit was still awaited when that came, by the same date."""
    at = unit.since
    return any(
        x.since < at
        and (x.gone is None or at <= x.gone)
        and (x.met is None or x.met >= at)
        and (x.key == unit.key if own else not _has_own(o, x, name))
        for x in units
    )


def _has_own(o: Facts, unit: Unit, name: str) -> bool:
    """Whether a unit's line had a date of its own when it came to be owed, or when it was first said what that is."""
    then = o.fields_at(unit.since)
    lines = [] if then is None else list(o.lines_called(then, unit.key))
    if not lines:
        stated = (list(o.lines_called(fields, unit.key)) for fields, _, _ in o.versions)
        lines = next(filter(None, stated), lines)
    return any(getattr(line, name) for line in lines)


def over_before(o: Facts, s: RuleSetting, date: Date, last: int | None) -> bool:
    """Whether a plain order plainly awaited nothing any more before each date that it ever had, as most do: `last` is since when.

    It only saves work: without it units are looked at one by one, and the same is found.
    """
    if last is None or not o.plain_lines or o.pauses or o.line_dates(date.value).own:
        return False
    deadline, least = DEADLINES[date], soonest(s, s.threshold)
    return all(text is not None and last <= deadline(o, text) + least for text, _, _, _ in o.dates(date.value))


def _last_met(units: Iterable[Unit]) -> int | None:
    """When the last of some units was met; None if one was not."""
    last = NEVER
    for unit in units:
        if unit.met is None:
            return None
        last = max(last, unit.met)
    return last


def date_of(forms: Iterable[AnyForm]) -> Date | None:
    """The date that a rule counts from, if it counts from one."""
    dates = (getattr(form, name, None) for form in forms for name in ("since", "into", "by"))
    return next((date for date in dates if isinstance(date, Date)), None)


def zone_of(o: Facts, date: Date) -> str:
    """The zone that a date ends in."""
    return o.site_zone if date is Date.SHIP_BY else o.ship_to_zone


def by_date(form: Overdue, date: Date) -> Find:
    """The judge of what is due by a date. Each value that the date had is a deadline, replaced when the next one comes."""
    until, label, deadline = cast("Milestone", form.until[0]), LABELS[date], DEADLINES[date]
    methods, steps = frozenset(form.methods), STEPS[until]

    def judge(o: Facts, s: RuleSetting) -> Found:
        parted = until is Milestone.DELIVERED and len(o.shipments) > 1 and any(o.of(x, s) != s for x in o.shipments)
        over = not parted and "order.cancelled" in o.t.by_type and over_before(o, s, date, o.ended)
        units = () if over else list(shipping(o)) if until is Milestone.SHIPPED else o.units(*steps)
        if over or (not parted and over_before(o, s, date, _last_met(units))):
            if until is Milestone.DELIVERED:
                yield from _replacements(o, s)
            return
        calendar = o.calendar(s)
        alike = units if parted else _alike(o, date.value, units)

        def due(by: int) -> int:
            return count(calendar, by, s.threshold)

        for one in dated(o, date.value, units, deadline, due if form.ahead else lambda by: by, of=alike):
            unit, method = one.unit, o.method_by(one.unit.key)
            if methods and method not in methods:
                continue
            lifted = earliest(o.ended, unit.gone)
            moved = one.until if one.until != unit.gone else None
            if one.by is None:
                if s.fallback is not None and (method != "pickup" or armed(o, "packed", None, ())):
                    yield from _undated(o, s, one)  # That goods wait to be fetched shows only where somebody says that they are packed.
            elif not form.ahead or due(one.by) > one.since:
                words = f"line {unit.key} {label} {one.text}" if one.own else f"{label} {one.text}"
                setting = _carried(o, s, unit.key, one.by) if parted else s
                condition = timeout(
                    *(setting, o.calendar(setting) if parted else calendar, one.by, words, (one.record,)),
                    scope=one.scope, since=one.since, begun=one.since, met=unit.met, lifted=lifted, moved=moved,
                )  # fmt: skip
                if condition is not None and until is Milestone.DELIVERED:
                    condition.evidence += _sent(o, condition, unit.key if one.own else None)
                yield condition
        if until is Milestone.DELIVERED:
            yield from _replacements(o, s)

    return judge


def _carried(o: Facts, s: RuleSetting, key: str, by: int) -> RuleSetting:
    """The setting of the shipments in which a line was still under way at an instant, if it is one and the same."""
    found: list[RuleSetting] = []
    for x in o.shipments:
        if x.live and x.shipped is not None and (x.kept is None or x.kept > by):
            setting = o.of(x, s)
            if _holds(o, x, key) and setting not in found:
                found.append(setting)
    return found[0] if len(found) == 1 else s


def _sent(o: Facts, condition: Condition, key: str | None) -> tuple[Record, ...]:
    """How what was promised (a line, else all) had left by the deadline, as far as it had not arrived by then."""
    found: list[Record] = []
    for x in o.shipments:
        left, by = x.shipped, condition.due or condition.start
        if x.live and left is not None and left <= by and (x.delivered is None or x.delivered > by) and _holds(o, x, key):
            found.extend(next(((r,) for r in (*x.handovers, *x.scans) if r.at == left), ()))
    return tuple(found)


def _holds(o: Facts, x: Shipment, key: str | None) -> bool:
    """Whether a line may be in a shipment: one without lines may hold any."""
    return key is None or not x.lines or any(key in o.book.keys_of(line) for line in x.lines)


def _undated(o: Facts, s: RuleSetting, one: DueStretch) -> Iterator[Condition | None]:
    """While a unit has no date: the rule's `fallback`, from the payment (prepaid) or from placing, or from when it was ordered.

    An order that is held, and a unit that is backordered, is not waited for; when that is over, it is from then on.
    """
    if s.fallback is None or o.placed is None:
        return
    paid = o.paid_on == "prepaid" and s.fallback.anchor == "captured"
    anchor = o.paid_up if paid else o.placed_at
    if anchor is None:
        return
    unit = one.unit
    evidence, label = _paid(o, anchor) if paid else ((o.placed,), "placed")
    if unit.since > anchor:
        anchor, label = unit.since, "ordered"
        evidence = tuple(record for _, at, record in o.versions if at == anchor)[:1] or evidence
    waits = waits_of(o, unit.key)
    span, calendar = s.fallback.threshold, o.calendar(s)
    for begun, until in running(anchor, [*o.pauses, *waits]):
        lifted, words = earliest(o.ended, one.until, until), label if begun == anchor else "released"
        yield timeout(s, calendar, begun, words, evidence, span=span, since=one.since, met=unit.met, lifted=lifted)


def _paid(o: Facts, anchor: int) -> tuple[tuple[Record, ...], str]:
    """The captures by which an order was paid, and the word for their instant: it may have been paid by a lower total, too."""
    captures = [r for r in o.t.of("payment.captured") if r.at <= anchor]
    captures = captures[:1] if anchor == captures[0].at else captures
    return tuple(captures), "captured" if anchor == captures[-1].at else "paid"


def _replacements(o: Facts, s: RuleSetting) -> Iterator[Condition | None]:
    """Replacements that do not come by the promise that they were sent with."""
    for x in (x for x in o.shipments if x.replaces):
        stated = [r for r in (*x.labels, *x.handovers) if cast("WarehouseShipment", r.event.data).replaces]
        promises = [
            (line.promised_by, r) for r in stated for line in cast("WarehouseShipment", r.event.data).lines or () if line.promised_by
        ]
        if promises:
            text, record = min(promises, key=lambda known: o.promise_deadline(known[0]))
            setting, since = o.of(x, s), min(r.at for r in stated)
            yield timeout(
                *(setting, o.calendar(setting, x), o.promise_deadline(text), f"replacement promised by {text}", (record,)),
                scope=x.scope, since=since, begun=since, met=x.kept, lifted=ended_for(o, x),
            )  # fmt: skip
