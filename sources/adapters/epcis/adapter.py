"""EPCIS: documents, query results, lists of events and single events, in JSON-LD and in XML (`xml`); URNs and GS1 Digital Links alike.

A logistic unit's SSCC is its tracking number, a despatch advice (else a bill of lading or a GSIN) the shipment, a return authorisation the
return, and a GTIN the SKU of a line. A purchase order number is another name of the order (`order_alias`), unless the connection's
`order_field` says which business transaction (`po`, `inv`, ...) or field of the event is the order's ID.

IDs rest on the `eventID` where there is one, else on what the event says. An event that comes with an error declaration is the same event
again, said not to have occurred as it was told: everything told of it is withdrawn, whether corrective events follow or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from sources.adapters.base import Adapter, EventBuilder, digest
from sources.adapters.epcis.codes import DISPOSITION, ERROR, EVENT, MOVE, PIECES, RETURN, STEP, TRANSACTION
from sources.adapters.epcis.gs1 import Key, key_of, place, term, transaction
from sources.adapters.epcis.xml import parse
from sources.adapters.moments import at, need_at
from sources.adapters.output import AdapterOutput, Draft, Ignored, RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.scans import SCAN
from sources.adapters.tables import Meaning

ACTIONS: Final = frozenset(("ADD", "OBSERVE", "DELETE"))
ONLY_IN_TRANSIT: Final = frozenset(("accepting", "holding"))
"""Steps that a warehouse takes too: they are a carrier's only where the goods are said to be in transit."""
_OFFSET: Final = re.compile(r"([+-](?:0\d|1[0-4])):([0-5]\d)", re.ASCII)
MOST_PIECES: Final = 1_000_000_000
MOST: Final = 10_000
"""Most events that one EPCIS event becomes: its parcels times the orders in them."""


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An EPCIS event in our words. `orders` are IDs, or other names where `named` says so; `key` tells it from all other events."""

    key: str
    time: datetime
    recorded: datetime | None
    action: str
    step: str | None
    disposition: str | None
    site: str | None
    parcels: tuple[str, ...]
    lines: list[dict[str, Any]] | None
    orders: tuple[str, ...]
    named: bool
    shipment_id: str | None
    return_id: str | None

    @property
    def code(self) -> str:
        """What was said, for `raw`."""
        return "/".join(term for term in (self.step, self.disposition) if term)[:512]


def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """The events of a document, of a query's results, of a list, or one event."""
    if isinstance(payload.value, list):
        yield from builder.each(payload.each(), lambda one: _event(one, builder))
        return
    kind = payload.text("type") or ""
    if kind in ("EPCISDocument", "EPCISQueryDocument"):
        body = payload.get("epcisBody") if kind == "EPCISDocument" else payload.get("epcisBody", "queryResults", "resultsBody")
        events = [*body.each("eventList"), *body.each("event")]
        if not events:
            builder.kind(kind)
            yield Ignored(kind, "holds no events")
        yield from builder.each(events, lambda one: _event(one, builder))
    elif kind.startswith("epcisException:"):
        raise RefuseError("not_a_report", "an error answer")
    elif EVENT.get(kind) is not None:
        yield from _event(payload, builder)
    else:
        raise RefuseError("unknown_form", "no EPCIS document, query result or event")


def _event(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
    kind = payload.need_text("type")
    builder.kind(kind)
    meaning = builder.code(EVENT, kind)
    if meaning is None:
        raise RefuseError("unknown_form", "an event of a type that EPCIS does not have")
    if meaning.ignored:
        yield Ignored(kind, meaning.why)
        return
    zone = _offset(payload, builder)
    seen = _seen(payload, builder, kind, zone)
    if max(len(seen.parcels), 1) * max(len(seen.orders), 1) > MOST:
        raise RefuseError("too_large", f"more than {MOST} parcels and orders in one event")
    error = payload.get("errorDeclaration")
    if not error:
        yield from _outputs(seen, builder)
        return
    builder.code(ERROR, term(error.text("reason")))
    declared = need_at(error, "declarationTime", zone=zone)
    for output in _outputs(seen, builder):
        yield _withdrawn(output, builder, declared, seen.recorded) if isinstance(output, dict) else output


def _outputs(seen: SeenEvent, builder: EventBuilder) -> Iterator[AdapterOutput]:
    """What an event says of orders."""
    step = builder.code(STEP, seen.step)
    ill = builder.code(DISPOSITION, seen.disposition)
    ill = None if ill is None or ill.ignored else ill
    back = RETURN.get(seen.step) if seen.disposition == "returned" else None
    name = seen.code or "no business step"
    if back is not None:
        yield from _step(seen, builder, back.term)
    elif step is None:
        if ill is not None or seen.step is not None:
            yield from _scans(seen, builder, [ill])
        else:
            yield Ignored(name, "says nothing of what happened")
    elif step.ignored:
        yield Ignored(name, step.why)
    elif step.term == SCAN:
        moved = MOVE.get(seen.step)
        if seen.step in ONLY_IN_TRANSIT and ill is None and seen.disposition != "in_transit":
            yield Ignored(name, "of goods that are not in transit: a step within a site")
        elif ill is None or (moved is not None and moved.term == "delivered"):
            yield from _scans(seen, builder, [moved] if ill is None else [moved, ill])
        else:
            yield from _scans(seen, builder, [ill])
    elif seen.action == "DELETE" and step.term != "warehouse.shipment_cancelled":
        yield Ignored(name, "action DELETE: takes apart what was put together")
    elif ill is not None and step.term != "warehouse.shipped":
        yield Ignored(name, "goods that do not go to the customer")
    elif step.term == "inventory.allocated" and not seen.orders:
        yield Ignored(name, "reserves identifiers, for no order")
    else:
        yield from _step(seen, builder, step.term)


def _scans(seen: SeenEvent, builder: EventBuilder, meanings: list[Meaning | None]) -> Iterator[AdapterOutput]:
    """A scan of every parcel, or of the shipment where no parcel is named; None is a code that is in no table."""
    for meaning in meanings:
        data = {
            "status": "unknown" if meaning is None else meaning.term,
            "reason": "unmapped" if meaning is None else meaning.reason,
            "shipment_id": seen.shipment_id,
            "location": None if seen.site is None else {"site": seen.site},
            "raw": {"code": seen.code},
        }
        for parcel in seen.parcels or (None,):
            yield from _events(seen, builder, SCAN, {**data, "tracking_number": parcel}, data["status"], parcel)


def _step(seen: SeenEvent, builder: EventBuilder, type_: str) -> Iterator[AdapterOutput]:
    """A step of the warehouse, of the stock or of a return."""
    data: dict[str, Any] = {"lines": seen.lines if len(seen.orders) < 2 else None}
    only = seen.parcels[0] if len(seen.parcels) == 1 else None
    if type_ == "warehouse.shipment_cancelled":
        for parcel in seen.parcels or (None,):
            yield from _events(seen, builder, type_, {"shipment_id": seen.shipment_id, "tracking_number": parcel}, parcel)
        return
    if type_.startswith("return."):
        data |= {"return_id": seen.return_id, "tracking_number": only}
    elif type_ == "inventory.allocated":
        data |= {"site": seen.site}
    else:
        data |= {"site": seen.site, "shipment_id": seen.shipment_id}
        if type_ == "warehouse.shipped":
            data |= {"tracking_number": only, "tracking_numbers": list(seen.parcels) if len(seen.parcels) > 1 else None}
    yield from _events(seen, builder, type_, data)


def _events(seen: SeenEvent, builder: EventBuilder, type_: str, data: dict[str, Any], *parts: object) -> Iterator[AdapterOutput]:
    """The event once for each order that it is about, or once if it names none."""
    for order in seen.orders or (None,):
        alias = order if seen.named else None
        id_ = f"epcis-{digest(seen.key, type_, order, *parts)}"
        yield builder.event(
            type_, id_, seen.time, {**data, "order_alias": alias}, order=None if seen.named else order, recorded=seen.recorded
        )


def _withdrawn(draft: Draft, builder: EventBuilder, declared: datetime, recorded: datetime | None) -> AdapterOutput:
    """Says of an event that it did not occur as it was told."""
    withdrawn = draft["data"]
    numbers: list[str] = withdrawn.get("tracking_numbers") or [withdrawn.get("tracking_number")]
    data = {"tracking_number": numbers[0], **{name: withdrawn.get(name) for name in ("shipment_id", "return_id", "order_alias")}}
    event = builder.withdrawn(draft["type"], draft["id"], declared, data, recorded=recorded)
    if isinstance(event, dict) and "subject" in draft:
        event["subject"] = draft["subject"]
    return event


def _seen(payload: PayloadReader, builder: EventBuilder, kind: str, zone: tzinfo) -> SeenEvent:
    time = need_at(payload, "eventTime", zone=zone)
    action = payload.need_text("action").upper()
    if action not in ACTIONS:
        raise RefuseError("bad_value", f"{payload.get('action').path}: neither ADD, OBSERVE nor DELETE")
    step, disposition = term(payload.text("bizStep")), term(payload.text("disposition"))
    names = ("childEPCs", "childQuantityList") if kind == "AggregationEvent" else ("epcList", "quantityList")
    units = [key_of(one.need_id()) for one in payload.each(names[0])]
    parent = payload.id("parentID")
    moved = [key_of(parent)] if parent is not None and key_of(parent).kind == "sscc" else units
    goods = _goods(payload, names[1])
    spots = [one.id("id") for one in (payload.get("bizLocation"), payload.get("readPoint"))]
    sites = [place(one, payload.path) for one in spots if one is not None]
    transactions = _transactions(payload, builder)
    orders, named = _orders(payload, builder, transactions)
    content = digest(
        kind, time, action, step, disposition, *(one and key_of(one) for one in spots), parent and key_of(parent), *sorted(map(str, units)),
        *sorted(map(str, goods)), *sorted(map(str, transactions)),
    )  # fmt: skip
    return SeenEvent(
        key=payload.id("eventID") or content,
        time=time,
        recorded=at(payload, "recordTime", zone=zone),
        action=action,
        step=step,
        disposition=disposition,
        site=sites[0] if sites else None,
        parcels=tuple(dict.fromkeys(one.value for one in moved if one.kind == "sscc")),
        lines=_lines(units, goods),
        orders=orders,
        named=named,
        shipment_id=_shipment(transactions, [*moved, *units]),
        return_id=next((number for _, term, number in transactions if term == "return"), None),
    )


def _offset(payload: PayloadReader, builder: EventBuilder) -> tzinfo:
    """The zone for times that lack an offset, though EPCIS wants one: the event's own, else the connection's."""
    text = payload.text("eventTimeZoneOffset")
    if text is None:
        return builder.zone
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise RefuseError("bad_time", f"{payload.get('eventTimeZoneOffset').path}: no offset")
    return timezone(timedelta(hours=int(found[1]), minutes=int(f"{text[0]}{found[2]}")))


def _transactions(payload: PayloadReader, builder: EventBuilder) -> list[tuple[str | None, str | None, str]]:
    """The business transactions of an event: type, the table's word for it, and number."""
    found: list[tuple[str | None, str | None, str]] = []
    for one in payload.each("bizTransactionList"):
        code = term(one.text("type"))
        meaning = builder.code(TRANSACTION, code)
        number = one.need_id("bizTransaction")
        meant = None if meaning is None or meaning.ignored else meaning.term
        found.append((code, meant, transaction(number, one.get("bizTransaction").path)))
    return found


def _orders(
    payload: PayloadReader, builder: EventBuilder, transactions: list[tuple[str | None, str | None, str]]
) -> tuple[tuple[str, ...], bool]:
    """The orders that an event is about, each once, and whether they are other names instead of IDs."""
    field = builder.connection.order_field
    if field is None:
        return tuple(dict.fromkeys(number for _, term, number in transactions if term == "order")), True
    code = field.removeprefix("bizTransactionList.")
    if TRANSACTION.get(code) is not None:
        return tuple(dict.fromkeys(number for one, _, number in transactions if one == code)), False
    order = builder.order_of(payload)
    return () if order is None else (order,), False


def _shipment(transactions: list[tuple[str | None, str | None, str]], units: list[Key]) -> str | None:
    """The despatch advice, else the bill of lading, else the GSIN."""
    for code in ("desadv", "bol"):
        for one, _, number in transactions:
            if one == code:
                return number
    return next((one.value for one in units if one.kind == "gsin"), None)


def _goods(payload: PayloadReader, name: str) -> list[tuple[Key, int | None, str | None]]:
    """Goods by class: how many pieces (None where they are not counted in pieces) and the unit."""
    found: list[tuple[Key, int | None, str | None]] = []
    for one in payload.each(name):
        key, unit = key_of(one.need_id("epcClass")), one.text("uom")
        found.append((key, one.quantity("quantity") if unit is None or unit in PIECES else None, unit))
    return found


def _lines(units: list[Key], goods: list[tuple[Key, int | None, str | None]]) -> list[dict[str, Any]] | None:
    """How many pieces of which GTIN, single pieces and classes together; a GTIN that is not counted in pieces has no quantity."""
    total: dict[str, int | None] = {}
    for key, number in [*((one, 1) for one in units), *((one, number) for one, number, _ in goods)]:
        if key.kind == "gtin":
            before = total.get(key.value, 0)
            total[key.value] = None if before is None or number is None else before + number
    if any(number is not None and number > MOST_PIECES for number in total.values()):
        raise RefuseError("bad_value", "quantityList: no number of pieces")
    return [{"sku": sku, "quantity": number} for sku, number in total.items()] or None


ADAPTER = Adapter(
    system="epcis",
    title="EPCIS",
    forms="documents, query results and events of EPCIS 2.0 in JSON-LD; documents and query results of 1.0 to 2.0 in XML",
    parse=parse,
    read=read,
    tables=(EVENT, STEP, MOVE, DISPOSITION, RETURN, TRANSACTION, ERROR),
    emits=(
        "inventory.allocated",
        "warehouse.picked",
        "warehouse.packed",
        "warehouse.shipped",
        "warehouse.shipment_cancelled",
        SCAN,
        "return.shipped",
        "return.received",
        "return.inspected",
        "evidence.withdrawn",
    ),
    scheme="secret",
    ignores=frozenset({"accept_test", "auto_capture", "headers", "order_is_alias"}),
)
