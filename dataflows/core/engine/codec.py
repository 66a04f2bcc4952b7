"""An open order as bytes, and back: versioned plain data, so that a later program can still read what this one kept.

Layout of version 2: a byte for the version, a byte of flags, the wake instant (eight bytes), so that both can be read at no cost, and a
MessagePack array, squeezed if a flag says so (see `compress`). A field is added at the end of the array, and its default to `_LATER`, for
states that were kept before. Rules stand by their kind (see `codes`): what belongs to one that this program does not have is dropped.
Version 1 was such an array alone, with the version as its first element and the rules by their place among those of its time, which begin
the table of codes. Events go through `schemas.storage`; what can be computed again from them is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any

import msgspec

from dataflows.core.engine.codes import BITS, KINDS, MARKS
from dataflows.core.engine.compress import compress, decompress
from dataflows.core.engine.evaluate import CLOSE, INDEX
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.feeds import Deferred
from dataflows.core.engine.order import Order
from dataflows.core.history.timeline import Failure
from schemas.record import Evidence, IdentityFinding, Record
from schemas.storage import pack_events, unpack_events
from schemas.wire import micros

VERSION = 2
VERDICT_FIELDS = (
    *("kind", "scope", "episode", "sequence", "status", "severity", "mode", "owner", "lane", "start", "end", "due"),
    *("arithmetic", "detail", "resolution", "suppressed_by", "case", "action"),
)
"""The fields of a verdict before its evidence, in their stored order: a new one would be stored behind the evidence."""

_HEAD = Struct(">BBq")
HEAD = _HEAD.size
"""How many bytes stand before the array."""
_WAITS = 1
"""The flag of orders that wait for feeds."""
_SQUEEZED = 2
"""The flag of arrays that are squeezed with the first dictionary."""
_AT_FIRST = 16
"""How many fields an order had in version 1, without the version."""
_LATER: tuple[object, ...] = ((), (), "")
"""What the fields that were added since are to orders that were kept before."""
_FIRST = 0xDC
"""What states of version 1 begin with: MessagePack's sign of a long array."""
_FIRST_WAKE = 14
_CODE: dict[int, int | str] = {CLOSE: CLOSE, **{index: KINDS.index(kind) if kind in KINDS else kind for kind, index in INDEX.items()}}
_INDEX: dict[int | str, int] = {code: index for index, code in (*_CODE.items(), *((index, kind) for kind, index in INDEX.items()))}
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def wake_of(packed: bytes) -> int:
    """When the order that `packed` holds is to be looked at, µs of log time.

    Raises:
        ValueError: if it was written by a later version.
    """
    if packed[0] == VERSION:
        return int.from_bytes(packed[2:10], "big", signed=True)
    if packed[0] != _FIRST:
        raise _unknown(packed)
    wake: int = _decode(packed)[_FIRST_WAKE][0]
    return wake


def waits_for_feeds(packed: bytes) -> bool:
    """Whether something of the order that `packed` holds is parked until feeds have spoken."""
    return packed[0] == VERSION and packed[1] & _WAITS != 0


def pack_order(order: Order) -> bytes:
    """The order as bytes."""
    timeline = order.timeline
    hidden = timeline.hidden
    records = [*timeline.records, *hidden] if hidden else timeline.records
    topics = list({r.topic: None for r in records})
    places: list[int] = []
    for r in records:
        # Most events are logged when they happen, so the difference is the shorter number.
        places += (r.log - r.at, topics.index(r.topic) if len(topics) > 1 else 0, r.partition, r.offset, r.sub)
    marks = 0
    for mark in order.marks:
        marks |= BITS[mark]
    pending: list[int | str] = []
    for index, at in order.pending.items():
        pending += (_CODE[index], at)
    body = (
        order.tenant,
        order.id,
        pack_events([r.event for r in records]),
        topics,
        places,
        len(hidden),
        marks.to_bytes(len(MARKS) // 8 + 1, "little"),
        order.units,
        [sorted(order.handed), sorted(order.seen), sorted(order.sent_back), sorted(order.payments, key=str)],
        [order.estimated, order.promised, order.dates, order.total],
        order.pieces,
        pending,
        [_CODE[index] for index in sorted(order.live)],
        order.last_log,
        [_plain_verdict(verdict) for verdict in order.ledger.verdicts.values()],
        [_plain_note(note) for note in timeline.notes],
        [_plain_parked(index, parked) for index, parked in order.parked.items()],
        timeline.failures,
        order.quarantined,
    )
    return _HEAD.pack(VERSION, _SQUEEZED | (_WAITS if order.parked else 0), order.wake) + compress(_encode(body))


def plain_of(packed: bytes) -> bytes:
    """The array of an order as it is before it is squeezed."""
    return decompress(packed[HEAD:]) if packed[1] & _SQUEEZED else packed[HEAD:]


def unpack_order(packed: bytes) -> Order:
    """The order that `packed` holds, without its profile (which the engine compiles from the policy).

    Raises:
        ValueError: if it was written by a later version.
    """
    body: list[Any]
    if packed[0] == VERSION:
        wake, body = wake_of(packed), _decode(plain_of(packed))
    elif packed[0] == _FIRST:
        _, *body = _decode(packed)
        wake, body[13] = body[13]
        body[11] = [part for pair in body[11] for part in pair]
    else:
        raise _unknown(packed)
    body.extend(_LATER[len(body) - _AT_FIRST :])
    tenant, id_, events, topics, places, hidden, marks, units, named, found, pieces, pending, live, last_log, verdicts, notes, *later = body
    parked, failures, quarantined = later
    order = Order(tenant, id_)
    records: list[Record] = []
    number = 0
    for event in unpack_events(events):
        delay, topic, partition, offset, sub = places[number : number + 5]
        at = micros(event.time)
        records.append(Record(at + delay, topics[topic], partition, offset, sub, at, id_, event, b""))
        number += 5
    counted = len(records) - hidden
    order.timeline.fill(records[:counted], records[counted:])
    order.timeline.notes = [_note(tenant, id_, values) for values in notes]
    left = int.from_bytes(marks, "little")
    while left:
        bit = left & -left
        order.marks.add(MARKS[bit.bit_length() - 1])
        left ^= bit
    order.units = units
    order.handed, order.seen, order.sent_back, order.payments = map(frozenset, named)
    order.estimated, order.promised, order.dates, total = found
    order.total = None if total is None else (total[0], total[1])
    order.pieces = None if pieces is None else [(line_id, sku, quantity) for line_id, sku, quantity in pieces]
    order.pending = {_INDEX[code]: at for code, at in zip(pending[::2], pending[1::2], strict=True) if code in _INDEX}
    order.live = {_INDEX[code] for code in live if code in _INDEX}
    order.wake, order.last_log = wake, last_log
    for values in verdicts:
        verdict = _verdict(values)
        if verdict.kind in INDEX:
            order.ledger.verdicts[verdict.kind, verdict.scope, verdict.episode] = verdict
    order.parked = {_INDEX[code]: _parked(*values) for code, *values in parked if code in _INDEX}
    order.timeline.failures = [Failure(*values) for values in failures if values[0] in INDEX]
    order.quarantined = quarantined
    return order


def _unknown(packed: bytes) -> ValueError:
    return ValueError(f"order state of version {packed[0]}, this program reads versions 1 to {VERSION}")


def _plain_parked(index: int, parked: Deferred) -> list[object]:
    return [_CODE[index], [[scope, due, since] for (scope, due), since in parked.armed.items()], parked.feeds]


def _parked(armed: list[Any], feeds: dict[str, int]) -> Deferred:
    return Deferred({(scope, due): since for scope, due, since in armed}, feeds)


def _plain_evidence(evidence: Iterable[Evidence]) -> list[list[object]]:
    return [list(e) for e in evidence]


def _plain_note(n: IdentityFinding) -> list[object]:
    return [n.log, n.at, n.topic, n.partition, n.offset, n.sub, n.kind, n.scope_id, _plain_evidence(n.evidence)]


def _note(tenant: str, order: str, values: list[Any]) -> IdentityFinding:
    log, at, topic, partition, offset, sub, kind, scope_id, evidence = values
    return IdentityFinding(
        log=log,
        at=at,
        topic=topic,
        partition=partition,
        offset=offset,
        sub=sub,
        tenant=tenant,
        order=order,
        kind=kind,
        scope_id=scope_id,
        evidence=tuple(Evidence(*e) for e in evidence),
    )


def _plain_verdict(verdict: ExceptionState) -> list[object]:
    return [*(getattr(verdict, name) for name in VERDICT_FIELDS), _plain_evidence(verdict.evidence)]


def _verdict(values: list[Any]) -> ExceptionState:
    verdict = ExceptionState(*values[:-1])
    state, assignee, until = verdict.case
    verdict.case = (state, assignee, until)
    verdict.evidence = tuple(Evidence(*e) for e in values[-1])
    return verdict
