"""Many requests share one write: whatever has gathered while a write was under way goes into the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Condition, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class ClosedError(Exception):
    """Nothing can be added any more."""


class GroupCommit(Generic[T]):
    """A thread that makes items durable, in the order in which they were added, as many at a time as there are.

    `commit` is called on that thread; what it raises is raised to all whose items it was given. How much waits is bounded by whoever adds:
    each waits for its own item.
    """

    def __init__(self, name: str, commit: Callable[[list[T]], None]) -> None:
        self._commit = commit
        self._waiting: list[tuple[T, asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._changed = Condition()
        self._closing = False
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def add(self, item: T) -> None:
        """Returns once the item is durable. Raises what the commit raised, or ClosedError."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._changed:
            if self._closing:
                raise ClosedError
            self._waiting.append((item, loop, future))
            if len(self._waiting) == 1:
                self._changed.notify()
        await future

    def close(self) -> None:
        """Commits what waits, and ends the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                taken, self._waiting = self._waiting, []
            if not taken:
                return
            error: Exception | None = None
            try:
                self._commit([item for item, _, _ in taken])
            except Exception as failure:  # noqa: BLE001 - raised to everybody whose item it was
                error = failure
            announced: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
            for _, loop, future in taken:
                announced.setdefault(loop, []).append(future)
            for loop, futures in announced.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_resolve, futures, error)


def _resolve(futures: list[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue  # whoever waited for it has given up
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
