"""What is learned of the feeds: counted alike in whatever order it is told, and only for what begins afterwards."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.core.history.learned import Learned
from dataflows.core.rules.load import load_policy
from dataflows.detect.learning import Learning
from schemas.learned import ENOUGH, Showing
from sources.batch import END, Batch
from tests.support.engine import records_of, run, standing
from tests.support.graph import Graph, MemoryStores
from tests.support.logs import DAY, HOUR, MINUTE, T0, iso

if TYPE_CHECKING:
    from schemas.output import OutputRecord
    from schemas.record import Position, Record

POLICY = load_policy(None)
MISSING, NEVER_SEEN = "shipment.first_scan_missing", "feed.never_seen"


def at(place: int) -> Position:
    """A position of the log."""
    return (place, "t", 0, 0, 0)


def showing(place: int, order: int, source: str = "/carrier/ups") -> Showing:
    """A first scan."""
    return Showing(at(place), "default", "first_scan", source, "ups", f"o{order}")


@given(
    st.lists(st.builds(showing, st.integers(0, 200), st.integers(0, 40), st.sampled_from(("/carrier/ups", "/hub"))), max_size=120),
    st.data(),
)
def test_the_order_and_the_number_of_times_say_nothing(showings: list[Showing], data: st.DataObject) -> None:
    """Any permutation, and anything twice, in any pieces and across a restart: the same."""
    one, two = Learned(), Learned()
    one.add(sorted(showings))
    told = data.draw(st.permutations(showings + showings[:20]))
    cut = data.draw(st.integers(0, len(told)))
    two.add(told[:cut])
    resumed = Learned()
    resumed.restore(two.row())
    resumed.add(told[cut:])
    assert [*resumed.view()] == [*one.view()]
    assert resumed.row() == one.row()


def test_twenty_orders_arm_what_begins_then_and_nothing_before() -> None:
    """One order that shows it twenty times does not, nor does another place."""
    learned = Learned()
    learned.add(showing(place, 1) for place in range(50))
    assert not learned.armed("default", "first_scan", {"ups"}, at(100))
    learned.add(showing(50 + order, order) for order in range(ENOUGH))
    for places, anchor, armed in (({"ups"}, 69, True), ({"ups"}, 68, False), ({"dhl"}, 100, False), (set[str](), 100, True)):
        assert learned.armed("default", "first_scan", places, at(anchor)) is armed
    assert not learned.armed("acme", "first_scan", {"ups"}, at(100))
    assert not learned.armed("default", "progress", {"ups"}, at(100))


def event(number: int, type_: str, time: int, order: str | None, source: str, **data: object) -> dict[str, object]:
    """An event of the contract."""
    base: dict[str, object] = {"specversion": "1.0", "id": f"{type_}{number}", "source": source, "type": type_, "time": iso(time)}
    base["data"] = data
    return base if order is None else {**base, "subject": order}


def life(number: int, start: int, *, scanned: bool, carrier: str = "UPS") -> list[dict[str, object]]:
    """An order that is shipped at once; the carrier's scan names the parcel alone."""
    order, parcel = f"o{number}", f"1Z{number:04}"
    found = [
        event(number, "order.placed", start, order, "/shop", total={"amount": "10.00", "currency": "EUR"}),
        event(number, "payment.captured", start, order, "/payments/p", payment_id=f"p{number}"),
        event(number, "warehouse.shipped", start, order, "/warehouse/w", shipment_id=f"s{number}", tracking_number=parcel, carrier=carrier),
    ]
    return found + (
        [event(number, "carrier.scan", start + HOUR, None, "/carrier/ups", status="accepted", tracking_number=parcel)] if scanned else []
    )


def stream(scanned: int) -> list[Record]:
    """The lives of some orders, as a log."""
    return records_of(sorted((one for each in lives_of(scanned) for one in each), key=lambda one: str(one["time"])))


def lives_of(scanned: int) -> list[list[dict[str, object]]]:
    """So many orders that are scanned, then one that is not, and one of a carrier that nobody has heard of."""
    lives = [life(number, T0 + number * MINUTE, scanned=True) for number in range(scanned)]
    lives += [life(900, T0 + 2 * DAY, scanned=False), life(901, T0 + 2 * DAY, scanned=False, carrier="gls")]
    # The parcel that is missed first was shipped before anything was learned.
    return [*lives, life(902, T0, scanned=False)]


def missed(outs: list[OutputRecord]) -> set[str]:
    """The orders whose first scan is missed."""
    return {one.order for one in standing(outs) if one.kind == MISSING}


def test_a_scan_is_missed_once_the_carrier_was_seen_to_scan() -> None:
    """Not of another carrier, not of what was shipped before, and not for one test event."""
    until = T0 + 10 * DAY
    assert missed(run(stream(ENOUGH), POLICY, until)) == {"o900"}
    assert missed(run(stream(ENOUGH - 1), POLICY, until)) == set()
    assert missed(run(stream(ENOUGH), POLICY, until, cuts=[T0 + step * HOUR for step in range(1, 200, 7)])) == {"o900"}


@settings(max_examples=15)
@given(st.lists(st.integers(1, 250), max_size=6), st.integers(1, 6))
def test_partitions_that_run_apart_and_a_restart_teach_the_same(cuts: list[int], restart: int) -> None:
    """Two channels, one of which is read ahead of the other."""
    channels = ("t:0", "t:1")
    lives = [*lives_of(ENOUGH + 3), *(life(1000 + n, T0 + n * MINUTE, scanned=False, carrier="DHL") for n in range(ENOUGH + 2))]

    def batches(ends: list[int]) -> list[Batch]:
        records = records_of(sorted((one for each in lives for one in each), key=lambda one: str(one["time"])))
        for record in records:
            record.partition = record.offset % 2
        found: list[Batch] = []
        begin = -END
        for end in ends:
            for partition in (0, 1):
                until = end if partition == 0 else (END if end == END else end - 20 * HOUR)
                last = begin if partition == 0 else begin - 20 * HOUR
                items = [r for r in records if r.partition == partition and last <= r.log < until]
                found.append(Batch(channels[partition], until, items, T0 + 10 * DAY if until == END else None))
            begin = end
        return found

    def said(ends: list[int], stop: int) -> list[str]:
        stores = MemoryStores()
        graph = Graph(POLICY, channels, stores)
        outs: list[OutputRecord] = []
        for number, batch in enumerate(batches(ends)):
            if number == stop:
                graph = Graph(POLICY, channels, stores, graph.snapshot(), remote=True)
            outs += graph.take([batch])
        # Each shard in its own order: what it says is numbered.
        return sorted(json.dumps([out.shard, out.number, out.log, out.order, out.kind, out.type]) for out in outs)

    whole = said([END], -1)
    assert {json.loads(line)[4] for line in whole} >= {MISSING, NEVER_SEEN}
    assert said([*(T0 + cut * HOUR for cut in sorted(set(cuts))), END], restart) == whole


def test_a_partition_tells_of_the_first_orders_only() -> None:
    """What comes behind them changes nothing."""
    learning = Learning()
    records = stream(60)
    assert max(Counter((one.milestone, one.place) for one in learning.watch(Batch("t", 0, records))).values()) == ENOUGH
    assert learning.watch(Batch("t", 0, records)) == []
