"""Partitions as Kafka's own clients choose them."""

from __future__ import annotations

import pytest

from sinks.kafka.murmur import murmur2, partition_of

# From Apache Kafka's UtilsTest.testMurmur2 and librdkafka's unittest_murmur2; Java's hash is signed.
VECTORS = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("key", "signed"), VECTORS)
def test_the_hash_is_that_of_kafka(key: bytes, signed: int) -> None:
    """The vectors of Kafka's own test."""
    assert murmur2(key) == signed & 0xFFFFFFFF


def test_a_negative_hash_is_made_positive_as_java_does() -> None:
    """By its lower 31 bits, not by its magnitude."""
    assert partition_of(b"21", 7) == (-973932308 & 0x7FFFFFFF) % 7


def test_one_partition_takes_all() -> None:
    """Whatever the key, the empty one too."""
    assert {partition_of(key, 1) for key in (b"", b"a", b"order-17")} == {0}
