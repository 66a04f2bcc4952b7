"""`v_recurrence`: what keeps coming back, and where."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import and_, func, literal, select, union_all

from sinks.cases.expressions import Expression, between, counted
from sinks.cases.tables import exception_skus, exceptions
from sinks.cases.views.base import Selected, View
from sinks.cases.views.clocks import COUNTS, RETRACTED

_E = exceptions.c
_WITH_SKUS: Final = exceptions.join(exception_skus, exception_skus.c.exception_id == _E.exception_id)
WEEK: Final = int(timedelta(days=7).total_seconds())
DIMENSIONS: Final[dict[str, Expression]] = {
    "carrier": _E.carrier,
    "site": _E.site,
    "sku": exception_skus.c.sku,
    "lane": _E.lane,
    "source": _E.source,
    "country": _E.country,
    "route": _E.carrier + literal(" to ") + _E.country,
}


def _select(now: Expression) -> Selected:
    spread = union_all(
        *(
            select(
                *(_E.tenant, _E.kind, literal(name).label("dimension"), column.label("value")),
                *(_E.exception_id, _E.order_id, _E.status, _E.raised_at, between(_E.raised_at, now).label("age")),
            )
            .select_from(_WITH_SKUS if name == "sku" else exceptions)
            .where(and_(COUNTS, ~RETRACTED, column.is_not(None)))
            for name, column in DIMENSIONS.items()
        )
    ).subquery("spread")
    found = spread.c
    keys = (found.tenant, found.kind, found.dimension, found.value)
    return select(
        *keys,
        func.count().label("exceptions"),
        func.count(found.order_id.distinct()).label("orders"),
        counted(found.status == "open").label("open"),
        counted(found.age < WEEK).label("last_7_days"),
        counted(and_(found.age >= WEEK, found.age < 2 * WEEK)).label("previous_7_days"),
        func.min(found.raised_at).label("first_raised_at"),
        func.max(found.raised_at).label("last_raised_at"),
    ).group_by(*keys)


RECURRENCE: Final = View(
    "v_recurrence",
    "What keeps coming back, and where: counts by kind and carrier, site, SKU, lane, source, country or route. An exception counts once in "
    "each dimension that is known of it, and of SKUs once for each that it concerns. What was retracted does not count.",
    {
        "tenant": "Whose.",
        "kind": "What is or was wrong.",
        "dimension": "`carrier`, `site`, `sku`, `lane` (of handling), `source` (whose word it rests on), `country` (of the address), "
        "`route` (carrier to country).",
        "value": "Which of it.",
        "exceptions": "How many exceptions.",
        "orders": "Of how many orders.",
        "open": "How many are open.",
        "last_7_days": "How many were first said in the last seven days.",
        "previous_7_days": "How many in the seven days before those.",
        "first_raised_at": "When the first was said (log time).",
        "last_raised_at": "When the last was first said (log time).",
    },
    _select,
)
