"""A dry run: what would be sent now, and why the rest would not. Nothing is called, written or kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final, NamedTuple

from dataflows.dispatch.following import Following
from dataflows.dispatch.healthy import EndpointHealth, load_health
from dataflows.dispatch.journal import FILE, connect
from dataflows.dispatch.model import PendingAction, stated
from dataflows.dispatch.paused import pausing
from dataflows.dispatch.prepare import read_known, text_of
from dataflows.dispatch.routing import NOBODY, route_of
from dataflows.dispatch.wanted import NEVER, due_at, is_late
from dataflows.settings.dispatch import DispatchSettings
from schemas.messages import CHANNELS, MESSAGES
from sinks.actions.messages import MessageTextError
from sources.outputs.reader import LogReader

POLL_S: Final = 0.3


class Rehearsed(NamedTuple):
    """What would become of an action. `would`: `send`, `wait` or `fail`; `why`: when, why, or with which text (its subject)."""

    action_id: str
    tenant: str
    order: str
    action: str
    attempt: int
    endpoint: str
    would: str
    why: str


def rehearse(settings: DispatchSettings, reader: LogReader, folder: Path, now: int) -> list[Rehearsed]:
    """Reads the log to its end, on from a copy of the journal in `folder` where there is one, and says what a dispatcher would do now."""
    db = connect(None)
    try:
        if (folder / FILE).is_file():
            with sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True) as kept:
                kept.backup(db)
            kept.close()
        identity = db.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()
        following = Following(identity[0] if identity else "rehearsal")
        following.load(db)
        reader.seek(following.offsets)
        while True:
            records = reader.poll(POLL_S)
            following.apply(records)[2](db)
            if not records and all(following.offsets.get(partition, 0) >= end for partition, end in reader.ends().items()):
                break
        health = load_health(db, settings.endpoints)
        found = [_one(db, settings, following, health, action, now) for action in following.actions.values() if action.state != "proposed"]
    finally:
        db.close()
    return sorted(each for each in found if each is not None)


def _one(
    db: sqlite3.Connection,
    settings: DispatchSettings,
    following: Following,
    health: dict[str, EndpointHealth],
    action: PendingAction,
    now: int,
) -> Rehearsed | None:
    endpoint = route_of(settings.routes, action)

    def would(what: str, why: str) -> Rehearsed:
        return Rehearsed(action.id, action.tenant, action.order, action.action, action.attempt + 1, endpoint or "-", what, why)

    if action.state in ("begun", "in_doubt"):
        return would("wait", "for its outcome" if action.state == "begun" else "in doubt: for an observation")
    at = due_at(action, following.begun.get(action.id, {}))
    if at >= NEVER:
        return None
    if scope := pausing(following.pauses, action):
        return would("wait", f"paused: {scope}")
    if endpoint is None or endpoint == NOBODY:
        return would("fail", "no_route" if endpoint is None else "nobody")
    if is_late(action, now):
        return would("fail", "expired")
    ready, why = health[endpoint].ready_at(now)
    if max(at, ready) > now:
        return would("wait", f"endpoint {why}" if ready > now else f"until {stated(at)}")
    if action.action not in MESSAGES or action.channel not in CHANNELS:
        return would("send", "")
    known = read_known(db, action.id, action.exception)
    assert known is not None, "what is followed stands in the journal"
    try:
        text = text_of(known, settings.templates)
    except MessageTextError as error:
        return would("fail", f"no_text: {error}")
    return would("send", f"{text.channel}, {text.language}: {text.subject or text.text.partition(chr(10))[0]}")
