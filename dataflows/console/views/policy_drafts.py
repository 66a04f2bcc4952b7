"""Another policy: given, checked, compared with the one that holds, and activated."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.govern.activating import ActivationCheck, activation_check, activation_of
from dataflows.console.govern.drafts import PolicyDraft, add_draft, find_draft, latest_drafts, line_diff
from dataflows.console.govern.holding import policy_in_force
from dataflows.console.govern.in_force import PolicyInForce, PolicyUnknownError
from dataflows.console.govern.opening import parts_for
from dataflows.console.people.directory import enter
from dataflows.console.routes import Route
from dataflows.console.taking import UntakenError, decision_id
from dataflows.console.text import mark
from dataflows.console.visit import BadRequestError, NotHereError, Visit
from dataflows.core.policy import Policy
from dataflows.core.policy.diff import PolicyDiff, diff, words
from schemas.roles import may_decide
from schemas.tree import GREATEST_SIZE
from sinks.cases.schema import writing

LONGEST_NAME: Final = 120
LONGEST_NOTE: Final = 2_000
FOR_ALL: Final = mark("A policy holds for all tenants: only who sees all of them tries and activates one.")
EMPTY: Final = mark("There is no policy in it: paste one, or choose a file.")
TOO_LARGE: Final = mark("A policy has at most 256 KiB.")
NO_TEXT: Final = mark("The file is no text in UTF-8.")
NO_NOTE: Final = mark("Say why: a note is needed.")


def for_all_tenants(visit: Visit) -> bool:
    """Whether somebody sees all there is: a policy is tried on, and holds for, everything."""
    return visit.person.scope.is_whole


async def draft_of(visit: Visit) -> PolicyDraft:
    """The draft that the URL names. Raises NotHereError."""
    found = await visit.own(find_draft, visit.parts.own, str(visit.request.path_params["draft_id"]))
    if found is None:
        raise NotHereError
    return found


async def show_edit(visit: Visit) -> Response:
    """The form: paste a policy, or choose a file; what was given before."""
    text = name = ""
    if (draft_id := visit.request.query_params.get("draft")) is not None:
        draft = await visit.own(find_draft, visit.parts.own, draft_id)
        if draft is None:
            raise NotHereError
        text, name = draft.text, draft.name
    elif visit.request.query_params.get("from") == "in_force":
        try:
            found = await policy_in_force(visit)
        except PolicyUnknownError as error:
            raise BadRequestError(str(error)) from error
        text, name = found.text, f"{found.policy.name}.yaml"
    return await _edit(visit, text, name, None)


async def _edit(visit: Visit, text: str, name: str, problem: str | None) -> Response:
    latest = await visit.own(latest_drafts, visit.parts.own)
    status = 200 if problem is None else 400
    return visit.page("policy/edit.html", status=status, text=text, name=name, problem=problem, latest=latest)


async def keep_draft(visit: Visit) -> Response:
    """Keeps what was given, and leads to what is to be said of it."""
    form = await visit.form()
    try:
        text, name = await _given(form)
    except UnicodeDecodeError:
        return await _edit(visit, str(form.get("text", "")), str(form.get("name", "")), visit.say(NO_TEXT))
    finally:
        await form.close()
    text = text.replace("\r\n", "\n")
    if not text.strip():
        return await _edit(visit, text, name, visit.say(EMPTY))
    if len(text.encode()) > GREATEST_SIZE:
        return await _edit(visit, text, name, visit.say(TOO_LARGE))
    draft_id = await visit.own(add_draft, visit.parts.own, name or "policy.yaml", text, visit.person.by, visit.now)
    return visit.done(visit.url("policy_draft", draft_id=draft_id))


async def _given(form: FormData) -> tuple[str, str]:
    """The text that a form gives, of its file if there is one, and its name. Raises UnicodeDecodeError."""
    name, upload = str(form.get("name", "")).strip()[:LONGEST_NAME], form.get("file")
    if isinstance(upload, UploadFile) and upload.filename:
        content = await upload.read(GREATEST_SIZE + 1)
        return content.decode("utf-8-sig"), name or upload.filename[:LONGEST_NAME]
    return str(form.get("text", "")), name


async def show_draft(visit: Visit) -> Response:
    """All that is to be said of a draft: mistakes, what changes, what stands in the way of activating it."""
    return await _draft(visit, await draft_of(visit), None, "")


async def _draft(visit: Visit, draft: PolicyDraft, problem: str | None, note: str) -> Response:
    policy, problems = await visit.own(draft.examined)
    found: PolicyInForce | None = None
    unknown: str | None = None
    try:
        found = await policy_in_force(visit)
    except PolicyUnknownError as error:
        unknown = str(error)
    changes: PolicyDiff | None = None
    check: ActivationCheck | None = None
    lines = () if found is None else tuple(await visit.own(lambda: [*line_diff(found.text, draft.text)]))
    if policy is not None and found is not None:
        changes = await visit.own(diff, found.policy, policy)
        check = await visit.own(_check, visit, found.policy, policy, draft.text)
    mine = [one for one in await visit.own(parts_for(visit).trials.latest, visit.now) if one.draft_id == draft.draft_id]
    return visit.page(
        "policy/draft.html",
        status=200 if problem is None else 400,
        draft=draft,
        policy=policy,
        mistakes=[one for one in problems if not one.warning],
        warnings=[one for one in problems if one.warning],
        texts=draft.text.splitlines(),
        marks={one.line: "warned" if one.warning else "wrong" for one in sorted(problems, key=lambda one: not one.warning)},
        found=found,
        unknown=unknown,
        changes=changes,
        lines=lines,
        check=check,
        trials=mine,
        whole=for_all_tenants(visit),
        may_activate=may_decide(visit.person.roles, "policy.activated"),
        key=secrets.token_hex(12),
        problem=problem,
        note=note,
        until=visit.now,
        words=words,
    )


def _check(visit: Visit, active: Policy, new: Policy, text: str) -> ActivationCheck:
    return activation_check(active, new, text, parts_for(visit).trials.covering(active.version, new.version))


async def activate(visit: Visit) -> Response:
    """Activates a draft: a decision like any other; whether it holds is the engine's to say."""
    draft = await draft_of(visit)
    form = await visit.form()
    note, key = str(form.get("note", "")).strip()[:LONGEST_NOTE], str(form.get("key", ""))[:64]
    if not for_all_tenants(visit):
        return await _draft(visit, draft, visit.say(FOR_ALL), note)
    if not note:
        return await _draft(visit, draft, visit.say(NO_NOTE), note)
    policy, _ = await visit.own(draft.examined)
    try:
        found = await policy_in_force(visit)
    except PolicyUnknownError as error:
        return await _draft(visit, draft, str(error), note)
    if policy is None:
        return await _draft(visit, draft, visit.say("It has mistakes: mend them first."), note)
    check = await visit.own(_check, visit, found.policy, policy, draft.text)
    if not check.possible:
        return await _draft(visit, draft, visit.say("It cannot be activated: what stands in the way is named below."), note)
    if visit.parts.decisions is None:
        return await _draft(visit, draft, visit.say("This console only shows: it has no way to the log of decisions."), note)
    decision = activation_of(policy, draft.text, check.trial, note, key or secrets.token_hex(12))
    try:
        (result,) = await visit.parts.decisions.take(visit.person, [decision])
    except UntakenError as error:
        return await _draft(visit, draft, visit.say("It is not known to be taken in: %(why)s", why=error), note)
    if result.status != "accepted":
        why = ": ".join(part for part in (result.reason, result.detail) if part)
        return await _draft(visit, draft, visit.say("It was refused: %(why)s", why=why), note)
    event_id = decision_id(visit.person, str(decision["id"]))
    detail: Mapping[str, object] = {"version": policy.version, "against": found.policy.version, "event": event_id}
    await visit.own(_entered, visit, "policy_activated", draft.name, detail)
    return visit.done(visit.url("policy_activation", event_id=event_id), visit.say("The activation was taken in."))


def _entered(visit: Visit, what: str, subject: str, detail: Mapping[str, object]) -> None:
    with writing(visit.parts.own).begin() as connection:
        enter(connection, visit.now, visit.person.by, what, subject, detail)


ROUTES: Final = (
    Route("policy_edit", "/policy/edit", show_edit, Needs.POLICY),
    Route("policy_keep", "/policy/edit", keep_draft, Needs.POLICY, ("POST",)),
    Route("policy_draft", "/policy/drafts/{draft_id}", show_draft, Needs.POLICY),
    Route("policy_activate", "/policy/drafts/{draft_id}/activate", activate, Needs.POLICY, ("POST",)),
)
