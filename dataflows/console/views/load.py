"""Team load and SLA: who has how much, how old it is, what was kept, how long it takes, what had to be done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.counting import WindowCounts, answers
from dataflows.console.filters import ANY, to_query
from dataflows.console.insight.windows import DAYS, LONGEST_KEPT_S, AskedWindow, read_window
from dataflows.console.pictures.bars import Bar, BarPart, bars
from dataflows.console.pictures.columns import columns
from dataflows.console.pictures.marks import Series, key
from dataflows.console.routes import Route
from dataflows.console.text import mark
from dataflows.console.visit import Visit
from schemas.instants import EPOCH
from sinks.cases.queries.handling import (
    MEASURES,
    AgeBucket,
    Durations,
    KeptPromises,
    OpenLoad,
    ReworkCount,
    ages,
    durations,
    kept_promises,
    open_load,
    reworked,
    share,
    together,
)
from sinks.cases.queries.wanted import ExceptionFilter
from sinks.cases.queries.windows import Window
from sinks.cases.views.ageing import BUCKETS, OLDEST

SEVERITIES: Final = ("critical", "high", "medium", "low")
NONE: Final = "\N{EN DASH}"
BUCKET_NAMES: Final = (*(name for name, _ in BUCKETS), OLDEST)
AGE_LABELS: Final = {
    "under 4 h": mark("under 4 h"),
    "4 to 24 h": mark("4 to 24 h"),
    "1 to 3 d": mark("1 to 3 d"),
    "3 to 7 d": mark("3 to 7 d"),
    "7 to 14 d": mark("7 to 14 d"),
    "14 to 30 d": mark("14 to 30 d"),
    "30 d and more": mark("30 d and more"),
}


class OpenNow(NamedTuple):
    """What the page shows of what is open."""

    load: Sequence[OpenLoad]
    ages: Sequence[AgeBucket]


class LoadFound(NamedTuple):
    """What it shows of a window."""

    window: Window
    kept: Sequence[KeptPromises]
    durations: Mapping[str, Mapping[str, Durations]]
    rework: Sequence[ReworkCount]


class TeamLoad(NamedTuple):
    """What a team has open, and who of it how much; the links lead to the lists. `aside`: what of it is snoozed or waits."""

    team: str
    open: int
    by_severity: Mapping[str, int]
    aside: int
    late: int
    unacknowledged: int
    oldest: datetime
    href: str
    people: Sequence[tuple[OpenLoad, str]]


def open_now(connection: Connection, window: Window, now: datetime) -> OpenNow:
    """Counts what is open; the window's time does not matter."""
    return OpenNow(open_load(connection, window, now), ages(connection, window, now))


def counted(connection: Connection, window: Window, now: datetime) -> LoadFound:
    """Counts what was in a window."""
    return LoadFound(
        window,
        kept_promises(connection, window, now),
        durations(connection, window),
        reworked(connection, window),
    )


COUNTS: Final = WindowCounts("load", counted)


async def see(visit: Visit) -> Response:
    """The page."""
    asked = read_window(visit.request.query_params, visit.person, visit.now, visit.zone)
    window = asked.window
    now = await answers(visit.parts).get(
        ("open", replace(window, since=EPOCH, until=EPOCH)),
        lambda: visit.parts.read(open_now, window, visit.now),
        longest=LONGEST_KEPT_S,
    )
    found = await COUNTS.of(visit.parts, asked, visit.now)
    asked = replace(asked, window=found.window)
    severities = [Series(name, visit.say(name)) for name in SEVERITIES]
    teams = _teams(visit, asked, now.load)
    promise_series = [Series("good", visit.say("in time")), Series("late", visit.say("too late")), Series("running", visit.say("running"))]
    return visit.page(
        "insight/load.html",
        asked=asked,
        offered=[(days, visit.url("load", asked.query(days=days, since=None, until=None))) for days in DAYS],
        teams=teams,
        load_picture=_load_picture(visit, teams, severities),
        age_picture=_age_picture(visit, asked, now.ages, severities),
        ages=[(visit.say(AGE_LABELS[bucket.bucket]), bucket, sum(bucket.by_severity.values())) for bucket in now.ages],
        severities=severities,
        severity_legend=key(severities, "sev"),
        promise_legend=key(promise_series, "kept"),
        kept_pictures=_kept_pictures(visit, found.kept, promise_series),
        kept=[
            (one, share(one.acknowledge_within, one.acknowledge_breached), share(one.resolve_within, one.resolve_breached))
            for one in found.kept
        ],
        took=_took(visit, found.durations),
        rework=found.rework,
    )


def _teams(visit: Visit, asked: AskedWindow, load: Sequence[OpenLoad]) -> list[TeamLoad]:
    found: dict[str, list[OpenLoad]] = {}
    for one in load:
        found.setdefault(one.team, []).append(one)
    made: list[TeamLoad] = []
    for team, rows in found.items():
        people = [(one, visit.url("exceptions", _people(asked, one))) for one in sorted(rows, key=lambda one: -one.open)]
        by_severity = {name: sum(one.by_severity.get(name, 0) for one in rows) for name in SEVERITIES}
        made.append(
            TeamLoad(
                team or visit.say("no team"),
                sum(one.open for one in rows),
                by_severity,
                sum(one.snoozed + one.waiting for one in rows),
                sum(one.late for one in rows),
                sum(one.unacknowledged for one in rows),
                min(one.oldest for one in rows),
                visit.url("exceptions", to_query(ExceptionFilter(teams=(team,), kinds=asked.window.kinds))),
                people,
            )
        )
    return sorted(made, key=lambda one: (-one.open, one.team))


def _people(asked: AskedWindow, one: OpenLoad) -> Mapping[str, object]:
    assignees = () if one.assignee is None else (one.assignee,)
    return to_query(ExceptionFilter(teams=(one.team,), assignees=assignees, unassigned=one.assignee is None, kinds=asked.window.kinds))


def _load_picture(visit: Visit, teams: Sequence[TeamLoad], severities: Sequence[Series]) -> Markup:
    given = [
        Bar(
            one.team,
            [
                BarPart(each, one.by_severity[each.name], f"{one.href}{'&' if '?' in one.href else '?'}severity={each.name}")
                for each in severities
            ],
        )
        for one in teams
    ]
    return bars(visit.say("Open by team and severity"), given, "load", visit.language.number)


def _age_picture(visit: Visit, asked: AskedWindow, found: Sequence[AgeBucket], severities: Sequence[Series]) -> Markup:
    by_name = {one.bucket: one for one in found}
    given: list[Bar] = []
    for place, name in enumerate(BUCKET_NAMES):
        bucket = by_name.get(name)
        counts: Mapping[str, int] = {} if bucket is None else bucket.by_severity
        query = {**_age_query(place), "state": ANY, "team": list(asked.window.teams), "kind": list(asked.window.kinds)}
        parts = [BarPart(each, counts.get(each.name, 0), visit.url("exceptions", {**query, "severity": each.name})) for each in severities]
        given.append(Bar(visit.say(AGE_LABELS[name]), parts))
    return columns(visit.say("How long what is open has been open"), given, "ages", visit.language.number)


def _age_query(place: int) -> dict[str, object]:
    """The filter of a bucket: older than the one before it ends, newer than it ends itself."""
    spans = [f"{seconds // 3_600}h" if seconds < 86_400 else f"{seconds // 86_400}d" for _, seconds in BUCKETS]
    found: dict[str, object] = {}
    if place:
        found["older_than"] = spans[place - 1]
    if place < len(spans):
        found["newer_than"] = spans[place]
    return found


def _kept_pictures(visit: Visit, kept: Sequence[KeptPromises], series: Sequence[Series]) -> list[tuple[str, Markup]]:
    good, late, running = series
    taken = [
        Bar(
            one.team or visit.say("no team"),
            [BarPart(good, one.acknowledge_within), BarPart(late, one.acknowledge_breached)],
            _percent(visit, share(one.acknowledge_within, one.acknowledge_breached)),
        )
        for one in kept
    ]
    over = [
        Bar(
            one.team or visit.say("no team"),
            [BarPart(good, one.resolve_within), BarPart(late, one.resolve_breached), BarPart(running, one.resolve_running)],
            _percent(visit, share(one.resolve_within, one.resolve_breached)),
        )
        for one in kept
    ]
    titles = visit.say("Taken up in time"), visit.say("Resolved in time")
    return [
        (title, bars(title, given, prefix, visit.language.number, whole=True, wide=False))
        for title, given, prefix in zip(titles, (taken, over), ("ack", "res"), strict=True)
    ]


def _percent(visit: Visit, part: float | None) -> str:
    return NONE if part is None else visit.language.percent(part)


def _took(visit: Visit, found: Mapping[str, Mapping[str, Durations]]) -> list[tuple[str, list[tuple[str, int, str, str]]]]:
    """By team, and for all of them, how long each measure took: how many, half of them, nine of ten."""
    everyone = {name: together(of_team[name] for of_team in found.values()) for name in MEASURES}
    rows = [(visit.say("all teams"), everyone), *((team or visit.say("no team"), found[team]) for team in sorted(found))]
    return [(team, [_measured(visit, name, of_team[name]) for name in MEASURES]) for team, of_team in rows]


def _measured(visit: Visit, name: str, took: Durations) -> tuple[str, int, str, str]:
    half, most = (NONE if one is None else visit.seconds(one) for one in (took.percentile(50), took.percentile(90)))
    return name, took.many, half, most


ROUTES: Final = (Route("load", "/load", see, Needs.READ),)
