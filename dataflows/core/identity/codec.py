"""Records, and what identity makes of them, as rows of plain data: to be kept between runs, and to travel between processes.

A row is a list that begins with a number for what it is. An event is not taken apart: its original bytes are kept (a reject needs them) and
decoded again. Sub-indexes have no bound, so they are bytes. Numbers and the order of fields are stored data: they never change.
"""

from __future__ import annotations

from sys import intern
from typing import Any, TypeAlias, cast

from dataflows.core.identity.items import AliasLookup, Ambiguous, ResolvedEvent
from schemas.identifiers import normaliser
from schemas.record import Evidence, FeedWatermark, IdentityFinding, Orphan, Record, Silenced, Silences
from schemas.wire import decode, event_of, micros

Row: TypeAlias = list[Any]
RECORD, FINDING, FEED_WATERMARK, RESOLVED, AMBIGUOUS, ORPHAN, SILENCES = range(7)
Item: TypeAlias = Record | IdentityFinding | FeedWatermark | ResolvedEvent | Ambiguous | Orphan | Silences


def row_of(item: Item) -> Row:
    """An item as a row."""
    match item:
        case Record():
            headers = [list(header) for header in item.headers] if item.headers else ()
            row = [RECORD, item.log, item.topic, item.partition, item.offset, _bytes(item.sub), item.order, item.raw, item.key, headers]
            return [*row, item.identifiers] if item.identifiers else row
        case ResolvedEvent():
            place = [item.log, item.topic, item.partition, item.offset, _bytes(item.sub), item.tenant, item.order]
            return [RESOLVED, *place, row_of(item.item)]
        case IdentityFinding():
            place = [item.log, item.at, item.topic, item.partition, item.offset, _bytes(item.sub), item.tenant, item.order]
            row = [FINDING, *place, item.kind, item.scope_id, [list(evidence) for evidence in item.evidence], list(item.others)]
            return [*row, [list(lapse) for lapse in item.lapses]] if item.lapses else row
        case FeedWatermark():
            row = [FEED_WATERMARK, item.log, item.topic, item.partition, item.offset, _bytes(item.sub), item.feed, item.at]
            return [*row, True] if item.late else row
        case Ambiguous():
            return [AMBIGUOUS, row_of(item.record), item.kind, list(item.orders)]
        case Orphan():
            # The sixth field numbered what was said of it, while nothing of it was kept in its shard.
            said = [item.tenant, item.alias, item.log, item.since, item.due, 2 if item.resolved else 1, item.resolved, item.order]
            row = [ORPHAN, *said, [row_of(record) for record in item.records]]
            return [*row, True] if item.said else row
        case Silences():
            return [SILENCES, item.log, item.tenant, item.milestone, [list(change) for change in item.changes]]


def item_of(row: Row) -> Item:
    """The item of a row.

    Raises:
        Rejected: if a record's bytes are no event any more, which only a program older than the one that kept it finds.
    """
    what, *rest = row
    if what == RECORD:
        return record_of_row(row)
    if what == RESOLVED:
        log, topic, partition, offset, sub, tenant, order, item = rest
        inner = cast("Record | IdentityFinding | Ambiguous | Orphan | Silences", item_of(item))
        return ResolvedEvent(log, topic, partition, offset, _number(sub), tenant, order, inner)
    if what == FINDING:
        log, at, topic, partition, offset, sub, tenant, order, kind, scope_id, cited, *later = rest
        return IdentityFinding(
            log=log,
            at=at,
            topic=topic,
            partition=partition,
            offset=offset,
            sub=_number(sub),
            tenant=tenant,
            order=order,
            kind=kind,
            scope_id=scope_id,
            evidence=tuple(Evidence(*evidence) for evidence in cited),
            others=tuple(later[0]) if later else (),  # A state of before has none.
            lapses=tuple((since, until) for since, until in later[1]) if len(later) > 1 else (),
        )
    if what == FEED_WATERMARK:
        log, topic, partition, offset, sub, feed, at, *late = rest
        return FeedWatermark(log, topic, partition, offset, _number(sub), feed, at, bool(late))
    if what == AMBIGUOUS:
        record, kind, orders = rest
        return Ambiguous(record_of_row(record), kind, tuple(orders))
    if what == ORPHAN:
        tenant, alias, log, since, due, _, resolved, order, records, *later = rest
        return Orphan(tenant, alias, log, since, due, resolved, order, tuple(map(record_of_row, records)), bool(later))
    if what == SILENCES:
        log, tenant, milestone, changes = rest
        return Silences(log, tenant, milestone, tuple(Silenced(*change) for change in changes))
    raise ValueError(f"an item of an unknown sort ({what}) was kept")


def record_of_row(row: Row) -> Record:
    """The record of a row. Raises Rejected as `item_of` does."""
    _, log, topic, partition, offset, sub, order, raw, key, named, *forms = row
    headers = tuple((name, value) for name, value in named) if named else ()
    event = event_of(headers, raw) if headers else decode(raw)
    code = forms[0] if forms else 0  # A state of before has none.
    if code:
        normaliser(code).event(event)
    return Record(log, topic, partition, offset, _number(sub), micros(event.time), intern(order), event, raw, key, headers, code)


def lookup_row(lookup: AliasLookup) -> Row:
    """A look-up as a row."""
    head, kind, value, watch = lookup
    return [row_of(cast("Record | ResolvedEvent", head)), kind, value, watch]


def lookup_of_row(row: Row) -> AliasLookup:
    """The look-up of a row. Raises Rejected as `item_of` does."""
    head, kind, value, watch = row
    return (cast("Record | ResolvedEvent", item_of(head)), kind, value, watch)


def _bytes(sub: int) -> bytes:
    return sub.to_bytes((sub.bit_length() + 7) // 8, "big") if sub else b""


def _number(sub: bytes) -> int:
    return int.from_bytes(sub, "big") if sub else 0
