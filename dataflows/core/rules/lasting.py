"""The judges of what lasts: silence, holds, and parcels that stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from dataflows.core.clocks import Span
from dataflows.core.clocks.spans import ZERO
from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import possession, scan_of
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import count, timeout
from dataflows.core.rules.dates import DEADLINES
from dataflows.core.rules.of_returns import called_off
from dataflows.core.rules.reading import (
    first_reached,
    following,
    matcher,
    of_parcel,
    reached,
    records_of,
    tracked,
)
from dataflows.core.rules.soonest import soonest
from dataflows.core.rules.structs import Between, Find, Found, Lasting, Silent
from dataflows.core.rules.vocabulary import (
    UNHEARD,
    Date,
    EventTerm,
    Held,
    Milestone,
    Scope,
    Staying,
)
from schemas.instants import HOUR, earliest
from schemas.record import Record

WAREHOUSE_STEPS = ("inventory.", "warehouse.")
"""The beginnings of the types of what warehouses say of an order."""


def silent_parcel(form: Silent) -> Find:
    speaks, over = matcher(cast("EventTerm", form.heard)), [of_parcel(cast("Milestone", term)) for term in form.unless]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for shipment, parcel in tracked(o):
            setting = o.of(shipment, s)
            span = setting.threshold if o.domestic or setting.international is None else setting.international
            lifted = earliest(*(read(o, shipment, parcel) for read in over))
            calendar = o.calendar(setting, shipment)
            patience, before = soonest(setting, span), iter(parcel.scans)
            has_it = moved = False
            for record, until in silences(parcel.scans):
                if (until is not None and until - record.at <= patience) or not speaks(record):
                    continue
                for known in before if not (has_it and moved) else ():
                    moved = moved or tells_progress(known, known=has_it)
                    has_it = has_it or possession(known)
                    if known is record:
                        break
                if has_it:
                    label = f"last scan {scan_of(record).status}"
                    yield timeout(
                        *(setting, calendar, record.at, label, (record,)),
                        scope=shipment.scope, span=span, met=until, lifted=lifted, shown=moved,
                    )  # fmt: skip

    return judge


def tells_progress(record: Record, *, known: bool) -> bool:
    """Whether a scan shows that the carrier says more of its parcels than that it has them. `known`: it had said that of this one."""
    return (known or possession(record)) and scan_of(record).status != "accepted"


def silences(records: Sequence[Record]) -> Iterator[tuple[Record, int | None]]:
    """Each record with the instant of the next one, which broke the silence after it."""
    return ((record, records[i + 1].at if i + 1 < len(records) else None) for i, record in enumerate(records))


def silent_return(form: Silent) -> Find:
    """Silence over the steps and scans of returns on their way, until they arrive."""
    source = cast("EventTerm", form.heard)

    def judge(o: Facts, s: RuleSetting) -> Found:
        for known in o.returns:
            steps = (r for r in known.steps if r.event.type in source.types)
            heard = sorted([*steps, *known.scans], key=lambda r: (r.at, r.event.source, r.event.id))
            delivered = next((r.at for r in known.scans if scan_of(r).status == "delivered"), None)
            arrived = earliest(known.first("received"), delivered)
            carrier = next((name for r in reversed(known.scans) if (name := scan_of(r).carrier)), None)
            setting = o.carried(s, carrier)
            calendar = o.calendar(setting, carrier=carrier)
            moved = False
            for record, until in silences(heard):
                moved = moved or (record.event.type == "carrier.scan" and tells_progress(record, known=False))
                label, over = f"last event {record.event.type}", earliest(arrived, called_off(o, known, record.at))
                yield timeout(setting, calendar, record.at, label, (record,), scope=known.scope, met=until, lifted=over, shown=moved)

    return judge


def _pauses(o: Facts, paused_by: tuple[Held | Between, ...]) -> Iterator[tuple[int, int | None]]:
    for pause in paused_by:
        if isinstance(pause, Held):
            yield from ((h.record.at, h.released) for h in o.holds if not pause.kinds or h.hold in pause.kinds)
        else:
            until = reached(pause.until)(o)
            yield from ((r.at, until if until is not None and until >= r.at else None) for r in records_of(pause.event)(o))


def silent_order(form: Silent) -> Find:
    lifted = first_reached(form.unless)
    source = None if form.heard is None else records_of(form.heard)

    def judge(o: Facts, s: RuleSetting) -> Found:
        if s.switch == "off":
            return
        if form.undated and (o.fields.ship_by or any(line.ship_by for line in o.lines.values())):
            return
        spoken = (r for r in o.t.records if not r.event.type.startswith(UNHEARD)) if source is None else source(o)
        heard = [r for r in spoken if r.at >= o.placed_at]
        over, calendar = lifted(o), o.calendar(s)
        pauses = list(_pauses(o, form.paused_by))
        patience = soonest(s, s.threshold)
        stepped = any(r.at < o.placed_at and r.event.type.startswith(WAREHOUSE_STEPS) for r in o.t.records)
        for record, until in silences(heard):
            stepped = stepped or record.event.type.startswith(WAREHOUSE_STEPS)
            if until is not None and until - record.at <= patience:
                continue
            label = f"last event {record.event.type}"
            condition = timeout(s, calendar, record.at, label, (record,), met=until, lifted=over, shown=stepped)
            if condition and not any(a <= condition.start and (b is None or condition.start < b) for a, b in pauses):
                yield condition

    return judge


def hold_scope(o: Facts, shipment_id: str | None) -> str | None:
    """The scope of a hold: its shipment, or the order."""
    if shipment_id is None:
        return None
    shipment = o.shipment(shipment_id)
    return shipment.scope if shipment else f"shipment:{shipment_id}"


def held(form: Lasting, state: Held) -> Find:
    kinds, lifted, ends = frozenset(state.kinds), first_reached(form.unless), [following(term) for term in form.until]
    scoped, one = form.each is Scope.HOLD, form.label or (len(kinds) == 1 and "held")

    def judge(o: Facts, s: RuleSetting) -> Found:
        until = [end(o) for end in ends]
        for h in o.holds:
            if not kinds or h.hold in kinds:
                at = h.record.at
                met = earliest(h.released, *(end(at) for end in until))
                scope, label, owner = hold_scope(o, h.shipment_id) if scoped else None, one or f"{h.hold} hold", s.owners.get(h.hold)
                calendar, over = o.calendar(s), lifted(o)
                last_call = _last_call(o, s, form.into, at) if form.into else None
                if last_call is None or form.into is None or last_call >= count(calendar, at, s.threshold):
                    yield timeout(s, calendar, at, label, (h.record,), scope=scope, met=met, lifted=over, owner=owner)
                else:
                    label = f"{hours(s.margin)} before {form.into.value.replace('_', '-')}"
                    yield timeout(
                        *(s, calendar, last_call, label, (h.record,)),
                        scope=scope,
                        span=ZERO,
                        since=at,
                        begun=at,
                        met=met,
                        lifted=over,
                        owner=owner,
                    )

    return judge


def _last_call(o: Facts, s: RuleSetting, date: Date, at: int) -> int | None:
    """The rule's `margin` before the date that was in force at an instant, or that instant if it is later."""
    fields = o.fields_at(at)
    text = None if fields is None else cast("str | None", getattr(fields, date.value))
    return None if text is None else max(at, DEADLINES[date](o, text) - s.margin.n)


def hours(span: Span) -> str:
    """Elapsed time in hours, where it is some whole hours."""
    return f"{span.n // HOUR} h" if span.n % HOUR == 0 else str(span)


def staying(form: Lasting, state: Staying) -> Find:
    """From the first of each run of such scans of a parcel until the next scan that is none."""
    belongs, over = matcher(state.event), [of_parcel(cast("Milestone", term)) for term in form.unless]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for shipment, parcel in tracked(o):
            setting = o.of(shipment, s)
            calendar, lifted = o.calendar(setting, shipment), earliest(*(read(o, shipment, parcel) for read in over))
            first: Record | None = None
            for record in parcel.scans:
                if belongs(record):
                    first = first or record
                elif first is not None:
                    yield timeout(setting, calendar, first.at, state.label, (first,), scope=shipment.scope, met=record.at, lifted=lifted)
                    first = None
            if first is not None:
                yield timeout(setting, calendar, first.at, state.label, (first,), scope=shipment.scope, lifted=lifted)

    return judge
