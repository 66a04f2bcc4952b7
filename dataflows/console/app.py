"""The application: finds who asks, asks the table of `access` whether they may, calls the view, and answers what goes wrong with a page."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from anyio import to_thread
from jinja2 import TemplateError
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount
from starlette.routing import Route as Routed

from dataflows.console.access import Needs
from dataflows.console.assets import serve_assets
from dataflows.console.cookies import cookie_of
from dataflows.console.live.resting import rests
from dataflows.console.parts import HEAD_OLDEST, ConsoleParts
from dataflows.console.routes import Route, every_route
from dataflows.console.safety import SAFE, BodyTooLargeError, Forwarded, RequestGuard
from dataflows.console.text import mark
from dataflows.console.urls import RoutePaths
from dataflows.console.visit import BadRequestError, DoneResponse, NotHereError, Visit
from dataflows.ingest.decisions.expected import StoreDownError
from sinks.cases.queries.wanted import FilterError

BACKGROUND: Final = "Orderwatch-Live"
"""The header of what a page asks for by itself."""
MOST_PLAIN: Final = 1_400
"""Bytes of an answer that are sent as they are: they go in one packet."""
LIVE: Final = "live"
"""The route of the stream of changes."""
SENTENCES: Final = {
    400: (mark("That cannot be done"), mark("The request makes no sense to the console.")),
    403: (mark("Not for your role"), mark("Your roles do not allow this. An administrator can give you another one.")),
    404: (mark("Not here"), mark("There is nothing at this address, or it lies outside of what you may see.")),
    405: (mark("That cannot be done"), mark("This address does not take such a request.")),
    413: (mark("Too large"), mark("What was sent is larger than the console takes.")),
    500: (mark("Something went wrong"), mark("This is a fault of the console; it was logged. What you sent may not have been taken in.")),
    503: (mark("The store does not answer"), mark("Nothing can be shown until it does. This page is tried again by reloading it.")),
}


def application(parts: ConsoleParts, routes: Sequence[Route] | None = None) -> Starlette:
    """The console over its parts; `routes`: all, unless a test gives others."""
    settings = parts.settings
    routes = every_route() if routes is None else routes
    served = [Routed(route.path, _endpoint(route, parts), methods=list(route.methods), name=route.name) for route in routes]

    async def not_there(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        visit = await _visit(request, parts, "")
        return _problem(visit, status if status in SENTENCES else 404)

    served_by = Starlette(
        routes=[*served, Mount("/static", serve_assets, name="static")],
        middleware=[
            Middleware(Forwarded, path=settings.path, proxies=settings.proxies),
            Middleware(RequestGuard, most=settings.max_body_bytes, path=settings.path, hosts=settings.hosts),
            # A page of 100 kB is 12 kB then, at 2 ms. Nothing secret stands in a page; what follows changes is left as it is.
            Middleware(GZipMiddleware, minimum_size=MOST_PLAIN, compresslevel=4),
        ],
        exception_handlers={404: not_there, 405: not_there, HTTPException: not_there},
    )
    served_by.state.paths = RoutePaths({route.name: route.path for route in routes})
    return served_by


def _endpoint(route: Route, parts: ConsoleParts) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        began = time.perf_counter()
        response = await _answered(route, parts, request)
        parts.metrics.answered(route.name, response.status_code, time.perf_counter() - began)
        return response

    return answer


async def _answered(route: Route, parts: ConsoleParts, request: Request) -> Response:
    try:
        visit = await _visit(request, parts, route.name, route.needs)
    except SQLAlchemyError as error:
        parts.metrics.failed("own", "the console's own database does not answer", error=type(error).__name__)
        visit = Visit(request, parts, parts.clock(), route=route.name)
        return _problem(visit, 503, visit.say("The console's own database does not answer."))
    if not visit.person.may(route.needs):
        return _denied(visit)
    try:
        await _head(visit, route)
        response = await route.view(visit)
    except NotHereError:
        return _problem(visit, 404)
    except (BadRequestError, FilterError) as error:
        return _problem(visit, 400, str(error))
    except (BodyTooLargeError, MultiPartException):
        return _problem(visit, 413)
    except StoreDownError as error:
        parts.metrics.failed("store", "the store does not answer", error=str(error))
        return _problem(visit, 503)
    except HTTPException as error:
        return _problem(visit, error.status_code)
    except ClientDisconnect:
        # Whoever sent it has gone on, as from a preview that their decision overtakes: nobody hears this, and nothing is wrong.
        return Response(status_code=400)
    except Exception as error:  # noqa: BLE001 - whoever asked is told, and so are we
        # Its message may quote what it is about; the place is enough to find it.
        said = {"template": str(error)} if isinstance(error, TemplateError) else {}
        parts.metrics.failed("page", "a page failed", route=route.name, error=type(error).__name__, at=_place(error), **said)
        return _problem(visit, 500)
    await _remember(visit, response)
    return response


async def _visit(request: Request, parts: ConsoleParts, route: str, needs: Needs = Needs.OPEN) -> Visit:
    """Who asks, and of pages that follow changes whether theirs do. Raises SQLAlchemyError."""
    now = parts.clock()
    visit = Visit(request, parts, now, route=route)
    id_ = request.cookies.get(cookie_of(parts.settings))
    if id_ and len(id_) < 200:
        # What a page asks for by itself while it is open keeps no session alive.
        used = request.headers.get(BACKGROUND) is None and route != LIVE
        await to_thread.run_sync(partial(_find, visit, id_, needs, used=used))
    return visit


def _find(visit: Visit, id_: str, needs: Needs, *, used: bool) -> None:
    """Blocking."""
    found = visit.parts.sessions.find(id_, visit.now, used=used)
    if found is not None:
        visit.session, known = found
        visit.person = known.person
        visit.rests = needs is Needs.READ and rests(visit.parts.own, known.person.name)


async def _head(visit: Visit, route: Route) -> None:
    """The counts and the standing that each whole page shows; without the store pages that need none of it still work."""
    if route.needs is Needs.OPEN or not visit.person.may(Needs.READ) or visit.request.method not in SAFE:
        return
    heads = visit.parts.heads
    visit.head = heads.kept(visit.person, visit.now)
    if visit.head is None and not visit.wants_fragment:
        asking = replace(visit)  # what is read behind the page's back must not say from where on the page follows changes
        visit.head = heads.kept(visit.person, visit.now, HEAD_OLDEST)
        if visit.head is not None:
            heads.renew(visit.person, lambda: asking.read(heads.read, visit.person, visit.now))
            return
        try:
            visit.head = await heads.asked.get(visit.person.scope, lambda: visit.read(heads.read, visit.person, visit.now))
        except StoreDownError:
            if route.needs is not Needs.SIGNED_IN:
                raise


async def _remember(visit: Visit, response: Response) -> None:
    """Keeps the message for the next page, or forgets the one that was shown."""
    if visit.session is None:
        return
    if isinstance(response, DoneResponse) and response.message is not None:
        await to_thread.run_sync(visit.parts.sessions.tell, visit.session.digest, response.message)
    elif visit.message_shown:
        await to_thread.run_sync(visit.parts.sessions.tell, visit.session.digest, None)


def _denied(visit: Visit) -> Response:
    """Who is not logged in is led to the log-in, and back afterwards; who is, is told that the role is not enough."""
    if visit.person.is_known:
        return _problem(visit, 403)
    request = visit.request
    if visit.wants_fragment or request.method not in SAFE:
        # htmx follows this by itself; a form's content is lost, so the way back is the page that had it.
        return (
            Response(status_code=401, headers={"HX-Redirect": visit.url("login")})
            if visit.wants_fragment
            else RedirectResponse(visit.url("login"), 303)
        )
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(visit.url("login", {"back": back}), 303)


def _problem(visit: Visit, status: int, why: str | None = None) -> Response:
    """A page that says what is wrong."""
    title, sentence = SENTENCES.get(status, SENTENCES[500])
    headline, text = visit.say(title), why or visit.say(sentence)
    if visit.wants_fragment:
        response = visit.fragment("problem.html", status=status, headline=headline, sentence=text)
    else:
        response = visit.page("error.html", status=status, headline=headline, sentence=text, code=status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "5"
    return response


def _place(error: BaseException) -> str:
    """Where an error came from: file and line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
