"""Filters in URLs: what is read is written back the same, and what is not understood is said and ignored."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from dataflows.console.filters import FILTERS, LABELS, SORTS, WAITING_ON, read_filter, span_of, to_query
from sinks.cases.queries.conditions import STATUSES, standing
from sinks.cases.queries.wanted import ACTION_STATES, IN_HAND, STATES, ExceptionFilter

ME = "user:anna"
NAMES = st.sampled_from(("ams1", "shipment.stuck", "a b", "ü&=?#/+%", "user:ben", "-", "0", "“x”", "日本", ME))
SPANS = st.integers(1, 90_000).map(lambda minutes: timedelta(minutes=minutes))
AMOUNTS = st.decimals(0, 10**9, places=2).map(lambda amount: Decimal(f"{amount:f}"))


def several(values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    """None to three."""
    return st.lists(values, max_size=2, unique=True).map(tuple)


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Or nothing."""
    return st.none() | values


WANTED = st.builds(
    ExceptionFilter,
    statuses=several(st.sampled_from(STATUSES)),
    states=several(st.sampled_from(STATES)),
    teams=several(NAMES),
    assignees=several(NAMES | st.just(ME)),
    unassigned=st.booleans(),
    assigned=st.booleans(),
    kinds=several(NAMES),
    severities=several(st.sampled_from(("critical", "high", "medium", "low"))),
    tenants=several(NAMES),
    orders=several(NAMES),
    sites=several(NAMES),
    carriers=several(NAMES),
    lanes=several(st.sampled_from(("auto", "review", "block"))),
    modes=several(st.sampled_from(("on", "shadow"))),
    older_than=maybe(SPANS),
    breached=maybe(st.sampled_from(("acknowledge", "resolve", "any"))),
    skus=several(NAMES),
    countries=several(NAMES),
    tiers=several(NAMES),
    currencies=several(NAMES),
    policies=several(NAMES),
    labels=several(st.sampled_from(LABELS)),
    action_states=several(st.sampled_from(ACTION_STATES)),
    waiting_on=several(st.sampled_from(WAITING_ON)),
    worth_from=maybe(AMOUNTS),
    worth_to=maybe(AMOUNTS),
    newer_than=maybe(SPANS),
    due_within=maybe(SPANS),
    waking_within=maybe(SPANS),
    handed_within=maybe(SPANS),
    blocking=maybe(st.booleans()),
    reopened=maybe(st.booleans()),
    escalated=maybe(st.booleans()),
    shipments=st.booleans(),
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=WANTED, sort=st.sampled_from(SORTS), text=maybe(NAMES))
def test_a_filter_is_read_back_as_it_was_written(wanted: ExceptionFilter, sort: str, text: str | None) -> None:
    """By way of the text of a URL, in any order of its parameters."""
    if not standing(wanted):
        sort, text = "newest", None
    wanted = replace(wanted, text=text)
    query = to_query(wanted, sort, ME)  # type: ignore[arg-type]
    said = parse_qsl(urlencode(query, doseq=True))
    assert {name for name, _ in said} <= set(FILTERS)
    read = read_filter(QueryParams(said), ME)
    assert (read.wanted, read.sort, read.said) == (wanted, sort, ())
    assert to_query(read.wanted, read.sort, ME) == query


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("colour=red", "There is no filter “colour”: it is left out."),
        ("severity=dire", "“dire” is no value of the filter “severity”: it is left out."),
        ("due_in=4", "“4” is no value of the filter “due_in”: it is left out."),
        ("worth_from=NaN", "“NaN” is no value of the filter “worth_from”: it is left out."),
        ("worth_to=1e99", "“1e99” is no value of the filter “worth_to”: it is left out."),
        ("blocking=perhaps", "“perhaps” is no value of the filter “blocking”: it is left out."),
        ("sort=colour", "“colour” is no value of the filter “sort”: it is left out."),
        ("team=%00", "“\0” is no value of the filter “team”: it is left out."),
        ("status=any&text=x", "Text is looked for in what is open or suppressed only: it is left out."),
        ("status=resolved&sort=value", "What is over comes by when it was last said, the newest first."),
    ],
)
def test_what_is_not_understood_is_said_and_the_rest_holds(query: str, said: str) -> None:
    """Nobody is shown an error for an old link."""
    read = read_filter(QueryParams(f"{query}&site=ams1"), ME)
    assert read.wanted.sites == ("ams1",)
    (ignored,) = read.said
    assert said in ignored.text % ignored.values


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from((*FILTERS, "x", "after")), st.lists(st.text(max_size=20), max_size=4), max_size=8))
def test_no_query_is_too_strange(query: dict[str, list[str]]) -> None:
    """Whatever stands in a URL there is a filter, and the filter has a URL that means the same."""
    read = read_filter(QueryParams([(name, value) for name, values in query.items() for value in values]), ME)
    again = read_filter(QueryParams(urlencode(to_query(read.wanted, read.sort, ME), doseq=True)), ME)
    assert (again.wanted, again.sort, again.said) == (read.wanted, read.sort, ())


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("", IN_HAND),
        ("severity=high&assignee=me", IN_HAND),
        ("status=open&status=suppressed", IN_HAND),
        ("state=any", ()),
        ("state=snoozed", ("snoozed",)),
        ("state=any&state=waiting", ("waiting",)),
        ("waiting_on=customer", ()),
        ("waking_in=1d", ()),
        ("breached=any", ()),
        ("due_in=4h&severity=high", ()),
        ("breached=any&state=new", ("new",)),
        ("status=any", ()),
        ("status=resolved", ()),
    ],
)
def test_what_is_put_aside_is_listed_where_it_is_asked_for(query: str, states: tuple[str, ...]) -> None:
    """What is snoozed or waits needs nobody now; the URL says otherwise in one word. What is overdue is never out of sight."""
    read = read_filter(QueryParams(query), ME)
    assert (read.wanted.states, read.said) == (states, ())


def test_spans_are_those_of_the_command_line() -> None:
    """Minutes, hours, days, weeks."""
    assert [span_of(text) for text in ("90m", "4h", "2d", "1w")] == [
        timedelta(minutes=90),
        timedelta(hours=4),
        timedelta(days=2),
        timedelta(weeks=1),
    ]
    assert [span_of(text) for text in ("", "0m", "4", "4H", "-1d", "1.5h", "999999w")] == [None] * 7
    assert all(re.fullmatch(r"[a-z_]+", name) for name in FILTERS)
