"""The engine without its graph, as tests use it: what was said in all, and what stands of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, cast

import orjson

from dataflows.core.engine.orders import HOT
from dataflows.core.engine.shard import Shard
from dataflows.detect.offline import Judging, position, records_of, steps
from schemas.wire import micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord
    from schemas.record import FeedWatermark, Record

__all__ = ["HOUR", "Judging", "Standing", "position", "records_of", "run", "standing"]

HOUR = 3_600_000_000


class Standing(NamedTuple):
    """The last word on one exception; `due` is µs since the epoch, UTC, and None for what is no timeout."""

    tenant: str
    order: str
    kind: str
    scope: str | None
    episode: int
    status: str
    severity: str
    due: int | None


def run(
    records: Sequence[Record],
    policy: Policy,
    until: int,
    cuts: Sequence[int] = (),
    hot: int = HOT,
    marks: Sequence[FeedWatermark] = (),
    make: Callable[[Policy, int], Judging] = Shard,
) -> list[OutputRecord]:
    """What the engine says about records and marks up to log time `until` (inclusive), in batches that end before each of `cuts`.

    `make` makes the shard.
    """
    ends = [*sorted(cut for cut in set(cuts) if cut <= until), until + 1]
    return [out for step in steps(records, policy, make(policy, hot), ends, marks) for out in step.outs]


def standing(outs: Iterable[OutputRecord]) -> set[Standing]:
    """What stands after the events out: the last one of each exception, without what was retracted."""
    last: dict[object, OutputRecord] = {}
    for out in outs:
        if out.topic == "exceptions":
            last[out.data["exception_id"]] = out
    return {
        Standing(
            str(orjson.loads(out.body)["tenant"]),
            out.order,
            out.kind,
            cast("str | None", out.data["scope"]),
            cast("int", out.data["episode"]),
            out.status,
            out.severity,
            None if out.data["due_at"] is None else micros(datetime.fromisoformat(str(out.data["due_at"]))),
        )
        for out in last.values()
        if out.status != "retracted"
    }
