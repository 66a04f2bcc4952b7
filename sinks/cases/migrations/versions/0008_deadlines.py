"""What a deadline counts from, by which calendar, is kept in its parts: pages had to read it out of a sentence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds a column; rows of before stay without until their exception is said again, or the store is made anew."""
    op.add_column("exceptions", sa.Column("deadline", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")))
