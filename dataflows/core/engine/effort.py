"""How much work the rules have with an order, counted and never clocked: live, a replay and a restart come to the same number.

Rules are judged of the whole history, so that what each event costs grows with what came before. Most orders end long before that
matters. One that would cost its shard minutes is given up instead, once the sum over its events is beyond `WORK` for each event that
the policy's `retention.most_events` allows it.
"""

from __future__ import annotations

from typing import cast

from dataflows.core.engine.order import Order
from dataflows.core.history.order_fields import FIELDS, OWED
from dataflows.core.history.timeline import SCAN
from schemas.record import Record

TOO_LONG = "MostEvents"
"""Why an order is evaluated no more that has more events than the policy's `retention.most_events`."""
TOO_MUCH = "MostWork"
"""Why an order is evaluated no more with which the rules have had more work than `WORK` times that number."""
WORK = 250
"""How much work an event that an order may have may be in the mean."""
WHOLE = 4
"""How much more it is to judge all rules than those that an event concerns."""
OF_SCANS, OF_LINES = 8, 4
"""How many scans, and how many lines at one change of what is owed, are as much work as any other event."""


def effort(order: Order, *, whole: bool) -> int:
    """The units of work of an order's latest event: one for each event and exception that it has; `whole`: all rules are judged.

    Scans are folded: those before an event count only where all rules are judged.
    """
    timeline, of_type = order.timeline, order.timeline.by_type
    scans = len(of_type.get(SCAN, ()))
    lines = changes = 0
    for type_ in OWED:
        known = of_type.get(type_)
        if known is not None:
            changes += len(known)
            if type_ in FIELDS:
                lines = max(lines, *map(_lines, known))
    size = timeline.size - scans + len(order.exceptions.states) + lines * changes // OF_LINES
    return (size + scans // OF_SCANS) * WHOLE if whole else size


def _lines(record: Record) -> int:
    """How many lines a placing or an update states."""
    data = record.event.data
    stated: object = data.get("lines") if type(data) is dict else getattr(data, "lines", None)
    return len(cast("list[object]", stated)) if type(stated) is list else 0
