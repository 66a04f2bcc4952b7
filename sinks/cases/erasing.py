"""Erasure: an order, or a customer with all orders, goes from every table, and neither a late record nor a rebuild brings it back.

What remains is a hash, and in the audit that something was decided, without about whom. An order that other records name (as related,
in a sentence) is named there no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, String, Table, delete, or_, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite

from sinks.cases.bounded import known_digest, shortened
from sinks.cases.buffer import parts
from sinks.cases.changes import Change, Forget, Put, Row
from sinks.cases.hashes import digest
from sinks.cases.subjects import about
from sinks.cases.tables import (
    action_events,
    actions,
    audit,
    cases,
    erasures,
    evidence,
    exception_events,
    exception_skus,
    exceptions,
    identifiers,
    incident_members,
    incidents,
    messages,
    notes,
    orders,
    rejects,
    suggestions,
    unprojected,
)
from sinks.cases.tables.base import MOST_BYTES

ORDER, CUSTOMER = "order", "customer"
INSTEAD: Final = "(erased)"
"""What stands where an erased order was named."""
BY_ORDER: Final = (
    *(exceptions, cases, exception_events, exception_skus, evidence, orders, identifiers),
    *(actions, action_events, messages, notes, suggestions),
)
"""The tables whose rows go with their order."""
NAMING: Final[dict[Table, tuple[str, ...]]] = {
    exceptions: ("summary", "arithmetic", "deadline", "context", "extra"),
    exception_events: ("summary", "arithmetic"),
    actions: ("reason", "parameters", "extra"),
    action_events: ("reason",),
    incidents: ("summary", "extra"),
}
"""Where records of others may name an order."""
AUDITED: Final = ("subject", "note", "data", "reference")
"""What the audit loses of a decision about an erased order."""
REJECTED: Final = ("order_id", "event_id", "detail")
"""What a reject loses of an erased order: senders make IDs of events from those of orders."""
AT_ONCE: Final = 200


class Erased:
    """What is known to be erased, by hash. Only the hashes that a batch may ask for are loaded."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], datetime] = {}

    def load(self, connection: Connection, changes: Iterable[Change]) -> None:
        """Looks up what the rows of a batch are about, in place of what was looked up before."""
        wanted: set[str] = set()
        for change in changes:
            row = change.row if isinstance(change, Put) else {}
            if isinstance(change, Put) and change.table is unprojected:
                named = about(row["value"])
                wanted |= {digest(named.tenant, order) for order in named.orders}
                wanted |= {digest(named.tenant, customer) for customer in named.customers}
                continue
            tenant = row.get("tenant")
            if tenant is None:
                continue
            wanted |= {digest(tenant, order) for order in _orders(row)}
            if row.get("customer_id"):
                wanted.add(digest(tenant, row["customer_id"]))
        self._known = {}
        if wanted:
            for some in parts(sorted(wanted), AT_ONCE):
                found = connection.execute(select(erasures).where(erasures.c.hash.in_(some))).all()
                self._known |= {(row.subject, row.hash): row.at for row in found}

    def add(self, subject: str, hash_: str, at: datetime) -> None:
        """Something was erased within the batch."""
        self._known[subject, hash_] = at

    def order(self, tenant: str, order_id: str) -> bool:
        """Whether an order is erased."""
        return (ORDER, digest(tenant, order_id)) in self._known if self._known else False

    def customer(self, tenant: str, customer_id: str, placed_at: datetime | None) -> datetime | None:
        """Until when a customer is erased, if an order placed at `placed_at` is concerned."""
        at = self._known.get((CUSTOMER, digest(tenant, customer_id))) if self._known else None
        return at if at is not None and (placed_at is None or placed_at <= at) else None

    def __bool__(self) -> bool:
        return bool(self._known)


def _orders(row: Row) -> set[str]:
    return {name for name in (row.get("order_id"), row.get("subject"), *_named(row)) if name}


def _named(row: Row) -> list[str]:
    """The orders that a row names beside its own: related ones, members of an incident."""
    if row.get("member") == ORDER:
        return [row["member_id"]]
    context: object = row.get("context")
    found: object = cast("dict[str, object]", context).get("related") if isinstance(context, dict) else None
    return [name for name in cast("list[object]", found) if isinstance(name, str)] if isinstance(found, list) else []


def allowed(changes: Sequence[Change], erased: Erased) -> list[Change]:
    """What remains of the changes of one record once nothing erased is let in."""
    if not erased:
        return list(changes)
    puts = [change for change in changes if isinstance(change, Put)]
    for put in puts:  # An order of an erased customer that was not known to be one: it goes whole, whatever was read of it before.
        row = put.row
        customer = row.get("customer_id")
        if customer and "order_id" in row and (at := erased.customer(row["tenant"], customer, row.get("placed_at"))) is not None:
            return [Forget(row["tenant"], row["order_id"], None, at)]
    others = [name for put in puts for name in _named(put.row) if erased.order(put.row["tenant"], name)]
    kept: list[Change] = []
    for change in changes:
        if isinstance(change, Put):
            left = _without(change.table, change.row, erased)
            if left is not None:
                kept.append(Put(change.table, {name: _redacted(value, others) for name, value in left.items()} if others else left))
        else:
            kept.append(change)
    return kept


def _without(table: Table, row: Row, erased: Erased) -> Row | None:
    if table is unprojected:
        named = about(row["value"])
        gone = any(erased.order(named.tenant, order) for order in named.orders)
        return None if gone or any(erased.customer(named.tenant, customer, None) for customer in named.customers) else row
    tenant = row.get("tenant")
    if tenant is None:
        return row
    if table is audit:
        return {**row, **dict.fromkeys(AUDITED)} if row["subject"] and erased.order(tenant, row["subject"]) else row
    if table is rejects:
        return {**row, **dict.fromkeys(REJECTED)} if row["order_id"] and erased.order(tenant, row["order_id"]) else row
    if table is incident_members:
        return None if row["member"] == ORDER and erased.order(tenant, row["member_id"]) else row
    return None if row.get("order_id") and erased.order(tenant, row["order_id"]) else row


def _redacted(value: Any, names: Sequence[str]) -> Any:
    match value:
        case str():
            for name in names:
                value = _name(name).sub(INSTEAD, value)
            return value
        case list():
            some = cast("list[Any]", cast("object", value))
            return [_redacted(one, names) for one in some]
        case dict():
            return {key: _redacted(one, names) for key, one in cast("dict[str, Any]", value).items()}
        case _:
            return value


def _name(name: str) -> re.Pattern[str]:
    """An ID that stands by itself: `SO-1` is not in `SO-10`."""
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")


def erase(connection: Connection, forget: Forget, erased: Erased) -> int:
    """Erases what is there and remembers that it is; returns how many orders were erased. Within the transaction of `connection`."""
    names: set[str] = {forget.order_id} if forget.order_id else set()
    if forget.customer:
        names |= _orders_of(connection, forget)
        _remember(connection, CUSTOMER, forget.customer, forget.at, erased)
    for name in sorted(names):
        _erase_order(connection, forget.tenant, name)
        _remember(connection, ORDER, known_digest(forget.tenant, name, MOST_BYTES), forget.at, erased)
    return len(names)


def _orders_of(connection: Connection, forget: Forget) -> set[str]:
    """The orders of a customer of whom only the digest is known: all customers of the tenant are looked through."""
    found: set[str] = set()
    for table in (orders, exceptions):
        known = select(table.c.customer_id).where(table.c.tenant == forget.tenant, table.c.customer_id.is_not(None)).distinct()
        names = [name for name in connection.execute(known).scalars() if known_digest(forget.tenant, name, MOST_BYTES) == forget.customer]
        placed = table.c.placed_at
        whose = (table.c.tenant == forget.tenant) & table.c.customer_id.in_(names)
        found |= set(connection.execute(select(table.c.order_id).where(whose, or_(placed.is_(None), placed <= forget.at))).scalars())
    return found


def _remember(connection: Connection, subject: str, hash_: str, at: datetime, erased: Erased) -> None:
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(erasures)
    put = insert.values(subject=subject, hash=hash_, at=at)
    # The same may be erased again, of a customer who came back: what was placed until then goes as well.
    key, later = list(erasures.primary_key), put.excluded.at > erasures.c.at
    connection.execute(put.on_conflict_do_update(index_elements=key, set_={"at": put.excluded.at}, where=later))
    erased.add(subject, hash_, at)


def _erase_order(connection: Connection, tenant: str, name: str) -> None:
    order_id = shortened(tenant, name, MOST_BYTES)  # as rows have it; what is not in an index names it whole
    own = connection.execute(select(exceptions.c.exception_id).where(exceptions.c.tenant == tenant, exceptions.c.order_id == order_id))
    for ids in parts(list(own.scalars()), AT_ONCE):
        connection.execute(delete(incident_members).where(incident_members.c.member_id.in_(ids)))
    connection.execute(delete(incident_members).where(incident_members.c.tenant == tenant, incident_members.c.member_id == order_id))
    for table in BY_ORDER:
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.order_id == order_id))
    connection.execute(update(audit).where(audit.c.tenant == tenant, audit.c.subject == order_id).values(dict.fromkeys(AUDITED)))
    theirs = (rejects.c.tenant == tenant) & (rejects.c.order_id == order_id)
    connection.execute(update(rejects).where(theirs).values(dict.fromkeys(REJECTED)))
    pattern = _name(name)
    for row in connection.execute(select(unprojected)).all():
        if pattern.search(row.value.decode(errors="replace")):
            where = (unprojected.c.log_partition == row.log_partition) & (unprojected.c.log_offset == row.log_offset)
            connection.execute(delete(unprojected).where(where))
    for table, columns in NAMING.items():
        _unname(connection, table, columns, tenant, name)


def _unname(connection: Connection, table: Table, columns: Sequence[str], tenant: str, order_id: str) -> None:
    """Takes the name of an order out of the rows of others."""
    naming = or_(*(sql_cast(table.c[name], String).contains(order_id, autoescape=True) for name in columns))
    found = connection.execute(select(table).where(table.c.tenant == tenant, naming)).mappings().all()
    for row in found:
        where = [column == row[column.name] for column in table.primary_key]
        connection.execute(update(table).where(*where).values({name: _redacted(row[name], [order_id]) for name in columns}))
