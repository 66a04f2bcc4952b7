"""The engine without its graph: events in, what stands at an instant out.

It wires the pure parts (router, identity stages, one shard) by hand, in one process and without Bytewax, so that a test can run thousands
of small histories, cut into batches as it likes.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import orjson

from dataflows.core.engine.orders import HOT
from dataflows.core.engine.shard import Shard
from dataflows.core.identity import AliasResolver, Ambiguous, identity_rules, orphan_record
from dataflows.core.identity.items import Orphan, Tie
from dataflows.detect.names import FIRST_SHARDS, SECOND_SHARDS
from dataflows.detect.router import Arrival, Router
from schemas.record import FeedWatermark, IdentityFinding, Record
from schemas.wire import decode, micros
from sources.batch import END, Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dataflows.core.identity import AliasLookup, ResolvedEvent
    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord
    from sources.batch import Refusal

HOUR = 3_600_000_000


def position(item: Record | ResolvedEvent | FeedWatermark | Tie) -> tuple[int, str, int, int, int]:
    """Where it stands in log order."""
    return (item.log, item.topic, item.partition, item.offset, item.sub)


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


def records_of(lines: Iterable[Mapping[str, object]]) -> list[Record]:
    """Contract events in file order as records in log order: recorded time, else time, never over an hour behind the greatest before it."""
    records: list[Record] = []
    greatest = -END
    for offset, line in enumerate(lines):
        raw = orjson.dumps(line)
        event = decode(raw)
        at = micros(event.time)
        own = at if event.recordedtime is None else micros(event.recordedtime)
        greatest = max(greatest, own)
        log = max(own, greatest - HOUR)
        records.append(Record(log, "events", 0, offset, 0, at, event.subject or "", event, raw))
    return sorted(records, key=position)


class Judging(Protocol):
    """What a shard does."""

    def apply(self, record: Record | IdentityFinding | FeedWatermark) -> None:
        """Takes one record, finding or watermark."""
        ...

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Lets log time pass."""
        ...

    def drain(self) -> list[OutputRecord]:
        """What was said since the last call."""
        ...


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
    rules = identity_rules(policy)
    router = Router(compare_customers=rules.compare_customers)
    first, second, shard = AliasResolver(1, rules), AliasResolver(2, rules), make(policy, hot)
    outs: list[OutputRecord] = []
    known = [record for record in records if record.log <= until]
    begin = -END
    for cut in [*sorted(cut for cut in set(cuts) if cut <= until), until + 1]:
        batch = [record for record in known if begin <= record.log < cut]
        spoken = [mark for mark in marks if begin <= mark.log < cut]
        begin = cut
        arrivals = router([Batch("events", cut, batch)])
        placed, onward = _staged(first, cut, _seen(arrivals, FIRST_SHARDS))
        placed_later, _ = _staged(second, cut, [*_seen(arrivals, SECOND_SHARDS), *onward])
        own = [record for record in batch if record.order]
        due: list[Record | ResolvedEvent | FeedWatermark] = [*own, *placed, *placed_later, *spoken]
        for item in sorted(due, key=position):
            if isinstance(item, Record | FeedWatermark):
                shard.apply(item)
            elif isinstance(item.item, Orphan):
                outs.append(orphan_record(item.item, policy))
            elif not isinstance(item.item, Ambiguous):
                shard.apply(item.item)
        shard.advance(cut, inclusive=False)
        outs += shard.drain()
    return outs


def _seen(
    arrivals: Iterable[tuple[str, Arrival[Record | Refusal | FeedWatermark | ResolvedEvent] | Arrival[AliasLookup]]], shards: Sequence[str]
) -> list[AliasLookup]:
    return [cast("AliasLookup", item) for name, arrival in arrivals if name in shards for item in arrival.items]


def _staged(stage: AliasResolver, to: int, seen: list[AliasLookup]) -> tuple[list[ResolvedEvent], list[AliasLookup]]:
    stage.apply(sorted(seen, key=lambda lookup: position(lookup[0])))
    stage.advance(to)
    return stage.drain()


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
