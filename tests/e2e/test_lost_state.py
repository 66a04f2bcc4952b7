"""What the engine makes of a state that is lost, old or another's, and of topics that are no longer the same: it says so, no more."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from tests.e2e.test_changes import PATIENCE, STRICT, await_raised, placed, raised
from tests.support.brokers import topic
from tests.support.live import Engine, produce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.brokers import Broker

pytestmark = pytest.mark.slow


@pytest.fixture
def engine(real_broker: Broker, tmp_path: Path) -> Iterator[Engine]:
    """One that has raised an exception of each of 20 orders and was stopped."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(STRICT, encoding="utf-8")
    events = topic(real_broker, "events", 2)
    one = Engine(tmp_path / "home", real_broker.bootstrap, events, (events,), policy, inputs={"growth_check_seconds": 0.3})
    produce(one.bootstrap, events, [placed(number, number % 2) for number in range(20)])
    try:
        one.start()
        await_raised(one, 20)
        one.stop()
        yield one
    finally:
        one.destroy()


def made_again(engine: Engine, name: str, count: int) -> None:
    """Deletes a topic and makes it again under its name, with as many partitions."""
    admin = AdminClient({"bootstrap.servers": engine.bootstrap})
    admin.delete_topics([name])[name].result(PATIENCE)
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            admin.create_topics([NewTopic(name, count, 1, config={"message.timestamp.type": "LogAppendTime"})])[name].result(PATIENCE)
            return
        except KafkaException:  # it is being deleted still
            assert time.monotonic() < give_up
            time.sleep(0.1)


def test_a_lost_state_is_no_first_start(engine: Engine, tmp_path: Path) -> None:
    """Emptied, or in parts: nothing is said again before somebody has said that it shall be."""
    state, kept = engine.state_dir, tmp_path / "kept"
    shutil.move(state, kept)
    said = engine.refused()
    assert "holds output of another state" in said
    assert "--new-state" in said
    assert len(raised(engine)) == 20

    # The store of a shard; what else may be missing: tests/unit/state/test_directory.py.
    shutil.rmtree(state)
    shutil.copytree(kept, state)
    shard = min((state / "shards").iterdir())
    shutil.rmtree(shard)
    said = engine.refused()
    assert f"{shard}" in said, said
    assert "restore the state directory from a backup" in said
    assert len(raised(engine)) == 20

    shutil.rmtree(state)
    engine.start("--new-state")
    assert sorted(await_raised(engine, 40)) == sorted(2 * raised_once(engine))
    engine.stop()
    # The permission is needed once, and does no harm later.
    engine.start("--new-state")
    engine.ready()
    engine.stop()
    assert len(raised(engine)) == 40


def raised_once(engine: Engine) -> list[str]:
    """The orders that exceptions stand on, without repetitions."""
    return sorted(set(raised(engine)))


@pytest.mark.parametrize("clean", [True, False])
def test_an_older_copy_of_the_state_says_nothing_twice(engine: Engine, tmp_path: Path, *, clean: bool) -> None:
    """What a newer run has written stands in the topics and is read back; what came since is judged again, and what is new is said."""
    old, [events] = tmp_path / "old", engine.topics
    shutil.copytree(engine.state_dir, old)
    produce(engine.bootstrap, events, [placed(number, number % 2) for number in range(20, 50)])
    engine.start()
    await_raised(engine, 50)
    engine.stop() if clean else engine.kill()
    shutil.rmtree(engine.state_dir)
    shutil.copytree(old, engine.state_dir)
    produce(engine.bootstrap, events, [placed(number, number % 2) for number in range(50, 60)])
    engine.start()
    await_raised(engine, 60)
    give_up = time.monotonic() + PATIENCE
    while len(engine.values("actions")) < 60:
        assert time.monotonic() < give_up, engine.last_lines()
        time.sleep(0.2)
    assert engine.metric("orderwatch_dropped_total") >= 30
    assert engine.metric("orderwatch_mismatches_total") == 0
    engine.stop()
    for output in ("exceptions", "actions"):
        orders = sorted(str(json.loads(value)["subject"]) for value in engine.values(output))
        assert orders == sorted(f"O-{number}" for number in range(60)), output


def test_an_input_topic_that_was_made_again_is_not_read_from_the_old_offset(engine: Engine) -> None:
    """Neither at the start nor while it runs; a state from before topic IDs takes those that it finds, and says so."""
    [events] = engine.topics
    pins = engine.state_dir / "state.json"
    before = json.loads(pins.read_bytes())
    assert before["topic_ids"].keys() == {events, *(engine.topic(output) for output in ("exceptions", "actions", "incidents", "rejects"))}
    pins.write_text(json.dumps({**before, "topic_ids": {}}), encoding="utf-8")
    engine.start()
    engine.ready()
    assert "from now on it does" in str(engine.logged("topics")[-1]["note"])
    assert json.loads(pins.read_bytes())["topic_ids"] == before["topic_ids"]

    made_again(engine, events, 2)
    produce(engine.bootstrap, events, [placed(number, number % 2) for number in range(100, 200)])
    code = engine.wait()
    assert code in {1, 2}, engine.last_lines()  # 1: the client noticed first that its offset is gone
    said = engine.refused()
    assert f"topic {events} was deleted and made again" in said
    assert "--new-state" in said
    assert f"--accept-topic {events}" in said
    assert len(raised(engine)) == 20


def test_an_output_topic_that_was_made_again_is_noticed(engine: Engine) -> None:
    """While it runs and at the start; whoever may do without what it held says so."""
    exceptions, [events] = engine.topic("exceptions"), engine.topics
    engine.start()
    engine.ready()
    made_again(engine, exceptions, 3)
    assert engine.wait() in {1, 2}
    assert f"topic {exceptions} was deleted and made again" in engine.refused()
    assert "no topic of the settings" in engine.refused("--accept-topic", "nonsense")
    produce(engine.bootstrap, events, [placed(20)])
    engine.start("--accept-topic", exceptions)
    assert await_raised(engine, 1) == ["O-20"]
    engine.stop()
    engine.start()
    engine.ready()
    engine.stop()


def test_files_know_whose_they_are(engine: Engine, tmp_path: Path) -> None:
    """A new state does not begin in the files of another one, unless it is told to: then those are kept under other names."""
    folder = tmp_path / "files"
    engine.outputs = {"kind": "files", "folder": str(folder)}
    file = folder / "exceptions.jsonl"
    engine.state_dir.rename(tmp_path / "topics")
    engine.start()
    give_up = time.monotonic() + PATIENCE
    while not file.exists() or file.read_bytes().count(b"\n") < 20:
        assert time.monotonic() < give_up, engine.last_lines()
        time.sleep(0.1)
    engine.stop()
    first = file.read_bytes()
    shutil.rmtree(engine.state_dir)
    assert "files that are there are kept under other names" in engine.refused()
    assert file.read_bytes() == first
    engine.start("--new-state")
    engine.ready()
    engine.stop()
    [kept] = folder.glob("exceptions.*.jsonl")
    assert kept.read_bytes() == first
    file.write_bytes(b"")
    assert f"{file}: 0 bytes, but" in engine.refused()
