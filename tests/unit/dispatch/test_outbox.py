"""What is to be said goes into the log in its order; what the log refuses for good holds up nothing behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.outbox import Outbox, put
from dataflows.dispatch.refusals import refused_decisions, write_again
from sinks.decisions import RefusedDecisionError, UnwrittenError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

MANY = 600


class ChoosyLog:
    """A `DecisionWriter` that takes all of what it is given, or nothing; for the next `away` writes it is not there."""

    def __init__(self, refuses: frozenset[str]) -> None:
        self.refuses = refuses
        self.ids: list[str] = []
        self.writes, self.away = 0, 1

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Refuses all where it refuses one."""
        self.writes += 1
        self.away -= 1
        if self.away >= 0:
            raise UnwrittenError("not now")
        ids = [str(each["id"]) for each in decisions]
        if not self.refuses.isdisjoint(ids):
            raise RefusedDecisionError("larger than the topic allows")
        self.ids += ids

    def close(self) -> None:
        """Nothing is open."""


def fill(db: sqlite3.Connection) -> None:
    """Decisions about as many actions."""
    for number in range(MANY):
        id_ = f"a{number:03}"
        db.execute("INSERT INTO actions VALUES (?, 'acme', 'SO-1', 0, 1, 'begun', 1, 0, 1, 1, 0, x'00')", (id_,))
        put(db, {"id": f"{id_}:1:executed", "type": "action.executed", "data": {"action_id": id_}}, number + 1)


def test_a_decision_that_is_refused_for_good_holds_up_nothing_behind_it() -> None:
    """The few are found among the many by halves; they are kept with the reason, counted, and whoever waits for one hears of it."""
    refused = [f"a{number:03}:1:executed" for number in (0, 299, 300, 599)]
    log, heard = ChoosyLog(frozenset(refused)), list[tuple[str, str]]()

    async def run() -> None:
        journal = AttemptJournal(None)
        outbox = Outbox(journal, log, refused=lambda id_, why: heard.append((id_, why)))
        waiting = outbox.acknowledged(refused[1])
        await journal.run(fill)
        writing = asyncio.create_task(outbox.run())
        try:
            await outbox.flush()
            with pytest.raises(RefusedDecisionError, match="larger"):
                await waiting
            kept = await journal.run(refused_decisions)
            assert [(each.id, each.reason, each.at) for each in kept] == [
                (id_, "larger than the topic allows", int(id_[1:4]) + 1) for id_ in refused
            ]
            log.refuses = frozenset(refused[:1])
            said = await journal.run(lambda db: [write_again(db, id_) for id_ in (*refused, "b")])
            assert said == [*["written again"] * 4, "not refused"]
            outbox.kick()
            await outbox.flush()
            assert [each.id for each in await journal.run(refused_decisions)] == refused[:1]
            await journal.run(lambda db: write_again(db, refused[0]))
            log.away = 1
            outbox.kick()
            await outbox.flush()
            assert outbox.ailment is None, "a log that refuses is there"
        finally:
            writing.cancel()
            journal.close()

    asyncio.run(run())
    every = [f"a{number:03}:1:executed" for number in range(MANY)]
    assert log.ids == [*(id_ for id_ in every if id_ not in refused), *refused[1:]]
    assert heard == [(id_, "larger than the topic allows") for id_ in (*refused, refused[0], refused[0])]
    assert log.writes < 80
