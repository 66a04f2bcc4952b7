"""What of budgets and caps is used, as far as the store knows it: the engine decides by its own counts, which these foresee."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, func, or_, select

from sinks.cases.tables import action_events, actions, exceptions, identifiers, messages, orders

REQUESTED: Final = "action.requested"
GIVEN_BACK: Final = ("withdrawn", "rejected")
"""States in which an action counts no more, unless it has begun."""
_A, _V, _M = actions.c, action_events.c, messages.c
Counts = Counter[tuple[str, str | None]]
"""How many actions were requested, by action and by the kind of their exception."""


class Recipient(NamedTuple):
    """Whose order it is, and where it goes; None where that is not known."""

    customer: str | None
    country: str | None


def recipient_of(connection: Connection, tenant: str, order_id: str) -> Recipient:
    """Who is told something of an order."""
    chosen = select(orders.c.customer_id, orders.c.country).where(orders.c.tenant == tenant, orders.c.order_id == order_id)
    row = connection.execute(chosen).one_or_none()
    return Recipient(None, None) if row is None else Recipient(row.customer_id, row.country)


def orders_of(connection: Connection, tenant: str, order_id: str, customer: str | None) -> list[str]:
    """The orders of a customer; the one alone where nobody knows whose it is."""
    if customer is None:
        return [order_id]
    named = identifiers.c.kind == "customer_id", identifiers.c.value == customer, identifiers.c.tenant == tenant
    return [*connection.scalars(select(identifiers.c.order_id).where(*named))] or [order_id]


def requested_counts(connection: Connection, tenant: str, since: datetime, of_orders: Collection[str] | None = None) -> Counts:
    """How many actions of a tenant were requested since an instant and count still; `of_orders`: of these orders only."""
    chosen = (
        select(_A.action, exceptions.c.kind, func.count(_A.action_id.distinct()))
        .join_from(action_events, actions, _V.action_id == _A.action_id)
        .join(exceptions, exceptions.c.exception_id == _A.exception_id, isouter=True)
        .where(_V.type == REQUESTED, _V.time >= since, _V.tenant == tenant, _counts())
        .group_by(_A.action, exceptions.c.kind)
    )
    if of_orders is not None:
        chosen = chosen.where(_V.order_id.in_(of_orders))
    return Counter({(action, kind): count for action, kind, count in connection.execute(chosen)})


def messages_since(
    connection: Connection, tenant: str, of_orders: Collection[str], names: Collection[str], since: datetime
) -> list[datetime]:
    """When messages went to the customer of some orders since an instant, ours (actions of these names) and those of others, in order."""
    ours = (
        select(_V.time)
        .join_from(action_events, actions, _V.action_id == _A.action_id)
        .where(_V.type == REQUESTED, _V.time > since, _V.tenant == tenant, _V.order_id.in_(of_orders), _A.action.in_(names), _counts())
    )
    others = select(_M.sent_at).where(_M.tenant == tenant, _M.order_id.in_(of_orders), _M.sent_at > since, _M.action_id.is_(None))
    return sorted([*connection.scalars(ours), *connection.scalars(others)])


def _counts() -> Any:
    return or_(_A.state.not_in(GIVEN_BACK), and_(_A.state.in_(GIVEN_BACK), _A.attempt > 0))
