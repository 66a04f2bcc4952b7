"""The engine over the logs of an embedded installation: what it says is what a replay of the same log says."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from schemas.embedded import input_folder
from tests.support.decided import decided
from tests.support.embedded import Installation
from tests.support.hurried import SECOND, Pace, Told, hurried, write_policy
from tests.support.logs import iso
from tests.support.replays import TOPICS, command, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sources.outputs.reader import LoggedRecord

ORDERS = 60

pytestmark = pytest.mark.slow


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation over the hurried world's policy."""
    found = Installation(tmp_path / "installation")
    yield found
    found.close()


def replayed(installation: Installation, until: int, folder: Path) -> dict[str, Counter[bytes]]:
    """What a replay of the input log says."""
    assert installation.policy is not None
    run = command(
        "replay", input_folder(installation.data), "--policy", installation.policy, "--until", iso(until), "--out", folder, "--overwrite"
    )
    assert run.returncode == 0, run.stderr.decode()
    return {output: Counter(content.splitlines()) for output, content in written(folder).items()}


def tell(installation: Installation, world: list[Told], kills: int) -> int:
    """Appends each event when its time has come, those of an instant together, and kills parts meanwhile; returns how often."""
    rng, killed = random.Random(1), 0
    moments = sorted({each.log // (SECOND // 5) for each in world})
    due = set(rng.sample(moments[5:], kills))
    for moment in moments:
        time.sleep(max(0.0, moment / 5 - time.time()))
        if moment in due:
            part = ("gateway", "run")[killed % 2]
            installation.kill(part)
            installation.start(part)
            killed += 1
        at = [each for each in world if each.log // (SECOND // 5) == moment]
        for to, role, of_decisions in (("events", "load", False), ("decisions", "api", True)):
            if lines := [each.line for each in at if (b'"/desk"' in each.line) is of_decisions]:
                installation.send(to, lines, role)
    return killed


def test_a_live_run_and_a_replay_of_its_log_say_the_same_bytes_whatever_is_killed(installation: Installation, tmp_path: Path) -> None:
    """Events and decisions come by the socket while gateway and engine are killed: each output record once, as a replay has it."""
    length = 12 * SECOND
    installation.policy = write_policy(tmp_path / "policy.yaml", Pace(0, length), steady=("/payments/stripe", "/warehouse"), learns=True)
    installation.start("gateway")
    installation.start("run")
    installation.until(lambda: '"running"' in installation.log("run"), "the engine does not start")
    pace = Pace(time.time_ns() // 1_000 + SECOND, length)
    until = pace.begin + length + SECOND
    world = hurried(ORDERS, 1, pace)
    world = sorted((*world, *decided(world, installation.policy, until)), key=lambda each: each.log)
    kills = int(os.environ.get("ORDERWATCH_KILLS", "3"))
    assert tell(installation, world, kills) == kills
    installation.until(lambda: installation.watermark() > until, "the log's time has not come to the end")
    installation.until(installation.is_caught_up, "not all of the log was read")
    installation.until(lambda: installation.has_judged(until), "the engine's time has not come to the end")
    installation.stop("run")
    installation.stop("gateway")
    found = {output: Counter(lines) for output, lines in installation.values().items()}
    expected = replayed(installation, installation.watermark(), tmp_path / "replayed")
    early = replayed(installation, until, tmp_path / "early")
    for output in TOPICS:
        # The engine may have stopped a moment before the log did: deadlines of that moment are for its next start to say.
        assert not early[output] - found[output], output
        assert not found[output] - expected[output], output
    assert found["exceptions"].total() > ORDERS // 6
    assert {json.loads(line)["type"] for line in found["actions"]} >= {"action.proposed"}


def test_a_reader_sees_each_output_record_once_and_never_another_one_at_its_place(installation: Installation, tmp_path: Path) -> None:
    """Whoever follows the logs while the engine is killed reads what stands there at the end."""
    length = 6 * SECOND
    installation.policy = write_policy(tmp_path / "policy.yaml", Pace(0, length))
    installation.start("gateway")
    installation.start("run")
    installation.until(lambda: '"running"' in installation.log("run"), "the engine does not start")
    world = hurried(ORDERS // 2, 2, Pace(time.time_ns() // 1_000, length))
    reader = installation.reader(*TOPICS, "decisions", "events")
    reader.seek({})
    seen: list[LoggedRecord] = []
    for number in range(0, len(world), 40):
        installation.send("events", [each.line for each in world[number : number + 40]], "load")
        seen += reader.poll(0.05)
        if number % 200 == 80:
            installation.kill("run")
            installation.start("run")
    installation.until(installation.is_caught_up, "not all of the log was read")
    installation.until(lambda: len(installation.said()["exceptions"]) > 5, "the engine says nothing")
    installation.stop("run")
    installation.stop("gateway")
    while more := reader.poll(0):
        seen += more
    assert {partition: end for partition, end in reader.ends().items() if end} == {record.partition: record.next for record in seen}
    reader.close()
    again = installation.reader(*TOPICS, "decisions", "events")
    again.seek({})
    final: list[LoggedRecord] = []
    while more := again.poll(0):
        final += more
    again.close()

    def place(record: LoggedRecord) -> tuple[str, int]:
        return record.partition, record.offset

    assert sorted(seen, key=place) == sorted(final, key=place)
    assert sum(record.topic == "exceptions" for record in seen) > 5
