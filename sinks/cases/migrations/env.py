"""Run by Alembic, which `sinks.cases.schema` calls with the connection to use."""

from __future__ import annotations

from alembic import context

from sinks.cases.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    compare_type=True,
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
