"""An embedded installation grows onto Kafka: what it has said becomes topics, and what comes next is judged as if nothing had moved."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from schemas.topics import DECISIONS
from sinks.rejected import parse
from tests.support.brokers import topic
from tests.support.decided import decided
from tests.support.embedded import Installation
from tests.support.hurried import SECOND, Pace, Told, hurried, write_policy
from tests.support.live import OUTPUTS, Engine, committed, produce
from tests.support.logs import iso
from tests.support.replays import command, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

ORDERS = 60
LENGTH = 16 * SECOND

pytestmark = pytest.mark.slow


def test_what_moved_to_kafka_is_not_judged_again_and_what_follows_is_judged_by_it(real_broker: Broker, tmp_path: Path) -> None:
    """The topics hold in the end, byte for byte and each once, what one replay of the log and of the topics after it says."""
    policy = write_policy(tmp_path / "policy.yaml", Pace(0, LENGTH), steady=("/payments/stripe", "/warehouse"))
    installation = Installation(tmp_path / "installation", policy)
    names = {"events": topic(real_broker, "moved", 1), "decisions": topic(real_broker, "moved", 1, ending=f"-{DECISIONS}")}
    engine = Engine(
        tmp_path / "engine",
        real_broker.bootstrap,
        names["events"],
        tuple(names.values()),
        policy,
        state={"dir": str(installation.data / "state")},
    )
    try:
        installation.start("gateway")
        installation.start("run")
        installation.until(lambda: '"running"' in installation.log("run"), "the engine does not start")
        world = hurried(ORDERS, 1, Pace(time.time_ns() // 1_000, LENGTH))
        world = sorted((*world, *decided(world, policy, world[0].log + LENGTH)), key=lambda each: each.log)
        half = len(world) // 2
        send(installation, world[:half])
        installation.stop("run")
        installation.stop("gateway")
    finally:
        installation.close()
    (installation.data / "settings.yaml").write_bytes(installation.settings().read_bytes())
    moved = command("state", "move", "--data", installation.data, "--settings", engine.settings())
    assert moved.returncode == 0, moved.stderr.decode()
    before = {output: Counter(comparable(output, [line.content for line in lines])) for output, lines in installation.said().items()}
    assert sum(before["exceptions"].values()) > 5
    assert held(engine)["exceptions"] == before["exceptions"]
    again = command("state", "move", "--data", installation.data, "--settings", engine.settings())
    assert again.returncode == 2
    assert b"has been moved to Kafka" in again.stderr
    try:
        engine.start()
        engine.ready()
        for of_decisions, name in ((False, names["events"]), (True, names["decisions"])):
            produce(
                real_broker.bootstrap,
                name,
                [one.given(1)._replace(stamp=None) for one in world[half:] if (b'"/desk"' in one.line) is of_decisions],
            )
        last = max(record.stamp for name in names.values() for record in committed(real_broker.bootstrap, name)) * 1_000
        installation.until(lambda: engine.metric("orderwatch_low_watermark_timestamp_seconds") * SECOND > last, "the engine does not go on")
        assert engine.metric("orderwatch_mismatches_total") == 0
        engine.stop()
    finally:
        engine.destroy()
    found = held(engine)
    for output in OUTPUTS:
        assert before[output] <= found[output], output
    exported = command(
        "export",
        "--brokers",
        real_broker.bootstrap,
        "--topic",
        names["events"],
        "--topic",
        names["decisions"],
        "--out",
        tmp_path / "export",
    )
    assert exported.returncode == 0, exported.stderr.decode()
    files = [installation.data / "log", *sorted((tmp_path / "export").iterdir())]
    for until, early in ((last, True), (last + 600 * SECOND, False)):
        out = tmp_path / f"replayed-{early}"
        run = command("replay", *files, "--policy", policy, "--until", iso(until), "--out", out)
        assert run.returncode == 0, run.stderr.decode()
        for output, content in written(out).items():
            said = Counter(comparable(output, content.splitlines()))
            small, large = (said, found[output]) if early else (found[output], said)
            assert small <= large, (output, early, list((small - large).elements())[:2])


def send(installation: Installation, world: list[Told]) -> None:
    """Appends events to the embedded log as their time comes, fifty at a time."""
    for number in range(0, len(world), 50):
        part = world[number : number + 50]
        time.sleep(max(0.0, part[-1].log / SECOND - time.time()))
        for to, role, of_decisions in (("events", "load", False), ("decisions", "api", True)):
            if chosen := [one.line for one in part if (b'"/desk"' in one.line) is of_decisions]:
                installation.send(to, chosen, role)


def held(engine: Engine) -> dict[str, Counter[bytes]]:
    """What stands in the engine's topics: of rejects the originals."""
    return {output: Counter(record.value for record in committed(engine.bootstrap, engine.topic(output))) for output in OUTPUTS}


def comparable(output: str, lines: list[bytes]) -> list[bytes]:
    """Lines of a replay as topics have them."""
    return [parse(line).value or b"" for line in lines] if output == "rejects" else lines
