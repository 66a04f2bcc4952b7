"""Attempts that were broken off: our own, by a crash; those of another dispatcher that is not heard of any more."""

from __future__ import annotations

from dataflows.dispatch.model import SECOND, OwnAttempt, PendingAction
from dataflows.dispatch.pipeline import Pipeline
from dataflows.dispatch.queues import EndpointQueue
from dataflows.dispatch.result import INTERRUPTED
from sinks.actions.executor import RetryLater
from sinks.decisions import RefusedDecisionError

BROKEN_OFF = "broken_off"
"""The code of an attempt of which nobody knows how far it got."""


class Recovery:
    """Takes them up. `takeover_s`: after how long without an outcome another dispatcher's attempt is taken for broken off."""

    def __init__(self, pipeline: Pipeline, takeover_s: float, since: int) -> None:
        self._pipeline, self._takeover, self._since = pipeline, int(takeover_s * SECOND), since

    def restart(self) -> None:
        """Takes up our own attempts after a start, once the log has been read to its end."""
        for action in list(self._pipeline.following.actions.values()):
            if action.own is not None and not action.busy and not action.own.next_at:
                self._take_up(action, action.own)

    async def observe(self) -> None:
        """Says what our attempts did that another dispatcher has put in doubt, having taken over while we stood still."""
        for action in list(self._pipeline.following.actions.values()):
            if action.state == "in_doubt" and action.certain and action.attempt == action.failed and not action.busy:
                await self._pipeline.results.observe(action)

    def shared_anew(self, now: int) -> None:
        """Partitions have come: whoever had them may be about to say what came of its attempts."""
        self._since = now

    def sweep(self, now: int) -> None:
        """Takes up attempts of others that have stood without an outcome for too long, where the partition is ours."""
        pipeline = self._pipeline
        if now - self._since <= self._takeover:
            return
        for action in list(pipeline.following.actions.values()):
            if action.busy or action.own is not None or action.attempt <= action.failed or not pipeline.share.owns(action.partition):
                continue
            if action.state == "begun" and now - action.said_at > self._takeover:
                who_at = pipeline.begun_of(action).get(action.attempt)
                began = action.said_at if who_at is None else who_at[1]
                queue = pipeline.queue_of(action)
                name = "" if queue is None else queue.health.name
                action.own = OwnAttempt(action.attempt, name, "calling", began, doubtful=True, adopted=True)
                self._take_up(action, action.own)

    def _take_up(self, action: PendingAction, own: OwnAttempt) -> None:
        queue = self._pipeline.queues.get(own.endpoint)
        action.busy = True
        if queue is None:
            any_queue = next(iter(self._pipeline.queues.values()), None)
            if any_queue is None:
                action.busy = False
                return
            any_queue.track(self._pipeline.guard(action, None, self._without_endpoint(action, own)))
        else:
            queue.track(self._pipeline.guard(action, queue, self._broken_off(action, own, queue)))

    async def _broken_off(self, action: PendingAction, own: OwnAttempt, queue: EndpointQueue) -> None:
        pipeline = self._pipeline
        if own.phase in ("beginning", "logged"):
            # It was never called. That is said as the outcome of the attempt, unless another dispatcher's stands in its place.
            try:
                begun = await pipeline.beginning.begin(action, own, queue.health.row())
            except RefusedDecisionError:
                pipeline.unbegun(action)
                return
            if begun:
                await pipeline.results.take(action, own, RetryLater(INTERRUPTED), queue.executor, queue.health)
            else:
                action.own = None
        elif queue.executor.can_be_asked:
            own.phase, own.doubtful, own.next_at = "asking", True, pipeline.clock()
        elif queue.executor.honours_keys:
            own.phase, own.doubtful, own.next_at = "calling", True, pipeline.clock()
        else:
            await pipeline.results.doubt(action, own, BROKEN_OFF)

    async def _without_endpoint(self, action: PendingAction, own: OwnAttempt) -> None:
        """Its endpoint is in the settings no more: nobody can be asked."""
        if own.phase in ("beginning", "logged"):
            action.own = None
        else:
            await self._pipeline.results.doubt(action, own, BROKEN_OFF)
