"""Items as bytes: for checkpoints (what an operator holds back), and for the exchange between processes.

Versioned plain data: `[1, rows]`, a row as `dataflows.core.identity.codec` makes it; that of a refusal begins with `REFUSAL`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from dataflows.core.engine.watermarks import WatermarkRun
from dataflows.core.identity import AliasLookup, ResolvedEvent
from dataflows.core.identity.codec import Row, item_of, lookup_of_row, lookup_row, row_of
from dataflows.detect.names import ORDER_SHARDS
from dataflows.runtime.checkpoint import CheckpointError, Codec
from schemas.record import FeedWatermark, Record
from schemas.wire import Rejected
from sources.batch import Refusal

T = TypeVar("T")
VERSION = 1
REFUSAL = 100
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Rows:
    """A codec that turns each item into a row."""

    def __init__(self, row: Callable[[Any], Row], item: Callable[[Row], Any]) -> None:
        self._row = row
        self._item = item

    def pack(self, items: Sequence[Any]) -> bytes:
        """The items as bytes."""
        return _encode([VERSION, [self._row(item) for item in items]])

    def unpack(self, packed: bytes) -> list[Any]:
        """The items that `pack` was given.

        Raises:
            CheckpointError: if they were kept by a later version.
        """
        version, rows = cast("tuple[int, list[Row]]", _decode(packed))
        if version != VERSION:
            raise CheckpointError(f"held-back records have version {version}, this program reads {VERSION}")
        try:
            return [self._item(row) for row in rows]
        except (ValueError, Rejected) as error:
            raise CheckpointError(f"held-back records cannot be read: {error}") from error


def _order_row(item: OrderItem) -> Row:
    if isinstance(item, Refusal):
        place = [item.log, item.topic, item.partition, item.offset, item.sub]
        headers = [list(header) for header in item.headers]
        return [REFUSAL, *place, item.reason, item.detail, item.raw, item.size, item.key, headers, item.digest]
    return row_of(item)


def _order_item(row: Row) -> OrderItem:
    if row[0] != REFUSAL:
        return cast("Record | FeedWatermark | ResolvedEvent", item_of(row))
    # Rows of earlier versions end before the digest.
    _, log, topic, partition, offset, sub, reason, detail, raw, size, key, pairs, *digest = row
    headers = tuple((name, value) for name, value in pairs)
    return Refusal(log, topic, partition, offset, sub, reason, detail, raw, size, key, headers, *digest)


ORDER_ITEMS: Codec[OrderItem] = Rows(_order_row, _order_item)
ALIAS_LOOKUPS: Codec[AliasLookup] = Rows(lookup_row, lookup_of_row)
_OF_ORDERS = frozenset(ORDER_SHARDS)


def codec_of(shard: str) -> Codec[Any]:
    """The codec of what a shard is sent."""
    return ORDER_ITEMS if shard in _OF_ORDERS else ALIAS_LOOKUPS


@lru_cache(maxsize=8)
def pack_run(run: WatermarkRun) -> bytes:
    """A run of watermarks as bytes. The same ones go to every shard of another process: they are packed once."""
    return ORDER_ITEMS.pack(cast("Sequence[OrderItem]", run.marks))


@lru_cache(maxsize=8)
def unpack_run(packed: bytes) -> WatermarkRun:
    """The run that `pack_run` was given; unpacked once, however many shards share it."""
    return WatermarkRun(cast("list[FeedWatermark]", ORDER_ITEMS.unpack(packed)))


OrderItem: TypeAlias = "Record | Refusal | FeedWatermark | ResolvedEvent"
"""What the log of an order shard is made of."""
