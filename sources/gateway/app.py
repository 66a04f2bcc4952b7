"""The gateway as an ASGI application: `POST /hooks/{system}/{name}`, what token holders use, `/healthz` and `/readyz` for balancers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sources.gateway.api import TokenRoute
from sources.gateway.connections import Connections
from sources.gateway.hooks import Hook
from sources.gateway.intake import RETRY_S, Intake, now_utc
from sources.gateway.limits import Body, Buffered, BusyError, GoneError, TooLargeError
from sources.gateway.listener import GatewayListener
from sources.gateway.peers import Limits
from sources.gateway.request import STATUS, Reply, Request, headers_of

UNKNOWN: Final = "unknown"
PLAIN: Final = ("", "identity")
STATUS_TEXTS: Final = {401: "unauthorized", 405: "bad_method: webhooks are sent by POST"}
"""What is said instead of the outcome. Whether a signature does not hold, or is too old, is nothing that a stranger need know."""


class HookRoutes:
    """Everything below `/hooks/`. What is wrong with a request is said before its body is read wherever that can be known."""

    def __init__(
        self, intake: Intake, limits: Limits, listener: GatewayListener, connections: Connections, clock: Callable[[], float] = time.time
    ) -> None:
        self._intake, self._limits, self._listener = intake, limits, listener
        self._clock = clock
        self.buffered = Buffered(limits.buffered, connections)
        """What is held of all bodies."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        began, size = time.perf_counter(), 0
        path = scope["path_params"]
        hook = self._intake.hooks.get((path["system"], path["name"]))
        reply = self._turned_away(scope, hook)
        if reply is None and hook is not None:
            body = Body(self.buffered, scope["connection"], hook.max_body)
            try:
                reply, size = await self._taken(scope, receive, hook, body)
            finally:
                body.let_go()
        assert reply is not None
        system, name = (hook.system, hook.name) if hook is not None else (UNKNOWN, UNKNOWN)
        self._listener.answered(system, name, reply.outcome, time.perf_counter() - began, size)
        await _say(send, reply, hook)

    def _turned_away(self, scope: Scope, hook: Hook | None) -> Reply | None:
        if hook is None:
            return Reply("unknown", close=True)
        if scope["method"] != "POST":
            return Reply("bad_method", close=True)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._limits.head:
            return Reply("head_too_large", close=True)
        return None

    async def _taken(self, scope: Scope, receive: Receive, hook: Hook, body: Body) -> tuple[Reply, int]:
        headers = headers_of(scope["headers"])
        # A small compressed body can be a large one, and signatures are made over what is sent: no system known here compresses.
        if headers.get("content-encoding", "").strip().lower() not in PLAIN:
            return Reply("bad_encoding", close=True), 0
        try:
            content = await body.read(receive, headers, self._limits.read_timeout)
        except TooLargeError:
            return Reply("too_large", close=True), body.size
        except TimeoutError:
            return Reply("too_slow", close=True), body.size
        except BusyError:
            return Reply("busy", RETRY_S, close=True), body.size
        except GoneError:
            return Reply("evicted" if body.connection.evicted else "gone", close=True), body.size
        request = Request(headers, scope["query_string"], content, now_utc(self._clock), url=hook.url)
        return await self._intake.take(hook, request), body.size


async def _say(send: Send, reply: Reply, hook: Hook | None) -> None:
    status = STATUS[reply.outcome]
    text = STATUS_TEXTS.get(status, reply.outcome)
    body = hook.scheme.good if reply.good and hook is not None else f"{text}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    if reply.retry_after is not None:
        headers.append((b"retry-after", b"%d" % reply.retry_after))
    if status == 405:
        headers.append((b"allow", b"POST"))
    if reply.close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def application(
    hooks: HookRoutes, ailment: Callable[[], str | None], missing: Callable[[], list[str]], token_routes: Sequence[TokenRoute] = ()
) -> ASGIApp:
    """The application. `token_routes`: what token holders may use, each below its own name.

    `ailment` and `missing` say in words why the process is to be restarted, and why it is not ready.
    Slashes too many are no other path: senders do not follow a redirect of a POST, so there is none.
    """

    async def healthz(request: WebRequest) -> Response:
        del request
        problem = ailment()
        return _status([problem] if problem else [])

    async def readyz(request: WebRequest) -> Response:
        del request
        return _status(missing())

    routes = [Route("/hooks/{system}/{name}", hooks), Route("/healthz", healthz), Route("/readyz", readyz)]
    routes += [Route(f"/{one.name}", one) for one in token_routes]
    routed = Starlette(routes=routes)
    routed.router.redirect_slashes = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = f"/{'/'.join(filter(None, scope['path'].split('/')))}"
        await routed(scope, receive, send)

    return app


def _status(problems: list[str]) -> Response:
    text = "".join(f"{line}\n" for line in problems or ["ok"])
    return PlainTextResponse(text, 503 if problems else 200, {"cache-control": "no-store"})
