"""Run by Alembic, which `dataflows.console.own` calls with the connection to use."""

from __future__ import annotations

from alembic import context

from dataflows.console.own import VERSIONS
from dataflows.console.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSIONS,
    compare_type=True,
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
