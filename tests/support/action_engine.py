"""The real action shard between intents and decisions on a log of files, in a thread: what dispatch works with in tests."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from dataflows.core.actions.shard import ActionShard
from schemas.record import Record
from schemas.topics import DECISIONS
from schemas.wire import decode
from sinks.kafka.murmur import partition_of
from tests.support.actions import intent, policy_of
from tests.support.filelog import FileReader, append, now_us

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dataflows.core.engine.intents import Intent
    from sources.outputs.reader import LoggedRecord

PARTITIONS = 4
PATIENCE = 240.0
"""Seconds after which a test gives up. Nothing is measured by it."""


class Engine:
    """The action shard of the product between intents and decisions, in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        for topic, count in (("actions", PARTITIONS), ("decisions", 1), ("exceptions", 1)):
            for number in range(count):
                (folder / f"{topic}-{number}.jsonl").touch()
        self.shard = ActionShard(policy_of())
        self.states: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[str]] = {}
        self.rejected: list[tuple[str, str]] = []
        self._reader = FileReader(folder, ("decisions",))
        self._log = 0
        self._number = 0
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Begins to read decisions."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Reads no more."""
        self._end.set()
        self._thread.join()

    def ask(self, *intents: Intent) -> None:
        """Orders ask for actions."""
        with self._lock:
            self._take(*intents)

    def wanted(
        self,
        count: int,
        *,
        prefix: str = "A",
        step: str = "create_warehouse_task",
        kind: str = "fulfilment.ship_overdue",
        tenants: tuple[str, ...] = ("default",),
    ) -> None:
        """As many orders ask for an action each; the tenants take turns."""
        asked = [
            intent(kind, step, log=self._now(), order=f"{prefix}-{number}", number=number + 1, tenant=tenants[number % len(tenants)])
            for number in range(count)
        ]
        append(self.folder / "exceptions-0.jsonl", [(each.order, raised(each)) for each in asked])
        self.ask(*asked)

    def decide(self, type_: str, order: str = "A-1", **data: Any) -> None:
        """Somebody else decides."""
        self._number += 1
        event = {"specversion": "1.0", "id": f"d{self._number}", "source": "/desk", "type": type_, "subject": order, "tenant": "default"}
        append(self.folder / "decisions-0.jsonl", [(order, {**event, "time": "2026-01-01T00:00:00Z", "data": data})])

    def decisions(self) -> list[dict[str, Any]]:
        """All that was decided, in log order."""
        with (self.folder / "decisions-0.jsonl").open("rb") as lines:
            return [json.loads(line)["value"] for line in lines]

    def until(self, check: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Waits for something; a test fails that waits too long."""
        end = time.monotonic() + timeout
        while not check():
            assert time.monotonic() < end, f"it did not happen; states: {self.counted()}"
            time.sleep(0.01)

    def counted(self) -> dict[str, int]:
        """How many actions are in each state."""
        found: dict[str, int] = {}
        for data in list(self.states.values()):
            state = data["state"] + ("+" if data["state"] == "failed" and data["retry_at"] else "")
            found[state] = found.get(state, 0) + 1
        return found

    def _now(self) -> int:
        self._log = max(self._log + 1, now_us())
        return self._log

    def _serve(self) -> None:
        while not self._end.is_set():
            records = self._reader.poll(0.05)
            if records:
                with self._lock:
                    self._take(*(self._record(each) for each in records))

    def _record(self, record: LoggedRecord) -> Record:
        event = decode(record.value)
        at = self._now()
        return Record(at, DECISIONS, 0, record.offset, 0, at, event.subject or "", event, record.value)

    def _take(self, *items: Intent | Record) -> None:
        for item in items:
            self.shard.apply(item)
        said: dict[int, list[tuple[str, Mapping[str, Any]]]] = {}
        for out in self.shard.drain():
            if out.topic != "actions":
                self.rejected.append((str(out.data.get("reason", out.kind)), str(out.body)))
                continue
            event = json.loads(out.body)
            data = event["data"]
            if "action_id" in data:
                self.states[data["action_id"]] = data
                self.history.setdefault(data["action_id"], []).append(data["state"])
            said.setdefault(partition_of(out.order.encode(), PARTITIONS), []).append((out.order, event))
        for partition, lines in said.items():
            append(self.folder / f"actions-{partition}.jsonl", lines)


def raised(asked: Intent) -> dict[str, Any]:
    """What the order's shard has said of the exception that asks for an action."""
    data = {
        "exception_id": asked.exception,
        "order_id": asked.order,
        "sequence": 1,
        "status": "open",
        "kind": asked.kind,
        "summary": "It is late.",
        "context": {"customer": {"id": asked.customer}, "country": "DE"},
    }
    return {"type": "exception.raised", "tenant": asked.tenant, "subject": asked.order, "data": data}
