"""When a case's clock runs out stands in its exception's row, and lists are read in their order from indexes.

What is open is found among what stands: the indexes over what is open alone go, but for the one that the views are read by.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sinks.cases.tables.base import Instants

revision = "0009"
down_revision = "0008"
ORDERS = {"clock": "clock_at", "due": "due_at", "age": "raised_at", "value": "total"}
CLOCK = """
UPDATE exceptions SET clock_at = CASE
    WHEN acknowledged_at IS NULL AND ack_by IS NOT NULL THEN ack_by
    WHEN paused_since IS NULL THEN resolve_by
END WHERE closed_at IS NULL AND status = 'open'
"""


def upgrade() -> None:
    """Makes and fills the column, then makes indexes."""
    op.add_column("exceptions", sa.Column("clock_at", Instants()))
    op.execute(CLOCK)
    stands = sa.text("closed_at IS NULL")
    for order, column in ORDERS.items():
        op.create_index(f"ix_exceptions_by_{order}", "exceptions", [column, "exception_id"], postgresql_where=stands, sqlite_where=stands)
    for column in ("team", "assignee", "kind"):
        op.create_index(f"ix_exceptions_standing_{column}", "exceptions", [column], postgresql_where=stands, sqlite_where=stands)
    waits = sa.text("waiting_on IS NOT NULL")
    op.create_index("ix_cases_waiting", "cases", ["waiting_on", "exception_id"], postgresql_where=waits, sqlite_where=waits)
    for name in ("score", "due", "assignee", "kind"):
        op.drop_index(f"ix_exceptions_open_{name}", "exceptions")
