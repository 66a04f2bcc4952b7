"""`orderwatch load`: contract events from files into the topic that the engine reads."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
import yaml

from sources.simulator import stream
from tests.support.brokers import topic
from tests.support.live import committed
from tests.support.replays import command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

LINES = [line for line in stream(12, 3) if b"heartbeat" not in line]


@pytest.fixture
def settings(real_broker: Broker, tmp_path: Path) -> Path:
    """Settings that name the broker and a topic of three partitions."""
    name = topic(real_broker, "loaded", 3)
    file = tmp_path / "orderwatch.yaml"
    file.write_text(yaml.safe_dump({"kafka": {"brokers": [real_broker.bootstrap]}, "gateway": {"topic": name}}), encoding="utf-8")
    return file


def topic_of(settings: Path) -> str:
    """The topic that settings name."""
    return str(yaml.safe_load(settings.read_text(encoding="utf-8"))["gateway"]["topic"])


def test_files_plain_and_packed_and_standard_input_are_appended(real_broker: Broker, settings: Path, tmp_path: Path) -> None:
    """Every line is there once, byte for byte, and the events of an order are in one partition, in order."""
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_bytes(b"".join(line + b"\n" for line in LINES[:40]) + b"\n")
    packed.write_bytes(gzip.compress(b"\n".join(LINES[40:80])))
    done = command("load", plain, packed, "-", "--settings", settings, given=b"\n".join(LINES[80:]) + b"\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().strip() == f"{len(LINES)} events appended to {topic_of(settings)}"
    found = committed(real_broker.bootstrap, topic_of(settings))
    assert sorted(record.value for record in found) == sorted(LINES)
    for order in {str(json.loads(line).get("subject")) for line in LINES} - {"None"}:
        told = [record for record in found if json.loads(record.value).get("subject") == order]
        assert len({record.partition for record in told}) == 1
        assert [record.value for record in told] == [line for line in LINES if json.loads(line).get("subject") == order]


def test_what_is_no_event_is_named_kept_and_not_appended(real_broker: Broker, settings: Path, tmp_path: Path) -> None:
    """The others are; the exit code says that something is left to do."""
    events, kept = tmp_path / "a.jsonl", tmp_path / "refused.txt"
    events.write_bytes(b"\n".join([LINES[0], b"order;status", b"{}", LINES[1]]))
    done = command("load", events, "--settings", settings, "--refused", kept)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert f"2 lines are no event and were not appended; they stand in {kept}" in said
    assert f"{events}:2: JSON is malformed" in said
    assert f"{events}:3: " in said
    assert kept.read_bytes() == b"order;status\n{}\n"
    assert {record.value for record in committed(real_broker.bootstrap, topic_of(settings))} == set(LINES[:2])


def test_a_file_that_is_cut_off_says_what_was_appended(real_broker: Broker, settings: Path, tmp_path: Path) -> None:
    """What came before it is in the topic, and is said to be."""
    whole, cut = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    whole.write_bytes(b"\n".join(LINES[:5]))
    cut.write_bytes(gzip.compress(b"\n".join(LINES))[:-30])
    done = command("load", whole, cut, "--settings", settings)
    assert done.returncode == 2
    assert b"5 events were appended before, and loading them again adds nothing" in done.stderr
    assert {record.value for record in committed(real_broker.bootstrap, topic_of(settings))} == set(LINES[:5])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.jsonl"], 2, "missing.jsonl: no such file or directory"),
        (["."], 2, ".: is a directory"),
        (["-", "-"], 2, "- can be given once only"),
        (["-", "--topic", "no-such-topic"], 2, "topic no-such-topic does not exist: make it with `orderwatch topics create`"),
        (["-", "--refused", "no/such/folder"], 2, "--refused no/such/folder: no such file or directory"),
        (["-", "--brokers", "localhost:9"], 2, "--brokers and --settings both say where to: give one of them"),
    ],
)
def test_misuse_is_one_line(settings: Path, arguments: list[str], code: int, words: str) -> None:
    """Nothing is appended."""
    done = command("load", *arguments, "--settings", settings, given=LINES[0])
    assert done.returncode == code
    assert done.stderr.decode().startswith(f"orderwatch: {words}")
    assert len(done.stderr.splitlines()) == 1


def test_without_a_broker_it_fails_in_one_line(tmp_path: Path) -> None:
    """Another try may do."""
    events = tmp_path / "a.jsonl"
    events.write_bytes(LINES[0])
    done = command("load", events, "--brokers", "127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.decode().startswith("orderwatch: no answer from the brokers at 127.0.0.1:1")


def test_an_export_is_not_loaded_as_if_it_were_events(settings: Path, tmp_path: Path) -> None:
    """Its lines hold records with their places: replay reads them."""
    export = tmp_path / "t-0.jsonl.gz"
    export.write_bytes(gzip.compress(b'{"export":"orderwatch/1","topic":"t","partition":0}\n'))
    done = command("load", export, "--settings", settings)
    assert done.returncode == 2
    assert b"an export of a topic, which `orderwatch replay` reads" in done.stderr
