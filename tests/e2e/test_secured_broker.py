"""A broker that wants TLS and a password: what the settings say is enough, and what is wrong with them is one line."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import orjson
import pytest
import yaml
from confluent_kafka import KafkaError, Producer

from tests.e2e.test_changes import STRICT, placed
from tests.support.brokers import Unavailable, topic
from tests.support.kafka.secured import OTHER, PASSWORD, USER, SecuredKafka, acls, foreign, read_only
from tests.support.live import ROOT, committed, produce
from tests.support.pages import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def secured() -> Iterator[SecuredKafka]:
    """A Kafka with a secured listener."""
    try:
        broker = SecuredKafka()
    except Unavailable as none:
        pytest.skip(f"needs Apache Kafka from Maven's jars, to configure it: {none}")
    yield broker
    broker.stop()


def settings(home: Path, broker: SecuredKafka, events: str, *, barriers: str = "auto", **kafka: object) -> Path:
    """Settings that reach the broker by its secured listener, the password in a file of its own."""
    secret = home / "password"
    secret.write_text(f"{PASSWORD}\n")
    policy = home / "policy.yaml"
    policy.write_text(STRICT)
    given = {
        "kafka": {
            "brokers": [broker.secured],
            "protocol": "sasl_ssl",
            "ca_file": str(broker.authority),
            "sasl_mechanism": "PLAIN",
            "sasl_username": USER,
            "sasl_password_file": str(secret),
            "create_topics": True,
            **kafka,
        },
        "inputs": {"topics": [events], "barriers": barriers},
        "outputs": {"exceptions": f"{events}-exceptions", "actions": f"{events}-actions", "partitions": 1},
        "state": {"dir": str(home / "state")},
        "http": {"enabled": False},
        "policy": str(policy),
    }
    path = home / "settings.yaml"
    path.write_text(yaml.safe_dump(given))
    return path


@pytest.mark.slow
def test_the_engine_reads_and_writes_over_tls_with_a_password(secured: SecuredKafka, tmp_path: Path) -> None:
    """Source, transactions and administration alike; the password stands in no line that it prints."""
    events = topic(secured, "events")
    log = run_until_ten_are_raised(secured, events, settings(tmp_path, secured, events))
    assert PASSWORD not in log
    assert '"no barriers"' not in log


@pytest.mark.slow
def test_where_an_input_may_only_be_read_the_weaker_guarantee_is_told_and_the_engine_runs(secured: SecuredKafka, tmp_path: Path) -> None:
    """One line at the start names topic, reason and what is lost; there is output all the same, and nothing was written to the topic."""
    events = topic(secured, "events")
    read_only(secured, events)
    log = run_until_ten_are_raised(secured, events, settings(tmp_path, secured, events))
    (told,) = [line for line in map(orjson.loads, log.splitlines()) if line["event"] == "no barriers"]
    assert told["topic"] == events
    assert "uthorization failed" in told["why"]
    assert told["guarantee"].startswith("weaker")
    assert len(committed(secured.bootstrap, events)) == 10


def test_where_barriers_are_required_and_refused_nothing_is_read(secured: SecuredKafka, tmp_path: Path) -> None:
    """Misuse: one line that says what to do, exit code 2."""
    events = topic(secured, "events")
    read_only(secured, events)
    command = [sys.executable, "-m", "dataflows.cli", "run", "--settings", str(settings(tmp_path, secured, events, barriers="required"))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert (done.returncode, len(said)) == (2, 1), done.stderr
    assert said[0].startswith(f"orderwatch: topic {events} takes no barriers: ")
    assert "inputs.barriers" in said[0]


def run_until_ten_are_raised(secured: SecuredKafka, events: str, path: Path) -> str:
    """Runs the engine until the ten orders that are placed meanwhile are all told of; returns its log."""
    produce(secured.bootstrap, events, [placed(number) for number in range(10)])
    log = path.parent / "log"
    command = [sys.executable, "-m", "dataflows.cli", "run", "--settings", str(path)]
    with log.open("wb") as out:
        engine = subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT)
    give_up = time.monotonic() + 90
    found: list[str] = []
    while len(found) < 10:
        assert engine.poll() is None, log.read_text()
        assert time.monotonic() < give_up, log.read_text()
        time.sleep(0.5)
        found = [str(orjson.loads(record.value)["subject"]) for record in committed(secured.bootstrap, f"{events}-exceptions")]
    engine.terminate()
    assert engine.wait(60) == 0
    assert len(set(found)) == 10
    return log.read_text()


@pytest.mark.parametrize("wrong", ["password", "authority"])
def test_a_wrong_password_or_authority_is_one_line(secured: SecuredKafka, tmp_path: Path, wrong: str) -> None:
    """Said at the start, not after endless tries; a broker that does not answer may do so later, so it is no misuse."""
    path = settings(tmp_path, secured, "order-events", **({} if wrong == "password" else {"ca_file": str(foreign(tmp_path))}))
    if wrong == "password":
        (tmp_path / "password").write_text("not it")
    command = [sys.executable, "-m", "dataflows.cli", "run", "--settings", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert done.returncode == 1, done.stderr
    assert len(said) == 1, done.stderr
    assert said[0].startswith("orderwatch: no answer from the brokers")


@pytest.mark.slow
def test_the_rules_of_the_document_say_who_may_decide(secured: SecuredKafka) -> None:
    """As they stand there, given by Kafka's own tool: the engine may write decisions, a producer of events may not."""
    (block,) = (
        block for block in blocks((ROOT / "dataflows/README.md").read_text(encoding="utf-8")) if block.body.startswith("kafka-acls.sh")
    )
    name = topic(secured, "tests", ending="-order-decisions")
    known = {"kafka:9092": secured.bootstrap, "order-decisions": name}
    commands = [[known.get(word, word) for word in shlex.split(line)[1:]] for line in block.body.splitlines()]
    said = [acls(secured, command) for command in commands]
    assert [user for user in ("console", "dispatch", "token-api", USER) if f"User:{user}" not in said[-1]] == []
    assert [written(secured, user, name) for user in (USER, OTHER)] == [None, KafkaError.TOPIC_AUTHORIZATION_FAILED]


def written(broker: SecuredKafka, user: str, name: str) -> int | None:
    """Why a user's record is not taken by a topic; None if it is."""
    codes: list[int | None] = []
    door = {"security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN", "sasl.username": user, "sasl.password": PASSWORD}
    producer = Producer({"bootstrap.servers": broker.secured, "ssl.ca.location": str(broker.authority), **door})
    producer.produce(name, b"{}", on_delivery=lambda error, _: codes.append(None if error is None else error.code()))
    assert producer.flush(60) == 0
    return codes[0]
