"""The index that what is counted by windows of time is read from carries no SKU: its rows had more bytes than a page takes.

What it carries is bounded as it is written, and nobody asks it for SKUs: an exception may be about several, which stand elsewhere.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
WINDOWED = (
    *("tenant", "team", "site", "kind", "severity", "status", "mode", "carrier", "country", "customer_id", "order_id", "total"),
    *("currency", "case_state", "acknowledged_at", "closed_at", "stopped_at", "paused_since", "ack_by", "resolve_by"),
)


def upgrade() -> None:
    """Makes the index anew."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_exceptions_raised_at", "exceptions")
        op.create_index("ix_exceptions_raised_at", "exceptions", ["raised_at"], postgresql_include=WINDOWED)
