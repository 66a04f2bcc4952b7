"""What a predicate can ask of an order and of its parts. Every field says in a sentence what it is: the documents' table is made of these.

A getter never raises for an order that is known to be placed; it gives None for what is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, cast, get_args

from dataflows.core.history.facts import Facts
from dataflows.core.history.holds import Hold
from dataflows.core.history.order_fields import METHODS, TERMS
from dataflows.core.history.parcels import Parcel, scan_of
from dataflows.core.history.quantities import quantity
from dataflows.core.history.returns import RETURNS
from dataflows.core.history.shipments import Shipment
from dataflows.core.predicates.parts import CANCELS, FIELDS, HOLDS, PAYMENTS, STEPS, TICKETS, ParcelPart, PaymentPart, ReturnPart
from dataflows.core.predicates.standing import ADDRESSES, SHORTAGES, address_risk, short_since
from dataflows.core.predicates.types import Amount, Field, Getter, Type, Value
from schemas.events import (
    CarrierScan,
    Customer,
    Line,
    Money,
    Payment,
    PaymentFailed,
    ShipTo,
    Status,
    SupportContacted,
)
from schemas.events import Hold as HoldKind
from schemas.instants import earliest
from schemas.record import Record
from schemas.wire import micros

SITED: Final = (*FIELDS, "warehouse.*", "inventory.*")
"""Events that can change what rests on the site: its zone, its country."""
_HANDLING: Final = ("inventory.allocated", "warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed")


# --- getters -------------------------------------------------------------------------------------


def money_of(money: Money | None) -> Amount | None:
    """An amount of the contract as a value."""
    return None if money is None else Amount(Decimal(money.amount), money.currency)


def _customer(facts: Facts) -> Customer | None:
    return facts.fields.customer


def _ship_to(facts: Facts) -> ShipTo | None:
    return facts.fields.ship_to


def _pieces(facts: Facts) -> int | None:
    return sum(facts.wanted.values()) if facts.lines else None


def _deadline(count: Callable[[str], int], text: str | None) -> int | None:
    return None if text is None else count(text)


def _consents(facts: Facts) -> tuple[str, ...] | None:
    customer = facts.fields.customer
    return None if customer is None or customer.consents is None else tuple(customer.consents)


def _order(name: str, type_: Type, about: str, get: Callable[[Facts], Value], inputs: tuple[str, ...] = FIELDS) -> Field:
    return Field(f"order.{name}", type_, about, lambda facts, _: get(facts), inputs)


def _words(field: Field, words: Iterable[str]) -> Field:
    return Field(field.name, field.type, field.about, field.get, field.inputs, tuple(sorted(words)))


_ORDER: Final = (
    _order("total", Type.MONEY, "what the customer pays in all", lambda f: money_of(f.fields.total)),
    _order("country", Type.TEXT, "the destination's country, ISO 3166-1", lambda f: to.country if (to := _ship_to(f)) else None),
    _order(
        "region",
        Type.TEXT,
        "the destination's region, ISO 3166-2 where it is known",
        lambda f: to.region if (to := _ship_to(f)) else None,
    ),
    _order("postal_code", Type.TEXT, "the destination's postal code", lambda f: to.postal_code if (to := _ship_to(f)) else None),
    _order("channel", Type.TEXT, "where it was sold", lambda f: f.fields.channel),
    _order("service", Type.TEXT, "the delivery service that was sold", lambda f: f.fields.service),
    _words(_order("method", Type.TEXT, "how it reaches the customer", lambda f: f.method), METHODS),
    _words(_order("terms", Type.TEXT, "when it is paid", lambda f: f.terms), TERMS),
    _order("tier", Type.TEXT, "the customer's tier", lambda f: customer.tier if (customer := _customer(f)) else None),
    _order("customer", Type.TEXT, "the customer's ID", lambda f: customer.id if (customer := _customer(f)) else None),
    _order("consents", Type.TEXTS, "what the customer agreed to be told, and how", _consents),
    _order("tenant", Type.TEXT, "whose order it is", lambda f: f.tenant, ()),
    _order("site", Type.TEXT, "the last site that a warehouse or inventory event named", lambda f: f.site, ("warehouse.*", "inventory.*")),
    _order("lines", Type.NUMBER, "how many lines are not cancelled", lambda f: len(f.wanted) if f.lines else None, (*FIELDS, *CANCELS)),
    _order("pieces", Type.NUMBER, "how many pieces are not cancelled", _pieces, (*FIELDS, *CANCELS)),
    _order("placed_at", Type.INSTANT, "when it was placed", lambda f: f.placed_at),
    _order("ship_by", Type.INSTANT, "latest hand-over to the carrier", lambda f: _deadline(f.ship_deadline, f.fields.ship_by), SITED),
    _order("promised_by", Type.INSTANT, "latest delivery", lambda f: _deadline(f.promise_deadline, f.fields.promised_by)),
    _order("authorized_at", Type.INSTANT, "when money was secured", lambda f: f.authorized, PAYMENTS),
    _order("captured_at", Type.INSTANT, "when money was first taken", lambda f: f.captured, PAYMENTS),
    _order("allocated_at", Type.INSTANT, "when stock was reserved for all of it", lambda f: f.allocated, (*FIELDS, *_HANDLING, *STEPS)),
    _order("released_at", Type.INSTANT, "when all of it was released", lambda f: f.released, (*FIELDS, *_HANDLING, *STEPS)),
    _order("packed_at", Type.INSTANT, "when all of it was packed", lambda f: f.packed, (*FIELDS, *_HANDLING, *STEPS)),
    _order("shipped_at", Type.INSTANT, "when all of it had left", lambda f: f.shipped, (*FIELDS, *CANCELS, *STEPS)),
    _order("delivered_at", Type.INSTANT, "when all of it was delivered", lambda f: f.delivered, (*FIELDS, *CANCELS, *STEPS)),
    _order("cancelled_at", Type.INSTANT, "when all of it was cancelled", lambda f: f.cancelled, (*FIELDS, *CANCELS)),
    _order(
        "short_since",
        Type.INSTANT,
        "since when stock of it is missing: reported short or backordered, and not allocated, picked, packed or shipped since",
        short_since,
        (*FIELDS, *CANCELS, *SHORTAGES, *_HANDLING, *STEPS),
    ),
    _words(
        _order("address_risk", Type.TEXT, "the last risk stated of its address", address_risk, (*FIELDS, *ADDRESSES)),
        ("low", "medium", "high"),
    ),
    _order("domestic", Type.FLAG, "whether it stays in one country, as far as site and destination are known", lambda f: f.domestic, SITED),
)


def _line(name: str, type_: Type, about: str, get: Callable[[Facts, Line], Value]) -> Field:
    return Field(f"line.{name}", type_, about, cast("Getter", get), SITED if name == "ship_by" else FIELDS)


_LINE: Final = (
    _line("id", Type.TEXT, "its `line_id`", lambda _, line: line.line_id),
    _line("sku", Type.TEXT, "its SKU", lambda _, line: line.sku),
    _line("quantity", Type.NUMBER, "pieces ordered", lambda _, line: quantity(line)),
    _line("seller", Type.TEXT, "who sells it", lambda _, line: line.seller),
    _line("ship_by", Type.INSTANT, "its own latest hand-over", lambda f, line: _deadline(f.ship_deadline, line.ship_by)),
    _line("promised_by", Type.INSTANT, "its own latest delivery", lambda f, line: _deadline(f.promise_deadline, line.promised_by)),
)


def _shipment(name: str, type_: Type, about: str, get: Callable[[Shipment], Value]) -> Field:
    return Field(f"shipment.{name}", type_, about, lambda _, part: get(cast("Shipment", part)), STEPS)


_SHIPMENT: Final = (
    _shipment("id", Type.TEXT, "the ID that names it in scopes", lambda s: s.key),
    _shipment("carrier", Type.TEXT, "its carrier, lower case", lambda s: s.said("carrier")),
    _shipment("service", Type.TEXT, "its service", lambda s: s.said("service")),
    _shipment("site", Type.TEXT, "where it leaves", lambda s: s.said("site")),
    _shipment("parcels", Type.NUMBER, "how many parcels it has", lambda s: sum(bool(p.tracking) for p in s.parcels)),
    _shipment("labelled_at", Type.INSTANT, "when its label was made", lambda s: s.labelled),
    _shipment("shipped_at", Type.INSTANT, "when it left", lambda s: s.shipped),
    _shipment("delivered_at", Type.INSTANT, "when all its parcels were delivered", lambda s: s.delivered),
)


def _parcel(name: str, type_: Type, about: str, get: Callable[[Parcel], Value], words: tuple[str, ...] = ()) -> Field:
    return Field(f"parcel.{name}", type_, about, lambda _, part: get(cast("ParcelPart", part).parcel), STEPS, words)


def _last(parcel: Parcel) -> CarrierScan:
    return scan_of(parcel.scans[-1])


_PARCEL: Final = (
    _parcel("tracking_number", Type.TEXT, "its tracking number", lambda p: p.tracking or None),
    _parcel("status", Type.TEXT, "the status of its last scan", lambda p: _last(p).status if p.scans else None, get_args(Status)),
    _parcel("reason", Type.TEXT, "the reason of its last scan", lambda p: _last(p).reason if p.scans else None),
    _parcel("scanned_at", Type.INSTANT, "when it was last scanned", lambda p: p.scans[-1].at if p.scans else None),
    _parcel("delivered_at", Type.INSTANT, "when it was delivered", lambda p: p.delivered),
    _parcel("attempts", Type.NUMBER, "how many delivery attempts failed", lambda p: p.attempts),
)


def _payment(name: str, type_: Type, about: str, get: Callable[[PaymentPart], Value]) -> Field:
    return Field(f"payment.{name}", type_, about, lambda _, part: get(cast("PaymentPart", part)), PAYMENTS)


def _secured(part: PaymentPart) -> Amount | None:
    for record in reversed(part.records):
        if record.event.type in ("payment.authorized", "payment.captured"):
            return money_of(cast("Payment", record.event.data).amount)
    return None


def _expires(part: PaymentPart) -> int | None:
    for record in reversed(part.records):
        if record.event.type == "payment.authorized":
            expires = cast("Payment", record.event.data).expires_at
            return None if expires is None else micros(expires)
    return None


def _decline(part: PaymentPart) -> str | None:
    failures = [r for r in part.records if r.event.type == "payment.failed"]
    return cast("PaymentFailed", failures[-1].event.data).decline if failures else None


def _failed_stage(part: PaymentPart) -> str | None:
    failures = [r for r in part.records if r.event.type == "payment.failed"]
    return cast("PaymentFailed", failures[-1].event.data).stage or "authorization" if failures else None


_PAYMENT: Final = (
    _payment("id", Type.TEXT, "its ID", lambda p: p.payment_id),
    _payment("amount", Type.MONEY, "what was last authorized or captured", _secured),
    _payment("authorized_at", Type.INSTANT, "when it was first authorized", lambda p: p.first("payment.authorized")),
    _payment("captured_at", Type.INSTANT, "when it was first captured", lambda p: p.first("payment.captured")),
    _payment("voided_at", Type.INSTANT, "when it was voided", lambda p: p.first("payment.voided")),
    _payment("expires_at", Type.INSTANT, "when its last authorization lapses", _expires),
    _payment("failures", Type.NUMBER, "how many of its steps failed", lambda p: sum(r.event.type == "payment.failed" for r in p.records)),
    _words(
        _payment("failed_stage", Type.TEXT, "the step that failed last: `authorization`, `capture` or `refund`", _failed_stage),
        ("authorization", "capture", "refund"),
    ),
    _payment("decline", Type.TEXT, "whether the last failure was `soft` or `hard`", _decline),
)


def _returned(name: str, about: str, get: Callable[[ReturnPart], Value], type_: Type = Type.INSTANT) -> Field:
    return Field(f"return.{name}", type_, about, lambda _, part: get(cast("ReturnPart", part)), (*RETURNS, "payment.refunded"))


def _refunded(part: ReturnPart) -> int | None:
    return earliest(*(r.at for r in part.refunds))


_RETURN: Final = (
    _returned("id", "its ID", lambda p: p.return_id, Type.TEXT),
    _returned("requested_at", "when it was asked for", lambda p: p.first("return.requested")),
    _returned("authorized_at", "when it was allowed", lambda p: p.first("return.authorized")),
    _returned("shipped_at", "when it was sent", lambda p: p.first("return.shipped")),
    _returned("received_at", "when it arrived", lambda p: p.first("return.received")),
    _returned("inspected_at", "when it was inspected", lambda p: p.first("return.inspected")),
    _returned("refunded_at", "when a refund named it", _refunded),
)


def _hold(name: str, type_: Type, about: str, get: Callable[[Hold], Value], words: tuple[str, ...] = ()) -> Field:
    return Field(f"hold.{name}", type_, about, lambda _, part: get(cast("Hold", part)), HOLDS, words)


_HOLD: Final = (
    _hold("kind", Type.TEXT, "its kind", lambda h: h.hold, get_args(HoldKind)),
    _hold("id", Type.TEXT, "its ID", lambda h: h.hold_id),
    _hold("placed_at", Type.INSTANT, "when it was placed", lambda h: h.record.at),
    _hold("released_at", Type.INSTANT, "when it was released", lambda h: h.released),
)


def _ticket(name: str, type_: Type, about: str, get: Callable[[Record], Value]) -> Field:
    return Field(f"ticket.{name}", type_, about, lambda _, part: get(cast("Record", part)), TICKETS)


_TICKET: Final = (
    _ticket("channel", Type.TEXT, "how the customer wrote or called", lambda r: cast("SupportContacted", r.event.data).channel),
    _ticket("intent", Type.TEXT, "what it is about: `not_received`, `other`", lambda r: cast("SupportContacted", r.event.data).intent),
    _ticket("at", Type.INSTANT, "when it came", lambda r: r.at),
)

KNOWN_FIELDS: Final[dict[str, Field]] = {
    field.name: field for group in (_ORDER, _LINE, _SHIPMENT, _PARCEL, _PAYMENT, _RETURN, _HOLD, _TICKET) for field in group
}
"""Everything that can be asked of an order and its parts, by name; of events see `event_fields`."""
