"""What follows from what was said of an order: for the actions that its exceptions ask for, and for the messages to its customer."""

from __future__ import annotations

from dataflows.core.engine.evaluate import Evaluation, RuleEvaluator
from dataflows.core.engine.followup import NEWS, SENT, again
from dataflows.core.engine.order import ASKS, MESSAGES, SILENCE, Order
from dataflows.core.engine.publish import Publisher
from schemas.instants import FAR
from schemas.output import OutputRecord
from schemas.record import Record


class Consequences:
    """What follows under one policy."""

    def __init__(self, evaluator: RuleEvaluator, publisher: Publisher) -> None:
        self._evaluator = evaluator
        self._publisher = publisher

    def of(
        self, order: Order, said: list[OutputRecord], now: int, record: Record | None = None, *, settled: bool = False
    ) -> list[OutputRecord]:
        """What was said, and what follows from it. `record`: the news.

        A record may change what stands against actions whatever rules it concerns; time does so by what is said, and by the silence of a
        feed. Actions are asked for and messages judged once all that belongs to an instant is in (`settled`): else one might go out that
        its end takes back. What is no longer asked for is said at once.
        """
        publisher, news = self._publisher, record is not None and record.event.type in NEWS
        if settled and (order.recheck_at.pop(ASKS, FAR) <= now or said):
            said = said + publisher.asking.first(order, self._evaluator.facts(order, now), publisher.key)
        elif said and publisher.asking.wants(order):
            order.recheck_at[ASKS] = now
        if said or record is not None or order.recheck_at.get(SILENCE, FAR) <= now:
            said = said + self._asked_again(order, now)
        if order.messages is None and not news:
            return said
        facts = self._evaluator.facts(order, now)
        if record is not None and news:
            before = order.exceptions.states
            changes = again(before, said, order.exceptions.id_of)
            if changes:
                Evaluation(changes).apply_to(order, self._evaluator.ruleset.index, self._evaluator.feeds)
                said = said + publisher.publish(order, changes, before, facts, record)
            if record.event.type == SENT:
                said = [*said, publisher.follow_up.heard(order, facts, record, publisher.key)]
        if order.messages is not None and settled:
            return said + publisher.follow_up.review(order, facts, publisher.key)
        if order.messages is not None and order.messages.asked:
            order.recheck_at[MESSAGES] = now
        return said

    def _asked_again(self, order: Order, now: int) -> list[OutputRecord]:
        """What stands against what an order asks for, where that has changed; plans when the silence of a feed may change it."""
        if not order.exceptions.asks():
            order.recheck_at.pop(SILENCE, None)
            self._evaluator.feeds.silences.watch(order.key, asks=False)
            return []
        asking, facts = self._publisher.asking, self._evaluator.facts(order, now)
        said, at = asking.again(order, facts, self._publisher.key), asking.silence_at(order, facts)
        if at < FAR:
            order.recheck_at[SILENCE] = max(at, now)
        else:
            order.recheck_at.pop(SILENCE, None)
        return said
