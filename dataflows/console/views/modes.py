"""Failure modes and recurrence: what goes wrong, how often, whom it meets, where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.counting import WindowCounts
from dataflows.console.filters import to_query
from dataflows.console.insight.series import HOURLY, SeriesStep, stepped
from dataflows.console.insight.windows import DAYS, AskedWindow, listed, read_window
from dataflows.console.pictures.bars import Bar, BarPart, bars
from dataflows.console.pictures.flow import FlowColumn, flow_picture, spark
from dataflows.console.pictures.marks import Series, key
from dataflows.console.routes import Route
from dataflows.console.text import mark
from dataflows.console.visit import Visit
from sinks.cases.queries.modes import (
    PLACES,
    FailureMode,
    FlowStep,
    RecurrencePlace,
    failure_modes,
    flow,
    kinds_over_time,
    recurrence,
)
from sinks.cases.queries.windows import Window

DAY: Final = 86_400
WEEK: Final = 7 * DAY
TITLES: Final = {
    "carrier": mark("By carrier"),
    "site": mark("By site"),
    "sku": mark("By SKU"),
    "route": mark("By route"),
    "country": mark("By country"),
}
FILTERS: Final = {"carrier": "carriers", "site": "sites", "sku": "skus", "country": "countries"}
"""By dimension the field of a list's filter."""
ROUTE: Final = " to "


class ModesFound(NamedTuple):
    """What the page shows of a window."""

    window: Window
    modes: Sequence[FailureMode]
    trend: Mapping[str, Sequence[int]]
    flow: Sequence[FlowStep]
    places: Mapping[str, Sequence[RecurrencePlace]]


class PlacePicture(NamedTuple):
    """Where it happened: one dimension with its picture and its rows, each with the list that it leads to."""

    name: str
    title: str
    drawn: Markup
    rows: Sequence[tuple[RecurrencePlace, str]]


def counted(connection: Connection, window: Window, now: datetime) -> ModesFound:
    """Counts all that the page shows."""
    del now  # what a window had does not depend on when it is asked
    step = WEEK if window.length.days > 45 else DAY
    return ModesFound(
        window,
        failure_modes(connection, window),
        kinds_over_time(connection, window, step),
        flow(connection, window),
        {name: recurrence(connection, window, name) for name in PLACES},
    )


COUNTS: Final = WindowCounts("modes", counted)


async def see(visit: Visit) -> Response:
    """The page."""
    asked = read_window(visit.request.query_params, visit.person, visit.now, visit.zone)
    found = await COUNTS.of(visit.parts, asked, visit.now)
    asked = replace(asked, window=found.window)
    steps = stepped(found.flow, asked.window, visit.zone)
    hourly = asked.window.length <= HOURLY
    came, went = Series("in", visit.say("came in")), Series("out", visit.say("over"))
    return visit.page(
        "insight/modes.html",
        asked=asked,
        offered=[(days, visit.url("modes", asked.query(days=days, since=None, until=None))) for days in DAYS],
        modes=[
            (mode, visit.url("exceptions", _list(visit, asked, kinds=(mode.kind,))), _spark(visit, found, mode)) for mode in found.modes
        ],
        flow=flow_picture(
            visit.say("What came in and what was over"), _columns(visit, steps, hourly=hourly), came, went, "flow", visit.language.number
        ),
        legend=key([came, went], "flow"),
        steps=steps,
        points=[[int(step.at.timestamp()) for step in steps], [step.raised for step in steps], [step.closed for step in steps]],
        places=[_place(visit, asked, name, rows) for name, rows in found.places.items() if rows],
        total=sum(mode.count for mode in found.modes),
        narrowed=bool(asked.window.kinds or visit.request.query_params.getlist("team")),
    )


def _list(visit: Visit, asked: AskedWindow, **more: tuple[str, ...]) -> Mapping[str, object]:
    return to_query(listed(asked.window, visit.now, **more), "newest")


def _columns(visit: Visit, steps: Sequence[SeriesStep], *, hourly: bool) -> list[FlowColumn]:
    named = [visit.language.short(step.at, visit.zone) if hourly else visit.language.day(step.at.date()) for step in steps]
    return [FlowColumn(label, step.raised, step.closed) for label, step in zip(named, steps, strict=True)]


def _spark(visit: Visit, found: ModesFound, mode: FailureMode) -> Markup:
    return spark(found.trend.get(mode.kind, [0]), visit.say("Trend of %(kind)s", kind=visit.language.kind(mode.kind)))


def _place(visit: Visit, asked: AskedWindow, name: str, rows: Sequence[RecurrencePlace]) -> PlacePicture:
    series = Series("plain", visit.say("exceptions"))
    led = [(row, visit.url("exceptions", _list(visit, asked, **_filter(name, row.value)))) for row in rows]
    drawn = [Bar(row.value, [BarPart(series, row.count, href)]) for row, href in led]
    title = visit.say(TITLES[name])
    return PlacePicture(name, title, bars(title, drawn, name, visit.language.number, wide=False), led)


def _filter(name: str, value: str) -> dict[str, tuple[str, ...]]:
    if name != "route":
        return {FILTERS[name]: (value,)}
    carrier, _, country = value.rpartition(ROUTE)
    return {"carriers": (carrier,), "countries": (country,)}


ROUTES: Final = (Route("modes", "/modes", see, Needs.READ),)
