"""What of a score grows with time: when it was last said, and at any later instant at which somebody looks.

What is published stands still until something else is to be said. Whoever shows or sorts exceptions counts time as of the instant of
looking, by `as_of`: it needs nothing but what the event says, so that everybody counts alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from schemas.instants import DAY, HOUR, MINUTE, iso, micros
from schemas.values import parse_instant

MOST: Final = 99
"""The points of the longest time."""
GREATEST: Final = 1_000
STANDS: Final = ("open", "suppressed")
"""The statuses in which an exception grows later."""


class Score(NamedTuple):
    """A score and what it is the sum of."""

    points: int
    terms: Mapping[str, int]


class ScoreClock(NamedTuple):
    """What a score grows by (instants are µs, UTC).

    From `since` until `until` a breach becomes ever more probable, then it is certain; without `until` it has happened. `due` is what time
    is counted to, None if nothing is. The others are the most points for the probability of a breach, for having no time left, and for
    being late.
    """

    since: int | None
    until: int | None
    due: int | None
    breach: int
    time_left: int
    lateness: int


def points(late: int) -> int:
    """Ten points for each doubling of the hours (from µs) of a time, in whole numbers: the same everywhere."""
    hours = 1 + max(late, 0) // HOUR
    doublings = hours.bit_length() - 1
    return min(MOST, 10 * doublings + (10 * (hours - (1 << doublings)) >> doublings))


def grown(clock: ScoreClock, now: int) -> dict[str, int]:
    """The terms of a score that grow with time, as of an instant (µs, UTC).

    The probability of a breach is the share of the time from its beginning until the deadline that has passed, and 1 from then on.
    """
    since, until, due = clock.since, clock.until, clock.due
    breach = clock.breach
    if until is not None and now < until:
        breach = 0 if since is None or now <= since else breach * (now - since) // (until - since)
    return {
        "breach": breach,
        "time_left": 0 if due is None else clock.time_left * (MOST - points(due - now)) // MOST,
        "lateness": 0 if due is None else clock.lateness * points(now - due) // MOST,
    }


def clock_data(clock: ScoreClock) -> dict[str, object]:
    """A clock as it is published."""
    return {
        **{name: None if at is None else iso(at) for name, at in zip(("since", "until", "due"), clock[:3], strict=True)},
        "breach": clock.breach,
        "time_left": clock.time_left,
        "lateness": clock.lateness,
    }


def length(us: int) -> str:
    """How long something took, in the greatest unit of which there are two."""
    for unit, name in ((DAY, "d"), (HOUR, "h")):
        if us >= 2 * unit:
            return f"{us // unit} {name}"
    return f"{max(us, 0) // MINUTE} min"


def as_of(data: Mapping[str, object], now: int) -> Score:
    """The score of an exception at an instant (µs, UTC), by the `data` of its last event until then: never less than that says."""
    terms = dict(cast("Mapping[str, int]", data.get("score_terms") or {}))
    if data.get("status") in STANDS:
        for name, more in grown(_clock_of(data), now).items():
            if more or name in terms:
                terms[name] = max(terms.get(name, 0), more)
    return Score(min(GREATEST, sum(terms.values())), terms)


def _clock_of(data: Mapping[str, object]) -> ScoreClock:
    """The clock of a score; that of an event from before clocks were published counts lateness alone."""
    stated = cast("Mapping[str, object] | None", data.get("score_clock"))
    if stated is None:
        return ScoreClock(None, None, _instant(data.get("due_at")), 0, 0, MOST)
    since, until, due = (_instant(stated[name]) for name in ("since", "until", "due"))
    breach, time_left, lateness = (cast("int", stated[name]) for name in ("breach", "time_left", "lateness"))
    return ScoreClock(since, until, due, breach, time_left, lateness)


def _instant(value: object) -> int | None:
    return micros(parse_instant(value)) if isinstance(value, str) else None
