"""Output records as Kafka records, and rejects as lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.output import OutputRecord
from sinks import rejected
from sinks.kafka import KafkaSink, OutputTopic
from sinks.kafka.records import fingerprint, original, outgoing, partition_key

STATE = b"0000-state"


def reject(record_key: bytes | None = None, headers: tuple[tuple[str, bytes | None], ...] = (), offset: int = 17) -> OutputRecord:
    """A rejected record."""
    data: dict[str, object] = {"reason": "not_json", "detail": "byte 3", "topic": "orders", "partition": 2, "offset": offset}
    return OutputRecord(0, "", "rejects", "reject", "", b"\xff{", data=data, shard="s07", number=4, record_key=record_key, headers=headers)


def test_an_output_record_is_a_cloud_event_under_its_order() -> None:
    """Structured mode; behind that the headers by which a resumed engine knows it."""
    output = OutputRecord(0, "A-1", "exceptions", "exception.raised", "", b'{"id":"x:1"}', shard="s07", number=4)
    record = outgoing("exceptions", output, STATE)
    assert (record.key, record.value) == (b"A-1", b'{"id":"x:1"}')
    assert record.headers == [
        ("content-type", b"application/cloudevents+json"),
        ("ow-state", STATE),
        ("ow-shard", b"s07"),
        ("ow-number", b"4"),
    ]


def test_a_reject_is_the_original_with_the_headers_of_kafka_connect() -> None:
    """Repeated, empty and null headers stay as they were and where they were; Connect's names and text values follow."""
    headers = (("b", b"\x00\xff"), ("a", None), ("b", b""), ("ow-state", b"not ours"))
    record = outgoing("rejects", reject(b"\x00key", headers), STATE)
    assert (record.key, record.value) == (b"\x00key", b"\xff{")
    assert tuple(record.headers[:4]) == headers
    assert dict(record.headers[4:-3]) == {
        "__connect.errors.topic": b"orders",
        "__connect.errors.partition": b"2",
        "__connect.errors.offset": b"17",
        "__connect.errors.connector.name": b"orderwatch",
        "__connect.errors.task.id": b"0",
        "__connect.errors.stage": b"VALUE_CONVERTER",
        "__connect.errors.class.name": b"orderwatch",
        "__connect.errors.exception.class.name": b"not_json",
        "__connect.errors.exception.message": b"byte 3",
    }
    assert record.headers[-3:] == [("ow-state", STATE), ("ow-shard", b"s07"), ("ow-number", b"4")]
    assert original(record.headers) == headers[:3]


def test_rejects_without_key_are_spread_by_where_they_stood() -> None:
    """With a key they go where the original's neighbours go."""
    assert partition_key("rejects", reject(b"k")) == b"k"
    assert partition_key("rejects", reject()) == b"orders/2/17"
    assert partition_key("exceptions", OutputRecord(0, "A-1", "exceptions", "", "", b"")) == b"A-1"


def test_the_fingerprint_is_of_the_content_alone() -> None:
    """Not of the shard and number that said it; but two equal lines that stood in different places are two rejects."""
    first, second = reject(offset=17), reject(offset=18)
    again = OutputRecord(9, "", "rejects", "reject", "", b"\xff{", data=first.data, shard="s08", number=5)
    prints = [fingerprint(outgoing("rejects", output, STATE)) for output in (first, again, second)]
    assert prints[0] == prints[1] != prints[2]


def test_parts_are_named_so_that_their_order_as_text_is_their_order() -> None:
    """Bytewax sorts names as text and takes `part_fn` as an index into them."""
    topics = {"exceptions": OutputTopic("order-exceptions", 12), "rejects": OutputTopic("order-rejects", 2)}
    sink = KafkaSink({"bootstrap.servers": "127.0.0.1:1"}, "state", topics)
    parts = sink.list_parts()
    assert parts == sorted(parts)
    assert (parts[0], parts[10], parts[12]) == ("exceptions:00000", "exceptions:00010", "rejects:00000")
    assert [sink.part_fn(part) for part in parts] == list(range(14))
    assert sink.part_of("exceptions", "foobar") == f"exceptions:{(-790332482 & 0x7FFFFFFF) % 12:05d}"
    assert sink.part_of("rejects", "", b"abc") == f"rejects:{479470107 % 2:05d}"
    assert sink.part_for("rejects", reject(b"abc")) == sink.part_of("rejects", "", b"abc")


Bytes = st.one_of(st.binary(max_size=8), st.text(max_size=8).map(str.encode))


@given(st.none() | Bytes, st.none() | Bytes, st.lists(st.tuples(st.text(max_size=5), st.none() | Bytes), max_size=3))
def test_a_line_gives_the_original_back(value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    """Whatever bytes the record, its key and its headers were, and whether they were there."""
    data: dict[str, object] = {"reason": "not_json", "detail": "", "topic": "orders", "partition": 2, "offset": 17}
    line = rejected.line(data, value, key, tuple(headers))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert rejected.parse(line) == rejected.Reject("orders", 2, 17, "not_json", "", value, key, tuple(headers))


PLACE = {"topic": "t", "partition": 0, "offset": 1}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"[]", "needs topic"),
        (b'{"topic": "t"}', "needs topic"),
        (json.dumps({**PLACE, "text": 1}).encode(), "text: neither"),
        (json.dumps({**PLACE, "base64": "?"}).encode(), "base64: not base64"),
        (json.dumps({**PLACE, "headers": {}}).encode(), "headers: not a list"),
        (json.dumps({**PLACE, "headers": [["a"]]}).encode(), "headers: not a list"),
    ],
)
def test_a_line_that_is_no_reject_is_refused(line: bytes, why: str) -> None:
    """With what is wrong about it, and nothing of its content."""
    with pytest.raises(ValueError, match=why):
        rejected.parse(line)
