"""order.* and address.*, each by its sentence in section 3 of the catalogue."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from tests.oracle.judging.conditions import Condition, signal, state, timeout
from tests.oracle.judging.facts import Order
from tests.oracle.judging.learned import OF_SITES
from tests.oracle.judging.money import Account
from tests.oracle.judging.parcels import first
from tests.oracle.judging.reading import NEVER, Event, Json, mapping, text

RESUMED = ("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed", "warehouse.shipped")
"""What shows that the warehouse took the order after all."""


def times(events: list[Event]) -> list[int]:
    """When they happened."""
    return [event.at for event in events]


def unpaid_milestone(order: Order) -> bool:
    """Whether the feeds tell the payment that the terms await: captured for prepaid, authorized for on_ship."""
    wanted = {"prepaid": "captured", "on_ship": "authorized"}.get(order.terms)
    return wanted is not None and order.awaits(wanted)


def rejected(order: Order, kind: str, *reasons: str | None, scoped: bool = False) -> list[Condition]:
    """`warehouse.rejected` with one of the reasons, until the warehouse goes on."""
    return [
        condition
        for event in order.of("warehouse.rejected")
        if rejection(event) in reasons
        for condition in signal(order, kind, event, times(order.of(*RESUMED)), x=order.x, scope=sku_scope(event) if scoped else None)
    ]


def rejection(event: Event) -> str:
    """The reason of a rejection; absent or unknown ones are `other`."""
    reason = event.text("reason") or ""
    return reason if reason in ("routing", "sku_unknown", "sku_inactive", "customs_data", "validation") else "other"


def sku_scope(event: Event) -> str | None:
    """The scope of an event about one SKU."""
    sku = event.text("sku")
    return f"line:{sku}" if sku else None


def payment_scope(event: Event) -> str | None:
    """The scope of an event about one payment."""
    payment = event.text("payment_id")
    return f"payment:{payment}" if payment else None


def order_kinds(order: Order) -> list[Condition]:
    """All of order.*."""
    found: list[Condition] = []
    if unpaid_milestone(order):
        for start, end in Account(order).spans:
            lifted = min(order.cx, end)
            found += timeout(order, "order.pending_too_long", start, reached=min(order.auth, order.ship), lifted=lifted)
    found += rejected(order, "order.validation_failed", "validation", "other")
    for start, end in order.twins:
        found += state(order, "order.duplicate_suspected", start, min(end, order.x))
    found += stalled(order)
    for event in order.of("order.cancel_requested"):
        # A cancel answers the request, even if the order is wanted again later.
        answered = min([order.cx, *(start for start, end in order.gaps if event.at < end)])
        if order.released <= event.at and answered > event.at and order.dlv > event.at:
            found += signal(order, "order.cancel_in_flight", event, [answered, order.dlv, *times(order.of("order.cancel_declined"))])
    for (_, before), (event, after) in pairwise(order.told_fields):
        changes = any(_worth(before.get(name)) != _worth(after.get(name)) for name in ("lines", "ship_to", "service", "method"))
        if changes and order.released <= event.at and order.ship > event.at:
            clears = [*times(order.of("warehouse.released")), order.ship]
            found += signal(order, "order.change_after_release", event, clears, x=order.x)
    for event in order.of("invoice.disputed"):
        found += signal(order, "order.price_dispute", event, times(order.of("invoice.issued")), x=order.cx)

    def complete(fields: Json) -> bool:
        names = order.setting("order.master_data_incomplete").fields
        return all(_present(fields, name) for name in names if name != "ship_to.country" or order.method == "ship")

    for segment in order.segments(complete):
        if not segment.value:
            found += state(order, "order.master_data_incomplete", segment.start, min(segment.end, order.x))
    return found


def _worth(value: object) -> object:
    """What a field says, whichever way it is put: no nulls, lines without their order."""
    if isinstance(value, dict):
        known = cast("dict[str, object]", value)
        return {name: one for name, one in sorted(known.items()) if one is not None} or None
    if isinstance(value, list):
        return sorted(str(_worth(one)) for one in cast("list[object]", value)) or None
    return value or None


def _present(fields: Json, path: str) -> bool:
    *parents, name = path.split(".")
    for parent in parents:
        fields = mapping(fields, parent)
    return bool(fields.get(name))


def stalled(order: Order) -> list[Condition]:
    """Silence on an order that has no date to be judged by."""
    dated = text(order.latest, "ship_by") or any(line.ship_by for line in order.lines)
    if dated or order.method != "ship":
        return []
    heard = [event for event in order.history if not event.type.startswith(("case.", "action.", "suggestion.", "feed."))]
    spoken = sorted({event.at for event in heard if event.at >= order.placed})
    waiting = [(hold.start, hold.release) for hold in order.holds]
    allocated = order.allocated
    waiting += [(event.at, allocated if allocated >= event.at else NEVER) for event in order.of("inventory.backordered")]
    found: list[Condition] = []
    for at, following in pairwise([*spoken, NEVER]):
        if not told_in_house(order, at):
            continue
        silence = timeout(order, "order.stalled", at, reached=following, lifted=min(order.x, order.ship))
        found += [one for one in silence if not any(start <= one.start < end for start, end in waiting)]
    return found


def told_in_house(order: Order, at: int) -> bool:
    """Whether steps between the payment and the shipment are told at all: somebody is known to, or one of this very order was, by `at`."""
    steps = [event for event in order.history if event.at <= at and event.type.startswith(("inventory.", "warehouse."))]
    last = [event for event in order.history if event.at == at][-1:]
    known = (order.awaits(step, last if step in ("picked", "packed") else [], [order.site]) for step in OF_SITES)
    return order.policy.emits is not None or bool(steps) or any(known)


def address_kinds(order: Order) -> list[Condition]:
    """All of address.*."""
    found: list[Condition] = []
    readdressed = [event for event in order.of("order.updated") if "ship_to" in event.data]
    signals = order.of("address.validated", "address.invalid", "address.change_requested")
    labels = order.of("warehouse.label_created")
    for event in order.of("address.invalid"):
        found += signal(order, "address.invalid", event, times(order.of("address.validated") + readdressed), x=order.x)
    for event in order.of("address.change_requested"):
        if min(first(labels), order.ship) <= event.at and order.dlv > event.at:
            found += signal(order, "address.change_late", event, [*times(labels), order.dlv], x=order.x)
    for event in signals:
        if event.text("risk") == "high":
            calm = [other for other in signals if other.text("risk") in ("low", "medium")]
            found += signal(order, "address.risk", event, times(calm + readdressed), x=order.x)
    return found
