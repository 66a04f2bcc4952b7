"""Whoever shows rows learns of every change since they were read, and of which of them came into a list or went out of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from sinks.cases.queries.actions import list_actions
from sinks.cases.queries.changes import (
    PositionError,
    changes,
    matching_actions,
    matching_exceptions,
    packed_position,
    position,
    unpacked_position,
)
from sinks.cases.queries.exceptions import list_exceptions
from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter
from sinks.cases.schema import open_store, upgrade
from sinks.cases.writer import CaseWriter
from tests.support.worked import UNTIL, worked

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from sinks.cases.queries.rows import ListedAction

WANTED = (
    ExceptionFilter(),
    ExceptionFilter(statuses=()),
    ExceptionFilter(statuses=("resolved", "retracted")),
    ExceptionFilter(severities=("high", "critical")),
    ExceptionFilter(unassigned=True, states=("new", "acknowledged")),
    ExceptionFilter(teams=("CARR",), statuses=("open", "suppressed")),
    ExceptionFilter(kinds=("shipment",), text="order"),
    ExceptionFilter(teams=("OPS",), statuses=("open", "suppressed")),
    ExceptionFilter(worth_from=Decimal("20.50"), older_than=timedelta(minutes=5)),
    ExceptionFilter(worth_from=Decimal("0.01"), older_than=timedelta(0)),
)
"""Several differ only in what they look for, and are asked by one statement."""
WAITING = (ActionFilter(waiting=True), ActionFilter(), ActionFilter(states=("requested", "executed")))
NOW = datetime.fromtimestamp(UNTIL, UTC)
STEPS = 5


class Seen:
    """What lists showed at a position."""

    def __init__(self, connection: Connection) -> None:
        self.at = position(connection)
        self.exceptions = {wanted: _exceptions(connection, wanted) for wanted in WANTED}
        self.actions = {wanted: {row.action_id: row.sequence for row in _actions(connection, wanted)} for wanted in WAITING}


def _exceptions(connection: Connection, wanted: ExceptionFilter) -> dict[str, int]:
    return {row.exception_id: row.sequence for row in list_exceptions(connection, wanted, now=NOW, limit=1_000).rows}


def _actions(connection: Connection, wanted: ActionFilter) -> list[ListedAction]:
    return list(list_actions(connection, wanted, limit=1_000).rows)


def test_what_lists_show_and_what_has_changed_since_is_what_they_show_then(database: str) -> None:
    """Of every two looks, for every filter: the first, and the changes, make the second."""
    engine = open_store(database)
    upgrade(engine)
    writer, records = CaseWriter(engine), worked().records()
    writer.offsets()
    looks: list[Seen] = []
    for step in range(STEPS):
        writer.write(records[step * len(records) // STEPS : (step + 1) * len(records) // STEPS])
        with engine.connect() as connection:
            now = Seen(connection)
            for before in looks:
                _holds(connection, before, now)
            looks.append(now)
    assert all(looks[-1].exceptions.values())
    engine.dispose()


def _holds(connection: Connection, before: Seen, now: Seen) -> None:
    found = changes(connection, before.at, most=10_000)
    assert found.complete
    assert found.position == now.at
    changed = {row.id for row in found.exceptions}
    assert changed >= {id_ for id_, number in now.exceptions[WANTED[1]].items() if before.exceptions[WANTED[1]].get(id_) != number}
    for wanted, matched in zip(WANTED, matching_exceptions(connection, found.exceptions, WANTED, NOW), strict=True):
        assert {row.id: row.sequence for row in matched if row.now} == {i: n for i, n in now.exceptions[wanted].items() if i in changed}
        assert {row.id for row in matched if row.before} == {i for i in before.exceptions[wanted] if i in changed}
    for asked in WAITING:
        rows = matching_actions(connection, found.actions, asked)
        moved = {row.id for row in found.actions}
        assert {row.id: row.sequence for row in rows if row.now} == {i: n for i, n in now.actions[asked].items() if i in moved}
        assert {row.id for row in rows if row.before} == {i for i in before.actions[asked] if i in moved}


def test_an_exception_changes_with_its_actions(worked_store: Engine) -> None:
    """A row shows how its action stands."""
    with worked_store.connect() as connection:
        here = position(connection)
        before = {name: 0 if name.startswith("actions") else offset for name, offset in here.items()}
        found = changes(connection, before, most=10_000)
        named = {row.exception_id for row in _actions(connection, ActionFilter()) if row.exception_id}
        assert {row.id for row in found.exceptions} == named
        assert all(row.before == row.sequence for row in found.exceptions)


def test_nothing_has_changed_where_the_store_stands(worked_store: Engine) -> None:
    """Not a row."""
    with worked_store.connect() as connection:
        found = changes(connection, position(connection))
        assert (found.complete, found.exceptions, found.actions, found.incidents) == (True, (), (), ())


def test_too_much_and_another_store_are_said(worked_store: Engine) -> None:
    """Who hears it reads all anew."""
    with worked_store.connect() as connection:
        here = position(connection)
        assert not changes(connection, {}, most=3).complete
        assert not changes(connection, {**here, "exceptions/0": here["exceptions/0"] + 1}).complete
        assert not changes(connection, {**here, "another:0": 1}).complete
        assert changes(connection, dict.fromkeys(here, 0), most=10_000).complete


def test_a_position_is_a_text_and_back() -> None:
    """And what is none is refused."""
    place = {"orderwatch.exceptions:00000": 12, "actions:3": 1 << 40}
    assert unpacked_position(packed_position(place)) == place
    for text in ("", "nonsense", "W10", packed_position({"a": -1}), packed_position({"a": True})):
        with pytest.raises(PositionError):
            unpacked_position(text)
