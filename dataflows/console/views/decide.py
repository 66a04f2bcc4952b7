"""Decisions: their form, what they would do, sending them, what became of them, undoing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.background import BackgroundTask
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.deciding.forming import CONFIRMED, DecisionForm
from dataflows.console.deciding.outcomes import Outcome, Outcomes
from dataflows.console.deciding.reading import Targets, named, targets
from dataflows.console.deciding.sending import desk, key_of, new_key, outcome_of, send, send_parts, to_be_sent
from dataflows.console.deciding.undoing import undo
from dataflows.console.deciding.verbs import MOST, VERBS
from dataflows.console.deciding.watching import Watched, unwatched, watched
from dataflows.console.routes import Route
from dataflows.console.selecting import chosen
from dataflows.console.taking import UntakenError
from dataflows.console.text import mark
from dataflows.console.visit import BadRequestError, NotHereError, Visit
from dataflows.ingest.decisions.expected import StoreDownError

CHANGED: Final = mark(
    "Somebody was quicker: it has changed since you read it. What you typed is kept; look at what changed, and send it again."
)
UNTAKEN: Final = mark("It could not be written, and is not known to be in the log. Send it again: it counts once.")
REFUSED: Final = mark("It was refused: %(detail)s.")
NOTHING: Final = mark("Choose at least one row first.")
TOO_MANY: Final = mark("At most %(most)s can be decided at once.")
SENT: Final = ("send",)
SPOKEN: Final = "orderwatch-spoken"
"""The event that tells a page that the engine has spoken of a decision: what it shows is looked at anew."""


async def show_form(visit: Visit) -> Response:
    """The form of a decision, by a link."""
    query = visit.request.query_params
    fields = {name: value for name, value in query.items() if name not in ("x", "a")}
    form = await _form(visit, fields, query.getlist("x"), query.getlist("a"), new_key())
    return form.page()


async def take_form(visit: Visit) -> Response:
    """The form again with what was typed and what it would do; or the decision itself."""
    given = await visit.form()
    fields = {name: value for name, value in given.items() if isinstance(value, str) and name not in ("x", "a", "all", "match")}
    about = [str(one) for one in given.getlist("a")]
    cases = await _chosen(visit, given)
    key = key_of(fields["key"]) if fields.get("key") else new_key()
    if (known := await visit.own(_kept(visit).find, key, visit.person.by, visit.now)) is not None and fields.get("step") in SENT:
        return await sent_answer(visit, known)
    form = await _form(visit, fields, cases, about, key)
    if fields.get("step") not in SENT:
        return form.page()
    if form.wording.problems or form.problem:
        return form.page(status=422)
    if form.needs_confirmation and fields.get(CONFIRMED) != form.digest:
        return form.page(confirm=True)
    return await _sent(form)


async def show_outcome(visit: Visit) -> Response:
    """What became of a decision."""
    seen = await _watched(visit, await _found(visit, visit.request.path_params["key"]))
    if visit.wants_fragment:
        response = visit.fragment("decide/outcome.html", seen=seen, verb=VERBS[seen.outcome.verb])
        if not seen.pending:
            response.headers["HX-Trigger"] = SPOKEN
        return response
    return visit.page("decide/decided.html", seen=seen, verb=VERBS[seen.outcome.verb])


async def send_rest(visit: Visit) -> Response:
    """Sends what of a large decision could not be sent."""
    outcome = await _found(visit, visit.request.path_params["key"])
    if not outcome.waiting or "to_send" not in outcome.data:
        return visit.done(visit.url("decided", key=outcome.key))
    desk(visit)
    response = await sent_answer(visit, outcome)
    response.background = BackgroundTask(send_parts, visit, VERBS[outcome.verb], outcome, _kept(visit))
    return response


async def _form(visit: Visit, fields: dict[str, str], cases: list[str], about: list[str], key: str) -> DecisionForm:
    verb = VERBS.get(fields.get("do", ""))
    if verb is None:
        raise NotHereError
    if not verb.allowed(visit.person.roles):
        raise HTTPException(403)
    desk(visit)
    wanted = named(about if verb.about == "action" else cases)
    if verb.about == "automation":
        found = Targets()
    elif not wanted:
        raise BadRequestError(visit.say(NOTHING))
    elif len(wanted) > (MOST if verb.several else 1):
        raise BadRequestError(visit.say(TOO_MANY, most=MOST if verb.several else 1))
    else:
        found = await targets(visit, verb, wanted)
    form = DecisionForm(visit, verb, found, fields, key, visit.local(fields.get("back") or visit.came_from()))
    await form.read()
    return form


async def _chosen(visit: Visit, given: FormData) -> list[str]:
    """The cases that a form names: by boxes, or all of a list's filter."""
    if not given.get("all"):
        return [str(one) for one in given.getlist("x")]
    found = await chosen(visit, given, MOST)
    return [f"{row.exception_id}:{row.sequence}" for row in found.rows]


async def _sent(form: DecisionForm) -> Response:
    """Sends it. One thing is answered with what became of it; of many the page shows how far it is."""
    visit, verb = form.visit, form.verb
    if verb.about == "order" and form.exception_known:
        form.wording.data["exception_id"] = form.targets.cases[0].row.exception_id
    outcome, kept = outcome_of(visit, verb, form.key, form.targets, form.wording, form.back), _kept(visit)
    if len(outcome.items) > 1:
        to_be_sent(outcome, form.wording)
        fresh = await visit.own(kept.add, outcome)
        response = await sent_answer(visit, outcome)
        if fresh:
            response.background = BackgroundTask(send_parts, visit, verb, outcome, kept)
        return response
    try:
        await send(visit, verb, outcome, outcome.items, form.wording)
    except UntakenError as error:
        form.problem = f"{visit.say(UNTAKEN)} ({error})"
        return form.page(status=503)
    item = outcome.items[0]
    if item.status == "refused":
        return await _refused(form, item.reason, item.detail, item.before)
    await visit.own(kept.add, outcome)
    visit.parts.heads.forget()
    return await sent_answer(visit, outcome)


async def sent_answer(visit: Visit, outcome: Outcome) -> Response:
    """What became of a decision that was just sent: on the page that asked for it in place, else on one of its own."""
    if not visit.wants_fragment:
        return visit.done(visit.url("decided", key=outcome.key))
    try:
        seen = await _watched(visit, outcome)
    except StoreDownError:
        seen = unwatched(outcome, visit.now)  # It is taken in all the same, and that is what is told.
    undoable = outcome.undoes is None and any(undo(outcome.verb, item, outcome.data, visit.now).possible for item in outcome.items)
    response = visit.fragment("decide/answered.html", seen=seen, verb=VERBS[outcome.verb], undoable=undoable)
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#told", "innerHTML"
    return response


async def _refused(form: DecisionForm, reason: str | None, detail: str | None, more: Mapping[str, Any]) -> Response:
    """The form again, with what was typed: what has changed meanwhile is shown, and what is sent next is about that."""
    visit = form.visit
    if reason != "changed":
        form.problem = visit.say(REFUSED, detail=detail or reason)
        return form.page(status=422)
    fresh = await _form(
        visit,
        form.fields,
        [one.row.exception_id for one in form.targets.cases],
        [one.about.row.action_id for one in form.targets.actions],
        form.key,
    )
    fresh.problem, fresh.changes = visit.say(CHANGED), more.get("changes") or ()
    if not fresh.changes and detail:
        fresh.problem = f"{fresh.problem} ({detail})"
    return fresh.page(status=409)


async def _found(visit: Visit, key: str) -> Outcome:
    found = await visit.own(_kept(visit).find, key, visit.person.by, visit.now)
    if found is None:
        raise NotHereError
    return found


async def _watched(visit: Visit, outcome: Outcome) -> Watched:
    refusals = await visit.own(desk(visit).refusals, [item.decision for item in outcome.accepted])
    return await visit.read(watched, outcome, refusals, visit.now)


def _kept(visit: Visit) -> Outcomes:
    return Outcomes(visit.parts.own)


ROUTES: Final = (
    Route("decide", "/decide", show_form, Needs.READ),
    Route("decide_it", "/decide", take_form, Needs.READ, ("POST",)),
    Route("decided", "/decided/{key}", show_outcome, Needs.READ),
    Route("decide_rest", "/decided/{key}", send_rest, Needs.READ, ("POST",)),
)
