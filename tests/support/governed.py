"""What tests of policies and rejects share: a policy that changes something, records that were rejected, where they are sent again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from dataflows.console.govern.mending import SenderOfRejects
from dataflows.console.govern.opening import NAME, GovernParts
from schemas.instants import SECOND
from schemas.segments import Position
from schemas.topics import EMBEDDED, REJECTS, TOPIC_NAMES
from sinks.cases.writer import CaseWriter
from sinks.embedded.log import LogEntry, PositionWriter, SegmentLog
from sinks.embedded.sink import log_folder
from sinks.rejected import Reject, line
from sources.embedded.outputs import partition_of
from sources.outputs.reader import LoggedRecord
from tests.support.console import ConsoleHost
from tests.support.stores import START

OFF = "name: calm\nrules:\n  fulfilment.ship_overdue: off\n"
"""A policy under which nothing is said of what was not shipped in time."""
WRONG = "name: wrong\nrules:\n  fulfilment.ship_overdu: off\n"
PARTITION = partition_of(REJECTS)


def scan(**changes: Any) -> dict[str, Any]:
    """A scan whose status nobody knows, of somebody whose name stands in it."""
    data = {"tracking_number": "JJD0123456", "carrier": "ups", "status": "delivred", "signed_by": "Erika Mustermann"}
    head = {"specversion": "1.0", "id": "scan-1", "source": "/carrier/ups", "type": "carrier.scan", "subject": "SO-7"}
    return {**head, "time": "2026-05-20T10:00:00Z", "data": data, **changes}


def rejected(value: Mapping[str, Any] | bytes, reason: str = "unknown_status", topic: str = f"{EMBEDDED}order-events") -> bytes:
    """A rejected record as a line of the log of rejects."""
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    fields = {"reason": reason, "detail": "$.data.status: not one of the known values", "topic": topic, "partition": 0, "offset": 3}
    return line(fields, raw, None, ()).rstrip(b"\n")


def reject(host: ConsoleHost, *lines: bytes) -> None:
    """Puts rejects into the log of rejects of an installation, and into its store."""
    folder = log_folder(host.folder, REJECTS)
    folder.mkdir(parents=True, exist_ok=True)
    log = SegmentLog(folder, f"{EMBEDDED}{TOPIC_NAMES[REJECTS]}", fsync=False)
    begin = log.end
    log.append([LogEntry(START + (begin + number) * SECOND, one) for number, one in enumerate(lines)])
    log.sync()
    positions = PositionWriter(folder, fsync=False)
    positions.publish(Position(START + log.end * SECOND, (log.end, 0, 0, 0)))
    positions.close()
    log.close()
    found = [
        LoggedRecord(REJECTS, PARTITION, begin + n, begin + n + 1, START + (begin + n) * SECOND, b"", one) for n, one in enumerate(lines)
    ]
    writer = CaseWriter(host.parts.store)
    writer.offsets()
    writer.write(found)


class SentRecords:
    """Where records go that are sent again. `problem`: nothing can be sent."""

    def __init__(self, host: ConsoleHost) -> None:
        self.events: list[dict[str, Any]] = []
        self.problem: Exception | None = None
        found = host.parts.more[NAME]
        assert isinstance(found, GovernParts)
        host.parts.more[NAME] = replace(found, sender=SenderOfRejects(host.parts.own, self))

    def __call__(self, records: Sequence[Reject]) -> None:
        """Takes them."""
        if self.problem is not None:
            raise self.problem
        self.events += [orjson.loads(one.value or b"") for one in records]


def parts_of_host(host: ConsoleHost) -> GovernParts:
    """What the views of policies and rejects stand on."""
    found = host.parts.more[NAME]
    assert isinstance(found, GovernParts)
    return found


def events_file(folder: Path, orders: Sequence[Mapping[str, Any]]) -> Path:
    """Recorded events, for back-tests."""
    path = folder / "recorded.jsonl"
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in orders))
    return path
