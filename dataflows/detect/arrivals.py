"""What shards are sent: by the router, and by one another. One item per shard and batch, never one per event.

Each item carries the watermark of the channel that brings it, so that every shard knows the log time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from zlib import crc32

from dataflows.core.engine.intents import INTENTS, decode_intent
from dataflows.core.engine.watermarks import WatermarkRun
from dataflows.core.identity import AliasLookup, ResolvedEvent, alias_shard, order_shard
from dataflows.core.identity.items import tenant_of
from dataflows.core.identity.sharding import tenant_shard
from dataflows.detect.exchange import OF_ORDERS, ActionItem, codec_of, pack_run, unpack_run
from dataflows.detect.names import ACTION_SHARDS, ORDER_SHARDS, SECOND_SHARDS, THIRD_SHARDS
from schemas.learned import Showing
from schemas.output import OutputRecord
from schemas.record import Silences

T = TypeVar("T")
_ORDERS, _ALIASES, _ACTIONS = len(ORDER_SHARDS), len(SECOND_SHARDS), len(ACTION_SHARDS)


@dataclass(slots=True)
class Arrival(Generic[T]):
    """Input of a shard: items, and the watermarks of the channels that brought them.

    `shard`: its name. `in_order`: the items are sorted by position. `until` (µs) comes with the end of a finite input: time passes up to
    there, inclusive. `run`: the feeds' watermarks, which all order shards share, as they do `shown`: the records that
    show what is emitted.
    """

    shard: str
    watermark: Mapping[str, int]
    items: Sequence[T] = ()
    until: int | None = None
    in_order: bool = True
    run: WatermarkRun | None = None
    shown: Sequence[Showing] = ()

    def __reduce__(self) -> tuple[Callable[..., Arrival[Any]], tuple[object, ...]]:
        """To another process records go as they came in: bytes that are decoded once more cost less than pickled objects."""
        packed = codec_of(self.shard).pack(self.items) if self.items else b""
        run = b"" if self.run is None else pack_run(self.run)
        return _arrived, (self.shard, dict(self.watermark), packed, self.until, self.in_order, run, tuple(self.shown))


def _arrived(
    shard: str, watermark: dict[str, int], packed: bytes, until: int | None, in_order: bool, run: bytes, shown: Sequence[Showing]
) -> Arrival[Any]:
    items = codec_of(shard).unpack(packed) if packed else ()
    in_order = in_order and shard in OF_ORDERS
    return Arrival(shard, watermark, items, until, in_order, unpack_run(run) if run else None, shown)


@dataclass(slots=True)
class StageOutput:
    """Output of an alias shard after a batch: the events resolved to orders, and what the next stage must see."""

    watermark: int
    resolved: Sequence[ResolvedEvent] = ()
    onward: Sequence[AliasLookup] = ()


def action_shard(tenant: str) -> int:
    """The number of the action shard that owns the actions of a tenant."""
    return crc32(tenant.encode()) % _ACTIONS


def fan_out_intents(judged: list[tuple[str, tuple[int, list[OutputRecord]]]]) -> list[tuple[str, Arrival[ActionItem]]]:
    """What order shards say of actions, as one arrival per action shard; each carries the watermarks of all of them."""
    shards: list[list[ActionItem]] = [[] for _ in ACTION_SHARDS]
    watermark: dict[str, int] = {}
    for name, (reached, outs) in judged:
        watermark[name] = max(reached, watermark.get(name, reached))
        for out in outs:
            if out.topic == INTENTS:
                intent = decode_intent(out.body)
                shards[action_shard(intent.tenant)].append(intent)
    return [(name, Arrival(name, watermark, items, None, in_order=False)) for name, items in zip(ACTION_SHARDS, shards, strict=True)]


def fan_out(outputs: list[tuple[str, StageOutput]]) -> list[tuple[str, Arrival[ResolvedEvent]]]:
    """What alias shards have placed, as one arrival per order shard."""
    orders: list[list[ResolvedEvent]] = [[] for _ in ORDER_SHARDS]
    for _, output in outputs:
        for resolved in output.resolved:
            if isinstance(resolved.item, Silences):
                for items in orders:
                    items.append(resolved)
                continue
            orders[order_shard(resolved.tenant, resolved.order, _ORDERS)].append(resolved)
    watermark = {shard: output.watermark for shard, output in outputs}
    return [(name, Arrival(name, watermark, items, None, in_order=False)) for name, items in zip(ORDER_SHARDS, orders, strict=True)]


def fan_out_onward(outputs: list[tuple[str, StageOutput]]) -> list[tuple[str, Arrival[AliasLookup]]]:
    """What the first stage has found, as one arrival per shard of the second."""
    return _onward(outputs, SECOND_SHARDS, lambda lookup: alias_shard(lookup[2], _ALIASES))


def fan_out_again(outputs: list[tuple[str, StageOutput]]) -> list[tuple[str, Arrival[AliasLookup]]]:
    """What has moved on from the second stage, as one arrival per shard of the third."""
    return _onward(outputs, THIRD_SHARDS, lambda lookup: tenant_shard(tenant_of(lookup[0]), len(THIRD_SHARDS)))


def _onward(
    outputs: list[tuple[str, StageOutput]], shards: Sequence[str], shard_of: Callable[[AliasLookup], int]
) -> list[tuple[str, Arrival[AliasLookup]]]:
    sent: list[list[AliasLookup]] = [[] for _ in shards]
    for _, output in outputs:
        for lookup in output.onward:
            sent[shard_of(lookup)].append(lookup)
    watermark = {shard: output.watermark for shard, output in outputs}
    return [(name, Arrival(name, watermark, seen, None, in_order=False)) for name, seen in zip(shards, sent, strict=True)]
