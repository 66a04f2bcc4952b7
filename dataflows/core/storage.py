"""An open order as bytes, and back: versioned plain data, so that a later program can still read what this one kept.

Events go through `schemas.storage`; what can be computed again from them is not kept.
"""

from __future__ import annotations

from typing import get_args

import msgspec

from dataflows.core.facts import TERMS
from dataflows.core.order import FINER_MARKS, Order
from dataflows.core.timeline import WITHDRAWN
from dataflows.core.verdicts import Verdict
from schemas.events import DATA_MODELS, Status
from schemas.record import Evidence, Note, Record
from schemas.storage import pack_events, unpack_events
from schemas.wire import micros

VERSION = 1
MARKS = (
    *DATA_MODELS,
    *(f"carrier.scan:{status}" for status in get_args(Status)),
    *FINER_MARKS,
    *(f"terms:{terms}" for terms in sorted(TERMS)),
)
"""Every mark, at the place of its bit in what is stored; a test pins it."""
BITS = {mark: 1 << place for place, mark in enumerate(MARKS)}


def pack_order(order: Order) -> bytes:
    """The order as bytes."""
    timeline = order.timeline
    records = [*timeline.records, *timeline.hidden]
    topics = sorted({r.topic for r in records})
    places: list[int] = []
    for r in records:
        # Most events are logged when they happen, so the difference is the shorter number.
        places += (r.log - r.at, topics.index(r.topic), r.partition, r.offset, r.sub)
    verdicts = [[*(getattr(v, name) for name in _VERDICT_FIELDS), [list(e) for e in v.evidence]] for v in order.ledger.verdicts.values()]
    notes = [
        [n.log, n.at, n.topic, n.partition, n.offset, n.sub, n.kind, n.scope_id, [list(e) for e in n.evidence]] for n in timeline.notes
    ]
    body = [
        VERSION,
        order.tenant,
        order.id,
        pack_events([r.event for r in records]),
        topics,
        places,
        len(timeline.hidden),
        sum(BITS[mark] for mark in order.marks).to_bytes(len(MARKS) // 8 + 1, "little"),
        order.units,
        [sorted(order.handed), sorted(order.seen), sorted(order.sent_back), sorted(order.payments, key=str)],
        [order.estimated, order.promised, order.dates, order.total],
        order.pieces,
        [[index, at] for index, at in order.pending.items()],
        sorted(order.live),
        [order.wake, order.last_log],
        verdicts,
        notes,
    ]
    return msgspec.msgpack.encode(body)


def unpack_order(packed: bytes) -> Order:
    """The order that `packed` holds, without its profile (which the engine compiles from the policy).

    Raises:
        ValueError: if it was written by a later version.
    """
    body = msgspec.msgpack.decode(packed)
    if body[0] != VERSION:
        raise ValueError(f"order state of version {body[0]}, this program reads version {VERSION}")
    (
        _,
        tenant,
        id_,
        events,
        topics,
        places,
        hidden,
        marks,
        units,
        (handed, seen, sent_back, payments),
        (estimated, promised, dates, total),
        pieces,
        pending,
        live,
        (wake, last_log),
        verdicts,
        notes,
    ) = body
    order = Order(tenant, id_)
    timeline = order.timeline
    records: list[Record] = []
    for number, event in enumerate(unpack_events(events)):
        delay, topic, partition, offset, sub = places[5 * number : 5 * number + 5]
        at = micros(event.time)
        records.append(Record(at + delay, topics[topic], partition, offset, sub, at, id_, event, b""))
    timeline.records = records[: len(records) - hidden]
    timeline.hidden = records[len(records) - hidden :]
    timeline.ids = {r.event.id for r in records}
    timeline.withdrawals = [r for r in records if r.event.type == WITHDRAWN]
    for record in timeline.records:
        timeline.by_type.setdefault(record.event.type, []).append(record)
    timeline.notes = [
        Note(
            log=n[0],
            at=n[1],
            topic=n[2],
            partition=n[3],
            offset=n[4],
            sub=n[5],
            tenant=tenant,
            order=id_,
            kind=n[6],
            scope_id=n[7],
            evidence=tuple(Evidence(*e) for e in n[8]),
        )
        for n in notes
    ]
    left = int.from_bytes(marks, "little")
    while left:
        bit = left & -left
        order.marks.add(MARKS[bit.bit_length() - 1])
        left ^= bit
    order.units, order.live = units, set(live)
    order.handed, order.seen, order.sent_back, order.payments = map(frozenset, (handed, seen, sent_back, payments))
    order.estimated, order.promised, order.dates = estimated, promised, dates
    order.total = None if total is None else (total[0], total[1])
    order.pieces = None if pieces is None else [(line_id, sku, quantity) for line_id, sku, quantity in pieces]
    order.pending = dict(pending)
    order.wake, order.last_log = wake, last_log
    for *values, evidence in verdicts:
        verdict = Verdict(**dict(zip(_VERDICT_FIELDS, values, strict=True)), evidence=tuple(Evidence(*e) for e in evidence))
        state, assignee, until = verdict.case
        verdict.case = (state, assignee, until)
        order.ledger.verdicts[verdict.kind, verdict.scope, verdict.episode] = verdict
    return order


_VERDICT_FIELDS = tuple(name for name in Verdict.__slots__ if name != "evidence")
