"""Reads the orders that versions 1 and 2 stored; see `codec` for what is stored now.

Version 2: a byte for the version, a byte of flags, the instant of the next check (eight bytes), and a MessagePack array, compressed if a
flag says so, with the fields as `unpack` names them; its events are those of `schemas.storage`. Version 1 was such an array alone, with
the version as its first element and the rules by their place among those of its time, which begin the table of codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dataflows.core.engine.compress import decompress
from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.feeds import Deferred
from dataflows.core.engine.old_cases import date_evidence, take_over
from dataflows.core.engine.order import Order
from dataflows.core.history.timeline import Failure
from schemas.record import Evidence, IdentityFinding, Record
from schemas.storage import unpack_events
from schemas.wire import micros

VERSION = 2
_HEAD = 10
_AT_FIRST = 16
"""How many fields an order had in version 1, without the version."""
_LATER: tuple[object, ...] = ((), (), "")
"""What the fields that were added since are to orders that were kept before."""
_FIRST = 0xDC
"""What states of version 1 begin with: MessagePack's sign of a long array."""
_FIRST_CHECK = 14
_decode = msgspec.msgpack.Decoder().decode


def is_old(packed: bytes) -> bool:
    """Whether version 1 or 2 wrote this."""
    return packed[0] in (VERSION, _FIRST)


def check_of(packed: bytes) -> int:
    """When the order is to be checked, µs of log time."""
    if packed[0] == VERSION:
        return int.from_bytes(packed[2:_HEAD], "big", signed=True)
    first: int = _decode(packed)[_FIRST_CHECK][0]
    return first


def unpack(packed: bytes, place: Mapping[int | str, int]) -> Order:
    """The order that `packed` holds; `place`: the place of each rule by its code and by its name."""
    body: list[Any]
    if packed[0] == VERSION:
        next_check = check_of(packed)
        body = _decode(decompress(packed[_HEAD:], packed[1]))
    else:
        _, *body = _decode(packed)
        next_check, body[13] = body[13]
        body[11] = [part for pair in body[11] for part in pair]
    body.extend(_LATER[len(body) - _AT_FIRST :])
    tenant, id_, events, topics, places, hidden, traits, units, named, found, pieces, recheck_at, live, last_log, states, notes, *later = (
        body
    )
    deferred, failures, quarantined = later
    order = Order(tenant, id_)
    records: list[Record] = []
    number = 0
    for event in unpack_events(events):
        delay, topic, partition, offset, sub = places[number : number + 5]
        at = micros(event.time)
        records.append(Record(at + delay, topics[topic], partition, offset, sub, at, id_, event, b""))
        number += 5
    timeline = order.timeline
    timeline.fill(records[: len(records) - hidden], records[len(records) - hidden :])
    timeline.notes = [_note(tenant, id_, values) for values in notes]
    order.traits = int.from_bytes(traits, "little")
    order.units = units
    order.handed, order.seen, order.sent_back, order.payments = map(frozenset, named)
    order.estimated, order.promised, order.dates, total = found
    order.total = None if total is None else (total[0], total[1])
    order.pieces = None if pieces is None else [(line_id, sku, quantity) for line_id, sku, quantity in pieces]
    order.recheck_at = {place[code]: at for code, at in zip(recheck_at[::2], recheck_at[1::2], strict=True) if code in place}
    order.live = {place[code] for code in live if code in place}
    order.next_check, order.last_log = next_check, last_log
    for values in states:
        state = msgspec.convert(values, ExceptionState)
        if state.kind in place:
            order.exceptions.states[state.kind, state.scope, state.episode] = state
    take_over(order, order.exceptions.states.values())
    date_evidence(order, order.exceptions.states.values())
    order.deferred = {place[code]: _deferred(*values) for code, *values in deferred if code in place}
    timeline.failures = [Failure(*values) for values in failures if values[0] in place]
    order.quarantined = quarantined
    return order


def _deferred(armed: list[Any], feeds: dict[str, int]) -> Deferred:
    return Deferred({(scope, due): since for scope, due, since in armed}, feeds)


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
