"""What dispatch tells becomes metrics and lines of the log. Neither has an order, a customer, a text or an address in it."""

from __future__ import annotations

from collections import Counter

from dataflows.dispatch.model import SECOND, Clock, OwnAttempt, PendingAction
from dataflows.dispatch.outbox import Outbox
from dataflows.dispatch.pipeline import Pipeline
from dataflows.dispatch.queues import EndpointQueue
from dataflows.observe import catalogue
from dataflows.observe.metrics import Labels
from dataflows.observe.observer import Observer

ENDED = ("executed", "in_doubt", "refused", "failed")


class DispatchObserver:
    """A `dataflows.dispatch.listening.DispatchListener`."""

    def __init__(self, observer: Observer) -> None:
        self._metrics, self._log = observer.metrics, observer.log

    def attempt(self, action: PendingAction, own: OwnAttempt, outcome: str, code: str, now: int) -> None:
        """Counts an outcome; what went wrong stands in the log, with the action's ID to look it up by."""
        self._metrics.count(catalogue.DISPATCH_ATTEMPTS, own.endpoint, outcome)
        if outcome in ENDED and action.requested_at:
            self._metrics.observe(catalogue.DISPATCH_SECONDS, max(0, now - action.requested_at) / SECOND, own.endpoint, "ended")
        said = {"action": action.action, "action_id": action.id, "endpoint": own.endpoint, "attempt": own.number}
        match outcome:
            case "executed":
                self._log.info("executed", **said)
            case "in_doubt" | "refused" | "failed":
                self._log.warning(outcome.replace("_", " "), code=code, **said)
            case "retried_in_doubt":
                seconds = round(max(0, own.next_at - now) / SECOND, 1)
                self._log.warning("in doubt; called again under the same key", code=code, seconds=seconds, **said)
            case _:
                self._log.info("not executed yet", code=code, outcome=outcome, **said)

    def began(self, action: PendingAction, endpoint: str, now: int) -> None:
        """Measures how long it took from the request to the first attempt."""
        if not action.attempt and action.requested_at:
            self._metrics.observe(catalogue.DISPATCH_SECONDS, max(0, now - action.requested_at) / SECOND, endpoint, "begun")

    def lost(self, action: PendingAction, endpoint: str) -> None:
        """Counts it."""
        self._metrics.count(catalogue.DISPATCH_LOST)
        self._log.info("another dispatcher was first", action_id=action.id, endpoint=endpoint)

    def breaker(self, endpoint: str, code: str, seconds: float) -> None:
        """Says so."""
        self._log.warning("endpoint left alone", endpoint=endpoint, code=code, seconds=round(seconds, 1))

    def disabled(self, endpoint: str, code: str) -> None:
        """Says so, and what to do."""
        mend = f"orderwatch dispatch endpoints enable {endpoint}"
        self._log.error("endpoint disabled: it is called no more", endpoint=endpoint, code=code, mend=mend)

    def mistaken(self, endpoint: str, error: str) -> None:
        """Counts it."""
        self.failed("executor")
        self._log.error("an executor broke", endpoint=endpoint, error=error)

    def refused(self, decision: str, why: str) -> None:
        """Counts it."""
        self.failed("a refused decision")
        self._log.error("the log refuses a decision for good", decision=decision, error=why, look="orderwatch dispatch decisions list")

    def failed(self, what: str) -> None:
        """Counts a failure of what dispatch stands on."""
        self._metrics.count(catalogue.DISPATCH_FAILURES, what)


def watch(observer: Observer, pipeline: Pipeline, outbox: Outbox, clock: Clock) -> None:
    """Has metrics read what stands in memory."""
    observer.read(catalogue.DISPATCH_WAITING, lambda: _waiting(pipeline))
    observer.read(catalogue.DISPATCH_OLDEST, lambda: _oldest(pipeline, clock()))
    queues = pipeline.queues
    observer.read(catalogue.DISPATCH_ENDPOINTS, lambda: [((name, state_of(queue, clock())), 1.0) for name, queue in queues.items()])
    observer.read(catalogue.DISPATCH_UNDER_WAY, lambda: {name: float(len(queue.running)) for name, queue in pipeline.queues.items()})
    observer.read(catalogue.DISPATCH_OUTBOX, lambda: max(0, clock() - outbox.oldest) / SECOND if outbox.oldest else 0.0)


def state_of(queue: EndpointQueue, now: int) -> str:
    """How an endpoint is, in a word."""
    health = queue.health
    if health.disabled:
        return "disabled"
    if health.open_until > now:
        return "open"
    if health.openings:
        return "probing"
    return "throttled" if health.throttled_until > now else "well"


def _waiting(pipeline: Pipeline) -> list[tuple[Labels, float]]:
    counted: Counter[tuple[str, str]] = Counter()
    for action in tuple(pipeline.following.actions.values()):
        if not action.waits or action.busy:
            continue
        reason = action.waits
        if reason == "endpoint":
            queue = pipeline.queues.get(action.endpoint or "")
            reason = (queue.holds if queue is not None else "") or "busy"
        counted[action.endpoint or "", reason] += 1
    return [(labels, float(number)) for labels, number in counted.items()]


def _oldest(pipeline: Pipeline, now: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for action in tuple(pipeline.following.actions.values()):
        if action.waits == "endpoint" and not action.busy and action.endpoint:
            age = max(0, now - max(action.requested_at, action.retry_at)) / SECOND
            found[action.endpoint] = max(found.get(action.endpoint, 0.0), age)
    return found
