"""All that facts say, to be compared: every fact, and whatever is public of what it gives. No list of them is kept."""

from __future__ import annotations

from types import MemberDescriptorType
from typing import TYPE_CHECKING, cast

from dataflows.core.history.facts import Facts
from dataflows.core.history.lazy import Attribute
from dataflows.core.history.order_fields import STEPS
from schemas.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dataflows.core.history.parcels import Parcel

HISTORY = "dataflows.core.history"
REMEMBERED = frozenset(("covers", "covered", "owed_units", "whole_steps"))
"""Facts that only hold what has been asked for."""
NAMES = sorted({name for kind in Facts.__mro__ for name, known in vars(kind).items() if isinstance(known, Attribute)} - REMEMBERED)
OF_ALL = frozenset(("placed", "site", "site_zone", "captured", "authorized", "returned", "held", "voices", "payments", "grouped"))
"""Facts of orders that are not known to be placed."""
COVERING = (*STEPS, "warehouse.pick_started", "left", "delivered", "ready", "kept")
DEEP = 6


def told(facts: Facts) -> dict[str, object]:
    """All that facts say."""
    placed = facts.placed is not None
    found = {name: public(cast("object", getattr(facts, name))) for name in NAMES if placed or name in OF_ALL}
    if not placed:
        return found
    for kind in COVERING:
        found[f"units {kind}"] = public(list(facts.units(kind)))
        if facts.lines:
            covered = facts.covered_by(kind)
            found[f"covered {kind}"] = (covered.met, covered.whole, covered.first)
    found |= {f"cover {type_}": facts.cover(type_) for type_ in COVERING[:5]}
    found["shipments"] = [[shipment.said(name) for name in ("carrier", "service", "site", "replaces")] for shipment in facts.shipments]
    found["parcels"] = [_parcel(parcel) for shipment in facts.shipments for parcel in shipment.parcels]
    found["steps back"] = [known.of("received") for known in facts.returns]
    found["by line"] = [(key, facts.met_of("left", key), facts.met_of("delivered", key)) for key in facts.lines]
    found["units in all"] = [public(list(facts.units(*kinds))) for kinds in (("warehouse.packed", "left"), ("warehouse.released", "left"))]
    found["dates"] = [public((facts.dates(name), facts.line_dates(name))) for name in ("ship_by", "promised_by")]
    found["at"] = [public((facts.fields_at(record.at), facts.ordered_at(record.at))) for record in facts.t.records]
    ledger = facts.ledger
    periods = (ledger.owing(), ledger.over(), ledger.short(), ledger.kept(), ledger.overdrawn())
    found["money"] = [*(public(list(known)) for known in periods), public(list(ledger.authorizations()))]
    return found


def _parcel(parcel: Parcel) -> object:
    reached = [parcel.first(status) for status in ("delivered", "returned", "in_transit", "lost")]
    return reached, [list(parcel.having(reason=reason)) for reason in ("customs", "unmapped", "refused")]


def public(value: object, above: tuple[int, ...] = ()) -> object:
    """A value in plain terms: of an object of the history, all that is public and takes no argument."""
    if isinstance(value, Record):
        return (value.event.source, value.event.id)
    if isinstance(value, dict):
        known = cast("Mapping[object, object]", value)
        return {str(public(key)): public(inner, above) for key, inner in known.items()}
    if isinstance(value, set | frozenset):
        return sorted(str(public(inner)) for inner in cast("set[object]", value))
    if isinstance(value, list | tuple):
        return [public(inner, above) for inner in cast("list[object]", value)]
    kind = type(value)
    if not kind.__module__.startswith(HISTORY):
        return value if not callable(value) else kind.__name__
    if id(value) in above or len(above) > DEEP:
        return "above"
    names = {name for name in dir(kind) if isinstance(getattr(kind, name), property | MemberDescriptorType)}
    names |= set(cast("Mapping[str, object]", getattr(value, "__dict__", {})))
    return {name: public(getattr(value, name, None), (*above, id(value))) for name in sorted(names) if not name.startswith("_")}
