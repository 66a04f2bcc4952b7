"""Orders that are packed away are freed at once: the collector of garbage, which comes seldom, has nothing to do with it."""

from __future__ import annotations

import gc
from collections import Counter
from typing import TYPE_CHECKING, cast

import orjson
import pytest

from dataflows.core.history.facts import Facts
from dataflows.core.history.timeline import Timeline
from dataflows.core.rules.load import load_policy
from sources.simulator import stream
from tests.support.engine import records_of, run

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400_000_000
ORDERS = 60


@pytest.fixture
def _uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_uncollected")
def test_an_order_that_is_packed_leaves_nothing_to_the_collector() -> None:
    """An order's objects form no circle."""
    records = records_of([cast("dict[str, object]", orjson.loads(one)) for one in stream(ORDERS, 1)])
    run(records, load_policy(None), records[-1].log + DAY, hot=1)
    left = Counter(type(one) for one in cast("list[object]", gc.get_objects()))
    assert left[Timeline] + left[Facts] <= 2, "each order was unpacked some ten times, and one is kept unpacked"
