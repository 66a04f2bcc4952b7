"""Answers that are kept and shared: who is answered by which, how often it is asked, and what becomes of a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event
from starlette.datastructures import QueryParams

from dataflows.console.access import PersonScope
from dataflows.console.counting import WindowCounts, counted_ahead
from dataflows.console.insight.kept import KeptAnswers
from dataflows.console.insight.windows import DAYS, read_window
from sinks.cases.queries.windows import Window
from tests.support.console import console
from tests.unit.console.test_live_pages import LONG


class Asking:
    """Answers with how often it was asked, or fails."""

    def __init__(self) -> None:
        self.times, self.fails = 0, False
        self.may = asyncio.Event()
        self.may.set()

    async def __call__(self) -> int:
        """The answer, once it may come."""
        self.times += 1
        answer = self.times
        await self.may.wait()
        if self.fails:
            raise ValueError("away")
        return answer


async def settled() -> None:
    """All that can run has run."""
    for _ in range(20):
        await asyncio.sleep(0)


def run(story: Callable[[Asking], Awaitable[None]]) -> None:
    """Runs a story on an event loop of its own."""

    async def whole() -> None:
        await story(Asking())

    asyncio.run(whole())


def test_who_asks_at_once_or_meanwhile_gets_the_same() -> None:
    """Until all is to be asked anew; other questions have other answers."""

    async def story(ask: Asking) -> None:
        kept = KeptAnswers(age=3_600)
        assert set(await asyncio.gather(kept.get("a", ask), kept.get("a", ask))) == {1}
        assert await kept.get("a", ask) == 1
        assert await kept.get("b", ask) == 2
        kept.forget()
        assert await kept.get("a", ask) == 3

    run(story)


def test_an_older_answer_is_given_at_once_while_it_is_asked_for_anew() -> None:
    """By one, however many ask; one that is too old for that is waited for."""

    async def story(ask: Asking) -> None:
        kept = KeptAnswers(age=0)
        assert await kept.get("a", ask, longest=3_600) == 1
        ask.may.clear()
        assert [await kept.get("a", ask, longest=3_600) for _ in range(3)] == [1, 1, 1]
        await settled()
        assert ask.times == 2
        ask.may.set()
        await settled()
        assert await kept.get("a", ask, longest=3_600) == 2

    run(story)


def test_what_fails_is_not_kept() -> None:
    """Whoever waits for it hears of it; behind the back of who has an older answer that one stays, and is asked for again."""

    async def story(ask: Asking) -> None:
        kept = KeptAnswers(age=0)
        ask.fails = True
        with pytest.raises(ValueError, match="away"):
            await kept.get("a", ask)
        ask.fails = False
        first = await kept.get("a", ask, longest=3_600)
        ask.fails = True
        for _ in range(20):
            assert await kept.get("a", ask, longest=3_600) == first
            await settled()
        assert ask.times > first + 1
        with pytest.raises(ValueError, match="away"):
            await kept.get("a", ask)

    run(story)


def test_readers_of_the_same_share_what_is_counted(tmp_path: Path) -> None:
    """Two people who may see the same have a list's facets, and a window's numbers, counted once; what is decided is counted anew."""
    with console(tmp_path) as host:
        host.parts.heads.shared = KeptAnswers(age=3_600)
        asked: list[str] = []
        event.listen(host.parts.store, "before_cursor_execute", lambda *given: asked.append(str(given[2])))
        clients = [host.client("anna"), host.client("bob")]

        def counted(path: str, sign: str) -> int:
            asked.clear()
            pages = [client.get(path) for client in clients]
            assert [page.status_code for page in pages] == [200, 200]
            return sum(sign in statement for statement in asked)

        assert counted("/exceptions?severity=high", "AS looked") == 1
        assert counted("/exceptions?severity=high", "AS looked") == 0
        host.parts.heads.forget()
        assert counted("/exceptions?severity=high", "AS looked") == 1
        assert counted(f"/modes{LONG}", "by_customer") == 1


def test_what_is_refreshed_is_given_meanwhile_as_it_was() -> None:
    """What is young enough is not asked anew; a failure leaves what is kept."""

    async def story(ask: Asking) -> None:
        kept = KeptAnswers(age=3_600)
        for age, times in ((0, 1), (3_600, 1), (0, 2)):
            await kept.refresh("a", ask, age=age)
            assert (ask.times, await kept.get("a", ask)) == (times, times)
        ask.may.clear()
        task = asyncio.create_task(kept.refresh("a", ask, age=0))
        await settled()
        assert (ask.times, await kept.get("a", ask)) == (3, 2)
        ask.fails = True
        ask.may.set()
        await task
        assert await kept.get("a", ask) == 2

    run(story)


def test_counts_are_made_before_anybody_asks_for_them(tmp_path: Path) -> None:
    """For each scope that people have and each window that pages offer: nobody meets a first look, which costs seconds on a large store."""
    asked, whole = list[Window](), list[Callable[[], object]]()

    def count(_connection: object, window: Window, _now: datetime) -> int:
        asked.append(window)
        if len(asked) == len(DAYS) * len(people):
            whole[0]()
        return len(asked)

    with console(tmp_path, orders=None) as host:
        people = [host.add("carla", "operator", scope=PersonScope(teams=("CARR",))), host.add("dora", "viewer")]
        counts, parts, now = WindowCounts("numbers", count), host.parts, host.clock()

        async def story() -> None:
            done, loop = asyncio.Event(), asyncio.get_running_loop()
            whole.append(lambda: loop.call_soon_threadsafe(done.set))
            async with counted_ahead(parts, (counts,)), asyncio.timeout(60):
                await done.wait()
            for person in people:
                for days in DAYS:
                    await counts.of(parts, read_window(QueryParams({"days": str(days)}), person, now, ZoneInfo("Europe/Berlin")), now)

        asyncio.run(story())
    assert {(window.teams, window.length.days) for window in asked} == {(teams, days) for teams in ((), ("CARR",)) for days in DAYS}
    assert len(asked) == len(DAYS) * len(people)
