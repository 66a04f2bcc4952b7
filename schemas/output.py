"""What is written out: records of the output topics. The core makes them, sinks write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from schemas.record import Headers, Record


@dataclass(slots=True)
class OutputRecord:
    """One line out: `topic` is exceptions, actions, incidents or rejects; `log` (µs) and `key` give its place among those of its `order`.

    `shard` and `number` are its place in all that its shard ever said: a run that resumes gives the same line the same number again.
    `record_key` and `headers` are those of a rejected record. `promised`: when the earliest promise of an exception's order ends (µs).
    """

    log: int
    order: str
    topic: str
    type: str
    key: str
    body: bytes
    kind: str = ""
    severity: str = ""
    status: str = ""
    data: dict[str, object] = field(default_factory=dict[str, object])
    shard: str = ""
    number: int = 0
    record_key: bytes | None = None
    headers: Headers = ()
    promised: int | None = None


EXCEPTION_FORGOTTEN, ACTION_FORGOTTEN = "exception.forgotten", "action.forgotten"
"""The types that say that an order was erased, or a customer: they are about no exception and no action."""
OutputBatch: TypeAlias = tuple[str, Sequence[OutputRecord]]
"""Output records of one topic."""


def withheld(record: Record, key: str, reason: str, detail: str) -> OutputRecord:
    """The line that says that a record was dropped, and where it stood, and holds nothing of it."""
    out = rejected(record, key, reason, detail)
    out.body, out.record_key, out.headers = b"", None, ()
    return out


def rejected(record: Record, key: str, reason: str, detail: str) -> OutputRecord:
    """The line that gives a record back untouched: why, and where it stood. `key` is its place in what is said at that instant."""
    data: dict[str, object] = {
        "reason": reason,
        "detail": detail,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }
    return OutputRecord(
        record.log, record.order, "rejects", "reject", key, record.raw, reason, data=data, record_key=record.key, headers=record.headers
    )
