"""The Kafka sink on a real Kafka: each output record once, whatever dies when. Run as a program, this file is a process to be killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.output import OutputRecord
from schemas.record import headers_of
from sinks.kafka import KafkaOutputError, KafkaSink, OutputTopic, WriterStats
from tests.support.brokers import Broker, topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


SHARDS = tuple(f"s{number:02d}" for number in range(6))
PARTITIONS = 3
ROOT = Path(__file__).parents[2]


def output(shard: str, number: int, text: str = "") -> OutputRecord:
    """What a shard says, by number: the same in every life."""
    order = f"{shard}-{number % 7}"
    body = json.dumps({"id": f"{shard}/{number}", "text": text}).encode()
    return OutputRecord(number * 1000, order, "exceptions", "exception.raised", "", body, shard=shard, number=number)


class Said(NamedTuple):
    """A record of an output topic."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def contents(bootstrap: str, name: str, isolation: str = "read_committed") -> list[Said]:
    """All that a reader sees of a topic, partition by partition, in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "test",
            "enable.partition.eof": True,
            "isolation.level": isolation,
            "fetch.wait.max.ms": 20,
        }
    )
    try:
        parts = consumer.list_topics(name, timeout=10).topics[name].partitions
        consumer.assign([TopicPartition(name, part, 0) for part in parts])
        ended: set[int | None] = set()
        said: list[Said] = []
        while len(ended) < len(parts):
            for message in consumer.consume(500, 0.1):
                if message.error() is not None:
                    ended.add(message.partition())
                else:
                    said.append(Said(message.partition() or 0, message.key(), message.value(), list(headers_of(message))))
        return sorted(said, key=lambda one: one.partition)
    finally:
        consumer.close()


def numbers(said: Iterable[Said]) -> dict[str, list[int]]:
    """By shard, the numbers of what it said, in the order in which they stand within each partition."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in said:
        own = dict(one.headers)
        found[(own["ow-shard"] or b"").decode()].append(int(own["ow-number"] or b"0"))
    return found


class Part(Protocol):
    """What Bytewax calls."""

    def write_batch(self, values: list[Sequence[OutputRecord]]) -> None:
        """Takes output records."""
        ...

    def snapshot(self) -> bytes:
        """Ends an epoch."""
        ...

    def close(self) -> None:
        """Ends."""
        ...


class Watched(WriterStats):
    """Counts opened parts as well."""

    opened_parts = 0

    def opened(self, topic: str, partition: int, read_back: int, seconds: float) -> None:
        """Counts it."""
        WriterStats.opened(self, topic, partition, read_back, seconds)
        self.opened_parts += 1


class Life:
    """One life of the processes that write: `workers` sinks that share the parts. Snapshots are kept by the test, as Bytewax keeps them."""

    born: ClassVar[list[Life]] = []

    def __init__(
        self,
        bootstrap: str,
        name: str,
        state: str,
        tokens: Mapping[str, bytes],
        workers: int = 1,
        client: Mapping[str, object] | None = None,
    ) -> None:
        self.born.append(self)
        self.stats = Watched()
        topics = {"exceptions": OutputTopic(name, PARTITIONS)}
        self.sinks = [
            KafkaSink({"bootstrap.servers": bootstrap, **(client or {})}, state, topics, listener=self.stats) for _ in range(workers)
        ]
        self.open: dict[str, Part] = {}
        self._written: set[str] = set()
        for part, token in tokens.items():
            self._build(part, token)

    def write(self, outputs: Iterable[OutputRecord]) -> None:
        """Writes some output records, by part."""
        by_part: dict[str, list[OutputRecord]] = defaultdict(list)
        for one in outputs:
            by_part[self.sinks[0].part_for("exceptions", one)].append(one)
        for part, some in by_part.items():
            if part not in self.open:
                self._build(part, None)
            self.open[part].write_batch([some])
            self._written.add(part)

    def snapshot(self) -> dict[str, bytes]:
        """Ends an epoch: the parts that were written in it have new tokens."""
        tokens = {part: self.open[part].snapshot() for part in self._written}
        self._written.clear()
        return tokens

    def wait_until_open(self) -> None:
        """Returns when every part has been opened."""
        while self.stats.opened_parts < len(self.open):
            time.sleep(0.01)

    def close(self) -> None:
        """Ends in good order."""
        with ExitStack() as closing:
            for part in self.open.values():
                closing.callback(part.close)

    def _build(self, part: str, token: bytes | None) -> None:
        sink = self.sinks[self.sinks[0].part_fn(part) % len(self.sinks)]
        self.open[part] = sink.build_part("out", part, token)


@pytest.fixture(autouse=True)
def end_of_lives() -> Iterator[None]:
    """What a test leaves behind as dead or a zombie ends with the test, so that it does not look for its broker for ever."""
    yield
    for life in Life.born:
        with suppress(KafkaOutputError):
            life.close()
    Life.born.clear()


@pytest.mark.parametrize(("seed", "workers"), [(1, 1), (2, 2), (3, 2)])
def test_each_record_is_written_once_whatever_crashes(real_broker: Broker, seed: int, workers: int) -> None:
    """Crashes at random points of random epochs, before and after snapshots, also with what was said before only half said again."""
    rng = random.Random(seed)
    name, state = topic(real_broker, "crash", PARTITIONS), str(uuid4())
    tokens: dict[str, bytes] = {}
    stored = dict.fromkeys(SHARDS, 0)
    most = dict.fromkeys(SHARDS, 0)
    crashes = dropped = 0
    life = Life(real_broker.bootstrap, name, state, tokens, workers)
    counts = dict(stored)
    while min(stored.values()) < 150:
        for _ in range(rng.randrange(1, 6)):
            batch: list[OutputRecord] = []
            for _ in range(rng.randrange(1, 40)):
                shard = rng.choice(SHARDS)
                counts[shard] += 1
                most[shard] = max(most[shard], counts[shard])
                batch.append(output(shard, counts[shard]))
            life.write(batch)
        fate = rng.random()
        if fate < 0.6:
            fresh = life.snapshot()
            if fate < 0.5:  # else the epoch was not committed: what its snapshot says is lost
                tokens |= fresh
                stored = dict(counts)
        if fate > 0.4:
            # No close: the old life is a zombie from here on, perhaps in the middle of a transaction. It must not open anything any more.
            life.wait_until_open()
            dropped += sum(life.stats.already_there.values())
            assert not life.stats.mismatches
            crashes += 1
            life = Life(real_broker.bootstrap, name, state, tokens, workers)
            counts = dict(stored)
    # What an earlier life has said is said again in the end, as an input that is read again has it.
    life.write(output(shard, number) for shard in SHARDS for number in range(counts[shard] + 1, most[shard] + 2))
    life.snapshot()
    life.close()
    said = contents(real_broker.bootstrap, name)
    assert {shard: sorted(found) for shard, found in numbers(said).items()} == {shard: list(range(1, most[shard] + 2)) for shard in SHARDS}
    for partition in range(PARTITIONS):
        for found in numbers(one for one in said if one.partition == partition).values():
            assert found == sorted(found)
    assert crashes > 5
    assert dropped > 0


def test_processes_that_are_killed_lose_and_repeat_nothing(real_broker: Broker, tmp_path: Path) -> None:
    """SIGKILL at random instants, while the next life already begins; the state is kept in a file, as an epoch would keep it."""
    rng = random.Random(5)
    name, state = topic(real_broker, "kill", PARTITIONS), str(uuid4())
    command = [sys.executable, __file__, real_broker.bootstrap, name, state, str(tmp_path / "kept.json")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(8):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # it has begun to write
        time.sleep(rng.uniform(0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    subprocess.run([*command, "last"], env=environment, check=True, capture_output=True)
    kept = json.loads((tmp_path / "kept.json").read_bytes())
    said = numbers(contents(real_broker.bootstrap, name))
    assert {shard: sorted(found) for shard, found in said.items()} == {shard: list(range(1, kept["count"] + 1)) for shard in SHARDS}


def test_a_zombie_is_fenced_and_nothing_of_it_is_seen(real_broker: Broker) -> None:
    """Once a new instance has opened a partition, the old one fails and says so, at its next write or snapshot."""
    name, state = topic(real_broker, "zombie", PARTITIONS), str(uuid4())
    old = Life(real_broker.bootstrap, name, state, {})
    old.write(output(shard, 1) for shard in SHARDS)
    tokens = old.snapshot()
    new = Life(real_broker.bootstrap, name, state, tokens)
    for part in new.open.values():
        part.snapshot()  # it is open now
    old.write(output(shard, 2, "zombie") for shard in SHARDS)
    with pytest.raises(KafkaOutputError, match="another instance with the same state") as caught:
        old.snapshot()
    assert caught.value.fenced
    new.write(output(shard, 2) for shard in SHARDS)
    new.snapshot()
    new.close()
    said = contents(real_broker.bootstrap, name)
    assert not [one for one in said if b"zombie" in (one.value or b"")]
    assert {shard: sorted(found) for shard, found in numbers(said).items()} == {shard: [1, 2] for shard in SHARDS}


def test_a_shard_that_says_something_else_is_counted_and_compared_by_content(real_broker: Broker) -> None:
    """What it says for the first time is written, what it said under another number is not."""
    name, state = topic(real_broker, "astray", PARTITIONS), str(uuid4())
    first = Life(real_broker.bootstrap, name, state, {})
    first.write(output("s00", number) for number in range(1, 6))
    first.write(output("s01", number) for number in range(1, 6))
    first.snapshot()
    second = Life(real_broker.bootstrap, name, state, {})
    late = OutputRecord(0, "s00-0", "exceptions", "exception.raised", "", b'{"id":"late"}', shard="s00", number=1)
    moved = [output("s00", number) for number in range(1, 7)]
    second.write([late, *(OutputRecord(m.log, m.order, m.topic, m.type, m.key, m.body, shard="s00", number=m.number + 1) for m in moved)])
    second.write(output("s01", number) for number in range(1, 7))
    second.snapshot()
    second.close()
    bodies = Counter(one.value for one in contents(real_broker.bootstrap, name))
    assert set(bodies.values()) == {1}
    assert len(bodies) == 13
    assert second.stats.mismatches["exceptions"] > 0
    assert second.stats.already_there["exceptions"] == 10


def test_another_state_in_the_same_topic_is_left_alone(real_broker: Broker) -> None:
    """Equal shards and numbers of another state directory are other output records."""
    name = topic(real_broker, "states", PARTITIONS)
    for state in (str(uuid4()), str(uuid4())):
        life = Life(real_broker.bootstrap, name, state, {})
        life.write(output("s00", number) for number in range(1, 4))
        life.snapshot()
        life.close()
    assert numbers(contents(real_broker.bootstrap, name))["s00"].count(1) == 2


def test_an_open_transaction_of_someone_else_hides_nothing_of_ours(real_broker: Broker) -> None:
    """Our records behind it are waited for, not taken to be missing and written again."""
    name, state = topic(real_broker, "foreign", 1), str(uuid4())
    topics = {"exceptions": OutputTopic(name, 1)}
    client = {"bootstrap.servers": real_broker.bootstrap}
    part = KafkaSink(client, state, topics).build_part("out", "exceptions:00000", None)
    part.snapshot()
    other = Producer({**client, "transactional.id": str(uuid4())})
    other.init_transactions(30)
    other.begin_transaction()
    other.produce(name, b"open", partition=0)
    other.flush(10)
    part.write_batch([[output("s00", 1)]])
    part.snapshot()
    stats = WriterStats()
    again = KafkaSink(client, state, topics, listener=stats).build_part("out", "exceptions:00000", None)
    again.write_batch([[output("s00", 1), output("s00", 2)]])
    time.sleep(0.5)
    assert not stats.published
    other.commit_transaction(30)
    again.close()
    assert (stats.already_there["exceptions"], stats.published["exceptions"]) == (1, 1)
    assert numbers(one for one in contents(real_broker.bootstrap, name) if one.headers)["s00"] == [1, 2]


def test_rejects_keep_every_byte(real_broker: Broker) -> None:
    """Key, value and headers, in their order, repeated, empty or null, with Connect's headers behind."""
    name = topic(real_broker, "rejects", 2)
    headers = (("b", b"\x00\xff"), ("a", None), ("b", b""), ("ümlaut", b"x"))
    sink = KafkaSink({"bootstrap.servers": real_broker.bootstrap}, "state", {"rejects": OutputTopic(name, 2)})
    data: dict[str, object] = {"reason": "not_json", "detail": "byte 0", "topic": "orders", "partition": 1, "offset": 9}
    raw = bytes(range(256))
    keyed = OutputRecord(0, "", "rejects", "reject", "", raw, data=data, shard="s00", number=1, record_key=b"\xff\x00", headers=headers)
    bare = OutputRecord(0, "", "rejects", "reject", "", b"", data=data, shard="s00", number=2)
    for one in (keyed, bare):
        part = sink.build_part("out", sink.part_for("rejects", one), None)
        part.write_batch([[one]])
        part.close()
    said = {dict(one.headers)["ow-number"]: one for one in contents(real_broker.bootstrap, name)}
    assert (said[b"1"].key, said[b"1"].value) == (b"\xff\x00", raw)
    assert tuple(said[b"1"].headers[:4]) == headers
    assert dict(said[b"1"].headers[4:])["__connect.errors.exception.class.name"] == b"not_json"
    assert (said[b"2"].key, said[b"2"].value) == (None, b"")


def test_a_record_that_the_topic_does_not_take_fails_in_one_line(real_broker: Broker) -> None:
    """And nothing of its transaction is seen."""
    name = topic(real_broker, "small", PARTITIONS, {"max.message.bytes": "2000"})
    life = Life(real_broker.bootstrap, name, str(uuid4()), {}, client={"compression.type": "none"})
    life.write([output("s00", 7), output("s00", 14, "x" * 5000)])
    with pytest.raises(KafkaOutputError, match=r"small.*\[\d\]: a record is larger than the topic takes: raise its max.message.bytes"):
        life.snapshot()
    with pytest.raises(KafkaOutputError, match="larger"):
        life.write([output("s00", 21)])
    assert not contents(real_broker.bootstrap, name)


def test_a_topic_that_is_not_there_is_named(real_broker: Broker) -> None:
    """Before anything is written."""
    life = Life(real_broker.bootstrap, "no-such-topic", str(uuid4()), {})
    life.write([output("s00", 1)])
    with pytest.raises(KafkaOutputError, match=r"no-such-topic\[\d\]: the topic or partition does not exist"):
        life.snapshot()


def test_a_topic_that_is_deleted_ends_the_writing(real_broker: Broker) -> None:
    """Not an output record is taken to be published."""
    name = topic(real_broker, "deleted", PARTITIONS)
    life = Life(real_broker.bootstrap, name, str(uuid4()), {})
    life.write([output("s00", 1)])
    life.snapshot()
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap})
    admin.delete_topics([name])[name].result(30)
    with pytest.raises(KafkaOutputError, match=rf"{name}\[\d\]: the topic"):  # noqa: PT012 (whichever notices first)
        for number in range(2, 100):  # The controller has deleted it; the broker takes records until it has heard so.
            life.write([output("s00", number)])
            life.snapshot()


def test_a_broker_that_is_killed_and_comes_back_costs_nothing(own_broker: Broker) -> None:
    """The writers wait, abort, try again; nothing is lost or repeated."""
    name, state = topic(own_broker, "restart", PARTITIONS), str(uuid4())
    life = Life(own_broker.bootstrap, name, state, {})
    for number in range(1, 31):
        life.write(output(shard, number) for shard in SHARDS)
        if number in {10, 20}:
            own_broker.kill()
            life.write(output(shard, number + 100) for shard in SHARDS)
            own_broker.restart()
    life.snapshot()
    life.close()
    expected = sorted([*range(1, 31), 110, 120])
    found = numbers(contents(own_broker.bootstrap, name))
    assert {shard: sorted(some) for shard, some in found.items()} == dict.fromkeys(SHARDS, expected)


def _write_until_killed(bootstrap: str, name: str, state: str, kept: Path, *, last: bool) -> None:
    """A process that writes without end, or to the end of one more epoch; what an epoch commits stands in the file."""
    count, tokens = 0, dict[str, bytes]()
    if kept.exists():
        before = json.loads(kept.read_bytes())
        count = before["count"]
        tokens = {part: bytes.fromhex(token) for part, token in before["tokens"].items()}
    life = Life(bootstrap, name, state, tokens, workers=2)
    print("begun", flush=True)  # noqa: T201
    while True:
        for _ in range(20):
            count += 1
            life.write(output(shard, count) for shard in SHARDS)
            time.sleep(0.001)
        tokens |= life.snapshot()
        fresh = kept.with_suffix(".new")
        fresh.write_text(json.dumps({"count": count, "tokens": {part: token.hex() for part, token in tokens.items()}}))
        fresh.replace(kept)
        if last:
            life.close()
            return


if __name__ == "__main__":
    _, broker_at, topic_name, state_id, file, *end = sys.argv
    _write_until_killed(broker_at, topic_name, state_id, Path(file), last=bool(end))
