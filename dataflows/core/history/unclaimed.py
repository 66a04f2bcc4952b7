"""An alias at which events wait for their order: what the identity step said of that, as notes of its history.

Its history is that of an order that nobody knows: the events that waited when it was missed, and the decisions about its exception. Each
note is one wait: `at` is when the first event came in, `log` when it was missed, its one lapse begins there and ends with the tie.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from dataflows.core.history.timeline import Timeline
from schemas.deciding import is_decision
from schemas.record import IdentityFinding, Orphan, Record

ORPHAN: Final = "data.orphan_signal"


def waits_of(timeline: Timeline) -> list[IdentityFinding]:
    """The waits at an alias, in their order; none of an order."""
    return [note for note in timeline.notes if note.kind == ORPHAN]


def missed(orphan: Orphan) -> IdentityFinding:
    """The note that somebody is missed at an alias."""
    first = orphan.records[0]
    return IdentityFinding(
        log=orphan.log,
        at=orphan.since,
        topic=first.topic,
        partition=first.partition,
        offset=first.offset,
        sub=first.sub,
        tenant=orphan.tenant,
        order=orphan.alias,
        kind=ORPHAN,
        scope_id=None,
        evidence=(),
        lapses=((orphan.due, None),),
    )


def claimed(note: IdentityFinding, orphan: Orphan) -> IdentityFinding:
    """The note of a wait that is over: an order has claimed the alias."""
    ((since, _),) = note.lapses
    return replace(note, others=() if orphan.order is None else (orphan.order,), lapses=((since, orphan.log),))


def claimed_at(note: IdentityFinding) -> int | None:
    """When (µs of log time) an order claimed the alias; None while none has."""
    ((_, until),) = note.lapses
    return until


def waited(timeline: Timeline, note: IdentityFinding) -> tuple[Record, ...]:
    """The events that waited when somebody was missed, as they came in."""
    records = [r for r in timeline.records if note.at <= r.log <= note.log and not is_decision(r.event.type)]
    return tuple(sorted(records, key=lambda record: record.position))
