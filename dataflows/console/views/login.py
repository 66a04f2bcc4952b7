"""Log in and out, with a name and a password."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from dataflows.console.access import NOBODY, Needs
from dataflows.console.cookies import forget_session, keep_session
from dataflows.console.people.attempts import ADDRESS
from dataflows.console.people.directory import KnownPerson, note_failure
from dataflows.console.people.oidc import ProviderError
from dataflows.console.routes import Route
from dataflows.console.text import mark
from dataflows.console.visit import Visit

REFUSED: Final = mark("Name and password do not fit, or this name may not log in.")
SLOWED: Final = mark("Too many failed attempts. Try again in %(span)s.")
NOT_SAID: Final = "unknown"


async def show_log_in(visit: Visit) -> Response:
    """The form."""
    back = visit.local(visit.request.query_params.get("back"))
    if visit.person.is_known:
        return visit.done(back)
    return visit.page("login.html", back=back, name="", problem=None, first=await visit.own(visit.parts.directory.count) == 0)


async def log_in(visit: Visit) -> Response:
    """Begins a session, if name and password fit."""
    form = await visit.form()
    name, password = str(form.get("name", "")).strip().lower()[:200], str(form.get("password", ""))
    back = visit.local(str(form.get("back", "")))
    address = visit.request.client.host if visit.request.client else NOT_SAID
    subjects = (f"name:{name}", f"{ADDRESS}{address}")
    parts = visit.parts

    def attempt() -> KnownPerson | float:
        """Who it is, or how many seconds are to be waited; below nothing: it was refused."""
        if wait := parts.attempts.wait(subjects, visit.now):
            return wait.total_seconds()
        found = parts.directory.verified(name, password)
        if found is None:
            parts.attempts.failed(subjects, visit.now)
            note_failure(parts.own, visit.now)
            return -1.0
        parts.attempts.succeeded(subjects[0])
        return found

    found = await visit.own(attempt)
    if isinstance(found, KnownPerson):
        parts.metrics.logged_in("password", "done")
        return await begin(visit, found, "password", back)
    slowed = found >= 0
    parts.metrics.logged_in("password", "slowed" if slowed else "refused")
    problem = visit.say(SLOWED, span=visit.seconds(found)) if slowed else visit.say(REFUSED)
    response = visit.page("login.html", status=429 if slowed else 401, back=back, name=name, problem=problem, first=False)
    if slowed:
        response.headers["Retry-After"] = str(int(found) + 1)
    return response


async def begin(visit: Visit, known: KnownPerson, way: str, back: str) -> Response:
    """Begins a session of somebody; the one that there was ends."""
    sessions = visit.parts.sessions
    if visit.session is not None:
        await visit.own(sessions.end, visit.session.digest, by=visit.person.by, at=visit.now)
    id_ = await visit.own(sessions.begin, known.person.name, way, visit.request.headers.get("user-agent"), visit.now)
    response = visit.done(back)
    keep_session(response, visit.parts.settings, id_)
    return response


async def log_out(visit: Visit) -> Response:
    """Ends the session; whoever came by the provider may end that one's, too."""
    came_by = None
    if visit.session is not None:
        came_by = visit.session.way
        await visit.own(visit.parts.sessions.end, visit.session.digest, by=visit.person.by, at=visit.now)
        visit.session, visit.person = None, NOBODY
    response = await _left_provider(visit) if came_by == "oidc" and visit.parts.settings.oidc_log_out else visit.done(visit.url("login"))
    forget_session(response, visit.parts.settings)
    return response


async def _left_provider(visit: Visit) -> Response:
    """A page that leads on to the provider: browsers let no form do so that may only be sent to the console itself."""
    oidc, url = visit.parts.oidc, visit.request.url
    if oidc is None:
        return visit.done(visit.url("login"))
    try:
        where = await visit.own(oidc.log_out, f"{url.scheme}://{url.netloc}{visit.url('login')}", visit.now)
    except ProviderError as error:
        visit.parts.metrics.failed("provider", "whoever logged out is not led on to the provider", error=str(error))
        return visit.page("logged_out.html", where=None, provider=visit.parts.settings.oidc_name)
    if where is None:
        return visit.done(visit.url("login"))
    return visit.page("logged_out.html", where=where, provider=visit.parts.settings.oidc_name)


async def extend(visit: Visit) -> Response:
    """That somebody is still there: the request itself has extended the session."""
    return visit.fragment("session.html") if visit.wants_fragment else visit.done(visit.local(None))


ROUTES: Final = (
    Route("login", "/login", show_log_in, Needs.OPEN),
    Route("log_in", "/login", log_in, Needs.OPEN, ("POST",)),
    Route("logout", "/logout", log_out, Needs.SIGNED_IN, ("POST",)),
    Route("extend", "/session", extend, Needs.SIGNED_IN, ("POST",)),
)
