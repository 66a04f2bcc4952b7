"""A state that was written before cases, actions and activations were followed goes on, and policies can be activated over it."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dataflows.core.engine.shard import Shard
from dataflows.core.rules.load import load_policy
from tests.support.engine import records_of
from tests.support.logs import DAY
from tests.unit.core.test_activation import activation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.output import OutputRecord
    from schemas.record import Record

DATA: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "version-3.json").read_text())


def rows() -> list[tuple[bytes, bytes]]:
    """The pinned rows."""
    return [(b64decode(key), b64decode(value)) for key, value in DATA["rows"]]


def records() -> list[Record]:
    """The events of the state, and those that came after it."""
    return records_of([json.loads(line) for line in zlib.decompress(b64decode(DATA["lines"])).splitlines()])


def standing(outs: Iterable[OutputRecord]) -> dict[str, tuple[object, ...]]:
    """The last that was said of every exception."""
    # Not when it aged: defaults of severities, whose change is news, are others now.
    names = ("status", "severity", "owner", "resolution", "due_at")
    return {str(out.data["exception_id"]): tuple(out.data[name] for name in names) for out in outs if out.topic == "exceptions"}


@pytest.mark.parametrize("hot", [1, 1 << 24])
def test_it_goes_on_as_if_it_had_been_written_by_this_program(hot: int) -> None:
    """The same exceptions stand under the same IDs, and numbers go on; their cases begin anew."""
    policy, every, cut = load_policy(None), records(), int(DATA["cut"])
    until = every[-1].log + 200 * DAY
    whole, again = Shard(policy, hot), Shard(policy, hot)
    for record in every:
        whole.apply(record)
    whole.advance(until)
    before = {str(id_): int(sequence) for id_, sequence in DATA["said"]}
    again.restore(rows())
    for record in records()[cut:]:
        again.apply(record)
    again.advance(until)
    expected, outs = standing(whole.drain()), again.drain()
    found = standing(outs)
    # Pick-up that was handed over without a number was overdue to the program of before. This one takes it back.
    mended = found.keys() - expected.keys()
    assert mended <= before.keys()
    assert {found[id_][0] for id_ in mended} == {"retracted"}
    assert len(mended) == 1
    assert {id_: stands for id_, stands in found.items() if id_ not in mended} == {
        id_: stands for id_, stands in expected.items() if id_ in found
    }
    assert expected.keys() - found.keys() <= before.keys()
    assert found.keys() & before.keys(), "something that stood open goes on"
    numbers: dict[str, list[int]] = {}
    for out in outs:
        if out.topic == "exceptions":
            numbers.setdefault(str(out.data["exception_id"]), []).append(int(str(out.data["sequence"])))
    for id_, sequence in numbers.items():
        first = before.get(id_, 0) + 1
        assert sequence == [*range(first, first + len(sequence))]


def test_a_policy_can_be_activated_over_it() -> None:
    """What it had open is judged by it within ten minutes."""
    policy, cut = load_policy(None), int(DATA["cut"])
    shard, at = Shard(policy), records()[cut - 1].log + 1
    shard.restore(rows())
    opened = sum(shard.opened.values())
    shard.apply(activation("rules: {'*': off, data.orphan_signal: on, order.duplicate_suspected: on}\n", at))
    assert [out for out in shard.drain() if out.topic == "rejects"] == []
    shard.advance(at + 600_000_000)
    outs = shard.drain()
    assert opened > 0
    assert {out.data["resolution"] for out in outs if out.topic == "exceptions"} == {"policy_changed"}
    assert sum(shard.opened.values()) == 0
