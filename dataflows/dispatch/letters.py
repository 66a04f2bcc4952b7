"""Dead letters: actions that failed for good. They are listed, and replayed with the same ID; what somebody asks for is audited.

Commands write into the journal beside a running dispatcher; it takes up what was asked for within a second, or when it starts.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from dataflows.dispatch.journal import FILE, JournalError, connect
from dataflows.dispatch.model import PendingAction, take_in
from dataflows.dispatch.refusals import forget_refused, prune_refused

PRUNED_AT_ONCE: Final = 5_000


class DeadLetter(NamedTuple):
    """An action that failed for good; `attempt` is the last one, `at` when it failed (µs), `asked`: somebody has asked for a replay."""

    action_id: str
    tenant: str
    order: str
    action: str
    endpoint: str
    attempt: int
    code: str
    at: int
    asked: bool = False


class AskedFor(NamedTuple):
    """What somebody asked for: `replay` of an action, `enable` of an endpoint, `write` of a decision."""

    number: int
    what: str
    subject: str
    who: str


def open_beside(folder: Path) -> sqlite3.Connection:
    """The journal in a folder, opened by a command. Raises JournalError."""
    if not (folder / FILE).is_file():
        raise JournalError(f"{folder}: there is no journal; dispatch has never run with it")
    try:
        return connect(folder / FILE)
    except sqlite3.Error as error:
        raise JournalError(f"{folder}: the journal cannot be read: {error}") from error


def dead_letters(
    db: sqlite3.Connection, *, endpoint: str | None = None, action: str | None = None, code: str | None = None, ids: Sequence[str] = ()
) -> list[DeadLetter]:
    """The dead letters that match, oldest first. An ID may be cut short."""
    found = [
        DeadLetter._make((*row[:-1], bool(row[-1])))
        for row in db.execute(
            "SELECT d.action_id, tenant, order_id, action, endpoint, attempt, code, d.at,"
            " EXISTS (SELECT 1 FROM requests WHERE what = 'replay' AND subject = d.action_id)"
            " FROM dead_letters d ORDER BY d.at, d.action_id"
        )
    ]
    return [
        each
        for each in found
        if (endpoint is None or each.endpoint == endpoint)
        and (action is None or each.action == action)
        and (code is None or each.code == code)
        and (not ids or any(each.action_id.startswith(id_) for id_ in ids))
    ]


def ask(db: sqlite3.Connection, what: str, subjects: Sequence[str], who: str, at: int) -> int:
    """Has the dispatcher do something, once each; returns how much of it was not asked for already. Audited."""
    new = 0
    db.execute("BEGIN IMMEDIATE")
    for subject in subjects:
        if db.execute("SELECT 1 FROM requests WHERE what = ? AND subject = ?", (what, subject)).fetchone():
            continue
        db.execute("INSERT INTO requests (what, subject, asked_by, at) VALUES (?, ?, ?, ?)", (what, subject, who, at))
        audited(db, at, who, f"asked: {what}", subject, "")
        new += 1
    db.execute("COMMIT")
    return new


def asked(db: sqlite3.Connection) -> list[AskedFor]:
    """What was asked for and not taken up yet."""
    return [AskedFor(*row) for row in db.execute("SELECT number, what, subject, asked_by FROM requests ORDER BY number LIMIT 100")]


def audited(db: sqlite3.Connection, at: int, who: str, what: str, subject: str, detail: str) -> None:
    """Notes who did what, when and with what outcome."""
    db.execute("INSERT INTO audit (at, who, what, subject, detail) VALUES (?, ?, ?, ?, ?)", (at, who, what, subject, detail))


def count_letters(db: sqlite3.Connection) -> int:
    """How many dead letters there are."""
    return int(db.execute("SELECT count(*) FROM dead_letters").fetchone()[0])


def taken_up(db: sqlite3.Connection, request: AskedFor, at: int, detail: str) -> None:
    """Somebody's request is being seen to, or cannot be."""
    db.execute("DELETE FROM requests WHERE number = ?", (request.number,))
    audited(db, at, request.who, request.what, request.subject, detail)


def buried(db: sqlite3.Connection, id_: str) -> tuple[PendingAction, str] | None:
    """An action that is a dead letter, as it stood, and its endpoint; its `attempt` is the last one that anybody began."""
    row = db.execute(
        "SELECT a.tenant, a.order_id, a.partition, a.requested_at, a.said_at, a.data, d.endpoint FROM dead_letters d"
        " JOIN actions a ON a.id = d.action_id WHERE d.action_id = ?",
        (id_,),
    ).fetchone()
    if row is None:
        return None
    tenant, order, partition, requested, said, packed, endpoint = row
    data = orjson.loads(zlib.decompress(packed))
    action = PendingAction(id_, tenant, order, str(data["action"]), partition, requested_at=requested)
    take_in(action, data, said)
    last = db.execute("SELECT max(attempt) FROM attempts WHERE action_id = ?", (id_,)).fetchone()[0]
    action.attempt = max(action.attempt, int(last or 0))
    return action, str(endpoint)


def prune(db: sqlite3.Connection, ended_before: int, letters_before: int) -> bool:
    """Drops what is kept no longer: actions that ended, their attempts, exceptions that are over; dead letters later.

    A part of it at once, so that nothing else waits for long; returns whether more is left.
    """
    db.execute("DELETE FROM dead_letters WHERE at < ?", (letters_before,))
    db.execute("DELETE FROM audit WHERE at < ?", (letters_before,))
    prune_refused(db, letters_before)
    gone = [
        id_
        for (id_,) in db.execute(
            "SELECT id FROM actions WHERE ended_at > 0 AND ended_at < ? AND id NOT IN (SELECT action_id FROM dead_letters) LIMIT ?",
            (ended_before, PRUNED_AT_ONCE),
        )
    ]
    db.executemany("DELETE FROM attempts WHERE action_id = ?", [(id_,) for id_ in gone])
    db.executemany("DELETE FROM actions WHERE id = ?", [(id_,) for id_ in gone])
    if len(gone) == PRUNED_AT_ONCE:
        return True
    # Others' attempts at actions that were never read, and our own whose order was erased meanwhile.
    db.execute("DELETE FROM attempts WHERE began_at < ? AND action_id NOT IN (SELECT id FROM actions)", (ended_before,))
    db.execute("DELETE FROM contexts WHERE ended_at > 0 AND ended_at < ?", (ended_before,))
    return False


def forget(db: sqlite3.Connection, tenant: str, order: str) -> None:
    """Erases an order: its actions, attempts, what is kept of its exceptions, its dead letters and refused decisions.

    What is in the outbox goes out.
    """
    gone = [(id_,) for (id_,) in db.execute("SELECT id FROM actions WHERE tenant = ? AND order_id = ?", (tenant, order))]
    for table, column in (("attempts", "action_id"), ("dead_letters", "action_id"), ("actions", "id")):
        db.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)  # noqa: S608 - both names stand above
    db.execute("DELETE FROM dead_letters WHERE tenant = ? AND order_id = ?", (tenant, order))
    db.execute("DELETE FROM contexts WHERE tenant = ? AND order_id = ?", (tenant, order))
    forget_refused(db, tenant, order)
