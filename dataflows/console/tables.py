"""Where the console's own tables belong: people, sessions, saved views, what was read. The store's tables are not among them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
"""All tables of the console's own database; each part declares its own on it."""
