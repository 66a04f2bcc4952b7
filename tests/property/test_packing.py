"""Packing an idle order and unpacking it again leaves no trace in what is said."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis.strategies import booleans

from dataflows.core.engine.classify import classify
from dataflows.core.engine.order import Order
from dataflows.core.history.timeline import Added
from tests.oracle.judging.reading import micros
from tests.property.histories import History, examples, histories
from tests.property.test_engine import TALKATIVE
from tests.support.codec import CODEC
from tests.support.engine import records_of, run


@examples(150)
@given(histories())
def test_orders_that_are_packed_after_every_touch_say_the_same(history: History) -> None:
    """A shard that keeps one order unpacked and one that keeps all write the same bytes."""
    records, until = history.lines(), micros(history.last + timedelta(days=40))
    packed = [(out.log, out.body) for out in run(records_of(records), TALKATIVE, until, hot=1)]
    kept = [(out.log, out.body) for out in run(records_of(records), TALKATIVE, until, hot=1_000)]
    assert packed == kept


@examples(100)
@given(histories(), booleans())
def test_packing_twice_gives_the_same_bytes(history: History, packed_between: bool) -> None:
    """What is unpacked packs to the bytes that it came from, whether its events are packed one by one or all at once."""
    order = Order("default", "o1")
    for record in records_of(history.lines()):
        if order.timeline.add(record) is Added.INSERTED:
            order.repack()
        classify(order, record)
        if packed_between:
            CODEC.pack(order)
    packed = CODEC.pack(order)
    again = CODEC.unpack("o1", packed)
    again.repack()
    assert CODEC.pack(again) == CODEC.pack(CODEC.unpack("o1", packed)) == packed
