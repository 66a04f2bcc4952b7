"""What the picture of an order's timeline shows, as plain data: entries by lane, deadlines as bars, the promise and its moves.

Instants are aware. Texts are written in the reader's language by whoever makes this; the picture adds none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

LANES: Final = ("storefront", "payment", "warehouse", "carrier", "messages", "orderwatch", "actions", "decisions")
"""The lanes, from above to below. At one instant what came in stands before what was said and done about it."""
Outcome = Literal["running", "missed", "met", "late", "kept", "moved", "over"]
"""How a deadline went: not reached; passed, not met; met in time; met too late; kept, as came out later; moved; of no interest any more."""
SHAPES: Final = ("circle", "diamond", "square", "triangle", "letter", "alarm", "change", "tick", "gear", "person")


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """One entry of the ordered list, and its mark in the picture.

    `key` names it among all. `at`: when it happened; `recorded`: when it was appended to its log, None where that is not known. `label`: a
    few words. `struck`: it was taken back since, and is drawn so. `aside`: it is not of what the page is about.
    """

    key: str
    lane: str
    shape: str
    at: datetime
    label: str
    recorded: datetime | None = None
    struck: bool = False
    aside: bool = False


@dataclass(frozen=True, slots=True)
class DeadlineBar:
    """A deadline from where it counts until it is due, and on to its end.

    `end`: when it was met or ended, None while it stands. `idle`: the stretches until `due` in which its business time stands still.
    `deferred_until`: when it was said, if that had to wait. `says`: how it went, in words. `aside`: as of
    entries; `below`: under all that have less.
    """

    key: str
    start: datetime
    due: datetime
    outcome: Outcome
    says: str
    end: datetime | None = None
    idle: tuple[tuple[datetime, datetime], ...] = ()
    deferred_until: datetime | None = None
    aside: bool = False
    below: int = 0


@dataclass(frozen=True, slots=True)
class PromiseMark:
    """A promise as it was stated: until when, as an instant, and in words. Keys are in the order in which promises were made.

    `stands`: no other has taken its place.
    """

    key: str
    until: datetime
    says: str
    stands: bool


@dataclass(frozen=True, slots=True)
class StoryWords:
    """How instants and lengths are written, and the few words of the picture itself."""

    zone: ZoneInfo
    instant: Callable[[datetime], str]
    """An instant beside a mark."""
    tick: Callable[[datetime, str], str]
    """A place of the axis, by its unit: `hour`, `day`, `month` or `year`."""
    length: Callable[[timedelta], str]
    """How long nothing happened."""
    lanes: Mapping[str, str]
    now: str
    promise: str
    deadlines: str
    recorded: str
    """What stands before the time at which something was recorded."""
    title: str
    """What the picture shows, for those who do not see it."""


@dataclass(frozen=True, slots=True)
class OrderStory:
    """All of a picture."""

    entries: Sequence[StoryEntry]
    bars: Sequence[DeadlineBar]
    promises: Sequence[PromiseMark]
    now: datetime
    words: StoryWords


def in_order(entries: Sequence[StoryEntry]) -> list[StoryEntry]:
    """The entries as the list has them: by when they happened, then by lane. The first has the number 1."""
    return sorted(entries, key=lambda entry: (entry.at, LANES.index(entry.lane), entry.key))
