"""What the identity step keeps of orders that others may repeat, and of orders that may be parts of others."""

from __future__ import annotations

import msgspec

from dataflows.core.identity import AliasLookup, AliasResolver, IdentityRules, ResolvedEvent
from dataflows.core.identity.checkpoint import SCALARS
from dataflows.core.identity.codec import lookup_row
from dataflows.core.identity.sharding import CHILD, CUSTOMER, FORGET, TWIN
from schemas.record import IdentityFinding, Record
from tests.support.logs import DAY, HOUR, MINUTE, T0, line, record
from tests.unit.identity.test_resolver import PURCHASE, RULES

_encode = msgspec.msgpack.encode
DECLINED, PAID = 2, 3


def placed(order: str, at: int) -> Record:
    """A placing of the same purchase."""
    return record(line(f"placed-{order}", at, "order.placed", order=order, data=PURCHASE), at)


def findings(stage: AliasResolver) -> list[tuple[str, str, int]]:
    """What the second stage says of orders that repeat others: kind, order and instant."""
    resolved, _ = stage.drain()
    return [(one.item.kind, one.order, one.item.at) for one in resolved if isinstance(one.item, IdentityFinding)]


def repeated(first: Record, later: Record) -> AliasLookup:
    """What the first stage tells the second of two orders that are alike."""
    stage = AliasResolver(1, RULES)
    stage.apply([(first, CUSTOMER, "h1", False), (later, CUSTOMER, "h1", False)])
    return stage.drain()[1][0]


def test_a_state_of_before_tells_of_orders_that_had_ended() -> None:
    """Its rows are those of version 3: when what happened; they are written anew, by their digest."""
    key = b"l" + _encode([["default", "A-1"]])
    rows = {
        SCALARS: _encode([3, [[b"l", [], T0 + DAY]]]),
        key: _encode([T0 + HOUR, [[[T0 + MINUTE, DECLINED]], []]]),
    }
    stage = AliasResolver(2, RULES)
    stage.restore(rows.items())
    stage.apply([repeated(placed("A-1", T0), placed("A-2", T0 + 5 * MINUTE))])
    assert findings(stage) == []
    paid = record(line("paid", T0 + HOUR, "payment.captured", order="A-1", data={}), T0 + HOUR)
    stage.apply([(paid, TWIN, "A-1", False)])
    (said,) = [one.item for one in stage.drain()[0] if isinstance(one.item, IdentityFinding)]
    assert (said.kind, said.order, said.lapses) == ("order.duplicate_suspected", "A-2", ((T0 + MINUTE, T0 + HOUR),))
    written = dict(stage.changes())
    assert written[key] is None


def test_of_an_order_without_an_address_a_mark_is_kept() -> None:
    """No other is compared with it: what happens to it takes no room."""
    stage = AliasResolver(2, RULES)
    plain = record(line("1", T0, "order.placed", order="A-1", data={"total": {"amount": "5.00", "currency": "EUR"}}), T0)
    stage.apply([(plain, TWIN, "A-1", False)])
    before = sum(len(value) for _, value in stage.rows())
    for number in range(20):
        failed = record(line(f"failed-{number}", T0 + number, "payment.failed", order="A-1", data={}), T0 + number)
        stage.apply([(failed, TWIN, "A-1", False)])
    assert sum(len(value) for _, value in stage.rows()) == before


def step(order: str, at: int) -> Record:
    """A step of an order."""
    return record(line(f"packed-{order}-{at}", at, "warehouse.packed", order=order, data={}), at)


def link(at: int) -> Record:
    """The link of a part to its parent."""
    return record(line(f"linked-{at}", at, "order.linked", order="A-1", data={"children": ["A-1-1"]}), at)


def given(stage: AliasResolver) -> list[tuple[str, str]]:
    """Which events were given to which orders."""
    return [(one.item.event.id, one.order) for one in stage.drain()[0] if isinstance(one.item, Record)]


def test_steps_of_an_order_that_was_placed_are_not_kept() -> None:
    """Of one that was never placed they are, also by a shard that was cut; and not for longer than the order itself."""
    for kept, wait, orders in ((False, HOUR, []), (True, HOUR, ["A-1"]), (True, 61 * DAY, [])):
        stage = AliasResolver(1, RULES)
        if not kept:
            stage.apply([(placed("A-1-1", T0), CHILD, "A-1-1", False)])
        stage.apply([(step("A-1-1", T0 + MINUTE), CHILD, "A-1-1", False)])
        restored = AliasResolver(1, RULES)
        restored.restore(stage.rows())
        restored.apply([(link(T0 + wait), CHILD, "A-1-1", True)])
        assert [order for id_, order in given(restored) if id_.startswith("packed")] == orders


def test_steps_of_an_order_that_was_erased_are_not_kept() -> None:
    """Neither those that were, nor what comes later, though nobody ever placed it."""
    stage = AliasResolver(1, RULES)
    erasure = record(line("e", T0 + MINUTE, "order.forgotten", order="A-1-1", data={"by": "user:anna", "by_roles": ["admin"]}), T0 + MINUTE)
    stage.apply([(step("A-1-1", T0), CHILD, "A-1-1", False), (erasure, FORGET, "A-1-1", False)])
    stage.apply([(step("A-1-1", T0 + HOUR), CHILD, "A-1-1", False)])
    assert not any(b"packed" in row for _, row in stage.rows())
    stage.apply([(link(T0 + 2 * HOUR), CHILD, "A-1-1", True)])
    assert [id_ for id_, _ in given(stage) if id_.startswith("packed")] == []


def test_a_number_that_a_part_named_before_its_link_is_passed_on() -> None:
    """The second stage has its scans: it gives those that came in before to the parent, too."""
    first, second = AliasResolver(1, RULES), AliasResolver(2, RULES)
    shipped = record(line("shipped", T0, "warehouse.shipped", order="A-1-1", data={"tracking_number": "T1"}), T0)
    scan = record(line("scan", T0 + HOUR, "carrier.scan", order=None, data={"status": "accepted", "tracking_number": "T1"}), T0 + HOUR)
    first.apply([(shipped, CHILD, "A-1-1", False)])
    second.apply([(shipped, "tracking_number", "T1", False), (scan, "tracking_number", "T1", True)])
    linked = link(T0 + 2 * HOUR)
    first.apply([(linked, CHILD, "A-1-1", True)])
    _, onward = first.drain()
    assert [lookup_row(each)[1:] for each in onward] == [["part", "T1", False]]
    second.apply([(linked, CHILD, "A-1-1", False), *onward])
    assert given(second) == [("scan", "A-1-1"), ("scan", "A-1")]


def test_rules_say_how_long_an_unplaced_order_is_kept() -> None:
    """Its steps wait as long for a link."""
    rules = IdentityRules(keep=RULES.keep, orphan_after=None, compare_customers=True, twins_within=0, backfill=RULES.backfill, unplaced=DAY)
    stage = AliasResolver(1, rules)
    stage.apply([(step("A-1-1", T0), CHILD, "A-1-1", False)])
    stage.apply([(link(T0 + 3 * DAY), CHILD, "A-1-1", True)])
    found: list[ResolvedEvent] = stage.drain()[0]
    assert not [one for one in found if isinstance(one.item, Record) and one.item.event.type == "warehouse.packed"]
