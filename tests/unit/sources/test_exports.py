"""Exports of topic partitions: nothing of a record is lost, and a replay reads what live reading read."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.record import Record
from schemas.wire import MAX_BYTES
from sources.batch import BEGINNING, Refusal
from sources.exports import ExportWriter, decode, encode
from sources.files import FileSource
from sources.lines import UnreadableSourceError
from sources.messages import CREATE_TIME, LOG_APPEND_TIME, Item, PartitionLog
from sources.watermarks import NO_FEEDS, WatermarkSampler
from tests.support.logs import DAY, HOUR, MINUTE, T0, line
from tests.support.partitions import Told

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

EXPORTED = T0 + DAY
HEADER = b'{"export":"orderwatch/1","topic":"t","partition":0,"timestamp_type":"LogAppendTime","exported":"2026-04-20T08:00:00Z"}\n'
MS = 1_000

KEYS = st.none() | st.binary(max_size=6)
HEADERS = st.lists(st.tuples(st.text(max_size=5), KEYS), max_size=3)
VALUES = st.one_of(
    st.none(),
    st.binary(max_size=30),
    st.text(max_size=30).map(str.encode),
    st.integers(0, 9).map(lambda n: line(f"e{n}", T0, source="/carrier/ups")),
)
MESSAGES = st.lists(st.tuples(st.integers(0, 3), st.integers(-2_000, 100_000_000), KEYS, VALUES, HEADERS), max_size=12)


def write(folder: Path, messages: Sequence[Told], topic: str = "orders", partition: int = 0, stamps: str = "LogAppendTime") -> Path:
    """An export of one partition."""
    writer = ExportWriter(folder, topic, partition, stamps, EXPORTED)
    for message in messages:
        writer.write(message)
    writer.close()
    return writer.path


def replay(paths: Sequence[Path], *, until: int | None = None, chunk: int = 1 << 20, feeds: Mapping[str, int] = NO_FEEDS) -> list[Item]:
    """Everything that a replay of some files reads."""
    part = FileSource([str(path) for path in paths], until=until, chunk_bytes=chunk, feeds=feeds).build_part("events", "files", None)
    items: list[Item] = []
    try:
        while True:
            for batch in part.next_batch():
                items += batch.items
    except StopIteration:
        return items
    finally:
        part.close()


def live(messages: Sequence[Told], *, create_time: bool = False, feeds: Mapping[str, int] = NO_FEEDS, partition: int = 0) -> list[Item]:
    """What live reading makes of them, in one batch."""
    sampler = WatermarkSampler(feeds) if feeds else None
    log = PartitionLog("orders", partition, create_time=create_time, sampler=sampler)
    return log.read(messages, announced=BEGINNING, latest=EXPORTED)


def facts(items: Sequence[Item]) -> list[object]:
    """Everything that tells items apart."""
    return [msgspec.structs.astuple(item) if isinstance(item, Record) else item for item in items]


@contextmanager
def folder() -> Generator[Path]:
    """A folder for one example."""
    path = Path(tempfile.mkdtemp())
    try:
        yield path
    finally:
        shutil.rmtree(path)


def records(given: list[tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]], kind: int) -> list[Told]:
    """Records with gaps between their offsets."""
    announced: list[Told] = []
    offset = 0
    for gap, ms, key, value, headers in given:
        offset += gap
        announced.append(Told("orders", 0, offset, stamp=T0 // MS + ms, key=key, value=value, headers=headers or None, kind=kind))
        offset += 1
    return announced


@given(messages=MESSAGES, kind=st.sampled_from([CREATE_TIME, LOG_APPEND_TIME]))
def test_every_byte_of_a_record_is_recovered(
    messages: list[tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]], kind: int
) -> None:
    """Offset, timestamp, key, headers and value, whatever bytes they are."""
    for announced in records(messages, kind):
        back = decode(encode(announced, "LogAppendTime"), "LogAppendTime")
        assert (back.offset(), back.timestamp(), back.key(), back.value(), back.headers(), len(back)) == (
            announced.offset(),
            announced.timestamp(),
            announced.key(),
            announced.value(),
            announced.headers(),
            len(announced),
        )


@given(messages=MESSAGES, kind=st.sampled_from([CREATE_TIME, LOG_APPEND_TIME]), chunk=st.integers(60, 400))
def test_a_replay_reads_what_live_reading_read(
    messages: list[tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]], kind: int, chunk: int
) -> None:
    """Records, refusals and watermarks at the same positions, however the file is cut into chunks."""
    announced = records(messages, kind)
    feeds = {"/carrier": 0}
    with folder() as path:
        file = write(path, announced, stamps={CREATE_TIME: "CreateTime", LOG_APPEND_TIME: "LogAppendTime"}[kind])
        assert facts(replay([file], chunk=chunk, feeds=feeds)) == facts(live(announced, create_time=True, feeds=feeds))


def test_partitions_are_merged_by_log_time(tmp_path: Path) -> None:
    """Several exports at once, as several partitions live."""
    partitions = [
        [Told("orders", number, n, stamp=T0 // MS + n * 10 + number, value=line(f"e{number}-{n}", T0)) for n in range(50)]
        for number in range(3)
    ]
    files = [write(tmp_path, announced, partition=number) for number, announced in enumerate(partitions)]
    items = replay(files, chunk=200)
    expected = [item for number, announced in enumerate(partitions) for item in live(announced, partition=number)]
    assert facts(items) == facts(sorted(expected, key=lambda item: (item.log, item.topic, item.partition, item.offset)))
    assert {item.topic for item in items} == {"orders"}


def test_an_export_may_be_unpacked_and_renamed(tmp_path: Path) -> None:
    """It is known by its content: topic and partition stand in the header."""
    announced = [Told("orders", 4, 7, stamp=T0 // MS, value=line("a", T0))]
    plain = tmp_path / "whatever.jsonl"
    plain.write_bytes(gzip.decompress(write(tmp_path, announced, partition=4).read_bytes()))
    (item,) = replay([plain])
    assert (item.topic, item.partition, item.offset, item.log) == ("orders", 4, 7, T0)


def test_records_and_refusals_after_until_are_left_out(tmp_path: Path) -> None:
    """As live reading does it: in a partition a refusal has a time of its own."""
    stamps = (T0, T0 + MINUTE, T0 + HOUR)
    announced = [Told("orders", 0, n, stamp=stamp // MS, value=b"junk") for n, stamp in enumerate(stamps)]
    assert [item.offset for item in replay([write(tmp_path, announced)], until=T0 + MINUTE)] == [0, 1]


def test_a_record_larger_than_an_event_may_be_is_refused_like_live(tmp_path: Path) -> None:
    """Its line is longer than lines of events are, and is not cut before it is decoded."""
    announced = [
        Told("orders", 0, 0, stamp=T0 // MS, value=b"\x00" * (MAX_BYTES + 9)),
        Told("orders", 0, 1, stamp=T0 // MS, value=line("a", T0)),
    ]
    items = replay([write(tmp_path, announced)], chunk=1 << 16)
    assert facts(items) == facts(live(announced))
    assert isinstance(items[0], Refusal)
    assert (items[0].reason, items[0].size, len(items[0].raw)) == ("too_large", MAX_BYTES + 9, MAX_BYTES)


def test_the_same_records_make_the_same_file(tmp_path: Path) -> None:
    """Neither the name of the file nor the time of writing is in its bytes."""
    announced = [Told("orders", 0, 0, stamp=T0 // MS, value=b"x", key=b"k")]
    one, two = tmp_path / "1", tmp_path / "2"
    one.mkdir()
    two.mkdir()
    assert write(one, announced).read_bytes() == write(two, announced).read_bytes()


def test_an_export_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """A file under the export's name is whole."""
    writer = ExportWriter(tmp_path, "orders", 0, "LogAppendTime", EXPORTED)
    writer.write(Told("orders", 0, 0, value=b"x"))
    assert not writer.path.exists()
    writer.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b'{"export":"orderwatch/1"}\n', "damaged header"),
        (b'{"export":"orderwatch/1","topic":"t","partition":0,"timestamp_type":"LogAppendTime","exported":"soon"}\n', "damaged header"),
        (HEADER + b'{"offs', "after line 1"),
        (
            HEADER + b'{"offset":0,"timestamp":1,"key":null,"headers":[]}\n',
            "offset 0 has no value",
        ),
    ],
)
def test_a_damaged_export_is_refused(tmp_path: Path, damage: bytes, message: str) -> None:
    """In one line that names the file; nothing of it is guessed."""
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(damage)
    with pytest.raises(UnreadableSourceError, match=rf"damaged\.jsonl: .*{message}"):
        replay([path])
