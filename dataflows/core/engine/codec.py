"""An open order as bytes, and back: versioned plain data, so that a later program can still read what this one kept.

Layout of version 3: a byte for the version, a byte of flags, the instant of the next check (eight bytes), so that both can be read at no
cost, and a MessagePack array, compressed if a flag says so (see `compress`): the rows of the order's events (`schemas.rows`), then the
fields of `OrderBody`. A field is added at its end, with a default, for states that were kept before. Rules stand by their kind (see
`codes`): what belongs to one that the policy does not have is dropped. What can be computed again is not kept, and neither is the
order's name, which is its key. Earlier versions are read by `codec_old`.

An event that lengthens a history is packed once: its row is put behind the rows that are there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct as Head
from typing import cast

import msgspec
from msgspec import Struct

from dataflows.core.engine import codec_old
from dataflows.core.engine.backfill import BackfillSpan
from dataflows.core.engine.codes import KINDS
from dataflows.core.engine.compress import FLAG, compress, decompress
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.feeds import Deferred
from dataflows.core.engine.message_book import MessageBook
from dataflows.core.engine.old_cases import date_evidence, take_over
from dataflows.core.engine.order import BY_ITSELF, Order, Piece, names_of_key
from dataflows.core.engine.ruleset import RuleSet
from dataflows.core.history.timeline import Failure
from schemas.record import IdentityFinding
from schemas.rows import ROW, RowEvent, pack_row, records_of

VERSION = 3
HEAD = 10
"""How many bytes stand before the array."""
_HEAD = Head(">BBq")
_DEFERRED = 1
"""The flag of orders that wait for feeds, or ask for what may rest on one; the others say how the array is compressed."""

Code = int | str
"""A kind of rule in stored state: its code, or its name where it has none."""


class DeferredRow(Struct, array_like=True, frozen=True):
    """What of one rule waits for feeds: see `Deferred`."""

    code: Code
    armed: list[tuple[str | None, int, int]]
    feeds: dict[str, int]


class OrderBody(Struct, array_like=True, omit_defaults=True):
    """The fields of an order after its rows; what few orders have comes last. The names are those of `Order`, unless said otherwise.

    `hidden`: how many of the rows, the last ones, are hidden; `traits` as bytes, the lowest first;
    """

    topics: list[str]
    traits: bytes
    last_log: int
    recheck_at: list[tuple[Code, int]]
    units: dict[str, str]
    handed: list[str]
    seen: list[str]
    payments: list[str | None]
    dates: dict[str, int]
    promised: int | None
    total: tuple[str, str] | None
    pieces: list[Piece] | None
    states: list[ExceptionState] = []
    live: list[Code] = []
    estimated: int | None = None
    sent_back: list[str] = []
    hidden: int = 0
    notes: list[IdentityFinding] = []
    deferred: list[DeferredRow] = []
    failures: list[Failure] = []
    quarantined: str = ""
    work: int = 0
    backfilling: BackfillSpan | None = None
    messages: MessageBook | None = None


class Stored(Struct, array_like=True, frozen=True):
    """The array of an order."""

    rows: msgspec.Raw
    body: OrderBody


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Stored).decode
_decode_rows = cast("Callable[[bytes], list[RowEvent]]", msgspec.msgpack.Decoder(list[ROW]).decode)
_PAIR = b"\x92"
"""MessagePack's sign of an array of two."""


def check_of(packed: bytes) -> int:
    """When the order that `packed` holds is to be checked, µs of log time.

    Raises:
        ValueError: if it was written by a later version.
    """
    if packed[0] == VERSION:
        return int.from_bytes(packed[2:HEAD], "big", signed=True)
    if codec_old.is_old(packed):
        return codec_old.check_of(packed)
    raise _unknown(packed)


def waits_for_feeds(packed: bytes) -> bool:
    """Whether something of the order that `packed` holds is deferred until feeds have spoken, or asked for while they do."""
    return packed[0] in (VERSION, codec_old.VERSION) and packed[1] & _DEFERRED != 0


def plain_of(packed: bytes) -> bytes:
    """The array of an order as it is before it is compressed."""
    return decompress(packed[HEAD:], packed[1])


class OrderCodec:
    """Packs the orders of one policy: in memory rules stand by their place among those of the policy."""

    def __init__(self, ruleset: RuleSet) -> None:
        codes = {kind: code for code, kind in enumerate(KINDS)}
        self._code: dict[int, Code] = {
            **dict(zip(BY_ITSELF, BY_ITSELF, strict=True)),
            **{index: codes.get(kind, kind) for kind, index in ruleset.index.items()},
        }
        self._place: dict[Code, int] = {code: index for index, code in self._code.items()}
        self._place.update(ruleset.index)
        """The place of each rule, by its code and by its name."""

    def pack(self, order: Order) -> bytes:
        """The order as bytes."""
        code, timeline = self._code, order.timeline
        rows = _rows(order)
        body = OrderBody(
            topics=order.topics,
            traits=order.traits.to_bytes((order.traits.bit_length() + 7) // 8, "little"),
            last_log=order.last_log,
            recheck_at=[(code[index], at) for index, at in order.recheck_at.items()],
            units=order.units,
            handed=sorted(order.handed),
            seen=sorted(order.seen),
            payments=sorted(order.payments, key=str),
            dates=order.dates,
            promised=order.promised,
            total=order.total,
            pieces=order.pieces,
            states=list(order.exceptions.states.values()),
            live=[code[index] for index in sorted(order.live)],
            estimated=order.estimated,
            sent_back=sorted(order.sent_back),
            hidden=len(timeline.hidden),
            notes=timeline.notes,
            deferred=[_deferred_row(code[index], deferred) for index, deferred in order.deferred.items()],
            failures=timeline.failures,
            quarantined=order.quarantined,
            work=order.work,
            backfilling=order.backfilling,
            messages=order.messages,
        )
        plain = b"".join((_PAIR, _array(order.packed_rows), rows, _encode(body)))
        hears = order.deferred or order.exceptions.asks()
        return _HEAD.pack(VERSION, FLAG | (_DEFERRED if hears else 0), order.next_check) + compress(plain)

    def unpack(self, key: str, packed: bytes) -> Order:
        """The order that `packed` holds under a key, without its profile (which the engine compiles from the policy).

        Raises:
            ValueError: if it was written by a later version.
        """
        if packed[0] != VERSION:
            if codec_old.is_old(packed):
                return codec_old.unpack(packed, self._place)
            raise _unknown(packed)
        plain = plain_of(packed)
        try:
            stored = _decode(plain)
            rows = _decode_rows(packed_rows := bytes(stored.rows))
        except msgspec.DecodeError as error:
            raise ValueError(f"not a packed order: {error}") from error
        body, place = stored.body, self._place
        tenant, id_ = names_of_key(key)
        order = Order(tenant, id_)
        topics = order.topics = body.topics
        records = records_of(rows, topics, id_)
        counting = len(records) - body.hidden
        order.timeline.fill(records[:counting], records[counting:])
        order.timeline.notes, order.timeline.failures = body.notes, [f for f in body.failures if f.kind in place]
        if not body.hidden:
            order.rows, order.packed_rows = packed_rows[len(_array(len(rows))) :], len(rows)
        order.traits = int.from_bytes(body.traits, "little")
        order.units, order.dates, order.promised, order.estimated = body.units, body.dates, body.promised, body.estimated
        order.total, order.pieces, order.quarantined, order.last_log = body.total, body.pieces, body.quarantined, body.last_log
        order.work = body.work
        order.handed, order.seen = frozenset(body.handed), frozenset(body.seen)
        order.sent_back, order.payments = frozenset(body.sent_back), frozenset(body.payments)
        order.backfilling = body.backfilling
        order.messages = body.messages
        order.recheck_at = {place[code]: at for code, at in body.recheck_at if code in place}
        order.live = {place[code] for code in body.live if code in place}
        order.next_check = check_of(packed)
        take_over(order, body.states)
        date_evidence(order, body.states)
        order.exceptions.states = {(s.kind, s.scope, s.episode): s for s in body.states}
        order.deferred = {place[row.code]: _deferred(row) for row in body.deferred if row.code in place}
        return order


@lru_cache(maxsize=4)
def codec_of(ruleset: RuleSet) -> OrderCodec:
    """The codec of a policy's rules, one for all shards of a process: its tables are some kilobytes."""
    return OrderCodec(ruleset)


def _rows(order: Order) -> bytes:
    """The rows of an order's events; those that were packed before are taken as they are, unless the history has changed before its end."""
    timeline = order.timeline
    hidden = timeline.anything_hidden
    records = [*timeline.records, *timeline.hidden] if hidden else timeline.records
    known = order.packed_rows
    if hidden:
        order.repack()
        known = 0
    if known < len(records):
        topics, made = order.topics, [order.rows]
        for record in records[known:]:
            if record.topic not in topics:
                topics.append(record.topic)
            made.append(pack_row(record, topics.index(record.topic)))
        order.rows = b"".join(made)
        order.packed_rows = len(records)
    return order.rows


def _array(number: int) -> bytes:
    """MessagePack's sign of an array of so many members."""
    if number < 16:
        return bytes((0x90 | number,))
    return b"\xdc" + number.to_bytes(2, "big") if number < 1 << 16 else b"\xdd" + number.to_bytes(4, "big")


def _deferred_row(code: Code, deferred: Deferred) -> DeferredRow:
    return DeferredRow(code, [(scope, due, since) for (scope, due), since in deferred.armed.items()], deferred.feeds)


def _deferred(row: DeferredRow) -> Deferred:
    return Deferred({(scope, due): since for scope, due, since in row.armed}, row.feeds)


def _unknown(packed: bytes) -> ValueError:
    return ValueError(f"order state of version {packed[0]}, this program reads versions 1 to {VERSION}")
