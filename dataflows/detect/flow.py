"""The graph: one dataflow for replay, demo and live running, whatever its source and sinks.

    events -> route -> identity 1, 2, 3 -> order shards -> action shards -> order of output records -> sinks

A record that names its order goes straight to its shard and, where it ties an alias, to the identity stages as well. One that does not is
resolved by the stages. Every channel carries its watermark in-band, and a shard applies nothing before all its channels have passed it:
what a shard sees depends neither on batches, nor on the number of processes, nor on any clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

import bytewax.operators as op  # pyright: ignore[reportMissingTypeStubs]
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.operators import KeyedStream  # pyright: ignore[reportMissingTypeStubs]
from bytewax.outputs import Sink

from dataflows.core.actions.shard import ActionShard
from dataflows.core.engine.intents import INTENTS
from dataflows.core.engine.shard import Shard
from dataflows.core.identity import AliasResolver, identity_rules
from dataflows.core.policy import Policy
from dataflows.core.policy.effective import version_of
from dataflows.detect import names
from dataflows.detect.arrivals import fan_out, fan_out_again, fan_out_intents, fan_out_onward
from dataflows.detect.exchange import ACTION_ITEMS, ALIAS_LOOKUPS, ORDER_ITEMS
from dataflows.detect.learning import Learning
from dataflows.detect.operators import ActionOperator, IdentityOperator, Judged, OrderOperator, OutputOperator
from dataflows.detect.router import Router, RouterCounts
from dataflows.runtime.checkpoint import Checkpointer, Codec, Stores
from dataflows.runtime.failure import noted
from schemas.identifiers import DEFAULT
from schemas.output import OutputBatch, OutputRecord
from sources.batch import Batch

T = TypeVar("T")
AnyOperator: TypeAlias = IdentityOperator | OrderOperator | ActionOperator


class MakeShard(Protocol):
    """Makes a shard of orders. `place`: which shard of how many it is."""

    def __call__(self, policy: Policy, *, place: tuple[int, int]) -> Shard:
        """The shard, empty."""
        ...


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """Options of a graph. `channels`: the names of the source's channels; `make_shard` makes a shard; `counts` is filled while it runs.

    `stores`: where state is stored between runs; None: nowhere.
    """

    channels: tuple[str, ...]
    counts: RouterCounts = field(default_factory=RouterCounts)
    make_shard: MakeShard = Shard
    shards: list[Shard] = field(default_factory=list[Shard])
    """The shards that were built in this process, to be asked how many orders they hold."""
    action_shards: list[ActionShard] = field(default_factory=list[ActionShard])
    """The action shards that were built in this process."""
    operators: list[AnyOperator] = field(default_factory=list[AnyOperator])
    """The operators that were built in this process, to be asked what they hold back."""
    stores: Stores | None = None
    activations: bool = True
    """Whether policies that are activated in the stream are heeded; a back-test tries one of its own from beginning to end."""
    holds: Policy | None = None
    """The policy that holds until one is activated, where it is not that of the start; what belongs to the state is alike in both."""
    on_snapshot: Callable[[float], None] = field(default=lambda _: None)
    """Called with the seconds that the end of an epoch blocked a shard."""


@dataclass(frozen=True, slots=True)
class LiveSink:
    """A sink that takes the output records of every shard as they come; `part` names the sink's part for a record."""

    sink: Sink[OutputBatch]
    part: Callable[[OutputRecord], str]
    on_output: Callable[[str, Sequence[OutputRecord]], None]
    """Called with the output records of a topic that go to the sink."""
    judging: Callable[[], None]
    """Called whenever shards of this process have processed input: only then is all their state loaded."""


def get_flow(source: Source[Batch], sinks: Mapping[str, Sink[OutputBatch]], policy: Policy, settings: FlowOptions) -> Dataflow:
    """Builds the graph of a replay: the output of all shards is merged into one order, so that two runs write the same bytes.

    Every sink gets all of it: (topic, output records of that topic in order), many at a time.
    """
    flow = Dataflow(names.FLOW)
    judged = _judge(flow, source, policy, settings)
    collected = op.flat_map_batch(names.STEP_COLLECT, judged, _collect)
    outputs = op.stateful_batch(names.STEP_ORDER, collected, _output)
    by_topic = op.flat_map_batch(names.STEP_TOPICS, outputs, _by_topic)
    for name, sink in sinks.items():
        op.output(f"{names.SINK_PREFIX}{name}", by_topic, sink)
    return flow


def get_live_flow(source: Source[Batch], sinks: Mapping[str, LiveSink], policy: Policy, settings: FlowOptions) -> Dataflow:
    """Builds the graph of a live run: output records go from their shard straight to their part of every sink.

    The output records of an order keep their order, those of different orders do not wait for each other.
    """
    flow = Dataflow(names.FLOW)
    judged = _judge(flow, source, policy, settings)
    for name, live in sinks.items():
        op.output(f"{names.SINK_PREFIX}{name}", op.flat_map_batch(f"{names.TO_SINK_PREFIX}{name}", judged, _by_part(live)), live.sink)
    return flow


def _judge(flow: Dataflow, source: Source[Batch], policy: Policy, settings: FlowOptions) -> KeyedStream[Judged]:
    """The part of the graph that all runs share: events in, the output of each shard out."""
    rules = identity_rules(policy)
    channels, stores = settings.channels, settings.stores
    events = op.input(names.STEP_EVENTS, flow, source)
    identifiers = policy.identifiers or DEFAULT
    learning = Learning() if policy.learns else None
    router = Router(
        compare_customers=rules.compare_customers,
        counts=settings.counts,
        identifiers=identifiers,
        learning=learning,
        activations=settings.activations,
    )
    routed = op.flat_map_batch(names.STEP_ROUTE, events, router)

    holds = settings.holds or policy

    def checkpointer(snapshot: bytes | None, codec: Codec[T], version: str = policy.version) -> Checkpointer[T] | None:
        if stores is None:
            _refuse(snapshot)
            return None
        return Checkpointer(stores, version, codec, settings.on_snapshot)

    def stage(number: int, channels: Sequence[str]) -> Callable[[bytes | None], IdentityOperator]:
        @noted
        def build(snapshot: bytes | None) -> IdentityOperator:
            operator = IdentityOperator(AliasResolver(number, rules), channels, checkpointer(snapshot, ALIAS_LOOKUPS), snapshot)
            settings.operators.append(operator)
            return operator

        return build

    first = op.stateful_batch(names.STEP_FIRST, _for(names.STEP_TO_FIRST, routed, names.FIRST_SHARDS), stage(1, channels))
    onward = op.flat_map_batch(names.STEP_ONWARD, first, fan_out_onward)
    seconds = op.merge(names.STEP_INTO_SECOND, _for(names.STEP_TO_SECOND, routed, names.SECOND_SHARDS), onward)
    second = op.stateful_batch(names.STEP_SECOND, seconds, stage(2, (*channels, *names.FIRST_SHARDS)))

    again = op.flat_map_batch(names.STEP_ONWARD_AGAIN, second, fan_out_again)
    thirds = op.merge(names.STEP_INTO_THIRD, _for(names.STEP_TO_THIRD, routed, names.THIRD_SHARDS), again)
    third = op.stateful_batch(names.STEP_THIRD, thirds, stage(3, (*channels, *names.SECOND_SHARDS)))

    judged_by = holds.version if holds is policy else version_of(holds)

    def make_shard(name: str) -> Shard:
        shard = settings.make_shard(holds, place=(names.ORDER_SHARDS.index(name), len(names.ORDER_SHARDS)))
        shard.activations.base = policy
        settings.shards.append(shard)
        return shard

    @noted
    def order_operator(snapshot: bytes | None) -> OrderOperator:
        everyone = (*channels, *names.FIRST_SHARDS, *names.SECOND_SHARDS, *names.THIRD_SHARDS)
        saving = checkpointer(snapshot, ORDER_ITEMS, judged_by)
        operator = OrderOperator(make_shard, everyone, saving, snapshot)
        settings.operators.append(operator)
        return operator

    orders: KeyedStream[Any] = op.merge(
        names.STEP_INTO_ORDERS,
        _for(names.STEP_TO_ORDERS, routed, names.ORDER_SHARDS),
        op.flat_map_batch(names.STEP_RESOLVED_FIRST, first, fan_out),
        op.flat_map_batch(names.STEP_RESOLVED_SECOND, second, fan_out),
        op.flat_map_batch(names.STEP_RESOLVED_THIRD, third, fan_out),
    )
    judged = op.stateful_batch(names.STEP_JUDGE, orders, order_operator)

    @noted
    def action_operator(snapshot: bytes | None) -> ActionOperator:
        def make(name: str) -> ActionShard:
            shard = ActionShard(holds, place=(names.ACTION_SHARDS.index(name), len(names.ACTION_SHARDS)))
            shard.activations.base = policy
            settings.action_shards.append(shard)
            return shard

        operator = ActionOperator(make, (*channels, *names.ORDER_SHARDS), checkpointer(snapshot, ACTION_ITEMS, judged_by), snapshot)
        settings.operators.append(operator)
        return operator

    asked: KeyedStream[Any] = op.merge(
        names.STEP_INTO_ACTIONS,
        _for(names.STEP_DECISIONS, routed, names.ACTION_SHARDS),
        op.flat_map_batch(names.STEP_INTENTS, judged, fan_out_intents),
    )
    return op.merge(names.STEP_SAID, judged, op.stateful_batch(names.STEP_ACTIONS, asked, action_operator))


def _by_part(live: LiveSink) -> Callable[[list[tuple[str, Judged]]], list[tuple[str, list[OutputRecord]]]]:
    """Splits the output of shards by the parts of a sink; within a part each shard's output keeps its order."""

    def cut(judged: list[tuple[str, Judged]]) -> list[tuple[str, list[OutputRecord]]]:
        live.judging()
        parts: dict[str, list[OutputRecord]] = {}
        for _, (_, outs) in judged:
            for out in outs:
                if out.topic != INTENTS:
                    parts.setdefault(live.part(out), []).append(out)
        for outs in parts.values():
            live.on_output(outs[0].topic, outs)
        return list(parts.items())

    return cut


def _for(name: str, routed: KeyedStream[Any], shards: Sequence[str]) -> KeyedStream[Any]:
    """The part of the routed stream that is meant for some shards."""
    wanted = frozenset(shards)
    return op.flat_map_batch(name, routed, lambda items: [item for item in items if item[0] in wanted])


def _collect(judged: list[tuple[str, Judged]]) -> list[tuple[str, tuple[str, Judged]]]:
    # What is said of actions only goes no further than to their shards.
    return [(names.OUTPUT, (shard, (watermark, [out for out in outs if out.topic != INTENTS]))) for shard, (watermark, outs) in judged]


def _output(token: bytes | None) -> OutputOperator:
    _refuse(token)
    return OutputOperator((*names.ORDER_SHARDS, *names.ACTION_SHARDS))


def _by_topic(outputs: list[tuple[str, list[OutputRecord]]]) -> list[OutputBatch]:
    """Splits output records by topic; within a topic they keep their order."""
    items: list[OutputBatch] = []
    for _, outs in outputs:
        topics: dict[str, list[OutputRecord]] = {}
        for out in outs:
            topics.setdefault(out.topic, []).append(out)
        items += topics.items()
    return items


def _refuse(token: bytes | None) -> None:
    """State does not outlive the process yet; a token from elsewhere would mean an engine that silently begins anew."""
    if token is not None:
        raise RuntimeError("there is no stored state to resume from")
