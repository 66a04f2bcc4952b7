"""The views that a migration makes are those that the program says, kept as text: a released migration never changes.

A view that changed needs a new migration: copy the folder of the last one under the new number, have `KEPT` name it, and write the texts
by `ORDERWATCH_VIEWS=write .venv/bin/pytest tests/unit/sinks/cases/test_views_text.py`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from sinks.cases.schema import MIGRATIONS
from sinks.cases.views import VIEWS, View
from sinks.cases.views.create import statements

if TYPE_CHECKING:
    from sqlalchemy import Dialect

KEPT = "0004"
DIALECTS = {"postgresql": postgresql.dialect, "sqlite": sqlite.dialect}
CONTRACT = {"v_open", "v_ageing", "v_workload", "v_sla", "v_time_to", "v_rework", "v_recurrence", "v_messages", "v_approvals"}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("name", DIALECTS)
def test_a_view_is_kept_as_it_is_said(name: str, view: View) -> None:
    """Comments included."""
    dialect: Dialect = DIALECTS[name]()
    path = MIGRATIONS / "views" / KEPT / name / f"{view.name}.sql"
    text = ";\n".join(statements(view, dialect)) + "\n"
    if os.environ.get("ORDERWATCH_VIEWS") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_there_are_the_views_of_the_contract_and_no_text_beside_them() -> None:
    """Nine."""
    assert {view.name for view in VIEWS} == CONTRACT
    for name in DIALECTS:
        assert {path.stem for path in (MIGRATIONS / "views" / KEPT / name).iterdir()} == CONTRACT
