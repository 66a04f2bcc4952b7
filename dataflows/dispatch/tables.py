"""The tables of the journal. Instants are µs since the epoch, UTC; 0 where there is none."""

from __future__ import annotations

from typing import Final

VERSION: Final = "1"

TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offsets (partition TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pauses (scope TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS actions (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    order_id TEXT NOT NULL,
    partition INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    retry_at INTEGER NOT NULL,
    requested_at INTEGER NOT NULL,
    said_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    data BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS actions_open ON actions (ended_at);
CREATE TABLE IF NOT EXISTS attempts (
    action_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    dispatcher TEXT NOT NULL,
    phase TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    doubtful INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL DEFAULT '',
    ended_at INTEGER NOT NULL DEFAULT 0,
    asked_by TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (action_id, attempt)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attempts_ended ON attempts (ended_at);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS endpoints (
    name TEXT PRIMARY KEY,
    failures INTEGER NOT NULL DEFAULT 0,
    openings INTEGER NOT NULL DEFAULT 0,
    open_until INTEGER NOT NULL DEFAULT 0,
    throttled_until INTEGER NOT NULL DEFAULT 0,
    tokens REAL NOT NULL DEFAULT 0,
    tokens_at INTEGER NOT NULL DEFAULT 0,
    disabled TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contexts (exception_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, tenant TEXT NOT NULL, sequence INTEGER NOT NULL,
    ended_at INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contexts_ended ON contexts (ended_at);
CREATE TABLE IF NOT EXISTS dead_letters (
    action_id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    order_id TEXT NOT NULL,
    action TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    code TEXT NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    order_id TEXT NOT NULL,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    refused_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, subject TEXT NOT NULL, asked_by TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
"""
"""`actions`: how each stands by the log, `data` as last said. `attempts`: what this dispatcher began (`model.Phase`), and what others have
begun (phase `foreign`). `outbox`: decisions that the log has not acknowledged yet; `refused`: those that it
never will as they are. `contexts`: what is kept of exceptions."""
