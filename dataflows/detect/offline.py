"""The engine without its graph: records in, output records out, in one process and without Bytewax.

Router, identity stages and one shard are wired by hand. What they say is what a replay of the same records says; `orderwatch policy test`
and the tests run short histories through it, cut into batches as they like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, cast

import orjson

from dataflows.core.actions.shard import ActionShard, action_position
from dataflows.core.engine.followup import HEARD
from dataflows.core.engine.intents import INTENTS, Intent, decode_intent
from dataflows.core.identity import AliasLookup, AliasResolver, Ambiguous, ResolvedEvent, identity_rules
from dataflows.core.identity.items import Tie
from dataflows.core.policy import Policy
from dataflows.detect.arrivals import Arrival
from dataflows.detect.exchange import ActionItem, OrderItem
from dataflows.detect.learning import Learning
from dataflows.detect.names import FIRST_SHARDS, ORDER_SHARDS, SECOND_SHARDS, THIRD_SHARDS
from dataflows.detect.router import OF_ACTIONS, Router
from schemas.deciding import FORGOTTEN, is_decision
from schemas.envelope import ACTIVATED
from schemas.identifiers import DEFAULT
from schemas.instants import HOUR
from schemas.learned import Showing
from schemas.output import OutputRecord
from schemas.record import FeedWatermark, IdentityFinding, Orphan, Record, Silences
from schemas.topics import DECISIONS
from schemas.wire import decode, micros
from sources.batch import END, Batch

TOPIC = "events"


class Judging(Protocol):
    """What a shard does."""

    @property
    def policy(self) -> Policy:
        """The policy that holds."""
        ...

    def apply(self, record: Record | IdentityFinding | FeedWatermark | Orphan | Silences) -> None:
        """Takes one record, finding, watermark, orphan or change of silent sources."""
        ...

    def learn(self, showings: Iterable[Showing]) -> None:
        """Takes in what was seen to be emitted."""
        ...

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Lets log time pass."""
        ...

    def drain(self) -> list[OutputRecord]:
        """What was said since the last call."""
        ...


class Acting(Protocol):
    """What a shard of actions does."""

    def apply(self, item: Intent | Record) -> None:
        """Takes what an order says, or a decision."""
        ...

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Lets log time pass."""
        ...

    def drain(self) -> list[OutputRecord]:
        """What was said since the last call."""
        ...


class OutputStep(NamedTuple):
    """What was said before log time `to`."""

    to: int
    outs: list[OutputRecord]


def position(item: Record | ResolvedEvent | FeedWatermark | Tie) -> tuple[int, str, int, int, int]:
    """Where it stands in log order."""
    return (item.log, item.topic, item.partition, item.offset, item.sub)


def records_of(lines: Iterable[Mapping[str, object]]) -> list[Record]:
    """Contract events in file order as records in log order: recorded time, else time, never over an hour behind the greatest before it.

    Raises:
        Rejected: if one is no event of the contract.
    """
    records: list[Record] = []
    greatest = -END
    for offset, line in enumerate(lines):
        raw = orjson.dumps(line)
        event = decode(raw)
        at = micros(event.time)
        own = at if event.recordedtime is None else micros(event.recordedtime)
        greatest = max(greatest, own)
        log = max(own, greatest - HOUR)
        topic = DECISIONS if is_decision(event.type) else TOPIC  # Whoever writes a story says what was decided.
        records.append(Record(log, topic, 0, offset, 0, at, event.subject or "", event, raw))
    return sorted(records, key=position)


def steps(
    records: Sequence[Record],
    policy: Policy,
    shard: Judging,
    cuts: Sequence[int],
    marks: Sequence[FeedWatermark] = (),
    actions: Acting | None = None,
) -> Iterator[OutputStep]:
    """Runs records and watermarks in batches, each of which ends before the next of `cuts` (sorted); what comes later is not applied.

    `actions`: the shard that owns all actions; a new one if absent.
    """
    rules = identity_rules(policy)
    learning = Learning() if policy.learns else None
    router = Router(compare_customers=rules.compare_customers, identifiers=policy.identifiers or DEFAULT, learning=learning)
    first, second, third = (AliasResolver(number, rules) for number in (1, 2, 3))
    actions = ActionShard(policy) if actions is None else actions
    begin = -END
    for cut in cuts:
        batch = [record for record in records if begin <= record.log < cut]
        spoken = [mark for mark in marks if begin <= mark.log < cut]
        begin = cut
        arrivals = router([Batch(TOPIC, cut, batch)])
        shard.learn(next((arrival.shown for name, arrival in arrivals if name == ORDER_SHARDS[0]), ()))
        placed, onward = _staged(first, cut, _seen(arrivals, FIRST_SHARDS))
        placed_later, moved = _staged(second, cut, [*_seen(arrivals, SECOND_SHARDS), *onward])
        placed_last, _ = _staged(third, cut, [*_seen(arrivals, THIRD_SHARDS), *moved])
        due: list[Record | ResolvedEvent | FeedWatermark] = [
            *(record for record in batch if _concerns_orders(record)),
            *placed,
            *placed_later,
            *placed_last,
            *spoken,
        ]
        for item in sorted(due, key=position):
            if isinstance(item, Record | FeedWatermark):
                shard.apply(item)
            elif not isinstance(item.item, Ambiguous):
                shard.apply(item.item)
        shard.advance(cut, inclusive=False)
        outs = shard.drain()
        intents = [decode_intent(out.body) for out in outs if out.topic == INTENTS]
        decisions = [record for record in batch if record.event.type in OF_ACTIONS or record.event.type == ACTIVATED]
        demands: list[ActionItem] = [*intents, *decisions]
        for demand in sorted(demands, key=action_position):
            actions.apply(demand)
        actions.advance(cut, inclusive=False)
        yield OutputStep(cut, [*(out for out in outs if out.topic != INTENTS), *actions.drain()])


def _concerns_orders(record: Record) -> bool:
    """Whether an order's shard is given a record, or all of them are."""
    type_ = record.event.type
    return type_ in (ACTIVATED, FORGOTTEN) or (bool(record.order) and (type_ not in OF_ACTIONS or type_ in HEARD))


def _seen(
    arrivals: Iterable[tuple[str, Arrival[OrderItem] | Arrival[AliasLookup] | Arrival[ActionItem]]], shards: Sequence[str]
) -> list[AliasLookup]:
    return [cast("AliasLookup", item) for name, arrival in arrivals if name in shards for item in arrival.items]


def _staged(stage: AliasResolver, to: int, seen: list[AliasLookup]) -> tuple[list[ResolvedEvent], list[AliasLookup]]:
    stage.apply(sorted(seen, key=lambda lookup: position(lookup[0])))
    stage.advance(to)
    return stage.drain()
