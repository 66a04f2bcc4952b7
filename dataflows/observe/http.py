"""`/metrics`, `/healthz` and `/readyz` of one process, from a thread of their own. Read-only, without customer data, without TLS."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6, gaierror

from prometheus_client.exposition import choose_encoder

from dataflows.observe.observer import Observer

TEXT = "text/plain; charset=utf-8"
PATIENCE_S = 5.0
"""How long a client may take to send its request, or to read the answer."""


class PortError(OSError):
    """The port cannot be listened on; the message is one line."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, observer: Observer) -> None:
        self.observer = observer
        if ":" in host:
            self.address_family = AF_INET6
        super().__init__((host, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no concern of ours; anything else is logged."""
        del request, client_address
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            self.observer.log.error("http request failed", error=repr(error))


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE_S
    server_version = "orderwatch"
    sys_version = ""

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        observer = self.server.observer
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._respond(HTTPStatus.OK, kind, encode(observer.metrics.registry))
            case "/healthz":
                ailment = observer.health.ailment()
                self._send([ailment] if ailment else [])
            case "/readyz":
                self._send(observer.health.missing())
            case _:
                self._respond(HTTPStatus.NOT_FOUND, TEXT, b"/metrics, /healthz and /readyz are here\n")

    do_HEAD = do_GET  # noqa: N815 - the name is inherited

    def _send(self, problems: list[str]) -> None:
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        self._respond(status, TEXT, "".join(f"{line}\n" for line in problems or ["ok"]).encode())

    def _respond(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
        """Probes come every few seconds: they are not logged."""


def cannot_listen(section: str, host: str, port: int, error: OSError | OverflowError) -> str:
    """Why an address of the settings cannot be listened on, in one line that names the setting."""
    code = error.errno if isinstance(error, OSError) else None
    setting = "host" if code == errno.EADDRNOTAVAIL or isinstance(error, gaierror) else "port"
    # Python's own words for it name the address a second time.
    reason = os.strerror(code) if code is not None and code > 0 else getattr(error, "strerror", None) or str(error)
    return f"{section}.{setting}: cannot listen on {host}:{port}: {reason.lower()}"


@contextmanager
def serving(host: str, port: int, observer: Observer) -> Generator[int]:
    """While inside, answers on `host` and `port` (0: any free one) and gives the port. Raises PortError if it is taken or not ours."""
    try:
        server = _Server(host, port, observer)
    except (OSError, OverflowError) as error:
        raise PortError(cannot_listen("http", host, port, error)) from error
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
