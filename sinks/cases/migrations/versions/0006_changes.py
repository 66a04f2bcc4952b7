"""What has changed since a place in the logs is found by it."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0003"
TABLES = ("actions", "exceptions", "incidents")


def upgrade() -> None:
    """Makes an index of each."""
    for table in TABLES:
        op.create_index(f"ix_{table}_log_partition_log_offset", table, ["log_partition", "log_offset"])
