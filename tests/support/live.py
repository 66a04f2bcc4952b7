"""The live engine as a user runs it: `orderwatch run` in processes of its own, its topics, and what stands in them afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import yaml
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client.parser import text_string_to_metric_families

from tests.support.kafka.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OUTPUTS = ("exceptions", "actions", "incidents", "rejects")
PATIENCE = 120.0
"""Seconds after which a test gives an engine up. Nothing is measured by it."""
MOST = 4
"""How many processes an engine may have: each serves at a port of its own, one after the other."""
ROOT = Path(__file__).parents[2]


class Given(NamedTuple):
    """A record to be written: its partition, key and value, and its timestamp in ms (None: the broker's or the client's)."""

    partition: int
    key: bytes | None
    value: bytes
    stamp: int | None = None


class Written(NamedTuple):
    """A record as it stands in a topic; `stamp` in ms since the epoch."""

    partition: int
    offset: int
    stamp: int
    key: bytes | None
    value: bytes


def produce(bootstrap: str, topic: str, records: Iterable[Given]) -> None:
    """Appends records and waits until all are acknowledged."""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4"})
    failures: list[str] = []

    def delivered(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failures.append(str(error))

    for partition, key, value, stamp in records:
        while True:
            try:
                producer.produce(topic, value, key, partition, on_delivery=delivered, timestamp=stamp or 0)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(PATIENCE) == 0
    assert not failures, failures[0]


def partitions(bootstrap: str, topic: str) -> int:
    """How many partitions a topic has; 0 if it does not exist."""
    known = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=PATIENCE).topics
    return len(known[topic].partitions) if topic in known else 0


def committed(bootstrap: str, topic: str) -> list[Written]:
    """Everything that a reader of committed records finds in a topic, by partition and offset."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    left = set(range(partitions(bootstrap, topic)))
    consumer.assign([TopicPartition(topic, number, 0) for number in left])
    found: list[Written] = []
    give_up = time.monotonic() + PATIENCE
    while left:
        assert time.monotonic() < give_up, f"{topic} cannot be read to its end"
        for message in consumer.consume(10_000, 0.2):
            error, partition = message.error(), message.partition() or 0
            if error is None:
                place = (partition, message.offset() or 0, message.timestamp()[1])
                found.append(Written(*place, message.key(), message.value() or b""))
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(partition)
            else:
                raise AssertionError(str(error))
    consumer.close()
    return sorted(found, key=lambda record: (record.partition, record.offset))


@dataclass
class Engine:
    """`orderwatch run` with settings and a state directory of its own below `home`.

    It writes to topics of its own, whose names begin with `name`. `inputs`, `state` and `kafka` are further settings of those sections.
    """

    home: Path
    bootstrap: str
    name: str
    topics: tuple[str, ...]
    policy: Path | None = None
    processes: int = 1
    inputs: Mapping[str, object] = field(default_factory=dict[str, object])
    state: Mapping[str, object] = field(default_factory=dict[str, object])
    outputs: Mapping[str, object] = field(default_factory=dict[str, object])
    program: str = "dataflows.cli"
    """The module that is run: `orderwatch`, or something that wraps it."""

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.state_dir = self.home / "state"
        self.log = self.home / "run.log"
        self.port = free_port(MOST)
        self._process: subprocess.Popen[bytes] | None = None

    def topic(self, output: str) -> str:
        """The topic of an output: exceptions, actions, incidents or rejects."""
        return f"{self.name}-{output}"

    def settings(self) -> Path:
        """Writes the settings file; returns its path."""
        path = self.home / "settings.yaml"
        topics = {"partitions": 3, **{output: self.topic(output) for output in OUTPUTS}}
        chosen: dict[str, object] = {
            "kafka": {"brokers": self.bootstrap.split(","), "create_topics": True},
            "inputs": {"topics": list(self.topics), "partitions": 1, **self.inputs},
            "outputs": self.outputs if self.outputs.get("kind") == "files" else {**topics, **self.outputs},
            "state": {"dir": str(self.state_dir), **self.state},
            "http": {"port": self.port},
        }
        if self.policy is not None:
            chosen["policy"] = str(self.policy)
        path.write_text(yaml.safe_dump(chosen), encoding="utf-8")
        return path

    def start(self, *options: str, processes: int | None = None, **inputs: object) -> None:
        """Starts it; `options` are further ones of the command, `inputs` settings of that section for this run and later ones."""
        assert self._process is None, "it runs already"
        self.inputs = {**self.inputs, **inputs}
        self.processes = processes or self.processes
        command = [sys.executable, "-m", self.program, "run", "--settings", str(self.settings()), "--processes", str(self.processes)]
        command += options
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)

    def run(self, *, processes: int | None = None, **inputs: object) -> None:
        """Runs it to its end, which `inputs.until` must give it; fails with its last words if it does not end well."""
        self.start(processes=processes, **inputs)
        self.finish()

    def finish(self) -> None:
        """Waits until it ends; fails with its last words if it does not end well."""
        code = self.wait()
        assert code == 0, f"exit code {code}: {self.last_lines()}"

    def refused(self, *options: str) -> str:
        """Starts it and waits until it ends with exit code 2; returns its last line."""
        said = self.log.stat().st_size if self.log.exists() else 0
        self.start(*options)
        code = self.wait()
        words = self.log.read_bytes()[said:].decode().splitlines()
        assert code == 2, f"exit code {code}: {words}"
        assert [word for word in words if not word.startswith("{")] == words[-1:]
        return words[-1]

    def wait(self) -> int:
        """Waits until it ends; returns its exit code."""
        process = self._process
        assert process is not None, "it does not run"
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end within {PATIENCE:.0f} s: {self.last_lines()}") from None
        self._process = None
        return code

    def stop(self) -> None:
        """Asks it to stop (SIGTERM) and waits until it has."""
        assert self._process is not None, "it does not run"
        self._process.send_signal(signal.SIGTERM)
        self.finish()

    def kill(self) -> None:
        """Kills it (SIGKILL); its other processes die with it."""
        assert self._process is not None, "it does not run"
        self._process.kill()
        self._process.wait()
        self._process = None

    def destroy(self) -> None:
        """Ends it at once, if it runs: what a test does last, however it went."""
        if self._process is not None:
            self.kill()

    @property
    def pid(self) -> int:
        """The process ID: of the launcher where there are several."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    def last_lines(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def ready(self) -> None:
        """Waits until every process answers that it is ready."""
        for number in range(self.processes):
            self._await(number, "/readyz", "be ready")

    def metric(self, name: str) -> float:
        """The sum of a metric over all labels and processes; waits for those that have no time to answer."""
        found = 0.0
        for number in range(self.processes):
            text = self._await(number, "/metrics", "answer")
            samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
            found += sum(sample.value for sample in samples if sample.name == name)
        return found

    def logged(self, event: str) -> list[dict[str, object]]:
        """The lines of its log that tell of an event, as objects."""
        lines = self.log.read_text(errors="replace").splitlines()
        objects = [json.loads(line) for line in lines if line.startswith("{")]
        return [found for found in objects if found.get("event") == event]

    def values(self, output: str) -> list[bytes]:
        """The committed values of an output, by partition and offset."""
        return [record.value for record in committed(self.bootstrap, self.topic(output))]

    def _get(self, number: int, path: str) -> str | None:
        try:
            with urlopen(f"http://127.0.0.1:{self.port + number}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (URLError, OSError):
            return None

    def _await(self, number: int, path: str, what: str) -> str:
        give_up = time.monotonic() + PATIENCE
        while (found := self._get(number, path)) is None:
            assert self._process is not None
            assert self._process.poll() is None, f"it ended: {self.last_lines()}"
            assert time.monotonic() < give_up, f"it did not {what}: {self.last_lines()}"
            time.sleep(0.05)
        return found
