"""What is done every second beside the queues: broken-off attempts, actions without a route, what people ask for, what is kept too long."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from dataflows.dispatch.following import Following
from dataflows.dispatch.healthy import store_health
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.letters import AskedFor, asked, audited, buried, count_letters, prune, taken_up
from dataflows.dispatch.model import SECOND, Clock, OwnAttempt, PendingAction
from dataflows.dispatch.outbox import Outbox
from dataflows.dispatch.pipeline import Pipeline
from dataflows.dispatch.queues import EndpointQueue
from dataflows.dispatch.recovery import Recovery
from dataflows.dispatch.refusals import count_refused, write_again
from dataflows.settings.dispatch import DispatchSettings

EVERY_S: Final = 1.0
PRUNE_S: Final = 600.0
DAY_S: Final = 86_400


class Chores:
    """One at a time, on the event loop."""

    def __init__(
        self, pipeline: Pipeline, recovery: Recovery, journal: AttemptJournal, outbox: Outbox, settings: DispatchSettings, clock: Clock
    ) -> None:
        self._pipeline, self._recovery, self._settings, self._clock = pipeline, recovery, settings, clock
        self._journal, self._outbox = journal, outbox
        self._log = structlog.get_logger("orderwatch")
        self._pruned = 0
        self.letters = 0
        """Dead letters that are kept."""
        self.refused = 0
        """Decisions that the log has refused, and that are kept."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_S)

    async def once(self) -> None:
        """Everything that is due now."""
        now, pipeline = self._clock(), self._pipeline
        requests, self.letters, self.refused = await self._journal.keep(lambda db: (asked(db), count_letters(db), count_refused(db)))
        if not pipeline.blocked:
            self._recovery.sweep(now)
            await self._recovery.observe()
            for action in pipeline.unrouted_now(now):
                action.busy = True
                await pipeline.unrouted(action)
            for request in requests:
                await self._take_up(request, now)
        if now - self._pruned > PRUNE_S * SECOND:
            self._pruned = now
            ended = now - int(self._settings.keep_ended_days * DAY_S * SECOND)
            letters = now - int(self._settings.dead_letter_days * DAY_S * SECOND)
            while await self._journal.keep(lambda db: prune(db, ended, letters)):
                pass
            self._journal.shorten_log()
            pipeline.following.forget_begun(ended)

    async def _take_up(self, request: AskedFor, now: int) -> None:
        match request.what:
            case "replay":
                detail = await self._replay(request, now)
            case "enable":
                detail = await self._enable(request.subject)
            case "write":
                detail = await self._journal.keep(lambda db: write_again(db, request.subject))
                self._outbox.kick()
            case _:
                detail = "unknown"
        self._log.info("asked for", what=request.what, outcome=detail)
        await self._journal.keep(lambda db: taken_up(db, request, now, detail))

    async def _enable(self, endpoint: str) -> str:
        queue = self._pipeline.queues.get(endpoint)
        if queue is None:
            return "no such endpoint"
        queue.health.disabled = ""
        queue.health.answered()
        row = queue.health.row()
        await self._journal.keep(lambda db: store_health(db, row))
        queue.look()
        return "enabled"

    async def _replay(self, request: AskedFor, now: int) -> str:
        found = await self._journal.keep(lambda db: buried(db, request.subject))
        if found is None:
            return "no dead letter"
        action, endpoint = found
        following = self._pipeline.following
        if action.id in following.actions:
            return "not ended"
        action.own = None
        queue = self._pipeline.queue_of(action) or self._pipeline.queues.get(endpoint)
        if queue is None:
            return "no route"
        own = action.own = OwnAttempt(action.attempt + 1, queue.health.name, "beginning", now, asked_by=request.who)
        action.busy = True
        queue.track(self._pipeline.guard(action, queue, self._again(action, own, queue, following)))
        return "begun"

    async def _again(self, action: PendingAction, own: OwnAttempt, queue: EndpointQueue, following: Following) -> None:
        """One attempt with the same key and today's secret, if the engine agrees to it; the endpoint's health is not touched by it."""
        following.actions[action.id] = action
        try:
            outcome = await self._pipeline.replay(action, own, queue)
        finally:
            if action.ended:
                following.actions.pop(action.id, None)
        if outcome:
            self._log.warning("replay not carried out", outcome=outcome)
            at, who, id_ = self._clock(), own.asked_by, action.id
            await self._journal.keep(lambda db: audited(db, at, who, "replayed", id_, outcome))
