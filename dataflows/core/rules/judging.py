"""The judge of each form: a function of an order's facts and of the rule's setting, built once from the form's data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import cast

from dataflows.core.clocks import Span
from dataflows.core.clocks.spans import ZERO
from dataflows.core.history.facts import Facts
from dataflows.core.history.returns import Return, refunds_of, returns_of
from dataflows.core.history.shipments import Parcel, Shipment, possession, scan_of
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import least, signal, timeout
from dataflows.core.rules.dates import DEADLINES, by_date
from dataflows.core.rules.reading import (
    any_of,
    clearing,
    concerns,
    ended_for,
    field_of,
    first_reached,
    matcher,
    of_parcel,
    reached,
    records_of,
    tests_of,
)
from dataflows.core.rules.structs import AnyForm, Between, Find, Found, Lasting, Overdue, Reported, Silent
from dataflows.core.rules.vocabulary import (
    MILESTONES,
    UNHEARD,
    ByTerms,
    Covered,
    Date,
    Event,
    Held,
    Milestone,
    Scope,
    Stated,
    Staying,
    Strictly,
)
from schemas.instants import HOUR, earliest
from schemas.record import Record
from schemas.wire import micros

Anchors = Callable[[Facts, RuleSetting], Iterable[tuple[int, str, tuple[Record, ...]]]]


def judge_of(forms: Sequence[AnyForm]) -> Find:
    """The judge of a rule: what each of its forms finds, one after another."""
    judges = [_judge(form) for form in forms]
    if len(judges) == 1:
        return judges[0]
    return lambda o, s: (condition for judge in judges for condition in judge(o, s))


def _judge(form: AnyForm) -> Find:
    if isinstance(form, Overdue):
        found = _overdue(form)
    elif isinstance(form, Reported):
        found = _reported_parcel(form) if form.each is Scope.PARCEL else _reported(form)
    elif isinstance(form, Silent):
        found = {Scope.ORDER: _silent_order, Scope.PARCEL: _silent_parcel, Scope.RETURN: _silent_return}[form.each](form)
    elif isinstance(form, Lasting):
        found = _held(form, form.state) if isinstance(form.state, Held) else _staying(form, form.state)
    else:
        found = form.find
    return _where_it_applies(form, found)


def _where_it_applies(form: AnyForm, found: Find) -> Find:
    """Asks of the order first whether the form speaks of it."""
    methods, terms, emits, only = frozenset(form.methods), frozenset(form.terms), dict(form.emits), tests_of(form.only)
    if not (methods or terms or emits or only):
        return found

    def judge(o: Facts, s: RuleSetting) -> Found:
        if o.placed is None or (methods and o.method not in methods) or (terms and o.terms not in terms):
            return ()
        if emits and not o.emits(emits.get("*") or emits.get(o.terms, "")):
            return ()
        return found(o, s) if only is None or only(o.fields) else ()

    return judge


# overdue


def _overdue(form: Overdue) -> Find:
    if isinstance(form.since, Date):
        return by_date(form, form.since)
    if form.each is Scope.SHIPMENT:
        return _overdue_shipment(cast("tuple[Milestone, ...]", form.since))
    if form.each is Scope.PARCEL:
        return _overdue_parcel(form, cast("Event", form.since))
    if form.each is Scope.RETURN:
        return _overdue_return(form, cast("Event", form.since))
    if isinstance(form.since, Stated):
        return _overdue_stated(form, form.since)
    if isinstance(form.since, Event):
        return _overdue_event(form, form.since)
    anchors = _anchors(cast("Milestone | Covered | ByTerms", form.since))
    met, lifted = first_reached(cast("Sequence[Milestone | Event]", form.until)), first_reached(form.unless)

    def judge(o: Facts, s: RuleSetting) -> Found:
        for at, label, evidence in anchors(o, s):
            yield timeout(s, o.calendar(s), at, label, evidence, met=met(o), lifted=lifted(o))

    return judge


def _anchors(since: Milestone | Covered | ByTerms) -> Anchors:
    """Where an expectation of an order begins, what that is called, and the events that show it."""
    if isinstance(since, Covered):
        return lambda o, _: () if (at := o.cover(since.event)) is None else ((at, since.label, tuple(o.t.of(since.event))),)
    if isinstance(since, ByTerms):
        own = {"prepaid": since.prepaid, "on_ship": since.on_ship}
        named = {m.value: _anchors(m) for m in own.values()}

        def chosen(o: Facts, s: RuleSetting) -> Iterator[tuple[int, str, tuple[Record, ...]]]:
            anchors = named.get(s.anchor or "") or named[own[o.terms].value]
            for at, label, evidence in anchors(o, s):
                yield at, label, evidence or (cast("Record", o.placed),)

        return chosen
    read = reached(since)
    if since is Milestone.PLACED:
        return lambda o, _: ((o.placed_at, "placed", (cast("Record", o.placed),)),)
    if since is Milestone.SHIPPED:
        return lambda o, _: () if (at := o.shipped) is None else ((at, "shipped", tuple(r for r, _ in o.handovers)),)
    types, label = MILESTONES[since].types, since.value
    return lambda o, _: () if (at := read(o)) is None else ((at, label, tuple(r for r in o.t.of(*types) if r.at <= at)),)


def _overdue_event(form: Overdue, since: Event) -> Find:
    """Each event is an expectation of its own, met by what comes at or after it."""
    begins, lifted = records_of(since), first_reached(form.unless)
    marks = [reached(term) for term in form.until if isinstance(term, Milestone)]
    events = [records_of(term) for term in form.until if isinstance(term, Event)]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for record in begins(o):
            later = [r.at for found in events for r in found(o) if r.at >= record.at]
            met = earliest(min(later, default=None), *(read(o) for read in marks))
            yield timeout(s, o.calendar(s), record.at, form.label, (record,), met=met, lifted=lifted(o))

    return judge


def _overdue_stated(form: Overdue, since: Stated) -> Find:
    """The instants that events of each payment state; what names no payment but takes money is about all of them."""
    begins, lifted, field = records_of(since.event), first_reached(form.unless), since.field
    events = [records_of(term) for term in form.until if isinstance(term, Event)]

    def judge(o: Facts, s: RuleSetting) -> Found:
        by_payment: dict[str | None, list[tuple[Record, int]]] = {}
        for record in begins(o):
            stated = cast("datetime | None", field_of(record.event.data, field))
            if stated is not None:
                by_payment.setdefault(_payment(record), []).append((record, micros(stated)))
        for payment, known in by_payment.items():
            ends = [
                r.at
                for found in events
                for r in found(o)
                if _payment(r) == payment or (r.event.type == "payment.captured" and _payment(r) is None)
            ]
            for position, (record, at) in enumerate(known):
                renewed = known[position + 1][0].at if position + 1 < len(known) else None
                met = min((end for end in ends if end >= record.at), default=None)
                scope, calendar = f"payment:{payment}" if payment else None, o.calendar(s)
                yield timeout(
                    s, calendar, at, since.label, (record,), scope=scope, since=record.at, met=met, lifted=lifted(o), moved=renewed
                )

    return judge


def _payment(record: Record) -> str | None:
    return cast("str | None", field_of(record.event.data, "payment_id"))


def _overdue_shipment(since: tuple[Milestone, ...]) -> Find:
    """The first scan of a shipment, awaited since its label was made, then anew since its hand-over."""
    labelled, handed_over = Milestone.LABELLED in since, Milestone.HANDED_OVER in since

    def judge(o: Facts, s: RuleSetting) -> Found:
        for x in o.shipments:
            if not x.trackings:
                continue
            setting = o.of(x, s)
            calendar, met, lifted = o.calendar(setting, x), x.first_scan, ended_for(o, x)
            handed = x.handed_over if handed_over else None
            if labelled and x.labels and (handed is None or x.labels[0].at < handed):
                made = x.labels[0]
                yield timeout(setting, calendar, made.at, "label made", (made,), scope=x.scope, met=met, lifted=lifted, moved=handed)
            if handed is not None:
                evidence = (x.handovers[0],)
                yield timeout(setting, calendar, handed, "handed over", evidence, scope=x.scope, met=met, lifted=lifted)

    return judge


def _overdue_parcel(form: Overdue, since: Event) -> Find:
    """From the first such scan of a parcel until another."""
    begins = matcher(since)
    events = [clearing(term) for term in form.until if not isinstance(term, Milestone)]
    marks = [of_parcel(term) for term in form.until if isinstance(term, Milestone)]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for shipment, parcel in tracked(o):
            position, first = next(((i, r) for i, r in enumerate(parcel.scans) if begins(r)), (0, None))
            if first is not None:
                met = earliest(*(c(o, shipment, parcel, position) for c in events), *(m(o, shipment, parcel) for m in marks))
                setting = o.of(shipment, s)
                calendar, lifted = o.calendar(setting, shipment), ended_for(o, shipment)
                yield timeout(setting, calendar, first.at, form.label, (first,), scope=shipment.scope, met=met, lifted=lifted)

    return judge


def _of_return(term: object) -> Callable[[Facts, Return], int | None]:
    if term is Milestone.REFUND:
        return lambda o, known: earliest(*refunds_of(o, known))
    if term is Milestone.NAMED_REFUND:
        return lambda o, known: earliest(*refunds_of(o, known, named=True))
    event = cast("Event", term)
    matches, type_ = matcher(event), event.types[0]
    if type_ == "carrier.scan":
        return lambda _, known: next((r.at for r in known.scans if matches(r)), None)
    return lambda _, known: next((r.at for r in known.steps if r.event.type == type_ and matches(r)), None)


def _overdue_return(form: Overdue, since: Event) -> Find:
    """From the first such step of a return."""
    begins, type_, untils = matcher(since), since.types[0], [_of_return(term) for term in form.until]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for known in returns_of(o):
            first = next((r for r in known.steps if r.event.type == type_ and begins(r)), None)
            if first is not None:
                met = earliest(*(until(o, known) for until in untils))
                yield timeout(s, o.calendar(s), first.at, form.label, (first,), scope=known.scope, met=met)

    return judge


# reported


def _text(record: Record, names: tuple[str, ...]) -> str:
    return next((str(value) for name in names if (value := field_of(record.event.data, name)) is not None), "")


def _scope_of(form: Reported) -> Callable[[Record], str | None]:
    name = {Scope.LINE: "sku", Scope.PAYMENT: "payment_id", Scope.RETURN: "return_id"}.get(form.each)
    if name is None:
        return lambda _: None
    return lambda record: f"{form.each.value}:{value}" if (value := field_of(record.event.data, name)) else None


def _reported(form: Reported) -> Find:
    begins, scope, lifted = records_of(form.when[0]), _scope_of(form), first_reached(form.unless)
    minor = None if form.minor is None else matcher(form.minor)
    untils = [_instants(cast("Milestone | Event", term), of_sku=form.each is Scope.LINE) for term in form.until]
    after = [_reached_by(term, of_sku=form.each is Scope.LINE) for term in form.after]
    not_after = [_reached_by(term, of_sku=form.each is Scope.LINE) for term in form.not_after]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for record in begins(o):
            if after and not any(known(o, record) for known in after):
                continue
            if any(known(o, record) for known in not_after):
                continue
            clears = [at for until in untils for at in until(o, record)]
            lane = s.minor_lane if minor is not None and minor(record) else None
            detail = _text(record, form.detail)
            yield signal(o, s, record, clears=clears, lifted=lifted(o), scope=scope(record), detail=detail, lane=lane)

    return judge


def _instants(term: Milestone | Event, *, of_sku: bool) -> Callable[[Facts, Record], Iterable[int | None]]:
    """All instants of a term that may clear what a record began."""
    if isinstance(term, Milestone):
        read = reached(term)
        return lambda o, _: (read(o),)
    found = records_of(term)
    if not of_sku:
        return lambda o, _: (r.at for r in found(o))

    def about(o: Facts, record: Record) -> Iterable[int]:
        speaks = concerns(term, o, cast("str | None", field_of(record.event.data, "sku")))
        return (r.at for r in found(o) if speaks(r))

    return about


def _reached_by(term: Milestone | Event | Strictly, *, of_sku: bool) -> Callable[[Facts, Record], bool]:
    """Whether a term was reached at or before a record."""
    if isinstance(term, Strictly):
        before = reached(term.milestone)
        return lambda o, record: (at := before(o)) is not None and at < record.at
    instants = _instants(term, of_sku=of_sku)
    return lambda o, record: any(at is not None and at <= record.at for at in instants(o, record))


def _reported_parcel(form: Reported) -> Find:
    begins, clears = any_of(form.when), [clearing(term) for term in form.until]
    after = [of_parcel(term.milestone) for term in form.after if isinstance(term, Strictly)]
    lifts = [of_parcel(term) for term in form.unless if isinstance(term, Milestone)]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for shipment in o.shipments:
            for parcel in shipment.parcels:
                if form.tracked and not parcel.tracking:
                    continue
                for position, record in enumerate(parcel.scans):
                    if not begins(record):
                        continue
                    if after and not any((at := read(o, shipment, parcel)) is not None and at < record.at for read in after):
                        continue
                    setting = o.of(shipment, s)
                    yield signal(
                        o,
                        setting,
                        record,
                        clears=[clear(o, shipment, parcel, position) for clear in clears],
                        lifted=earliest(*(lift(o, shipment, parcel) for lift in lifts)),
                        scope=shipment.scope,
                        detail=_text(record, form.detail),
                        shipment=shipment,
                    )
                    if form.first:
                        break

    return judge


# silent and lasting


def tracked(o: Facts) -> Iterator[tuple[Shipment, Parcel]]:
    """All parcels with a tracking number."""
    return ((shipment, parcel) for shipment in o.shipments for parcel in shipment.parcels if parcel.tracking)


def _silent_parcel(form: Silent) -> Find:
    speaks, over = matcher(cast("Event", form.heard)), [of_parcel(cast("Milestone", term)) for term in form.unless]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for shipment, parcel in tracked(o):
            setting = o.of(shipment, s)
            span = setting.threshold if o.domestic or setting.international is None else setting.international
            lifted = earliest(*(read(o, shipment, parcel) for read in over))
            calendar = o.calendar(setting, shipment)
            soonest = min(least(span), *[least(step.at) for step in setting.steps]) if setting.steps else least(span)
            has_it = False
            for position, record in enumerate(parcel.scans):
                has_it = has_it or possession(record)
                if has_it and speaks(record):
                    following = parcel.following(position)
                    until = following.at if following else None
                    if until is not None and until - record.at <= soonest:
                        continue
                    label = f"last scan {scan_of(record).status}"
                    yield timeout(setting, calendar, record.at, label, (record,), scope=shipment.scope, span=span, met=until, lifted=lifted)

    return judge


def silences(records: Sequence[Record]) -> Iterator[tuple[Record, int | None]]:
    """Each record with the instant of the next one, which broke the silence after it."""
    return ((record, records[i + 1].at if i + 1 < len(records) else None) for i, record in enumerate(records))


def _silent_return(form: Silent) -> Find:
    """Silence over the steps and scans of returns on their way, until they arrive."""
    source = cast("Event", form.heard)

    def judge(o: Facts, s: RuleSetting) -> Found:
        for known in returns_of(o):
            steps = (r for r in known.steps if r.event.type in source.types)
            heard = sorted([*steps, *known.scans], key=lambda r: (r.at, r.event.source, r.event.id))
            delivered = next((r.at for r in known.scans if scan_of(r).status == "delivered"), None)
            arrived = earliest(known.first("received"), delivered)
            calendar = o.calendar(s, carrier=next((name for r in reversed(known.scans) if (name := scan_of(r).carrier)), None))
            for record, until in silences(heard):
                label = f"last event {record.event.type}"
                yield timeout(s, calendar, record.at, label, (record,), scope=known.scope, met=until, lifted=arrived)

    return judge


def _pauses(o: Facts, paused_by: tuple[Held | Between, ...]) -> Iterator[tuple[int, int | None]]:
    for pause in paused_by:
        if isinstance(pause, Held):
            yield from ((h.record.at, h.released) for h in o.holds if not pause.kinds or h.hold in pause.kinds)
        else:
            until = reached(pause.until)(o)
            yield from ((r.at, until if until is not None and until >= r.at else None) for r in records_of(pause.event)(o))


def _silent_order(form: Silent) -> Find:
    lifted = first_reached(form.unless)
    source = None if form.heard is None else records_of(form.heard)

    def judge(o: Facts, s: RuleSetting) -> Found:
        if s.switch == "off":
            return
        if form.undated and (o.fields.ship_by or any(line.ship_by for line in o.lines.values())):
            return
        heard = [r for r in o.t.records if not r.event.type.startswith(UNHEARD)] if source is None else list(source(o))
        over, calendar = lifted(o), o.calendar(s)
        pauses = list(_pauses(o, form.paused_by))
        for record, until in silences(heard):
            condition = timeout(s, calendar, record.at, f"last event {record.event.type}", (record,), met=until, lifted=over)
            if condition and not any(a <= condition.start and (b is None or condition.start < b) for a, b in pauses):
                yield condition

    return judge


def hold_scope(o: Facts, shipment_id: str | None) -> str | None:
    """The scope of a hold: its shipment, or the order."""
    if shipment_id is None:
        return None
    shipment = o.shipment(shipment_id)
    return shipment.scope if shipment else f"shipment:{shipment_id}"


def _held(form: Lasting, state: Held) -> Find:
    kinds, lifted, ends = frozenset(state.kinds), first_reached(form.unless), [records_of(term) for term in form.until]
    scoped, one = form.each is Scope.HOLD, form.label or (len(kinds) == 1 and "held")

    def judge(o: Facts, s: RuleSetting) -> Found:
        for h in o.holds:
            if not kinds or h.hold in kinds:
                at = h.record.at
                met = earliest(h.released, *(r.at for end in ends for r in end(o) if r.at >= at))
                scope, label, owner = hold_scope(o, h.shipment_id) if scoped else None, one or f"{h.hold} hold", s.owners.get(h.hold)
                calendar, over = o.calendar(s), lifted(o)
                yield timeout(s, calendar, at, label, (h.record,), scope=scope, met=met, lifted=over, owner=owner)
                if form.into and (last_call := _last_call(o, s, form.into, at)) is not None:
                    label = f"{hours(s.margin)} before {form.into.value.replace('_', '-')}"
                    yield timeout(s, calendar, last_call, label, (h.record,), scope=scope, span=ZERO, met=met, lifted=over, owner=owner)

    return judge


def _last_call(o: Facts, s: RuleSetting, date: Date, at: int) -> int | None:
    """The rule's `margin` before the date that was in force at an instant, or that instant if it is later."""
    text = next((cast("str | None", getattr(fields, date.value)) for fields, since, _ in reversed(o.versions) if since <= at), None)
    return None if text is None else max(at, DEADLINES[date](o, text) - s.margin.n)


def hours(span: Span) -> str:
    """Elapsed time in hours, where it is some whole hours."""
    return f"{span.n // HOUR} h" if span.n % HOUR == 0 else str(span)


def _staying(form: Lasting, state: Staying) -> Find:
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
