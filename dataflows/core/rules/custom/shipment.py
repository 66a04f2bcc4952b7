"""Shipment kinds that no form says."""

from __future__ import annotations

from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.shipments import scan_of
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import signal
from dataflows.core.rules.reading import clearing, ended_for
from dataflows.core.rules.structs import Found
from dataflows.core.rules.vocabulary import scan
from schemas.events import SupportContacted
from schemas.instants import earliest
from schemas.record import Record

ENDINGS = frozenset(("refused", "disposed", "prohibited", "rejected"))
ARRIVED = clearing(scan("delivered", "returning", "returned"))


def _promise(o: Facts, at: int) -> int | None:
    """The promise deadline in force at an instant."""
    fields = o.fields_at(at)
    return None if fields is None or fields.promised_by is None else o.promise_deadline(fields.promised_by)


def eta_slip(o: Facts, s: RuleSetting) -> Found:
    for shipment in o.shipments:
        for parcel in shipment.parcels:
            estimates = [(r.at, o.promise_deadline(text), r) for r in parcel.estimates if (text := scan_of(r).eta) is not None]
            if not estimates:
                continue
            first = estimates[0][1]
            moments = sorted({at for at, _, _ in estimates} | {since for _, since, _ in o.versions if since > estimates[0][0]})
            began: tuple[int, Record] | None = None
            spells: list[tuple[int, Record, int | None]] = []
            latest = 0
            for at in moments:
                while latest + 1 < len(estimates) and estimates[latest + 1][0] <= at:
                    latest += 1
                _, eta, record = estimates[latest]
                promise = _promise(o, at)
                slipped = eta > (promise if promise is not None else first + s.margin.n)
                if slipped and began is None:
                    began = (at, record)
                elif not slipped and began is not None:
                    spells.append((*began, at))
                    began = None
            if began is not None:
                spells.append((*began, None))
            lifted = earliest(ended_for(o, shipment), parcel.delivered)
            for start, record, until in spells:
                setting = o.of(shipment, s)
                yield signal(o, setting, record, at=start, clears=(until,), lifted=lifted, scope=shipment.scope, shipment=shipment)


def attempts_exhausted(o: Facts, s: RuleSetting) -> Found:
    for shipment in o.shipments:
        for parcel in shipment.parcels:
            attempts = 0
            for position, record in enumerate(parcel.scans):
                data = scan_of(record)
                attempts += data.status == "attempt_failed"
                last = data.status == "attempt_failed" and attempts == o.of(shipment, s).count
                final = data.reason == "final_attempt" or (data.status == "failed_final" and data.reason not in ENDINGS)
                if last or final:
                    setting, lifted, clears = o.of(shipment, s), ended_for(o, shipment), (ARRIVED(o, shipment, parcel)(position),)
                    yield signal(o, setting, record, clears=clears, lifted=lifted, scope=shipment.scope, shipment=shipment)


def delivered_disputed(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.of("support.contacted"):
        data = cast("SupportContacted", record.event.data)
        if data.intent == "not_received" and any(x.delivered is not None and x.delivered <= record.at for x in o.shipments):
            yield signal(o, s, record, clears=[x.shipped for x in o.shipments if x.replaces], lifted=o.ended)
