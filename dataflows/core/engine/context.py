"""What an exception's event says of its order and of what it concerns: no names, addresses or texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

from dataflows.core.engine.order import Order
from dataflows.core.engine.summary_case import ExceptionCase
from dataflows.core.engine.summary_fields import related
from dataflows.core.history.facts import Facts
from dataflows.core.history.parcels import scan_of
from schemas.events import Line
from schemas.instants import iso

MOST_SKUS: Final = 50
"""How many SKUs an exception names: an order may have thousands of lines."""
OF_ORDER: Final = frozenset(("order.placed", "order.updated"))
"""Events whose lines are all of the order's: they do not say which of them an exception concerns."""
OF_GOODS: Final = frozenset(("fulfilment", "inventory", "shipment"))
"""Domains whose exceptions of a whole order concern the lines that it still owes."""


def context_of(order: Order, facts: Facts) -> dict[str, object]:
    """What is known of the order, whichever of its exceptions is said."""
    opened = [v.kind for v in order.exceptions.states.values() if v.status == "open"]
    if facts.placed is None:
        return {"open_exceptions": sorted(opened)}
    first, latest = facts.versions[0][0], facts.fields
    payments = facts.payments
    shipments: list[dict[str, object]] = []
    for shipment in facts.shipments:
        last = shipment.scans[-1] if shipment.scans else None
        scanned = None if last is None else {"status": scan_of(last).status, "reason": scan_of(last).reason, "time": iso(last.at)}
        shipments.append(
            {
                "shipment": shipment.key,
                "carrier": shipment.said("carrier"),
                "site": shipment.said("site"),
                "tracking_numbers": sorted(shipment.trackings),
                "last_scan": scanned,
                "delivered": shipment.delivered is not None,
            }
        )
    return {
        "placed_at": iso(facts.placed_at),
        "promise": {"first": first.promised_by, "current": latest.promised_by},
        "ship_by": {"first": first.ship_by, "current": latest.ship_by},
        "total": None if latest.total is None else {"amount": latest.total.amount, "currency": latest.total.currency},
        "customer": None if latest.customer is None else {"id": latest.customer.id, "tier": latest.customer.tier},
        "country": latest.ship_to.country if latest.ship_to else None,
        "shipments": shipments,
        "payment": {
            "authorized": facts.authorized is not None,
            "captured": str(payments.captured),
            "refunded": str(payments.refunded),
            "payment_ids": payment_ids(facts),
        },
        "holds": sorted(h.hold for h in facts.holds if h.released is None),
        "open_exceptions": sorted(opened),
    }


def payment_ids(facts: Facts) -> list[str]:
    """The payments that events about money name, sorted."""
    types = [type_ for type_ in facts.t.by_type if type_.startswith("payment.")]
    named = {cast("str | None", getattr(record.event.data, "payment_id", None)) for type_ in types for record in facts.t.of(type_)}
    return sorted(one for one in named if one)


def about(case: ExceptionCase) -> dict[str, object]:
    """What one exception concerns beside its order: the site, the SKUs, and other orders."""
    return {"site": _site(case), "skus": _skus(case), "related": related(case)}


def _site(case: ExceptionCase) -> str | None:
    """The site of the shipment that it is about, else that of its events, else the last one that the order's events name."""
    shipment = case.shipment
    own = (shipment.said("site") if shipment is not None else None) or case.said("site")
    return cast("str | None", own) or case.facts.site


def _skus(case: ExceptionCase) -> list[str]:
    """The SKUs of what it is about: its line, the lines of its shipment or its events, else those that the order still owes."""
    found = dict.fromkeys(_named(case) or _owed(case))
    return list(found)[:MOST_SKUS]


def _named(case: ExceptionCase) -> list[str]:
    ordered = case.facts.ever if case.fields is not None else {}
    if case.line is not None:
        return list(_of_lines((Line(line_id=case.line),), ordered)) or [case.line]
    if case.shipment is not None and case.shipment.lines:
        return list(_of_lines(case.shipment.lines, ordered))
    found: list[str] = []
    for record in () if case.rule.kind.startswith("payment.") else case.records:
        data = record.event.data
        sku = cast("str | None", getattr(data, "sku", None))
        lines = cast("list[Line] | None", getattr(data, "lines", None)) if record.event.type not in OF_ORDER else None
        found += [sku] if sku is not None else _of_lines(lines or (), ordered)
    return found


def _of_lines(lines: Iterable[Line], ordered: Mapping[str, Line]) -> Iterator[str]:
    """The SKUs of lines; one that states only its ID is looked up in the order."""
    for line in lines:
        known = ordered.get(line.line_id) if line.sku is None and line.line_id is not None else line
        if known is not None and known.sku is not None:
            yield known.sku


def _owed(case: ExceptionCase) -> list[str]:
    """Of goods, the SKUs that were owed and had not come to what was awaited while the exception stood."""
    if case.fields is None or case.rule.kind.partition(".")[0] not in OF_GOODS:
        return []
    by = case.last if case.state.end is None else case.by
    units = case.facts.units("delivered" if case.rule.kind.startswith("shipment.") else "left")
    waited = (unit.key for unit in units if unit.since <= by and _later(unit.gone, by) and _later(unit.met, by))
    lines = (case.facts.ever.get(key) for key in waited)
    return [line.sku for line in lines if line is not None and line.sku is not None]


def _later(at: int | None, by: int) -> bool:
    return at is None or at > by
