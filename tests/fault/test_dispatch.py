"""Dispatchers that share a topic, stand still, lose their journal, meet a pause: no second effect, and nothing that is never begun."""

from __future__ import annotations

import json
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from dataflows.dispatch.letters import ask, dead_letters, open_beside
from tests.support.action_engine import PARTITIONS, Engine
from tests.support.dispatcher import Dispatcher, webhook
from tests.support.endpoints.faults import FaultServer, served

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

pytestmark = pytest.mark.slow


def settings(server: FaultServer, *, keyed: bool = True, **more: Any) -> dict[str, Any]:
    """Everything goes to one endpoint."""
    end = webhook(server.url, honours_keys=keyed, throttle_seconds=0.1, timeout_seconds=3.0, connect_timeout_seconds=3.0)
    return {"endpoints": {"hook": end}, "routes": [{"endpoint": "hook"}], "schedule": (0.0, 0.05, *[0.2] * 10), **more}


@pytest.fixture
def engine(tmp_path: Path) -> Generator[Engine]:
    """The engine's action shard on a log of files."""
    with Engine(tmp_path / "log") as engine:
        yield engine


def owners(engine: Engine, names: str) -> None:
    """Gives each partition to a dispatcher: `abab`."""
    draft = engine.folder / "owners.draft"
    draft.write_text(json.dumps(dict(enumerate(names))))
    draft.replace(engine.folder / "owners.json")


def begun_by(engine: Engine) -> dict[str, list[str]]:
    """Who has begun each action, in log order."""
    found: dict[str, list[str]] = {}
    for event in engine.decisions():
        if event["type"] == "action.begun":
            found.setdefault(event["data"]["action_id"], []).append(event["data"]["dispatcher"])
    return found


def test_a_dispatcher_that_stood_still_calls_nothing_that_others_have_taken_over(engine: Engine) -> None:
    """Partitions go back and forth while one stands still and wakes up, and one is killed: nothing is called twice, nothing is left."""
    server = FaultServer(honours_keys=False)
    with served(server):
        given = settings(server, keyed=False, takeover_seconds=4)
        owners(engine, "a" * PARTITIONS)
        first, second = Dispatcher(engine.folder, given, "a"), Dispatcher(engine.folder, given, "b")
        first.start()
        second.start()
        try:
            engine.wanted(60)
            engine.until(lambda: engine.counted().get("executed", 0) >= 10)
            first.signal(signal.SIGSTOP)
            owners(engine, "b" * PARTITIONS)
            engine.wanted(40, prefix="B")
            engine.until(lambda: set(engine.counted()) <= {"executed", "in_doubt"})
            first.signal(signal.SIGCONT)
            owners(engine, "ab" * (PARTITIONS // 2))
            engine.wanted(40, prefix="C")
            engine.until(lambda: engine.counted().get("executed", 0) >= 80)
            second.kill()
            owners(engine, "a" * PARTITIONS)
            engine.until(lambda: set(engine.counted()) <= {"executed", "in_doubt"})
            assert first.stop() == 0
        finally:
            first.destroy()
            second.destroy()
    assert max(server.effects.values()) == 1
    assert all(server.effects[id_] == 1 for id_, data in engine.states.items() if data["state"] == "executed")
    assert engine.counted()["executed"] > 100
    assert len({who for each in begun_by(engine).values() for who in each}) == 2


def test_a_lost_journal_costs_certainty_and_no_second_effect(engine: Engine) -> None:
    """What was begun under another name is in doubt where the endpoint honours no keys."""
    server = FaultServer(lambda _: "silent", honours_keys=False)
    with served(server):
        dispatcher = Dispatcher(engine.folder, settings(server, keyed=False, takeover_seconds=4))
        dispatcher.start()
        try:
            engine.wanted(5)
            engine.until(lambda: engine.counted().get("begun", 0) == 5)
            dispatcher.kill()
            for file in dispatcher.dir.iterdir():
                file.unlink()
            dispatcher.start()
            engine.until(lambda: engine.counted() == {"in_doubt": 5})
            calls = server.calls.copy()
            engine.wanted(1, prefix="later")
            engine.until(lambda: len(server.calls) > len(calls))
            assert dispatcher.stop() == 0
        finally:
            dispatcher.destroy()
    assert all(server.calls[key] == count for key, count in calls.items())
    assert max(server.effects.values()) == 1


def test_nothing_is_begun_in_a_pause_and_it_goes_on_after_it(engine: Engine) -> None:
    """A withdrawn action is dropped, a paused one waits."""
    server = FaultServer()
    with served(server):
        engine.wanted(3)
        engine.decide("automation.paused", scope="action:create_task", by="user:anna")
        engine.until(lambda: b"automation.state" in b"".join(file.read_bytes() for file in engine.folder.glob("actions-*.jsonl")))
        dispatcher = Dispatcher(engine.folder, settings(server))
        dispatcher.start()
        try:
            engine.wanted(1, prefix="T", kind="shipment.stuck", step="ask_carrier")
            engine.until(lambda: engine.counted().get("executed") == 1)
            assert len(server.calls) == 1
            engine.decide("automation.resumed", scope="action:create_task", by="user:anna")
            engine.until(lambda: engine.counted().get("executed") == 4)
            assert dispatcher.stop() == 0
        finally:
            dispatcher.destroy()


def test_a_dead_letter_is_replayed_once_with_todays_secret_and_audited(engine: Engine) -> None:
    """Refused, and replayed after that was mended. An endpoint that is gone is called no more until somebody enables it."""
    server = FaultServer(["refused", "gone"])
    with served(server):
        given = settings(server)
        given["endpoints"]["hook"]["concurrency"] = 1
        dispatcher = Dispatcher(engine.folder, given)
        dispatcher.start()
        try:
            engine.wanted(2)
            engine.until(lambda: engine.counted().get("failed") == 2)
            db = open_beside(dispatcher.dir)
            letters = dead_letters(db)
            assert sorted(each.code for each in letters) == ["http_410", "http_422"]
            engine.wanted(1, prefix="waits")
            assert ask(db, "replay", [each.action_id for each in letters], "user:anna", 1) == 2
            engine.until(lambda: engine.counted().get("executed") == 2)  # Also on a disabled endpoint.
            assert engine.counted()["requested"] == 1
            ask(db, "enable", ["hook"], "user:anna", 1)
            engine.until(lambda: engine.counted() == {"executed": 3})
            assert dead_letters(db) == []
            assert ask(db, "replay", [letters[0].action_id], "user:anna", 1) == 1
            engine.until(lambda: _said(db, "no dead letter"))
            assert dispatcher.stop() == 0
            said = [detail for (detail,) in db.execute("SELECT detail FROM audit WHERE who = 'user:anna' AND what = 'replayed'")]
            assert said == ["executed", "executed"]
            db.close()
        finally:
            dispatcher.destroy()
    assert set(server.effects.values()) == {1}
    assert {each.key for each in server.taken} == set(engine.states)


def test_a_stop_lets_calls_end_and_one_that_hangs_is_taken_up_again(engine: Engine) -> None:
    """SIGTERM: a late answer is waited for and said; a call that does not end in time is repeated with its key by the next start."""
    server = FaultServer(["late", "silent"], late_s=0.5)
    with served(server):
        given = settings(server, stop_seconds=1.5)
        given["endpoints"]["hook"] |= {"timeout_seconds": 30, "concurrency": 2}
        dispatcher = Dispatcher(engine.folder, given)
        dispatcher.start()
        try:
            engine.wanted(2)
            engine.until(lambda: len(server.taken) == 2)
            assert dispatcher.stop() == 0
            assert sorted(each["type"] for each in engine.decisions()) == ["action.begun", "action.begun", "action.executed"]
            dispatcher.start()
            engine.until(lambda: engine.counted() == {"executed": 2})
            assert dispatcher.stop() == 0
        finally:
            dispatcher.destroy()
    assert set(server.effects.values()) == {1}
    assert sorted(server.calls.values()) == [1, 2]


def _said(db: sqlite3.Connection, detail: str) -> bool:
    return db.execute("SELECT 1 FROM audit WHERE detail = ?", (detail,)).fetchone() is not None
