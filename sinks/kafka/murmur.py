"""The partition of a key, as Kafka's own clients choose it: who joins topics by key finds an order where it is expected."""

from __future__ import annotations

SEED, M, R = 0x9747B28C, 0x5BD1E995, 24
MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 with the seed of `org.apache.kafka.common.utils.Utils.murmur2`, as an unsigned number of 32 bits."""
    length = len(data)
    h = SEED ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * M & MASK
        k = (k ^ (k >> R)) * M & MASK
        h = (h * M & MASK) ^ k
    if length > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * M & MASK
    h = (h ^ (h >> 13)) * M & MASK
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: `toPositive(murmur2(key)) % partitions`, as Java's default partitioner and librdkafka's `murmur2` have it."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
