"""Stretches of an order's life about what it owes: refunds of what has not left, lines added later, replacements, reinstatements, holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.property.chapters import SCAN, SHIPPED, Data, Told, lines_or_none, moves
from tests.property.ingredients import GRID, HOLDS, Ingredients, iso, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn


OWN = 10
"""From which number on shipments and parcels are of child orders."""


def _part(order: Ingredients, draw: DrawFn, number: int) -> list[Told]:
    """A shipment of some lines and its way."""
    data: Data = {"shipment_id": order.id("s", number), "tracking_number": order.id("t", number), **lines_or_none(order, draw)}
    return [Told(SHIPPED, data), *moves(order.id("t", number), draw, 2)]


def _refunded(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Some lines leave, some are refunded before or after."""
    amount: Data = {"amount": draw(st.sampled_from(("10.00", "60.00", "100.00"))), "currency": "EUR"}
    refund: Data = {"payment_id": order.id("p", 1), "amount": amount, "reason": draw(one_of(None, None, "goodwill", "out_of_stock"))}
    paid = Told("payment.captured", {"payment_id": order.id("p", 1), "amount": {"amount": "100.00", "currency": "EUR"}})
    told = [*_part(order, draw, 1), Told("payment.refunded", {**refund, **lines_or_none(order, draw)})]
    return [paid, *(draw(st.permutations(told)) if draw(st.booleans()) else told), *(_part(order, draw, 2) if draw(st.booleans()) else [])]


def _edited(order: Ingredients, draw: DrawFn) -> list[Told]:
    """The order's lines change between shipments; lines may bring dates of their own."""
    told: list[Told] = _part(order, draw, 1)
    for number in range(draw(st.integers(1, 2))):
        lines = [dict(line) for line in draw(st.sampled_from(order.lines[:3]))]
        if draw(st.integers(0, 2)) == 0:
            lines[-1] |= {"ship_by": order.date(draw), "promised_by": order.date(draw)}
        told += [Told("order.updated", {"lines": lines}), *(_part(order, draw, number + 2) if draw(st.booleans()) else [])]
    return told


def _replaced_with_promise(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A replacement, which may have a promise of its own."""
    lines = order.some_lines(draw)
    if lines:
        lines[0]["promised_by"] = order.date(draw)
    second: Data = {"shipment_id": order.id("s", 2), "tracking_number": order.id("t", 3), "replaces": order.id("s", 1)}
    told = [*_part(order, draw, 1), Told(SHIPPED, second | ({"lines": lines} if lines else {})), *moves(order.id("t", 3), draw, 2)]
    return told if draw(st.booleans()) else [*told, *_part(order, draw, 2)]


def _again(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A cancelled order is wanted again, told by its own type or as another placing; or another system places it too."""
    dates: Data = {name: draw(one_of(None, order.date(draw))) for name in ("ship_by", "promised_by")}
    placed = Told("order.placed", {name: value for name, value in dates.items() if value}, None, draw(st.sampled_from((None, "/oms/x"))))
    told = [Told("order.cancelled", {}), draw(st.sampled_from((placed, Told("order.reinstated", {}))))]
    if draw(st.integers(0, 2)) == 0:
        told = [placed]
    return [*(_part(order, draw, 1) if draw(st.booleans()) else []), *told, *(_part(order, draw, 2) if draw(st.booleans()) else [])]


def _held(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Holds of two sources, and releases by ID, by kind and by neither."""
    sources = st.sampled_from((None, "/fraud/signifyd", "/oms/x"))
    kinds = draw(st.lists(st.sampled_from(HOLDS), min_size=1, max_size=2))
    told: list[Told] = []
    for _ in range(draw(st.integers(1, 3))):
        hold: Data = {"hold": draw(st.sampled_from(kinds)), "hold_id": draw(one_of(None, "h1", "h2"))}
        told.append(Told("order.hold_placed", hold, None, draw(sources)))
    for _ in range(draw(st.integers(0, 2))):
        release: Data = {"hold": draw(one_of(None, *kinds)), "hold_id": draw(one_of(None, None, "h1", "h2"))}
        told.append(Told("order.hold_released", release, None, draw(sources)))
    told = draw(st.permutations(told)) if draw(st.booleans()) else told
    return [*told, *(_part(order, draw, 1) if draw(st.booleans()) else [])]


def _awaited(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Lines wait for supply, with or without a date, which may be told again."""
    instants = draw(st.lists(st.sampled_from((None, *GRID)), min_size=1, max_size=2))
    # Every other one is a plain date. Which is not drawn: the histories of all other chapters stay what they are.
    plain = frozenset(GRID[::2])
    expected = [None if at is None else f"{order.base + at:%Y-%m-%d}" if at in plain else iso(order.base + at) for at in instants]
    told = [Told("inventory.backordered", {**lines_or_none(order, draw), "expected_at": at}) for at in expected]
    if draw(st.booleans()):
        told.append(Told("inventory.allocated", lines_or_none(order, draw)))
    return [*told, *(_part(order, draw, 1) if draw(st.booleans()) else [])]


def _fetched(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Packed, ready, and fetched."""
    where: Data = draw(st.sampled_from(({"shipment_id": order.id("s", 1)}, {"tracking_number": order.id("t", 1)})))
    told = [Told("warehouse.packed", lines_or_none(order, draw))] if draw(st.booleans()) else []
    statuses = ("ready_for_pickup", "delivered")[: draw(st.integers(0, 2))]
    return [*told, *(Told(SCAN, {"status": status, **where}) for status in statuses)]


def _declined(order: Ingredients, draw: DrawFn) -> list[Told]:
    """The shop refuses a cancel."""
    steps = ("order.cancel_requested", "order.cancel_declined", "order.cancel_requested")
    return [Told("warehouse.released", lines_or_none(order, draw)), *(Told(step, {}) for step in steps[: draw(st.integers(1, 3))])]


def _sent_again(order: Ingredients, draw: DrawFn) -> list[Told]:
    """What was sent is sent again, without a word that it replaces: it came back, was lost, is missed, or goes back for another."""
    lines = lines_or_none(order, draw)
    names: Data = {"shipment_id": order.id("s", 2), "tracking_number": order.id("t", 3)}
    first = Told(SHIPPED, {"shipment_id": order.id("s", 1), "tracking_number": order.id("t", 1), **lines})
    again = Told(SHIPPED, {**names, **(lines if draw(st.booleans()) else lines_or_none(order, draw))})
    back: Data = {"return_id": order.id("r", 1), "resolution": draw(one_of("exchange", "replacement", "refund", None))}
    back |= draw(st.sampled_from(({}, lines, lines_or_none(order, draw))))
    status = draw(st.sampled_from(("returning", "returned", "lost", "damaged", "exception", "delivered")))
    ways: tuple[list[Told], ...] = (
        [Told(SCAN, {"status": status, "tracking_number": order.id("t", 1), "reason": draw(one_of(None, "refused", "disposed"))})],
        [*moves(order.id("t", 1), draw, 2), Told("support.contacted", {"intent": "not_received"})],
        [Told("return.requested", back), *([Told("return.received", back)] if draw(st.booleans()) else [])],
        [Told("return.requested", back), Told("return.cancelled", {"return_id": order.id("r", 1)})],
    )
    told = [first, *draw(st.sampled_from(ways)), again, *moves(order.id("t", 3), draw, 1)]
    return draw(st.permutations(told)) if draw(st.integers(0, 4)) == 0 else told


GOODS: tuple[Callable[[Ingredients, DrawFn], list[Told]], ...] = (
    *(_refunded, _refunded, _edited, _edited, _replaced_with_promise, _again, _held, _awaited, _fetched, _declined, _sent_again),
)


def _children(order: Ingredients, draw: DrawFn) -> list[Told]:
    """An order that was split into two; the link may come before the steps of its parts, between them, after them, or never.

    Its parts have numbers of their own: what an order that gets a number days after another is not told, its judge would know.
    """
    names = [f"{order.name}-1", f"{order.name}-2"]
    link = Told("order.linked", draw(st.sampled_from(({"children": names}, {"parent": order.name, "children": names[:1]}))))
    told: list[Told] = []
    for number, name in enumerate(names, start=1):
        told += [one._replace(subject=name) for one in _part(order, draw, number + OWN)]
    if draw(st.integers(0, 3)):
        told.insert(draw(st.integers(0, len(told))), link)
    return told


CHILDREN = (_children,)
