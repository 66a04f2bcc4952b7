"""The local socket of an embedded installation: who may write what, and what is set for whoever writes."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from schemas.embedded import secrets_file
from schemas.topics import EMBEDDED_DECISIONS, EMBEDDED_EVENTS
from sinks.decisions import RefusedDecisionError, UnwrittenError
from sinks.embedded.decisions import SocketDecisionWriter
from sinks.embedded.input import InputLog
from sinks.embedded.server import SOCKET_ROLES, LogSocket
from sources.embedded.outputs import EmbeddedReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD: dict[str, object] = {"specversion": "1.0", "id": "1", "time": "2026-05-01T00:00:00Z"}
BEGUN: dict[str, object] = {
    **HEAD,
    "source": "/shop",
    "type": "action.begun",
    "subject": "A-1",
    "data": {"action_id": "a", "attempt": 1, "by": "user:eve"},
}
PLACED: dict[str, object] = {**HEAD, "source": "/shop", "type": "order.placed", "subject": "A-1", "data": {}}
CASE: dict[str, object] = {**HEAD, "source": "/shop", "type": "case.acknowledged", "subject": "A-1", "data": {"exception_id": "e"}}


def written(data: Path, use: Callable[[], None]) -> list[tuple[str, dict[str, object]]]:
    """What stands in the input log after a program has used the socket: the log's name, and the event."""

    async def served() -> None:
        log = InputLog(data / "log")
        server = LogSocket(data, log)
        await server.start()
        try:
            await asyncio.to_thread(use)
        finally:
            await server.close()
            log.close()

    asyncio.run(served())
    reader = EmbeddedReader(data, ("events", "decisions"))
    reader.seek({})
    found = [(record.topic, json.loads(record.value)) for record in reader.poll(0)]
    reader.close()
    return found


def send(data: Path, role: str, to: str, event: dict[str, object]) -> None:
    """Writes an event as a program with a role."""
    with closing(SocketDecisionWriter(data, role)) as writer:
        writer.send(to, [event])


def refused(data: Path, role: str, to: str, event: dict[str, object]) -> str:
    """Why a program with a role may not write an event; nothing of it is in the log."""
    said: list[str] = []

    def use() -> None:
        with pytest.raises(RefusedDecisionError) as caught:
            send(data, role, to, event)
        said.append(str(caught.value))

    assert written(data, use) == []
    return said[0]


def test_what_the_writer_says_of_a_decision_is_not_its_clients_to_say(tmp_path: Path) -> None:
    """`source`, `by` and roles are those of the role, whatever the event claims."""
    ((topic, event),) = written(tmp_path, lambda: send(tmp_path, "dispatch", "decisions", BEGUN))
    assert topic == "decisions"
    assert event["source"] == "/orderwatch/dispatch"
    data = event["data"]
    assert isinstance(data, dict)
    assert (data["by"], data["by_roles"], data["attempt"]) == ("service:dispatch", ["dispatch"], 1)


def test_a_program_without_the_secret_of_its_role_is_refused(tmp_path: Path) -> None:
    """Whoever reaches the socket must also have read the file. It may come again, as if nobody was there."""
    found: list[UnwrittenError] = []

    def use() -> None:
        secrets = json.loads(secrets_file(tmp_path).read_text(encoding="utf-8"))
        secrets_file(tmp_path).write_text(json.dumps({**secrets, "dispatch": secrets["load"]}), encoding="utf-8")
        with pytest.raises(UnwrittenError, match="refused") as caught:
            send(tmp_path, "dispatch", "decisions", BEGUN)
        found.append(caught.value)

    assert written(tmp_path, use) == []
    with pytest.raises(UnwrittenError, match="cannot be reached") as away:
        send(tmp_path, "dispatch", "decisions", BEGUN)
    assert not [error for error in (*found, away.value) if isinstance(error, RefusedDecisionError)]


def test_the_secrets_and_the_socket_are_this_users_alone(tmp_path: Path) -> None:
    """The file is 0600; that the socket is, the server asserts itself."""
    written(tmp_path, lambda: None)
    assert secrets_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert set(json.loads(secrets_file(tmp_path).read_text(encoding="utf-8"))) == set(SOCKET_ROLES)


def test_a_role_writes_its_own_types_to_its_own_log(tmp_path: Path) -> None:
    """A decision is none among events, an event none among decisions, and dispatch decides no cases."""
    assert refused(tmp_path, "dispatch", "decisions", CASE) == "case.acknowledged: not for this role"
    assert refused(tmp_path, "dispatch", "events", PLACED) == "it may not write there"
    assert "a decision" in refused(tmp_path, "load", "events", CASE)
    assert "no decision" in refused(tmp_path, "load", "decisions", PLACED)
    found = written(tmp_path, lambda: send(tmp_path, "load", "events", PLACED))
    assert [(topic, event["type"]) for topic, event in found] == [("events", "order.placed")]
    assert {(tmp_path / "log" / name).is_dir() for name in (EMBEDDED_EVENTS, EMBEDDED_DECISIONS)} == {True}
