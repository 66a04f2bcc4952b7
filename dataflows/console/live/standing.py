"""Whether what a page shows is how things are: how far the store is, whether the engine keeps up, which feeds are silent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from sqlalchemy import Connection

from dataflows.console.engine import EngineStanding
from sinks.cases.queries.rows import StaleFeed, StoreStanding
from sinks.cases.queries.standing import SILENT, stale_feeds, standing

BEHIND: Final = 200
"""Records that the store may lack without a word: it takes a thousand at once."""
LAGGING: Final = timedelta(seconds=30)
"""An engine that is so far behind the records' own time is said to lag."""
Kind = Literal["stale", "behind", "feeds"]


@dataclass(frozen=True, slots=True)
class LiveStanding:
    """How far the store is, and which feeds are silent."""

    store: StoreStanding
    feeds: Sequence[StaleFeed]
    at: datetime


@dataclass(frozen=True, slots=True)
class StandingLine:
    """A line: what is the matter, and the route that says more of it."""

    kind: Kind
    text: str
    route: str | None = None


class Speaker(Protocol):
    """Who says things in a reader's language: a visit."""

    def say(self, message: str, **values: object) -> str:
        """An English text in the language."""
        ...

    def say_many(self, one: str, many: str, count: int, **values: object) -> str:
        """A text that depends on a count."""
        ...

    def seconds(self, count: float) -> str:
        """A length of time in words."""
        ...


def read_standing(connection: Connection, now: datetime) -> LiveStanding:
    """As it is now."""
    return LiveStanding(standing(connection), stale_feeds(connection), now)


def trouble(
    store: StoreStanding, feeds: Sequence[StaleFeed], engine: EngineStanding | None, now: datetime, say: Speaker
) -> list[StandingLine]:
    """What the reader is to know of what they see, the worst first; nothing if all is well."""
    return [*_of_store(store, now, say), *_of_engine(engine, now, say), *_of_feeds(feeds, say)]


def _of_store(store: StoreStanding, now: datetime, say: Speaker) -> Iterator[StandingLine]:
    if store.seen_at is None:
        yield StandingLine("stale", say.say("The store has never been kept true: start `orderwatch store`."))
    elif now - store.seen_at > SILENT:
        ago = say.seconds((now - store.seen_at).total_seconds())
        yield StandingLine("stale", say.say("Stale: the store has not been kept true for %(time)s. What you see may be over.", time=ago))
    elif store.behind is not None and store.behind > BEHIND:
        said = say.say_many("The store is behind by %(count)s record.", "The store is behind by %(count)s records.", store.behind)
        yield StandingLine("behind", said)


def _of_engine(engine: EngineStanding | None, now: datetime, say: Speaker) -> Iterator[StandingLine]:
    if engine is None:
        return
    if engine.problem is not None:
        yield StandingLine("stale", say.say("The engine is not well: %(problem)s. New trouble may not be seen.", problem=engine.problem))
    elif engine.watermark is not None and now - engine.watermark > LAGGING:
        behind = say.seconds((now - engine.watermark).total_seconds())
        yield StandingLine("behind", say.say("The engine lags: it has judged what was known %(time)s ago.", time=behind))


def _of_feeds(feeds: Sequence[StaleFeed], say: Speaker) -> Iterator[StandingLine]:
    if feeds:
        names = ", ".join(feed.feed for feed in feeds[:3]) + (" …" if len(feeds) > 3 else "")
        said = say.say_many(
            "%(count)s feed is silent: %(names)s. What waits for it is held back.",
            "%(count)s feeds are silent: %(names)s. What waits for them is held back.",
            len(feeds),
            names=names,
        )
        yield StandingLine("feeds", said, "feeds")
