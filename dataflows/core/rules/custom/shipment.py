"""Shipment kinds that no form says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import Parcel, scan_of
from dataflows.core.history.quantities import line_key
from dataflows.core.history.shipments import Shipment
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import signal, timeout
from dataflows.core.rules.reading import clearing, ended_for, tracked
from dataflows.core.rules.structs import Found
from dataflows.core.rules.vocabulary import scan
from schemas.events import SupportContacted
from schemas.instants import earliest
from schemas.record import Record

ENDINGS = frozenset(("refused", "disposed", "prohibited", "rejected"))
ARRIVED = clearing(scan("delivered", "returning", "returned"))


def _owing(o: Facts, shipment: Shipment) -> Callable[[int], int | None]:
    """The promise deadline in force of a shipment at an instant: the first of those of the lines in it (not known: of all lines).

    What replaces a shipment that had been delivered, or that began once the promise had passed, was not promised by it.
    """
    before, held = o.shipment(shipment.replaces), cast("set[str] | None", None)
    began = min((r.at for r in (*shipment.labels, *shipment.handovers)), default=None)
    kept = (
        before is not None and before is not shipment and before.delivered is not None and began is not None and before.delivered <= began
    )

    def at(instant: int) -> int | None:
        nonlocal held
        fields = o.fields_at(instant)
        if fields is None:
            return None
        stated = [fields.promised_by]
        if any(line.promised_by for line in fields.lines or ()):
            held = _keys(o, shipment) if held is None else held
            lines = [(line_key(line, place), line.promised_by or fields.promised_by) for place, line in enumerate(fields.lines or ())]
            stated = [text for key, text in lines if key in held] or [text for _, text in lines]
        deadline = min((o.promise_deadline(text) for text in stated if text is not None), default=None)
        if deadline is None:
            return None
        return None if shipment.replaces and (kept or (began is not None and deadline <= began)) else deadline

    return at


def _keys(o: Facts, shipment: Shipment) -> set[str]:
    """The order's lines that are in a shipment, as far as known."""
    return {key for line in shipment.lines or () for key, _ in o.obligations.shape.speaks_of(line)}


Estimates = list[tuple[int, int, Record]]


def _estimates(o: Facts, parcel: Parcel) -> Estimates:
    """The estimates of a parcel: when each came, the instant that it means, and its event."""
    return [(r.at, o.promise_deadline(text), r) for r in parcel.estimates if (text := scan_of(r).eta) is not None]


def _in_force(o: Facts, estimates: Estimates) -> Iterator[tuple[int, int, Record]]:
    """The instants at which an estimate or a promise may have changed, each with the latest estimate."""
    latest = 0
    for at in sorted({at for at, _, _ in estimates} | {since for _, since, _ in o.versions if since > estimates[0][0]}):
        while latest + 1 < len(estimates) and estimates[latest + 1][0] <= at:
            latest += 1
        _, eta, record = estimates[latest]
        yield at, eta, record


def eta_slip(o: Facts, s: RuleSetting) -> Found:
    for shipment in o.shipments:
        for parcel in shipment.parcels:
            if not parcel.estimates:
                continue
            estimates, promised = _estimates(o, parcel), _owing(o, shipment)
            first = estimates[0][1]
            began: tuple[int, Record] | None = None
            spells: list[tuple[int, Record, int | None]] = []
            for at, eta, record in _in_force(o, estimates):
                promise = promised(at)
                slipped = eta > (promise if promise is not None else first + s.margin.n)
                if slipped and began is None:
                    began = (at, record)
                elif not slipped and began is not None:
                    spells.append((*began, at))
                    began = None
            if began is not None:
                spells.append((*began, None))
            lifted = earliest(ended_for(o, shipment, parcel), parcel.delivered)
            for start, record, until in spells:
                setting = o.of(shipment, s)
                yield signal(o, setting, record, at=start, clears=(until,), lifted=lifted, scope=shipment.scope, shipment=shipment)


def eta_passed(o: Facts, s: RuleSetting) -> Found:
    for shipment, parcel in tracked(o):
        if not parcel.estimates:
            continue
        promised, setting = _owing(o, shipment), o.of(shipment, s)
        calendar, met = o.calendar(setting, shipment), earliest(parcel.delivered, parcel.ready)
        lifted = earliest(ended_for(o, shipment, parcel), parcel.returned)
        moments = list(_in_force(o, _estimates(o, parcel)))
        for place, (at, eta, record) in enumerate(moments):
            until = moments[place + 1][0] if place + 1 < len(moments) else None
            if promised(at) is None and (until is None or until > o.placed_at):
                evidence, scope = (record,), shipment.scope
                yield timeout(
                    *(setting, calendar, eta, "estimated", evidence),
                    scope=scope, since=at, begun=at, met=met, lifted=lifted, moved=until,
                )  # fmt: skip


def promised(data: object, _: RuleSetting) -> bool:
    """Whether an event is the placing of an order with a promise, which counts in place of estimates."""
    return getattr(data, "promised_by", None) is not None


def attempts_exhausted(o: Facts, s: RuleSetting) -> Found:
    for shipment in o.shipments:
        for parcel in shipment.parcels:
            attempts = 0
            for position, record in enumerate(parcel.scans):
                data = scan_of(record)
                attempt = data.status == "attempt_failed" and position not in parcel.again
                attempts += attempt
                last = attempt and attempts == o.of(shipment, s).count
                final = data.reason == "final_attempt" or (data.status == "failed_final" and data.reason not in ENDINGS)
                if last or final:
                    setting, lifted, clears = o.of(shipment, s), ended_for(o, shipment, parcel), (ARRIVED(o, shipment, parcel)(position),)
                    yield signal(o, setting, record, clears=clears, lifted=lifted, scope=shipment.scope, shipment=shipment)


def delivered_disputed(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.of("support.contacted"):
        data = cast("SupportContacted", record.event.data)
        if data.intent == "not_received" and any(x.delivered is not None and x.delivered <= record.at for x in o.shipments):
            yield signal(o, s, record, clears=[x.shipped for x in o.shipments if x.replaces], lifted=o.ended)
