"""What a resumed sink does not write again, on a model of a partition: a list of records, of which the index is the offset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.kafka.readback import SHIFT, VERSION, ReadBack, ReadBackRecord, decode

SHARDS = ("s00", "s01", "s02")


def said(shard: str, number: int) -> bytes:
    """What a shard says, by number."""
    return f"{shard}/{number}".encode()


@dataclass
class Partition:
    """A partition and the sink before it; `counts` is the state of the shards, `stored` what the last committed epoch keeps."""

    log: list[tuple[str, int, bytes]] = field(default_factory=list[tuple[str, int, bytes]])
    counts: Counter[str] = field(default_factory=Counter[str])
    stored: tuple[Counter[str], bytes | None] = (Counter(), None)
    queue: list[tuple[str, int, bytes]] = field(default_factory=list[tuple[str, int, bytes]])
    read_back: ReadBack = field(default_factory=ReadBack)

    def say(self, shard: str, content: bytes | None = None) -> None:
        """The shard says its next output record."""
        self.counts[shard] += 1
        number = self.counts[shard]
        content = said(shard, number) if content is None else content
        if not self.read_back.already(shard, number, content):
            self.queue.append((shard, number, content))

    def commit(self) -> None:
        """What was said stands in the log, with a commit marker behind it."""
        self.log += [*self.queue, ("", 0, b"")]
        self.queue.clear()

    def epoch(self, *, durable: bool = True) -> None:
        """An epoch ends; with `durable` its snapshot outlives a crash."""
        self.commit()
        token = self.read_back.token(len(self.log))
        if durable:
            self.stored = (self.counts.copy(), token)

    def crash(self) -> None:
        """What was not committed is gone; the shards and the sink go back to the last snapshot."""
        self.queue.clear()
        self.counts, token = self.stored[0].copy(), None if self.stored[1] is None else decode(self.stored[1])
        self.read_back = ReadBack(token)
        for offset in range(0 if token is None else token.offset, len(self.log)):
            shard, number, content = self.log[offset]
            if shard:
                self.read_back.add(shard, ReadBackRecord(number, content, offset))


Steps = st.lists(
    st.one_of(
        st.sampled_from(SHARDS),
        st.sampled_from(SHARDS),
        st.sampled_from(["commit", "epoch", "epoch", "lost epoch", "crash", "crash"]),
    ),
    min_size=10,
    max_size=60,
)


def run(partition: Partition, steps: list[str]) -> None:
    """Lives through some steps."""
    for step in steps:
        if step == "commit":
            partition.commit()
        elif step == "crash":
            partition.crash()
        elif step in SHARDS:
            partition.say(step)
        else:
            partition.epoch(durable=step == "epoch")


@settings(max_examples=1000)
@given(Steps)
def test_each_record_is_written_once_and_in_order_whenever_it_crashes(steps: list[str]) -> None:
    """Epochs, lost epochs and crashes at any point, also while an earlier read-back has not been said again in full."""
    partition = Partition()
    run(partition, steps)
    partition.commit()
    mismatches = partition.read_back.mismatches
    for shard in SHARDS:
        numbers = [number for where, number, _ in partition.log if where == shard]
        assert numbers == list(range(1, len(numbers) + 1))
    assert mismatches == 0


@given(Steps, Steps, Steps, st.integers(1, 3))
def test_a_shard_that_says_something_else_repeats_nothing_equal(before: list[str], between: list[str], after: list[str], more: int) -> None:
    """A crash after which a shard says something new first, which shifts all its numbers: what it then repeats is dropped by content."""
    partition = Partition()
    run(partition, before)
    partition.crash()
    shift = {"s00": 0}

    def say(shard: str) -> None:
        new = shard == "s00" and shift["s00"] < more
        shift["s00"] += new
        number = partition.counts[shard] + 1 - (shift["s00"] if shard == "s00" else 0)
        partition.say(shard, f"new {shift['s00']}".encode() if new else said(shard, number))

    for step in between + after:
        if step in SHARDS:
            say(step)
        elif step == "commit":
            partition.commit()
    partition.commit()
    contents = Counter(content for shard, _, content in partition.log if shard)
    assert not [content for content, count in contents.items() if count > 1]


def test_the_first_mismatch_is_counted_and_only_that_shard_is_compared_by_content() -> None:
    """The others still go by number."""
    read_back = ReadBack()
    for offset, (shard, number) in enumerate([("s00", 1), ("s01", 1), ("s00", 2), ("s01", 2)]):
        read_back.add(shard, ReadBackRecord(number, said(shard, number), offset))
    assert not read_back.already("s00", 1, b"late")
    assert [read_back.already("s00", number + 1, said("s00", number)) for number in (1, 2, 3)] == [True, True, False]
    assert [read_back.already("s01", number, said("s01", number)) for number in (1, 2, 3)] == [True, True, False]
    assert (read_back.mismatches, read_back.done) == (1, True)


def test_the_token_points_at_what_has_not_been_said_again() -> None:
    """A crash before everything was said again must find the rest once more, and nothing of what the snapshot covers."""
    read_back = ReadBack()
    for number in (1, 2, 3):
        read_back.add("s00", ReadBackRecord(number, said("s00", number), 10 + number))
    assert read_back.already("s00", 1, said("s00", 1))
    token = decode(read_back.token(20))
    assert (token.offset, token.passed) == (12, {"s00": 1})
    for number in (2, 3):
        assert read_back.already("s00", number, said("s00", number))
    assert decode(read_back.token(20)).offset == 20


def test_a_shard_that_went_astray_stays_so_over_a_crash() -> None:
    """Its old numbers mean nothing any more, so only content tells what is there."""
    read_back = ReadBack()
    for number in (1, 2, 3):
        read_back.add("s00", ReadBackRecord(number, said("s00", number), number))
    assert not read_back.already("s00", 1, b"late")
    token = decode(read_back.token(9))
    resumed = ReadBack(token)
    for number in (1, 2, 3):
        resumed.add("s00", ReadBackRecord(number, said("s00", number), number))
    assert [resumed.already("s00", number + 1, said("s00", number)) for number in (1, 2, 3)] == [True, True, True]
    assert (resumed.mismatches, resumed.done) == (0, True)


def test_what_is_never_said_again_is_forgotten_once_it_cannot_come_any_more() -> None:
    """The recorded offset does not stand still for ever for the sake of an output record that a late record has undone."""
    read_back = ReadBack()
    for number in (1, 2, 3):
        read_back.add("s00", ReadBackRecord(number, said("s00", number), number))
    for number in range(1, 3 + SHIFT):
        assert not read_back.already("s00", number, f"other {number}".encode())
    assert decode(read_back.token(9)).offset == 1
    assert not read_back.already("s00", 4 + SHIFT, b"one more")
    assert decode(read_back.token(9)).offset == 9


@pytest.mark.parametrize("token", [b"", b"\xff", msgspec.msgpack.encode([VERSION + 1, 0, {}, {}]), msgspec.msgpack.encode({"a": 1})])
def test_a_token_of_another_version_is_refused(token: bytes) -> None:
    """In one line; a sink that begins anew would repeat everything."""
    with pytest.raises(ValueError, match="snapshot"):
        decode(token)
