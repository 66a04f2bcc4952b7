"""When an order was wanted: from its placing until it was cancelled, and again from each reinstatement on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from schemas.events import OrderCancel
from schemas.record import Record

Stretch = tuple[int, "int | None"]


class Life(NamedTuple):
    """A stretch in which an order was wanted, and the event that began it."""

    since: int
    until: int | None
    record: Record


def lives_of(placed: Record, events: Iterable[Record]) -> list[Life]:
    """The lives that placings, reinstatements and cancellations of the whole order make, as they happened."""
    found = [Life(placed.at, None, placed)]
    known = list(events)
    early = [r for r in known if r.at < placed.at and r.event.type == "order.cancelled"]
    for record in (*early, *(r for r in known if r.at >= placed.at and r is not placed)):
        last = found[-1]
        if record.event.type == "order.cancelled":
            if last.until is None and not cast("OrderCancel", record.event.data).lines:
                found[-1] = last._replace(until=record.at)
        elif last.until is not None:
            found.append(Life(record.at, None, record))
    return found


def running(anchor: int, pauses: Sequence[Stretch]) -> list[Stretch]:
    """From when until when a span counts that begins at an anchor: each pause ends it, and it begins anew after it."""
    found: list[Stretch] = []
    for since, until in sorted(pauses, key=lambda pause: (pause[0], pause[1] is None, pause[1] or 0)):
        if until is not None and until <= anchor:
            continue
        if since > anchor:
            found.append((anchor, since))
        if until is None:
            return found
        anchor = until
    return [*found, (anchor, None)]
