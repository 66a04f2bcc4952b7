"""The whole embedded system, killed part by part and all at once: nothing lost, no effect twice, nothing left running.

`ORDERWATCH_KILLS` is how often it kills (default 3).
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from sqlalchemy import text

from dataflows.embedded.demo import DAY_US, Demo, late_parcel
from dataflows.embedded.haste import Haste, hasty_world
from dataflows.embedded.plan import take
from sinks.cases.schema import open_store
from sinks.embedded.sink import read_all
from sources.batch import END
from sources.embedded.outputs import EmbeddedReader
from sources.embedded.recorded import InputLogReader
from tests.support.logs import iso
from tests.support.replays import TOPICS, command, written
from tests.support.running import RunningSystem

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS = int(os.environ.get("ORDERWATCH_KILLS", "3"))
PARTS = ("gateway", "run", "store", "dispatch", "console", "up")
SECOND = 1_000_000
ORDERS = 40
pytestmark = pytest.mark.slow


def states(data: Path) -> dict[str, set[str]]:
    """By state, the actions that have come to it, as the log of actions says."""
    found: dict[str, set[str]] = {}
    for line in read_all(data)["actions"]:
        said = cast("dict[str, dict[str, object]]", json.loads(line.content))["data"]
        found.setdefault(str(said.get("state")), set()).add(str(said.get("action_id")))
    return found


def told(system: RunningSystem, kills: int) -> None:
    """A world in haste is sent, and parts are killed meanwhile, all of them in turn where there are enough kills."""
    order = PARTS if kills >= len(PARTS) else ("run", "dispatch", "up")
    begin, length = time.time_ns() // 1_000 + SECOND, 30 + 8 * kills
    events = [each for each in hasty_world(ORDERS, 1, Haste(begin, DAY_US)) if each.log < begin + length * SECOND]
    events = sorted((*events, *late_parcel(begin)), key=lambda each: each.log)
    rng = random.Random(1)
    due = sorted(rng.uniform(5, length - 5) for _ in range(kills))
    killed = sent = 0
    while sent < len(events) or killed < kills:
        now = time.time_ns() // 1_000
        if killed < kills and now >= begin + due[killed] * SECOND:
            # One that is just being started again is killed a moment later.
            killed += system.kill(order[killed % len(order)])
        if count := sum(1 for each in events[sent:] if each.log <= now):
            system.tell([each.event for each in events[sent : sent + count]])
            sent += count
        time.sleep(0.1)


def replayed(data: Path, policy: Path, at: int, out: Path) -> dict[str, Counter[bytes]]:
    """What a replay of the input log says up to an instant."""
    run = command("replay", data / "log", "--policy", policy, "--until", iso(at), "--out", out)
    assert run.returncode == 0, run.stderr.decode()
    return {topic: Counter(content.splitlines()) for topic, content in written(out).items()}


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Demo]:
    """A receiver of mails and webhooks, and the settings that lead to it."""
    data = tmp_path / "data"
    data.mkdir()
    demo = Demo(data, lambda _: None, ORDERS)
    demo.listen()
    yield demo
    demo.close()


def test_whatever_part_is_killed_nothing_is_lost_and_no_effect_comes_twice(receiver: Demo, tmp_path: Path) -> None:
    """A world in haste runs into it, parts and supervisor die; then output equals a replay of its log, and each mail came once."""
    data = receiver.data
    given = receiver.settings({})
    # A call that fails a second time, such as one that a kill and a busy machine have cut off, would wait for five minutes.
    cast("dict[str, object]", given["dispatch"])["schedule"] = [0.0, *[1.0] * 9]
    system = RunningSystem(tmp_path, given)
    try:
        system.start()
        system.tell([])  # it is up
        told(system, KILLS)
        system.until(lambda: not _requested(data), "requested actions have not come to an end:", lambda: _journal(data))
        system.until(system.is_caught_up, "the engine is behind")
        system.until(lambda: _rows(data) == len(read_all(data)["exceptions"]), "the store is behind")
        system.stop()
    finally:
        system.close()
    found = {topic: Counter(line.content for line in lines) for topic, lines in read_all(data).items()}
    tail = InputLogReader(data / "log", {})
    while tail.watermark < END:
        tail.read(None)
    policy = receiver.folder / "policy.yaml"
    early = replayed(data, policy, tail.greatest, tmp_path / "early")
    late = replayed(data, policy, tail.greatest + 600 * SECOND, tmp_path / "late")
    for topic in TOPICS:
        # After the last record only the engine's own stop decides how many deadlines it still saw.
        assert early[topic] <= found[topic] <= late[topic], topic
    mails = Counter(arrival.key for arrival in receiver.receiver.arrivals if arrival.kind == "mail")
    assert mails
    assert set(mails.values()) == {1}
    known = states(data)
    assert {arrival.key for arrival in receiver.receiver.arrivals} <= known.get("executed", set()) | known.get("in_doubt", set())


def _requested(data: Path) -> set[str]:
    """Actions that were requested and have come to no end."""
    return states(data).get("requested", set()) - _ended(data)


def _journal(data: Path) -> list[tuple[object, ...]]:
    """What dispatch knows of those: how each stands by the log, and its attempts."""
    known = sqlite3.connect(f"file:{next(data.rglob('journal.sqlite3'))}?mode=ro", uri=True)
    found = known.execute(
        "SELECT id, state, phase, endpoint, tries, (next_at - ?) / 1000000, outcome, code"
        " FROM actions LEFT JOIN attempts ON action_id = id",
        (time.time_ns() // 1_000,),
    ).fetchall()
    known.close()
    waiting = _requested(data)
    return [row for row in found if row[0] in waiting]


def _ended(data: Path) -> set[str]:
    found = states(data)
    return set[str]().union(*(found.get(state, set()) for state in ("executed", "failed", "in_doubt", "withdrawn", "expired", "rejected")))


def _rows(data: Path) -> int:
    """How many events of exceptions the store has."""
    engine = open_store(f"sqlite:///{data / 'state' / 'store.sqlite3'}")
    with engine.connect() as connection:
        count = connection.execute(text("select count(*) from exception_events")).scalar_one()
    engine.dispose()
    return int(count)


def test_a_second_system_over_the_same_directory_is_refused_in_one_line(tmp_path: Path) -> None:
    """Whoever starts it twice learns who has it."""
    handle = take(tmp_path)
    run = command("up", "--data", tmp_path)
    os.close(handle)
    assert run.returncode == 2
    assert run.stderr.decode() == f"orderwatch: {tmp_path} is in use by another `orderwatch up` (pid {os.getpid()})\n"
    assert EmbeddedReader(tmp_path, ("actions",)).poll(0) == []
