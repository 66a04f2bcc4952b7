"""Orphans of aliases: the alias stands among the orders of its shard like an order that nobody knows, with its exception and its case.

What the identity step says of it is noted; it is judged once all records of that instant are in, like anything that falls due. So its
clocks, its ladder, its priority, its actions, its age and what is kept of it are those of every other exception.
"""

from __future__ import annotations

from msgspec.structs import replace

from dataflows.core.engine.engine import Engine
from dataflows.core.engine.order import Order
from dataflows.core.history.unclaimed import ORPHAN, claimed, missed
from schemas.output import OutputRecord
from schemas.record import Orphan


def hear_of(engine: Engine, order: Order, orphan: Orphan) -> list[OutputRecord]:
    """Takes in what is said of an alias; what it makes to be said follows once `Order.recheck_at` is due."""
    timeline, index = order.timeline, engine.ruleset.index[ORPHAN]
    if orphan.resolved:
        if timeline.notes:
            timeline.notes[-1] = claimed(timeline.notes[-1], orphan)
    elif not orphan.records:
        order.last_log = max(order.last_log, orphan.log)  # It is news: what would be closed for age without it is not.
        return []
    else:
        for record in orphan.records:
            timeline.add(record)
        order.repack()
        timeline.notes.append(missed(orphan))
        order.backfilling = engine.evaluator.backfill.span_of(orphan.records)
        order.last_log = orphan.records[-1].log
    order.facts = None
    if order.profile is None:
        order.profile = engine.evaluator.profile(order, orphan.log)
    if orphan.said:
        _take_over(engine, order, orphan, index)
    else:
        order.recheck_at[index] = orphan.log
    return []


def _take_over(engine: Engine, order: Order, orphan: Orphan, index: int) -> None:
    """Makes an alias what it would be, had it been kept when its orphan was said: once, and with a case that nobody has taken up.

    Its clocks begin when anything is decided about it, as those of other exceptions do that were said before there were clocks.
    """
    evaluation = engine.evaluator.evaluate(order, (index,), orphan.log, inclusive=True)
    evaluation.changes = {key: replace(state, sequence=1, work=None, news=orphan.due) for key, state in evaluation.changes.items()}
    evaluation.apply_to(order, engine.ruleset.index, engine.evaluator.feeds)
    engine.publisher.count_cases(evaluation.changes.values())
