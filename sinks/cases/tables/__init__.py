"""The tables of the store, public within version 1: tables and columns are added, never changed or taken away.

Every column says what it holds (`doc`; on PostgreSQL it is the column's comment as well, and the documentation lists all). Instants are
`timestamptz` on PostgreSQL and UTC text on SQLite. There are no foreign keys: topics are read side by side, and an action may come before
its exception. Rows of the same record are always written in one transaction.
"""

from sinks.cases.tables.actions import action_events, actions, automation, messages
from sinks.cases.tables.base import METADATA, Amounts, Instants, Json
from sinks.cases.tables.exceptions import cases, evidence, exception_events, exception_skus, exceptions, identifiers, orders
from sinks.cases.tables.records import (
    audit,
    erasures,
    feeds,
    incident_members,
    incidents,
    notes,
    offsets,
    policies,
    rejects,
    standing,
    suggestions,
    unprojected,
)

__all__ = [
    "METADATA",
    "Amounts",
    "Instants",
    "Json",
    "action_events",
    "actions",
    "audit",
    "automation",
    "cases",
    "erasures",
    "evidence",
    "exception_events",
    "exception_skus",
    "exceptions",
    "feeds",
    "identifiers",
    "incident_members",
    "incidents",
    "messages",
    "notes",
    "offsets",
    "orders",
    "policies",
    "rejects",
    "standing",
    "suggestions",
    "unprojected",
]
