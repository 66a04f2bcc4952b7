"""Several channels in one order."""

from __future__ import annotations

from operator import itemgetter
from random import Random

from dataflows.runtime.merge import Merge

Item = tuple[int, str]


def merge(*channels: str) -> Merge[Item]:
    """A merge of (log, name) items."""
    return Merge(channels, lambda item: item, itemgetter(0), -1)


def test_nothing_comes_out_before_every_channel_has_passed_it() -> None:
    """The channel that is furthest behind holds all others."""
    both = merge("a", "b")
    both.add({"a": 10}, [(1, "a1"), (9, "a9")], in_order=True)
    assert both.release() == []
    both.add({"b": 5}, [(4, "b4")], in_order=True)
    assert both.release() == [(1, "a1"), (4, "b4")]
    assert (both.watermark, len(both)) == (5, 1)


def test_an_item_at_the_watermark_itself_waits() -> None:
    """Another one of the same instant may still come."""
    one = merge("a")
    one.add({"a": 5}, [(4, "x"), (5, "y")], in_order=True)
    assert one.release() == [(4, "x")]


def test_the_way_of_cutting_channels_into_batches_changes_nothing() -> None:
    """Whatever comes when, the sequence that comes out is the same."""
    rng = Random(11)
    channels = {name: sorted((rng.randrange(60), f"{name}{n}") for n in range(40)) for name in "abc"}
    expected = sorted(item for items in channels.values() for item in items)
    for _ in range(50):
        merged, out = merge(*channels), list[Item]()
        left = {name: list(items) for name, items in channels.items()}
        while left:
            name = rng.choice(sorted(left))
            count = rng.randrange(1, 8)
            batch, left[name] = left[name][:count], left[name][count:]
            watermark = left[name][0][0] if left[name] else 100
            merged.add({name: watermark}, batch, in_order=rng.random() < 0.5)
            out += merged.release()
            if not left[name]:
                del left[name]
        assert out == expected


def test_few_items_that_come_late_are_put_where_they_belong() -> None:
    """Before, between, beside and behind those that are there; what waits is not sorted anew for them."""
    looked: list[Item] = []

    def position(item: Item) -> Item:
        looked.append(item)
        return item

    one: Merge[Item] = Merge(("a", "b"), position, itemgetter(0), -1)
    there, late = [(number, "a") for number in range(0, 400, 4)], [(398, "b"), (-1, "b"), (200, "A"), (201, "b"), (200, "b")]
    one.add({"a": 300}, there, in_order=True)
    one.add({"b": 201}, late, in_order=False)
    assert (len(one), sorted(one.held)) == (105, sorted([*there, *late]))
    looked.clear()
    assert one.release() == sorted(item for item in (*there, *late) if item[0] < 201)
    assert len(looked) < len(there)
    one.add({"b": 500, "a": 500}, [], in_order=True)
    assert one.release() == sorted(item for item in (*there, *late) if item[0] >= 201)
    assert len(one) == 0
