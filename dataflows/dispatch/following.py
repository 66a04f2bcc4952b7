"""What the log says, taken into memory and journal: how each action stands, where automation is paused, who has begun what."""

from __future__ import annotations

import re
import sqlite3
import zlib
from asyncio import Future
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

import orjson

from dataflows.dispatch.letters import forget
from dataflows.dispatch.model import CERTAIN, OwnAttempt, PendingAction, Phase, ended, take_in
from sources.outputs.reader import LoggedRecord

NUMBER: Final = re.compile(r"(\d+)$")
Work = Callable[[sqlite3.Connection], None]
KEPT: Final = ("exception_id", "order_id", "kind", "severity", "summary", "due_at", "owner", "status", "context", "case", "messages")
"""What is kept of an exception: what texts and people are given of it."""


class Following:
    """Actions that have not ended, by ID. All on one thread, but for what `load` and `apply` return: that is the journal's work."""

    def __init__(self, dispatcher: str) -> None:
        self.dispatcher = dispatcher
        self.actions: dict[str, PendingAction] = {}
        self.pauses: frozenset[str] = frozenset()
        self.offsets: dict[str, int] = {}
        self.erases = False
        """Whether the records that were taken in last erase an order."""
        self.begun: dict[str, dict[int, tuple[str, int]]] = {}
        """By action and attempt: the first dispatcher that the log says has begun it, and when."""
        self._waiting: dict[tuple[str, int], Future[str]] = {}
        self._echoes: dict[tuple[str, int], Future[None]] = {}

    def load(self, db: sqlite3.Connection) -> None:
        """Takes in what the journal holds."""
        self.offsets = dict(db.execute("SELECT partition, next FROM offsets"))
        self.pauses = frozenset(scope for (scope,) in db.execute("SELECT scope FROM pauses"))
        for id_, tenant, order, partition, requested, said, data in db.execute(
            "SELECT id, tenant, order_id, partition, requested_at, said_at, data FROM actions WHERE ended_at = 0"
        ):
            content = orjson.loads(zlib.decompress(data))
            action = PendingAction(id_, tenant, order, str(content["action"]), partition, requested_at=requested)
            take_in(action, content, said)
            self.actions[id_] = action
        for id_, number, who, phase, endpoint, began, tries, doubtful, next_at, asked_by, word in db.execute(
            "SELECT action_id, attempt, dispatcher, phase, endpoint, began_at, tries, doubtful, next_at, asked_by, outcome"
            " FROM attempts ORDER BY attempt"
        ):
            if phase != "beginning":
                self.begun.setdefault(id_, {})[number] = (who, began)
            known = self.actions.get(id_)
            if known is None:
                continue
            known.calls += tries if who == self.dispatcher else 1
            if who != self.dispatcher:
                continue
            if phase == "done":
                known.failed, known.certain = number, word in CERTAIN
            else:
                known.own = OwnAttempt(number, endpoint, cast("Phase", phase), began, tries, bool(doubtful), next_at, asked_by)

    def apply(self, records: Sequence[LoggedRecord]) -> tuple[list[PendingAction], bool, Work]:
        """Takes records in: the actions that changed, whether pauses did, and what the journal has to write of it."""
        changed: dict[str, PendingAction] = {}
        rows: dict[str, tuple[object, ...]] = {}
        contexts: dict[str, tuple[object, ...]] = {}
        others: list[tuple[object, ...]] = []
        erased: list[tuple[str, str]] = []
        before = self.pauses
        for record in records:
            self.offsets[record.partition] = record.next
            match record.topic:
                case "actions" | "exceptions" if (order := _forgotten(record)) is not None:
                    erased.append(order)
                    self._forget(*order, changed)
                case "actions":
                    self._action(record, changed, rows)
                case "decisions":
                    self._decision(record, others)
                case "exceptions":
                    row = _context(record)
                    if row is not None:
                        contexts[str(row[0])] = row
                case _:
                    pass
        paused = self.pauses if self.pauses != before else None
        self.erases = bool(erased)
        offsets = {record.partition: record.next for record in records}

        def write(db: sqlite3.Connection) -> None:
            _write(db, rows.values(), contexts.values(), others)
            for tenant, order in erased:
                forget(db, tenant, order)
            db.executemany("INSERT OR REPLACE INTO offsets VALUES (?, ?)", offsets.items())
            if paused is not None:
                db.execute("DELETE FROM pauses")
                db.executemany("INSERT INTO pauses VALUES (?)", [(scope,) for scope in paused])

        return list(changed.values()), paused is not None, write

    def first_begun(self, action: str, attempt: int, waiter: Future[str]) -> None:
        """Has a future told who was the first to begin an attempt, as soon as the log says it."""
        known = self.begun.get(action, {}).get(attempt)
        if known is not None:
            waiter.set_result(known[0])
        else:
            self._waiting[action, attempt] = waiter

    def echo(self, action: str, attempt: int, waiter: Future[None]) -> None:
        """Has a future told as soon as the engine says that an attempt has begun: it may refuse that."""
        self._echoes[action, attempt] = waiter

    def waits_no_more(self, action: str, attempt: int) -> None:
        """Whoever wanted to know has given up."""
        self._waiting.pop((action, attempt), None)
        self._echoes.pop((action, attempt), None)

    def own_begun(self, action: str, attempt: int, at: int) -> None:
        """The log has acknowledged that this dispatcher begins, where nobody else could have."""
        self.begun.setdefault(action, {}).setdefault(attempt, (self.dispatcher, at))

    def forget_begun(self, before: int) -> None:
        """Drops what is known of attempts at actions that ended, or never came, before an instant."""
        for id_ in [id_ for id_, begun in self.begun.items() if id_ not in self.actions and all(at < before for _, at in begun.values())]:
            del self.begun[id_]

    def _action(self, record: LoggedRecord, changed: dict[str, PendingAction], rows: dict[str, tuple[object, ...]]) -> None:
        event = _event(record)
        if event is None:
            return
        data = cast("Mapping[str, Any]", event.get("data") or {})
        if event.get("type") == "automation.state":
            self.pauses = frozenset(str(each["scope"]) for each in data.get("paused", ()))
            return
        if not str(event.get("type")).startswith("action.") or "action_id" not in data:
            return
        id_ = str(data["action_id"])
        known = self.actions.get(id_)
        if known is not None and int(data.get("sequence") or 1) <= known.sequence:
            return
        if known is None:
            if ended(str(data.get("state")), 1 if data.get("retry_at") else 0):
                return
            number = NUMBER.search(record.partition)
            known = PendingAction(
                id_, str(event.get("tenant") or "default"), str(data["order_id"]), str(data["action"]), int(number[1]) if number else 0
            )
            self.actions[id_] = known
        take_in(known, data, record.time)
        changed[id_] = known
        echo = self._echoes.pop((id_, known.attempt), None) if known.state == "begun" else None
        if echo is not None and not echo.done():
            echo.set_result(None)
        if known.ended:
            del self.actions[id_]
            self.begun.pop(id_, None)
        rows[id_] = (
            id_, known.tenant, known.order, known.partition, known.sequence, known.state, known.attempt, known.retry_at,
            known.requested_at, known.said_at, record.time if known.ended else 0, zlib.compress(orjson.dumps(data), 1),
        )  # fmt: skip

    def _forget(self, tenant: str, order: str, changed: dict[str, PendingAction]) -> None:
        """Knows an order no more. Its open actions were withdrawn before; of one that is under way only its outcome is said."""
        for action in [each for each in self.actions.values() if (each.tenant, each.order) == (tenant, order)]:
            del self.actions[action.id]
            self.begun.pop(action.id, None)
            changed.pop(action.id, None)

    def _decision(self, record: LoggedRecord, others: list[tuple[object, ...]]) -> None:
        if b'"action.begun"' not in record.value:
            return
        event = _event(record)
        if event is None or event.get("type") != "action.begun":
            return
        data = cast("Mapping[str, Any]", event.get("data") or {})
        id_, attempt, who = str(data.get("action_id")), int(data.get("attempt") or 1), str(data.get("dispatcher") or "unknown")
        begun = self.begun.setdefault(id_, {})
        first = begun.get(attempt)
        if first is None:
            begun[attempt] = first = (who, record.time)
            others.append((id_, attempt, who, "foreign", str(data.get("endpoint") or ""), record.time))
        waiter = self._waiting.pop((id_, attempt), None)
        if waiter is not None and not waiter.done():
            waiter.set_result(first[0])


def _event(record: LoggedRecord) -> dict[str, Any] | None:
    """The event of a record; None if it is none: nothing of ours writes such, and nothing can be carried out of it."""
    try:
        event = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, Any]", event) if isinstance(event, dict) else None


def _forgotten(record: LoggedRecord) -> tuple[str, str] | None:
    """The tenant and the order that a record says are erased."""
    if b'.forgotten"' not in record.value:
        return None
    event = _event(record) or {}
    order = cast("dict[str, Any]", event.get("data") or {}).get("order_id")
    if not str(event.get("type")).endswith(".forgotten") or not isinstance(order, str):
        return None
    return str(event.get("tenant") or "default"), order


def _context(record: LoggedRecord) -> tuple[object, ...] | None:
    event = _event(record)
    data = cast("dict[str, Any]", (event or {}).get("data") or {})
    if event is None or "exception_id" not in data:
        return None
    over = data.get("status") in ("resolved", "retracted")
    kept = {name: data[name] for name in KEPT if name in data}
    return (
        data["exception_id"], str(data.get("order_id")), str(event.get("tenant") or "default"), int(data.get("sequence") or 1),
        record.time if over else 0, zlib.compress(orjson.dumps(kept), 1),
    )  # fmt: skip


def _write(
    db: sqlite3.Connection, rows: Iterable[tuple[object, ...]], contexts: Iterable[tuple[object, ...]], others: Iterable[tuple[object, ...]]
) -> None:
    db.executemany("INSERT OR REPLACE INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    db.executemany(
        "INSERT INTO contexts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (exception_id) DO UPDATE SET sequence = excluded.sequence,"
        " ended_at = excluded.ended_at, data = excluded.data WHERE excluded.sequence >= sequence",
        contexts,
    )
    db.executemany(
        "INSERT INTO attempts (action_id, attempt, dispatcher, phase, endpoint, began_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (action_id, attempt) DO UPDATE SET phase = 'logged'"
        " WHERE dispatcher = excluded.dispatcher AND phase = 'beginning'",
        others,
    )
