"""How late something is, in points of its score: when it was last said, and at any later instant at which somebody looks.

What is published stands still until something else is to be said. Whoever shows or sorts exceptions counts lateness as of the instant of
looking, by `as_of`: it needs nothing but what the event says, so that everybody counts alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from schemas.instants import DAY, HOUR, MINUTE, micros
from schemas.values import parse_instant

MOST: Final = 99
"""Lateness alone never outweighs a severity."""
GREATEST: Final = 1_000
STANDS: Final = ("open", "suppressed")
"""The statuses in which an exception grows later."""


class Score(NamedTuple):
    """A score and what it is the sum of."""

    points: int
    terms: Mapping[str, int]


def points(late: int) -> int:
    """Ten points for each doubling of the hours (from µs) that something is late, in whole numbers: the same everywhere."""
    hours = 1 + max(late, 0) // HOUR
    doublings = hours.bit_length() - 1
    return min(MOST, 10 * doublings + (10 * (hours - (1 << doublings)) >> doublings))


def length(us: int) -> str:
    """How long something took, in the greatest unit of which there are two."""
    for unit, name in ((DAY, "d"), (HOUR, "h")):
        if us >= 2 * unit:
            return f"{us // unit} {name}"
    return f"{max(us, 0) // MINUTE} min"


def as_of(data: Mapping[str, object], now: int) -> Score:
    """The score of an exception at an instant (µs, UTC), by the `data` of its last event until then."""
    terms = dict(cast("Mapping[str, int]", data.get("score_terms") or {}))
    due = data.get("due_at")
    if isinstance(due, str) and data.get("status") in STANDS:
        terms["lateness"] = max(terms.get("lateness", 0), points(now - micros(parse_instant(due))))
    return Score(min(GREATEST, sum(terms.values())), terms)
