"""Rejected records in a list, the newest first: why and where. The records themselves stand in the log of rejects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from schemas.instants import micros
from schemas.values import from_micros
from sinks.cases.expressions import Expression
from sinks.cases.hashes import digest
from sinks.cases.queries.cursors import packed, unpacked
from sinks.cases.queries.rows import Page, values
from sinks.cases.queries.wanted import FilterError
from sinks.cases.tables import erasures, rejects

_R = rejects.c
LIST: Final = "rejects"
MOST_ROWS: Final = 1_000
MOST_COUNTED: Final = 10_000
LAST_OFFSET: Final = 2**63 - 1
"""The newest rejects that are counted by reason, source and topic."""


@dataclass(frozen=True, slots=True)
class RejectFilter:
    """Which rejects are wanted. Values of one field are alternatives; the fields must all hold."""

    reasons: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RejectRow:
    """A rejected record: where it stands in the log of rejects, why it was rejected, and what of the original is known."""

    log_partition: str
    log_offset: int
    logged_at: datetime
    reason: str
    detail: str | None
    topic: str | None
    topic_partition: int | None
    topic_offset: int | None
    tenant: str | None
    source: str | None
    type: str | None
    event_id: str | None
    order_id: str | None

    @property
    def place(self) -> tuple[str, int]:
        """Where it stands in the log of rejects."""
        return self.log_partition, self.log_offset


def list_rejects(connection: Connection, wanted: RejectFilter, *, limit: int = 50, after: str | None = None) -> Page[RejectRow]:
    """A page of them. `after`: the cursor of the page before. Raises FilterError."""
    if not 1 <= limit <= MOST_ROWS:
        raise FilterError(f"a page has 1 to {MOST_ROWS} rows")
    chosen = _chosen(wanted)
    if after is not None:
        at, partition, offset = unpacked(after, LIST, (int, str, int))
        instant = from_micros(at) if isinstance(at, int) else None
        later = and_(_R.log_partition == partition, _R.log_offset < offset)
        chosen = chosen.where(or_(_R.logged_at < instant, and_(_R.logged_at == instant, or_(_R.log_partition > partition, later))))
    rows = connection.execute(chosen.limit(limit + 1)).all()
    found = [_row(row) for row in rows[:limit]]
    last = found[-1] if len(rows) > limit else None
    return Page(found, None if last is None else packed(LIST, (micros(last.logged_at), last.log_partition, last.log_offset)))


def reject_at(connection: Connection, partition: str, offset: int) -> RejectRow | None:
    """The one that stands at a place of the log of rejects."""
    if offset > LAST_OFFSET:  # no database takes it for a number of its column
        return None
    row = connection.execute(select(rejects).where(_R.log_partition == partition, _R.log_offset == offset)).one_or_none()
    return None if row is None else _row(row)


def rejected_again(connection: Connection, source: str, event_id: str, after: datetime) -> RejectRow | None:
    """A later rejection of an event of this name, if there is one."""
    chosen = select(rejects).where(_R.source == source, _R.event_id == event_id, _R.logged_at > after).order_by(_R.logged_at).limit(1)
    row = connection.execute(chosen).one_or_none()
    return None if row is None else _row(row)


def reject_counts(connection: Connection, tenants: Sequence[str] = ()) -> Mapping[str, Mapping[str, int]]:
    """How many of the newest there are by `reason`, `source` and `topic`, the most frequent first."""
    newest = select(_R.reason, _R.source, _R.topic).order_by(_R.logged_at.desc()).limit(MOST_COUNTED)
    some = (newest.where(_R.tenant.in_(tenants)) if tenants else newest).subquery("some")
    found: dict[str, Mapping[str, int]] = {}
    for name in ("reason", "source", "topic"):
        many = func.count().label("many")
        rows = connection.execute(select(some.c[name], many).group_by(some.c[name]).order_by(many.desc(), some.c[name]).limit(50))
        found[name] = {str(value): count for value, count in rows if value is not None}
    return found


def is_erased(connection: Connection, tenant: str, order: str) -> bool:
    """Whether an order was erased: what is known of it must not be shown, wherever it still stands."""
    named = select(erasures.c.hash).where(erasures.c.subject == "order", erasures.c.hash == digest(tenant, order))
    return connection.execute(named).one_or_none() is not None


def last_erasure(connection: Connection) -> datetime | None:
    """When the last order or customer was erased (log time); None if none was."""
    found: datetime | None = connection.scalar(select(func.max(erasures.c.at)))
    return found


def _chosen(wanted: RejectFilter) -> Select[*tuple[Any, ...]]:
    conditions: list[Expression] = [
        column.in_(allowed)
        for column, allowed in (
            (_R.reason, wanted.reasons),
            (_R.source, wanted.sources),
            (_R.topic, wanted.topics),
            (_R.type, wanted.types),
            (_R.order_id, wanted.orders),
            (_R.tenant, wanted.tenants),
        )
        if allowed
    ]
    return select(rejects).where(*conditions).order_by(_R.logged_at.desc(), _R.log_partition, _R.log_offset.desc())


def _row(row: Row[Any]) -> RejectRow:
    return RejectRow(**values(row))
