"""Every filter of a list against plain Python over all rows: the same rows, the same counts, the same order; on both databases."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from sinks.cases.queries.counts import counts
from sinks.cases.queries.exceptions import list_exceptions
from sinks.cases.queries.facets import COLUMNS, count_rows, facets
from sinks.cases.queries.parcels import list_parcels
from sinks.cases.queries.wanted import IN_HAND, RESTING, ExceptionFilter, FilterError, Sort
from sinks.cases.schema import open_store, upgrade
from sinks.cases.tables import actions, cases, exception_events, exception_skus, exceptions, orders
from tests.support.filled import NOW, STATES, TEAMS, rows
from tests.unit.sinks.cases.conftest import new_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection, Engine, Table

    from tests.support.filled import Filling

MANY, OPEN, OVER = 4_000, 150, 100
"""How many rows are made, how many of them stand, and how many of the others are kept."""
ME = "user:p3"
NAMES = {
    "severities": "severity",
    "kinds": "kind",
    "states": "case_state",
    "teams": "team",
    "lanes": "lane",
    "carriers": "carrier",
    "sites": "site",
    "countries": "country",
    "tiers": "tier",
    "currencies": "currency",
    "policies": "policy",
    "tenants": "tenant",
    "modes": "mode",
}
"""By field of the filter the column that it asks."""
HOURS = st.integers(1, 900).map(lambda hours: timedelta(hours=hours))


def clock(row: dict[str, Any]) -> datetime | None:
    """The clock of a case that runs out next."""
    if row["status"] != "open":
        return None
    if row["acknowledged_at"] is None and row["ack_by"] is not None:
        return datetime.fromisoformat(str(row["ack_by"]))
    return None if row["paused_since"] is not None else row["resolve_by"]


def world() -> list[Filling]:
    """Rows of which some differ in each thing that can be asked."""
    every = list(rows(MANY, OPEN, seed=7))
    made = [one for one in every if one.exception["closed_at"] is None]
    made += [one for one in every if one.exception["closed_at"] is not None][-OVER:]
    for number, one in enumerate(made):
        row, case = one.exception, one.case
        row["sku"] = f"SKU-{number % 9:03}" if number % 2 else None
        row["lane"] = ("auto", "review", "block")[number % 3]
        row["mode"] = "shadow" if number % 19 == 0 else "on"
        row["escalation_level"] = number % 4 // 3
        row["currency"] = ("EUR", "USD", None)[number % 3]
        row["total"] = None if number % 7 == 0 else row["total"]
        row["policy"] = f"{number % 3}" * 16
        row["blocking"] = number % 5 == 0
        row["raised_at"] = NOW - timedelta(hours=number * 3)
        row["scope"] = f"shipment:{row['order_id']}-{number % 2}" if number % 3 == 0 else row["scope"]
        if number % 4 == 0:
            order = f"ORD-{number // 24:08}"
            row.update(tenant="default", order_id=order, scope=f"shipment:{order}-{number // 4 % 2}")
        case["reopenings"] = number % 6 // 5
        if row["case_state"] in ("snoozed", "waiting"):
            row["until"] = NOW + timedelta(hours=number % 90)
        case["waiting_on"] = ("carrier", "customer")[number % 2] if row["case_state"] == "waiting" else None
        row["ack_by"], row["resolve_by"] = (NOW + timedelta(hours=number % 50 - 25 + late) for late in (0, 9))
        row["clock_at"] = clock(row)
        one.event.update(sequence=2, changed_by_type="case.assigned" if number % 2 else None, assignee=row["assignee"])
        one.event.update(by=("user:boss", row["assignee"])[number % 3 == 0], detected_at=NOW - timedelta(hours=number % 60))
    return made


WORLD = world()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store that holds this world."""
    engine = open_store(new_database(request, tmp_path_factory.mktemp("filters")))
    upgrade(engine)
    known: list[dict[str, Any]] = [
        {**one.order, "tenant": tenant, "order_id": order, "shipments": [{"shipment": f"{order}-0", "tracking_numbers": []}]}
        for (tenant, order), one in {(one.exception["tenant"], one.exception["order_id"]): one for one in WORLD}.items()
    ]
    skus = [{name: one.exception[name] for name in ("exception_id", "sku", "tenant", "order_id")} for one in WORLD if one.exception["sku"]]
    with engine.begin() as connection:
        made: list[tuple[Table, list[dict[str, Any]]]] = [
            (exceptions, [one.exception for one in WORLD]),
            (cases, [one.case for one in WORLD]),
            (orders, known),
            (actions, [one.action for one in WORLD if one.action is not None]),
            (exception_events, [one.event for one in WORLD]),
            (exception_skus, skus),
        ]
        for table, found in made:
            names = {name for row in found for name in row}
            connection.execute(insert(table), [{name: row.get(name) for name in names} for row in found])
    yield engine
    engine.dispose()


def within(at: datetime | None, begin: datetime, end: datetime) -> bool:
    """Whether there is an instant, and it lies there."""
    return at is not None and begin <= at <= end


def fits(one: Filling, wanted: ExceptionFilter) -> bool:
    """Whether a row is wanted, as the fields of a filter say it."""
    row, case, event = dict[str, Any](one.exception), dict[str, Any](one.case), dict[str, Any](one.event)
    asked = [
        not wanted.statuses or row["status"] in wanted.statuses,
        *(not (values := getattr(wanted, field)) or row[name] in values for field, name in NAMES.items() if field != "kinds"),
        not wanted.kinds or row["kind"] in wanted.kinds or row["domain"] in wanted.kinds,
        not wanted.skus or row["sku"] in wanted.skus,
        not wanted.labels or case["label"] in wanted.labels,
        not wanted.waiting_on or (row["case_state"] == "waiting" and case["waiting_on"] in wanted.waiting_on),
        not wanted.action_states or (one.action is not None and one.action["state"] in wanted.action_states),
        wanted.blocking is None or row["blocking"] == wanted.blocking,
        wanted.escalated is None or (row["escalation_level"] > 0) == wanted.escalated,
        wanted.reopened is None or (case["reopenings"] != 0) == wanted.reopened,
        wanted.worth_from is None or (row["total"] is not None and row["total"] >= wanted.worth_from),
        wanted.worth_to is None or (row["total"] is not None and row["total"] <= wanted.worth_to),
        wanted.older_than is None or row["raised_at"] <= NOW - wanted.older_than,
        wanted.newer_than is None or row["raised_at"] >= NOW - wanted.newer_than,
        wanted.due_within is None or within(clock(row), NOW, NOW + wanted.due_within),
        wanted.waking_within is None or (row["case_state"] == "snoozed" and row["until"] <= NOW + wanted.waking_within),
        not wanted.shipments or row["domain"] == "shipment" or str(row["scope"]).startswith("shipment:"),
    ]
    if wanted.assignees or wanted.unassigned or wanted.assigned:
        nobody = row["assignee"] is None
        asked.append(row["assignee"] in wanted.assignees or (wanted.unassigned and nobody) or (wanted.assigned and not nobody))
    if wanted.handed_within is not None:
        handed = event["changed_by_type"] == "case.assigned" and event["assignee"] is not None and event["by"] != event["assignee"]
        asked.append(handed and event["detected_at"] >= NOW - wanted.handed_within)
    return all(asked)


def several(values: Sequence[object]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Up to two of some values, mostly none."""
    return st.just(()) | st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True).map(tuple)


def seldom(values: st.SearchStrategy[Any], otherwise: object = None) -> st.SearchStrategy[Any]:
    """Mostly nothing."""
    return st.one_of(st.just(otherwise), st.just(otherwise), st.just(otherwise), values)


FILTERS = st.builds(
    ExceptionFilter,
    statuses=st.sampled_from([("open",), ("open",), ("open", "suppressed"), ("resolved",), ()]),
    modes=st.sampled_from([("on",), ("on", "shadow"), ()]),
    states=several(STATES),
    teams=several(TEAMS),
    severities=several(("critical", "high", "medium", "low")),
    kinds=several(("shipment", "shipment.stuck", "payment", "address.invalid")),
    assignees=several((ME, "user:p9")),
    unassigned=seldom(st.just(value=True), otherwise=False),
    assigned=seldom(st.just(value=True), otherwise=False),
    lanes=several(("auto", "review")),
    carriers=several(("dhl", "ups")),
    sites=several(("ams1", "ber2")),
    countries=several(("DE", "FR")),
    tiers=several(("standard", "vip")),
    currencies=seldom(several(("EUR",)), otherwise=()),
    tenants=seldom(several(("default", "acme")), otherwise=()),
    skus=seldom(several(("SKU-001", "SKU-005")), otherwise=()),
    labels=seldom(several(("noise", "real")), otherwise=()),
    waiting_on=seldom(several(("carrier", "customer")), otherwise=()),
    action_states=seldom(several(("proposed", "executed")), otherwise=()),
    policies=seldom(several(("0" * 16, "1" * 16)), otherwise=()),
    blocking=seldom(st.booleans()),
    escalated=seldom(st.booleans()),
    reopened=seldom(st.booleans()),
    worth_from=seldom(st.integers(0, 600).map(Decimal)),
    worth_to=seldom(st.integers(0, 600).map(Decimal)),
    older_than=seldom(HOURS),
    newer_than=seldom(HOURS),
    due_within=seldom(HOURS),
    waking_within=seldom(HOURS),
    handed_within=seldom(HOURS),
    shipments=seldom(st.just(value=True), otherwise=False),
)


@given(wanted=FILTERS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_filter_leaves_what_plain_python_leaves(store: Engine, wanted: ExceptionFilter) -> None:
    """Alone or together, and counts count the same; what is snoozed or waits they count whatever state is wanted."""
    expected = {str(one.exception["exception_id"]) for one in WORLD if fits(one, wanted)}
    with store.connect() as connection:
        assert {row.exception_id for row in list_exceptions(connection, wanted, now=NOW, limit=1_000).rows} == expected
        assert count_rows(connection, wanted, now=NOW, most=1_000) == len(expected)
        assert facets(connection, wanted, now=NOW).total == len(expected)
        head = counts(connection, wanted, now=NOW)
    resting = [sum(fits(one, replace(wanted, states=(state,))) for one in WORLD) for state in RESTING]
    assert (head.open, [head.snoozed, head.waiting]) == (len(expected), resting)


ALONE: dict[str, ExceptionFilter] = {
    "waiting_on": ExceptionFilter(waiting_on=("carrier",)),
    "label": ExceptionFilter(labels=("real", "known")),
    "sku": ExceptionFilter(skus=("SKU-001", "SKU-005")),
    "reopened": ExceptionFilter(reopened=True),
    "not reopened": ExceptionFilter(reopened=False),
    "escalated": ExceptionFilter(escalated=True),
    "blocking": ExceptionFilter(blocking=False),
    "worth": ExceptionFilter(worth_from=Decimal("17.5"), worth_to=Decimal(300)),
    "due": ExceptionFilter(due_within=timedelta(hours=12)),
    "waking": ExceptionFilter(waking_within=timedelta(hours=30)),
    "handed": ExceptionFilter(handed_within=timedelta(hours=40)),
    "newer": ExceptionFilter(newer_than=timedelta(hours=300)),
    "action": ExceptionFilter(action_states=("proposed",)),
    "assigned": ExceptionFilter(assigned=True),
    "shipments": ExceptionFilter(shipments=True),
    "shadow": ExceptionFilter(modes=("shadow",)),
    "in hand": ExceptionFilter(states=IN_HAND),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_filter_alone_leaves_something_and_not_all(store: Engine, name: str) -> None:
    """So that the comparison above is about each of them."""
    every = sum(fits(one, ExceptionFilter(modes=())) for one in WORLD)
    expected = {str(one.exception["exception_id"]) for one in WORLD if fits(one, ALONE[name])}
    assert 0 < len(expected) < every
    with store.connect() as connection:
        assert {row.exception_id for row in list_exceptions(connection, ALONE[name], now=NOW, limit=1_000).rows} == expected


FAR = NOW + timedelta(days=9_999)
KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "clock": lambda row: clock(row) or FAR,
    "due": lambda row: row["due_at"] or FAR,
    "age": lambda row: row["raised_at"],
    "value": lambda row: 1 if row["total"] is None else -row["total"],
}


@pytest.mark.parametrize("sort", KEYS)
def test_a_list_comes_in_the_order_that_was_asked_for(store: Engine, sort: Sort) -> None:
    """Page by page, and what has no such thing comes last."""
    wanted = ExceptionFilter(statuses=("open", "suppressed"))
    chosen = [dict[str, Any](one.exception) for one in WORLD if fits(one, wanted)]
    expected = [row["exception_id"] for row in sorted(chosen, key=lambda row: (KEYS[sort](row), row["exception_id"]))]
    with store.connect() as connection:
        found = pages(connection, lambda after: list_exceptions(connection, wanted, now=NOW, limit=7, sort=sort, after=after))
    assert [row.exception_id for row in found] == expected


def pages(_: Connection, read: Callable[[str | None], Any]) -> list[Any]:
    """All rows of a list."""
    found: list[Any] = []
    after: str | None = None
    while True:
        page = read(after)
        found += page.rows
        after = page.after
        if after is None:
            return found


@pytest.mark.parametrize("sort", ["clock", "value"])
def test_what_is_over_is_sorted_by_its_last_word_only(store: Engine, sort: Sort) -> None:
    """A list of it by anything else would be read from end to end; it is said."""
    with store.connect() as connection, pytest.raises(FilterError, match="what is over comes by when it was last said"):
        list_exceptions(connection, ExceptionFilter(statuses=()), now=NOW, sort=sort)


@given(wanted=FILTERS.filter(lambda one: one.statuses == ("open",)))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_facet_counts_what_choosing_its_value_would_leave(store: Engine, wanted: ExceptionFilter) -> None:
    """By the rest of the filter, whatever is chosen of the facet itself; and nothing outside of the bounds."""
    bounds = ExceptionFilter(teams=("OPS", "CARR", "CS"), sites=("ams1", "ber2"))
    inside = [one for one in WORLD if fits(one, replace(bounds, statuses=(), modes=()))]
    with store.connect() as connection:
        found = facets(connection, wanted, bounds, now=NOW)
    assert found.total == sum(fits(one, wanted) for one in inside)
    for field in COLUMNS:
        without: dict[str, Any] = {"assignees": (), "unassigned": False, "assigned": False} if field == "assignees" else {field: ()}
        rest = replace(wanted, **without)
        name = NAMES.get(field, "assignee")
        expected = Counter(one.exception[name] for one in inside if fits(one, rest))
        assert dict(found.values.get(field, ())) == dict(expected), field


@pytest.mark.parametrize("sort", ["gravity", "clock", "due", "age", "value"])
def test_a_parcel_is_one_row_with_the_gravest_of_its_exceptions(store: Engine, sort: Sort) -> None:
    """Exceptions of one parcel of one order count together, page by page; each says when its next clock runs out."""
    wanted = ExceptionFilter(shipments=True)
    parcels: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one in WORLD:
        if fits(one, wanted):
            row = dict[str, Any](one.exception)
            scope = str(row["scope"] or "")
            name = scope.removeprefix("shipment:") if scope.startswith("shipment:") else ""
            parcels.setdefault((row["tenant"], row["order_id"], name), []).append(row)
    assert max(len(found) for found in parcels.values()) > 1
    with store.connect() as connection:
        found = pages(connection, lambda after: list_parcels(connection, wanted, now=NOW, limit=5, after=after, sort=sort))
        assert list_parcels(connection, now=NOW, limit=1).many == len(parcels)
    assert {(one.tenant, one.order_id, one.name or "") for one in found} == set(parcels)
    for one in found:
        members = parcels[one.tenant, one.order_id, one.name or ""]
        gravest = min(members, key=lambda row: (row["severity_rank"], row["due_at"], row["exception_id"]))
        assert (one.row.exception_id, one.exceptions) == (gravest["exception_id"], len(members))
        assert one.due == min((at for row in members if (at := clock(row))), default=None)
        known = f"{one.order_id}-0"
        assert [each["shipment"] for each in one.shipments] == ([known] if one.name in (None, known) else [])
    if sort in KEYS:
        keys = [min(KEYS[sort](row) for row in parcels[one.tenant, one.order_id, one.name or ""]) for one in found]
        assert keys == sorted(keys)


def test_a_sort_that_parcels_do_not_have_is_refused(store: Engine) -> None:
    """And so are parcels of what is over."""
    with store.connect() as connection:
        with pytest.raises(FilterError, match="parcels are not sorted by newest"):
            list_parcels(connection, now=NOW, sort="newest")
        with pytest.raises(FilterError, match="shipments at risk are of what is open or suppressed"):
            list_parcels(connection, ExceptionFilter(statuses=()), now=NOW)


def test_counts_stop_at_their_bound(store: Engine) -> None:
    """What is over is counted as far as it is bounded, and says so."""
    with store.connect() as connection:
        assert count_rows(connection, ExceptionFilter(), now=NOW, most=5) == 5
        assert not facets(connection, ExceptionFilter(statuses=()), now=NOW).capped
    assert set(get_args(Sort)) == {"gravity", "newest", *KEYS}
