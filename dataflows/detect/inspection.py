"""What a state directory knows of one order, told from outside: its life so far, what was said of it, and what is still expected.

Nothing is written and no lock is held, so the engine may be running. What is told is as of the last commit of the order's shard.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from dataflows.core.engine.activation import POLICY
from dataflows.core.engine.evaluate import Evaluation
from dataflows.core.engine.exceptions import case_data
from dataflows.core.engine.lifecycle import reckon
from dataflows.core.engine.order import ASKS, BACKFILLING, CASES, CLOSE, MESSAGES, SILENCE, Order, alias_key, key_of
from dataflows.core.engine.shard import Shard
from dataflows.core.engine.state import FEEDS, LEARNED, ORDER, TOMBSTONE
from dataflows.core.engine.tombstones import Tombstones
from dataflows.core.identity import order_shard
from dataflows.core.policy.check import PolicyError
from dataflows.core.rules.load import load_policy
from dataflows.detect.explain_cases import case_text
from dataflows.detect.in_force import policy_before
from dataflows.detect.names import ORDER_SHARDS
from dataflows.runtime.state.directory import policy_file, read_state
from dataflows.runtime.state.errors import StateError
from dataflows.runtime.state.reader import look
from schemas.instants import iso
from schemas.record import Record
from sources.batch import BEGINNING

BESIDE_RULES = {
    CLOSE: "closed, if nothing comes, nothing is open and nothing is expected",
    BACKFILLING: "judged, if nothing more of its history is told",
    CASES: "a case is escalated, or its snooze or wait ends, if nobody decides otherwise",
    MESSAGES: "what may be said to the customer is judged again",
    ASKS: "what its exceptions ask for is said, if nothing of the same instant ends or suppresses them",
    SILENCE: "what was requested or proposed is taken back, if a feed that it rests on says nothing more",
}
"""What happens to an order by itself that is about no rule."""


class TimelineEntry(msgspec.Struct, frozen=True):
    """An event of the timeline; instants as in the contract. `status` is a scan's; `withdrawn` events no longer count."""

    time: str
    log: str
    type: str
    status: str | None
    source: str
    id: str
    topic: str
    partition: int
    offset: int
    withdrawn: bool


class StandingException(msgspec.Struct, frozen=True):
    """An output record as it stands; the words are the contract's."""

    exception_id: str
    sequence: int
    kind: str
    scope: str | None
    episode: int
    status: str
    severity: str
    owner: str
    due_at: str | None
    occurred_at: str | None
    resolved_at: str | None
    resolution: str | None
    suppressed_by: str | None
    arithmetic: str
    case: str = ""
    """How its case stands, and who has it."""


class Ahead(msgspec.Struct, frozen=True):
    """Something that happens at an instant of log time unless an event comes first. `kind` is None where it concerns no rule."""

    at: str
    kind: str | None
    scope: str | None
    severity: str | None
    words: str


class Wait(msgspec.Struct, frozen=True):
    """Deadlines of a rule that have passed and cannot be decided before a feed has spoken past `past`; `spoken`: how far it has."""

    kind: str
    deadlines: tuple[str, ...]
    feed: str
    past: str
    spoken: str | None
    stale: bool


class OrderReport(msgspec.Struct, frozen=True):
    """One order. `status` is open, quarantined (by a program error) or closed; of a closed one only `remembered_until` is left."""

    tenant: str
    order: str
    shard: str
    commit: int
    policy: str
    status: str
    last_log: str | None = None
    remembered_until: str | None = None
    error: str | None = None
    timeline: tuple[TimelineEntry, ...] = ()
    verdicts: tuple[StandingException, ...] = ()
    deadlines: tuple[Ahead, ...] = ()
    waits: tuple[Wait, ...] = ()


def inspect_order(path: Path, tenant: str, order: str) -> OrderReport | None:
    """What the state directory `path` knows of an order, or of an alias (`kind:value`) that nobody has claimed; None if it knows neither.

    Raises StateError if it cannot be read.
    """
    state = read_state(path)
    name = ORDER_SHARDS[order_shard(tenant, order, len(ORDER_SHARDS))]
    directory = path / "shards" / name
    seen = look(directory) if directory.exists() else None
    if seen is None or state.policy is None:
        return None
    commit, rows = seen
    report = OrderReport(tenant, order, name, commit.number, state.policy, "open")
    keys = (key_of(tenant, order), alias_key(tenant, order))
    key = next((key for key in keys if ORDER + key.encode() in rows or TOMBSTONE + key.encode() in rows), keys[0])
    own, tombstone = ORDER + key.encode(), rows.get(TOMBSTONE + key.encode())
    try:
        if own in rows:
            base = load_policy(policy_file(path))
            shard = Shard(policy_before(path, base))
            shard.activations.base = base
            # What is said of one order takes no other one, but the feeds and what they have shown.
            shard.restore((row, value) for row, value in rows.items() if row in (own, FEEDS, LEARNED, POLICY))
            report = msgspec.structs.replace(report, policy=shard.policy.version)
            found = shard.find(tenant, order)
            return None if found is None else _report_order(report, found, shard)
        if tombstone is not None:
            tombstones = Tombstones()
            tombstones.restore([(key, tombstone)])
            left = tombstones.find(key, BEGINNING)
            return None if left is None else msgspec.structs.replace(report, status="closed", remembered_until=iso(left.until))
    except (PolicyError, ValueError) as error:
        raise StateError(f"{path}: {error}") from error
    return None


def _report_order(report: OrderReport, order: Order, shard: Shard) -> OrderReport:
    timeline = order.timeline
    records = [(r, False) for r in timeline.records] + [(r, True) for r in timeline.hidden]
    records.sort(key=lambda known: (known[0].at, known[0].log))
    return msgspec.structs.replace(
        report,
        status="quarantined" if order.quarantined else "open",
        error=order.quarantined or None,
        last_log=iso(order.last_log),
        timeline=tuple(_known(record, withdrawn) for record, withdrawn in records),
        verdicts=tuple(_said(order)),
        deadlines=tuple(sorted(_ahead(order, shard.engine.inspect(order), shard), key=lambda ahead: (ahead.at, ahead.kind or ""))),
        waits=tuple(_waits(order, shard)),
    )


def _known(record: Record, withdrawn: bool) -> TimelineEntry:
    event = record.event
    status = getattr(event.data, "status", None)
    return TimelineEntry(
        iso(record.at),
        iso(record.log),
        event.type,
        status if isinstance(status, str) else None,
        event.source,
        event.id,
        record.topic,
        record.partition,
        record.offset,
        withdrawn,
    )


def _said(order: Order) -> Iterator[StandingException]:
    for state in sorted(order.exceptions.states.values(), key=lambda v: (v.start, v.kind)):
        due, end = state.due, state.end
        yield StandingException(
            order.exceptions.id_of(state),
            state.sequence,
            state.kind,
            state.scope,
            state.episode,
            state.status,
            state.severity,
            state.owner,
            None if due is None else iso(due),
            iso(state.start) if due is None else None,
            None if end is None else iso(end),
            state.resolution,
            state.suppressed_by,
            state.arithmetic,
            case_text(case_data(state)),
        )


def _ahead(order: Order, evaluation: Evaluation, shard: Shard) -> Iterator[Ahead]:
    """What the order is to be checked for, rule by rule: the steps to come of what the rules find, as far as they are not reached yet."""
    for index, at in order.recheck_at.items():
        if index in BESIDE_RULES:
            yield Ahead(iso(at), None, None, None, BESIDE_RULES[index])
            continue
        kind = shard.engine.ruleset.rules[index].kind
        steps = [
            (instant, condition, severity)
            for conditions in evaluation.found.get(index, {}).values()
            for condition in conditions
            for instant, severity in condition.steps
            if instant >= at and (condition.end is None or instant < condition.end)
        ]
        for instant, condition, severity in steps:
            yield Ahead(iso(instant), kind, condition.scope, severity, reckon(condition))
        if not steps:
            yield Ahead(iso(at), kind, None, None, "not true before this instant; looked at again then")


def _waits(order: Order, shard: Shard) -> Iterator[Wait]:
    feeds = {name: (mark, stale) for name, mark, stale, _ in shard.feeds.view()}
    for index, deferred in order.deferred.items():
        deadlines = tuple(iso(at) for _, at in sorted(deferred.armed, key=lambda place: (place[1], place[0] or "")))
        for feed, past in deferred.feeds.items():
            mark, stale = feeds.get(feed, (None, False))
            yield Wait(shard.engine.ruleset.rules[index].kind, deadlines, feed, iso(past), None if mark is None else iso(mark), stale)
