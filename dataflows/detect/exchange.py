"""Items as bytes: for checkpoints (what an operator holds back), and for the exchange between processes.

Versioned plain data: `[1, rows]`, a row as `dataflows.core.identity.codec` makes it; that of a refusal begins with
`REFUSAL`, of an intent with `INTENT`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from dataflows.core.engine.intents import Intent, decode_intent, encode_intent
from dataflows.core.engine.watermarks import WatermarkRun
from dataflows.core.identity import AliasLookup, ResolvedEvent
from dataflows.core.identity.codec import Row, item_of, lookup_of_row, lookup_row, row_of
from dataflows.core.identity.items import Tie
from dataflows.core.identity.sharding import CHILD, CUSTOMER, TWIN
from dataflows.core.identity.shared import GOODS, LINKED
from dataflows.detect.names import ACTION_SHARDS, ORDER_SHARDS
from dataflows.runtime.checkpoint import CheckpointError, Codec
from schemas.deciding import FORGOTTEN
from schemas.record import FeedWatermark, Record
from schemas.wire import Rejected
from sources.batch import Refusal

T = TypeVar("T")
WHOLE = frozenset((LINKED, FORGOTTEN))
"""Types of which the alias shards need the data."""
VERSION = 1
REFUSAL = 100
INTENT = 101
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_decode_head: Callable[[bytes], list[Any]] = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_rows: Callable[[Any], list[Row]] = msgspec.msgpack.Decoder(list[list[Any]]).decode
_decode_ties: Callable[[Any], Sequence[AliasLookup]] = msgspec.msgpack.Decoder(list[tuple[Tie, str, str, bool]]).decode


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


class AliasLookups:
    """The codec of look-ups. Most are of records that name their order: of those goes what ties them, read as it is (`Tie`).

    Layout: `[2, rows, ties]`, a tie as `[tie, alias kind, alias value, keeps watch]`. Version 1 had rows only.
    """

    VERSION = 2

    def pack(self, items: Sequence[AliasLookup]) -> bytes:
        """The look-ups as bytes."""
        rows: list[Row] = []
        ties: list[AliasLookup] = []
        for item in items:
            head, kind, value, watch = item
            if type(head) is Record and head.order and kind not in {CUSTOMER, TWIN} and not head.sub and head.event.type not in WHOLE:
                ties.append((Tie.of(head, whole=kind == CHILD and head.event.type in GOODS), kind, value, watch))
            elif type(head) is Tie:
                ties.append(item)
            else:
                rows.append(lookup_row(item))
        return _encode([self.VERSION, rows, ties])

    def unpack(self, packed: bytes) -> list[AliasLookup]:
        """The look-ups that `pack` was given, in another order.

        Raises:
            CheckpointError: if they were written by a later version.
        """
        head, *parts = _decode_head(packed)
        version = _decode(head)
        if version == VERSION:
            return cast("list[AliasLookup]", _FIRST_LOOKUPS.unpack(packed))
        if version != self.VERSION:
            raise CheckpointError(f"held-back records have version {version}, this program reads {self.VERSION}")
        rows, ties = parts
        try:
            found: list[AliasLookup] = [lookup_of_row(row) for row in _decode_rows(rows)]
        except (ValueError, Rejected) as error:
            raise CheckpointError(f"held-back records cannot be read: {error}") from error
        found += _decode_ties(ties)
        return found


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


def _action_row(item: ActionItem) -> Row:
    return [INTENT, encode_intent(item)] if isinstance(item, Intent) else row_of(item)


def _action_item(row: Row) -> ActionItem:
    return decode_intent(row[1]) if row[0] == INTENT else cast("Record", item_of(row))


ACTION_ITEMS: Codec[ActionItem] = Rows(_action_row, _action_item)
_FIRST_LOOKUPS = Rows(lookup_row, lookup_of_row)
ALIAS_LOOKUPS: Codec[AliasLookup] = AliasLookups()
OF_ORDERS = frozenset(ORDER_SHARDS)
OF_ACTIONS = frozenset(ACTION_SHARDS)


def codec_of(shard: str) -> Codec[Any]:
    """The codec of what a shard is sent."""
    if shard in OF_ORDERS:
        return ORDER_ITEMS
    return ACTION_ITEMS if shard in OF_ACTIONS else ALIAS_LOOKUPS


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
ActionItem: TypeAlias = "Intent | Record"
"""What the log of an action shard is made of: what orders say, and decisions."""
