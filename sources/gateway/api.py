"""`POST /events` and `POST /decisions`: who shows a token, how much may come, and what is answered. What is done with it stands elsewhere.

What can be known from the head of a request is said before its body is read. A token is never written anywhere, nor why one is not taken.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.types import Receive, Scope, Send

from sources.gateway.answers import ApiReply
from sources.gateway.batches import Piece, UnreadableBodyError, pieces_of, unzipped
from sources.gateway.limits import Body, Bucket, Buffered, BusyError, GoneError, TooLargeError
from sources.gateway.listener import GatewayListener
from sources.gateway.peers import Limits
from sources.gateway.request import Outcome, headers_of
from sources.gateway.tokens.book import Token, TokenBook, TokenError

API: Final = "api"
"""Under which system these requests are counted."""
BEARER: Final = "bearer "
RETRY_S: Final = 5
MOST_BUCKETS: Final = 10_000
OF_TOKENS: Final[tuple[Outcome, ...]] = (
    *("not_readable", "gone", "forged", "forbidden", "bad_method", "too_slow", "too_large", "bad_encoding"),
    *("too_often", "head_too_large", "failed", "busy", "unavailable", "evicted"),
)
"""How a request of a token holder may end of which no piece is judged."""


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """How much comes of one token: bytes of a body, as sent and decompressed; requests per second, in the long run and at once."""

    body: int = 2 << 20
    content: int = 8 << 20
    rate: float = 50.0
    burst: int = 500


Take = Callable[[Token, Mapping[str, str], Sequence[Piece]], Awaitable[ApiReply]]
"""What is done with the pieces of a request. It never raises."""


class Door:
    """Who may come in: a token that is active, as often as it may, at most so many requests at a time."""

    def __init__(self, book: TokenBook, limits: ApiLimits, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.under_way = 0
        self._book, self._most, self._clock = book, most, clock
        self._buckets: dict[str, Bucket] = {}

    @property
    def full(self) -> bool:
        """Whether as many requests are being answered as may be."""
        return self.under_way >= self._most

    def token(self, headers: Mapping[str, str]) -> Token | None:
        """The token that a request shows; None if it shows none that holds. Raises TokenError."""
        given = headers.get("authorization", "")
        return self._book.holder(given[len(BEARER) :].strip()) if given.lower().startswith(BEARER) else None

    def wait(self, token: Token) -> float:
        """For how many seconds a token must wait, since it has come too often; 0: it need not."""
        bucket = self._buckets.get(token.id)
        if bucket is None:
            if len(self._buckets) >= MOST_BUCKETS:
                self._buckets.clear()
            bucket = self._buckets[token.id] = Bucket(self.limits.rate, self.limits.burst, self._clock)
        return bucket.take()


class TokenRoute:
    """One of the two routes. `allows` says whether a token may use it at all; `take` does what is to be done."""

    def __init__(
        self,
        name: str,
        door: Door,
        limits: Limits,
        listener: GatewayListener,
        buffered: Buffered,
        allows: Callable[[Token], bool],
        take: Take,
    ) -> None:
        self.name = name
        self._door, self._limits, self._listener, self._buffered = door, limits, listener, buffered
        self._allows, self._take = allows, take

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        began, size = time.perf_counter(), 0
        headers = headers_of(scope["headers"])
        reply, token = self._turned_away(scope, headers)
        if token is not None:
            body = Body(self._buffered, scope["connection"], self._door.limits.body)
            self._door.under_way += 1
            try:
                reply, size = await self._answered(receive, headers, token, body)
            finally:
                self._door.under_way -= 1
                body.let_go()
        self._listener.answered(API, self.name, reply.outcome, time.perf_counter() - began, size)
        for result in reply.results:
            if result.reason is not None:
                self._listener.refused(API, self.name, result.reason)
        await _say(send, reply)

    def _turned_away(self, scope: Scope, headers: Mapping[str, str]) -> tuple[ApiReply, Token | None]:
        """Why a request is not taken, or the token that it may be taken for."""
        if scope["method"] != "POST":
            return ApiReply("bad_method", close=True), None
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._limits.head:
            return ApiReply("head_too_large", close=True), None
        try:
            token = self._door.token(headers)
        except TokenError as error:
            self._listener.failed("tokens not read", error)
            return ApiReply("unavailable", retry_after=RETRY_S, close=True), None
        if token is None:
            return ApiReply("forged", reason="unauthorized", detail="no token, or none that holds", close=True), None
        if not self._allows(token):
            return ApiReply("forbidden", detail=f"the token is not for /{self.name}", close=True), None
        if wait := self._door.wait(token):
            return ApiReply("too_often", retry_after=max(1, round(wait)), close=True), None
        if self._door.full:
            return ApiReply("busy", retry_after=RETRY_S, close=True), None
        return ApiReply("failed"), token

    async def _answered(self, receive: Receive, headers: dict[str, str], token: Token, body: Body) -> tuple[ApiReply, int]:
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            return ApiReply("bad_encoding", detail="gzip or none", close=True), 0
        try:
            content = await body.read(receive, headers, self._limits.read_timeout)
        except TooLargeError:
            return ApiReply("too_large", detail=f"more than {self._door.limits.body} bytes", close=True), body.size
        except TimeoutError:
            return ApiReply("too_slow", close=True), body.size
        except BusyError:
            return ApiReply("busy", retry_after=RETRY_S, close=True), body.size
        except GoneError:
            return ApiReply("evicted" if body.connection.evicted else "gone", close=True), body.size
        try:
            if encoding == "gzip":
                content = unzipped(content, self._door.limits.content)
                body.hold(len(content))
            pieces = pieces_of(content)
        except BusyError:
            return ApiReply("busy", retry_after=RETRY_S), body.size
        except UnreadableBodyError as error:
            outcome: Outcome = "too_large" if error.reason in ("too_large", "too_many") else "not_readable"
            return ApiReply(outcome, reason=error.reason, detail=error.detail), body.size
        try:
            return await self._take(token, headers, pieces), body.size
        except Exception as error:  # noqa: BLE001 - one request must not stop the gateway
            self._listener.failed("request not processed", error)
            return ApiReply("failed"), body.size


async def _say(send: Send, reply: ApiReply) -> None:
    body, status = reply.body(), reply.status
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if reply.retry_after is not None:
        headers.append((b"retry-after", b"%d" % reply.retry_after))
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="orderwatch"'))
    if status == 405:
        headers.append((b"allow", b"POST"))
    if reply.close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
