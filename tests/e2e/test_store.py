"""`orderwatch store` on a real Kafka: the rows of what stands in the topics, a clean stop, a rebuild, and offsets that are gone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Producer
from sqlalchemy import select, update

from sinks.cases.schema import open_store, writing
from sinks.cases.tables import offsets, standing
from sinks.rejected import parse
from sources.kafka.outputs import KafkaLogReader
from sources.outputs.reader import LoggedRecord, LostRecordsError
from tests.support.brokers import Broker, topic
from tests.support.stored import world
from tests.support.stores import interleaved, rows, sqlite_url, store

PARTITIONS = 3
PATIENCE_S = 120
COMMAND = (sys.executable, "-m", "dataflows.cli", "store")


@pytest.fixture
def topics(real_broker: Broker) -> dict[str, str]:
    """Topics with what a world has said, by what they hold; rejects with their headers, as the engine writes them."""
    names = {holds: topic(real_broker, holds, PARTITIONS) for holds in ("exceptions", "actions", "incidents", "rejects")}
    names["decisions"] = topic(real_broker, "store", PARTITIONS, ending=".order-decisions")
    producer = Producer({"bootstrap.servers": real_broker.bootstrap, "transactional.id": names["exceptions"]})
    producer.init_transactions(30)
    records, number = interleaved(world()), 0
    for number, one in enumerate(records):
        if number % 20 == 0:
            producer.begin_transaction()
        value, headers = _in_kafka(one, names)
        partition = int(one.partition.rpartition(":")[2])
        producer.produce(names[one.topic], value, one.key or b"k", partition, headers=headers)  # type: ignore[arg-type]
        if number % 20 == 19:
            producer.commit_transaction(30)
    if number % 20 != 19:
        producer.commit_transaction(30)
    producer.begin_transaction()
    producer.produce(names["exceptions"], b"never committed", b"k", 0)
    producer.flush(10)
    producer.abort_transaction(30)
    return names


def _in_kafka(one: LoggedRecord, names: Mapping[str, str]) -> tuple[bytes, list[tuple[str, bytes]]]:
    if one.topic != "rejects":
        return one.value, []
    reject = parse(one.value)
    said = {"topic": reject.topic, "partition": str(reject.partition), "offset": str(reject.offset)}
    said |= {"exception.class.name": reject.reason, "exception.message": reject.detail}
    if reject.topic.endswith("order-decisions"):
        said["topic"] = names["decisions"]
    return reject.value or b"", [(f"__connect.errors.{name}", text.encode()) for name, text in said.items()]


def settings_of(folder: Path, broker: Broker, names: Mapping[str, str], url: str) -> Path:
    """A settings file."""
    form = {
        "kafka": {"brokers": [broker.bootstrap]},
        "inputs": {"topics": ["order-events", names["decisions"]]},
        "outputs": {holds: name for holds, name in names.items() if holds != "decisions"},
        "state": {"dir": str(folder)},
        "store": {"url": url, "http_port": 0, "batch": 50},
        "log": {"format": "json"},
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(form), encoding="utf-8")
    return path


def caught_up(url: str, settings: Path, *more: str) -> str:
    """Runs the command until it says in the store that it is at the ends, then stops it; returns its log."""
    begun = time.time()
    with subprocess.Popen([*COMMAND, "--settings", str(settings), *more], stderr=subprocess.PIPE, text=True) as process:
        engine = open_store(url)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and process.poll() is None:
            time.sleep(0.2)
            if Path(url.removeprefix("sqlite:///")).exists():
                try:
                    with engine.connect() as connection:
                        row = connection.execute(select(standing)).first()
                except Exception:  # noqa: BLE001 (the tables are being made)
                    continue
                if row is not None and row.behind == 0 and row.seen_at.timestamp() >= begun:
                    break
        engine.dispose()
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 0, log
    return log


def test_the_store_holds_what_stands_in_the_topics(real_broker: Broker, topics: dict[str, str], tmp_path: Path) -> None:
    """The rows of the same records read in another way; a restart and a rebuild change nothing; lost records are told in one line."""
    url = sqlite_url(tmp_path)
    settings = settings_of(tmp_path, real_broker, topics, url)
    log = caught_up(url, settings)
    assert '"event": "stopped"' in log or '"event":"stopped"' in log
    with store(url) as engine, store(sqlite_url(tmp_path, "other")) as other:
        found = rows(engine)
        assert found["unprojected"] == []
        from sinks.cases.writer import CaseWriter  # noqa: PLC0415 (what the command runs, by hand)

        CaseWriter(other).rebuild([interleaved(world())])
        wanted = rows(other)
        for name in ("exceptions", "exception_events", "actions", "action_events", "cases", "audit", "evidence", "incidents", "messages"):
            assert [_placeless(row) for row in found[name]] == [_placeless(row) for row in wanted[name]], name
        assert sum(row["records"] for row in found["offsets"]) == len(interleaved(world()))
        caught_up(url, settings)
        assert rows(engine) == found
        log = caught_up(url, settings, "--rebuild")
        assert "made the store anew" in log
        assert rows(engine) == found
        with writing(engine).begin() as connection:
            connection.execute(update(offsets).values(next_offset=10**6))
    done = subprocess.run([*COMMAND, "--settings", str(settings)], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "offset 1000000 is not there" in last
    assert "`orderwatch store --rebuild`" in last


def _placeless(row: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in {"logged_at", "log_partition", "log_offset", "refused_at"}}


def test_a_reader_gives_what_is_committed_once_from_where_it_is_sent(real_broker: Broker, topics: dict[str, str]) -> None:
    """And knows where the logs end, whatever markers stand behind the last record."""
    reader = KafkaLogReader({"bootstrap.servers": real_broker.bootstrap}, topics)
    try:
        reader.seek({})
        read, seen = list[LoggedRecord](), dict[str, int]()
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            read += reader.poll(0.5)
            seen = {one.partition: one.next for one in read}
            if len(read) == len(interleaved(world())) and all(seen.get(name, 0) == end for name, end in reader.ends().items()):
                break
        assert sorted(one.value for one in read if one.topic != "rejects") == sorted(
            one.value for one in interleaved(world()) if one.topic != "rejects"
        )
        name, last = next(iter(seen.items()))
        reader.seek({**seen, name: last - 1})
        again: list[LoggedRecord] = []
        while not again and time.monotonic() < until:
            again = list(reader.poll(0.5))
        assert [one.partition for one in again] == [name]
        reader.seek({name: 10**6})
        with pytest.raises(LostRecordsError, match="offset 1000000 is not there"):
            _read_on(reader, until)
    finally:
        reader.close()


def _read_on(reader: KafkaLogReader, until: float) -> None:
    while time.monotonic() < until:
        reader.poll(0.5)


def test_a_topic_that_does_not_exist_is_named(real_broker: Broker, tmp_path: Path) -> None:
    """Before anything is written but the tables."""
    names = {holds: f"missing-{holds}" for holds in ("exceptions", "actions", "incidents", "rejects")} | {"decisions": "no.order-decisions"}
    settings = settings_of(tmp_path, real_broker, names, sqlite_url(tmp_path))
    done = subprocess.run([*COMMAND, "--settings", str(settings)], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("orderwatch: topic missing-actions does not exist")
