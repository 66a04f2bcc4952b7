"""The local socket of an embedded installation: how programs of its host have its log's one writer append decisions, and who they are.

A connection is taken from this user only (the socket is 0600, the system says who the peer is), and only with the secret of a role. The
role says what may be written, and in whose name: what an event claims of itself counts only where the role vouches for it.

    {"role": "dispatch", "secret": "..."}        ─►  {}
    {"to": "decisions", "events": [{...}, ...]}  ─►  {} once they are on the disk; {"refused": "..."}: one of them never will be, so that
                                                     none is; {"error": "..."}: not now
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import secrets
import socket
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import orjson
import structlog

from schemas.deciding import FORGOTTEN, is_decision
from schemas.embedded import secrets_file, socket_file
from schemas.topics import EMBEDDED_DECISIONS, EMBEDDED_EVENTS
from schemas.wire import Rejected, decode
from sinks.embedded.decisions import LONGEST, short_path
from sinks.embedded.input import InputLog, LogClosedError, LogEvent

LOG = structlog.get_logger("orderwatch.log")


@dataclass(frozen=True, slots=True)
class SocketRole:
    """What a program may write. `source`, `by`, `by_roles`: set here; None: what the event says, whose writer this program vouches for.

    `person`: `by` is the login of the peer. `types`: decisions that it may write; None: all. `events`: whether it may write events, too.
    """

    source: str | None = None
    by: str | None = None
    by_roles: tuple[str, ...] | None = None
    person: bool = False
    types: tuple[str, ...] | None = None
    events: bool = False


SOCKET_ROLES: Final[Mapping[str, SocketRole]] = {
    "dispatch": SocketRole(
        "/orderwatch/dispatch",
        "service:dispatch",
        ("dispatch",),
        types=("action.begun", "action.executed", "action.failed", "action.in_doubt", "action.observed"),
    ),
    "run": SocketRole("/orderwatch/run", "service:run", ("policy_author",), types=("policy.activated",)),
    "policy": SocketRole("/orderwatch/cli", None, ("policy_author",), person=True, types=("policy.activated",)),
    "forget": SocketRole("/orderwatch/cli", None, ("admin",), person=True, types=(FORGOTTEN,)),
    "api": SocketRole(source="/orderwatch/api"),
    "console": SocketRole(source="/orderwatch/console", events=True),
    "load": SocketRole(types=(), events=True),
}
"""Who may use the socket. `api`: the gateway's own `POST /decisions`, which has asked who it is; `console` has asked who is signed in, and
writes events as well, which somebody has mended; `load`: who loads events of this host.
"""


class RefusedEventError(Exception):
    """An event that its writer may not write; the message is one line without its content."""


def make_secrets(data: Path) -> dict[str, str]:
    """The secrets by role, made where they are missing, for this user only. Raises OSError."""
    path = secrets_file(data)
    known: dict[str, str] = {}
    if path.exists():
        known = cast("dict[str, str]", json.loads(path.read_text(encoding="utf-8")))
    if missing := SOCKET_ROLES.keys() - known.keys():
        known |= {role: secrets.token_hex(32) for role in sorted(missing)}
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(known, indent=2))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    return known


class LogSocket:
    """Serves the socket in `data` on the running loop, until it is closed. Raises OSError when started."""

    def __init__(self, data: Path, log: InputLog) -> None:
        self._data, self._log = data, log
        self._secrets = make_secrets(data)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begins to listen. A socket that a killed process has left is replaced: the log's lock says that there is no other writer."""
        path = socket_file(self._data)
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, short_path(path), limit=LONGEST)
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    async def close(self) -> None:
        """Answers what is under way, and takes nothing more."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        socket_file(self._data).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # it is the peer's to come again
        except asyncio.CancelledError:
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = _peer(writer)
        hello = _object(await reader.readline())
        name, secret = str(hello.get("role", "")), str(hello.get("secret", ""))
        known = self._secrets.get(name, "")
        if uid not in {os.geteuid(), 0} or not known or not secrets.compare_digest(known.encode(), secret.encode()):
            LOG.warning("a program was refused at the socket", role=name[:32], uid=uid)
            await _answer(writer, error="refused: not this user's, or not with its role's secret")
            return
        role = SOCKET_ROLES[name]
        await _answer(writer)
        while line := await reader.readline():
            try:
                topic, events = _events(_object(line), role, uid)
                await asyncio.wrap_future(self._log.submit(topic, events))
            except RefusedEventError as why:
                await _answer(writer, refused=str(why))
            except OSError as error:
                await _answer(writer, error=f"the log cannot be written: {(error.strerror or str(error)).lower()}")
            except LogClosedError:
                await _answer(writer, error="the gateway is stopping")
            else:
                await _answer(writer)


def _events(request: Mapping[str, object], role: SocketRole, uid: int) -> tuple[str, list[LogEvent]]:
    """What a request has appended, and to which log. Raises RefusedEventError."""
    given = request.get("events")
    if not isinstance(given, list):
        raise RefusedEventError("events: a list is expected")
    to = request.get("to")
    if to not in {"decisions", "events"} or (to == "events" and not role.events):
        raise RefusedEventError("it may not write there")
    of_decisions = to == "decisions"
    found = [_event(one, role, uid, of_decisions=of_decisions) for one in cast("list[object]", given)]
    return EMBEDDED_DECISIONS if of_decisions else EMBEDDED_EVENTS, found


def _event(given: object, role: SocketRole, uid: int, *, of_decisions: bool) -> LogEvent:
    if not isinstance(given, dict):
        raise RefusedEventError("an event is an object")
    event = cast("dict[str, object]", given)
    type_ = str(event.get("type", ""))
    if of_decisions != is_decision(type_):
        raise RefusedEventError(f"{type_[:64]}: {'no decision' if of_decisions else 'a decision, which is none among events'}")
    if of_decisions:
        if role.types is not None and type_ not in role.types:
            raise RefusedEventError(f"{type_[:64]}: not for this role")
        event = _vouched(event, role, uid)
    raw = orjson.dumps(event)
    try:
        decode(raw)
    except Rejected as why:
        raise RefusedEventError(f"{type_[:64]}: {why.reason}: {why.detail}") from None
    subject = event.get("subject")
    return LogEvent(raw, subject if isinstance(subject, str) else "")


def _vouched(event: dict[str, object], role: SocketRole, uid: int) -> dict[str, object]:
    """A decision with what only the writer may say of it."""
    data = dict(cast("dict[str, object]", event.get("data") or {}))
    by = f"user:{_login(uid)}" if role.person else role.by
    if by is not None:
        data["by"] = by
    if role.by_roles is not None:
        data["by_roles"] = list(role.by_roles)
    return {**event, **({"source": role.source} if role.source is not None else {}), "data": data}


def _login(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _peer(writer: asyncio.StreamWriter) -> int:
    """The user of the process at the other end."""
    connection = cast("socket.socket", writer.get_extra_info("socket"))
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return int(uid)


def _object(line: bytes) -> dict[str, object]:
    read: object = orjson.loads(line)
    if not isinstance(read, dict):
        raise ConnectionError("an object is expected")
    return cast("dict[str, object]", read)


async def _answer(writer: asyncio.StreamWriter, **said: str) -> None:
    writer.write(orjson.dumps(said) + b"\n")
    await writer.drain()
