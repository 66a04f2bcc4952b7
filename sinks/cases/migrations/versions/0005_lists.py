"""The indexes that lists rest on which are narrowed by what people made of cases: labels and reopenings, which few cases have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes the indexes."""
    labelled, again = sa.text("label IS NOT NULL"), sa.text("reopenings > 0")
    op.create_index("ix_cases_labelled", "cases", ["label", "exception_id"], postgresql_where=labelled, sqlite_where=labelled)
    op.create_index("ix_cases_reopened", "cases", ["exception_id"], postgresql_where=again, sqlite_where=again)
