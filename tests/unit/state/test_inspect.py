"""`orderwatch state`: what a state directory tells of an order and of itself, while its engine is at work and after it was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import orjson
import pytest

from dataflows.cli import main as cli
from dataflows.core.engine.shard import Shard
from dataflows.core.identity import order_shard
from dataflows.core.rules.load import load_policy
from dataflows.detect.names import ORDER_SHARDS
from dataflows.runtime.state import Pins, ShardStore, StateHome
from schemas.record import FeedWatermark
from tests.support.logs import DAY, HOUR, T0, line, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Captured = pytest.CaptureFixture[str]
Data = dict[str, object]

POLICY = """
feeds:
  /payments/stripe: {silence: 1 h}
rules:
  payment.capture_overdue: {feeds: [payments]}
"""
PLACED: Data = {"total": {"amount": "80.00", "currency": "EUR"}, "ship_to": {"country": "NL"}, "method": "pickup"}


class Engine:
    """One shard of a live engine: the core, its store, and the directory they belong to."""

    def __init__(self, path: Path, order: str) -> None:
        self.order = order
        self.path = path
        (path.parent / "policy.yaml").write_text(POLICY)
        policy = load_policy(path.parent / "policy.yaml")
        self.home = StateHome.open(path)
        self.home.begin(Pins({"orders": 64}, {"order-events": 1}, {"order-exceptions": 1}, "0.1.0", policy.version, POLICY))
        self.shard = Shard(policy)
        self.name = ORDER_SHARDS[order_shard("default", order, 64)]
        self.store = ShardStore.open(self.home, self.name, None)

    def give(self, id_: str, at: int, type_: str, data: Data | None = None) -> None:
        """An event, logged when it happened."""
        self.shard.apply(record(line(id_, at, type_, order=self.order, data=data or {}), at))

    def commit(self) -> None:
        """The end of an epoch."""
        for key, value in self.shard.changes():
            self.store.put(key, value)
        self.store.commit(self.shard.rows).wait()

    def close(self) -> None:
        """The process ends, without a clean stop."""
        self.store.close()
        self.home.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine that runs while the test looks in; its order was captured too late, or not at all."""
    engine = Engine(tmp_path / "state", "A-1")
    yield engine
    engine.close()


def asked(engine: Engine, capsys: Captured, *more: str) -> dict[str, object]:
    """What `state inspect --json` says of the engine's order."""
    assert cli.run(["state", "inspect", engine.order, "--state", str(engine.path), "--json", *more]) == 0
    return cast("dict[str, object]", orjson.loads(capsys.readouterr().out))


def test_an_open_order_is_shown_with_its_timeline_and_next_deadlines(engine: Engine, capsys: Captured) -> None:
    """Of a running engine's order: each event with its place in the log, and when which rule is due and why."""
    engine.give("e1", T0, "order.placed", PLACED)
    engine.commit()
    report = asked(engine, capsys)
    assert (report["status"], report["shard"], report["commit"]) == ("open", engine.name, 1)
    (event,) = cast("list[Data]", report["timeline"])
    assert (event["type"], event["id"], event["topic"], event["partition"], event["offset"]) == ("order.placed", "e1", "t", 0, 0)
    deadlines = {str(ahead["kind"]): ahead for ahead in cast("list[Data]", report["deadlines"])}
    assert deadlines["payment.capture_overdue"]["severity"] == "medium"
    assert "placed" in str(deadlines["payment.capture_overdue"]["words"])
    assert cli.run(["state", "inspect", engine.order, "--state", str(engine.path)]) == 0
    told = capsys.readouterr().out
    assert "order A-1  open" in told
    assert "order.placed" in told
    engine.give("s1", T0 + HOUR, "carrier.scan", {"status": "in_transit", "tracking_number": "1Z"})
    engine.commit()
    assert cli.run(["state", "inspect", engine.order, "--state", str(engine.path)]) == 0
    assert "carrier.scan in_transit " in capsys.readouterr().out
    assert "payment.capture_overdue becomes medium: placed " in told


def test_what_a_deadline_waits_for_is_shown(engine: Engine, capsys: Captured) -> None:
    """A deadline that passed while its feed was silent is deferred: on which feed, since when it has not spoken, and that it is stale."""
    engine.shard.apply(FeedWatermark(T0, "events", 0, 0, 1, "/payments/stripe", T0))
    engine.give("e1", T0, "order.placed", PLACED)
    engine.shard.advance(T0 + 2 * DAY)
    engine.commit()
    waits = {str(wait["kind"]): wait for wait in cast("list[Data]", asked(engine, capsys)["waits"])}
    wait = waits["payment.capture_overdue"]
    assert (wait["feed"], wait["stale"], wait["deadlines"]) == ("/payments/stripe", True, ["2026-04-21T08:00:00Z"])
    assert cli.run(["state", "inspect", engine.order, "--state", str(engine.path)]) == 0
    assert "feed /payments/stripe must speak past" in capsys.readouterr().out


def test_exceptions_are_shown_as_they_stand(engine: Engine, capsys: Captured) -> None:
    """What was said of the order, with the ID that consumers know it by."""
    engine.give("e1", T0, "order.placed", PLACED)
    engine.shard.advance(T0 + 25 * HOUR)
    engine.shard.apply(FeedWatermark(T0 + 26 * HOUR, "events", 0, 5, 1, "/payments/stripe", T0 + 26 * HOUR))
    engine.shard.advance(T0 + 27 * HOUR)
    engine.commit()
    (verdict,) = cast("list[Data]", asked(engine, capsys)["verdicts"])
    (raised,) = [out for out in engine.shard.drain() if out.type == "exception.raised"]
    assert (verdict["exception_id"], verdict["kind"], verdict["status"]) == (raised.data["exception_id"], "payment.capture_overdue", "open")
    assert cli.run(["state", "inspect", engine.order, "--state", str(engine.path)]) == 0
    assert "payment.capture_overdue  open, due " in capsys.readouterr().out


def test_only_what_was_committed_is_shown(engine: Engine, capsys: Captured) -> None:
    """An event of the present epoch is not there yet, although some of its bytes may be."""
    engine.give("e1", T0, "order.placed", PLACED)
    engine.commit()
    engine.give("c1", T0 + HOUR, "payment.captured", {"payment_id": "p1", "amount": {"amount": "80.00", "currency": "EUR"}})
    for key, value in engine.shard.changes():
        engine.store.put(key, value)
    engine.store.put(b"s", b"x" * 400_000)
    assert len(cast("list[Data]", asked(engine, capsys)["timeline"])) == 1


def test_a_closed_order_is_shown_as_such(engine: Engine, capsys: Captured) -> None:
    """Its history is gone; until when its events are remembered is known."""
    engine.give("e1", T0, "order.placed", PLACED)
    engine.give("x1", T0 + HOUR, "order.cancelled")
    engine.shard.apply(FeedWatermark(T0 + HOUR, "events", 0, 5, 1, "/payments/stripe", T0 + HOUR))
    engine.shard.advance(T0 + 200 * DAY)
    engine.commit()
    report = asked(engine, capsys)
    assert (report["status"], report["timeline"]) == ("closed", [])
    assert report["remembered_until"] is not None
    assert cli.run(["state", "inspect", engine.order, "--state", str(engine.path)]) == 0
    assert "only which events it had is remembered, until 20" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["A-2"], ["A-1", "--tenant", "acme"]])
def test_an_unknown_order_is_misuse(engine: Engine, capsys: Captured, arguments: list[str]) -> None:
    """One line, exit 2."""
    engine.give("e1", T0, "order.placed", PLACED)
    engine.commit()
    assert cli.run(["state", "inspect", *arguments, "--state", str(engine.path)]) == 2
    assert capsys.readouterr().err.startswith(f"orderwatch: no order {arguments[0]} of tenant ")


@pytest.mark.parametrize("command", [["inspect", "A-1"], ["show"]])
def test_a_directory_that_is_none_is_misuse(tmp_path: Path, capsys: Captured, command: list[str]) -> None:
    """One line, exit 2, and nothing is made."""
    assert cli.run(["state", *command, "--state", str(tmp_path / "x")]) == 2
    assert "not a state directory" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_damaged_state_is_refused(engine: Engine, capsys: Captured) -> None:
    """One line that names the file and the remedy, exit 2: trying again mends nothing."""
    engine.give("e1", T0, "order.placed", PLACED)
    engine.commit()
    file = next((engine.path / "shards" / engine.name).iterdir())
    file.write_bytes(file.read_bytes().replace(b"oA-1", b"oA-2"))
    for command in (["inspect", "A-1"], ["show"]):
        assert cli.run(["state", *command, "--state", str(engine.path)]) == 2
        assert f"{file.name} is damaged at byte" in capsys.readouterr().err


def test_a_directory_is_shown_in_numbers(tmp_path: Path, capsys: Captured) -> None:
    """Whose it is, who is at work, how far, how much there is."""
    engine = Engine(tmp_path / "state", "A-1")
    engine.give("e1", T0, "order.placed", PLACED)
    engine.commit()
    engine.home.advise(T0)
    assert cli.run(["state", "show", "--state", str(engine.path), "--json"]) == 0
    found = cast("dict[str, object]", orjson.loads(capsys.readouterr().out))
    assert (found["id"], found["orders"], found["closed"], found["clean"]) == (str(engine.home.uuid), 1, 0, False)
    (process,) = cast("list[Data]", found["processes"])
    assert (process["running"], process["progress"]) == (True, "2026-04-20T08:00:00Z")
    assert cli.run(["state", "show", "--state", str(engine.path)]) == 0
    told = capsys.readouterr().out
    assert f"state {engine.home.uuid}" in told
    assert "1 open, 0 closed and remembered" in told
    assert "running (pid " in told
    engine.home.stop_clean()
    engine.close()
    assert cli.run(["state", "show", "--state", str(engine.path)]) == 0
    assert "stopped cleanly" in capsys.readouterr().out
