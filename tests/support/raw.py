"""Records that no client library would write, put into a partition by Kafka's own protocol: a Produce request, made by hand.

Layouts: kafka.apache.org/protocol (Produce v3) and kafka.apache.org/documentation/#messageformat (record batch v2). Only for a broker
without TLS and SASL whose single node leads everything.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import NamedTuple

NO_TIMESTAMP = -1
MAGIC = 2
CASTAGNOLI = 0x82F63B78
"""The reversed polynomial of CRC-32C (RFC 3720)."""


class Raw(NamedTuple):
    """A record as bytes. Names of headers are bytes too, or None; `stamp` is in ms, None the present one."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[bytes | None, bytes | None], ...] = ()
    stamp: int | None = None


def produce_raw(bootstrap: str, topic: str, partition: int, *records: Raw) -> int:
    """Appends each record in a batch of its own; returns the offset of the last. Fails with the broker's error code if it refuses one."""
    host, _, port = bootstrap.rpartition(":")
    offset = -1
    with socket.create_connection((host, int(port)), 30) as connection:
        for number, record in enumerate(records):
            batch = _batch(record)
            body = struct.pack(">hhi", -1, -1, 30_000) + struct.pack(">i", 1) + _string(topic.encode())
            body += struct.pack(">iii", 1, partition, len(batch)) + batch
            head = struct.pack(">hhi", 0, 3, number) + _string(b"raw")
            # The transactional ID, which is null, stands before the acks.
            connection.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
            answer = _exactly(connection, struct.unpack(">i", _exactly(connection, 4))[0])
            error, offset = struct.unpack_from(">hq", answer, 4 + 4 + 2 + len(topic.encode()) + 4 + 4)
            assert error == 0, f"error {error} of the broker"
    return offset


def _batch(record: Raw) -> bytes:
    stamp = int(time.time() * 1_000) if record.stamp is None else record.stamp
    body = b"\0" + _varint(0) + _varint(0) + _sized(record.key) + _sized(record.value) + _varint(len(record.headers))
    for name, value in record.headers:
        body += _sized(name) + _sized(value)
    counted = struct.pack(">hiqqqhii", 0, 0, stamp, stamp, -1, -1, -1, 1) + _varint(len(body)) + body
    checked = struct.pack(">ibI", -1, MAGIC, _crc32c(counted)) + counted
    return struct.pack(">qi", 0, len(checked)) + checked


def _sized(content: bytes | None) -> bytes:
    return _varint(-1) if content is None else _varint(len(content)) + content


def _varint(number: int) -> bytes:
    left = (number << 1) ^ (number >> 63)
    out = bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


def _string(text: bytes) -> bytes:
    return struct.pack(">h", len(text)) + text


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        assert more, "the broker closed the connection"
        found += more
    return found


def _table() -> list[int]:
    table: list[int] = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ CASTAGNOLI if crc & 1 else crc >> 1
        table.append(crc)
    return table


_TABLE = _table()


def _crc32c(data: bytes) -> int:
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
