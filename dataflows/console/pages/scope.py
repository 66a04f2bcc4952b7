"""What of an order a reader may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from dataflows.console.access import Person
from sinks.cases.queries.past import OrderPast
from sinks.cases.queries.rows import Data


def within_scope(past: OrderPast, person: Person) -> OrderPast | None:
    """An order with the exceptions of the reader's teams and sites, and what is about these; None if the reader may see nothing of it.

    What is about no exception is seen with the first of them.
    """
    if person.scope.is_whole:
        return past
    seen = {str(one["exception_id"]) for one in past.exceptions if may_see(one, person)}
    if not seen:
        return past if not past.exceptions and person.may_see(past.tenant) else None
    return replace(
        past,
        exceptions=_of(past.exceptions, seen),
        events=_of(past.events, seen),
        evidence=_of(past.evidence, seen),
        actions=_of(past.actions, seen),
        action_events=_of(past.action_events, seen),
        decisions=_of(past.decisions, seen),
        messages=_of(past.messages, seen),
        notes=_of(past.notes, seen),
        suggestions=_of(past.suggestions, seen),
    )


def may_see(exception: Data, person: Person) -> bool:
    """Whether an exception lies in the reader's scope."""
    site = exception["site"]
    return person.may_see(str(exception["tenant"]), str(exception["team"] or exception["owner"]), None if site is None else str(site))


def _of(rows: Sequence[Data], seen: Collection[str]) -> list[Data]:
    return [row for row in rows if row["exception_id"] is None or row["exception_id"] in seen]
