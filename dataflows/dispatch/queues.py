"""A queue for each endpoint: what is due goes out, as far as the endpoint takes it. One that is slow holds up nobody but itself."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final

from dataflows.dispatch.healthy import EndpointHealth
from dataflows.dispatch.model import SECOND, Clock, PendingAction
from sinks.actions.executor import Executor

LONGEST_S: Final = 60.0
"""How long a queue sleeps at most: a clock may step."""


class EndpointQueue:
    """The actions of one endpoint, those that are due first in front.

    `admit` is asked, in the last moment, whether an action may still go; `carry` takes it through the stages.
    """

    def __init__(
        self,
        health: EndpointHealth,
        executor: Executor,
        timeout_s: float,
        *,
        addressed: bool,
        clock: Clock,
        admit: Callable[[PendingAction, int], bool],
        carry: Callable[[PendingAction, EndpointQueue], Awaitable[None]],
    ) -> None:
        self.health, self.executor, self.timeout_s, self.addressed = health, executor, timeout_s, addressed
        self._clock, self._admit, self._carry = clock, admit, carry
        self._due: list[tuple[int, int, PendingAction]] = []
        self._numbers = count(1)
        self._changed = asyncio.Event()
        self.running: set[asyncio.Task[None]] = set()
        self.holds = ""
        """Why what is due does not go out, in a word."""

    def push(self, action: PendingAction, at: int) -> None:
        """Puts an action in its place; an earlier place of it counts no more."""
        action.queued = next(self._numbers)
        heapq.heappush(self._due, (at, action.queued, action))
        self._changed.set()

    def look(self) -> None:
        """Something has changed: what is due is looked at again."""
        self._changed.set()

    async def run(self) -> None:
        """Starts what is due until it is cancelled; what has been started goes on."""
        while True:
            self._changed.clear()
            sleep = self._start()
            try:
                async with asyncio.timeout(sleep):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def track(self, work: Awaitable[None]) -> None:
        """Has something of this endpoint done that is not in the queue."""

        async def done() -> None:
            await work

        self._tracked(asyncio.create_task(done()))

    def _start(self) -> float | None:
        """Starts what may go; returns how long nothing more can, in seconds; None: before something changes."""
        self.holds = ""
        while self._due:
            at, number, action = self._due[0]
            now = self._clock()
            if number != action.queued:
                heapq.heappop(self._due)
                continue
            if at > now:
                return min((at - now) / SECOND, LONGEST_S)
            if len(self.running) >= self.health.concurrency:
                self.holds = "busy"
                return None
            ready, why = self.health.ready_at(now)
            if ready > now:
                self.holds = why
                return min((ready - now) / SECOND, LONGEST_S)
            heapq.heappop(self._due)
            action.queued = 0
            if self._admit(action, now):
                self.health.take(now)
                action.busy = True
                self.track(self._carry(action, self))
        return None

    def _tracked(self, task: asyncio.Task[None]) -> None:
        self.running.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self.running.discard(task)
            self._changed.set()

        task.add_done_callback(ended)
