"""Actions in a list, and those that wait for somebody to agree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Connection, Row, Select, func, literal, select, tuple_

from schemas.instants import EPOCH, micros
from sinks.cases.expressions import at
from sinks.cases.queries.conditions import of_actions
from sinks.cases.queries.cursors import packed, unpacked
from sinks.cases.queries.exceptions import MOST_ROWS, beginning
from sinks.cases.queries.rows import ListedAction, Page, values
from sinks.cases.queries.wanted import ActionFilter, FilterError
from sinks.cases.tables import Instants, actions

_A = actions.c
_COLUMNS = (
    *(_A.action_id, _A.sequence, _A.exception_id, _A.tenant, _A.order_id, _A.action, _A.step, _A.target, _A.state, _A.lane, _A.reason),
    *(_A.owner, _A.initiated_by, _A.approved_by, _A.approvers, _A.approvals_needed, _A.needs_approval_by, _A.expires_at, _A.held_until),
    *(_A.retry_at, _A.attempt, _A.irreversible, _A.value, _A.currency, _A.payload_hash, _A.proposed_at, _A.changed_at),
)
FAR = EPOCH.replace(year=9999)
DUE = func.coalesce(_A.needs_approval_by, _A.expires_at, literal(FAR, Instants()))
"""By when somebody is to agree."""


def list_actions(
    connection: Connection, wanted: ActionFilter | None = None, *, limit: int = 50, after: str | None = None
) -> Page[ListedAction]:
    """A page of a list: by when they were last said, the newest first; of what waits, by when somebody is to agree. Raises FilterError."""
    wanted = wanted or ActionFilter()
    if not 1 <= limit <= MOST_ROWS:
        raise FilterError(f"a page has 1 to {MOST_ROWS} rows")
    found = connection.execute(actions_of(wanted, limit + 1, after)).all()
    cursor = None
    if len(found) > limit:
        last = found[limit - 1]
        cursor = (
            packed("waiting", (micros(last.due), last.action_id))
            if wanted.waiting
            else packed("actions", (micros(last.changed_at), last.action_id))
        )
    return Page([action_row(row) for row in found[:limit]], cursor)


def actions_of(wanted: ActionFilter, limit: int, after: str | None) -> Select[*tuple[Any, ...]]:
    """The statement for a page. Raises FilterError."""
    rows = select(*_COLUMNS, DUE.label("due")).where(*of_actions(wanted)).limit(limit)
    rows = rows.order_by(DUE, _A.action_id) if wanted.waiting else rows.order_by(_A.changed_at.desc(), _A.action_id.desc())
    if after is None:
        return rows
    looked, action_id = unpacked(after, "waiting" if wanted.waiting else "actions", (int, str))
    place = tuple_(at(EPOCH + timedelta(microseconds=cast("int", looked))), cast("str", action_id))
    return rows.where(tuple_(DUE, _A.action_id) > place) if wanted.waiting else rows.where(tuple_(_A.changed_at, _A.action_id) < place)


def actions_for(connection: Connection, tenant: str, order_id: str) -> list[ListedAction]:
    """All actions of an order, the first said first."""
    rows = select(*_COLUMNS).where(_A.tenant == tenant, _A.order_id == order_id).order_by(_A.proposed_at, _A.action_id)
    return [action_row(row) for row in connection.execute(rows)]


def resolve_action_prefix(connection: Connection, prefix: str) -> list[str]:
    """Up to three IDs that begin so: none if there is no such action, several if it is not clear which is meant."""
    return beginning(connection, _A.action_id, prefix)


def action_row(row: Row[*tuple[Any, ...]]) -> ListedAction:
    """A row of the table as it is answered with."""
    found = values(row)
    named: dict[str, Any] = {column.name: found[column.name] for column in _COLUMNS}
    named |= {"approved_by": _names(row.approved_by), "approvers": _names(row.approvers)}
    return ListedAction(**named)


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(name) for name in cast("Sequence[object]", value or ()))
