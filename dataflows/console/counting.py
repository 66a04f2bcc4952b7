"""Counts over a window that cost much: kept, shared by all who may see the same, and made before anybody asks for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import QueryParams

from dataflows.console.access import Person, PersonScope
from dataflows.console.insight.kept import KeptAnswers
from dataflows.console.insight.windows import DAYS, FINE, LONG_KEPT_S, LONGEST_KEPT_S, AskedWindow, read_window
from dataflows.console.parts import ConsoleParts
from dataflows.ingest.decisions.expected import StoreDownError
from sinks.cases.queries.windows import Window

Counted = TypeVar("Counted")
NAME: Final = "insight"
ROUND_S: Final = 60.0
"""How often it is looked which counts are to be made anew."""
MOST_SCOPES: Final = 4
"""For how many scopes counts are made before anybody asks: those that most people have. Others are counted when they are asked for."""
UTC_ZONE: Final = ZoneInfo("UTC")


def answers(parts: ConsoleParts) -> KeptAnswers:
    """What was counted lately."""
    return parts.more.setdefault(NAME, KeptAnswers())  # type: ignore[return-value]


@dataclass(frozen=True)
class WindowCounts(Generic[Counted]):
    """What a page counts over a window, under a name. `count` is given the instant of asking."""

    name: str
    count: Callable[[Connection, Window, datetime], Counted]

    async def of(self, parts: ConsoleParts, asked: AskedWindow, now: datetime) -> Counted:
        """The counts: before the end of the window has moved by a step, the same; older ones while they are made anew."""
        age = asked.step.total_seconds()
        return await answers(parts).get(
            (self.name, asked.key()), lambda: parts.read(self.count, asked.window, now), age=age, longest=_longest(asked)
        )

    async def ahead(self, parts: ConsoleParts, asked: AskedWindow, now: datetime) -> None:
        """Makes them anew before they are so old that a reader would have to wait. Raises StoreDownError."""
        await answers(parts).refresh((self.name, asked.key()), lambda: parts.read(self.count, asked.window, now), age=_longest(asked) / 2)


def _longest(asked: AskedWindow) -> float:
    """How old counts may be that are shown while they are made anew."""
    return LONGEST_KEPT_S if asked.step == FINE else LONG_KEPT_S


@asynccontextmanager
async def counted_ahead(parts: ConsoleParts, every: Sequence[WindowCounts[Any]]) -> AsyncGenerator[None]:
    """While inside, whoever opens a page that counts finds it counted, also as the first one."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            parts.metrics.failed(NAME, "nothing is counted before it is asked for any more", error=type(error).__name__)

    task = asyncio.create_task(_work(parts, every), name="counts")
    task.add_done_callback(ended)
    try:
        yield
    finally:
        task.cancel()


async def _work(parts: ConsoleParts, every: Sequence[WindowCounts[Any]]) -> None:
    while True:
        try:
            await _round(parts, every)
        except (StoreDownError, SQLAlchemyError) as error:
            parts.metrics.failed(NAME, "a database does not answer", error=type(error).__name__)
        await asyncio.sleep(ROUND_S)


async def _round(parts: ConsoleParts, every: Sequence[WindowCounts[Any]]) -> None:
    """One after the other, with a rest as long as each took: readers ask the same database meanwhile."""
    for scope in await asyncio.to_thread(_scopes, parts):
        for days in DAYS:
            for counts in every:
                now, began = parts.clock(), time.monotonic()
                await counts.ahead(parts, read_window(QueryParams({"days": str(days)}), Person("", scope=scope), now, UTC_ZONE), now)
                await asyncio.sleep(time.monotonic() - began)


def _scopes(parts: ConsoleParts) -> Sequence[PersonScope]:
    """The scopes of those who may log in, those that most have first. Blocking."""
    found: dict[PersonScope, int] = {}
    for one in parts.directory.everybody():
        if not one.disabled:
            found[one.person.scope] = found.get(one.person.scope, 0) + 1
    return sorted(found, key=lambda scope: -found[scope])[:MOST_SCOPES]
