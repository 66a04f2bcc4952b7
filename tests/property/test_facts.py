"""Facts are folded: in whatever order events arrive, and whatever of them is withdrawn, they say what the whole history says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.history import folding
from dataflows.core.history.facts import Facts
from dataflows.core.history.order_fields import STEPS
from dataflows.core.history.timeline import Added, Timeline
from dataflows.core.rules.load import load_policy
from schemas.record import Record
from tests.property.histories import History, examples, histories
from tests.support.engine import records_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from dataflows.core.history.parcels import Parcel
    from dataflows.core.history.shipments import Shipment

POLICY = load_policy(None)
DATES = ("ship_by", "promised_by")
OF_PLACED = (
    *("placed_at", "fields", "versions", "terms", "method", "dims", "ship_to_zone", "domestic", "ordered", "gone", "wanted", "cancelled"),
    *("refunded", "ended", "shipped", "delivered", "packed", "picked", "released", "allocated"),
)
OF_ALL = ("site", "site_zone", "captured", "authorized", "returning", "holds", "voices")


def _parcel(parcel: Parcel) -> tuple[object, ...]:
    reached = [parcel.first(status) for status in ("delivered", "returned", "in_transit", "lost")]
    by_reason = [list(parcel.having(reason=reason)) for reason in ("customs", "unmapped", "refused")]
    return (parcel.tracking, parcel.scans, parcel.estimates, parcel.delivered, parcel.returned, reached, by_reason)


def _shipment(shipment: Shipment) -> tuple[object, ...]:
    """All that a shipment says."""
    said = [shipment.said(name) for name in ("carrier", "service", "site")]
    ends = (shipment.voided, shipment.replaced, shipment.live, shipment.left, shipment.replaces)
    reached = (shipment.first_scan, shipment.handed_over, shipment.shipped, shipment.labelled, shipment.delivered, shipment.returned)
    named = (shipment.key, sorted(shipment.ids), sorted(shipment.trackings))
    events = (shipment.labels, shipment.handovers, shipment.scans, shipment.lines)
    return (named, events, said, ends, reached, [_parcel(parcel) for parcel in shipment.parcels])


def told(facts: Facts) -> dict[str, object]:
    """All that facts say."""
    found: dict[str, object] = {name: getattr(facts, name) for name in OF_ALL}
    found["shipments"] = [_shipment(shipment) for shipment in facts.shipments]
    found["returns"] = [(known.return_id, known.steps, known.scans, known.of("received")) for known in facts.returns]
    found["sums"] = (facts.payments.captured, facts.payments.refunded)
    found["refunds"] = [facts.payments.refunds_for(known.return_id, known.steps[0].at, named=False) for known in facts.returns]
    if facts.placed is None:
        return found
    found |= {name: getattr(facts, name) for name in OF_PLACED}
    found["covered"] = [facts.cover(type_) for type_ in STEPS]
    found["by line"] = [(key, facts.met_of("left", key), facts.met_of("delivered", key)) for key in facts.lines]
    found["units"] = [list(facts.units(*kinds)) for kinds in (("left",), ("kept",), ("warehouse.packed", "left"))]
    found["dates"] = [(facts.dates(name), facts.line_dates(name)) for name in DATES]
    found["at"] = [(facts.fields_at(record.at), facts.ordered_at(record.at)) for record in facts.t.records]
    return found


def whole(timeline: Timeline) -> Facts:
    """The facts of a history that has only now been read: as those of an order that was unpacked."""
    again = Timeline()
    again.fill(list(timeline.records), timeline.hidden)
    return Facts(again, POLICY, "default", 0)


def keep_up(records: Sequence[Record], asked: Sequence[bool]) -> None:
    """Takes records in one after another; after those that are `asked`, and at the end, compares what is folded with what is read."""
    timeline = Timeline()
    facts = Facts(timeline, POLICY, "default", 0)
    for number, record in enumerate(records):
        added = timeline.add(record)
        if added is Added.APPENDED:
            folding.take(facts, record)
        elif added is Added.INSERTED:
            folding.reread(facts, (record, *timeline.moved))
        if asked[number % len(asked)] or number + 1 == len(records):
            assert told(facts) == told(whole(timeline))


@examples(300)
@given(histories(), st.lists(st.booleans(), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_folded_facts_are_those_of_the_whole_history(history: History, asked: list[bool], random: Random) -> None:
    """In log order, and in any other; duplicates and withdrawals included."""
    records = records_of(history.lines())
    keep_up(records, asked)
    shuffled = [*records, *records[:3]]
    random.shuffle(shuffled)
    keep_up(shuffled, asked)
