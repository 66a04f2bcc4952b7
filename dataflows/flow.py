"""The graph: one dataflow for replay, demo and live running, whatever its source and sinks.

    events -> route -> identity 1 -> identity 2 -> judge (order shards) -> order of verdicts -> sinks

A record that names its order goes straight to its shard and, where it ties an alias, to the identity stages as well; one that does not is
placed by the stages. Every channel carries its progress in-band, and each shard applies nothing before all of its channels have passed it:
what a shard sees does not depend on batches, on the number of processes or on any clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bytewax.operators as op  # pyright: ignore[reportMissingTypeStubs]
from bytewax.dataflow import Dataflow

from dataflows import names
from dataflows.core.identity import Stage, identity_rules, orphan_verdict
from dataflows.core.shard import Shard
from dataflows.route import Counts, Router, spread, spread_onward
from dataflows.shells import Judged, OrderShell, OutputShell, StageShell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bytewax.inputs import Source
    from bytewax.operators import KeyedStream  # pyright: ignore[reportMissingTypeStubs]
    from bytewax.outputs import Sink

    from dataflows.core.policy import Policy
    from dataflows.core.verdicts import Out
    from sinks.base import Verdicts
    from sources.batch import Batch


@dataclass(frozen=True, slots=True)
class Settings:
    """How the graph is run. `channels`: the names of the source's channels; `heart` makes a shard; `counts` is filled while it runs."""

    channels: tuple[str, ...]
    counts: Counts = field(default_factory=Counts)
    heart: Callable[[Policy], Shard] = Shard
    shards: list[Shard] = field(default_factory=list[Shard])
    """The shards that were built in this process, to be asked how many orders they hold."""


def get_flow(source: Source[Batch], sinks: Mapping[str, Sink[Verdicts]], policy: Policy, settings: Settings) -> Dataflow:
    """Builds the graph. Every sink is given all verdicts: (topic, verdicts of that topic in order), many at a time."""
    rules = identity_rules(policy)
    channels = settings.channels
    flow = Dataflow(names.FLOW)
    events = op.input(names.STEP_EVENTS, flow, source)
    router = Router(compare_customers=rules.compare_customers, counts=settings.counts)
    routed = op.flat_map_batch(names.STEP_ROUTE, events, router)

    def stage(number: int, channels: Sequence[str]) -> Callable[[bytes | None], StageShell]:
        def build(token: bytes | None) -> StageShell:
            _refuse(token)
            return StageShell(Stage(number, rules), channels)

        return build

    first = op.stateful_batch(names.STEP_FIRST, _for(names.STEP_TO_FIRST, routed, names.FIRST_SHARDS), stage(1, channels))
    onward = op.flat_map_batch(names.STEP_ONWARD, first, spread_onward)
    seconds = op.merge(names.STEP_INTO_SECOND, _for(names.STEP_TO_SECOND, routed, names.SECOND_SHARDS), onward)
    second = op.stateful_batch(names.STEP_SECOND, seconds, stage(2, (*channels, *names.FIRST_SHARDS)))

    def shard(token: bytes | None) -> OrderShell:
        _refuse(token)
        heart = settings.heart(policy)
        settings.shards.append(heart)
        return OrderShell(heart, (*channels, *names.FIRST_SHARDS, *names.SECOND_SHARDS), lambda orphan: orphan_verdict(orphan, policy))

    orders: KeyedStream[Any] = op.merge(
        names.STEP_INTO_ORDERS,
        _for(names.STEP_TO_ORDERS, routed, names.ORDER_SHARDS),
        op.flat_map_batch(names.STEP_PLACED_FIRST, first, spread),
        op.flat_map_batch(names.STEP_PLACED_SECOND, second, spread),
    )
    judged = op.stateful_batch(names.STEP_JUDGE, orders, shard)
    collected = op.flat_map_batch(names.STEP_COLLECT, judged, _collect)
    verdicts = op.stateful_batch(names.STEP_ORDER, collected, _output)
    by_topic = op.flat_map_batch(names.STEP_TOPICS, verdicts, _by_topic)
    for name, sink in sinks.items():
        op.output(f"{names.SINK_PREFIX}{name}", by_topic, sink)
    return flow


def _for(name: str, routed: KeyedStream[Any], shards: Sequence[str]) -> KeyedStream[Any]:
    """The part of the routed stream that is meant for some shards."""
    wanted = frozenset(shards)
    return op.flat_map_batch(name, routed, lambda items: [item for item in items if item[0] in wanted])


def _collect(judged: list[tuple[str, Judged]]) -> list[tuple[str, tuple[str, Judged]]]:
    return [(names.OUTPUT, said) for said in judged]


def _output(token: bytes | None) -> OutputShell:
    _refuse(token)
    return OutputShell(names.ORDER_SHARDS)


def _by_topic(verdicts: list[tuple[str, list[Out]]]) -> list[Verdicts]:
    """Cuts verdicts by topic; within a topic they keep their order."""
    items: list[Verdicts] = []
    for _, outs in verdicts:
        topics: dict[str, list[Out]] = {}
        for out in outs:
            topics.setdefault(out.topic, []).append(out)
        items += topics.items()
    return items


def _refuse(token: bytes | None) -> None:
    """State does not outlive the process yet; a token from elsewhere would mean an engine that silently begins anew."""
    if token is not None:
        raise RuntimeError("there is no stored state to resume from")
