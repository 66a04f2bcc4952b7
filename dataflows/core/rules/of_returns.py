"""What ends what a return owes: a refund that is of it, another resolution than money, or its being called off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from dataflows.core.history.again import Stretch
from dataflows.core.history.facts import Facts
from dataflows.core.history.ledger import GOODWILL, Period
from dataflows.core.history.quantities import line_key
from dataflows.core.history.returns import Return
from dataflows.core.rules.conditions import after
from schemas.events import Line, PaymentRefunded, ReturnStep
from schemas.instants import earliest
from schemas.record import Record

PAID_BY_LEAVING = frozenset(("prepaid", "on_ship"))
"""The terms of orders whose payment is told by the time that they have left."""
RESOLUTIONS = frozenset(("refund", "exchange", "replacement", "none"))


def refunded(o: Facts, known: Return, *, named: bool) -> int | None:
    """The first refund of a return: one that names it or its lines or, unless `named`, one after it began that names nothing else.

    A gesture of goodwill is of no return, unless it names it.
    """
    words = said_of(o, known)
    began = words[0].at
    ours: set[str] | None = None
    for record in o.t.of("payment.refunded"):
        data = cast("PaymentRefunded", record.event.data)
        if data.return_id is not None:
            if data.return_id == known.return_id:
                return record.at
            continue
        if record.at < began or data.reason == GOODWILL:
            continue
        if ours is None:
            ours = _keys(o, (line for step in words for line in cast("ReturnStep", step.event.data).lines or ()))
        if not data.lines or not ours:
            if not named:
                return record.at
        elif not ours.isdisjoint(_keys(o, data.lines)):
            return record.at
    return None


def repayable(o: Facts, since: int) -> Iterator[Stretch]:
    """From when until when, from an instant on, there is money that can go back: not what was never paid, or has gone back already.

    An order that is paid before it leaves or as it leaves is taken to be, while nothing at all was told of its money.
    """
    expected = o.owing if o.paid_on in PAID_BY_LEAVING else ()
    kept = o.ledger.kept()
    heard = earliest(*(record.at for record in o.ledger.captures), o.refunded)
    bounds = (at for begins, ends, _ in (*kept, *expected) for at in (begins, ends))
    marks = sorted({since, *(at for at in (*bounds, heard) if at is not None and at > since)})
    begun: int | None = None
    for at in marks:
        holds = _within(kept, at) or ((heard is None or at < heard) and _within(expected, at))
        if holds and begun is None:
            begun = at
        elif not holds and begun is not None:
            yield begun, at
            begun = None
    if begun is not None:
        yield begun, None


def _within(periods: Iterable[Period], at: int) -> bool:
    return any(since <= at and (until is None or at < until) for since, until, _ in periods)


def _keys(o: Facts, lines: Iterable[Line]) -> set[str]:
    """The order lines that lines speak of; where the order has none such, by their own names."""
    return {key for line in lines for key in [known for known, _ in o.shape.speaks_of(line)] or (line_key(line),)}


def said_of(o: Facts, known: Return) -> list[Record]:
    """All that was told of a return, as it happened: its steps, and that it was called off, which says that it was there before."""
    cancels = _cancels(o, known)
    return sorted((*known.steps, *cancels), key=lambda r: (r.at, r.event.source, r.event.id)) if cancels else known.steps


def resolution(o: Facts, known: Return) -> str | None:
    """What the customer gets: what was told last."""
    words = (cast("ReturnStep", record.event.data).resolution for record in reversed(said_of(o, known)))
    return next((word for word in words if word in RESOLUTIONS), None)


def called_off(o: Facts, known: Return, at: int) -> int | None:
    """When a return was called off, at or after an instant."""
    return after((record.at for record in _cancels(o, known)), at)


def _cancels(o: Facts, known: Return) -> list[Record]:
    return [r for r in o.t.of("return.cancelled") if cast("ReturnStep", r.event.data).return_id == known.return_id]
