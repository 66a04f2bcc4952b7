"""What is said about a log depends on the log alone: not on when, how fast and by how many processes it is read, nor on Kafka at all."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer

from schemas.topics import DECISIONS
from tests.support.brokers import topic
from tests.support.decided import decided
from tests.support.hurried import SECOND, Pace, Told, hurried, write_policy
from tests.support.live import Engine, committed, produce
from tests.support.logs import T0, iso
from tests.support.replays import TOPICS, command, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from confluent_kafka import KafkaError

    from tests.support.brokers import Broker

ORDERS = 150
PARTITIONS = {"trade": 2, "carriers": 3, "decisions": 2}
ENDINGS = {"decisions": f"-{DECISIONS}"}
LEARNED = {"payment.auth_missing", "fulfilment.release_overdue"}
"""Kinds that are armed only by what the feeds have shown."""
BY_PRODUCERS = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}

pytestmark = pytest.mark.slow


def topic_of(told: Told) -> str:
    """Carriers write to a topic of their own, and so do those who decide."""
    if b'"/desk"' in told.line:
        return "decisions"
    return "carriers" if b'"/carrier/' in told.line else "trade"


def said(engine: Engine) -> dict[str, list[bytes]]:
    """Everything that an engine wrote, sorted, since shards do not wait for each other."""
    return {output: sorted(engine.values(output)) for output in TOPICS}


def replayed(topics: Sequence[str], broker: Broker, policy: Path, until: int, folder: Path) -> dict[str, list[bytes]]:
    """What a replay of an export of the topics writes, sorted."""
    chosen = [word for name in topics for word in ("--topic", name)]
    exported = command("export", "--brokers", broker.bootstrap, *chosen, "--out", folder / "export")
    assert exported.returncode == 0, exported.stderr.decode()
    files = sorted((folder / "export").iterdir())
    run = command("replay", *files, "--policy", policy, "--until", iso(until), "--out", folder / "replayed")
    assert run.returncode == 0, run.stderr.decode()
    found = {output: sorted(content.splitlines()) for output, content in written(folder / "replayed").items()}
    # A file says why beside what was rejected; a topic has it in headers.
    return {**found, "rejects": sorted(json.loads(line)["text"].encode() for line in found["rejects"])}


def assert_written_once_in_order(engine: Engine) -> None:
    """Within its partition every exception's events stand once each, numbered from 1."""
    latest: dict[str, int] = {}
    for record in committed(engine.bootstrap, engine.topic("exceptions")):
        data = json.loads(record.value)["data"]
        assert data["sequence"] == latest.get(data["exception_id"], 0) + 1
        latest[data["exception_id"]] = data["sequence"]


def assert_same_output(all_output: dict[str, dict[str, list[bytes]]], incidents: set[str]) -> None:
    """All runs wrote the same bytes: many exceptions, and incidents of these types at least.

    Where records are stamped as they come, a producer that is held up makes feeds stale, and well again, besides.
    """
    first, *others = all_output
    for output in TOPICS:
        for other in others:
            assert all_output[other][output] == all_output[first][output], f"{output}: {other} differs from {first}"
    assert len(all_output[first]["exceptions"]) > ORDERS // 6
    assert incidents <= {json.loads(line)["type"] for line in all_output[first]["incidents"]}


def in_time(world: Sequence[Told], names: dict[str, str], broker: Broker) -> None:
    """Appends each event when its time has come.

    By one producer that is connected before: one made for each batch takes seconds on a busy machine, and what belongs hours apart in this
    haste would be appended at one instant.
    """
    producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "linger.ms": 5})
    producer.list_topics(timeout=60)
    failures: list[str] = []

    def delivered(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failures.append(str(error))

    for told in world:
        time.sleep(max(0.0, told.log / SECOND - time.time()))
        given = told.given(PARTITIONS[topic_of(told)])
        producer.produce(names[topic_of(told)], given.value, given.key, given.partition, on_delivery=delivered)
        producer.poll(0)
    assert producer.flush(60) == 0
    assert failures == []


def world_ahead(file: Path) -> tuple[Path, list[Told], int]:
    """A policy, what is told and decided by it, and until when; none of it before now.

    A world that is made too late would be appended all at once, and hardly anything would happen between its policies. How long making
    it takes depends on the machine.
    """
    for lead in (15, 45, 135):
        pace = Pace(time.time_ns() // 1_000 + lead * SECOND, 9 * SECOND)
        until = pace.begin + 10 * SECOND
        policy = write_policy(file, pace, steady=("/payments/stripe", "/warehouse"), learns=True)
        world = hurried(ORDERS, 1, pace)
        world = sorted((*world, *decided(world, policy, until)), key=lambda told: told.log)
        if time.time_ns() // 1_000 < pace.begin - SECOND:
            return policy, world, until
    raise AssertionError("no world is made within two minutes")


def engines(tmp_path: Path, broker: Broker, names: dict[str, str], policy: Path, until: int) -> Iterator[Engine]:
    """Engines over the same topics."""
    for number in range(10):
        inputs = {"until": iso(until), "batch": 100}
        yield Engine(
            tmp_path / f"engine-{number}", broker.bootstrap, f"{names['trade']}-{number}", tuple(names.values()), policy, inputs=inputs
        )


def test_a_run_while_events_come_in_runs_over_all_of_it_and_a_replay_of_the_export_say_the_same(
    real_broker: Broker, tmp_path: Path
) -> None:
    """Live means live: broker stamps, idle partitions, a producer at work. One, two and three processes, and no broker: the same bytes.

    What the feeds tell of is learned.
    """
    names = {name: topic(real_broker, name, count, ending=ENDINGS.get(name, "")) for name, count in PARTITIONS.items()}
    policy, world, until = world_ahead(tmp_path / "policy.yaml")
    live, two, three, *_ = engines(tmp_path, real_broker, names, policy, until)
    # A busy machine may take longer than usual between stamping a record and showing it.
    live.start(clock_allowance_ms=1_000)
    in_time(world, names, real_broker)
    live.finish()
    two.run(processes=2)
    three.run(processes=3)
    every = {
        "live": said(live),
        "2 processes": said(two),
        "3 processes": said(three),
        "replay": replayed(list(names.values()), real_broker, policy, until, tmp_path),
    }
    assert_same_output(every, {"feed.stale"})
    states = Counter(json.loads(line)["data"].get("state") for line in every["live"]["actions"])
    assert all(states[state] for state in ("proposed", "requested", "begun", "withdrawn")), states
    exceptions = [json.loads(line)["data"] for line in every["live"]["exceptions"]]
    assert len({data["policy"]["version"] for data in exceptions}) == 3, "two policies are activated on the way"
    assert {"acknowledged", "assigned", "resolved"} <= {data["case"]["state"] for data in exceptions}
    assert "DESK-1" in {data["owner"] for data in exceptions}
    assert sum(b"policy.activated" in line for line in every["live"]["rejects"]) == 1
    for engine in (live, two, three):
        assert_written_once_in_order(engine)
        assert late_records(engine) == 0


def late_records(engine: Engine) -> int:
    """How many late records all processes counted, by the lines that they logged when they stopped."""
    stopped = engine.logged("stopped")
    assert len(stopped) == engine.processes
    return sum(int(str(line["late_records"])) for line in stopped)


def test_the_pace_of_reading_changes_nothing(real_broker: Broker, tmp_path: Path) -> None:
    """Twenty-five minutes of a log, read at a hundred times its pace and at full speed: the same bytes.

    What the feeds tell of is learned, by three processes, by one and by a replay alike. All feeds fall silent again and again; a quarter
    of an hour after the last of them spoke again nothing waits any more.
    """
    names = {name: topic(real_broker, name, count, BY_PRODUCERS) for name, count in PARTITIONS.items() if name not in ENDINGS}
    pace = Pace(T0, 25 * 60 * SECOND)
    until = pace.begin + (25 + 16) * 60 * SECOND
    policy = write_policy(tmp_path / "policy.yaml", pace, learns=True)
    world = hurried(ORDERS, 2, pace)
    for name, at in names.items():
        count = PARTITIONS[name]
        produce(real_broker.bootstrap, at, (told.given(count) for told in world if topic_of(told) == name))
    slow, fast, *_ = engines(tmp_path, real_broker, names, policy, until)
    with ThreadPoolExecutor() as pool:
        slowly = pool.submit(slow.run, processes=3, speed=100, allow_create_time=True)
        fast.run(allow_create_time=True)
        replay = replayed(list(names.values()), real_broker, policy, until, tmp_path)
        slowly.result()
    every = {"at 100 times": said(slow), "at full speed": said(fast), "replay": replay}
    assert_same_output(every, {"feed.stale", "feed.recovered"})
    assert {json.loads(line)["data"]["kind"] for line in replay["exceptions"]} >= LEARNED
    for engine in (slow, fast):
        assert_written_once_in_order(engine)
        assert late_records(engine) == 0
