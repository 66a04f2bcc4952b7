"""uvicorn, bounded where it is not by itself: how long the head of a request may take to come, and how large it may be."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Generator
    from pathlib import Path

    from starlette.types import ASGIApp

    from sources.gateway.limits import Limits

BACKLOG: Final = 1_024


def _refusal(status: bytes, words: bytes) -> bytes:
    """An answer to a request whose head is not complete: no application can give it."""
    head = b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
    return head % (status, len(words), words)


TOO_LARGE: Final = _refusal(b"431 Request Header Fields Too Large", b"too_large\n")
TOO_SLOW: Final = _refusal(b"408 Request Timeout", b"too_slow\n")


def protocol(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol of uvicorn on httptools, for these limits.

    The head of a request has `read_timeout` seconds, from the connection or its first byte on, and `head` bytes.
    """

    class Bounded(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        _left = limits.head
        """How much of a head may still come."""
        _in_body = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_came()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._timer is None and not self._in_body:
                self._await_head()
            super().data_received(data)
            if self._timer is not None:
                self._left -= len(data)
                if self._left < 0:
                    self._refuse(TOO_LARGE)

        def on_headers_complete(self) -> None:
            self._head_came()
            self._in_body = True
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._in_body = False
            super().on_message_complete()

        def _await_head(self) -> None:
            self._left = limits.head
            self._timer = self.loop.call_later(limits.read_timeout, self._refuse, TOO_SLOW)

        def _head_came(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _refuse(self, answer: bytes) -> None:
            self._head_came()
            if not self.transport.is_closing():
                self.transport.write(answer)
                self.transport.close()

    return Bounded


class Server(uvicorn.Server):
    """Leaves signals to whoever runs it: set `should_exit` to stop."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Captures none."""
        yield


def server(app: ASGIApp, limits: Limits, *, patience: float, cert: Path | None = None, key: Path | None = None) -> Server:
    """A server for an application. `patience`: seconds that requests under way have when it stops.

    Raises OSError or ssl.SSLError if certificate or key cannot be used.
    """
    tls: dict[str, Any] = {"ssl_certfile": cert, "ssl_keyfile": key} if cert is not None else {}
    config = uvicorn.Config(
        app,
        http=protocol(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=limits.keep_alive,
        timeout_graceful_shutdown=max(1, round(patience)),
        **tls,
    )
    config.load()
    return Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0: any free one. Raises OSError, OverflowError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)
