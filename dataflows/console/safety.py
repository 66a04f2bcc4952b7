"""What keeps a page safe: where a request comes from, how large it is, what browsers are told about each answer."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""The Content-Security-Policy: nothing from elsewhere, nothing inline, no eval."""
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # `no-referrer` would make the Origin of our own forms `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")
"""Names that this host always has for itself: no other site is reached by them."""
REPORTS: Final = "/csp"
LONGEST_TARGET: Final = 8_000
"""Bytes of a URL; no page of ours asks for more, and proxies take as many."""
KEPT: Final = "public, max-age=31536000, immutable"
"""For files of `static`, whose URLs have a part of their digest in them."""


def trusted(address: str | None, proxies: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is a proxy of ours."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    return any(found in network for network in proxies)


def foreign(method: str, headers: Headers, own: str) -> str | None:
    """Why a request must not change anything: it comes from another site's page, or does not say from where. `own`: our origin."""
    if method in SAFE:
        return None
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return "it comes from another site"
    if origin is not None:
        return None if origin.lower() == own else "it comes from another origin"
    return None if site == "same-origin" else "it does not say where it comes from"


def host_of(headers: Headers) -> str:
    """The name of the host that a request is meant for, without its port."""
    host = headers.get("host", "").lower()
    name, _, port = host.rpartition(":")
    return name if port.isdecimal() and name else host


class Forwarded:
    """Takes the address, scheme and host of a request from what a trusted proxy says of it; strips the proxy's path."""

    def __init__(self, app: ASGIApp, path: str, proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._app, self._path, self._proxies = app, path, proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on."""
        if scope["type"] == "http":
            scope = dict(scope)
            client = scope.get("client")
            if client and trusted(client[0], self._proxies):
                self._believe(scope)
            # Whether the proxy leaves its path on the URL or takes it off, the routes find theirs.
            scope["root_path"] = self._path
            if self._path and not (scope["path"] == self._path or scope["path"].startswith(f"{self._path}/")):
                scope["path"] = self._path + scope["path"]
        await self._app(scope, receive, send)

    def _believe(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hops = [hop.strip() for line in headers.getlist("x-forwarded-for") for hop in line.split(",") if hop.strip()]
        while hops and trusted(hops[-1], self._proxies):
            hops.pop()
        if hops:
            scope["client"] = (hops[-1], 0)
        if (scheme := headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()) in ("http", "https"):
            scope["scheme"] = scheme
        if host := headers.get("x-forwarded-host", "").split(",")[0].strip():
            kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope["headers"] = [*kept, (b"host", host.encode("latin-1"))]


class RequestGuard:
    """Bounds bodies, refuses what is meant for another host or comes from elsewhere, and sets the headers of each answer.

    `hosts`: the names that it answers to; none: any.
    """

    def __init__(self, app: ASGIApp, most: int, path: str, hosts: Sequence[str] = ()) -> None:
        self._app, self._most, self._path = app, most, path
        self._hosts = frozenset((*hosts, *LOCAL)) if hosts else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request on, or refuses it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"].removeprefix(self._path)
        secure = scope["scheme"] == "https"

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
                answer.setdefault("Content-Security-Policy", f"{POLICY}; report-uri {self._path}{REPORTS}")
                kept = path.startswith("/static/") and message["status"] == 200
                answer.setdefault("Cache-Control", KEPT if kept else "no-store")
                if secure:
                    answer.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        if self._hosts is not None and host_of(headers) not in self._hosts:
            await PlainTextResponse("refused: this host answers to another name\n", 400)(scope, receive, send_safely)
            return
        if len(scope["path"]) + len(scope["query_string"]) > LONGEST_TARGET:
            await PlainTextResponse("the address is too long\n", 414)(scope, receive, send_safely)
            return
        own = f"{scope['scheme']}://{headers.get('host', '')}".lower()
        if path != REPORTS and (why := foreign(scope["method"], headers, own)):
            await PlainTextResponse(f"refused: {why}\n", 403)(scope, receive, send_safely)
            return
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._most:
            await PlainTextResponse("too large\n", 413)(scope, receive, send_safely)
            return
        await self._app(scope, _Bounded(receive, self._most).receive, send_safely)


class BodyTooLargeError(Exception):
    """A body that is larger than it may be, though it did not say so."""


class _Bounded:
    """Counts the body of a request."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left = receive, most

    async def receive(self) -> Message:
        """The next part. Raises BodyTooLargeError."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise BodyTooLargeError
        return message
