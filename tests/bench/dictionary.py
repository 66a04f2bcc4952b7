"""Trains the dictionary that packed orders are compressed with: `python -m tests.bench.dictionary FILE`; a file that is there stays."""

from __future__ import annotations

import sys
from pathlib import Path

from zstandard import train_dictionary

from dataflows.core.engine.codec import plain_of
from dataflows.core.engine.shard import Shard
from dataflows.core.engine.state import ORDER
from dataflows.core.rules.load import load_policy
from schemas.record import Record
from schemas.wire import decode, micros
from sources.simulator import stream

ORDERS, SEED = 4_000, 5
BYTES = 16_384


def halfway() -> list[bytes | bytearray | memoryview]:
    """Simulated orders as they are packed at some moments of their lives."""
    shard = Shard(load_policy(None), 1)
    packed: list[bytes | bytearray | memoryview] = []
    events = [event for event in map(decode, stream(ORDERS, SEED)) if event.subject]
    reached = 0
    for number, event in enumerate(events):
        at = micros(event.time)
        reached = max(reached, at if event.recordedtime is None else micros(event.recordedtime))
        shard.apply(Record(reached, "order-events", number % 6, number, 0, at, event.subject or "", event, b""))
        if number % (len(events) // 5) == 0:
            packed += [plain_of(value) for key, value in shard.rows() if key[:1] == ORDER]
    return packed


if __name__ == "__main__":
    with Path(sys.argv[1]).open("xb") as file:
        file.write(train_dictionary(BYTES, halfway()).as_bytes())
