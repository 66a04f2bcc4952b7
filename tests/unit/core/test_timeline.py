"""What counts of an order's history: withdrawals, and scans of another parcel that had the number before."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from dataflows.core.engine.classify import classify
from dataflows.core.engine.order import Order
from dataflows.core.history.timeline import REUSE_WINDOW, Timeline
from tests.support.codec import CODEC
from tests.support.engine import records_of

if TYPE_CHECKING:
    from schemas.record import Record

Object = dict[str, Any]


def event(id_: str, type_: str, time: str, **data: object) -> Object:
    """An event of order O that is told in May 2026."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/s",
        "type": type_,
        "subject": "O",
        "time": time,
        "recordedtime": "2026-05-20T12:00:00Z",
        "data": data,
    }


PLACED = event("placed", "order.placed", "2026-05-04T10:00:00Z")
LABEL = event("label", "warehouse.label_created", "2026-05-05T10:00:00Z", tracking_number="9400")
EARLY_LABEL = event("early", "warehouse.label_created", "2026-03-01T10:00:00Z", tracking_number="9400")
OLD = event("old", "carrier.scan", "2026-01-03T10:00:00Z", status="delivered", tracking_number="9400")
AT_BOUND = event("bound", "carrier.scan", "2026-04-04T10:00:00Z", status="in_transit", tracking_number="9400")
BEFORE_BOUND = event("before", "carrier.scan", "2026-04-04T09:59:59Z", status="in_transit", tracking_number="9400")
OWN = event("own", "carrier.scan", "2026-05-06T10:00:00Z", status="accepted", tracking_number="9400")


def withdrawn(id_: str) -> Object:
    """The withdrawal of an event."""
    return event(f"w-{id_}", "evidence.withdrawn", "2026-05-10T10:00:00Z", event_id=id_)


def counted(*events: Object) -> list[str]:
    """What counts of these events, in whatever order they come."""
    found: set[tuple[str, ...]] = set()
    for arriving in permutations(records_of(list(events))):
        timeline = Timeline()
        for record in arriving:
            timeline.add(record)
        found.add(tuple(record.event.id for record in timeline.records))
        assert {r.event.id for rs in timeline.by_type.values() for r in rs} == {r.event.id for r in timeline.records}
        assert len(timeline.hidden) + len(timeline.records) == len(events)
    [one] = found
    return list(one)


@pytest.mark.parametrize(
    ("events", "count"),
    [
        ([PLACED, LABEL, OLD, OWN], ["placed", "label", "own"]),
        ([PLACED, OLD], ["placed"]),
        ([LABEL, OLD], ["old", "label"]),
        ([PLACED, AT_BOUND, BEFORE_BOUND], ["bound", "placed"]),
        ([PLACED, EARLY_LABEL, BEFORE_BOUND], ["early", "before", "placed"]),
        ([PLACED, EARLY_LABEL, BEFORE_BOUND, withdrawn("early")], ["placed", "w-early"]),
        ([PLACED, OLD, withdrawn("placed")], ["old", "w-placed"]),
        ([PLACED, OLD, withdrawn("old")], ["placed", "w-old"]),
        ([LABEL, OLD, withdrawn("old")], ["label", "w-old"]),
    ],
    ids=str,
)
def test_scans_long_before_order_and_label_are_another_parcels(events: list[Object], count: list[str]) -> None:
    """Thirty days before the earlier of the two and no more; and whatever was withdrawn is not counted again."""
    assert counted(*events) == count


def test_a_history_that_was_packed_goes_on_as_it_was() -> None:
    """Scans that were set apart count again when a label turns up that is as old."""
    order = Order("default", "O")
    first, second, third = records_of([PLACED, BEFORE_BOUND, EARLY_LABEL])
    for record in (first, second):
        order.timeline.add(record)
        classify(order, record)
    again = CODEC.unpack("O", CODEC.pack(order))
    assert [record.event.id for record in again.timeline.hidden] == ["before"]
    again.timeline.add(third)
    assert [record.event.id for record in again.timeline.records] == ["early", "before", "placed"]


def test_a_withdrawal_hits_what_is_known_whether_it_counts_or_not() -> None:
    """What names nothing is counted by the shard."""
    timeline = Timeline()
    records: dict[str, Record] = {r.event.id: r for r in records_of([PLACED, OLD, withdrawn("old"), withdrawn("other")])}
    for name in ("placed", "old"):
        timeline.add(records[name])
    assert timeline.hits(records["w-old"])
    assert not timeline.hits(records["w-other"])


def test_the_reuse_window_is_thirty_days() -> None:
    """As the catalogue says."""
    assert REUSE_WINDOW == 30 * 86_400_000_000
