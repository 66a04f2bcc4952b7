"""Looks at the store for all open pages: once for all of them, only while there are any, and tells each what concerns it.

What is told is what stands behind a position in the store, which each page holds: so nothing is lost, whether a page was away for a second,
or is told slowly, or this program was started anew. A page that does not keep up is let go; it comes back with its position.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from dataflows.console.live.interests import Interest
from dataflows.console.live.notices import Notice, notices
from dataflows.console.live.standing import LiveStanding, read_standing
from sinks.cases.queries.changes import Position, changes, position

LEAST_S: Final = 0.2
MOST_S: Final = 1.0
"""How long to wait between two looks: the less a look costs, the less; after an error ever longer."""
SHARE: Final = 2
"""A look may take one part in so many of the time."""
STANDING_S: Final = 2.0
"""How often it is looked how far the store is."""
MOST_WAITING: Final = 32
"""Notices that wait for a page before it is let go."""
MOST_PAGES: Final = 12
"""Pages that one person may have open."""


class TooManyPagesError(Exception):
    """Somebody has as many pages open as are followed for one person."""


class LetGoError(Exception):
    """A page did not keep up, or the program stops: the page may come back."""


@dataclass(eq=False)
class OpenPage:
    """A page that is told of changes. `since`: what it shows already; None: what there is now."""

    interest: Interest
    who: str
    since: Position | None
    waiting: asyncio.Queue[Notice | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    let_go: bool = False

    def tell(self, said: Notice) -> None:
        """Puts a notice into its queue, or lets the page go."""
        if self.let_go:
            return
        try:
            self.waiting.put_nowait(said)
        except asyncio.QueueFull:
            self.let_go = True


@dataclass(frozen=True, slots=True)
class _Look:
    position: Position
    due: Sequence[tuple[OpenPage, Notice]]
    standing: LiveStanding | None


class LiveHub:
    """One for a program. `clock`: the instant of looking; `sleep` waits."""

    def __init__(
        self,
        store: Engine,
        clock: Callable[[], datetime],
        threads: CapacityLimiter | None = None,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self._store, self._clock, self._threads, self._on_failure = store, clock, threads, on_failure
        self._pages: set[OpenPage] = set()
        self._joining: list[OpenPage] = []
        self._position: Position | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._stood = -STANDING_S
        self.standing: LiveStanding | None = None
        """How far the store was at the last look; None: nobody has looked, or it did not answer."""
        self.looked_at: float | None = None
        """When the store last answered, on the clock of the event loop."""
        self.stopped = False

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._pages) + len(self._joining)

    def open(self, interest: Interest, who: str, since: Position | None) -> OpenPage:
        """A page opens. Raises TooManyPagesError."""
        if Counter(page.who for page in (*self._pages, *self._joining))[who] >= MOST_PAGES:
            raise TooManyPagesError(who)
        page = OpenPage(interest, who, since)
        self._joining.append(page)
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="live")
            self._task.add_done_callback(self._ended)
        return page

    def here(self) -> Position | None:
        """How far the store was at the last look; all that came until then has been told."""
        return self._position

    def close(self, page: OpenPage) -> None:
        """A page is gone."""
        self._pages.discard(page)
        if page in self._joining:
            self._joining.remove(page)

    async def next(self, page: OpenPage, seconds: float) -> Notice | None:
        """What the page is told next; None after so many seconds without anything. Raises LetGoError."""
        idle = self._task is None or self._task.done()
        if (page.let_go or self.stopped or idle) and page.waiting.empty():
            raise LetGoError
        try:
            async with asyncio.timeout(seconds):  # `wait_for` makes a task for each notice of each page
                found = await page.waiting.get()
        except TimeoutError:
            return None
        if found is None:
            raise LetGoError
        return found

    def let_go(self) -> None:
        """Lets all pages go, at once."""
        self.stopped = True
        for page in (*self._pages, *self._joining):
            if not page.waiting.full():
                page.waiting.put_nowait(None)

    async def stop(self) -> None:
        """Lets all pages go, and looks no more."""
        self.let_go()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)

    async def _work(self) -> None:
        loop, wait = asyncio.get_running_loop(), LEAST_S
        while self.pages and not self.stopped:
            joining = tuple(self._joining)
            self._wake.clear()
            began = loop.time()
            stands = began - self._stood >= STANDING_S
            try:
                look = await to_thread.run_sync(self._look, tuple(self._pages), joining, stands, limiter=self._threads)
            except SQLAlchemyError:
                self.standing, wait = None, min(MOST_S * 5, wait * 2)
            else:
                still = [page for page in joining if page in self._joining]
                self._joining = [page for page in self._joining if page not in joining]
                self._pages.update(still)
                self._take(look, stands, began)
                wait = min(MOST_S, max(LEAST_S, SHARE * (loop.time() - began)))
            await self._rest(wait)
        self._position = None

    def _take(self, look: _Look, stands: bool, began: float) -> None:
        self._position, self.looked_at = look.position, began
        if stands:
            self._stood, self.standing = began, look.standing
        for page, said in look.due:
            if page in self._pages:
                page.tell(said)

    async def _rest(self, wait: float) -> None:
        """Waits, but not where a page has just come."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), wait)

    def _look(self, pages: Sequence[OpenPage], joining: Sequence[OpenPage], stands: bool) -> _Look:
        """On a thread: what has changed, for each page."""
        now = self._clock()
        with self._store.connect() as connection:
            due: list[tuple[OpenPage, Notice]] = []
            if self._position is None:
                here: Position = position(connection)
            else:
                found = changes(connection, self._position)
                here = found.position
                interests = {page.interest for page in pages} if here != self._position else set[Interest]()
                said = notices(connection, found, interests, now)
                due += [(page, said[page.interest]) for page in pages if page.interest in said and said[page.interest].says_something]
            # Who has just come is told all from its own position on; what it is told twice then, it knows by the numbers.
            due += [(page, self._first(connection, page, here, now)) for page in joining]
            return _Look(here, due, read_standing(connection, now) if stands else None)

    @staticmethod
    def _first(connection: Connection, page: OpenPage, here: Position, now: datetime) -> Notice:
        """What a page is told first: what has changed since it was made."""
        if page.since is None:
            return Notice(here)
        return notices(connection, changes(connection, page.since), [page.interest], now)[page.interest]
