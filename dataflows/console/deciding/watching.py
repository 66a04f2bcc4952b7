"""What the engine has made of decisions: what it said of each, that it refused it and why, or that it has not spoken yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from sqlalchemy import Connection

from dataflows.console.deciding.outcomes import DecidedItem, Outcome
from sinks.cases.queries.deciding import actions_about, effects_on_cases, paused_scopes, seen_in_log
from sinks.cases.queries.exceptions import by_id

Spoken = Literal["waiting", "refused", "taken", "decided", "rejected"]
"""Of an item: not sent yet; refused and not in the log; in the log; the engine has decided so; the engine has refused it."""
SILENT: Final = timedelta(seconds=10)
"""After so long without a word of the engine the page says so."""
POLLED: Final = timedelta(minutes=5)
"""For so long the page looks again by itself."""


class SeenItem(NamedTuple):
    """An item and what became of it. `state`: of the case or the action since; `sequence`: of the event that says so."""

    item: DecidedItem
    spoken: Spoken
    state: str | None = None
    who: str | None = None
    sequence: int | None = None
    reason: str | None = None
    detail: str | None = None
    logged: bool = False


class Watched(NamedTuple):
    """An outcome as it stands now."""

    outcome: Outcome
    items: Sequence[SeenItem]
    now: datetime

    def count(self, spoken: Spoken) -> int:
        """How many items stand so."""
        return sum(item.spoken == spoken for item in self.items)

    @property
    def pending(self) -> bool:
        """Whether something is still to come."""
        return any(item.spoken in ("waiting", "taken") for item in self.items)

    @property
    def polls(self) -> bool:
        """Whether it is worth looking again by itself."""
        return self.pending and self.now - self.outcome.at < POLLED

    @property
    def silent(self) -> timedelta | None:
        """For how long the engine has not spoken, where that is long."""
        age = self.now - self.outcome.at
        return age if self.count("taken") and age >= SILENT else None


def watched(connection: Connection, outcome: Outcome, refusals: Mapping[str, tuple[str, str]], now: datetime) -> Watched:
    """How an outcome stands. `refusals`: of its decisions, by ID, those that the engine has refused."""
    cases = [item for item in outcome.accepted if item.sort == "exception_id"]
    others = [item for item in outcome.accepted if item.sort == "action_id"]
    effects = effects_on_cases(connection, {item.decision: item.id for item in cases})
    actions = {one.row.action_id: one.row for one in actions_about(connection, [item.id for item in others])}
    scopes = {one.scope for one in paused_scopes(connection)} if any(not item.sort for item in outcome.items) else set[str]()
    logged = seen_in_log(connection, [item.decision for item in outcome.accepted])
    retired = {row.exception_id: row for row in by_id(connection, [item.id for item in cases if item.decision not in effects], now)}

    def seen(item: DecidedItem) -> SeenItem:
        if item.status != "accepted":
            return SeenItem(item, "waiting" if item.status == "waiting" else "refused", reason=item.reason, detail=item.detail)
        if item.decision in refusals:
            reason, detail = refusals[item.decision]
            return SeenItem(item, "rejected", reason=reason, detail=detail, logged=True)
        known = item.decision in logged
        if (effect := effects.get(item.decision)) is not None:
            return SeenItem(item, "decided", effect.state, effect.assignee, effect.sequence, logged=True)
        if item.sort == "action_id" and (row := actions.get(item.id)) is not None and row.sequence > item.sequence:
            return SeenItem(item, "decided", row.state, None, row.sequence, logged=True)
        if not item.sort and (item.id in scopes) == (item.before.get("wanted") == "paused"):
            return SeenItem(item, "decided", str(item.before.get("wanted")), logged=True)
        row_now = retired.get(item.id)
        return SeenItem(item, "taken", None if row_now is None else row_now.case_state, logged=known)

    return Watched(outcome, [seen(item) for item in outcome.items], now)


def unwatched(outcome: Outcome, now: datetime) -> Watched:
    """An outcome while the store cannot be asked: what is known of it here."""
    spoken: Mapping[str, Spoken] = {"waiting": "waiting", "refused": "refused"}
    found = [SeenItem(item, spoken.get(item.status, "taken"), reason=item.reason, detail=item.detail) for item in outcome.items]
    return Watched(outcome, found, now)
