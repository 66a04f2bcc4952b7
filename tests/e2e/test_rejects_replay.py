"""`orderwatch rejects` on a real Kafka: what was rejected, mended and fed back."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from dataflows.cli import main as cli
from dataflows.detect.rejects import undecodable
from schemas.record import headers_of
from schemas.wire import Rejected, decode
from sinks.kafka import KafkaSink, OutputTopic
from sources.batch import Refusal
from tests.support.brokers import Broker, topic
from tests.support.logs import T0, line

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.record import Headers

Captured = pytest.CaptureFixture[str]
GOOD = line("e1", T0, "order.placed").rstrip(b"\n")


class World(NamedTuple):
    """An input topic and the topic of its rejects."""

    broker: str
    inputs: str
    rejects: str

    def run(self, *arguments: str) -> int:
        """A command on the rejects of this world."""
        command, *rest = arguments
        of = [] if "--import" in rest else ["--topic", self.rejects]
        return cli.run(["rejects", command, "--brokers", self.broker, *of, *rest])


@pytest.fixture
def world(real_broker: Broker) -> World:
    """Three rejects of partition 1: cut JSON with headers, an unknown type, and bytes that are no text."""
    inputs, rejects = topic(real_broker, "events", 2), topic(real_broker, "rejects", 2)
    originals: list[tuple[bytes, bytes | None, Headers]] = [
        (GOOD[:-1], b"A-1", (("trace", b"\x00\xff"), ("empty", None), ("trace", b"2"))),
        (GOOD.replace(b"order.placed", b"order.plaiced"), b"A-1", ()),
        (b"\xff\xfe", None, ()),
    ]
    sink = KafkaSink({"bootstrap.servers": real_broker.bootstrap}, str(uuid4()), {"rejects": OutputTopic(rejects, 2)})
    for number, (raw, key, headers) in enumerate(originals, 1):
        with pytest.raises(Rejected) as caught:
            decode(raw)
        why = caught.value
        refusal = Refusal(T0, inputs, 1, 40 + number, 0, why.reason, why.detail, raw, len(raw), key, headers)
        out = replace(undecodable(refusal), shard="s00", number=number)
        part = sink.build_part("out", sink.part_for("rejects", out), None)
        part.write_batch([[out]])
        part.close()
    return World(real_broker.bootstrap, inputs, rejects)


def arrived(world: World) -> list[Message]:
    """What stands in the input topic."""
    consumer = Consumer({"bootstrap.servers": world.broker, "group.id": "test", "enable.partition.eof": True, "fetch.wait.max.ms": 20})
    try:
        consumer.assign([TopicPartition(world.inputs, partition, 0) for partition in (0, 1)])
        found: list[Message] = []
        ended = 0
        while ended < 2:
            for message in consumer.consume(100, 0.1):
                if message.error() is not None:
                    ended += 1
                else:
                    found.append(message)
        return found
    finally:
        consumer.close()


def test_the_list_counts_by_reason_and_shows_no_content(world: World, capsys: Captured) -> None:
    """Reasons, counts and places."""
    assert world.run("list") == 0
    said = capsys.readouterr().out
    for reason, offset in (("not_json", 41), ("unknown_type", 42), ("not_utf8", 43)):
        assert [row.split() for row in said.splitlines() if row.startswith(reason)] == [[reason, "1", f"{world.inputs}/1/{offset}"]]
    assert "A-1" not in said
    assert world.run("list", "--reason", "not_json") == 0
    assert "unknown_type" not in capsys.readouterr().out


def test_what_was_mended_in_a_file_comes_back_where_it_came_from(world: World, tmp_path: Path, capsys: Captured) -> None:
    """Export, mend, import: the partition, key and headers of the original; what still does not decode is left."""
    file = tmp_path / "mend.jsonl"
    assert world.run("replay", "--all", "--export", str(file)) == 0
    assert not arrived(world)
    lines = [json.loads(row) for row in file.read_bytes().splitlines()]
    assert sorted(row["reason"] for row in lines) == ["not_json", "not_utf8", "unknown_type"]
    for row in lines:
        if row["reason"] == "not_json":
            row["text"] += "}"
    file.write_text("".join(json.dumps(row) + "\n" for row in lines))
    capsys.readouterr()
    assert world.run("replay", "--import", str(file)) == 0
    said = capsys.readouterr().out
    assert "sent 1, left 2" in said
    assert f"unknown_type: 1, such as {world.inputs}/1/42" in said
    [back] = arrived(world)
    assert (back.partition(), back.key(), back.value()) == (1, b"A-1", GOOD)
    assert list(headers_of(back)) == [
        ("trace", b"\x00\xff"),
        ("empty", None),
        ("trace", b"2"),
        ("ow-replayed-from", f"{world.inputs}/1/41".encode()),
    ]


def test_a_command_may_mend(world: World, tmp_path: Path, capsys: Captured) -> None:
    """It gets the value and writes the new one; where it fails, the reject is left."""
    program = tmp_path / "mend.py"
    program.write_text("import sys\nsys.stdout.write(sys.stdin.buffer.read().decode().replace('plaiced', 'placed'))\n")
    mend = f"{sys.executable} {program}"
    assert world.run("replay", "--all", "--edit", mend) == 0
    said = capsys.readouterr().out
    assert "sent 1, left 2" in said
    assert "--edit failed: 1" in said  # what is no text
    assert [back.value() for back in arrived(world)] == [GOOD]


def test_force_sends_as_it_is(world: World) -> None:
    """By place, byte for byte; a dry run sends nothing."""
    place = f"{world.inputs}/1/43"
    assert world.run("replay", "--place", place, "--force", "--dry-run") == 0
    assert not arrived(world)
    assert world.run("replay", "--place", place, "--force") == 0
    assert [(back.partition(), back.key(), back.value()) for back in arrived(world)] == [(1, None, b"\xff\xfe")]


def test_another_topic_takes_them_by_key(world: World, real_broker: Broker) -> None:
    """As Kafka's own clients would have it."""
    other = World(world.broker, topic(real_broker, "other", 2), world.rejects)
    assert other.run("replay", "--reason", "unknown_type", "--force", "--to", other.inputs) == 0
    assert [back.key() for back in arrived(other)] == [b"A-1"]
    assert not arrived(world)


def test_misuse_is_told_in_one_line(world: World, tmp_path: Path, capsys: Captured) -> None:
    """And nothing is sent."""
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"topic": "t", "partition": 0, "offset": 0}\nnonsense\n')
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_text(json.dumps({"topic": "events.jsonl", "partition": 0, "offset": 3, "text": GOOD.decode()}) + "\n")
    for arguments, why in (
        (["replay"], "say which"),
        (["replay", "--place", "nowhere/0/0"], "no reject in"),
        (["replay", "--import", str(bad)], "line 2: not JSON"),
        (["replay", "--import", str(tmp_path / "none")], "no such file"),
        (["replay", "--import", str(elsewhere)], "there is no topic events.jsonl"),
        (["replay", "--all", "--export", str(bad)], "is there already"),
        (["replay", "--all", "--export", "x", "--edit", "y"], "leave out"),
        (["replay", "--all", "--edit", "no-such-command"], "no-such-command"),
        (["list", "--topic", "no-such-topic"], "there is no topic no-such-topic"),
    ):
        assert world.run(*arguments) == 2
        said = capsys.readouterr().err
        assert why in said
        assert said.count("\n") == 1
    assert not arrived(world)
