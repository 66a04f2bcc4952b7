"""When an order was not wanted, by the few of its events that say so; its facts say the same by all of them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import cast

from dataflows.core.history.again import Stretch, lives_of
from dataflows.core.history.covering import OrderShape
from dataflows.core.history.quantities import line_key
from dataflows.core.history.timeline import Timeline
from dataflows.core.history.turns import cancelled_at
from dataflows.core.history.versions import Versions
from schemas.events import Line, OrderCancel, PaymentFailed
from schemas.instants import FAR, earliest

PAID = ("payment.authorized", "payment.captured")
OTHER_STAGES = frozenset(("capture", "refund"))
"""Stages of a payment at which a refusal declines no order."""


def unwanted(history: Timeline) -> list[Stretch]:
    """From when until when (None: still) an order was cancelled, or declined and not paid for since; always if it was never placed."""
    placed = history.of("order.placed")
    if not placed:
        return [(-FAR, None)]
    return _joined((*_cancelled(history), *_declined(history)))


def _cancelled(history: Timeline) -> Iterable[Stretch]:
    placed, cancels = history.of("order.placed"), history.of("order.cancelled")
    if not cancels:
        return
    lives = lives_of(placed[0], history.of("order.placed", "order.reinstated", "order.cancelled"))
    for before, after in pairwise(lives):
        if before.until is not None:
            yield before.until, after.since
    by_line = [record for record in cancels if cast("OrderCancel", record.event.data).lines]
    gone: int | None = None
    if by_line:
        stated = [record for record in history.of("order.placed", "order.updated") if record is not placed[0]]
        versions = Versions(placed[0], stated, frozenset(id(life.record) for life in lives[1:]))
        gone = cancelled_at(_shape(versions), versions, by_line)
    if (over := earliest(lives[-1].until, gone)) is not None:
        yield over, None


def _shape(versions: Versions) -> OrderShape:
    """The lines that the order ever had. Which of them is wanted first does not change when all are gone."""
    ever: dict[str, Line] = {}
    for fields, _, _ in reversed(versions.all):
        for place, line in enumerate(fields.lines or ()):
            ever.setdefault(line_key(line, place), line)
    return OrderShape(ever, lambda _: "", lambda _: (0, 0))


def _declined(history: Timeline) -> Iterable[Stretch]:
    paid = [record.at for record in history.of(*PAID)]
    for record in history.of("payment.failed"):
        if cast("PaymentFailed", record.event.data).stage not in OTHER_STAGES and (not paid or record.at < paid[0]):
            yield record.at, paid[0] if paid else None


def _joined(found: Iterable[Stretch]) -> list[Stretch]:
    """The stretches in their order, those that meet as one."""
    joined: list[Stretch] = []
    for since, until in sorted(found, key=lambda stretch: stretch[0]):
        if joined and (joined[-1][1] is None or since <= joined[-1][1]):
            last = joined[-1][1]
            joined[-1] = (joined[-1][0], None if last is None or until is None else max(last, until))
        else:
            joined.append((since, until))
    return [(since, until) for since, until in joined if until is None or since < until]
