"""The views that a migration makes are those that the program says, kept as text: a released migration never changes.

A view that changed needs a new migration, which makes it anew: have `KEPT` name its number, and write the texts that changed by
`ORDERWATCH_VIEWS=write .venv/bin/pytest tests/unit/sinks/cases/test_views_text.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from sinks.cases.schema import MIGRATIONS
from sinks.cases.views import VIEWS, View
from sinks.cases.views.create import statements

if TYPE_CHECKING:
    from sqlalchemy import Dialect

VERSIONS = MIGRATIONS / "views"
KEPT = "0004"
"""The last migration that changed a view; a view that it did not change stands with an earlier one."""
DIALECTS = {"postgresql": postgresql.dialect, "sqlite": sqlite.dialect}
CONTRACT = {"v_open", "v_ageing", "v_workload", "v_sla", "v_time_to", "v_rework", "v_recurrence", "v_messages", "v_approvals"}


def latest(name: str, view: str) -> Path | None:
    """Where the text of a view stands that holds now, for a database."""
    return max(VERSIONS.glob(f"*/{name}/{view}.sql"), default=None)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("name", DIALECTS)
def test_a_view_is_kept_as_it_is_said(name: str, view: View) -> None:
    """Comments included."""
    dialect: Dialect = DIALECTS[name]()
    text = ";\n".join(statements(view, dialect)) + "\n"
    path = latest(name, view.name)
    if os.environ.get("ORDERWATCH_VIEWS") == "write" and (path is None or path.read_text(encoding="utf-8") != text):
        path = VERSIONS / KEPT / name / f"{view.name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path is not None
    assert path.read_text(encoding="utf-8") == text


def test_there_are_the_views_of_the_contract_and_no_text_beside_them() -> None:
    """Nine, of which a migration keeps those that it makes."""
    assert {view.name for view in VIEWS} == CONTRACT
    assert max(folder.name for folder in VERSIONS.iterdir()) == KEPT
    for name in DIALECTS:
        assert {path.stem for path in VERSIONS.glob(f"*/{name}/*")} == CONTRACT
