"""What has changed since a place in the logs is found by it; what is counted by windows of time is read from an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
LOGGED = ("actions", "exceptions", "incidents")
WINDOWED = (
    *("tenant", "team", "site", "kind", "severity", "status", "mode", "carrier", "sku", "country", "customer_id", "order_id", "total"),
    *("currency", "case_state", "acknowledged_at", "closed_at", "stopped_at", "paused_since", "ack_by", "resolve_by"),
)


def upgrade() -> None:
    """Makes indexes."""
    for table in LOGGED:
        op.create_index(f"ix_{table}_log_partition_log_offset", table, ["log_partition", "log_offset"])
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_exceptions_raised_at", "exceptions")
        op.create_index("ix_exceptions_raised_at", "exceptions", ["raised_at"], postgresql_include=WINDOWED)
    over = sa.text("closed_at IS NOT NULL")
    op.create_index("ix_exceptions_closed_at", "exceptions", ["closed_at"], postgresql_where=over, sqlite_where=over)
    again = sa.text("reopenings > 0 OR flaps > 0 OR reassignments > 0 OR label IS NOT NULL")
    op.create_index("ix_cases_again", "cases", ["exception_id"], postgresql_where=again, sqlite_where=again)
