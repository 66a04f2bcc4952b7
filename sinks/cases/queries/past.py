"""All that the store has of one order, as rows: what a page about it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from sinks.cases.queries.rows import Data, values
from sinks.cases.tables import (
    action_events,
    actions,
    audit,
    evidence,
    exception_events,
    exceptions,
    incident_members,
    incidents,
    messages,
    notes,
    orders,
    suggestions,
)

STALE = "feed.stale"


@dataclass(frozen=True, slots=True)
class OrderPast:
    """The rows of an order. `order`: empty where the store has none. `evidence`: one row for each exception that cites an event.

    `silences`: the feeds of the tenant that were stale at some time, each with since when and until when.
    """

    tenant: str
    order_id: str
    order: Data
    exceptions: Sequence[Data]
    events: Sequence[Data]
    evidence: Sequence[Data]
    actions: Sequence[Data]
    action_events: Sequence[Data]
    decisions: Sequence[Data]
    messages: Sequence[Data]
    notes: Sequence[Data]
    suggestions: Sequence[Data]
    incidents: Sequence[Data]
    silences: Sequence[Data]

    @property
    def is_known(self) -> bool:
        """Whether the store has anything of the order."""
        return bool(self.order or self.exceptions or self.actions)


def order_past(connection: Connection, tenant: str, order_id: str) -> OrderPast:
    """All of an order; of one that is not known everything is empty."""

    def of(table: Any, *by: Any) -> list[Data]:
        return _rows(connection, select(table).where(table.c.tenant == tenant, table.c.order_id == order_id).order_by(*by))

    head = _rows(connection, select(orders).where(orders.c.tenant == tenant, orders.c.order_id == order_id))
    known = of(exceptions, exceptions.c.raised_at, exceptions.c.exception_id)
    ids = [str(one["exception_id"]) for one in known]
    suggested = select(suggestions).where(suggestions.c.exception_id.in_(ids)).order_by(suggestions.c.time, suggestions.c.event_id)
    members = select(incident_members.c.incident_id).where(
        incident_members.c.member_id.in_([*ids, order_id]), incident_members.c.tenant == tenant
    )
    decided = select(audit).where(audit.c.tenant == tenant, audit.c.subject == order_id).order_by(audit.c.logged_at, audit.c.event_id)
    stale = select(incidents).where(incidents.c.tenant == tenant, incidents.c.kind == STALE).order_by(incidents.c.opened_at)
    joined = select(incidents).where(incidents.c.incident_id.in_(members)).order_by(incidents.c.opened_at, incidents.c.incident_id)
    return OrderPast(
        tenant=tenant,
        order_id=order_id,
        order=head[0] if head else {},
        exceptions=known,
        events=of(exception_events, exception_events.c.exception_id, exception_events.c.sequence),
        evidence=of(evidence, evidence.c.time, evidence.c.source, evidence.c.event_id),
        actions=of(actions, actions.c.proposed_at, actions.c.action_id),
        action_events=of(action_events, action_events.c.action_id, action_events.c.sequence),
        decisions=_rows(connection, decided),
        messages=of(messages, messages.c.sent_at, messages.c.message_id),
        notes=of(notes, notes.c.at, notes.c.note_ref),
        suggestions=_rows(connection, suggested) if ids else [],
        incidents=_rows(connection, joined) if known else [],
        silences=_rows(connection, stale) if known else [],
    )


def _rows(connection: Connection, statement: Select[*tuple[Any, ...]]) -> list[Data]:
    return [values(row) for row in connection.execute(statement)]
