"""The index by which messages are listed that did not go out: the last asked for first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Makes the index."""
    unsent = sa.text("sent_at IS NULL")
    op.create_index("ix_messages_unsent", "messages", ["asked_at"], postgresql_where=unsent, sqlite_where=unsent)
