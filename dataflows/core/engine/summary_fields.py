"""What a sentence can say of a case: each field is read from the order's facts, or from the events that the exception rests on.

A field that is not known is None. No field gives names, addresses, contacts or free text of people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

from dataflows.core.engine import summary_goods as goods
from dataflows.core.engine.summary_case import ExceptionCase, called
from dataflows.core.history.facts import Facts
from dataflows.core.history.ledger import Ledger
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.quantities import line_key
from dataflows.core.history.shipments import Shipment
from dataflows.core.history.unclaimed import waits_of
from schemas.instants import MINUTE
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


def _money(read: Callable[[Ledger, int], Decimal | None], *, by: bool = True) -> Field:
    """An amount of the order's ledger at the deadline, or (not `by`) as long as the exception stood; None where it is not known."""

    def field(case: ExceptionCase) -> str | None:
        if case.facts.placed is None:
            return None
        ledger = case.facts.ledger
        found = read(ledger, case.by if by else case.last)
        return None if found is None else f"{found:.2f} {ledger.currency or ''}".strip()

    return field


def _more(read: Callable[[Ledger, int], Decimal | None], *, by: bool = True) -> Field:
    """The same, None where it is nothing."""
    return _money(lambda ledger, at: found if (found := read(ledger, at)) is not None and found > 0 else None, by=by)


def _total(case: ExceptionCase) -> str | None:
    return _text(case.fields.total) if case.fields is not None else None


def _last_event(case: ExceptionCase) -> str | None:
    record = case.record
    return None if record is None else f"{called(record)}, {case.moment(record.at)}"


def _anchor(case: ExceptionCase) -> str | None:
    label = case.state.arithmetic.partition(" + ")[0].partition(" - ")[0].partition(" (")[0]
    return label or None


def _began_event(case: ExceptionCase) -> str | None:
    return case.moment(case.record.at) if case.record is not None else case.moment(case.state.start)


def _date_stated(case: ExceptionCase, name: str) -> str | None:
    """A date as it was stated: that of the line that the case is about, else the order's."""
    if case.fields is None:
        return None
    lines = case.fields.lines or ()
    own = next((getattr(line, name) for place, line in enumerate(lines) if line_key(line, place) == case.line), None)
    whole = own or getattr(case.fields, name)
    if whole is None and case.shipment is not None:  # What is in a parcel may have dates of its own.
        whole = min((date for line in lines if (date := getattr(line, name)) is not None), default=None)
    return cast("str | None", whole)


def _date_text(name: str) -> Field:
    return lambda case: case.date(_date_stated(case, name))


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
    if case.facts.placed is None and not waits_of(case.facts.t):
        return []
    kinds = [note for note in case.facts.t.notes if note.kind == case.state.kind]
    named = dict.fromkeys(other for note in kinds for other in note.others)
    return [other for other in named if other]


def _ahead(case: ExceptionCase) -> str | None:
    record = case.record
    return None if record is None else f"{(record.at - record.log) // MINUTE} minutes"


def _alias(case: ExceptionCase) -> str | None:
    """The alias that events wait at, in words."""
    waits = waits_of(case.facts.t)
    return waits[-1].order.replace(":", " ", 1).replace("_", " ", 1) if waits else None


def _source(case: ExceptionCase) -> str | None:
    return case.state.evidence[0].source if case.state.evidence else None


def _event(case: ExceptionCase) -> str | None:
    """The first event that it rests on."""
    if case.record is not None:
        return called(case.record)
    return case.state.evidence[0].type.replace(".", " ").replace("_", " ") if case.state.evidence else None


def _due(case: ExceptionCase) -> str:
    return case.deadline(case.by if case.state.due is not None else case.state.start)


def _placed_after(case: ExceptionCase) -> str | None:
    """When the order was placed, where what the exception began with came before."""
    facts = case.facts
    return (
        case.moment(facts.placed_at) if facts.placed is not None and case.record is not None and case.record.at < facts.placed_at else None
    )


def _cancelled(case: ExceptionCase) -> str | None:
    """The last time that the order was cancelled before the case began: it may be wanted again since."""
    facts = case.facts
    if facts.placed is None:
        return None
    known = [at for at in (*(life.until for life in facts.lives), facts.cancelled) if at is not None and at <= case.state.start]
    return case.moment(max(known, default=facts.cancelled))


def _promise_away(case: ExceptionCase) -> str | None:
    """The promise, and how far it lies from the deadline."""
    text, due = _date_stated(case, "promised_by"), case.state.due
    if text is None or due is None:
        return None
    days = case.day(case.facts.promise_deadline(text)) - case.day(due)
    away = "the same day" if not days else f"{abs(days)} day{'' if abs(days) == 1 else 's'} {'later' if days > 0 else 'earlier'}"
    return f"is promised by {case.date(text)}, {away}"


FIELDS: Final[Mapping[str, Field]] = {
    "name": lambda case: case.rule.definition.rstrip("."),
    "what": goods.what,
    "what_owed": goods.owed,
    "due": _due,
    "at_due": lambda case: f"{'at' if (due := _due(case)).startswith('the end of') else 'on'} {due}",
    "began": lambda case: case.moment(case.state.start),
    "began_event": _began_event,
    "alias": _alias,
    "logged": lambda case: case.moment(case.record.log) if case.record is not None else None,
    "dated": lambda case: case.moment(case.record.at) if case.record is not None else None,
    "ahead": _ahead,
    "detail": lambda case: case.state.detail or None,
    "zone": lambda case: case.zone if case.state.end is None else None,
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
    "captured": _money(lambda ledger, at: ledger.captured(at)),
    "refunded": _more(lambda ledger, at: ledger.captured(at) - ledger.paid(at) - ledger.lost(at)),
    "kept": _more(lambda ledger, at: ledger.paid(at), by=False),
    "lost": _more(lambda ledger, at: ledger.lost(at)),
    "open": _more(lambda ledger, at: None if (owed := ledger.owed(at)) is None else owed - ledger.captured(at), by=False),
    "amount_or_money": lambda case: _text(case.said("amount")) or "Money",
    "went_back": _more(lambda ledger, at: ledger.captured(at) - ledger.paid(at)),
    "surplus": _more(lambda ledger, at: None if (owed := ledger.owed(at)) is None else ledger.paid(at) - owed),
    "placed": _at(lambda facts: facts.placed_at),
    "placed_after": _placed_after,
    "cancelled": _cancelled,
    "refunded_at": _at(lambda facts: facts.refunded),
    "authorized_at": _at(lambda facts: facts.first("payment.authorized")),
    "shipped_at": _at(lambda facts: facts.shipped),
    "picked_at": _at(lambda facts: facts.picked),
    "released_at": _at(lambda facts: facts.released),
    "confirmed": _at(lambda facts: facts.first("warehouse.shipped")),
    "promise": _date_text("promised_by"),
    "promise_away": _promise_away,
    "ship_by": _date_text("ship_by"),
    "missing_shipment": lambda case: goods.missing(case, lambda facts, keys: facts.shipped_of(keys)),
    "missing_delivery": lambda case: goods.missing(case, lambda facts, keys: facts.delivered_of(keys)),
    "not_sent": lambda case: goods.missing(case, lambda facts, keys: facts.shipped_of(keys), "had not left"),
    "line": goods.line,
    "unordered": lambda case: case.line,
    "shipped_quantity": goods.shipped_quantity,
    "ordered_quantity": goods.ordered_quantity,
    "delivered_what": lambda case: f"shipment {found.key}" if (found := goods.delivered(case)) is not None else None,
    "delivered_at": lambda case: case.moment(found.delivered) if (found := goods.delivered(case)) is not None else None,
    # of its shipment, parcel or return
    "labelled": goods.labelled,
    "under_way": goods.under_way,
    "left_on": _shipment_at(lambda shipment: shipment.shipped),
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
    "later_event": lambda case: called(found) if (found := _later(case)) is not None else None,
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
    "expected": lambda case: case.date(case.said("expected_at")),
}
"""Every field that a sentence may name."""
