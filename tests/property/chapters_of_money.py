"""Stretches of an order's life about its money: several payments, renewals, parts, what goes back and fails to, disputes, cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.property.chapters import SHIPPED, Told, lines_or_none
from tests.property.ingredients import GRID, iso, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn

    from tests.property.chapters import Data
    from tests.property.ingredients import Ingredients

SUMS = ("100.00", "100.00", "60.00", "40.00", "39.98", "60.03", "0.01")
AUTHORIZED, CAPTURED, VOIDED, REFUNDED = "payment.authorized", "payment.captured", "payment.voided", "payment.refunded"


def _sum(draw: DrawFn, *sums: str) -> Data:
    return {"amount": {"amount": draw(st.sampled_from(sums or SUMS)), "currency": draw(st.sampled_from(("EUR",) * 9 + ("USD",)))}}


def _payment(order: Ingredients, draw: DrawFn) -> Data:
    return {"payment_id": draw(one_of(order.id("p", 1), order.id("p", 1), order.id("p", 2), None))}


def _authorized(order: Ingredients, draw: DrawFn, number: int, *sums: str) -> Told:
    expires = iso(order.base + draw(st.sampled_from(GRID)))
    return Told(AUTHORIZED, {"payment_id": order.id("p", number), **_sum(draw, *sums), "expires_at": expires})


def _tenders(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Two payments of parts: authorized, captured once or in parts, the last of one called final."""
    told = [_authorized(order, draw, 1, "60.00"), _authorized(order, draw, 2, "40.00")] if draw(st.booleans()) else []
    captures = [
        Told(CAPTURED, {"payment_id": order.id("p", number), **_sum(draw, *sums), "final": draw(one_of(None, True))})
        for number, sums in ((1, ("60.00", "60.00", "59.99", "20.00")), (2, ("40.00", "40.02", "40.03")), (1, ("40.00", "0.01")))
    ]
    captures = captures[: draw(st.integers(0, 3))]
    box = Told(SHIPPED, {"shipment_id": order.id("s", 1), "tracking_number": order.id("t", 1), **lines_or_none(order, draw)})
    return draw(st.permutations([*told, *captures, box])) if draw(st.booleans()) else [*told, box, *captures]


def _renewed(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Authorized again, under the same ID or another, for all or a part; voided, captured, shipped in between."""
    told = [
        _authorized(order, draw, draw(st.sampled_from((1, 1, 2))), "100.00", "100.00", "60.00", "0.00")
        for _ in range(draw(st.integers(1, 4)))
    ]
    ends: tuple[Told, ...] = (
        Told(VOIDED, _payment(order, draw)),
        Told(CAPTURED, {**_payment(order, draw), **_sum(draw)}),
        Told(SHIPPED, {"shipment_id": order.id("s", 1), "tracking_number": order.id("t", 1)}),
    )
    for end in draw(st.lists(st.sampled_from(ends), max_size=3)):
        told.insert(draw(st.integers(0, len(told))), end)
    return told


def _given_back(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A capture, refunds of it that fail or not, more or less than was captured, of nothing in particular or without an amount."""
    told = [Told(CAPTURED, {"payment_id": order.id("p", 1), **_sum(draw)})]
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.integers(0, 2)) == 0:
            told.append(Told("payment.failed", {**_payment(order, draw), "stage": "refund", "decline": "hard"}))
        else:
            amount: Data = {} if draw(st.integers(0, 4)) == 0 else _sum(draw)
            reason = draw(one_of(None, None, "goodwill", "returned"))
            told.append(Told(REFUNDED, {**_payment(order, draw), **amount, "reason": reason, **lines_or_none(order, draw)}))
    return told


def _disputed(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A dispute that is lost, won, or lost and won after all; refunded meanwhile, paid again, shipped all the same."""
    names: Data = draw(
        st.sampled_from(
            (
                {"dispute_id": order.id("d", 1)},
                {"payment_id": order.id("p", 1)},
                {"dispute_id": order.id("d", 1), "payment_id": order.id("p", 1)},
            )
        )
    )
    amount: Data = {} if draw(st.booleans()) else _sum(draw)
    told = [
        Told(CAPTURED, {"payment_id": order.id("p", 1), **_sum(draw, "100.00", "60.00")}),
        Told("payment.disputed", {**names, **amount, "stage": draw(one_of("chargeback", "inquiry", None))}),
    ]
    outcomes = draw(st.lists(one_of("lost", "lost", "won", None), min_size=1, max_size=3))
    told += [Told("payment.dispute_closed", {**names, "outcome": outcome}) for outcome in outcomes]
    further = (
        Told(REFUNDED, {**_payment(order, draw), **_sum(draw)}),
        Told(CAPTURED, {"payment_id": order.id("p", 2), **_sum(draw)}),
        Told(SHIPPED, {"shipment_id": order.id("s", 1)}),
        Told("order.cancelled", {}),
    )
    for one in draw(st.lists(st.sampled_from(further), max_size=2)):
        told.insert(draw(st.integers(1, len(told))), one)
    return told


def _cancelled(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A cancel, whole or of lines, and money that is taken and given back around it; wanted again, a new total."""
    told = [Told("order.cancelled", {} if draw(st.integers(0, 2)) else lines_or_none(order, draw))]
    around = (
        Told(CAPTURED, {"payment_id": order.id("p", 1), **_sum(draw, "100.00", "60.00")}),
        Told(CAPTURED, {"payment_id": order.id("p", 2)}),
        Told(REFUNDED, {"payment_id": order.id("p", 1), **_sum(draw)}),
        Told(REFUNDED, {"payment_id": order.id("p", 1)}),
        Told("payment.failed", {"payment_id": order.id("p", 1), "stage": "refund"}),
        Told("order.updated", {"total": _sum(draw)["amount"]}),
        Told("order.reinstated", {}),
    )
    for one in draw(st.lists(st.sampled_from(around), min_size=1, max_size=4)):
        told.insert(draw(st.integers(0, len(told))), one)
    return told


def _totals(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Totals that change, to nothing and from nothing, around a capture."""
    told = [
        Told("order.updated", {"total": _sum(draw, "0.00", "0.00", "0.02", "5.00", "100.00")["amount"]})
        for _ in range(draw(st.integers(1, 3)))
    ]
    told.insert(draw(st.integers(0, len(told))), Told(SHIPPED, {"shipment_id": order.id("s", 1), "tracking_number": order.id("t", 1)}))
    if draw(st.booleans()):
        told.insert(draw(st.integers(0, len(told))), Told(CAPTURED, {"payment_id": order.id("p", 1), **_sum(draw, "5.00", "100.00")}))
    return told


def _returned(order: Ingredients, draw: DrawFn) -> list[Told]:
    """A return of lines, for money or for goods, called off or not, and refunds that name it, its lines, other lines or nothing."""
    back: Data = {"return_id": draw(one_of(order.id("r", 1), order.id("r", 1), None)), **lines_or_none(order, draw)}
    resolution: Data = {"resolution": draw(one_of("refund", "exchange", "replacement", "none", "tomorrow"))} if draw(st.booleans()) else {}
    steps = ("return.requested", "return.authorized", "return.received", "return.inspected")
    told = [Told(step, {**back, **(resolution if draw(st.booleans()) else {})}) for step in steps[: draw(st.integers(1, 4))]]
    refund: Data = {**_sum(draw), "reason": draw(one_of(None, None, "goodwill")), **lines_or_none(order, draw)}
    further = (
        Told(REFUNDED, {**refund, "return_id": draw(one_of(order.id("r", 1), order.id("r", 2), None))}),
        Told(REFUNDED, refund),
        Told("return.cancelled", {"return_id": order.id("r", 1)}),
    )
    for one in draw(st.lists(st.sampled_from(further), max_size=2)):
        told.insert(draw(st.integers(0, len(told))), one)
    return told


def _told_twice(order: Ingredients, draw: DrawFn) -> list[Told]:
    """Shop and provider tell the same payments, each in its words: other amounts, none, another currency; and what goes back likewise."""
    told: list[Told] = []
    for type_ in (AUTHORIZED, CAPTURED, CAPTURED, REFUNDED)[draw(st.integers(0, 1)) : draw(st.integers(2, 4))]:
        name: Data = {"payment_id": order.id("p", draw(st.sampled_from((1, 1, 1, 2))))}
        for source in draw(st.permutations((None, "/storefront/acme")))[: draw(st.sampled_from((1, 2, 2)))]:
            amount: Data = {} if draw(st.integers(0, 5)) == 0 else _sum(draw, "100.00", "100.00", "60.00", "108.00")
            told.append(Told(type_, {**name, **amount}, source=source))
    return draw(st.permutations(told)) if draw(st.integers(0, 3)) == 0 else told


MONEY: tuple[Callable[[Ingredients, DrawFn], list[Told]], ...] = (
    _tenders,
    _renewed,
    _given_back,
    _disputed,
    _cancelled,
    _totals,
    _returned,
    _told_twice,
)
