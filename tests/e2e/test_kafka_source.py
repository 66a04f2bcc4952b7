"""The Kafka source, topics and exports on a real Kafka."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, ResourceType

from dataflows.cli.main import run
from schemas.record import Record
from schemas.wire import MAX_BYTES
from sources.batch import BEGINNING
from sources.files import FileSource
from sources.kafka import KafkaInput, KafkaInputError, KafkaPart, KafkaSource
from sources.kafka.export import export
from sources.kafka.topics import TopicSpec, ensure_topics, input_topic, output_topic
from tests.support.brokers import topic
from tests.support.logs import T0, line
from tests.support.partitions import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bytewax.inputs import StatefulSourcePartition

    from sources.batch import Batch
    from sources.messages import Item
    from tests.support.brokers import Broker

PATIENCE = 60.0
FEEDS = {"/carrier": 0}


class Reader:
    """A source whose parts are called as Bytewax would call them, with what came out so far."""

    def __init__(
        self,
        broker: Broker,
        *topics: str,
        states: dict[str, bytes] | None = None,
        expected: dict[str, int] | None = None,
        **settings: object,
    ) -> None:
        self.errors: list[str] = []
        given = KafkaInput(options={"bootstrap.servers": broker.bootstrap}, topics=topics, **settings)  # type: ignore[arg-type]
        self.source = KafkaSource(given, expected=expected, on_error=self.errors.append)
        states = states or {}
        self.parts = {name: self.source.build_part("events", name, states.get(name)) for name in self.source.list_parts()}
        self.items: list[Item] = []
        self.told: dict[str, int] = {}
        self.ended = False

    def round(self) -> list[Batch]:
        """Calls every part once."""
        batches: list[Batch] = []
        for part in self.parts.values():
            batches += self._next(part)
        kept(batches, self.told)
        self.items += [item for batch in batches for item in batch.items]
        return batches

    def until(self, reached: Callable[[], bool]) -> None:
        """Goes on until something holds."""
        give_up = time.monotonic() + PATIENCE
        while not reached() and not self.ended:
            self.round()
            time.sleep(0.002)
            assert time.monotonic() < give_up, f"not reached; {len(self.items)} items, {self.source.stats}, {self.errors}"

    def to_the_end(self) -> list[Item]:
        """Reads until every partition's watermark has passed this moment; closes the source."""
        now = time.time_ns() // 1_000
        self.until(lambda: min(self.told.get(name, BEGINNING) for name in self.parts) > now)
        self.close()
        return self.items

    def states(self) -> dict[str, bytes]:
        """What a resume needs."""
        return {name: part.snapshot() for name, part in self.parts.items()}

    def close(self) -> None:
        """Ends as Bytewax does."""
        for part in self.parts.values():
            part.close()

    def _next(self, part: KafkaPart) -> list[Batch]:
        try:
            return part.next_batch()
        except StopIteration:
            self.ended = True
            return []


def producer(broker: Broker, **options: object) -> Producer:
    """A producer whose records reach the broker at once."""
    return Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0, **options})


def event(n: int, source: str = "/carrier/ups") -> bytes:
    """An event of its own."""
    return line(f"e{n}", T0 + n, order=f"O-{n % 7}", source=source)


def write(broker: Broker, name: str, count: int, begin: int = 0, **options: object) -> None:
    """Events, by key over all partitions."""
    client = producer(broker, **options)
    for n in range(begin, begin + count):
        client.produce(name, event(n), key=f"O-{n % 7}")
    assert client.flush(30) == 0


def whole(part: StatefulSourcePartition[Batch, None]) -> list[Item]:
    """Everything that a replay reads."""
    items: list[Item] = []
    try:
        while True:
            items += [item for batch in part.next_batch() for item in batch.items]
    except StopIteration:
        return items


def facts(items: Sequence[Item]) -> list[tuple[object, ...]]:
    """Everything that tells items apart, in log order."""
    ordered = sorted(items, key=lambda item: (item.log, item.topic, item.partition, item.offset, item.sub))
    return [
        msgspec.structs.astuple(item) if isinstance(item, msgspec.Struct) else tuple(getattr(item, name) for name in item.__slots__)
        for item in ordered
    ]


def write_everything(broker: Broker, name: str) -> None:
    """Whatever may stand in a topic: keys, headers, binary mode, junk, tombstones, compression, transactions kept and aborted."""
    for n, codec in enumerate(("none", "gzip", "snappy", "lz4", "zstd")):
        write(broker, name, 300, begin=1_000 * n, **{"compression.type": codec})
    client = producer(broker)
    for n in range(40):
        odd: list[tuple[str, str | bytes]] = [("h", b"\xfe"), ("h", None), ("", b"")]  # type: ignore[list-item]  # the stubs know no null
        client.produce(name, event(9_000 + n), key=b"\xff\x00" if n % 2 else None, headers=odd)
        client.produce(name, b"\xff junk %d" % n, key="junk")
        client.produce(name, None, key="gone")
        client.produce(name, b"", headers={"empty": b""})
        attributes = {"specversion": "1.0", "id": f"b{n}", "source": "/carrier/dhl", "type": "carrier.scan", "time": "2026-04-20T08:00:00Z"}
        headers: list[tuple[str, str | bytes]] = [(f"ce_{key}", value.encode()) for key, value in attributes.items()]
        client.produce(name, b'{"status":"in_transit","tracking_number":"1Z%d"}' % n, headers=headers)
    client.produce(name, b" " * (MAX_BYTES - 500_000))
    assert client.flush(30) == 0
    transactions = producer(broker, **{"transactional.id": f"{name}-tx"})
    transactions.init_transactions(30)
    for n in range(6):
        transactions.begin_transaction()
        for k in range(20):
            transactions.produce(name, event(20_000 + 100 * n + k), key=f"O-{k}")
        transactions.flush(30)
        if n % 2:
            transactions.abort_transaction(30)
        else:
            transactions.commit_transaction(30)


def test_an_export_replays_what_was_read_live(real_broker: Broker, tmp_path: Path) -> None:
    """Same records, refusals and marks at the same positions, with the same keys and headers; aborted transactions in neither."""
    name = topic(real_broker, "everything", 3)
    write_everything(real_broker, name)
    reader = Reader(real_broker, name, feeds=FEEDS, batch=97)
    live = reader.to_the_end()
    files = export({"bootstrap.servers": real_broker.bootstrap}, [name], tmp_path)
    part = FileSource([str(path) for path in files], feeds=FEEDS, chunk_bytes=50_000).build_part("events", "files", None)
    replayed = whole(part)
    assert facts(replayed) == facts(live)
    stats = reader.source.stats
    events = [item for item in live if isinstance(item, Record)]
    assert len(events) == 5 * 300 + 40 * 2 + 3 * 20
    assert {item.event.id for item in events if item.headers and item.headers[0][0] == "ce_specversion"} == {f"b{n}" for n in range(40)}
    assert (stats.tombstones, stats.refused, stats.records) == (40, 81, len(events) + 40 + 81)
    assert set(stats.late.values()) == {0}
    assert sum(files.values()) == stats.records
    # A barrier may be on its way.
    assert set(reader.source.lag().values()) <= {0, 1}
    assert len(reader.source.lag()) == 3


def test_a_resume_loses_nothing_and_repeats_nothing(real_broker: Broker) -> None:
    """At whatever batch the states were taken, while records are still being written."""
    name = topic(real_broker, "resume", 4)
    states: dict[str, bytes] = {}
    items: list[Item] = []
    for turn in range(4):
        write(real_broker, name, 500, begin=turn * 500)
        reader = Reader(real_broker, name, states=states, batch=37)
        wanted = 250 * (turn + 1) - len(items)
        reader.until(lambda reader=reader, wanted=wanted: len(reader.items) >= wanted)  # type: ignore[misc]
        states = reader.states()
        reader.close()
        items += reader.items
    rest = Reader(real_broker, name, states=states)
    items += rest.to_the_end()
    places = [(item.partition, item.offset) for item in items]
    assert len(places) == len(set(places)) == 2_000
    assert {item.event.id for item in items if isinstance(item, Record)} == {f"e{n}" for n in range(2_000)}


def test_pausing_loses_nothing_and_repeats_nothing(real_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the client had fetched ahead of a pause is fetched again afterwards."""
    monkeypatch.setattr("sources.kafka.reading.BUFFERED", 200)
    name = topic(real_broker, "pause", 3)
    client = producer(real_broker, **{"compression.type": "lz4"})
    for partition in range(3):
        for n in range(6_000):
            client.produce(name, event(n), partition=partition)
            client.poll(0)
        client.flush(30)
    reader = Reader(real_broker, name, batch=50, read_ahead=300)
    items = reader.to_the_end()
    assert reader.source.stats.paused > 0
    for partition in range(3):
        assert [item.offset for item in items if item.partition == partition] == list(range(6_000))


def test_records_of_an_open_transaction_hold_the_watermark_back(real_broker: Broker) -> None:
    """They are stamped before the clock that would otherwise be told; once committed, none of them is behind."""
    name = topic(real_broker, "open", 1)
    client = producer(real_broker, **{"transactional.id": f"{name}-tx"})
    client.init_transactions(30)
    client.begin_transaction()
    client.produce(name, event(1))
    client.flush(30)
    stamped = time.time_ns() // 1_000
    reader = Reader(real_broker, name)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        reader.round()
        time.sleep(0.01)
    assert max(reader.told.values(), default=BEGINNING) <= stamped
    client.commit_transaction(30)
    assert len(reader.to_the_end()) == 1
    assert set(reader.source.stats.late.values()) == {0}


def test_an_offset_that_was_trimmed_away_stops_the_engine(real_broker: Broker) -> None:
    """With a line that says which records are gone; a stock consumer would skip them."""
    name = topic(real_broker, "trimmed", 1)
    write(real_broker, name, 100)
    reader = Reader(real_broker, name, batch=10)
    reader.until(lambda: bool(reader.items))
    states = reader.states()
    reader.close()
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap})
    for future in admin.delete_records([TopicPartition(name, 0, 60)]).values():
        future.result(30)
    again = Reader(real_broker, name, states=states)
    with pytest.raises(KafkaInputError, match=rf"{name}:00000: records from offset 10 to 60 were deleted before they were read"):
        again.until(lambda: bool(again.items))
    again.close()


def test_a_run_can_be_finished_on_the_partitions_that_it_had(real_broker: Broker) -> None:
    """A run that was cut off before its topic grew ends as it would have, so that the growth is met by the next one."""
    name = topic(real_broker, "grown", 3)
    settings = KafkaInput({"bootstrap.servers": real_broker.bootstrap}, (name,))
    assert KafkaSource(settings, expected={name: 2}, only={name: 2}).list_parts() == [f"{name}:00000", f"{name}:00001"]
    assert len(KafkaSource(settings, expected={name: 2}).list_parts()) == 3


def test_a_first_start_may_begin_at_the_end(real_broker: Broker) -> None:
    """But a partition that was added since is read from its beginning."""
    name = topic(real_broker, "latest", 2)
    write(real_broker, name, 50)
    options: dict[str, object] = {"bootstrap.servers": real_broker.bootstrap}
    settings = KafkaInput(options, (name,), start="latest", barriers="off")
    fresh = KafkaSource(settings)
    grown = KafkaSource(settings, expected={name: 1})
    starts = [[source.build_part("events", part, None).snapshot() for part in source.list_parts()] for source in (fresh, grown)]
    first = [[msgspec.msgpack.decode(state)[1] for state in states] for states in starts]
    assert sum(first[0]) == 50
    assert first[1] == [first[0][0], None]
    write(real_broker, name, 10, begin=50)
    assert len(Reader(real_broker, name, states=dict(zip(fresh.channels, starts[0], strict=True))).to_the_end()) == 10


def test_what_does_not_fit_is_said_in_one_line(real_broker: Broker) -> None:
    """Before anything is read."""
    options: dict[str, object] = {"bootstrap.servers": real_broker.bootstrap}
    stamped = topic(real_broker, "stamped", 1, {"message.timestamp.type": "CreateTime"})
    plain = topic(real_broker, "plain", 1)
    with pytest.raises(KafkaInputError, match=f"topic {stamped} has message.timestamp.type=CreateTime"):
        KafkaSource(KafkaInput(options, (plain, stamped)))
    with pytest.raises(KafkaInputError, match="topic no-such-topic does not exist"):
        KafkaSource(KafkaInput(options, (plain, "no-such-topic")))
    with pytest.raises(KafkaInputError, match=f"topic {plain} has 1 partitions, the state knows 3"):
        KafkaSource(KafkaInput(options, (plain,)), expected={plain: 3})
    with pytest.raises(KafkaInputError, match=r"Kafka options: .*no\.such\.option"):
        KafkaSource(KafkaInput({**options, "no.such.option": 1}, (plain,)))
    write(real_broker, stamped, 5)
    assert len(Reader(real_broker, stamped, allow_create_time=True).to_the_end()) == 5


def test_growth_ends_the_parts_and_says_so(real_broker: Broker) -> None:
    """The engine stops cleanly, and a restart reads the new partition from its beginning."""
    name = topic(real_broker, "grown", 1)
    write(real_broker, name, 10)
    reader = Reader(real_broker, name, growth_check=200_000)
    reader.until(lambda: len(reader.items) == 10)
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap})
    admin.create_partitions([NewPartitions(name, 2)])[name].result(30)
    reader.until(lambda: reader.ended)
    assert reader.source.grown == f"topic {name} has grown from 1 to 2 partitions: restart to read them all"
    states = reader.states()
    reader.close()
    client = producer(real_broker)
    client.produce(name, event(11), partition=1)
    client.flush(30)
    (item,) = Reader(real_broker, name, states=states, expected={name: 1}, start="latest").to_the_end()
    assert (item.partition, item.offset) == (1, 0)


def test_the_source_ends_at_until(real_broker: Broker) -> None:
    """Once every partition has passed it; what is after it stays for the next run."""
    name = topic(real_broker, "until", 3)
    write(real_broker, name, 60)
    time.sleep(0.01)
    until = time.time_ns() // 1_000
    time.sleep(0.01)
    write(real_broker, name, 30, begin=60)
    reader = Reader(real_broker, name, until=until)
    reader.until(lambda: reader.ended)
    assert len(reader.items) == 60
    assert set(reader.told.values()) == {until + 1}
    reader.close()
    assert len(Reader(real_broker, name, states=reader.states()).to_the_end()) == 30


def test_a_broker_that_is_killed_and_comes_back_is_survived(own_broker: Broker) -> None:
    """The client connects again by itself: what passes is counted, nothing is lost or repeated."""
    name = topic(own_broker, "killed", 2)
    write(own_broker, name, 300, acks="all")
    reader = Reader(own_broker, name)
    reader.until(lambda: len(reader.items) == 300)
    own_broker.kill()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        reader.round()
        time.sleep(0.01)
    own_broker.restart()
    write(own_broker, name, 300, begin=300, acks="all")
    items = reader.to_the_end()
    places = [(item.partition, item.offset) for item in items]
    assert len(places) == len(set(places)) == 600
    assert reader.source.stats.errors > 0
    assert reader.errors


def test_topics_are_created_once_and_then_checked(real_broker: Broker) -> None:
    """With the settings that log time and output records need; what exists is never changed."""
    options: dict[str, object] = {"bootstrap.servers": real_broker.bootstrap}
    events, verdicts = topic(real_broker, "names") + "-in", topic(real_broker, "names") + "-out"
    specs = {events: input_topic(3), verdicts: output_topic(2)}
    assert sorted(ensure_topics(options, specs, replication=1)) == sorted(specs)
    assert ensure_topics(options, specs, replication=1) == []
    admin = AdminClient(options)
    (found,) = [future.result(30) for future in admin.describe_configs([ConfigResource(ResourceType.TOPIC, verdicts)]).values()]
    values = {key: found[key].value for key in ("message.timestamp.type", "cleanup.policy", "min.insync.replicas")}
    assert values == {"message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete", "min.insync.replicas": "1"}
    assert ensure_topics(options, {events: input_topic(2)}) == []
    with pytest.raises(KafkaInputError, match=f"topic {events} has 3 partitions, at least 4 are wanted"):
        ensure_topics(options, {events: input_topic(4)})
    with pytest.raises(KafkaInputError, match=f"topic {verdicts} has 2 partitions, 1 are wanted"):
        ensure_topics(options, {verdicts: output_topic(1)})
    stamped = topic(real_broker, "stamped", 1, {"message.timestamp.type": "CreateTime"})
    with pytest.raises(KafkaInputError, match=f"topic {stamped} has message.timestamp.type=CreateTime, LogAppendTime is wanted"):
        ensure_topics(options, {stamped: input_topic(1)})
    with pytest.raises(KafkaInputError, match=r"topic bad/name cannot be created"):
        ensure_topics(options, {"bad/name": TopicSpec(1, {})})


def test_the_command_exports_and_what_it_cannot_do_it_says(real_broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes and lines of `orderwatch export`; its files replay."""
    name = topic(real_broker, "command", 2)
    write(real_broker, name, 40)
    where = ["--brokers", real_broker.bootstrap, "--out", str(tmp_path / "e")]
    assert run(["export", *where, "--topic", name]) == 0
    files = sorted((tmp_path / "e").iterdir())
    assert [path.name for path in files] == [f"{name}-00000.jsonl.gz", f"{name}-00001.jsonl.gz"]
    assert run(["replay", *map(str, files), "--out", str(tmp_path / "r")]) == 0
    assert run(["export", *where, "--topic", name, "--until-offset", "3", "--overwrite"]) == 0
    capsys.readouterr()
    assert run(["export", *where, "--topic", name]) == 2
    assert run(["export", *where, "--topic", "no-such-topic"]) == 2
    assert run(["export", *where, "--topic", name, "--until-offset", "soon"]) == 2
    bad = tmp_path / "client.properties"
    bad.write_text("# TLS\nsecurity.protocol=ssl\nnonsense\n")
    assert run(["export", *where, "--topic", name, "--client-config", str(bad)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"orderwatch: {files[0]}: is there already: name another place to write to, or give --overwrite",
        "orderwatch: topic no-such-topic does not exist",
        "orderwatch: --until-offset soon: neither now nor an offset",
        f"orderwatch: --client-config {bad}, line 3: not KEY=VALUE",
    ]
