"""A reject that does not fit its topic: what of it is written, and that a resumed engine knows it again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.limits import LEAST_TOPIC_BYTES
from schemas.output import OutputRecord
from sinks.kafka.cut import fitted, size_of
from sinks.kafka.records import Outgoing, entry, fingerprint, original, outgoing, reject_of

if TYPE_CHECKING:
    from confluent_kafka import Message

    from schemas.record import Headers

STATE = b"a-state"
LIMIT = 10_000
Sizes = st.sampled_from((0, 1, 100, 2_000, 9_000, 30_000))


@dataclass
class Read:
    """A record as the client hands it out."""

    record: Outgoing

    def headers(self) -> list[tuple[str, bytes | None]]:
        """Its headers."""
        return self.record.headers

    def value(self) -> bytes | None:
        """Its value."""
        return self.record.value

    def key(self) -> bytes | None:
        """Its key."""
        return self.record.key

    def offset(self) -> int:
        """Where it stands."""
        return 5


def reject(value: bytes, key: bytes | None, headers: Headers, **more: object) -> Outgoing:
    """What a topic without a limit would be given of a rejected record."""
    data: dict[str, object] = {"reason": "not_json", "detail": "byte 3", "topic": "orders", "partition": 2, "offset": 17, **more}
    out = OutputRecord(0, "", "rejects", "reject", "", value, data=data, shard="s07", number=4, record_key=key, headers=headers)
    return outgoing("rejects", out, STATE)


def read(record: Outgoing) -> Message:
    """What stands in the topic, read back."""
    return cast("Message", Read(record))


@given(Sizes, st.none() | Sizes, st.lists(st.tuples(st.sampled_from(("trace", "ow-cut", "__connect.errors.topic")), Sizes), max_size=5))
def test_whatever_is_large_is_cut_to_fit_and_told(value: int, key: int | None, headers: list[tuple[str, int]]) -> None:
    """It begins as the original does, says how large that was, and is known again by an engine with another limit."""
    given_headers: Headers = tuple((name, b"h" * size) for name, size in headers)
    whole = reject(b"v" * value, None if key is None else b"k" * key, given_headers)
    record = fitted(whole, LIMIT)
    assert size_of(record) <= LIMIT or record is whole
    assert entry(read(record), STATE) == entry(read(whole), STATE)
    back = reject_of(read(record))
    assert (back.topic, back.partition, back.offset, back.reason) == ("orders", 2, 17, "not_json")
    if size_of(whole) <= LIMIT:
        assert record is whole
        assert back.cut == {}
        return
    assert back.cut
    assert (whole.key is None) == (record.key is None)
    for name, before, after in (("value", whole.value or b"", record.value or b""), ("key", whole.key or b"", record.key or b"")):
        assert before.startswith(after)
        said = {"bytes": len(before), "kept": len(after), "sha256": sha256(before).hexdigest()}
        assert back.cut.get(name) == (said if len(after) < len(before) else None)
    kept = len(record.headers) - record.added
    assert tuple(record.headers[:kept]) == given_headers[:kept]
    assert ("headers" in back.cut) == (kept < len(given_headers))
    assert tuple(back.headers) == original(given_headers[:kept])


def test_small_parts_stay_whole() -> None:
    """Only what is large is cut."""
    record = fitted(reject(b"v" * 50_000, b"key", (("trace", b"1"),)), LIMIT)
    assert (record.key, record.headers[0]) == (b"key", ("trace", b"1"))
    assert len(record.value or b"") > LIMIT - 3_000


def test_what_the_source_has_cut_is_told_too() -> None:
    """Its size and hash are those of what the producer sent, before and after a second cut."""
    whole = reject(b"v" * 50_000, None, (), size=5_000_000, sha256="ab" * 32)
    for limit in (LEAST_TOPIC_BYTES, LIMIT):
        record = fitted(whole, limit)
        assert reject_of(read(record)).cut == {"value": {"bytes": 5_000_000, "sha256": "ab" * 32, "kept": len(record.value or b"")}}
        assert entry(read(record), STATE) == entry(read(whole), STATE)


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"fingerprint":5}', b'{"fingerprint":"xyz"}', b"\xff"])
def test_what_others_claim_about_a_cut_is_no_trouble(said: bytes) -> None:
    """The record then counts by what it holds."""
    whole = reject(b"v", None, ())
    forged = Outgoing(whole.key, whole.value, [*whole.headers[:-3], ("ow-cut", said), *whole.headers[-3:]])
    found = entry(read(forged), STATE)
    assert found is not None
    assert found[1].fingerprint == fingerprint(forged)
    assert isinstance(json.dumps(dict(reject_of(read(forged)).cut)), str)


def test_what_a_producer_says_about_a_cut_is_part_of_the_original() -> None:
    """A header of that name in the original must not make a resumed engine take the reject for another."""
    planted = (("ow-cut", b'{"fingerprint":"00","value":{"bytes":9}}'),)
    whole = reject(b"v", None, planted)
    found = entry(read(whole), STATE)
    assert found is not None
    assert found[1].fingerprint == fingerprint(whole)
    assert reject_of(read(whole)).cut == {}
