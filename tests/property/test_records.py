"""Whole records as a hostile producer makes them, through the real decode path: nothing but items comes out, and nothing vanishes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detect.exchange import ORDER_ITEMS
from dataflows.detect.rejects import undecodable
from schemas.instants import iso
from schemas.record import Record
from schemas.wire import MAX_BYTES, REASONS
from sinks.jsonl import line as reject_line
from sinks.kafka.cut import fitted, size_of
from sinks.kafka.records import outgoing
from sinks.rejected import parse
from sources.batch import BEGINNING, Refusal
from sources.exports import ExportWriter
from sources.files import FileSource
from sources.messages import CREATE_TIME, LOG_APPEND_TIME, NO_TIMESTAMP, PartitionLog, Unreadable
from tests.support.logs import DAY, T0, line
from tests.support.partitions import Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources.messages import Item, Message

LIMIT = 20_000


class Latin(Told):
    """A record with a header whose name is not UTF-8."""

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """As the client library has it."""
        raise UnicodeDecodeError("utf-8", b"gr\xf6\xdfe", 2, 3, "invalid start byte")


EVENT = line("e1", T0, source="/carrier/ups")
TEXTS = st.binary(max_size=20) | st.text(max_size=20).map(str.encode) | st.sampled_from((EVENT, EVENT[:-1], b"", b"[" * 600))
VALUES = st.none() | TEXTS | st.sampled_from((b" " * (MAX_BYTES + 1), EVENT + b" " * MAX_BYTES))
ATTRIBUTES = {"specversion": b"1.0", "id": b"b1", "source": b"/carrier/dhl", "type": b"carrier.scan", "time": b"2026-04-20T08:00:00Z"}
NAMES = (
    st.sampled_from([f"ce_{name}" for name in (*ATTRIBUTES, "data", "subject", "")] + ["content-type", "ow-state", "ow-cut", ""])
    | st.text()
)
HEADERS = st.lists(st.tuples(NAMES, st.none() | TEXTS), max_size=8) | st.just([(f"ce_{name}", value) for name, value in ATTRIBUTES.items()])
MANY = st.tuples(NAMES, TEXTS).map(lambda header: [header] * 3_000)
STAMPS = st.integers(T0 // 1_000 - 5_000, T0 // 1_000 + 5_000) | st.sampled_from(
    (-1, -5, 0, -(1 << 62), 1 << 62, (1 << 63) - 1, 253_402_300_800_000)
)


@st.composite
def records(draw: st.DrawFn) -> Told | Unreadable:
    """One record at offset 0; the place is set when they stand in a row."""
    if draw(st.integers(0, 19)) == 0:
        return Unreadable(0)
    kind = draw(st.sampled_from((LOG_APPEND_TIME, CREATE_TIME, NO_TIMESTAMP)))
    made = draw(st.sampled_from((Told, Told, Told, Latin)))
    # The broker's own stamps are instants; a producer's may be anything.
    stamp = draw(st.integers(0, 1 << 41) if kind == LOG_APPEND_TIME else STAMPS)
    headers: list[tuple[str, bytes | None]] = [*draw(HEADERS | MANY)]
    return made("orders", 0, 0, stamp=stamp, value=draw(VALUES), key=draw(st.none() | TEXTS), headers=headers, kind=kind)


def placed(drawn: Sequence[Told | Unreadable]) -> list[Told | Unreadable]:
    """The records, one after the other in a partition."""
    row: list[Told | Unreadable] = []
    for offset, one in enumerate(drawn):
        if isinstance(one, Unreadable):
            row.append(Unreadable(offset))
        else:
            kind, stamp = one.timestamp()
            given_headers = None if isinstance(one, Latin) else one.headers()
            row.append(type(one)("orders", 0, offset, stamp=stamp, value=one.value(), key=one.key(), headers=given_headers, kind=kind))
    return row


@settings(max_examples=60)
@given(st.lists(records(), max_size=6))
def test_whatever_a_producer_writes_is_an_event_a_reject_or_a_tombstone(drawn: Sequence[Told | Unreadable]) -> None:
    """Each record is one of the three; a reject keeps value, key and headers, goes to other processes and every sink, and fits a topic."""
    row: Sequence[Message] = placed(drawn)
    log = PartitionLog("orders", 0, create_time=True)
    items = log.read(row, announced=BEGINNING, latest=T0 + DAY)
    assert len(items) + log.tombstones == len(row)
    assert [item.log for item in items] == sorted(item.log for item in items)
    assert ORDER_ITEMS.unpack(ORDER_ITEMS.pack(items)) == items
    for item in items:
        assert iso(item.log)
        if not isinstance(item, Refusal):
            continue
        assert item.reason in REASONS
        message = row[item.offset]
        if isinstance(message, Told):
            assert item.raw == (message.value() or b"")[:MAX_BYTES]
            assert item.size == len(message.value() or b"")
            assert item.key == message.key()
            assert item.headers == (() if isinstance(message, Latin) else tuple(message.headers() or ()))
        out = undecodable(item)
        back = parse(reject_line("rejects", out))
        assert (back.value, back.key, back.headers) == (item.raw, item.key, item.headers)
        assert size_of(fitted(outgoing("rejects", out, b"state"), LIMIT)) <= LIMIT


@settings(max_examples=60)
@given(st.lists(records(), max_size=6))
def test_an_export_replays_them_alike(drawn: Sequence[Told | Unreadable]) -> None:
    """What cannot be read live cannot be read from an export, for the same reason."""
    row: Sequence[Message] = placed(drawn)
    live = PartitionLog("orders", 0, create_time=True).read(row, announced=BEGINNING, latest=T0)
    with tempfile.TemporaryDirectory() as folder:
        writer = ExportWriter(Path(folder), "orders", 0, "CreateTime", T0)
        for message in row:
            writer.write(message)
        writer.close()
        assert facts(replay(writer.path)) == facts(live)


def replay(path: Path) -> list[Item]:
    """Everything that a replay of a file reads."""
    part = FileSource([str(path)]).build_part("events", "files", None)
    items: list[Item] = []
    try:
        while True:
            items += [item for batch in part.next_batch() for item in batch.items]
    except StopIteration:
        return items


def facts(items: Sequence[Item]) -> list[object]:
    """Everything that tells items apart."""
    return [msgspec.structs.astuple(item) if isinstance(item, Record) else item for item in items]
