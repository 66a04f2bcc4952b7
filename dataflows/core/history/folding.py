"""Keeps the facts of an order up with its history.

An event at the end of the history is folded in: what grows with the history takes it in, and what rests on that is computed again when it
is asked for. After an event further back, or one that counts no more, whatever rests on events of its type is computed from the whole
history. Either way the facts are those of the whole history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.grouping import Shipments
from dataflows.core.history.holds import Holds
from dataflows.core.history.manifest import tracking_numbers
from dataflows.core.history.money import Payments
from dataflows.core.history.obligations import Obligations
from dataflows.core.history.order_fields import ANNOUNCED, FIELDS, HOLDS, MONEY, OWED, PARCELS, SITED, STEPS, readers
from dataflows.core.history.quantities import Cancellations, LineCoverage, OrderLines
from dataflows.core.history.returns import RETURNS, Returns
from dataflows.core.history.shipments import Shipment
from dataflows.core.history.versions import Versions
from dataflows.core.history.voices import Voices
from schemas.events import InventoryAllocated, ReturnStep, WarehouseShipment
from schemas.record import Record

Fold = Callable[[dict[str, object], Record], None]
REACHED = ("shipped", "delivered", "packed", "picked", "released", "allocated")
"""Milestones of all lines that shipments decide."""
OWING = frozenset((*OWED, *STEPS, "warehouse.pick_started", *PARCELS))
"""Types of events that say what is owed, or cover it."""
LIVES = frozenset(("order.cancelled", "order.reinstated"))
"""Types of events by which an order is no longer wanted, or is again."""
COVERAGES = ("departures", "arrivals")
OF_LINES = ("book", "cancellations", "covers", *COVERAGES)
OF_GOODS = (*OF_LINES, *REACHED, "shape", "obligations", "covered", "owed_units")
OF_PARCELS = ("grouped", "returned", "dims", *COVERAGES, *REACHED)


def take(facts: Facts, record: Record) -> None:
    """Takes in an event that has been added at the end of the history."""
    known = facts.__dict__
    facts.found.clear()
    type_ = record.event.type
    if type_ in OWING and known.get("plain_lines") is False:
        _drop(known, *REACHED)
    for name in readers.computed.get(type_, ()):
        known.pop(name, None)
    if "voices" in known:
        known["voices"] = cast("Voices", known["voices"]).heard(record)
    fold = FOLDS.get(type_)
    if fold is not None:
        fold(known, record)


def reread(facts: Facts, records: Iterable[Record]) -> None:
    """Forgets what rests on events that were added further back, or that count no more, or again."""
    known = facts.__dict__
    facts.found.clear()
    known.pop("voices", None)
    types = {record.event.type for record in records}
    if not LIVES.isdisjoint(types):
        types.update(FIELDS)  # Whether a further placing is of a cancelled order decides what it says of each field.
    if not types.isdisjoint(SITED) and _by_turns(known):
        _drop(known, *OF_GOODS)
    for type_ in types:
        _drop(known, *readers.computed.get(type_, ()), *readers.folded.get(type_, ()))
        if type_ in OWING:
            _drop(known, *REACHED)


def _drop(known: dict[str, object], *names: str) -> None:
    for name in names:
        known.pop(name, None)


def _updated(known: dict[str, object], record: Record) -> None:
    history, book = cast("Versions | None", known.get("history")), cast("OrderLines | None", known.get("book"))
    if history is not None:
        history.take(record)
    if book is not None and ("lines" in cast("Mapping[str, object]", record.event.data) or book.share_skus()):
        _drop(known, *OF_LINES)


def _cancelled(known: dict[str, object], record: Record) -> None:
    if "cancellations" in known:
        cast("Cancellations", known["cancellations"]).take(record)


def _paid(known: dict[str, object], record: Record) -> None:
    if "payments" in known:
        cast("Payments", known["payments"]).take(record)


def _held(known: dict[str, object], record: Record) -> None:
    if "held" in known:
        cast("Holds", known["held"]).take(record)


def _step(known: dict[str, object], record: Record) -> None:
    data = cast("InventoryAllocated", record.event.data)
    coverage = cast("dict[str, LineCoverage]", known.get("covers", {})).get(record.event.type)
    if coverage is not None:
        coverage.take(record.at, data.lines)
    _sited(known, record)


def _sited(known: dict[str, object], record: Record) -> None:
    site = cast("InventoryAllocated", record.event.data).site
    if site is not None:
        if known.get("site", site) != site and _by_turns(known):
            _drop(known, *OF_GOODS)
        _drop(known, "site_zone", "domestic", "dims")
        known["site"] = site


def _by_turns(known: Mapping[str, object]) -> bool:
    """Whether a SKU covers several lines, the one that is wanted first at first: by dates, which end in the zone of the site."""
    book, obliged = cast("OrderLines | None", known.get("book")), cast("Obligations | None", known.get("obligations"))
    return (book is not None and book.share_skus()) or (obliged is not None and obliged.shape.share_skus())


def _announced(known: dict[str, object], record: Record) -> None:
    _sited(known, record)
    known.pop("dims", None)
    data, returned = cast("WarehouseShipment", record.event.data), cast("Returns | None", known.get("returned"))
    if returned is not None and returned.numbers and not returned.numbers.isdisjoint(map(returned.name, tracking_numbers(data))):
        _drop(known, *OF_PARCELS)
    else:
        _of_shipment(known, record)


def _scanned(known: dict[str, object], record: Record) -> None:
    returned = cast("Returns | None", known.get("returned"))
    if returned is not None and returned.has(record):
        returned.scan(record)
    else:
        known.pop("dims", None)
        _of_shipment(known, record)


def _of_shipment(known: dict[str, object], record: Record) -> None:
    """Takes in an event of a shipment."""
    grouped = cast("Shipments | None", known.get("grouped"))
    if grouped is None:
        return
    shipment = grouped.take(record)
    if shipment is None:
        _drop(known, *OF_PARCELS)
        return
    # Whether each of several says what is in it decides what all cover.
    _drop(known, *(REACHED if len(grouped.all) > 1 else REACHED[2:]))
    _reach(known, "departures", shipment, shipment.shipped if shipment.left else None)
    _reach(known, "arrivals", shipment, shipment.delivered if shipment.left else None)


def _reach(known: dict[str, object], name: str, shipment: Shipment, at: int | None) -> None:
    """Sees whether a shipment has come to where it had not been."""
    coverage = cast("LineCoverage | None", known.get(name))
    if coverage is None:
        return
    news = coverage.step(shipment, at)
    if news is None:
        del known[name]
    if news is not False:
        _drop(known, *REACHED)


def _voided(known: dict[str, object], record: Record) -> None:
    if "grouped" in known:
        cast("Shipments", known["grouped"]).void(record)
        _drop(known, "dims", *COVERAGES, *REACHED)


def _relabelled(known: dict[str, object], _: Record) -> None:
    _drop(known, *OF_PARCELS)


def _returning(known: dict[str, object], record: Record) -> None:
    returned, grouped = cast("Returns | None", known.get("returned")), cast("Shipments | None", known.get("grouped"))
    if returned is None:
        return
    number = cast("ReturnStep", record.event.data).tracking_number
    fresh = number is not None and returned.name(number) not in returned.numbers
    moves = fresh and (grouped is None or (grouped.knows(cast("str", number)) and number not in grouped.announced))
    tied = number is not None and (returned.name(number) != number or (grouped is not None and grouped.relabelled(number)))
    if moves or tied or not returned.take(record, frozenset() if grouped is None else grouped.announced):
        _drop(known, *OF_PARCELS)


FOLDS: dict[str, Fold] = {
    "order.updated": _updated,
    "order.cancelled": _cancelled,
    **dict.fromkeys(MONEY, _paid),
    **dict.fromkeys(HOLDS, _held),
    **dict.fromkeys(SITED, _sited),
    **dict.fromkeys(STEPS, _step),
    **dict.fromkeys(ANNOUNCED, _announced),
    "carrier.scan": _scanned,
    "carrier.relabelled": _relabelled,
    "warehouse.shipment_cancelled": _voided,
    **dict.fromkeys(RETURNS, _returning),
}
"""How the facts that have been asked for take in an event of each type."""
