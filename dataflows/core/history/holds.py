"""Holds on an order: each placing opens an interval, a release ends those that it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from schemas.events import HoldPlaced, HoldReleased
from schemas.record import Record

PLACING = "order.hold_placed"
RELEASE = "order.hold_released"


@dataclass(slots=True)
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


class Holds:
    """All holds of an order, as they happened, in `all`."""

    def __init__(self) -> None:
        self.all: list[Hold] = []
        self._open: dict[tuple[str | None, ...], dict[int, Hold]] = {}

    @classmethod
    def build(cls, placings: Sequence[Record], releases: Sequence[Record]) -> Holds:
        """The holds that these events make; at one instant, placings come before releases."""
        found = cls()
        for record in sorted((*placings, *releases), key=lambda r: (r.at, r.event.type)):
            found.take(record)
        return found

    def take(self, record: Record) -> None:
        """Takes in the latest placing or release."""
        if record.event.type == PLACING:
            data = cast("HoldPlaced", record.event.data)
            hold = Hold(record, data.hold, data.hold_id, data.shipment_id)
            places = _places(hold)
            if not self._open.get(places[0]):
                self.all.append(hold)
                for place in places:
                    self._open.setdefault(place, {})[id(hold)] = hold
            return
        for hold in self._ended(record):
            hold.released, hold.release = record.at, record
            for place in _places(hold):
                del self._open[place][id(hold)]
                if not self._open[place]:
                    del self._open[place]

    def _ended(self, release: Record) -> Iterable[Hold]:
        """The open holds that a release names: of its source, or with its ID from any; else the only open one of its kind."""
        source, data = release.event.source, cast("HoldReleased", release.event.data)
        if data.hold_id is not None:
            place: tuple[str | None, ...] = (None, "id", data.hold_id)
        elif data.shipment_id is not None:
            place = (source, "shipment", data.shipment_id)
        else:
            place = (source,) if data.hold is None else (source, "hold", data.hold)
        named = [h for h in self._open.get(place, {}).values() if _fits(h, data)]
        if named or data.hold_id is not None or data.hold is None:
            return named
        of_kind = [h for h in self._open.get((None, "hold", data.hold), {}).values() if _fits(h, data)]
        return of_kind if len(of_kind) == 1 else ()


def _fits(hold: Hold, data: HoldReleased) -> bool:
    """Whether a hold has all that a release names, besides its ID."""
    return data.hold in (None, hold.hold) and data.shipment_id in (None, hold.shipment_id)


def _places(hold: Hold) -> tuple[tuple[str | None, ...], ...]:
    """What an open hold is found by; the first is by all that tells it from others."""
    source = hold.record.event.source
    return (
        (source, hold.hold, hold.hold_id, hold.shipment_id),
        (source,),
        (None, "id", hold.hold_id),
        (source, "shipment", hold.shipment_id),
        (source, "hold", hold.hold),
        (None, "hold", hold.hold),
    )
