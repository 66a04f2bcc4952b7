"""The versions of the schema of the console's own database, as Alembic runs them."""
