"""People: invited, given roles and a scope, disabled; their sessions. For administrators; and the page on which an invitation is used."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import FormData
from starlette.responses import Response

from dataflows.console.access import FOR_PEOPLE, Needs, PersonScope
from dataflows.console.govern.invitations import VALID, InvitationError, accept, invite, open_invitations
from dataflows.console.people.directory import KnownPerson, PeopleError
from dataflows.console.people.passwords import WeakPasswordError
from dataflows.console.routes import Route
from dataflows.console.visit import BadRequestError, NotHereError, Visit
from schemas.roles import ADMIN, ROLES

ADDRESS: Final = "unknown"


async def show_people(visit: Visit) -> Response:
    """Everybody, and the form that adds somebody."""
    return await _people(visit, None, {})


async def _people(visit: Visit, problem: str | None, given: dict[str, str]) -> Response:
    everybody = await visit.own(visit.parts.directory.everybody)
    invited = await visit.own(open_invitations, visit.parts.own, visit.now)
    status = 200 if problem is None else 400
    return visit.page("people/list.html", status=status, everybody=everybody, invited=invited, roles=_roles(), problem=problem, given=given)


def _roles() -> list[tuple[str, str]]:
    return [(name, ROLES[name]) for name in FOR_PEOPLE]


def _given(form: FormData) -> tuple[list[str], PersonScope]:
    """The roles and the scope that a form states."""
    roles = [*map(str, form.getlist("role")), *str(form.get("other_roles", "")).replace(",", " ").split()]
    parts = (tuple(str(form.get(name, "*")).replace(",", " ").split()) for name in ("tenants", "teams", "sites"))
    return roles, PersonScope(*(part or ("*",) for part in parts))


async def add_person(visit: Visit) -> Response:
    """Adds somebody, and shows their invitation, this once."""
    form = await visit.form()
    name = str(form.get("name", "")).strip().lower()
    roles, scope = _given(form)
    try:
        await visit.own(visit.parts.directory.add, name, roles, scope, by=visit.person.by, at=visit.now)
    except PeopleError as error:
        return await _people(visit, str(error), {key: str(value) for key, value in form.items()})
    return await _invited(visit, name)


async def _invited(visit: Visit, name: str) -> Response:
    """Shows a new code: on this page alone, in no URL that is asked for."""
    code = await visit.own(invite, visit.parts.own, name, visit.person.by, visit.now)
    origin = f"{visit.request.url.scheme}://{visit.request.url.netloc}"
    link = f"{origin}{visit.url('invitation')}#{code}"
    return visit.page("people/invited.html", name=name, code=code, link=link, ends=visit.now + VALID)


async def _known(visit: Visit) -> KnownPerson:
    found = await visit.own(visit.parts.directory.find, str(visit.request.path_params["who"]))
    if found is None:
        raise NotHereError
    return found


async def show_person(visit: Visit) -> Response:
    """One person: roles, scope, sessions."""
    return await _person(visit, await _known(visit), None)


async def _person(visit: Visit, known: KnownPerson, problem: str | None) -> Response:
    sessions = await visit.own(visit.parts.sessions.of, known.person.name, visit.now)
    invited = (await visit.own(open_invitations, visit.parts.own, visit.now)).get(known.person.name)
    status = 200 if problem is None else 400
    own = [role for role in known.person.roles if role not in FOR_PEOPLE]
    return visit.page(
        "people/person.html",
        status=status,
        known=known,
        sessions=sessions,
        invited=invited,
        roles=_roles(),
        own=own,
        problem=problem,
        mine=visit.session.digest if visit.session else "",
    )


async def _last_admin(visit: Visit, name: str) -> bool:
    """Whether somebody is the only one who administers: without them nobody could let anybody in."""
    everybody = await visit.own(visit.parts.directory.everybody)
    return [one.person.name for one in everybody if ADMIN in one.person.roles and not one.disabled] == [name]


async def change_person(visit: Visit) -> Response:
    """Gives somebody other roles or another scope."""
    known, form = await _known(visit), await visit.form()
    roles, scope = _given(form)
    if ADMIN not in roles and await _last_admin(visit, known.person.name):
        return await _person(visit, known, visit.say("Nobody else is an administrator: make somebody one first."))
    try:
        await visit.own(visit.parts.directory.change, known.person.name, roles=roles, scope=scope, by=visit.person.by, at=visit.now)
    except PeopleError as error:
        return await _person(visit, known, str(error))
    return visit.done(visit.url("person", who=known.person.name), visit.say("It holds from the next request on."))


async def disable_person(visit: Visit) -> Response:
    """Keeps somebody out, or lets them in again."""
    known, form = await _known(visit), await visit.form()
    disabled = form.get("do") == "disable"
    if disabled and await _last_admin(visit, known.person.name):
        return await _person(visit, known, visit.say("Nobody else is an administrator: make somebody one first."))
    await visit.own(visit.parts.directory.disable, known.person.name, disabled=disabled, by=visit.person.by, at=visit.now)
    said = visit.say("They cannot log in any more; their sessions are over.") if disabled else visit.say("They can log in again.")
    return visit.done(visit.url("person", who=known.person.name), said)


async def invite_again(visit: Visit) -> Response:
    """A new invitation, by which the password is set anew; the old password holds until then."""
    known = await _known(visit)
    if known.disabled:
        raise BadRequestError(visit.say("Whoever is disabled is not invited: let them in again first."))
    return await _invited(visit, known.person.name)


async def end_session(visit: Visit) -> Response:
    """Ends a session of somebody."""
    known, form = await _known(visit), await visit.form()
    digest = str(form.get("session", ""))
    own = {one.digest for one in await visit.own(visit.parts.sessions.of, known.person.name, visit.now)}
    if digest in own:
        await visit.own(visit.parts.sessions.end, digest, by=visit.person.by, at=visit.now, what="session_ended")
    return visit.done(visit.url("person", who=known.person.name), visit.say("The session was ended."))


async def show_invitation(visit: Visit) -> Response:
    """The form in which somebody sets their password. The code stands behind the #, which no server sees, or is typed in."""
    return visit.page("people/invitation.html", problem=None)


async def use_invitation(visit: Visit) -> Response:
    """Sets the password, if the code is one that was not used."""
    form = await visit.form()
    code, password = str(form.get("code", "")), str(form.get("password", ""))
    address = visit.request.client.host if visit.request.client else ADDRESS
    # Counted apart from log-ins: nobody types many codes, and an office that mistypes its passwords is not to be kept from its invitations.
    subjects = (f"invitation:{address}",)
    if wait := await visit.own(visit.parts.attempts.wait, subjects, visit.now):
        problem = visit.say("Too many failed attempts. Try again in %(span)s.", span=visit.seconds(wait.total_seconds()))
        return visit.page("people/invitation.html", status=429, problem=problem)
    try:
        name = await visit.own(accept, visit.parts.own, visit.parts.directory, code, password, visit.now)
    except InvitationError:
        await visit.own(visit.parts.attempts.failed, subjects, visit.now)
        problem = visit.say("This invitation is over, was used, or never was. Ask an administrator for another one.")
        return visit.page("people/invitation.html", status=400, problem=problem)
    except (WeakPasswordError, PeopleError) as error:
        return visit.page("people/invitation.html", status=400, problem=str(error))
    return visit.page("people/welcome.html", name=name)


ROUTES: Final = (
    Route("people", "/people", show_people, Needs.ADMIN),
    Route("people_add", "/people", add_person, Needs.ADMIN, ("POST",)),
    Route("person", "/people/{who}", show_person, Needs.ADMIN),
    Route("person_change", "/people/{who}/change", change_person, Needs.ADMIN, ("POST",)),
    Route("person_disable", "/people/{who}/standing", disable_person, Needs.ADMIN, ("POST",)),
    Route("person_invite", "/people/{who}/invitation", invite_again, Needs.ADMIN, ("POST",)),
    Route("person_session", "/people/{who}/sessions", end_session, Needs.ADMIN, ("POST",)),
    Route("invitation", "/invitation", show_invitation, Needs.OPEN),
    Route("invitation_use", "/invitation", use_invitation, Needs.OPEN, ("POST",)),
)
