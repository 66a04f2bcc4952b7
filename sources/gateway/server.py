"""uvicorn, bounded where it is not by itself: how many connections there are, at which rate a head must come, how large it may be."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from errno import EMFILE, ENFILE, ENOBUFS, ENOMEM
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from sources.gateway.connections import Connections, GatewayConnection
from sources.gateway.limits import GRACE_S
from sources.gateway.peers import Limits, Peers

BACKLOG: Final = 1_024
EXHAUSTED: Final = frozenset((EMFILE, ENFILE, ENOBUFS, ENOMEM))
"""The system has no more connections to give."""
BREATH_S: Final = 0.05
MOST_PIPELINED: Final = 8
"""Requests that may come on a connection before the first is answered. Senders of webhooks wait for each answer."""


def _refusal(status: bytes, text: bytes, *headers: bytes) -> bytes:
    """An answer that no application can give: the request is not complete."""
    head = b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n%sconnection: close\r\n\r\n%s"
    return head % (status, len(text), b"".join(line + b"\r\n" for line in headers), text)


TOO_LARGE: Final = _refusal(b"431 Request Header Fields Too Large", b"head_too_large\n")
TOO_SLOW: Final = _refusal(b"408 Request Timeout", b"too_slow\n")
MADE_WAY: Final = _refusal(b"503 Service Unavailable", b"evicted\n", b"retry-after: 5")


class Protocol(HttpToolsProtocol):
    """The protocol of uvicorn on httptools, for one connection.

    The head of a request has `read_timeout` seconds, from the connection or its first byte on, and `head` bytes. A sender has as long to
    read its answer.
    """

    def __init__(self, connection: GatewayConnection, server: Server) -> None:
        super().__init__(server.config, server.server_state, {}, asyncio.get_running_loop())
        self._connection, self._limits = connection, server.limits
        self._connections, self._peers = server.open, server.peers
        self._proxy = connection.peer is None
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._left = self._limits.head
        """How much of a head may still come."""
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It is open."""
        super().connection_made(transport)
        # What the sender does not take is seen at once, however little it is.
        transport.set_write_buffer_limits(high=1)
        self._connection.stop = self._make_way
        self._connection.enter("new")
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._head_came()
        self._is_read()
        self._connections.remove(self._connection)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        connection = self._connection
        if connection.stage in ("new", "idle"):
            connection.enter("head")
        connection.came(len(data))
        if self._timer is None and not self._in_body:
            self._await_head()
        super().data_received(data)
        if self._timer is not None:
            self._left -= len(data)
            if self._left < 0:
                self._refuse(TOO_LARGE)
            elif connection.stage == "head" and connection.lag() > GRACE_S:
                self._refuse(TOO_SLOW)

    def on_headers_complete(self) -> None:
        """The head of a request is there."""
        if len(self.pipeline) >= MOST_PIPELINED:
            self.transport.abort()
            raise ValueError("too many requests before the first is answered")
        self._head_came()
        self._in_body = True
        if self._connection.stage != "answer":
            self._connection.enter("body")
        if self._proxy:
            self._connections.speaks_for(self._connection, self._peers.forwarded(self.headers))
        super().on_headers_complete()
        cast("dict[str, Any]", self.scope)["connection"] = self._connection

    def on_message_complete(self) -> None:
        """A request is there."""
        self._in_body = False
        super().on_message_complete()
        if not self.cycle.response_complete:
            self._connection.enter("answer")

    def on_response_complete(self) -> None:
        """It is answered."""
        super().on_response_complete()
        if self._in_body:
            # It was answered before it was complete: nobody waits for the rest.
            self.transport.close()
        if self.cycle.response_complete:
            self._connection.enter("idle")
            if self._proxy:
                self._connections.speaks_for(self._connection, None)

    def pause_writing(self) -> None:
        """The sender does not take its answer."""
        super().pause_writing()
        self._connection.enter("unread")
        self._stalled = self.loop.call_later(self._limits.read_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """The sender has taken it."""
        self._is_read()
        cycle = cast("RequestResponseCycle | None", self.cycle)  # none before the first request
        self._connection.enter("idle" if cycle is None or cycle.response_complete else "answer")
        super().resume_writing()

    def _await_head(self) -> None:
        self._left = self._limits.head
        self._timer = self.loop.call_later(self._limits.read_timeout, self._refuse, TOO_SLOW)

    def _head_came(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_read(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _refuse(self, reply: bytes) -> None:
        self._head_came()
        if not self.transport.is_closing():
            self.transport.write(reply)
            self.transport.close()

    def _make_way(self) -> None:
        if self._connection.stage in ("head", "body"):
            self._refuse(MADE_WAY)
        else:
            self.transport.abort()


class Server(uvicorn.Server):
    """Accepts connections itself: those count, too, whose TLS handshake has not ended.

    Leaves signals to whoever runs it: set `should_exit` to stop.
    """

    def __init__(self, config: uvicorn.Config, limits: Limits, connections: Connections) -> None:
        super().__init__(config)
        self.limits, self.open, self.peers = limits, connections, Peers(limits.proxies)
        self._accepting: list[asyncio.Task[None]] = []
        self._greeting: set[asyncio.Task[None]] = set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Captures none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept on sockets that listen."""
        await self.lifespan.startup()
        self.servers = []
        for listener in sockets or []:
            listener.setblocking(False)
            self._accepting.append(asyncio.create_task(self._accept(listener)))
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more, and waits for what is under way."""
        for task in (*self._accepting, *self._greeting):
            task.cancel()
        await asyncio.gather(*self._accepting, *self._greeting, return_exceptions=True)
        await super().shutdown(sockets)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in EXHAUSTED:  # else the peer has gone before it was greeted
                    await asyncio.sleep(BREATH_S)
                continue
            peer = self.peers.of(str(address[0])) if address else None
            connection = GatewayConnection(peer, self.limits.rate, accepted.close)
            if not self.open.add(connection):
                accepted.close()
                continue
            task = loop.create_task(self._greet(accepted, connection))
            connection.stop = partial(_cancel, task)
            self._greeting.add(task)
            task.add_done_callback(partial(self._greeted, accepted, connection))

    async def _greet(self, accepted: socket.socket, connection: GatewayConnection) -> None:
        """Hands a connection to a protocol of its own, after the handshake where it is encrypted."""
        loop, tls = asyncio.get_running_loop(), self.config.ssl
        patience = self.limits.read_timeout if tls else None
        await loop.connect_accepted_socket(partial(Protocol, connection, self), accepted, ssl=tls, ssl_handshake_timeout=patience)

    def _greeted(self, accepted: socket.socket, connection: GatewayConnection, task: asyncio.Task[None]) -> None:
        self._greeting.discard(task)
        if task.cancelled() or task.exception() is not None:  # it made way, perhaps before anything began; or the handshake failed
            self.open.remove(connection)
            accepted.close()


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


def server(
    app: ASGIApp, limits: Limits, connections: Connections, *, patience: float, cert: Path | None = None, key: Path | None = None
) -> Server:
    """A server for an application. `patience`: seconds that requests under way have when it stops.

    Raises OSError or ssl.SSLError if certificate or key cannot be used.
    """
    tls: dict[str, Any] = {"ssl_certfile": cert, "ssl_keyfile": key} if cert is not None else {}
    config = uvicorn.Config(
        app,
        http=HttpToolsProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=limits.keep_alive,
        timeout_graceful_shutdown=max(1, round(patience)),
        **tls,
    )
    config.load()
    return Server(config, limits, connections)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0: any free one. Raises OSError, OverflowError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)
