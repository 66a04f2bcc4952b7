"""What dispatch says goes through the journal into the log: what was put there once is said, whatever dies in between, and counts once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import orjson

from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.model import wall
from dataflows.dispatch.refusals import refuse, taken
from sinks.decisions import DecisionWriter, RefusedDecisionError, UnwrittenError

MOST_AT_ONCE: Final = 500
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
"""How long it waits after a write that failed; twice as long each time."""


def put(db: sqlite3.Connection, event: Mapping[str, Any], at: int) -> None:
    """Puts a decision into the outbox, as a part of whatever the journal writes beside it; one that waits there already stays."""
    db.execute("INSERT OR IGNORE INTO outbox (id, at, body) VALUES (?, ?, ?)", (event["id"], at, orjson.dumps(event)))


class Outbox:
    """Writes what waits, oldest first, in the order in which it was put there.

    `failed` hears why a write failed, `refused` which decision the log refuses for good, and why: what comes behind it goes on.
    """

    def __init__(
        self,
        journal: AttemptJournal,
        writer: DecisionWriter,
        failed: Callable[[str], None] = lambda _: None,
        refused: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        self._journal, self._writer, self._failed, self._refused = journal, writer, failed, refused
        self._news = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self.oldest = 0
        """Since when the oldest decision waits, µs since the epoch; 0: none does."""
        self.ailment: str | None = None

    def acknowledged(self, id_: str) -> asyncio.Future[None]:
        """Comes true once the log has a decision, or raises RefusedDecisionError. Asked for before it is put into the outbox."""
        return self._waiting.setdefault(id_, asyncio.get_running_loop().create_future())

    def kick(self) -> None:
        """Something was put into the outbox."""
        self._news.set()

    async def run(self) -> None:
        """Writes until it is cancelled. What is being written then is written again by the next process, if it did not get there."""
        pause, most = FIRST_PAUSE_S, MOST_AT_ONCE
        written: Sequence[tuple[int, str]] = ()
        while True:
            self._news.clear()
            # On a full disk it waits here: what the log has would be written to it again, and again.
            rows = await self._journal.keep(partial(_next, written=written, most=most))
            self.oldest = rows[0][2] if rows else 0
            written = ()
            if not rows:
                await self._news.wait()
                continue
            try:
                await asyncio.to_thread(self._writer.write, [orjson.loads(body) for _, _, _, body in rows])
            except RefusedDecisionError as error:
                pause, self.ailment = FIRST_PAUSE_S, None  # it answers
                if len(rows) == 1:
                    await self._refuse(rows[0], error)
                most = max(1, len(rows) // 2)  # one of them is meant: it is found alone
                continue
            except UnwrittenError as error:
                self.ailment = str(error)
                self._failed(str(error))
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE_S, 2 * pause)
                continue
            pause, most, self.ailment = FIRST_PAUSE_S, min(MOST_AT_ONCE, 2 * most), None
            written = [(number, id_) for number, id_, *_ in rows]
            for _, id_, _, _ in rows:
                waiting = self._waiting.pop(id_, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(None)

    async def _refuse(self, row: tuple[int, str, int, bytes], why: RefusedDecisionError) -> None:
        """Lays a decision aside."""
        number, id_, *_ = row
        await self._journal.keep(lambda db: refuse(db, number, wall(), str(why)))
        self._refused(id_, str(why))
        waiting = self._waiting.pop(id_, None)
        if waiting is not None and not waiting.done():
            waiting.set_exception(why)

    async def flush(self) -> None:
        """Returns once nothing waits any more; `run` must be running."""
        while await self._journal.run(lambda db: db.execute("SELECT count(*) FROM outbox").fetchone()[0]):
            self.kick()
            await asyncio.sleep(0.02)


def _next(db: sqlite3.Connection, written: Sequence[tuple[int, str]], most: int) -> Sequence[tuple[int, str, int, bytes]]:
    """Takes away what the log has; returns what comes next."""
    db.executemany("DELETE FROM outbox WHERE number = ?", [(number,) for number, _ in written])
    taken(db, [(id_,) for _, id_ in written])
    return db.execute("SELECT number, id, at, body FROM outbox ORDER BY number LIMIT ?", (most,)).fetchall()
