"""An order's timeline for one reader: its entries, deadlines and promises in their language and zone, as a picture and as a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import format_date, format_datetime, format_time
from markupsafe import Markup

from dataflows.console.pages.bars import bars
from dataflows.console.pages.entries import ListedEvent, listed
from dataflows.console.pages.promises import promises
from dataflows.console.pages.words import LANES
from dataflows.console.pictures.order_story import DeadlineBar, OrderStory, PromiseMark, StoryWords
from dataflows.console.pictures.timeline import draw
from dataflows.console.text import Language
from dataflows.console.visit import Visit
from dataflows.core.policy import Policy
from sinks.cases.queries.past import OrderPast


@dataclass(frozen=True, slots=True)
class ShownStory:
    """A timeline: its picture, and the same as a list."""

    picture: Markup
    events: Sequence[ListedEvent]
    bars: Sequence[DeadlineBar]
    promises: Sequence[PromiseMark]


def story(visit: Visit, past: OrderPast, policies: Mapping[str, Policy | None], main: str | None = None) -> ShownStory:
    """The timeline of an order. `main`: the exception that the page is about; else all counts alike."""
    spoken = visit.language
    events = listed(past, spoken, main)
    known = next((policy for policy in policies.values() if policy is not None), None)
    promised = promises(past, known, spoken)
    found = bars(past, policies, spoken, visit.now, main)
    shown = OrderStory([event.entry for event in events], found, promised, visit.now, words_for(visit, past))
    return ShownStory(draw(shown), events, found, promised)


def words_for(visit: Visit, past: OrderPast) -> StoryWords:
    """The words and forms of a timeline for a reader."""
    spoken, zone = visit.language, visit.zone
    return StoryWords(
        zone=zone,
        instant=lambda at: spoken.short(at, zone),
        tick=lambda at, unit: _tick(spoken, at, unit),
        length=lambda length: _length(spoken, length),
        lanes={name: spoken.text(words) for name, words in LANES.items()},
        now=visit.say("now"),
        promise=visit.say("Promise"),
        deadlines=visit.say("Deadlines"),
        recorded=visit.say("rec."),
        title=visit.say("Timeline of order %(order)s", order=past.order_id),
    )


def _tick(spoken: Language, at: datetime, unit: str) -> str:
    if unit == "hour":
        return format_time(at.time(), "HH:mm", locale=spoken.locale) if at.hour else format_date(at.date(), "d MMM", locale=spoken.locale)
    form = {"day": "EEE d MMM", "month": "MMM y", "year": "y"}[unit]
    return format_datetime(at, form, locale=spoken.locale, tzinfo=at.tzinfo)


def _length(spoken: Language, length: timedelta) -> str:
    return spoken.span(length)
