"""Builders of events as lines of a file and as records of a log, for tests of what moves events about."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from schemas.deciding import is_decision
from schemas.record import Record
from schemas.topics import DECISIONS
from schemas.wire import decode, micros

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2026, 4, 20, 8, 0, tzinfo=UTC)
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
T0 = micros(START)
"""The instant that tests count from, µs."""


def iso(at: int) -> str:
    """An instant (µs) as RFC 3339."""
    return (EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


def line(
    id_: str,
    at: int,
    type_: str = "payment.captured",
    *,
    order: str | None = "A-1",
    source: str = "/test",
    recorded: int | None = None,
    tenant: str | None = None,
    data: dict[str, object] | None = None,
) -> bytes:
    """An event as a line, without its line feed; `at` and `recorded` in µs."""
    event: dict[str, object] = {"specversion": "1.0", "id": id_, "source": source, "type": type_, "time": iso(at), "data": data or {}}
    optional = {"subject": order, "tenant": tenant, "recordedtime": None if recorded is None else iso(recorded)}
    event |= {name: value for name, value in optional.items() if value is not None}
    return json.dumps(event).encode()


def record(raw: bytes, log: int, offset: int = 0, topic: str | None = None) -> Record:
    """A line as a record at log time `log` (µs); a decision, unless a topic is named, of the topic of decisions."""
    event = decode(raw)
    return Record(
        log, topic or (DECISIONS if is_decision(event.type) else "t"), 0, offset, 0, micros(event.time), event.subject or "", event, raw
    )
