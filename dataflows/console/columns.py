"""The columns of lists: what each is called, what it holds in an export, and which a reader sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from dataflows.console.text import mark
from sinks.cases.queries.rows import ExceptionRow

Cell = str | int | bool | Decimal | datetime | None


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column. `cell`: what an export holds; `sort`: how a list is sorted by it; `usual`: whether it is seen where nothing was chosen."""

    label: str
    cell: Callable[[ExceptionRow], Cell]
    sort: str | None = None
    usual: bool = True


COLUMNS: Final[Mapping[str, ListColumn]] = {
    "severity": ListColumn(mark("Severity"), lambda row: row.severity, "gravity"),
    "score": ListColumn(mark("Score"), lambda row: row.score, usual=False),
    "kind": ListColumn(mark("Kind"), lambda row: row.kind),
    "order": ListColumn(mark("Order"), lambda row: row.order_id),
    "value": ListColumn(mark("Value"), lambda row: row.total, "value"),
    "due": ListColumn(mark("Due"), lambda row: row.clock_at, "clock"),
    "deadline": ListColumn(mark("Deadline"), lambda row: row.due_at, "due", usual=False),
    "age": ListColumn(mark("Age"), lambda row: row.raised_at, "age", usual=False),
    "owner": ListColumn(mark("Team"), lambda row: row.team, usual=False),
    "assignee": ListColumn(mark("Assignee"), lambda row: row.assignee),
    "case": ListColumn(mark("Case"), lambda row: row.case_state),
    "next": ListColumn(mark("Next step"), lambda row: row.next_step, usual=False),
    "told": ListColumn(mark("Customer last told"), lambda row: row.informed_at, usual=False),
    "carrier": ListColumn(mark("Carrier"), lambda row: row.carrier, usual=False),
    "lane": ListColumn(mark("Lane"), lambda row: row.lane, usual=False),
    "tier": ListColumn(mark("Tier"), lambda row: row.tier, usual=False),
    "site": ListColumn(mark("Site"), lambda row: row.site, usual=False),
    "country": ListColumn(mark("Country"), lambda row: row.country, usual=False),
    "sku": ListColumn(mark("SKU"), lambda row: row.sku, usual=False),
    "action": ListColumn(
        mark("Action"), lambda row: None if row.action is None else f"{row.action.action}: {row.action.state}", usual=False
    ),
    "label": ListColumn(mark("Label"), lambda row: row.label, usual=False),
    "reopened": ListColumn(mark("Reopened"), lambda row: row.reopenings, usual=False),
    "escalated": ListColumn(mark("Escalated to"), lambda row: row.escalated_to, usual=False),
    "status": ListColumn(mark("Status"), lambda row: row.status, usual=False),
    "changed": ListColumn(mark("Last said"), lambda row: row.changed_at, "newest", usual=False),
    "tenant": ListColumn(mark("Tenant"), lambda row: row.tenant, usual=False),
    "policy": ListColumn(mark("Policy"), lambda row: row.policy, usual=False),
    "summary": ListColumn(mark("Sentence"), lambda row: row.summary, usual=False),
}
"""In the order in which they stand."""
USUAL: Final = tuple(name for name, column in COLUMNS.items() if column.usual)
ALWAYS: Final = ("severity", "order")
"""What no list is without: what a row is found by."""
EXPORTED: Final[Mapping[str, Callable[[ExceptionRow], Cell]]] = {
    "exception_id": lambda row: row.exception_id,
    "currency": lambda row: row.currency,
    "clock": lambda row: row.clock,
    "scope": lambda row: row.scope,
}
"""What an export has beside the columns that were chosen."""


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The columns that are meant, in their order; the usual ones where none of the names is a column."""
    wanted = [name for name in COLUMNS if name in names]
    return tuple(name for name in COLUMNS if name in wanted or name in ALWAYS) if wanted else USUAL
