"""Random histories of a few orders: all event types, on a coarse grid of time so that ties and exact deadlines happen.

Events are contract events as dicts. Three weeks of 2026 or 2027 are drawn from, with changes of the clocks and public holidays in them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.property.chapters import BASKETS, BUILT_IN, Told
from tests.property.chapters_of_goods import CHILDREN, GOODS
from tests.property.chapters_of_money import MONEY
from tests.property.chapters_of_parcels import PARCELS
from tests.property.ingredients import DAY, GRID, HOUR, LINES, MINUTE, STEPS, Ingredients, data_of, iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hypothesis.strategies import DrawFn

LONG = os.environ.get("ORDERWATCH_PROPERTIES") == "long"
"""Set ORDERWATCH_PROPERTIES=long for a search of an hour instead of a minute."""

BASES = (datetime(2026, 3, 23, 9, tzinfo=UTC), datetime(2026, 12, 18, 9, tzinfo=UTC), datetime(2026, 11, 2, 0, tzinfo=UTC))
DELAYS = (*[timedelta(0)] * 7, MINUTE * 15, HOUR, HOUR * 26, DAY * 5)
AFTER = (timedelta(0), MINUTE * 16, DAY, DAY * 3, DAY * 8, DAY * 32, DAY * 58)
SOURCES = {
    "order": "/storefront/acme",
    "payment": "/payments/adyen",
    "inventory": "/warehouse/w1",
    "warehouse": "/warehouse/w1",
    "carrier": "/carrier/ups",
    "evidence": "/desk/acme",
}
OLD = (DAY * 20, DAY * 30, DAY * 30 + MINUTE, DAY * 45)
"""How much older than when it is told a scan of a number that was in use before may be."""
IN_TIME = MINUTE * 15
"""An order that is placed later than this after its time is judged by when that was told."""
COMPARED = HOUR * 26
"""Orders are compared with those of the last two days of log time only, so none is placed later than this after its time."""
KEPT = DAY * 3
"""How long scans that name no order are kept for those that get their number later."""
ARRIVAL = frozenset({"data.orphan_signal", "data.clock_skew"})
"""Kinds that speak about arrival, so that arrival may change them."""


def examples(few: int) -> settings:
    """Settings for a property: the same `few` examples at every run, forty times as many in a long search, which draws new ones."""
    return settings(
        max_examples=few * 40 if LONG else few,
        derandomize=not LONG,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        print_blob=True,
    )


@dataclass(frozen=True)
class History:
    """Events in no particular order, each with when it was recorded; `base` is the earliest instant on the grid."""

    base: datetime
    events: tuple[tuple[Mapping[str, object], datetime], ...]

    def lines(self, delays: Sequence[timedelta] | None = None) -> list[dict[str, object]]:
        """The events as a file; `delays` (used in turn) replace how long after their time they were recorded."""
        told: list[tuple[datetime, int, Mapping[str, object]]] = []
        for n, (event, recorded) in enumerate(self.events):
            if delays is not None:
                delay = delays[n % len(delays)]
                recorded = _time(event) + (min(delay, IN_TIME) if event["type"] == "order.placed" else delay)  # noqa: PLW2901
            told.append((recorded, n, event))
        return [{**event, "recordedtime": iso(recorded)} for recorded, _, event in sorted(told, key=lambda one: one[:2])]

    @property
    def last(self) -> datetime:
        """When the last event was recorded or will happen."""
        return max(max(recorded, _time(event)) for event, recorded in self.events)


def _time(event: Mapping[str, object]) -> datetime:
    return datetime.fromisoformat(str(event["time"]))


TYPES = (
    *("order.updated", "order.updated", "order.cancel_requested", "order.cancelled", "order.hold_placed", "order.hold_placed"),
    *("order.hold_released", "payment.authorized", "payment.captured", "payment.captured", "payment.voided", "payment.failed"),
    *("payment.refunded", "payment.disputed", "payment.dispute_closed", "inventory.allocated", "inventory.short", "inventory.backordered"),
    *("address.validated", "address.invalid", "address.change_requested", *STEPS, "warehouse.pick_short", "warehouse.rejected"),
    *("warehouse.label_created", "warehouse.label_created", "warehouse.shipped", "warehouse.shipped", "warehouse.shipped"),
    *("warehouse.shipment_cancelled", "carrier.scan", "carrier.scan", "carrier.scan", "carrier.scan", "carrier.scan", "carrier.scan"),
    *("return.requested", "return.authorized", "return.shipped", "return.received", "return.inspected", "invoice.issued"),
    *("invoice.disputed", "support.contacted", "evidence.withdrawn", "action.approved"),
)
CHAPTERS = (*BUILT_IN, *GOODS, *PARCELS, *MONEY, *CHILDREN)
ALIASES = ("payment_id", "shipment_id", "tracking_number", "tracking_numbers", "return_id", "invoice_id", "dispute_id")


@st.composite
def histories(draw: DrawFn, *, most: int = 14, skew: bool = True, chapters: int = 0) -> History:
    """One to three orders of up to `most` further events each; `skew`: now and then an event is recorded before it happened.

    `chapters`: each order's life has up to so many stretches that hang together.
    """
    base = draw(st.sampled_from(BASES))
    events: list[tuple[Mapping[str, object], datetime]] = []
    names = ("o1", "o2", "o3")[: draw(st.sampled_from((1, 1, 1, 2, 3)))]
    alike = draw(st.sampled_from(BASKETS)) if chapters and len(names) > 1 and draw(st.booleans()) else None
    """The basket of orders that are one purchase made several times."""
    parts: dict[str, str] = {}
    """By event: the part of an order that it is a step of."""
    for name in names:
        order = Ingredients(name, base, alike or (draw(st.sampled_from(BASKETS)) if chapters else LINES))
        own: list[str] = []
        for number, (type_, told, after) in enumerate(_life(order, draw, most, chapters)):
            data: dict[str, object]
            if told is not None:
                data = told.data
            elif type_ == "evidence.withdrawn":
                data = {"event_id": draw(st.sampled_from(own or ["none"]))}
            elif type_ == "action.approved":
                data = {"action_id": "a"}
            else:
                data = data_of(type_, order, draw)
                if alike and type_ == "order.placed":
                    data |= {"lines": [dict(line) for line in alike[0]], "ship_to": {"country": "DE", "address_hash": "h"}}
            early = type_ == "order.placed"
            at = said = base + (draw(st.sampled_from(GRID[:3] if early else GRID)) if after is None else after)
            if type_ == "carrier.scan" and draw(st.integers(0, 7)) == 7:
                at -= draw(st.sampled_from(OLD))
            identity = f"{name}-{number:02}"
            own.append(identity)
            event: dict[str, object] = {
                "specversion": "1.0",
                "id": identity,
                "source": (told and told.source) or SOURCES.get(type_.split(".", maxsplit=1)[0], "/desk/acme"),
                "type": type_,
                "time": iso(at),
                "subject": (told and told.subject) or name,
                "data": {field: value for field, value in data.items() if value is not None or type_ == "order.updated"},
            }
            named = [alias for alias in ALIASES if data.get(alias)]
            if told and told.subject:
                parts[identity] = told.subject
            nameless = type_ in (
                "carrier.scan",
                "carrier.relabelled",
                "payment.captured",
                "payment.refunded",
                "return.received",
                "warehouse.shipped",
            )
            if nameless and named and draw(st.integers(0, 3)) == 0:
                del event["subject"]
            delay = draw(st.sampled_from(DELAYS))
            delay = min(delay, COMPARED) if early else delay
            recorded = said - HOUR if skew and draw(st.integers(0, 40)) == 40 else said + delay
            events.append((event, recorded))
            if draw(st.integers(0, 15)) == 15:
                events.append((event, recorded + draw(st.sampled_from(DELAYS))))
    if not events:
        order = Ingredients("o1", base, LINES)
        placed: dict[str, object] = {"specversion": "1.0", "id": "o1-00", "source": "/storefront/acme", "type": "order.placed"}
        events.append(({**placed, "time": iso(base), "subject": "o1", "data": {}}, base))
    return History(base, tuple(_named(event, recorded, events, parts) for event, recorded in events))


def _named(
    event: Mapping[str, object], recorded: datetime, events: Sequence[tuple[Mapping[str, object], datetime]], parts: Mapping[str, str]
) -> tuple[Mapping[str, object], datetime]:
    """The event as it is told: a step of a part that is told before its link says whose it is.

    Of steps that say so by a number alone the identity step keeps the scans, for some days: an order that is linked later gets no others.
    """
    part, name = parts.get(str(event["id"])), str(event["id"]).partition("-")[0]
    links = [at for other, at in events if other["type"] == "order.linked" and str(other["id"]).startswith(f"{name}-")]
    if part is None or "subject" in event or not any(recorded < at for at in links):
        return event, recorded
    kept = event["type"] == "carrier.scan" and all(at - recorded < KEPT for at in links)
    return (event if kept else {**event, "subject": part}), recorded


def _life(order: Ingredients, draw: DrawFn, most: int, chapters: int) -> list[tuple[str, Told | None, timedelta | None]]:
    """Types of an order's events; of those that belong to a chapter also what they say and how long after the base they happen."""
    life: list[tuple[str, Told | None, timedelta | None]] = []
    for _ in range(draw(st.integers(1, chapters)) if chapters else 0):
        told = draw(st.sampled_from(CHAPTERS))(order, draw)
        times = sorted(draw(st.lists(st.sampled_from(GRID), min_size=len(told), max_size=len(told))))
        at = timedelta(0)
        for one, drawn in zip(told, times, strict=True):
            at = drawn if one.soon is None else at + one.soon
            life.append((one.type, one, at))
    life += [(type_, None, None) for type_ in draw(st.lists(st.sampled_from(TYPES), max_size=most))]
    return [("order.placed", None, None), *life] if draw(st.integers(0, 11)) else life
