"""An action's way: still wanted? → paused? → endpoint healthy? → prepared → begun (durable) → call → result. Each stage is a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog

from dataflows.dispatch import call as calling
from dataflows.dispatch.begin import Beginning
from dataflows.dispatch.following import Following
from dataflows.dispatch.listening import DispatchListener
from dataflows.dispatch.model import SECOND, Clock, OwnAttempt, PendingAction
from dataflows.dispatch.paused import pausing
from dataflows.dispatch.prepare import UNREAD, Preparation, Unprepared
from dataflows.dispatch.queues import EndpointQueue
from dataflows.dispatch.result import INTERRUPTED, Results
from dataflows.dispatch.routing import NOBODY, route_of
from dataflows.dispatch.sharing import WorkShare
from dataflows.dispatch.wanted import NEVER, due_at, is_late
from dataflows.settings.dispatch import RouteSettings
from sinks.actions.executor import RetryLater
from sinks.decisions import RefusedDecisionError

STOPPING: Final = "stopping"
BROKE: Final = "dispatch_error"
"""The code of an attempt in which something of ours broke."""
AGAIN_S: Final = 5.0
"""How long an action waits whose call could not be prepared, or in whose stages something broke."""
UNREAD_S: Final = 0.2
"""How long it waits for its exception, before it is looked for again."""
REFUSED_S: Final = 300.0
"""How long an action waits whose beginning the log has refused; nothing of it has happened."""
ECHO_S: Final = 30.0
"""How long the engine may take to agree to a replay."""


class Pipeline:
    """Takes actions through the stages. All on the event loop."""

    def __init__(
        self,
        following: Following,
        routes: Sequence[RouteSettings],
        stages: tuple[Preparation, Beginning, Results],
        share: WorkShare,
        clock: Clock,
        listener: DispatchListener,
        *,
        no_route_s: float,
    ) -> None:
        self.following, self.share, self.clock, self.listener = following, share, clock, listener
        self.preparation, self.beginning, self.results = stages
        self.queues: Mapping[str, EndpointQueue] = {}
        self._routes, self._no_route = routes, int(no_route_s * SECOND)
        self._log = structlog.get_logger("orderwatch")
        self.blocked = "starting"
        """Why nothing is begun at all; empty: it is."""

    def place(self, actions: Iterable[PendingAction]) -> None:
        """Puts actions where they belong now: whatever was read, decided or ended."""
        for action in actions:
            self._place(action)

    def look(self) -> None:
        """Everything is to be looked at again: a pause began or ended, partitions came or went."""
        self.place(list(self.following.actions.values()))

    def stop(self) -> None:
        """Begins nothing more."""
        self.blocked = STOPPING

    def queue_of(self, action: PendingAction) -> EndpointQueue | None:
        """The queue of the endpoint that an action goes to."""
        name = action.own.endpoint if action.own is not None else route_of(self._routes, action)
        action.endpoint = name
        return None if name is None else self.queues.get(name)

    def begun_of(self, action: PendingAction) -> dict[int, tuple[str, int]]:
        """Its attempts, by whomever, as the log has them."""
        return self.following.begun.get(action.id, {})

    async def unrouted(self, action: PendingAction) -> None:
        """Ends an action that nobody carries out, at once where a route says so, else when it has waited long enough for one."""
        code = "nobody" if action.endpoint == NOBODY else "no_route"
        try:
            if self.admit(action, self.clock(), own_only=False):
                await self.results.refuse(action, action.endpoint or "", code, dead=code == "no_route")
        finally:
            action.busy = False

    def unrouted_now(self, now: int) -> list[PendingAction]:
        """What has no route, for long enough."""
        return [
            action
            for action in self.following.actions.values()
            if action.waits in ("no_route", "nobody")
            and not action.busy
            and (action.waits == "nobody" or now >= action.requested_at + self._no_route)
        ]

    def _place(self, action: PendingAction) -> None:
        if action.busy or action.id not in self.following.actions:
            action.queued = 0 if action.ended else action.queued
            return
        at = due_at(action, self.begun_of(action))
        if at >= NEVER:
            action.queued, action.waits = 0, action.state if action.state in ("in_doubt", "begun") else ""
            return
        if self._held(action):
            action.queued = 0
            return
        queue = self.queue_of(action)
        if queue is None:
            action.queued, action.waits = 0, "nobody" if action.endpoint == NOBODY else "no_route"
            return
        action.waits = "retry" if at > self.clock() else "endpoint"
        queue.push(action, at)

    def _held(self, action: PendingAction) -> bool:
        """Whether an action is not to be begun here and now; it is placed again when that changes."""
        if self._paused(action):
            action.waits = "paused"
        elif action.own is None and not self.share.owns(action.partition):
            action.waits = "elsewhere"
        else:
            return False
        return True

    def _paused(self, action: PendingAction) -> bool:
        return pausing(self.following.pauses, action) is not None

    def admit(self, action: PendingAction, now: int, *, own_only: bool = True) -> bool:
        """Whether an action may go on to be prepared, or begun, now."""
        if self.blocked or action.id not in self.following.actions or (action.busy and own_only):
            return False
        return due_at(action, self.begun_of(action)) <= now and not self._held(action)

    async def carry(self, action: PendingAction, queue: EndpointQueue) -> None:
        """Takes an action through the rest of the stages."""
        await self.guard(action, queue, self._stages(action, queue))

    async def guard(self, action: PendingAction, queue: EndpointQueue | None, work: Awaitable[None]) -> None:
        """Has something done with an action; nothing that goes wrong with one concerns another. `queue`: that of its endpoint."""
        try:
            try:
                await work
            except Exception as error:  # noqa: BLE001 - as it says
                await self._broke(action, queue, error)
        finally:
            action.busy = False
        self._place(action)

    async def replay(self, action: PendingAction, own: OwnAttempt, queue: EndpointQueue) -> str:
        """Takes a dead letter through the stages once more; returns why it was not called, empty if it was."""
        if self._paused(action):
            return "paused"
        prepared = await self.preparation.call(action, own.number, self.clock(), addressed=queue.addressed)
        if isinstance(prepared, Unprepared):
            return prepared.code
        objection = await self._begin(action, own, queue)
        if objection:
            return objection
        if not await self.beginning.called(action, own):
            await self.results.take(action, own, RetryLater(INTERRUPTED), queue.executor, queue.health)
            return INTERRUPTED
        outcome = await calling.execute(queue.executor, prepared, queue.timeout_s, self._mistaken(queue.health.name))
        await self.results.take(action, own, outcome, queue.executor, queue.health)
        return ""

    async def _stages(self, action: PendingAction, queue: EndpointQueue) -> None:
        name, now, own = queue.health.name, self.clock(), action.own
        if own is None and is_late(action, now):
            await self.results.refuse(action, name, "expired")
            return
        number = action.attempt + 1 if own is None else own.number
        prepared = await self.preparation.call(action, number, now, addressed=queue.addressed)
        if isinstance(prepared, Unprepared):
            await self._unprepared(action, prepared, queue)
            return
        if own is None:
            if not self.admit(action, self.clock(), own_only=False):
                return  # It was withdrawn or paused meanwhile.
            own = action.own = OwnAttempt(number, name, "beginning", self.clock())
            if await self._begin(action, own, queue):
                return
        elif own.phase == "asking":
            own.tries += 1
            answer = await calling.ask(queue.executor, prepared, queue.timeout_s, self._mistaken(name))
            await self.results.take(action, own, answer, queue.executor, queue.health)
            return
        if (own.phase == "beginning" and self._overtaken(action)) or not await self.beginning.called(action, own):
            await self.results.take(action, own, RetryLater(INTERRUPTED), queue.executor, queue.health)
            return
        outcome = await calling.execute(queue.executor, prepared, queue.timeout_s, self._mistaken(name))
        await self.results.take(action, own, outcome, queue.executor, queue.health)

    def _overtaken(self, action: PendingAction) -> bool:
        """Whether something was read that holds, while the log took its time to have the beginning: then nobody is called.

        Where the log cannot be read any more, something of that kind may stand there.
        """
        gone = action.id not in self.following.actions
        return gone or self.blocked not in ("", STOPPING) or self._paused(action) or is_late(action, self.clock())

    async def _begin(self, action: PendingAction, own: OwnAttempt, queue: EndpointQueue) -> str:
        """Why nobody may be called; empty: the attempt has begun."""
        try:
            begun = await self.beginning.begin(action, own, queue.health.row(), echo_s=ECHO_S if own.asked_by else 0)
        except RefusedDecisionError as error:
            self.unbegun(action)
            return f"the log refused it: {error}"
        if begun:
            self.listener.began(action, queue.health.name, self.clock())
            return ""
        action.own = None
        self.listener.lost(action, queue.health.name)
        return "the engine did not agree"

    def unbegun(self, action: PendingAction) -> None:
        """The log refuses that an attempt begins: it is tried again, under the same number and ID, in a while."""
        action.own, action.next_at = None, self.clock() + int(REFUSED_S * SECOND)

    async def _unprepared(self, action: PendingAction, why: Unprepared, queue: EndpointQueue) -> None:
        if action.own is not None:
            await self.results.take(action, action.own, RetryLater(why.code, in_doubt=True), queue.executor, queue.health)
        elif why.final:
            await self.results.refuse(action, queue.health.name, why.code)
        else:
            action.next_at = self.clock() + int((UNREAD_S if why.code == UNREAD else AGAIN_S) * SECOND)

    def _mistaken(self, endpoint: str) -> Callable[[str], None]:
        return lambda error: self.listener.mistaken(endpoint, error)

    async def _broke(self, action: PendingAction, queue: EndpointQueue | None, error: Exception) -> None:
        """Something of ours broke, such as the disk: a call that may have been made is one without an answer.

        What had not begun is begun again, under the same number and the same IDs: the log counts it once.
        """
        self._log.error("a stage broke", error=type(error).__name__, endpoint=action.endpoint)
        action.next_at = self.clock() + int(AGAIN_S * SECOND)
        own = action.own
        if own is None or own.phase not in ("calling", "asking"):
            action.own = None
            return
        if queue is None:
            return
        try:
            await self.results.take(action, own, calling.unanswered(queue.executor, BROKE), queue.executor, queue.health)
        except Exception as again:  # noqa: BLE001 - nothing is called again that may have had its effect: a restart takes it up
            self._log.error("its outcome cannot be kept either", error=type(again).__name__, endpoint=action.endpoint)

    async def settle(self) -> None:
        """Returns once nothing is under way."""
        while running := [task for queue in self.queues.values() for task in queue.running]:
            await asyncio.wait(running)
