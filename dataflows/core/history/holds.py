"""Holds on an order: each placing opens an interval, a release ends those that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from schemas.events import HoldPlaced, HoldReleased
from schemas.record import Record


@dataclass
class Hold:
    """One hold; `released` is None while it lasts."""

    record: Record
    hold: str
    hold_id: str | None
    shipment_id: str | None
    released: int | None = None
    release: Record | None = None

    def lasts(self, at: int) -> bool:
        """Whether it is in force at `at`."""
        return self.record.at <= at and (self.released is None or at < self.released)


def build_holds(placings: Sequence[Record], releases: Sequence[Record]) -> list[Hold]:
    """All holds of an order, as they happened; at one instant, placings come before releases."""
    holds: list[Hold] = []
    open_: list[Hold] = []
    steps = sorted([*((r.at, 0, i, r) for i, r in enumerate(placings)), *((r.at, 1, i, r) for i, r in enumerate(releases))], key=_order)
    for at, releasing, _, record in steps:
        if releasing:
            ended = [h for h in open_ if _releases(record, h)]
            for hold in ended:
                hold.released, hold.release = at, record
            open_ = [h for h in open_ if h.released is None]
            continue
        data = cast("HoldPlaced", record.event.data)
        hold = Hold(record, data.hold, data.hold_id, data.shipment_id)
        if not any(_same(hold, other) for other in open_):
            holds.append(hold)
            open_.append(hold)
    return holds


def _order(step: tuple[int, int, int, Record]) -> tuple[int, int, int]:
    return step[:3]


def _same(hold: Hold, other: Hold) -> bool:
    return (hold.record.event.source, hold.hold, hold.hold_id, hold.shipment_id) == (
        other.record.event.source,
        other.hold,
        other.hold_id,
        other.shipment_id,
    )


def _releases(record: Record, hold: Hold) -> bool:
    data = cast("HoldReleased", record.event.data)
    return (
        record.event.source == hold.record.event.source
        and data.hold in (None, hold.hold)
        and data.hold_id in (None, hold.hold_id)
        and data.shipment_id in (None, hold.shipment_id)
    )
