"""What people read from the store: lists in their order, filters, pages, details, search and counts; the same on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from sqlalchemy import update

from dataflows.detect.explain import tell
from dataflows.detect.explain_actions import SaidAction
from schemas.instants import iso, micros
from schemas.lateness import as_of
from sinks.cases.queries.actions import list_actions, resolve_action_prefix
from sinks.cases.queries.counts import counts
from sinks.cases.queries.detail import action_detail, exception_detail, order_detail
from sinks.cases.queries.exceptions import list_exceptions, resolve_prefix
from sinks.cases.queries.search import search
from sinks.cases.queries.standing import standing
from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter, FilterError
from sinks.cases.standing import stands
from sinks.cases.tables import exceptions
from tests.support.reports import Life, Reports
from tests.support.worked import UNTIL, worked

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

    from sinks.cases.queries.rows import ExceptionRow

NOW = datetime.fromtimestamp(UNTIL, UTC) + timedelta(hours=7)
RANK = ("critical", "high", "medium", "low")
EVERYTHING = ExceptionFilter(statuses=("open", "suppressed"))


@pytest.fixture(scope="module")
def reports() -> Reports:
    """What the replay says."""
    return Reports(worked(), NOW)


def since(life: Life) -> str:
    """What exceptions of one score are sorted by."""
    return str(life.last["due_at"] or life.last["occurred_at"] or life.events[0]["detected_at"])


def listed(connection: Connection, wanted: ExceptionFilter | None = None, *, limit: int = 1_000) -> list[ExceptionRow]:
    """All rows of a list, page by page."""
    found: list[ExceptionRow] = []
    after: str | None = None
    while True:
        page = list_exceptions(connection, wanted, now=NOW, limit=limit, after=after)
        assert len(page.rows) <= limit
        found += page.rows
        if page.after is None:
            return found
        after = page.after


@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=5), timedelta(days=3), timedelta(days=400)])
def test_the_score_is_what_everybody_counts(worked_store: Engine, reports: Reports, later: timedelta) -> None:
    """At any instant of looking, also of what is suppressed, as `schemas.lateness.as_of` counts it from the event."""
    now = NOW + later
    with worked_store.connect() as connection:
        rows = list_exceptions(connection, EVERYTHING, now=now, limit=1_000).rows
    assert len(rows) > 20
    for row in rows:
        assert row.score == as_of(reports.by_id[row.exception_id].last, micros(now)).points, row.kind


def test_what_is_open_comes_gravest_first(worked_store: Engine, reports: Reports) -> None:
    """By severity, then by score at that instant, then the oldest."""
    expected = sorted(
        reports.open,
        key=lambda life: (
            RANK.index(life.last["severity"]),
            -as_of(life.last, micros(NOW)).points,
            datetime.fromisoformat(since(life)),
            life.last["exception_id"],
        ),
    )
    with worked_store.connect() as connection:
        assert [row.exception_id for row in listed(connection)] == [life.last["exception_id"] for life in expected]


@pytest.mark.parametrize("limit", [1, 3, 7])
@pytest.mark.parametrize("statuses", [("open",), ("open", "suppressed"), ("resolved", "retracted"), ()])
def test_pages_are_the_list_in_pieces(worked_store: Engine, statuses: tuple[str, ...], limit: int) -> None:
    """None twice, none left out, whatever the size of a page."""
    wanted = ExceptionFilter(statuses=statuses)
    with worked_store.connect() as connection:
        whole = [row.exception_id for row in listed(connection, wanted)]
        assert len(whole) > 3
        assert [row.exception_id for row in listed(connection, wanted, limit=limit)] == whole


def test_a_page_is_as_of_the_instant_of_the_first(worked_store: Engine) -> None:
    """A list that is read on for an hour is one list: scores that have grown meanwhile move no row."""
    with worked_store.connect() as connection:
        whole = [(row.exception_id, row.score) for row in listed(connection)]
        first = list_exceptions(connection, now=NOW, limit=5)
        second = list_exceptions(connection, now=NOW + timedelta(days=30), limit=5, after=first.after)
    assert [(row.exception_id, row.score) for row in (*first.rows, *second.rows)] == whole[:10]


def test_what_is_over_comes_newest_first(worked_store: Engine, reports: Reports) -> None:
    """By the log time at which it was last said."""
    over = [life for life in reports.counted if life.last["status"] in ("resolved", "retracted")]
    expected = sorted(over, key=lambda life: (datetime.fromisoformat(life.last["detected_at"]), life.last["exception_id"]), reverse=True)
    with worked_store.connect() as connection:
        found = listed(connection, ExceptionFilter(statuses=("resolved", "retracted")))
    assert [row.exception_id for row in found] == [life.last["exception_id"] for life in expected]


TESTS: dict[str, tuple[ExceptionFilter, Callable[[Life], object]]] = {
    "state": (ExceptionFilter(states=("acknowledged", "assigned")), lambda one: one.case["state"] in ("acknowledged", "assigned")),
    "team": (ExceptionFilter(teams=("CARR",)), lambda one: one.team == "CARR"),
    "assignee": (ExceptionFilter(assignees=("user:ben",)), lambda one: one.case["assignee"] == "user:ben"),
    "nobody": (ExceptionFilter(unassigned=True), lambda one: one.case["assignee"] is None),
    "nobody or": (
        ExceptionFilter(assignees=("user:ben",), unassigned=True, kinds=("shipment",)),
        lambda one: one.case["assignee"] in (None, "user:ben") and one.last["kind"].startswith("shipment."),
    ),
    "domain": (ExceptionFilter(kinds=("shipment",)), lambda one: one.last["kind"].startswith("shipment.")),
    "severity": (ExceptionFilter(severities=("high", "low")), lambda one: one.last["severity"] in ("high", "low")),
    "tenant": (ExceptionFilter(tenants=("nobody",)), lambda _: False),
    "lane": (ExceptionFilter(lanes=("review",)), lambda one: one.last["lane"] == "review"),
    "age": (
        ExceptionFilter(older_than=timedelta(days=9)),
        lambda one: one.raised <= NOW - timedelta(days=9),
    ),
    "acknowledge": (
        ExceptionFilter(breached="acknowledge"),
        lambda one: one.case["acknowledged_at"] is None and one.acknowledge_late(NOW),
    ),
    "resolve": (ExceptionFilter(breached="resolve"), lambda one: one.resolve_late(NOW)),
    "words": (ExceptionFilter(text=" PARCEL "), lambda one: "parcel" in f"{one.last['summary']} {one.last['order_id']}".lower()),
    "all at once": (
        ExceptionFilter(teams=("CARR",), severities=("high",), unassigned=True),
        lambda one: one.team == "CARR" and one.last["severity"] == "high" and one.case["assignee"] is None,
    ),
}


@pytest.mark.parametrize("name", TESTS)
def test_a_filter_leaves_what_fits(worked_store: Engine, reports: Reports, name: str) -> None:
    """And nothing else; counts say the same."""
    wanted, fits = TESTS[name]
    expected = {life.last["exception_id"] for life in reports.open if fits(life)}
    with worked_store.connect() as connection:
        assert {row.exception_id for row in listed(connection, wanted)} == expected
        assert counts(connection, wanted, now=NOW).open == len(expected)
    assert (name == "tenant") == (not expected)
    assert len(expected) < len(reports.open)


@pytest.mark.parametrize("text", ["100%", "_", "'; DROP TABLE exceptions; --", "\\", ":now"])
def test_text_is_no_pattern(worked_store: Engine, reports: Reports, text: str) -> None:
    """What means something to the database means itself."""
    expected = {
        life.last["exception_id"] for life in reports.open if text.lower() in f"{life.last['summary']}{life.last['order_id']}".lower()
    }
    with worked_store.connect() as connection:
        assert {row.exception_id for row in listed(connection, ExceptionFilter(text=text))} == expected


def test_counts_are_those_of_the_list(worked_store: Engine, reports: Reports) -> None:
    """By severity, by who has it, by the clocks that have run out, and approvals beside."""
    with worked_store.connect() as connection:
        found = counts(connection, now=NOW)
        approvals = list_actions(connection, ActionFilter(waiting=True)).rows
    lives = reports.open
    assert found.open == len(lives)
    assert (found.critical, found.high, found.medium, found.low) == tuple(
        sum(one.last["severity"] == name for one in lives) for name in RANK
    )
    assert found.unassigned == sum(one.case["assignee"] is None for one in lives)
    assert found.acknowledge_breached == sum(one.case["acknowledged_at"] is None and one.acknowledge_late(NOW) for one in lives)
    assert found.resolve_breached == sum(one.resolve_late(NOW) for one in lives)
    assert found.approvals == len(approvals) == len(reports.v_approvals())


@pytest.mark.parametrize(
    ("wanted", "after", "words"),
    [
        (ExceptionFilter(statuses=("closed",)), None, "no such status: closed; there are open, suppressed, resolved, retracted"),
        (ExceptionFilter(statuses=("resolved",), text="x"), None, "text is looked for in what is open or suppressed only"),
        (ExceptionFilter(), "nonsense", "the cursor is none of this list"),
        (ExceptionFilter(), "WyJncmF2ZXN0IiwidHJ1ZSJd", "the cursor is none of this list"),
        (ExceptionFilter(statuses=("resolved",)), "WyJncmF2ZXN0IiwxLDEsMSwxLCJ4Il0", "the cursor is none of this list"),
    ],
)
def test_what_cannot_be_looked_for_is_said(worked_store: Engine, wanted: ExceptionFilter, after: str | None, words: str) -> None:
    """In one line."""
    with worked_store.connect() as connection, pytest.raises(FilterError, match=words):
        list_exceptions(connection, wanted, now=NOW, after=after)


def test_a_page_has_its_limits(worked_store: Engine) -> None:
    """Neither none nor everything."""
    with worked_store.connect() as connection:
        for limit in (0, 1_001):
            with pytest.raises(FilterError, match="a page has 1 to 1000 rows"):
                list_exceptions(connection, now=NOW, limit=limit)
            with pytest.raises(FilterError, match="a page has 1 to 1000 rows"):
                list_actions(connection, limit=limit)


def test_an_exception_with_all_that_belongs_to_it(worked_store: Engine, reports: Reports) -> None:
    """Its last event as it was published; its events in order; its actions; and its history can be told from it."""
    busiest = max(reports.lives, key=lambda life: len(life.events))
    with worked_store.connect() as connection:
        found = exception_detail(connection, busiest.last["exception_id"], NOW)
    assert found is not None
    for name in set(busiest.last) - {"case", "evidence", "score_clock", "suppressed_by", "cut", "context"}:
        assert found.data[name] == busiest.last[name], name
    assert [said.data["status"] for said in found.events] == [data["status"] for data in busiest.events]
    assert [said.at for said in found.events] == [datetime.fromisoformat(data["detected_at"]) for data in busiest.events]
    case: Any = found.data["case"]
    assert {name: case[name] for name in case if name in busiest.case} == {
        name: busiest.case[name] for name in case if name in busiest.case
    }
    evidence: Any = found.data["evidence"]
    assert {piece["id"] for piece in evidence} == {piece["id"] for piece in busiest.last["evidence"]}
    console = Console(record=True, width=200)
    actions = [[SaidAction(iso(micros(said.at)), said.data) for said in action.events] for action in found.actions]
    tell(console, [(said.type, dict(said.data)) for said in found.events], actions, lambda _: None, micros(NOW))
    told = console.export_text()
    assert busiest.last["summary"].split(" (")[0][:60] in told.replace("\n", " ")
    assert f"{len(busiest.events)}. " in told


def test_there_is_nothing_of_what_is_not_known(worked_store: Engine) -> None:
    """No error, and no empty page."""
    with worked_store.connect() as connection:
        assert exception_detail(connection, "nope", NOW) is None
        assert action_detail(connection, "nope") is None
        assert order_detail(connection, "default", "nope", NOW) is None
        assert search(connection, "nope") == search(connection, "  ") == []


def test_an_id_is_known_by_its_beginning(worked_store: Engine, reports: Reports) -> None:
    """One, several, none; what is no beginning of an ID finds nothing."""
    ids = sorted(reports.by_id)
    with worked_store.connect() as connection:
        assert resolve_prefix(connection, f" {ids[3][:13].upper()} ") == [ids[3]]
        assert resolve_prefix(connection, ids[0]) == [ids[0]]
        common = next(each for each in "0123456789abcdef" if sum(known.startswith(each) for known in ids) > 3)
        assert resolve_prefix(connection, common) == [known for known in ids if known.startswith(common)][:3]
        assert resolve_prefix(connection, "zz") == resolve_prefix(connection, "") == resolve_prefix(connection, "%") == []
        action = reports.actions[0][0]["data"]["action_id"]
        assert resolve_action_prefix(connection, action[:12]) == [action]


def test_an_order_is_found_by_its_names(worked_store: Engine, reports: Reports) -> None:
    """Order ID with `#`, tracking number as people write it, customer ID; only of the tenants that are asked for."""
    life = next(one for one in reports.open if one.last["context"].get("shipments") and one.last["context"].get("customer"))
    order, context = life.last["order_id"], life.last["context"]
    number = next(number for shipment in context["shipments"] for number in shipment["tracking_numbers"])
    with worked_store.connect() as connection:
        for text in (order, f"#{order}", f" {number[:4].lower()} {number[4:]}", context["customer"]["id"]):
            assert order in [found.order_id for found in search(connection, text)], text
        (found,) = search(connection, order)
        assert (found.tenant, found.by, found.open) == (life.tenant, "order_id", sum(one.last["order_id"] == order for one in reports.open))
        assert search(connection, order, tenants=("another",)) == []


def test_the_timeline_of_an_order_is_in_the_order_of_time(worked_store: Engine, reports: Reports) -> None:
    """What came in, what was decided, what was said of it and what was done, each once."""
    life = max(reports.lives, key=lambda one: len(one.events))
    with worked_store.connect() as connection:
        found = order_detail(connection, life.tenant, life.last["order_id"], NOW)
    assert found is not None
    assert [entry.at for entry in found.timeline] == sorted(entry.at for entry in found.timeline)
    lanes = [entry.lane for entry in found.timeline]
    siblings = [one for one in reports.lives if one.last["order_id"] == life.last["order_id"]]
    assert lanes.count("exception") == sum(len(one.events) for one in siblings)
    assert {"evidence", "exception", "decision"} <= set(lanes)
    assert {row.exception_id for row in found.exceptions} == {one.last["exception_id"] for one in siblings}


def test_actions_in_pages(worked_store: Engine, reports: Reports) -> None:
    """By when they were last said; those that wait by when somebody is to agree; and who may."""
    with worked_store.connect() as connection:
        whole = list_actions(connection, limit=1_000).rows
        first = list_actions(connection, limit=3)
        second = list_actions(connection, limit=3, after=first.after)
        waiting = list_actions(connection, ActionFilter(waiting=True)).rows
        one = list_actions(connection, ActionFilter(waiting=True), limit=1)
        other = list_actions(connection, ActionFilter(waiting=True), limit=1, after=one.after)
    assert len(whole) == len(reports.actions)
    assert [row.changed_at for row in whole] == sorted((row.changed_at for row in whole), reverse=True)
    assert [row.action_id for row in (*first.rows, *second.rows)] == [row.action_id for row in whole[:6]]
    assert [row.action_id for row in (*one.rows, *other.rows)] == [row.action_id for row in waiting[:2]]
    assert {row.action_id for row in waiting} == {row[0] for row in reports.v_approvals()}
    asked = waiting[0]
    assert asked.may_approve("user:eve", ["approver"])
    assert not asked.may_approve("user:eve", ["viewer"])
    assert not asked.may_approve(str(asked.initiated_by), ["approver"])
    assert not replace(asked, approved_by=("user:eve",)).may_approve("user:eve", ["approver"])
    assert not replace(asked, approvals_needed=0).may_approve("user:eve", ["approver"])


def test_how_far_the_store_is(worked_store: Engine) -> None:
    """As its writer says it; nothing where it has not said anything."""
    with worked_store.connect() as connection:
        assert (standing(connection).seen_at, standing(connection).behind) == (None, None)
        assert standing(connection).last_at is not None
        stands(connection, NOW, 7, None)
        assert (standing(connection).seen_at, standing(connection).behind) == (NOW, 7)
        connection.rollback()


def test_a_severity_that_is_not_known_comes_last(worked_store: Engine) -> None:
    """It is shown: a later version of the engine may say one."""
    with worked_store.connect() as connection:
        whole = listed(connection)
        changed = update(exceptions).where(exceptions.c.exception_id == whole[0].exception_id)
        connection.execute(changed.values(severity="dire", severity_rank=4))
        found = listed(connection, limit=4)
        assert (found[-1].exception_id, found[-1].severity) == (whole[0].exception_id, "dire")
        assert len(found) == len(whole)
        connection.rollback()
