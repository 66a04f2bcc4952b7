"""The disputes of an order that were lost."""

from __future__ import annotations

from typing import NamedTuple, cast

from dataflows.core.history.timeline import Timeline
from schemas.events import Money, PaymentDispute
from schemas.record import Record


class Loss(NamedTuple):
    """A dispute that was lost. `reversed`: the later closing that gave the money back after all."""

    at: int
    record: Record
    payment_id: str | None
    amount: Money | None
    reversed: Record | None


def closes(closing: Record, disputed: PaymentDispute) -> bool:
    """Whether a closing is of this dispute; where one of the two names none, of this payment."""
    closed = cast("PaymentDispute", closing.event.data)
    if closed.dispute_id and disputed.dispute_id:
        return closed.dispute_id == disputed.dispute_id
    return closed.payment_id == disputed.payment_id


def losses_of(timeline: Timeline) -> list[Loss]:
    """Each dispute that was lost, once however often that was told, until it was won after all."""
    closings = timeline.of("payment.dispute_closed")
    found: list[Loss] = []
    lost: dict[str | None, int] = {}
    for record in closings:
        data = cast("PaymentDispute", record.event.data)
        opened = next((o for r in timeline.of("payment.disputed") if closes(record, o := cast("PaymentDispute", r.event.data))), None)
        payment_id = data.payment_id or (opened.payment_id if opened is not None else None)
        name = data.dispute_id or (opened.dispute_id if opened is not None else None) or payment_id
        place = lost.get(name)
        if data.outcome == "lost" and place is None:
            lost[name] = len(found)
            found.append(Loss(record.at, record, payment_id, data.amount or (opened.amount if opened is not None else None), None))
        elif data.outcome == "won" and place is not None and found[place].reversed is None:
            found[place] = found[place]._replace(reversed=record)
    return found
