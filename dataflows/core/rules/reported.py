"""The judges of what events report: of an order, and of its parcels."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import signal
from dataflows.core.rules.reading import (
    clearing,
    concerns,
    field_of,
    first_from,
    first_reached,
    following,
    matcher,
    of_parcel,
    positions_of,
    reached,
    records_of,
)
from dataflows.core.rules.structs import Find, Found, Reported
from dataflows.core.rules.vocabulary import (
    EventTerm,
    Milestone,
    Next,
    Scope,
    Strictly,
)
from schemas.instants import earliest
from schemas.record import Record


def _text(record: Record, names: tuple[str, ...]) -> str:
    return next((str(value) for name in names if (value := field_of(record.event.data, name)) is not None), "")


def _scope_of(form: Reported) -> Callable[[Record], str | None]:
    name = {Scope.LINE: "sku", Scope.PAYMENT: "payment_id", Scope.RETURN: "return_id"}.get(form.each)
    if name is None:
        return lambda _: None
    return lambda record: f"{form.each.value}:{value}" if (value := field_of(record.event.data, name)) else None


def reported(form: Reported) -> Find:
    begins, scope, over = records_of(form.when[0]), _scope_of(form), first_reached(form.unless)
    minor = None if form.minor is None else matcher(form.minor)
    untils = [_first(cast("Milestone | EventTerm", term), of_sku=form.each is Scope.LINE) for term in form.until]
    after = [_reached_by(term, of_sku=form.each is Scope.LINE) for term in form.after]
    not_after = [_reached_by(term, of_sku=form.each is Scope.LINE) for term in form.not_after]

    def judge(o: Facts, s: RuleSetting) -> Found:
        cleared = [until(o) for until in untils]
        for record in begins(o):
            if after and not any(known(o, record) for known in after):
                continue
            if any(known(o, record) for known in not_after):
                continue
            clears = [at(record) for at in cleared]
            lane = s.minor_lane if minor is not None and minor(record) else None
            detail = _text(record, form.detail)
            lifted = earliest(over(o), o.called_off(record.at)) if form.for_good else over(o)
            yield signal(o, s, record, clears=clears, lifted=lifted, scope=scope(record), detail=detail, lane=lane, at_once=True)

    return judge


def _first(term: Milestone | EventTerm, *, of_sku: bool) -> Callable[[Facts], Callable[[Record], int | None]]:
    """Of an order, when a term first clears what a record began."""
    if isinstance(term, Milestone):
        read = reached(term)
        return lambda o: lambda _: read(o)
    if not of_sku:
        later = following(term)

        def any_later(o: Facts) -> Callable[[Record], int | None]:
            instant = later(o)
            return lambda record: instant(record.at)

        return any_later
    found = records_of(term)

    def of_its_sku(o: Facts) -> Callable[[Record], int | None]:
        known: dict[str | None, Callable[[int], int | None]] = {}

        def first(record: Record) -> int | None:
            sku = cast("str | None", field_of(record.event.data, "sku"))
            if sku not in known:
                speaks = concerns(term, o, sku)
                known[sku] = first_from([r.at for r in found(o) if speaks(r)])
            return known[sku](record.at)

        return first

    return of_its_sku


def _instants(term: Milestone | EventTerm, *, of_sku: bool) -> Callable[[Facts, Record], Iterable[int | None]]:
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


def _reached_by(term: Milestone | EventTerm | Strictly, *, of_sku: bool) -> Callable[[Facts, Record], bool]:
    """Whether a term was reached at or before a record."""
    if isinstance(term, Strictly):
        before = reached(term.milestone)
        return lambda o, record: (at := before(o)) is not None and at < record.at
    instants = _instants(term, of_sku=of_sku)
    return lambda o, record: any(at is not None and at <= record.at for at in instants(o, record))


def reported_parcel(form: Reported) -> Find:
    """Of each parcel by its scans. Raises ValueError for a form that asks for what is not looked at here."""
    ignored = [term for term in form.after if not isinstance(term, Strictly)]
    ignored += [term for term in form.unless if not isinstance(term, Milestone)]
    ignored += [term for term in form.until if isinstance(term, EventTerm) and term.types != ("carrier.scan",)]
    if ignored or form.not_after:
        raise ValueError(f"of a parcel only its scans and milestones are looked at, not {ignored or form.not_after}")
    starts, clears = positions_of(form.when), [clearing(term) for term in form.until]
    ends = positions_of([term.event for term in form.until if isinstance(term, Next)])
    after = [of_parcel(term.milestone) for term in form.after if isinstance(term, Strictly)]
    lifts = [of_parcel(term) for term in form.unless if isinstance(term, Milestone)]

    def judge(o: Facts, s: RuleSetting) -> Found:
        for shipment in o.shipments:
            for parcel in shipment.parcels:
                if form.tracked and not parcel.tracking:
                    continue
                cleared: list[Callable[[int], int | None]] = []
                ended: list[int] = []
                for position in starts(parcel):
                    record = parcel.scans[position]
                    if after and not any((at := read(o, shipment, parcel)) is not None and at < record.at for read in after):
                        continue
                    if not cleared:
                        cleared = [clear(o, shipment, parcel) for clear in clears]
                        ended = [parcel.scans[end].at for end in ends(parcel)]
                    setting = o.of(shipment, s)
                    if (margin := setting.margin.n) and _just_after(record, ended, margin):
                        continue
                    yield signal(
                        o,
                        setting,
                        record,
                        clears=[clear(position) for clear in cleared],
                        lifted=earliest(*(lift(o, shipment, parcel) for lift in lifts)),
                        scope=shipment.scope,
                        detail=_text(record, form.detail),
                        shipment=shipment,
                        at_once=True,
                    )
                    if form.first:
                        break

    return judge


def _just_after(record: Record, ends: Sequence[int], margin: int) -> bool:
    """Whether a scan that clears came so shortly before a record that the record is of before: the clocks of scanners differ."""
    before = bisect_right(ends, record.at)
    return before > 0 and record.at - ends[before - 1] <= margin
