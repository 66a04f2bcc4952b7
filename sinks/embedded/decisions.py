"""Writes decisions to an embedded installation: over the local socket of the one process that writes its input log."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Final

import orjson

from schemas.embedded import secrets_file, socket_file
from sinks.decisions import RefusedDecisionError, UnwrittenError

LONGEST: Final = 32 << 20
"""Bytes of a request, and of an answer."""


class SocketDecisionWriter:
    """A `DecisionWriter` for the installation in `data`. `role`: whose decisions these are; the log's writer sets what it may not say.

    Guarantee: what `write` returned from is on the disk. It connects when it is used, and again after a failure, so that a restart of the
    gateway costs no more than an UnwrittenError; it may be used from any thread. Writing again, with the same IDs, does no harm. `timeout`
    (s) bounds each write.
    """

    def __init__(self, data: Path, role: str, timeout: float = 10.0) -> None:
        self._data, self._role, self._timeout = data, role, timeout
        self._connection: socket.socket | None = None
        self._rest = b""
        self._lock = Lock()

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Returns once all are durable, in this order. Raises UnwrittenError, and RefusedDecisionError if the log's writer refuses one."""
        self.send("decisions", decisions)

    def send(self, to: str, events: Sequence[Mapping[str, object]]) -> None:
        """Appends events to `decisions` or, for a role that may, to `events`: all or none. Raises as `write` does."""
        request = orjson.dumps({"to": to, "events": list(events)})
        if len(request) > LONGEST:
            raise RefusedDecisionError("too much at once")
        with self._lock:
            fresh = self._connection is None
            try:
                try:
                    self._exchange(request)
                except (OSError, ValueError):
                    self.close()
                    if fresh:
                        raise
                    # The connection was of a gateway that has been restarted since.
                    self._exchange(request)
            except (OSError, ValueError, KeyError) as error:
                self.close()
                raise UnwrittenError(f"the gateway cannot be reached: {_words(error)}") from error

    def close(self) -> None:
        """Lets go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._rest = b""

    def _exchange(self, request: bytes) -> None:
        if self._connection is None:
            self._connect()
        self._answered(request)

    def _connect(self) -> None:
        secret = json.loads(secrets_file(self._data).read_text(encoding="utf-8"))[self._role]
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout)
        self._connection = connection
        connection.connect(short_path(socket_file(self._data)))
        self._answered(orjson.dumps({"role": self._role, "secret": secret}))

    def _answered(self, request: bytes) -> None:
        """Sends a line and waits for its answer. Raises UnwrittenError with what the writer says."""
        connection = self._connection
        assert connection is not None
        connection.sendall(request + b"\n")
        while b"\n" not in self._rest:
            chunk = connection.recv(1 << 16)
            if not chunk or len(self._rest) > LONGEST:
                raise ConnectionError("it has closed the connection")
            self._rest += chunk
        answer, _, self._rest = self._rest.partition(b"\n")
        said = orjson.loads(answer)
        if "refused" in said:
            raise RefusedDecisionError(str(said["refused"]))
        if "error" in said:
            raise UnwrittenError(str(said["error"]))


def short_path(path: Path) -> str:
    """The path of a socket as the system takes it: it must have at most 107 bytes, and a data directory may lie deep."""
    return min((str(path.absolute()), os.path.relpath(path)), key=len)


def _words(error: Exception) -> str:
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error) or type(error).__name__
