"""The views of the contract, and the indexes that lists, search and their plans rest on."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
TEXTS = Path(__file__).parents[1] / "views" / revision


def upgrade() -> None:
    """Makes indexes, then views."""
    standing = sa.text("closed_at IS NULL")
    op.create_index("ix_exceptions_standing", "exceptions", ["severity_rank"], postgresql_where=standing, sqlite_where=standing)
    op.create_index("ix_exceptions_changed_at_exception_id", "exceptions", ["changed_at", "exception_id"])
    op.create_index("ix_exceptions_kind_changed_at", "exceptions", ["kind", "changed_at"])
    op.create_index("ix_exceptions_team_changed_at", "exceptions", ["team", "changed_at"])
    op.create_index("ix_exceptions_order_id", "exceptions", ["order_id"])
    op.create_index("ix_orders_order_id", "orders", ["order_id"])
    op.create_index("ix_identifiers_value", "identifiers", ["value"])
    waits = sa.text("approvals_needed > 0")
    op.create_index("ix_actions_waiting", "actions", ["needs_approval_by"], postgresql_where=waits, sqlite_where=waits)
    connection = op.get_bind()
    for path in sorted((TEXTS / connection.dialect.name).glob("*.sql")):
        connection.exec_driver_sql(path.read_text(encoding="utf-8"))
