"""What documents say of the case store that comes from code: its tables, its views and their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql

from sinks.cases.tables import METADATA
from sinks.cases.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Table = Callable[[Iterable[str], Iterable[Iterable[str]]], str]

FIRST = (
    "exceptions", "exception_events", "exception_skus", "evidence", "cases", "orders", "identifiers", "actions", "action_events",
    "messages", "automation", "incidents", "incident_members", "feeds", "notes", "audit", "suggestions", "policies", "rejects",
    "unprojected", "offsets", "standing", "erasures",
)  # fmt: skip
"""The tables in the order in which they are documented."""


def tables(table: Table) -> str:
    """All tables: what each holds, then its columns with their types on PostgreSQL; keys are in bold."""
    parts: list[str] = []
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert set(FIRST) == set(METADATA.tables)
    for name in FIRST:
        found = METADATA.tables[name]
        rows: list[tuple[str, str, str]] = []
        for column in found.columns:
            shown = f"**`{column.name}`**" if column.primary_key else f"`{column.name}`"
            kind = column.type.compile(dialect).lower().replace("timestamp with time zone", "timestamptz")
            rows.append((shown, kind if column.primary_key or not column.nullable else f"{kind}?", str(column.doc)))
        parts.append(f"### {name}\n\n{found.info['about']}\n\n{table(('column', 'type', 'holds'), rows)}")
    return "\n".join(parts)


def views(table: Table) -> str:
    """All views: what each shows, then its columns."""
    return "\n".join(
        f"### {view.name}\n\n{view.about}\n\n{table(('column', 'holds'), ((f'`{name}`', about) for name, about in view.columns.items()))}"
        for view in VIEWS
    )
