"""How views come to be in a database: statements as text, which migrations keep (a migration never changes; a view may, by a later one)."""

from __future__ import annotations

from sqlalchemy import Dialect

from sinks.cases.views.base import View


def statements(view: View, dialect: Dialect) -> list[str]:
    """What makes a view in a database, with what it and its columns hold: comments on PostgreSQL, lines within the text on SQLite."""
    described = "\n".join([f"-- {view.about}", *(f"-- {name}: {about}" for name, about in view.columns.items())])
    made = [f"CREATE VIEW {view.name} AS\n{described}\n{_laid_out(view.text(dialect))}"]
    if dialect.name == "postgresql":
        made.append(f"COMMENT ON VIEW {view.name} IS {_quoted(view.about)}")
        made += [f"COMMENT ON COLUMN {view.name}.{name} IS {_quoted(about)}" for name, about in view.columns.items()]
    return made


def _laid_out(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
