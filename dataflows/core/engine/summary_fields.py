"""What a sentence can say of a case: each field is read from the order's facts, or from the events that the exception rests on.

A field that is not known is None. No field gives names, addresses, contacts or free text of people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

from dataflows.core.clocks import deadline
from dataflows.core.engine.summary_case import ExceptionCase
from dataflows.core.history.facts import Facts
from dataflows.core.history.ledger import Ledger
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.quantities import line_key, quantity
from dataflows.core.history.shipments import Shipment
from schemas.events import Line
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


def _date_said(case: ExceptionCase, text: object) -> str | None:
    """A stated date as it is, a stated instant in the zone of the case."""
    if not isinstance(text, str):
        return None
    return text if "T" not in text or "/" in text else case.moment(deadline(text, case.zone))


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


def _what(case: ExceptionCase) -> str:
    """The parcel, shipment, line, payment or return that the exception is about."""
    scope, _, name = (case.state.scope or "").partition(":")
    if scope == "shipment":
        number = case.said("tracking_number")
        numbers = sorted(case.shipment.trackings) if case.shipment is not None else []
        known = str(number) if number is not None else ", ".join(numbers)
        carrier = case.shipment.said("carrier") if case.shipment is not None else None
        if not known:
            return f"shipment {name}"
        return ("parcel " if number is not None or len(numbers) == 1 else "parcels ") + known + (f" ({carrier})" if carrier else "")
    return f"{scope} {name}" if scope else "the order"


def _unscanned(case: ExceptionCase) -> str:
    """The parcels of a shipment that the carrier has not scanned."""
    shipment = case.shipment
    if shipment is None or len(shipment.parcels) < 2:
        return _what(case)
    numbers = [p.tracking for p in shipment.parcels if p.first_scan is None and shipment.over_of(p) is None]
    return ("parcel " if len(numbers) == 1 else "parcels ") + ", ".join(numbers) if numbers else _what(case)


def _owed(case: ExceptionCase) -> str:
    return f"line {case.line}" if case.line is not None else "the order"


def _last_scan(case: ExceptionCase) -> str | None:
    shipments = [case.shipment] if case.shipment is not None else case.facts.shipments if case.facts.placed is not None else []
    scans = [shipment.scans[-1] for shipment in shipments if shipment.scans]
    if not scans:
        return None
    last = max(scans, key=lambda record: record.at)
    return f"{scan_of(last).status.replace('_', ' ')} {case.moment(last.at)}"


def _lines(lines: Iterable[Line]) -> str | None:
    return ", ".join(f"{quantity(line)} of {line.sku or line_key(line)}" for line in lines) or None


def _missing(case: ExceptionCase, covered: Callable[[Facts, list[str]], int | None]) -> str | None:
    """The lines of an order of several that have not come to something."""
    facts = case.facts
    if facts.placed is None or len(facts.lines) < 2:
        return None
    keys = [case.line] if case.line is not None else list(facts.wanted)
    open_ = [key for key in keys if key in facts.wanted and covered(facts, [key]) is None]
    if not open_ or len(open_) == len(facts.wanted):
        return None
    shown = ", ".join(f"{facts.wanted[key]} of {facts.lines[key].sku or key}" for key in open_[:3])
    return f"{len(open_)} of {len(facts.wanted)} lines missing: {shown}" + (", ..." if len(open_) > 3 else "")


def _progress(case: ExceptionCase) -> str | None:
    """The furthest that the warehouse came, where nothing has left."""
    facts = case.facts
    if facts.placed is None or any(shipment.left for shipment in facts.shipments):
        return None
    for word, at in (("packed", facts.packed), ("picked", facts.picked), ("released", facts.released), ("allocated", facts.allocated)):
        if at is not None:
            return f"it was {word} {case.moment(at)}"
    return "no step of the warehouse is known"


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
        return _date_said(case, value)

    return field


def _shipped_quantity(case: ExceptionCase) -> str | None:
    if case.line is None or case.facts.placed is None:
        return None
    lines = [line for shipment in case.facts.shipments if shipment.left for line in shipment.lines or ()]
    keys = (case.line,)
    known = [line for line in lines if line.line_id in keys or case.line in case.facts.book.keys_of(line) or line.sku in keys]
    return str(sum(quantity(line) for line in known)) if known else None


def _ordered_quantity(case: ExceptionCase) -> str | None:
    return str(case.facts.ordered.get(case.line, 0)) if case.line is not None and case.facts.placed is not None else None


def _line(case: ExceptionCase) -> str | None:
    line = case.facts.lines.get(case.line) if case.line is not None and case.facts.placed is not None else None
    if case.line is None:
        return None
    return f"line {case.line}" if line is None or line.sku is None else line.sku


def _shipment_at(read: Callable[[Shipment], int | None]) -> Field:
    return lambda case: case.moment(read(case.shipment)) if case.shipment is not None else None


def _labelled(case: ExceptionCase) -> str | None:
    shipments = [case.shipment] if case.shipment is not None else case.facts.shipments
    instants = [label.at for shipment in shipments for label in shipment.labels]
    return case.moment(min(instants)) if instants else None


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


def _ended_as(case: ExceptionCase) -> tuple[str, int] | None:
    """How the parcel had ended before it was scanned again."""
    record = case.record
    if case.shipment is None or record is None:
        return None
    ends = [scan for scan in case.shipment.scans if scan.at < record.at and scan_of(scan).status in ("delivered", "returned")]
    return (scan_of(ends[-1]).status, ends[-1].at) if ends else None


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


def _delivered(case: ExceptionCase) -> Shipment | None:
    known = [shipment for shipment in case.facts.shipments if shipment.delivered is not None]
    return max(known, key=lambda shipment: shipment.delivered or 0) if known else None


def _first_eta(case: ExceptionCase) -> str | None:
    parcels = case.shipment.parcels if case.shipment is not None else ()
    estimates = [scan_of(record).eta for parcel in parcels for record in parcel.estimates]
    first = next((text for text in estimates if text), None)
    return None if first == case.said("eta") else _date_said(case, first)


def _attempts(case: ExceptionCase) -> str | None:
    scans = case.shipment.scans if case.shipment is not None else ()
    return str(sum(1 for record in scans if scan_of(record).status == "attempt_failed") or "") or None


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
    "what": _what,
    "what_owed": _owed,
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
    "last_scan": _last_scan,
    "progress": _progress,
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
    "missing_shipment": lambda case: _missing(case, lambda facts, keys: facts.shipped_of(keys)),
    "missing_delivery": lambda case: _missing(case, lambda facts, keys: facts.delivered_of(keys)),
    "line": _line,
    "shipped_quantity": _shipped_quantity,
    "ordered_quantity": _ordered_quantity,
    "delivered_what": lambda case: f"shipment {found.key}" if (found := _delivered(case)) is not None else None,
    "delivered_at": lambda case: case.moment(found.delivered) if (found := _delivered(case)) is not None else None,
    # of its shipment, parcel or return
    "labelled": _labelled,
    "handed_over": _shipment_at(lambda shipment: shipment.handed_over),
    "parcel": _of("tracking_number"),
    "lines": lambda case: _lines(case.shipment.lines or ()) if case.shipment is not None else None,
    "ended_as": lambda case: found[0] if (found := _ended_as(case)) is not None else None,
    "ended_at": lambda case: case.moment(found[1]) if (found := _ended_as(case)) is not None else None,
    "first_eta": _first_eta,
    "unscanned": _unscanned,
    "attempts": _attempts,
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
    "eta": lambda case: _date_said(case, case.said("eta")),
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
