"""What exceptions concern: their SKUs, of which there may be several, and when the events were recorded that they rest on.

Rows that were written before are filled by a rebuild of the store.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from sinks.cases.tables.base import Instants

revision = "0004"
down_revision = "0003"
TEXTS = Path(__file__).parents[1] / "views" / revision


def upgrade() -> None:
    """Makes the table and the column, and the view that reads them anew."""
    op.create_table(
        "exception_skus",
        sa.Column("exception_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("exception_id", "sku", name="pk_exception_skus"),
    )
    op.create_index("ix_exception_skus_sku_exception_id", "exception_skus", ["sku", "exception_id"])
    op.create_index("ix_exception_skus_tenant_order_id", "exception_skus", ["tenant", "order_id"])
    op.add_column("evidence", sa.Column("recorded_at", Instants()))
    connection = op.get_bind()
    connection.exec_driver_sql("DROP VIEW v_recurrence")
    connection.exec_driver_sql((TEXTS / connection.dialect.name / "v_recurrence.sql").read_text(encoding="utf-8"))
