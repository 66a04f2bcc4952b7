"""The messages to customers as a list: by us and by others, those that went out and those that wait or were withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from sqlalchemy import Connection, Select, select, tuple_, union_all

from schemas.instants import EPOCH, micros
from sinks.cases.expressions import Expression, at
from sinks.cases.queries.cursors import packed, unpacked
from sinks.cases.queries.exceptions import MOST_ROWS
from sinks.cases.queries.rows import Page, values
from sinks.cases.queries.wanted import FilterError
from sinks.cases.tables import actions, exceptions, messages

_M, _E, _A = messages.c, exceptions.c, actions.c
OURS: Final = "/orderwatch"


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages are wanted; values of one field are alternatives. `whose`: ours, or those that others sent."""

    tenants: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    whose: Literal["ours", "others"] | None = None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A message: what it was about, by which channel, and what became of it. Its text stands nowhere."""

    message_id: str
    tenant: str
    order_id: str
    exception_id: str | None
    action_id: str | None
    state: str
    topic: str | None
    channel: str | None
    language: str | None
    promised_by: str | None
    by: str
    asked_at: datetime | None
    sent_at: datetime | None
    held_until: datetime | None

    @property
    def is_ours(self) -> bool:
        """Whether it is one of ours."""
        return self.by == OURS


def list_messages(
    connection: Connection, wanted: MessageFilter | None = None, *, limit: int = 50, after: str | None = None
) -> Page[LedgerRow]:
    """A page of the ledger: by when they went out, else were asked for, the newest first. Raises FilterError."""
    if not 1 <= limit <= MOST_ROWS:
        raise FilterError(f"a page has 1 to {MOST_ROWS} rows")
    found = connection.execute(messages_of(wanted or MessageFilter(), limit + 1, after)).all()
    cursor = packed("messages", (micros(found[limit - 1].place), found[limit - 1].message_id)) if len(found) > limit else None
    rows = [{name: value for name, value in values(row).items() if name != "place"} for row in found[:limit]]
    return Page([LedgerRow(**row) for row in rows], cursor)


def messages_of(wanted: MessageFilter, limit: int, after: str | None = None) -> Select[*tuple[Any, ...]]:
    """The statement for a page: the newest that went out and the newest that did not, each by its index. Raises FilterError."""
    columns = (*(_M.message_id, _M.tenant, _M.order_id, _M.exception_id, _M.action_id, _M.state, _M.topic, _M.channel, _M.language),)
    more = (_M.promised_by, _M.by, _M.asked_at, _M.sent_at)
    parts: list[Select[*tuple[Any, ...]]] = []
    for when, which in ((_M.sent_at, _M.sent_at.is_not(None)), (_M.asked_at, _M.sent_at.is_(None))):
        rows = select(*columns, *more, when.label("place")).where(which, *_conditions(wanted))
        if after is not None:
            looked, id_ = unpacked(after, "messages", (int, str))
            rows = rows.where(
                tuple_(when, _M.message_id) < tuple_(at(EPOCH + timedelta(microseconds=cast("int", looked))), cast("str", id_))
            )
        newest = rows.order_by(when.desc(), _M.message_id.desc()).limit(limit).subquery()
        parts.append(select(newest))
    both = union_all(*parts).subquery("both")
    found = both.c
    rows = select(both, _A.held_until).select_from(both.outerjoin(actions, _A.action_id == found.action_id))
    return rows.order_by(found.place.desc(), found.message_id.desc()).limit(limit)


def message_words(connection: Connection) -> tuple[list[str], list[str]]:
    """The topics and the channels that messages have, to choose from."""
    return (
        [str(one) for one in connection.scalars(select(_M.topic).where(_M.topic.is_not(None)).distinct().order_by(_M.topic))],
        [str(one) for one in connection.scalars(select(_M.channel).where(_M.channel.is_not(None)).distinct().order_by(_M.channel))],
    )


def _conditions(wanted: MessageFilter) -> list[Expression]:
    named = (
        (_M.tenant, wanted.tenants),
        (_M.order_id, wanted.orders),
        (_M.topic, wanted.topics),
        (_M.channel, wanted.channels),
        (_M.state, wanted.states),
    )
    found: list[Expression] = [column.in_(values_) for column, values_ in named if values_]
    if wanted.teams or wanted.sites:
        # A message belongs to whoever has an exception of its order: others' messages name none.
        seen = select(_E.exception_id).where(_E.tenant == _M.tenant, _E.order_id == _M.order_id)
        for column, values_ in ((_E.team, wanted.teams), (_E.site, wanted.sites)):
            if values_:
                seen = seen.where(column.in_(values_))
        found.append(seen.exists())
    if wanted.whose is not None:
        found.append(_M.by == OURS if wanted.whose == "ours" else _M.by != OURS)
    return found
