"""Undoing: what would undo a decision that was made here, and doing so."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.deciding.outcomes import Outcome, Outcomes
from dataflows.console.deciding.reversing import Reversal, decisions_that_undo, outcome_of_undo, reversals
from dataflows.console.deciding.sending import decision_id_start, desk, key_of, new_key
from dataflows.console.deciding.verbs import VERBS
from dataflows.console.deciding.watching import watched
from dataflows.console.routes import Route
from dataflows.console.taking import UntakenError
from dataflows.console.text import mark
from dataflows.console.views.decide import sent_answer
from dataflows.console.visit import BadRequestError, Visit

NOTHING: Final = mark("There is nothing to undo: you have decided nothing here within the last hour, or it is undone.")
IMPOSSIBLE: Final = mark("Nothing of it can be undone.")
UNTAKEN: Final = mark("It could not be written. Try again: it counts once.")


async def show_undo(visit: Visit) -> Response:
    """What would undo the last decision, or the one of a key."""
    outcome, found = await _reversals(visit, visit.request.query_params.get("key"))
    return _shown(visit, outcome, found, new_key())


async def undo_it(visit: Visit) -> Response:
    """Undoes it."""
    given = await visit.form()
    key, kept = key_of(str(given["key"])) if given.get("key") else new_key(), Outcomes(visit.parts.own)
    if (known := await visit.own(kept.find, key, visit.person.by, visit.now)) is not None:
        return await sent_answer(visit, known)
    outcome, found = await _reversals(visit, str(given.get("of", "")))
    fresh = outcome_of_undo(visit, key, outcome, found)
    if not fresh.items:
        return _shown(visit, outcome, found, key, visit.say(IMPOSSIBLE), 422)
    try:
        results = await desk(visit).take(visit.person, decisions_that_undo(fresh, found, decision_id_start(fresh)))
    except UntakenError as error:
        return _shown(visit, outcome, found, key, f"{visit.say(UNTAKEN)} ({error})", 503)
    for item, result in zip(fresh.items, results, strict=True):
        item.status, item.reason, item.detail = result.status, result.reason, result.detail
    await visit.own(kept.add, fresh)
    if fresh.accepted:
        await visit.own(kept.undone, outcome.key, key)
    visit.parts.heads.forget()
    return await sent_answer(visit, fresh)


async def _reversals(visit: Visit, key: str | None) -> tuple[Outcome, list[Reversal]]:
    kept = Outcomes(visit.parts.own)
    if key:
        outcome = await visit.own(kept.find, key_of(key), visit.person.by, visit.now)
    else:
        outcome = await visit.own(kept.latest, visit.person.by, visit.now)
    if outcome is None or outcome.undone_by is not None:
        raise BadRequestError(visit.say(NOTHING))
    refusals = await visit.own(desk(visit).refusals, [item.decision for item in outcome.accepted])
    return outcome, await reversals(visit, await visit.read(watched, outcome, refusals, visit.now))


def _shown(visit: Visit, outcome: Outcome, found: list[Reversal], key: str, problem: str = "", status: int = 200) -> Response:
    context = {"outcome": outcome, "verb": VERBS[outcome.verb], "reversals": found, "key": key, "problem": problem}
    if visit.wants_fragment:
        return visit.fragment("decide/undo_body.html", status=status, **context)
    return visit.page("decide/undo.html", status=status, **context)


ROUTES: Final = (
    Route("undo", "/undo", show_undo, Needs.READ),
    Route("undo_it", "/undo", undo_it, Needs.READ, ("POST",)),
)
