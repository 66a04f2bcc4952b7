"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sinks.cases.tables.base import Amounts, Instants, Json

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Makes the tables."""
    ${upgrades if upgrades else "pass"}
