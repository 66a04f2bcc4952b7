"""Undoing a decision that was made here: what would undo each item, and what stands against it by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from dataflows.console.deciding.outcomes import DecidedItem, Outcome
from dataflows.console.deciding.sending import AUTOMATION, numbered
from dataflows.console.deciding.undoing import Undo, undo
from dataflows.console.deciding.watching import SeenItem, Watched
from dataflows.console.taking import decision_id
from dataflows.console.text import mark
from dataflows.console.visit import Visit
from schemas.roles import may_decide
from sinks.cases.queries.deciding import actions_about, decided_since
from sinks.cases.queries.exceptions import by_id

NOT_YET: Final = mark("The engine has not spoken about it yet: wait for that first.")
NOT_DONE: Final = mark("It was refused: there is nothing to undo.")
DECIDED_SINCE: Final = mark("%(who)s has decided about it since (%(what)s): decide anew instead.")
BEGUN: Final = mark("It cannot be undone any more: it is %(state)s.")
NOT_ALLOWED: Final = mark("Your roles do not allow what would undo it.")


@dataclass(frozen=True, slots=True)
class Reversal:
    """What undoes one item; `says`: how, or why not. `sequence`: as it stands now, None where nothing is expected."""

    item: DecidedItem
    undo: Undo
    says: str
    possible: bool
    sequence: int | None = None


async def reversals(visit: Visit, seen: Watched) -> list[Reversal]:
    """What would undo each item of an outcome."""
    decided = [one for one in seen.items if one.spoken == "decided"]
    since, standing, states = await visit.read(_standing, decided, visit)
    return [_reversal(visit, seen.outcome, one, since, standing, states) for one in seen.items]


def outcome_of_undo(visit: Visit, key: str, outcome: Outcome, found: Sequence[Reversal]) -> Outcome:
    """The outcome of undoing, which is not sent yet."""
    items = [
        DecidedItem(
            one.item.sort,
            one.item.id,
            one.item.tenant,
            one.item.order,
            one.sequence or 0,
            decision_id(visit.person, numbered(key, number)),
            one.item.name,
            before={"wanted": "resumed" if one.undo.type == "automation.resumed" else "paused"} if one.item.order == AUTOMATION else {},
        )
        for number, one in enumerate(one for one in found if one.possible)
    ]
    return Outcome(key, visit.person.by, "undo", visit.now, items, {}, outcome.back, undoes=outcome.key)


def decisions_that_undo(outcome: Outcome, found: Sequence[Reversal], start: str) -> list[dict[str, object]]:
    """The decisions, in the order of the items of the outcome of undoing. `start`: what the IDs of the person's decisions begin with."""
    made: list[dict[str, object]] = []
    for item, one in zip(outcome.items, [one for one in found if one.possible], strict=True):
        about = {item.sort: item.id} if item.sort else {}
        expected = {} if one.sequence is None else {"expected_sequence": one.sequence}
        decision: dict[str, object] = {"id": item.decision.removeprefix(start), "type": one.undo.type, "subject": item.order}
        made.append({**decision, "tenant": item.tenant, "data": {**about, **one.undo.data}, **expected})
    return made


def _standing(
    connection: Connection, decided: Sequence[SeenItem], visit: Visit
) -> tuple[Mapping[str, tuple[str, str]], Mapping[str, int], Mapping[str, str]]:
    cases = {one.item.id: one.sequence or 0 for one in decided if one.item.sort == "exception_id"}
    rows = by_id(connection, [*cases], visit.now)
    about = actions_about(connection, [one.item.id for one in decided if one.item.sort == "action_id"])
    standing = {row.exception_id: row.sequence for row in rows} | {one.row.action_id: one.row.sequence for one in about}
    return decided_since(connection, cases), standing, {one.row.action_id: one.row.state for one in about}


def _reversal(
    visit: Visit,
    outcome: Outcome,
    one: SeenItem,
    since: Mapping[str, tuple[str, str]],
    standing: Mapping[str, int],
    states: Mapping[str, str],
) -> Reversal:
    item, how = one.item, undo(outcome.verb, one.item, _data(outcome), visit.now)

    def cannot(text: str, **values: object) -> Reversal:
        return Reversal(item, how, visit.say(text, **values), possible=False)

    if one.spoken in ("waiting", "taken"):
        return cannot(NOT_YET)
    if one.spoken != "decided":
        return cannot(NOT_DONE)
    if not how.possible:
        return cannot(how.says)
    if not may_decide(visit.person.roles, how.type):
        return cannot(NOT_ALLOWED)
    if (later := since.get(item.id)) is not None:
        return cannot(DECIDED_SINCE, who=later[1].removeprefix("user:") or "?", what=visit.say(later[0]))
    if item.sort == "action_id" and states.get(item.id) not in ("proposed", "blocked", "requested"):
        return cannot(BEGUN, state=visit.say(str(states.get(item.id)).replace("_", " ")))
    return Reversal(item, how, visit.say(how.says), possible=True, sequence=standing.get(item.id))


def _data(outcome: Outcome) -> Mapping[str, Any]:
    return outcome.data
