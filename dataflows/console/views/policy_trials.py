"""Back-tests and dry runs of a draft: asked for, watched, read, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from starlette.responses import Response, StreamingResponse

from dataflows.console.access import Needs
from dataflows.console.govern.findings import differences_csv, read_report, read_standing
from dataflows.console.govern.holding import policy_in_force
from dataflows.console.govern.in_force import PolicyUnknownError
from dataflows.console.govern.links import Links
from dataflows.console.govern.opening import parts_for
from dataflows.console.govern.trials import BACKTEST, DRY_RUN, NewTrial, PolicyTrial, TrialError
from dataflows.console.routes import Route
from dataflows.console.views.policy_drafts import FOR_ALL, draft_of, for_all_tenants
from dataflows.console.visit import BadRequestError, NotHereError, Visit
from dataflows.detect.backtest.report import Example
from sinks.cases.queries.rejected import last_erasure
from sinks.cases.queries.wanted import FilterError

KINDS: Final = (BACKTEST, DRY_RUN)
DRY_DAYS: Final = 90
"""How far back a dry run looks: what was said and over before then does not count."""


async def start_trial(visit: Visit) -> Response:
    """Has a back-test or a dry run begin."""
    draft = await draft_of(visit)
    if not for_all_tenants(visit):
        raise BadRequestError(visit.say(FOR_ALL))
    form = await visit.form()
    kind = str(form.get("kind", BACKTEST))
    if kind not in KINDS:
        raise FilterError(f"kind is one of {', '.join(KINDS)}")
    since, until = _window(visit, kind, str(form.get("since", "")), str(form.get("until", "")))
    policy, _ = await visit.own(draft.examined)
    if policy is None:
        raise BadRequestError(visit.say("It has mistakes: mend them first."))
    try:
        found = await policy_in_force(visit)
    except PolicyUnknownError as error:
        raise BadRequestError(str(error)) from error
    wanted = NewTrial(
        kind,
        draft.draft_id,
        visit.person.by,
        (found.policy.version, found.text),
        (policy.version, draft.text),
        policy.name,
        since,
        until,
    )
    try:
        trial_id = await visit.own(parts_for(visit).trials.start, wanted, visit.now)
    except TrialError as error:
        raise BadRequestError(str(error)) from error
    return visit.done(visit.url("policy_trial", trial_id=trial_id))


def _window(visit: Visit, kind: str, since: str, until: str) -> tuple[datetime | None, datetime]:
    """From when on what is said counts, and up to when time passes. Raises FilterError."""
    if kind == DRY_RUN:
        return visit.now - timedelta(days=DRY_DAYS), visit.now
    begin = _day(visit, since) if since else None
    end = min(_day(visit, until) + timedelta(days=1), visit.now) if until else visit.now
    if begin is not None and begin >= end:
        raise FilterError("the window ends before it begins")
    return begin, end


def _day(visit: Visit, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=visit.zone)
    except ValueError:
        raise FilterError(f"{text!r} is no day; write it like 2026-04-24") from None


async def show_trials(visit: Visit) -> Response:
    """All trials, the newest first."""
    await _forget_erased(visit)
    return visit.page("policy/trials.html", trials=await visit.own(parts_for(visit).trials.latest, visit.now))


async def show_trial(visit: Visit) -> Response:
    """One of them: how far it is, or what it found."""
    trial = await _trial(visit)
    folder = parts_for(visit).trials.folder_of(trial.trial_id)
    report = await visit.own(read_report, folder) if trial.state == "done" else None
    standing = await visit.own(read_standing, folder) if report is not None and trial.kind == DRY_RUN else None
    if visit.wants_fragment and trial.under_way:
        return visit.fragment("policy/progress.html", trial=trial)
    if report is not None:
        await visit.reads("export", f"trial/{trial.trial_id}", len(report.examples))
    examples = _grouped(() if report is None else report.examples)
    standing_examples = _grouped(() if standing is None else standing.examples)
    response = visit.page(
        "policy/trial.html",
        trial=trial,
        report=report,
        dry=standing,
        examples=examples,
        dry_examples=standing_examples,
        links=Links(visit),
        at=datetime.fromisoformat,
    )
    if visit.wants_fragment:
        response.headers["HX-Refresh"] = "true"
    return response


def _grouped(examples: Sequence[Example]) -> list[tuple[str, str, list[Example]]]:
    """Examples by kind and what is different."""
    return [(kind, change, [*some]) for (kind, change), some in groupby(examples, key=lambda one: (one.kind, one.change))]


async def cancel_trial(visit: Visit) -> Response:
    """Ends one: the person's own, or an administrator anybody's."""
    trial = await _trial(visit)
    if trial.by != visit.person.by and not visit.person.may(Needs.ADMIN):
        raise BadRequestError(visit.say("It is somebody else's: who asked for it, or an administrator, ends it."))
    await visit.own(parts_for(visit).trials.cancel, trial.trial_id, visit.now)
    return visit.done(visit.url("policy_trial", trial_id=trial.trial_id), visit.say("It was ended."))


async def export_trial(visit: Visit) -> Response:
    """The exceptions that differ, as CSV."""
    trial = await _trial(visit)
    try:
        lines = await visit.own(differences_csv, parts_for(visit).trials.folder_of(trial.trial_id))
    except OSError as error:
        raise NotHereError from error
    await visit.reads("export", f"trial/{trial.trial_id}")
    name = f"{trial.kind}-{trial.new_version}.csv"
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})


async def _trial(visit: Visit) -> PolicyTrial:
    """The one that the URL names. Raises NotHereError."""
    if not for_all_tenants(visit):
        raise NotHereError
    await _forget_erased(visit)
    found = await visit.own(parts_for(visit).trials.find, str(visit.request.path_params["trial_id"]), visit.now)
    if found is None:
        raise NotHereError
    return found


async def _forget_erased(visit: Visit) -> None:
    """Results that may name an order that was erased since are dropped."""
    at = await visit.read(last_erasure)
    if at is not None:
        await visit.own(parts_for(visit).trials.drop, at)


ROUTES: Final = (
    Route("policy_try", "/policy/drafts/{draft_id}/try", start_trial, Needs.POLICY, ("POST",)),
    Route("policy_trials", "/policy/trials", show_trials, Needs.POLICY),
    Route("policy_trial", "/policy/trials/{trial_id}", show_trial, Needs.POLICY),
    Route("policy_cancel", "/policy/trials/{trial_id}/cancel", cancel_trial, Needs.POLICY, ("POST",)),
    Route("policy_export", "/policy/trials/{trial_id}/differences.csv", export_trial, Needs.POLICY),
)
