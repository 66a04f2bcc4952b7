"""Log in with the provider: to it, and back from it."""

from __future__ import annotations

import hmac
from typing import Final

from starlette.responses import RedirectResponse, Response

from dataflows.console.access import Needs
from dataflows.console.cookies import forget_state, keep_state, state_of
from dataflows.console.people.directory import PeopleError
from dataflows.console.people.oidc import NotVouchedError, OidcLogIn, ProviderError
from dataflows.console.routes import Route
from dataflows.console.text import mark
from dataflows.console.views.login import begin
from dataflows.console.visit import NotHereError, Visit

AWAY: Final = mark("The provider does not answer. Try again, or log in with a password.")
REFUSED: Final = mark("You cannot log in this way: the provider does not vouch for you, or gives you no role here.")


async def to_provider(visit: Visit) -> Response:
    """Sends the browser to the provider."""
    log_in = _log_in(visit)
    back = visit.local(visit.request.query_params.get("back"))
    try:
        url, state = await visit.own(log_in.begin, _redirect(visit), back, visit.now)
    except ProviderError as error:
        return _problem(visit, AWAY, "provider", error)
    response = RedirectResponse(url, 303)
    keep_state(response, visit.parts.settings, state)
    return response


async def from_provider(visit: Visit) -> Response:
    """Begins a session of whom the provider vouches for."""
    log_in = _log_in(visit)
    given = visit.request.query_params
    state, kept = given.get("state", ""), visit.request.cookies.get(state_of(visit.parts.settings), "")
    try:
        if not state or not hmac.compare_digest(state.encode(), kept.encode()):
            raise NotVouchedError("the state is another browser's")
        if "code" not in given:
            raise NotVouchedError("the provider gave no code")
        known, back = await visit.own(log_in.end, given["code"], state, _redirect(visit), visit.now)
    except ProviderError as error:
        response = _problem(visit, AWAY, "provider", error)
    except (NotVouchedError, PeopleError) as error:
        response = _problem(visit, REFUSED, "", error)
    else:
        visit.parts.metrics.logged_in("oidc", "done")
        response = await begin(visit, known, "oidc", visit.local(back))
    forget_state(response, visit.parts.settings)
    return response


def _log_in(visit: Visit) -> OidcLogIn:
    found = visit.parts.oidc
    if found is None:
        raise NotHereError
    return found


def _redirect(visit: Visit) -> str:
    """Where the provider sends the browser back to: it must be known to the provider."""
    url = visit.request.url
    return f"{url.scheme}://{url.netloc}{visit.url('oidc_back')}"


def _problem(visit: Visit, text: str, failure: str, error: Exception) -> Response:
    visit.parts.metrics.refused_by_provider(failure, str(error))
    visit.parts.metrics.logged_in("oidc", "refused")
    return visit.page("login.html", status=401, back=visit.local(None), name="", problem=visit.say(text), first=False)


ROUTES: Final = (
    Route("oidc", "/login/provider", to_provider, Needs.OPEN),
    Route("oidc_back", "/login/back", from_provider, Needs.OPEN),
)
