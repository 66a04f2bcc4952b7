"""Fifth stage: an attempt begins. It stands in journal and log before anybody is called; the first in the log is the only one."""

from __future__ import annotations

import asyncio
import sqlite3

from dataflows.dispatch.events import decision, event_id
from dataflows.dispatch.following import Following
from dataflows.dispatch.healthy import store_health
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.model import SECOND, Clock, OwnAttempt, PendingAction
from dataflows.dispatch.outbox import Outbox, put
from dataflows.dispatch.refusals import BEGUN, taken
from dataflows.dispatch.sharing import WorkShare
from sinks.decisions import RefusedDecisionError


class Beginning:
    """Begins attempts. `stale_s`: how long one may take to its call where others might take it over meanwhile, in seconds."""

    def __init__(
        self, journal: AttemptJournal, outbox: Outbox, following: Following, share: WorkShare, clock: Clock, *, stale_s: float
    ) -> None:
        self._journal, self._outbox, self._following, self._share, self._clock = journal, outbox, following, share, clock
        self._stale = int(stale_s * SECOND)

    async def begin(self, action: PendingAction, own: OwnAttempt, health: tuple[object, ...], *, echo_s: float = 0.0) -> bool:
        """Whether the attempt may be called now; False: another dispatcher was first, or the engine refuses it.

        `health`: the endpoint's row, since a call goes out. `echo_s`: how long the engine may take to agree to one that it did not ask
        for; 0: it did. Once this has returned True, a crash leaves the attempt in doubt. Raises RefusedDecisionError if the log will never
        have it: nobody is called.
        """
        replay = True if own.asked_by else None
        event = decision(action, BEGUN, own.number, own.began_at, endpoint=own.endpoint, dispatcher=self._journal.id, replay=replay)
        acknowledged = self._outbox.acknowledged(event_id(action.id, own.number, BEGUN))

        def write(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT OR IGNORE INTO attempts (action_id, attempt, dispatcher, phase, endpoint, began_at, asked_by)"
                " VALUES (?, ?, ?, 'beginning', ?, ?, ?)",
                (action.id, own.number, self._journal.id, own.endpoint, own.began_at, own.asked_by),
            )
            put(db, event, own.began_at)
            store_health(db, health)

        echo = asyncio.get_running_loop().create_future()
        if echo_s:
            self._following.echo(action.id, own.number, echo)
        await self._journal.keep(write)
        self._outbox.kick()
        try:
            await acknowledged
        except RefusedDecisionError:
            if own.asked_by:
                # It was for this once: whoever asked may ask again.
                await self._journal.keep(lambda db: _given_up(db, action.id, own.number))
            raise
        if not await self._first(action, own):
            await self._journal.keep(lambda db: _lost(db, action.id, own.number, self._journal.id))
            return False
        if echo_s:
            try:
                await asyncio.wait_for(echo, echo_s)
            except TimeoutError:
                self._following.waits_no_more(action.id, own.number)
                return False
        return True

    async def called(self, action: PendingAction, own: OwnAttempt) -> bool:
        """Notes, durably, that the next thing is a call; False: so much time has passed since it began that others may have taken over."""
        own.phase, own.tries, own.next_at = "calling", own.tries + 1, 0

        if self._share.contested and self._clock() - own.began_at > self._stale and not own.doubtful:
            return False
        action.calls += 1
        row = attempt_row(self._journal.id, action, own)
        await self._journal.keep(lambda db: store_attempt(db, row))
        return True

    async def _first(self, action: PendingAction, own: OwnAttempt) -> bool:
        if not self._share.contested:
            self._following.own_begun(action.id, own.number, own.began_at)
            return True
        waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._following.first_begun(action.id, own.number, waiter)
        try:
            return await waiter == self._journal.id
        finally:
            self._following.waits_no_more(action.id, own.number)


def attempt_row(
    dispatcher: str, action: PendingAction, own: OwnAttempt, word: str = "", code: str = "", ended: int = 0
) -> tuple[object, ...]:
    """How an attempt stands, as the journal keeps it."""
    return (
        action.id, own.number, dispatcher, own.phase, own.endpoint, own.began_at, own.tries, own.doubtful, own.next_at, word, code, ended,
        own.asked_by,
    )  # fmt: skip


def store_attempt(db: sqlite3.Connection, row: tuple[object, ...]) -> None:
    """Writes a row into the journal."""
    db.execute("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _lost(db: sqlite3.Connection, id_: str, attempt: int, dispatcher: str) -> None:
    """Somebody else's attempt stands in the place of ours."""
    db.execute(
        "UPDATE attempts SET phase = 'foreign', dispatcher = '' WHERE action_id = ? AND attempt = ? AND dispatcher = ?",
        (id_, attempt, dispatcher),
    )


def _given_up(db: sqlite3.Connection, id_: str, attempt: int) -> None:
    """Nothing is left of an attempt that never began."""
    db.execute("DELETE FROM attempts WHERE action_id = ? AND attempt = ? AND phase = 'beginning'", (id_, attempt))
    taken(db, [(event_id(id_, attempt, BEGUN),)])
