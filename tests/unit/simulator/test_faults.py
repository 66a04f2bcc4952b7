"""The simulator's faults and labels: what goes wrong is what the catalogue has words for, and its labels follow them."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from dataflows.core.rules import RULES
from sources.simulator import FAULTS, InjectedFault, Label, expected
from sources.simulator.faults.base import Faults
from sources.simulator.moments import DAY, END, OPENING
from sources.simulator.order import SimulatedOrder
from sources.simulator.quirks import QUIRKS, Quirk, together_on_one_pallet
from sources.simulator.world import World, groups

VOCABULARIES = {
    "line": r"line:(SKU-\d+|\d+)",
    "shipment": r"shipment:\w[\w-]+",
    "payment": r"payment:pay_\w+",
    "return": r"return:RMA-\d+",
}
SCOPED = {
    **dict.fromkeys(("payment.declined_hard", "payment.auth_expiring", "payment.disputed_in_flight"), "payment"),
    **dict.fromkeys(("payment.refund_failed", "payment.captured_after_cancel", "payment.chargeback_lost"), "payment"),
    **dict.fromkeys(
        (f"inventory.{name}" for name in ("oversold", "out_of_stock", "partial", "substitution_needed", "short_pick")),
        "line",
    ),
    **dict.fromkeys(("conflict.quantity_mismatch", "conflict.unordered_item", "conflict.short_after_ship_confirm"), "line"),
    **dict.fromkeys((f"conflict.{name}_but_moving" for name in ("cancelled", "refunded")), "shipment"),
    **dict.fromkeys((f"conflict.{name}" for name in ("delivered_without_ship", "duplicate_shipment")), "shipment"),
    **dict.fromkeys(("conflict.status_regression", "conflict.tracking_reused", "data.unmapped_status"), "shipment"),
}
SOMETIMES = {
    "payment.declined_soft": "payment",
    "inventory.sku_unknown": "line",
    "inventory.sku_inactive": "line",
    "fulfilment.ship_overdue": "line",
    "fulfilment.hold_aged": "shipment",
    "shipment.delivery_overdue": "line",
}
"""Kinds whose scope depends on what the events say."""


def scope_pattern(kind: str) -> tuple[str | None, bool]:
    """What the catalogue says about the scope of a kind: the pattern, and whether it may be missing."""
    if kind in SOMETIMES:
        return VOCABULARIES[SOMETIMES[kind]], True
    if kind in SCOPED:
        return VOCABULARIES[SCOPED[kind]], False
    if kind == "shipment.delivered_disputed":
        return None, True
    domain = kind.split(".", maxsplit=1)[0]
    return (VOCABULARIES[domain], False) if domain in ("shipment", "return") else (None, True)


@pytest.fixture(scope="module")
def labels() -> list[Label]:
    """The labels of a world in which every fault occurs."""
    return expected(5_000, 1)


def order(index: int, seed: str = "x") -> SimulatedOrder:
    """A plain order."""
    return SimulatedOrder(index, OPENING + 5 * DAY + index * 700, Random(f"{seed}/{index}"), f"cus_{index:07d}").draw()


def test_every_kind_of_the_catalogue_is_injected(labels: list[Label]) -> None:
    """Nothing that the rules can say of a history goes without a labelled instance; one of them speaks of faults in the program."""
    kinds = {rule.kind for rule in RULES} - {"data.rule_failed"}
    assert {label.kind for label in labels} == kinds
    assert {fault.kind for fault in FAULTS} == kinds


def test_labels_have_the_scopes_of_the_catalogue(labels: list[Label]) -> None:
    """Per kind: none, or the line, shipment, payment or return that it is about."""
    for label in labels:
        pattern, optional = scope_pattern(label.kind)
        if label.scope is None:
            assert optional, label
        else:
            assert pattern is not None, label
            assert re.fullmatch(pattern, label.scope), label


def test_labels_are_sorted_and_name_an_exception_once(labels: list[Label]) -> None:
    """A row is one exception: order, kind and scope are its name."""
    names = [(label.order_id, label.kind, label.scope or "") for label in labels]
    assert names == sorted(set(names))
    assert {label.status for label in labels} == {"open", "resolved", "suppressed"}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.name}")
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_a_fault_is_labelled_with_its_kind_and_ends_in_time(fault: InjectedFault, seed: str) -> None:
    """Whatever the lots say, the fault's own kind is expected, and nothing happens after the world's last day."""
    members = [order(n, seed) for n in range(fault.orders)]
    fault.write(members)
    for one in members:
        one.finish()
    assert fault.kind in {label.kind for one in members for label in one.labels}
    steps = [step for one in members for step in one.script]
    assert all(OPENING < step.at < END - DAY for step in steps)
    assert all(step.at >= one.placed for one in members for step in one.script)
    assert Counter(step.id for step in steps).most_common(1)[0][1] == 1


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.__name__)
def test_a_quirk_is_harmless_and_ends_in_time(quirk: Quirk) -> None:
    """Quirks expect nothing."""
    for n in range(20):
        one = order(n)
        quirk(one)
        one.finish()
        assert not one.labels
        assert all(one.placed <= step.at < END - DAY for step in one.script)


def test_freight_is_harmless_and_tells_its_scans_once() -> None:
    """Two orders, one number, no label; only the first order's script has the scans, and they name neither order."""
    one, two = order(1), order(2)
    together_on_one_pallet(one, two)
    numbers = {step.data["tracking_number"] for step in [*one.script, *two.script] if "tracking_number" in step.data}
    assert len(numbers) == 1
    assert not [step for step in two.script if step.type == "carrier.scan"]
    assert not any(step.named for step in one.script if step.type == "carrier.scan")
    assert one.scanned("accepted") > two.find("warehouse.shipped").at


def test_faults_say_what_they_do() -> None:
    """Every fault has a story, every quirk a docstring; names are unique."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert all(fault.story.endswith(".") for fault in FAULTS)
    assert all(quirk.__doc__ for quirk in QUIRKS)


def test_a_registered_fault_writes_the_orders_that_it_is_given() -> None:
    """The decorators keep kind, name and number of orders."""
    table = Faults()
    seen: list[int] = []
    table.one("a.b")(lambda one: seen.append(one.index))
    table.pair("c.d")(lambda one, other: seen.extend((one.index, other.index)))
    table[0].write([order(1)])
    table[1].write([order(2), order(3)])
    assert seen == [1, 2, 3]
    assert [(fault.kind, fault.orders) for fault in table] == [("a.b", 1), ("c.d", 2)]


def test_most_orders_are_healthy_and_a_small_world_is_varied() -> None:
    """About 85 % of the orders cause nothing; 400 orders show dozens of kinds."""
    large = expected(5_000, 1)
    assert 0.10 < len({label.order_id for label in large}) / 5_000 < 0.20
    assert len({label.kind for label in expected(400, 1)}) > 30


def test_a_world_has_exactly_the_orders_asked_for() -> None:
    """Pairs count as two, also at the end."""
    for orders in (1, 2, 7, 250):
        indices = [one.index for group in groups(orders, 4) for one in group.orders]
        assert indices == list(range(orders))


def test_faults_are_counted_while_the_world_is_told() -> None:
    """The summary's numbers are those of the world."""
    world = World(800, 2)
    total = sum(1 for _ in world.lines())
    assert total == world.events
    assert sum(world.faults.values()) == sum(group.fault is not None for group in groups(800, 2))
    assert sorted(world.labels, key=str) == sorted(expected(800, 2), key=str)
