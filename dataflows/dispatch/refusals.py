"""Decisions that the log refuses for good: kept with the reason, so that what comes behind them goes on.

What became of a call is written again once a person has mended the cause. That an attempt begins is said anew by the attempt itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

BEGUN: Final = "action.begun"


class RefusedDecision(NamedTuple):
    """A decision that the log has refused; `at` is when it was made, `refused_at` when it was refused last (µs)."""

    id: str
    order: str
    type: str
    at: int
    refused_at: int
    reason: str
    asked: bool = False
    """Whether somebody has asked for it to be written again."""


def refuse(db: sqlite3.Connection, number: int, now: int, reason: str) -> None:
    """Takes a decision out of the outbox and keeps it, unless its order was erased meanwhile: nothing else would take it away."""
    row = db.execute("DELETE FROM outbox WHERE number = ? RETURNING id, at, body", (number,)).fetchone()
    event = orjson.loads(row[2])
    db.execute(
        "INSERT OR REPLACE INTO refused SELECT ?, tenant, order_id, ?, ?, ?, ?, ? FROM actions WHERE id = ?",
        (row[0], event["type"], row[1], now, reason, row[2], event["data"]["action_id"]),
    )


def taken(db: sqlite3.Connection, ids: Sequence[tuple[str]]) -> None:
    """The log has these after all."""
    db.executemany("DELETE FROM refused WHERE id = ?", ids)


def refused_decisions(db: sqlite3.Connection, ids: Sequence[str] = ()) -> list[RefusedDecision]:
    """Those that are kept, oldest first. An ID may be cut short."""
    rows = db.execute(
        "SELECT id, order_id, type, at, refused_at, reason, EXISTS (SELECT 1 FROM requests WHERE what = 'write' AND subject = id)"
        " FROM refused ORDER BY at, refused_at"
    )
    found = [RefusedDecision._make((*row[:-1], bool(row[-1]))) for row in rows]
    return [each for each in found if not ids or any(each.id.startswith(id_) for id_ in ids)]


def count_refused(db: sqlite3.Connection) -> int:
    """How many there are."""
    return int(db.execute("SELECT count(*) FROM refused").fetchone()[0])


def write_again(db: sqlite3.Connection, id_: str) -> str:
    """Puts a decision into the outbox once more; returns what is done, in a word."""
    row = db.execute("SELECT type FROM refused WHERE id = ?", (id_,)).fetchone()
    if row is None:
        return "not refused"
    if row[0] == BEGUN:
        # Nobody was called; who says now that somebody is, says it with an attempt at hand.
        return "the attempt says it"
    db.execute("INSERT OR IGNORE INTO outbox (id, at, body) SELECT id, at, body FROM refused WHERE id = ?", (id_,))
    return "written again"


def forget_refused(db: sqlite3.Connection, tenant: str, order: str) -> None:
    """Erases those of an order."""
    db.execute("DELETE FROM refused WHERE tenant = ? AND order_id = ?", (tenant, order))


def prune_refused(db: sqlite3.Connection, before: int) -> None:
    """Drops those that were made before an instant."""
    db.execute("DELETE FROM refused WHERE at < ?", (before,))
