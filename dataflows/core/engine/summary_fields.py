"""What a sentence can say of a case: each field is read from the order's facts, or from the events that the exception rests on.

A field that is not known is None. No field gives names, addresses, contacts or free text of people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

from dataflows.core.engine import summary_goods as goods
from dataflows.core.engine.summary_case import ExceptionCase
from dataflows.core.history.facts import Facts
from dataflows.core.history.ledger import Ledger
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.shipments import Shipment
from schemas.instants import FAR, MINUTE
from schemas.record import Record
from schemas.values import micros

Field = Callable[[ExceptionCase], "str | None"]


def _micros(value: object) -> int | None:
    return micros(value) if isinstance(value, datetime) else None


def _text(value: object) -> str | None:
    amount, currency = getattr(value, "amount", None), getattr(value, "currency", None)
    if amount is not None and currency is not None:
        return f"{amount} {currency}"
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[object]", value))) or None
    if isinstance(value, str):
        return value
    return None if value is None else str(value)


def _of(*names: str) -> Field:
    return lambda case: _text(case.said(*names))


def _word(name: str) -> Field:
    """A value of a closed set, as people write it."""
    return lambda case: None if (value := _text(case.said(name))) is None else value.replace("_", " ")


def _at(read: Callable[[Facts], int | None]) -> Field:
    return lambda case: case.moment(read(case.facts)) if case.facts.placed is not None else None


def _money(read: Callable[[Facts], Decimal]) -> Field:
    def field(case: ExceptionCase) -> str | None:
        total = case.facts.fields.total if case.facts.placed is not None else None
        return f"{read(case.facts):.2f}" + (f" {total.currency}" if total is not None else "")

    return field


def _known(read: Callable[[Ledger], Decimal | None]) -> Field:
    """An amount of the order's ledger; None where it is not known, or nothing."""

    def field(case: ExceptionCase) -> str | None:
        ledger = case.facts.ledger if case.facts.placed is not None else None
        found = read(ledger) if ledger is not None else None
        if ledger is None or found is None or found <= 0:
            return None
        return f"{found:.2f} {ledger.currency or ''}".strip()

    return field


def _total(case: ExceptionCase) -> str | None:
    return _text(case.facts.fields.total) if case.facts.placed is not None else None


def _last_event(case: ExceptionCase) -> str | None:
    record = case.record
    return None if record is None else f"{record.event.type} {case.moment(record.at)}"


def _anchor(case: ExceptionCase) -> str | None:
    label = case.state.arithmetic.partition(" + ")[0].partition(" - ")[0]
    return label or None


def _began_event(case: ExceptionCase) -> str | None:
    return case.moment(case.record.at) if case.record is not None else case.moment(case.state.start)


def _date_text(name: str) -> Field:
    def field(case: ExceptionCase) -> str | None:
        if case.facts.placed is None:
            return None
        line = case.facts.lines.get(case.line) if case.line is not None else None
        value = (getattr(line, name, None) if line is not None else None) or getattr(case.facts.fields, name)
        return case.date(value)

    return field


def _shipment_at(read: Callable[[Shipment], int | None]) -> Field:
    return lambda case: case.moment(read(case.shipment)) if case.shipment is not None else None


def _return_at(step: str) -> Field:
    def field(case: ExceptionCase) -> str | None:
        known = next((one for one in case.facts.returns if one.scope == case.state.scope), None)
        if known is None:
            return None
        arrived = known.first(step)
        if arrived is None and step == "received":
            arrived = next((record.at for record in known.scans if scan_of(record).status == "delivered"), None)
        return case.moment(arrived)

    return field


def _later(case: ExceptionCase) -> Record | None:
    return case.records[1] if len(case.records) > 1 else None


def _other(case: ExceptionCase) -> str | None:
    """The other order that a finding of the identity step is about."""
    return ", ".join(related(case)) or None


def related(case: ExceptionCase) -> list[str]:
    """The other orders that a case is about."""
    if case.facts.placed is None:
        return []
    kinds = [note for note in case.facts.t.notes if note.kind == case.state.kind]
    named = dict.fromkeys(other for note in kinds for other in note.others)
    return [other for other in named if other]


def _ahead(case: ExceptionCase) -> str | None:
    record = case.record
    return None if record is None else f"{(record.at - record.log) // MINUTE} minutes"


def _source(case: ExceptionCase) -> str | None:
    return case.state.evidence[0].source if case.state.evidence else None


def _event(case: ExceptionCase) -> str | None:
    """The first event that it rests on: its status if it is a scan, else its type."""
    record = case.record
    if record is None:
        return case.state.evidence[0].type if case.state.evidence else None
    status = getattr(record.event.data, "status", None)
    return f"scan {str(status).replace('_', ' ')}" if status is not None else record.event.type


FIELDS: Final[Mapping[str, Field]] = {
    "name": lambda case: case.rule.definition.rstrip("."),
    "what": goods.what,
    "what_owed": goods.owed,
    "due": lambda case: case.moment(case.state.due if case.state.due is not None else case.state.start),
    "began": lambda case: case.moment(case.state.start),
    "began_event": _began_event,
    "logged": lambda case: case.moment(case.record.log) if case.record is not None else None,
    "dated": lambda case: case.moment(case.record.at) if case.record is not None else None,
    "ahead": _ahead,
    "detail": lambda case: case.state.detail or None,
    "zone": lambda case: case.zone,
    "changed": lambda case: case.state.detail.replace("_", " ") or None,
    "event": _event,
    "source": _source,
    "anchor": _anchor,
    "last_event": _last_event,
    "last_scan": goods.last_scan,
    "progress": goods.progress,
    "other": _other,
    # of the order
    "total": _total,
    "captured": _money(lambda facts: facts.payments.captured),
    "refunded": _money(lambda facts: facts.payments.refunded),
    "paid": _money(lambda facts: facts.payments.captured - facts.payments.refunded),
    "kept": _known(lambda ledger: ledger.paid(FAR)),
    "lost": _known(lambda ledger: ledger.lost(FAR)),
    "open": _known(lambda ledger: None if (owed := ledger.owed(FAR)) is None else owed - ledger.captured(FAR)),
    "amount_or_money": lambda case: _text(case.said("amount")) or "Money",
    "placed": _at(lambda facts: facts.placed_at),
    "cancelled": _at(lambda facts: facts.cancelled),
    "refunded_at": _at(lambda facts: facts.refunded),
    "authorized_at": _at(lambda facts: facts.first("payment.authorized")),
    "shipped_at": _at(lambda facts: facts.shipped),
    "picked_at": _at(lambda facts: facts.picked),
    "released_at": _at(lambda facts: facts.released),
    "confirmed": _at(lambda facts: facts.first("warehouse.shipped")),
    "promise": _date_text("promised_by"),
    "ship_by": _date_text("ship_by"),
    "missing_shipment": lambda case: goods.missing(case, lambda facts, keys: facts.shipped_of(keys)),
    "missing_delivery": lambda case: goods.missing(case, lambda facts, keys: facts.delivered_of(keys)),
    "line": goods.line,
    "shipped_quantity": goods.shipped_quantity,
    "ordered_quantity": goods.ordered_quantity,
    "delivered_what": lambda case: f"shipment {found.key}" if (found := goods.delivered(case)) is not None else None,
    "delivered_at": lambda case: case.moment(found.delivered) if (found := goods.delivered(case)) is not None else None,
    # of its shipment, parcel or return
    "labelled": goods.labelled,
    "handed_over": _shipment_at(lambda shipment: shipment.handed_over),
    "parcel": _of("tracking_number"),
    "lines": lambda case: goods.lines(case.shipment.lines or ()) if case.shipment is not None else None,
    "ended_as": lambda case: found[0] if (found := goods.ended_as(case)) is not None else None,
    "ended_at": lambda case: case.moment(found[1]) if (found := goods.ended_as(case)) is not None else None,
    "first_eta": goods.first_eta,
    "unscanned": goods.unscanned,
    "attempts": goods.attempts,
    "return_arrived": _return_at("received"),
    "return_authorized": _return_at("authorized"),
    # of its events
    "later": lambda case: case.moment(found.at) if (found := _later(case)) is not None else None,
    "later_event": lambda case: found.event.type if (found := _later(case)) is not None else None,
    "hold": _of("hold"),
    "risk": _word("risk"),
    "reason": _word("reason"),
    "code": _of("code"),
    "status": _word("status"),
    "carrier": _of("carrier"),
    "eta": lambda case: case.date(case.said("eta")),
    "site": _of("site"),
    "sku": _of("sku"),
    "ordered": _of("ordered"),
    "available": _of("available"),
    "picked": _of("picked"),
    "substitutes": _of("substitutes"),
    "payment": _of("payment_id"),
    "amount": _of("amount"),
    "invoice": _of("invoice_id"),
    "expires": lambda case: case.moment(_micros(case.said("expires_at"))),
    "expected": lambda case: case.moment(_micros(case.said("expected_at"))),
}
"""Every field that a sentence may name."""
