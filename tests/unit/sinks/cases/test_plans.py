"""How the databases look for what lists, counts and search ask, at 20,000 exceptions: kept as text, and never through the whole table.

Where a plan changes look at it, and write the texts by `ORDERWATCH_PLANS=write .venv/bin/pytest tests/unit/sinks/cases/test_plans.py`.
Plans are those of a store whose statistics are fresh. Texts are of PostgreSQL 15 and SQLite 3.40; other versions plan in their own way:
there only the rule is tested.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Executable, event, text

from sinks.cases.queries.actions import list_actions
from sinks.cases.queries.counts import counts
from sinks.cases.queries.detail import exception_detail, order_detail
from sinks.cases.queries.exceptions import list_exceptions, resolve_prefix
from sinks.cases.queries.facets import facets
from sinks.cases.queries.parcels import list_parcels
from sinks.cases.queries.search import search
from sinks.cases.queries.wanted import IN_HAND, ActionFilter, ExceptionFilter, Sort
from sinks.cases.schema import open_store, upgrade
from tests.bench.store import LISTS
from tests.support.filled import NOW, fill
from tests.unit.sinks.cases.conftest import new_database

MANY, OPEN = 20_000, 400
KEPT = Path(__file__).with_name("plans")
LARGE = ("exceptions", "exception_events", "cases", "actions", "action_events", "identifiers", "orders", "evidence")
"""Tables that are never to be looked through from end to end."""
VERSIONS = {"postgresql": re.compile(r"PostgreSQL 15\."), "sqlite": re.compile(r"3\.40\.")}
SEQUENTIAL = {"postgresql": re.compile(r"Seq Scan on (\w+)"), "sqlite": re.compile(r"^\W*SCAN (\w+)$", re.MULTILINE)}

NARROWED = {
    "in hand": ExceptionFilter(states=IN_HAND),
    "labelled": ExceptionFilter(labels=("noise",)),
    "labelled, whatever became of it": ExceptionFilter(statuses=(), labels=("noise",)),
    "reopened": ExceptionFilter(reopened=True),
    "of a SKU": ExceptionFilter(statuses=(), skus=("SKU-005",)),
    "with a proposed action": ExceptionFilter(action_states=("proposed",)),
    "waiting for the carrier": ExceptionFilter(waiting_on=("carrier",)),
    "handed over": ExceptionFilter(assignees=("user:p3",), handed_within=timedelta(days=1)),
    "due within": ExceptionFilter(due_within=timedelta(hours=4)),
}
"""Lists that the console narrows."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store with many exceptions."""
    engine = open_store(new_database(request, tmp_path_factory.mktemp("many")))
    upgrade(engine)
    fill(engine, MANY, OPEN)
    yield engine
    engine.dispose()


def questions(connection: Connection) -> dict[str, Callable[[], object]]:
    """What is asked, by name."""
    first = list_exceptions(connection, now=NOW, limit=50)
    second = list_exceptions(connection, ExceptionFilter(statuses=("resolved",)), now=NOW)
    row = first.rows[0]

    def listed(wanted: ExceptionFilter, after: str | None = None) -> Callable[[], object]:
        return lambda: list_exceptions(connection, wanted, now=NOW, after=after)

    def by(sort: Sort) -> Callable[[], object]:
        return lambda: list_exceptions(connection, now=NOW, sort=sort)

    return {
        **{name: listed(wanted) for name, wanted in LISTS.items()},
        "open of an age": listed(ExceptionFilter(older_than=timedelta(days=9))),
        "open, next page": listed(ExceptionFilter(), first.after),
        "resolved, next page": listed(ExceptionFilter(statuses=("resolved",)), second.after),
        **{f"open by {sort}": by(sort) for sort in ("clock", "due", "age", "value")},
        **{name: listed(wanted) for name, wanted in NARROWED.items()},
        "facets": lambda: facets(connection, ExceptionFilter(), now=NOW),
        "facets of a team, high": lambda: facets(connection, ExceptionFilter(teams=("CS",), severities=("high",)), now=NOW),
        "facets of all": lambda: facets(connection, ExceptionFilter(statuses=()), now=NOW),
        "parcels": lambda: list_parcels(connection, now=NOW),
        "counts": lambda: counts(connection, ExceptionFilter(states=IN_HAND), now=NOW),
        "approvals": lambda: list_actions(connection, ActionFilter(waiting=True)),
        "actions, newest first": lambda: list_actions(connection),
        "search": lambda: search(connection, "JJD 000000000000500"),
        "an ID by its beginning": lambda: resolve_prefix(connection, row.exception_id[:8]),
        "an exception": lambda: exception_detail(connection, row.exception_id, NOW),
        "an order": lambda: order_detail(connection, row.tenant, row.order_id, NOW),
    }


def plans(connection: Connection, question: Callable[[], object]) -> list[str]:
    """The plans of what a question executes, each different one once."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        question()
    finally:
        event.remove(connection, "before_cursor_execute", note)
    word = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN (COSTS OFF)"
    found: list[str] = []
    for statement, parameters in asked:
        rows = connection.exec_driver_sql(f"{word} {statement}", parameters).all()
        plan = tree(rows) if connection.dialect.name == "sqlite" else "\n".join(settled(str(row[0])) for row in rows)
        if plan not in found:
            found.append(plan)
    assert found
    return found


def tree(rows: Any) -> str:
    """A plan of SQLite, indented as it is nested."""
    depth = {0: -1}
    lines: list[str] = []
    for identity, parent, _, detail in rows:
        depth[identity] = depth[parent] + 1
        lines.append(f"{'  ' * depth[identity]}{detail}")
    return "\n".join(lines)


def settled(line: str) -> str:
    """A line of a plan of PostgreSQL with neither values nor expressions."""
    return re.sub(r"((?:Filter|Cond|Sort Key|Group Key|Recheck Cond|Index Cond|Presorted Key): ).*", r"\1...", line)


def test_what_is_asked_is_found_by_indexes(many: Engine) -> None:
    """No large table is looked through, whatever is asked; and the plans are those that are kept."""
    dialect = many.dialect.name
    with many.connect() as connection:
        found = {name: plans(connection, question) for name, question in questions(connection).items()}
        version = str(connection.scalar(text("SELECT version()" if dialect == "postgresql" else "SELECT sqlite_version()")))
    written = "\n\n".join(f"# {name}\n\n" + "\n\n".join(each) for name, each in found.items()) + "\n"
    through = {name: SEQUENTIAL[dialect].findall("\n".join(each)) for name, each in found.items()}
    assert {name: tables for name, tables in through.items() if set(tables) & set(LARGE)} == {}
    if not VERSIONS[dialect].match(version):
        pytest.skip(f"the plans that are kept are of another version than {version}")
    path = KEPT / f"{dialect}.txt"
    if os.environ.get("ORDERWATCH_PLANS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(written, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == written


def test_a_look_through_the_whole_table_is_seen(many: Engine) -> None:
    """The check itself."""
    with many.connect() as connection:
        whole: Executable = text("SELECT count(summary) FROM exceptions WHERE summary LIKE '%x%'")
        (plan,) = plans(connection, lambda: connection.execute(whole).all())
    assert SEQUENTIAL[many.dialect.name].findall(plan) == ["exceptions"]
