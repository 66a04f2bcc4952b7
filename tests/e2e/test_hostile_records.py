"""Records that no well-behaved producer writes, on a real Kafka: the engine goes on and says why, and so do all readers of topics."""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from dataflows.cli import main as cli
from schemas.record import headers_of
from schemas.wire import MAX_BYTES
from sinks.kafka.records import FOREIGN
from tests.support.brokers import topic
from tests.support.live import PATIENCE, Engine
from tests.support.logs import iso, line
from tests.support.raw import Raw, produce_raw

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.record import Headers
    from tests.support.brokers import Broker

LATIN = b"gr\xf6\xdfe"
"""A name as a producer in Latin-1 writes it."""
MB = 1_000_000
BOMB = 120 * MB
"""More than the client unpacks (`receive.message.max.bytes`, 100 MB); packed it is some kilobytes, which every broker takes."""
MANY: Headers = tuple((f"h{number % 7}", b"x") for number in range(20_000))


def event(id_: str) -> bytes:
    """An event that the engine takes: an order was paid just now."""
    return line(id_, time.time_ns() // 1_000, order=id_, source="/psp")


def bomb(bootstrap: str, name: str) -> None:
    """Appends a record that the client cannot unpack."""
    options = {
        "bootstrap.servers": bootstrap,
        "compression.type": "zstd",
        "message.max.bytes": 2 * BOMB,
        "queue.buffering.max.kbytes": BOMB,
    }
    producer = Producer(options)
    producer.produce(name, bytes(BOMB), b"bomb")
    assert producer.flush(PATIENCE) == 0


class Reject(NamedTuple):
    """What stands in the topic of rejects of one record."""

    reason: str
    value: bytes | None
    key: bytes | None
    headers: Headers
    cut: dict[str, dict[str, object]]


def rejects(bootstrap: str, name: str) -> dict[int, Reject]:
    """What an engine has rejected, by the offset of the original; there is one partition of it."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "test", "enable.partition.eof": True, "fetch.message.max.bytes": 4 * MB}
    )
    consumer.assign([TopicPartition(name, 0, 0)])
    found: dict[int, Reject] = {}
    try:
        while True:
            for message in consumer.consume(100, 0.2):
                if message.error() is not None:
                    return found
                headers = headers_of(message)
                own = {name: value or b"" for name, value in headers}
                reason, offset = own["__connect.errors.exception.class.name"].decode(), int(own["__connect.errors.offset"])
                given = tuple((name, value) for name, value in headers if not name.startswith(("ow-", "__connect.")))
                assert offset not in found
                found[offset] = Reject(reason, message.value(), message.key(), given, json.loads(own.get("ow-cut", b"{}")))
    finally:
        consumer.close()


@pytest.mark.slow
def test_no_record_ends_the_engine(real_broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that are no text, 20,000 headers, and what is larger than a topic with Kafka's own limit takes; live, exported and replayed."""
    bootstrap = real_broker.bootstrap
    events = topic(real_broker, "hostile", 1, {"max.message.bytes": str(8 * MB)})
    refused = topic(real_broker, "refused", 1)  # with max.message.bytes as Kafka has it: 1,048,588
    near, large = b" " * (MAX_BYTES - 1), b"\0" * 3 * MB
    long = b"k" * 5 * MB
    records = [
        Raw(event("first")),
        Raw(event("name"), b"k1", ((b"trace", b"1"), (LATIN, b"2"))),
        Raw(None, b"k2", ((LATIN, None),)),
        Raw(b"{}", b"k3", ((b"ce_specversion", b"1.0"), (b"\xed\xa0\x80", b""))),
        Raw(b"{", b"\xff\x00", ((b"", b""), (b"a", None))),
        Raw(b"{", b"many", tuple((name.encode(), value) for name, value in MANY)),
        Raw(near, b"near", ((b"trace", b"1"),)),
        Raw(b"{", b"headers", ((b"small", b"1"), (b"large", long))),
        Raw(b"{", long),
        Raw(large, b"large"),
    ]
    assert produce_raw(bootstrap, events, 0, *records) == 9
    bomb(bootstrap, events)
    produce_raw(bootstrap, events, 0, Raw(event("last")))

    engine = Engine(tmp_path / "home", bootstrap, events, (events,), outputs={"rejects": refused, "partitions": 1})
    engine.start()
    engine.ready()
    wait_for(engine, records=12, published=10)
    assert engine.metric("orderwatch_rejected_total") == 10
    assert engine.metric("orderwatch_cut_total") == 4
    assert engine.metric("orderwatch_open_orders") == 2
    engine.stop()

    found = rejects(bootstrap, refused)
    assert {offset: reject.reason for offset, reject in found.items()} == {
        **dict.fromkeys((1, 2, 3), "not_utf8"),
        **dict.fromkeys((4, 5, 6, 7, 8), "not_json"),
        **dict.fromkeys((9, 10), "too_large"),
    }
    # Byte for byte, as far as the client hands it out.
    assert found[1][1:] == (records[1].value, b"k1", (), {})
    assert found[3][1:] == (b"{}", b"k3", (), {})
    assert found[4][1:] == (b"{", b"\xff\x00", (("", b""), ("a", None)), {})
    assert found[5][1:] == (b"{", b"many", MANY, {})
    # What is cut is told, and nothing else is.
    for offset, part, whole in ((6, "value", near), (8, "key", long), (9, "value", large)):
        reject = found[offset]
        kept = (reject.value if part == "value" else reject.key) or b""
        assert reject.cut.keys() - {"fingerprint"} == {part}
        assert reject.cut[part] == {"bytes": len(whole), "sha256": sha256(whole).hexdigest(), "kept": len(kept)}
        assert 0 < len(kept) < len(whole)
        assert whole.startswith(kept)
    assert (found[6].key, found[6].headers, found[8].value) == (b"near", (("trace", b"1"),), b"{")
    assert found[7][1:4] == (b"{", b"headers", (("small", b"1"),))
    assert found[7].cut["headers"]["count"] == 2
    assert (found[10].value, found[10].key) == (b"", None)

    # An export has what was read, and a replay of it rejects alike.
    assert cli.run(["export", "--brokers", bootstrap, "--topic", events, "--out", str(tmp_path / "export")]) == 0
    [file] = (tmp_path / "export").iterdir()
    assert cli.run(["replay", str(file), "--out", str(tmp_path / "replayed"), "--until", iso(time.time_ns() // 1_000)]) == 0
    replayed = [json.loads(row) for row in (tmp_path / "replayed" / "rejects.jsonl").read_bytes().splitlines()]
    assert {row["offset"]: row["reason"] for row in replayed} == {offset: reject.reason for offset, reject in found.items()}
    assert_others_may_write_there(engine, refused, capsys)


def assert_others_may_write_there(engine: Engine, refused: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What they write to topics of ours ends no reader of them: not the read-back of a resume, not `rejects`."""
    bootstrap, [events] = engine.bootstrap, engine.topics
    forged = ((b"ow-state", str(engine.logged("starting")[0]["state"]).encode()), (b"ow-shard", b"\xff"), (b"ow-number", b"--9"))
    for name in (refused, engine.topic("exceptions")):
        produce_raw(bootstrap, name, 0, Raw(b"junk", b"k", ((LATIN, b""),)), Raw(None, None, forged))
        produce_raw(bootstrap, name, 0, Raw(b"", b"", ((b"__connect.errors.offset", b"--1"),)))
        bomb(bootstrap, name)
    produce_raw(bootstrap, events, 0, Raw(b"{", b"again"))
    engine.start()
    engine.ready()
    wait_for(engine, records=1, published=1)
    engine.stop()
    capsys.readouterr()
    assert cli.run(["rejects", "list", "--brokers", bootstrap, "--topic", refused]) == 0
    listed = capsys.readouterr().out.splitlines()[1:]
    counts = {row.split()[0]: int(row.split()[1]) for row in listed if not row.startswith(" ")}
    assert counts == {"not_utf8": 3, "not_json": 6, "too_large": 2, FOREIGN: 3}
    assert cli.run(["rejects", "replay", "--brokers", bootstrap, "--topic", refused, "--all", "--dry-run"]) == 0
    # One is an event once its headers are left away; nothing else is one.
    assert "would send 1, left 13" in capsys.readouterr().out


def wait_for(engine: Engine, *, records: int, published: int) -> None:
    """Waits until so many records were read and so many output records stand."""
    give_up = time.monotonic() + PATIENCE
    while engine.metric("orderwatch_records_total") < records or engine.metric("orderwatch_published_total") < published:
        assert time.monotonic() < give_up, engine.last_lines()
        time.sleep(0.1)


def test_topics_that_take_too_little_are_refused_at_the_start(real_broker: Broker, tmp_path: Path) -> None:
    """Whatever is written there: exit code 2, and one line that names the topic and its limit."""
    events = topic(real_broker, "small", 1)
    for output in ("exceptions", "rejects"):
        small = topic(real_broker, output, 3, {"max.message.bytes": "900000"})
        engine = Engine(tmp_path / output, real_broker.bootstrap, f"{events}-{output}", (events,), outputs={output: small})
        engine.start()
        assert engine.wait() == 2
        last = engine.last_lines().splitlines()[-1]
        assert f"topic {small} has max.message.bytes=900000, at least 1000000 is needed" in last
