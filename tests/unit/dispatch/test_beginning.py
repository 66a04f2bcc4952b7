"""An attempt begins: in the journal, then in the log, and only then may anybody be called."""

from __future__ import annotations

import asyncio
import sqlite3
from threading import Event
from typing import TYPE_CHECKING

from dataflows.dispatch.begin import Beginning
from dataflows.dispatch.following import Following
from dataflows.dispatch.healthy import load_health
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.model import SECOND, OwnAttempt, PendingAction
from dataflows.dispatch.outbox import Outbox
from dataflows.dispatch.sharing import Alone
from dataflows.settings.dispatch import EndpointTerms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NOW = 1_800_000_000 * SECOND


class SlowLog:
    """A `DecisionWriter` whose log takes what it is given once it is let."""

    def __init__(self) -> None:
        self.asked, self.let = Event(), Event()
        self.taken: list[Mapping[str, object]] = []

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Waits to be let."""
        self.asked.set()
        assert self.let.wait(60)
        self.taken.extend(decisions)

    def close(self) -> None:
        """Nothing is open."""


async def begun(journal: AttemptJournal, log: SlowLog, file: Path) -> bool:
    """Begins an attempt while the log is slow: it stands in the journal, and has not begun before the log has it."""
    outbox, following = Outbox(journal, log), Following(journal.id)
    beginning = Beginning(journal, outbox, following, Alone(), lambda: NOW, stale_s=60)
    terms = EndpointTerms.model_validate({"kind": "webhook"})
    (health,) = (await journal.run(lambda db: load_health(db, {"hook": terms}))).values()
    action = PendingAction("a1", "acme", "SO-1", "create_task", 0, state="requested", requested_at=NOW)
    writing = asyncio.create_task(outbox.run())
    waiting = asyncio.create_task(beginning.begin(action, OwnAttempt(1, "hook", "beginning", NOW), health.row()))
    await asyncio.to_thread(log.asked.wait, 60)
    try:
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done(), "it has begun before the log knew of it"
        with sqlite3.connect(file) as kept:
            assert kept.execute("SELECT action_id, attempt, phase FROM attempts").fetchall() == [("a1", 1, "beginning")]
    finally:
        log.let.set()
    try:
        return await waiting
    finally:
        writing.cancel()


def test_nobody_is_called_before_the_log_has_the_beginning(tmp_path: Path) -> None:
    """However long the log takes; a crash meanwhile leaves the attempt in the journal."""
    journal, log = AttemptJournal(tmp_path), SlowLog()
    try:
        assert asyncio.run(begun(journal, log, next(tmp_path.glob("*.sqlite3"))))
    finally:
        journal.close()
    assert [(event["type"], event["subject"]) for event in log.taken] == [("action.begun", "SO-1")]
