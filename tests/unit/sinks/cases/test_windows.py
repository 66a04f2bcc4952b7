"""What is counted by windows of time is what counting the rows one by one gives."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, select, text

from sinks.cases.queries.feeds import STALE, feed_incidents, feed_rows
from sinks.cases.queries.handling import (
    COARSEST,
    STEPS,
    Durations,
    ages,
    durations,
    kept_promises,
    open_load,
    reworked,
    share,
    together,
)
from sinks.cases.queries.modes import PLACES, failure_modes, flow, kinds_over_time, recurrence
from sinks.cases.queries.windows import Window
from sinks.cases.tables import cases, exception_skus, exceptions
from sinks.cases.writer import CaseWriter
from tests.support.stored import example
from tests.support.stores import record, store
from tests.support.worked import UNTIL

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOW = datetime.fromtimestamp(UNTIL, UTC)
WINDOWS = (
    Window(NOW - timedelta(days=30), NOW),
    Window(NOW - timedelta(days=20), NOW - timedelta(days=6), kinds=("shipment", "payment.auth_missing")),
    Window(NOW - timedelta(days=30), NOW, teams=("CARR",)),
    Window(NOW - timedelta(days=30), NOW, tenants=("nobody",)),
)
Row = dict[str, Any]


def counted_rows(connection: Connection, window: Window, *, before: bool = False) -> list[Row]:
    """The rows of a window, one by one; `before`: those of as much time before it."""
    begin, end = (window.since - window.length, window.since) if before else (window.since, window.until)
    return [row for row in every_row(connection, window) if begin <= row["raised_at"] < end]


def every_row(connection: Connection, window: Window) -> list[Row]:
    """The rows of the window's tenants, teams and kinds."""
    rows = select(exceptions, cases.c.reopenings, cases.c.flaps, cases.c.reassignments, cases.c.label)
    found = [dict(row) for row in connection.execute(rows.join(cases, cases.c.exception_id == exceptions.c.exception_id)).mappings()]
    return [
        row
        for row in found
        if row["mode"] == "on"
        and row["status"] != "retracted"
        and (not window.tenants or row["tenant"] in window.tenants)
        and (not window.teams or row["team"] in window.teams)
        and (not window.kinds or row["kind"] in window.kinds or row["domain"] in window.kinds)
    ]


@pytest.mark.parametrize("window", WINDOWS, ids=range(len(WINDOWS)))
def test_failure_modes_are_counted_row_by_row(worked_store: Engine, window: Window) -> None:
    """How often, how often before, how much of it is open, whom it met, and what it is about in money."""
    with worked_store.connect() as connection:
        rows, before = counted_rows(connection, window), counted_rows(connection, window, before=True)
        modes = failure_modes(connection, window)
        assert {mode.kind: (mode.count, mode.previous) for mode in modes} == {
            kind: (sum(row["kind"] == kind for row in rows), sum(row["kind"] == kind for row in before))
            for kind in {row["kind"] for row in (*rows, *before)}
        }
        for mode in modes:
            own = [row for row in rows if row["kind"] == mode.kind]
            met = Counter(row["customer_id"] for row in own if row["customer_id"])
            assert mode.open == sum(row["status"] == "open" for row in own)
            assert (mode.customers, mode.repeated) == (len(met), sum(many > 1 for many in met.values()))
            totals = {(row["currency"], row["tenant"], row["order_id"]): row["total"] for row in own if row["total"] is not None}
            sums: Counter[str] = Counter()
            for (currency, _, _), total in totals.items():
                sums[currency] += total
            assert dict(mode.money) == dict(sums)
        assert [mode.count for mode in modes] == sorted((mode.count for mode in modes), reverse=True)


@pytest.mark.parametrize("window", WINDOWS, ids=range(len(WINDOWS)))
@pytest.mark.parametrize("name", PLACES)
def test_recurrence_is_counted_row_by_row(worked_store: Engine, window: Window, name: str) -> None:
    """In each dimension; an exception about several SKUs counts for each."""
    with worked_store.connect() as connection:
        skus: dict[str, list[str]] = {}
        for id_, sku in connection.execute(select(exception_skus.c.exception_id, exception_skus.c.sku)):
            skus.setdefault(id_, []).append(sku)
        counts: Counter[str] = Counter()
        orders: dict[str, set[str]] = {}
        for row in counted_rows(connection, window):
            route = f"{row['carrier']} to {row['country']}" if row["carrier"] and row["country"] else None
            values = skus.get(row["exception_id"], []) if name == "sku" else [route if name == "route" else row[name]]
            for value in filter(None, values):
                counts[value] += 1
                orders.setdefault(value, set()).add(row["order_id"])
        found = recurrence(connection, window, name, most=1_000)
        assert {place.value: (place.count, place.orders) for place in found} == {
            value: (many, len(orders[value])) for value, many in counts.items()
        }
        assert [place.count for place in recurrence(connection, window, name, most=3)] == sorted(counts.values(), reverse=True)[:3]


@pytest.mark.parametrize("window", WINDOWS, ids=range(len(WINDOWS)))
def test_what_comes_and_goes_adds_up(worked_store: Engine, window: Window) -> None:
    """In steps of a quarter of an hour, and by kind and day."""
    with worked_store.connect() as connection:
        rows = counted_rows(connection, window)
        closed = [row for row in every_row(connection, window) if row["closed_at"] and window.since <= row["closed_at"] < window.until]
        steps = flow(connection, window)
        assert (sum(step.raised for step in steps), sum(step.closed for step in steps)) == (len(rows), len(closed))
        assert all(step.at.timestamp() % 900 == 0 for step in steps)
        days = kinds_over_time(connection, window, 86_400)
        assert {kind: sum(counts) for kind, counts in days.items()} == Counter(row["kind"] for row in rows)
        last = Counter(row["kind"] for row in rows if row["raised_at"] >= window.until - timedelta(days=1))
        assert {kind: counts[-1] for kind, counts in days.items() if counts[-1]} == last


def test_load_and_ages_are_of_what_is_open(worked_store: Engine) -> None:
    """By team and person."""
    with worked_store.connect() as connection:
        open_ = [row for row in every_row(connection, WINDOWS[0]) if row["status"] == "open"]
        load = open_load(connection, WINDOWS[0], NOW)
        assert {(one.team, one.assignee): one.open for one in load} == Counter((row["team"], row["assignee"]) for row in open_)
        assert sum(sum(one.by_severity.values()) for one in load) == len(open_)
        assert sum(sum(one.by_severity.values()) for one in ages(connection, WINDOWS[0], NOW)) == len(open_)
        assert sum(one.open for one in open_load(connection, WINDOWS[2], NOW)) == sum(row["team"] == "CARR" for row in open_)
        assert open_load(connection, WINDOWS[3], NOW) == []
        assert open_load(connection, Window(NOW, NOW, sites=("nowhere",)), NOW) == []


def test_clocks_and_rework_are_of_the_window(worked_store: Engine) -> None:
    """By team."""
    window = WINDOWS[0]
    with worked_store.connect() as connection:
        rows = counted_rows(connection, window)
        kept = {one.team: one for one in kept_promises(connection, window, NOW)}
        taken = Counter(row["team"] for row in rows if row["ack_by"] and row["acknowledged_at"] and row["acknowledged_at"] <= row["ack_by"])
        assert {team: one.acknowledge_within for team, one in kept.items() if one.acknowledge_within} == taken
        again = {one.team: one for one in reworked(connection, window)}
        assert {team: one.reopened for team, one in again.items() if one.reopened} == Counter(
            row["team"] for row in rows if row["reopenings"]
        )
        assert {team: one.handed_on for team, one in again.items() if one.handed_on} == Counter(
            row["team"] for row in rows if row["reassignments"]
        )
    assert share(3, 1) == 0.75
    assert share(0, 0) is None


def test_durations_are_told_to_their_step(worked_store: Engine) -> None:
    """How many, and half of them, and nine of ten: the lower end of the step in which the one by nearest rank is."""
    window = WINDOWS[0]
    with worked_store.connect() as connection:
        lengths = sorted(
            int(row["closed_at"].timestamp()) - int(row["raised_at"].timestamp())
            for row in counted_rows(connection, window)
            if row["closed_at"]
        )
        taken = sum(bool(row["acknowledged_at"]) and not row["reopenings"] for row in counted_rows(connection, window))
        found = durations(connection, window)
    resolve = together(of_team["resolve"] for of_team in found.values())
    assert resolve.many == len(lengths)
    assert together(of_team["acknowledge"] for of_team in found.values()).many == taken
    for percent in (50, 90):
        exact = lengths[(len(lengths) * percent + 99) // 100 - 1]
        step = next((step for most, step in STEPS if exact < most), COARSEST)
        assert resolve.percentile(percent) == exact // step * step
    assert Durations().percentile(50) is None


def test_no_time_goes_into_compiling_what_is_asked(worked_store: Engine) -> None:
    """PostgreSQL would: seconds for what takes a tenth of one."""
    if worked_store.dialect.name == "postgresql":
        with worked_store.connect() as connection:
            assert connection.scalar(text("SHOW jit")) == "off"


def test_a_feed_that_fell_silent_is_listed_with_what_it_holds_back(database: str) -> None:
    """And among the silences once it speaks again."""
    with store(database) as engine:
        writer = CaseWriter(engine)
        writer.offsets()
        writer.write([record("incidents", example("feed.stale"), 0)])
        with engine.connect() as connection:
            (feed,) = feed_rows(connection)
            (silence,) = feed_incidents(connection, STALE, standing=True)
            assert feed.stale
            assert (feed.feed, feed.held) == (silence.value, silence.count)
            assert feed_rows(connection, ["somebody"]) == []
        writer.write([record("incidents", example("feed.recovered"), 1)])
        with engine.connect() as connection:
            assert [row.stale for row in feed_rows(connection)] == [False]
            assert feed_incidents(connection, STALE, standing=True) == []
            assert len(feed_incidents(connection, STALE, standing=False)) == 1
