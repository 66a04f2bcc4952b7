"""How many exceptions stand open: counted as they are said, and kept with the state."""

from __future__ import annotations

from collections import Counter
from typing import cast

import msgspec
import orjson
import pytest

from dataflows.core.engine.publish import Standing
from dataflows.core.engine.shard import Shard
from dataflows.core.engine.state import SCALARS
from dataflows.core.rules.load import load_policy
from sources.simulator import stream
from tests.support.engine import records_of

Data = dict[str, object]


def standing(latest: dict[str, Data]) -> Counter[Standing]:
    """What is open by what was published last of each exception."""
    return Counter(
        Standing(str(data["kind"]), str(data["owner"]), str(data["severity"]))
        for data in latest.values()
        if data["status"] == "open" and cast("Data", data["policy"])["mode"] == "on"
    )


def counted(shard: Shard) -> Counter[Standing]:
    """The same as the shard counts it."""
    return +shard.opened


@pytest.mark.parametrize("seed", [4, 5])
def test_what_is_counted_is_what_stands_open_by_the_published_events(seed: int) -> None:
    """At any moment, through updates of owner and severity, suppression, retraction and resolution; after a restart as well."""
    policy = load_policy(None)
    lines = [cast("Data", orjson.loads(one)) for one in stream(200, seed)]
    records = [one for one in records_of(lines) if one.event.subject]
    shard, latest = Shard(policy), dict[str, Data]()
    seen = 0
    for number, one in enumerate(records):
        shard.apply(one)
        for out in shard.drain():
            if out.topic == "exceptions":
                latest[str(out.data["exception_id"])] = out.data
        if number % 300 == 0:
            assert counted(shard) == standing(latest)
            seen += counted(shard).total()
            rows = list(shard.rows())
            shard = Shard(policy)
            shard.restore(rows)
            assert counted(shard) == standing(latest)
    assert seen > 50


def test_a_state_from_before_they_were_counted_is_counted_once() -> None:
    """All of its orders are looked at when it is loaded."""
    policy = load_policy(None)
    shard = Shard(policy)
    for one in records_of([cast("Data", orjson.loads(line)) for line in stream(80, 4)]):
        if one.event.subject:
            shard.apply(one)
    rows = [(key, msgspec.msgpack.encode(msgspec.msgpack.decode(row)[:5]) if key == SCALARS else row) for key, row in shard.rows()]
    old = Shard(policy)
    old.restore(rows)
    assert counted(old) == counted(shard)
    assert counted(old)
