"""What several orders share reaches each of them, in whatever order ties, links and scans come in, and however the log is cut."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.rules.load import load_policy
from dataflows.detect.offline import steps
from schemas.record import IdentityFinding, Orphan, Record, Silences
from sources.batch import END
from tests.property.histories import examples
from tests.support.logs import DAY, HOUR, MINUTE, T0, line
from tests.support.logs import record as record_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.learned import Showing
    from schemas.output import OutputRecord
    from schemas.record import FeedWatermark, Orphan

POLICY = load_policy(None)
SCANS = ("accepted", "in_transit", "out_for_delivery", "delivered")


class Gathering:
    """A shard that only notes which order got which event."""

    policy = POLICY

    def __init__(self) -> None:
        self.got: dict[str, set[str]] = defaultdict(set)
        self.logs: list[int] = []
        self.found: list[IdentityFinding] = []

    def apply(self, record: Record | IdentityFinding | FeedWatermark | Orphan | Silences) -> None:
        """Notes a record."""
        if isinstance(record, IdentityFinding):
            self.found.append(record)
        elif isinstance(record, Record):
            self.got[record.order].add(record.event.id)
            self.logs.append(record.log)

    def learn(self, showings: Iterable[Showing]) -> None:
        """Nothing is awaited."""

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Nothing waits."""

    def drain(self) -> list[OutputRecord]:
        """Nothing is said."""
        return []


def gathered(lines: list[bytes], gap: int, cuts: set[int]) -> Gathering:
    """Which order got which event of a log with one line every `gap`, cut before some of them."""
    records = [record_of(raw, T0 + number * gap, number) for number, raw in enumerate(lines)]
    shard = Gathering()
    for _ in steps(records, POLICY, shard, [*sorted(T0 + number * gap for number in cuts), END]):
        pass
    assert shard.logs == sorted(shard.logs)
    return shard


@examples(200)
@given(st.permutations(range(len(SCANS) + 3)), st.integers(1, DAY // 3), st.sets(st.integers(0, 8)), st.sampled_from(("T1", "t-1 ")))
def test_every_order_of_a_freight_number_gets_its_scans(places: list[int], gap: int, cuts: set[int], other: str) -> None:
    """Three orders that are tied before the delivery, by event time, within the days that scans are remembered."""
    lines = [
        line(f"tie-{n}", T0, "warehouse.shipped", order=f"o{n}", data={"shipment_id": f"s{n}", "tracking_number": "T1" if n else other})
        for n in range(3)
    ]
    for n, status in enumerate(SCANS):
        lines.append(line(f"scan-{n}", T0 + (n + 1) * HOUR, "carrier.scan", order=None, data={"status": status, "tracking_number": "T1"}))
    shard = gathered([lines[place] for place in places], gap, cuts)
    for n in range(3):
        assert shard.got[f"o{n}"] == {f"tie-{n}", *(f"scan-{m}" for m in range(len(SCANS)))}


@examples(100)
@given(st.permutations(range(6)), st.sets(st.integers(0, 8)))
def test_the_steps_of_children_reach_their_parent(places: list[int], cuts: set[int]) -> None:
    """Once the link is known, each of them; money and cases do not."""
    link = line("link", T0, "order.linked", order="p", data={"children": ["c1", "c2"]})
    lines = [
        line("s1", T0, "warehouse.shipped", order="c1", data={"shipment_id": "s1", "tracking_number": "T1"}),
        line("s2", T0, "warehouse.shipped", order="#c2", data={"shipment_id": "s2", "tracking_number": "T2"}),
        line("scan", T0, "carrier.scan", order=None, data={"status": "delivered", "tracking_number": "T1"}),
        line("ship", T0, "carrier.scan", order=None, data={"status": "in_transit", "shipment_id": "s2"}),
        line("stock", T0, "inventory.allocated", order="c2", data={}),
        line("paid", T0, "payment.captured", order="c1", data={"payment_id": "x"}),
    ]
    shard = gathered([link, *(lines[place] for place in places)], HOUR, cuts)
    assert shard.got["p"] == {"link", "s1", "s2", "scan", "ship", "stock"}
    assert shard.got["c1"] == {"link", "s1", "scan", "paid"}
    assert shard.got["c2"] == {"link", "s2", "ship", "stock"}


def placing(order: str, at: int, customer: str = "c") -> bytes:
    """A placing of the same basket to the same address."""
    data: dict[str, object] = {"customer": {"id": customer}, "ship_to": {"address_hash": "h"}, "lines": [{"sku": "A", "quantity": 1}]}
    return line(f"placed-{order}", at, "order.placed", order=order, data=data)


@examples(100)
@given(st.permutations(range(4)), st.sets(st.integers(0, 5)), st.sampled_from(("order.cancelled", "payment.failed")))
def test_an_order_that_is_not_wanted_any_more_is_nobodys_twin(places: list[int], cuts: set[int], over: str) -> None:
    """Whether that is told before the second is placed or after; a guest is another customer each time."""
    lines = [
        placing("o1", T0, "guest-1"),
        line("end", T0 + MINUTE, over, order="o1", data={}),
        placing("o2", T0 + 2 * MINUTE, "guest-2"),
        placing("o3", T0 + 3 * MINUTE, "guest-3"),
    ]
    shard = gathered([lines[place] for place in places], HOUR, cuts)
    standing = {(finding.order, finding.others[0]): (finding.at, finding.lapses) for finding in shard.found}
    assert standing.pop(("o3", "o2")) == (T0 + 3 * MINUTE, ())
    assert {lapses for _, lapses in standing.values()} <= {((T0 + MINUTE, None),)}
