"""Orders found by any of their names: order ID, tracking number, shipment, payment, return, customer ID."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, literal, select, union_all

from sinks.cases.queries.rows import FoundOrder
from sinks.cases.tables import exceptions, identifiers, orders


def search(connection: Connection, text: str, tenants: Sequence[str] = (), limit: int = 20) -> list[FoundOrder]:
    """Up to so many orders that have this name, those with the most open exceptions first.

    Names are looked for as they were sent; also without a leading `#`, and in capitals without blanks and hyphens, as tracking numbers are
    kept. Of a word within a sentence use the filter `text` of a list.
    """
    names = spellings(text)
    if not names:
        return []
    by_order = select(orders.c.tenant, orders.c.order_id, literal("order_id").label("kind"), orders.c.order_id.label("value")).where(
        orders.c.order_id.in_(names)
    )
    said = select(exceptions.c.tenant, exceptions.c.order_id, literal("order_id"), exceptions.c.order_id).where(
        exceptions.c.order_id.in_(names)
    )
    known = select(identifiers.c.tenant, identifiers.c.order_id, identifiers.c.kind, identifiers.c.value).where(
        identifiers.c.value.in_(names)
    )
    named = union_all(by_order, said, known).subquery("named")
    opened = (
        select(func.count())
        .where(exceptions.c.tenant == named.c.tenant, exceptions.c.order_id == named.c.order_id, exceptions.c.status == "open")
        .correlate(named)
        .scalar_subquery()
        .label("open")
    )
    rows = select(named.c.tenant, named.c.order_id, func.min(named.c.kind).label("kind"), func.min(named.c.value).label("value"), opened)
    if tenants:
        rows = rows.where(named.c.tenant.in_(tenants))
    rows = rows.group_by(named.c.tenant, named.c.order_id).order_by(opened.desc(), named.c.order_id, named.c.tenant).limit(limit)
    return [FoundOrder(row.tenant, row.order_id, row.kind, row.value, row.open) for row in connection.execute(rows)]


def spellings(text: str) -> list[str]:
    """The forms in which a name may be kept."""
    name = text.strip()
    forms = (name, name.removeprefix("#"), name.upper().replace(" ", "").replace("-", ""))
    return list(dict.fromkeys(form for form in forms if form))
