"""An open page is told what has changed in what it shows, once, however it comes and goes; and whether what it shows can be believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from dataflows.console.live import hub as hubs
from dataflows.console.live.hub import LetGoError, LiveHub, OpenPage, TooManyPagesError
from dataflows.console.live.interests import Interest
from dataflows.console.live.notices import Notice
from dataflows.console.live.standing import StandingLine
from dataflows.console.live.stream import stream
from schemas.instants import EPOCH
from sinks.cases.queries.changes import Position, position
from sinks.cases.queries.wanted import ExceptionFilter
from sinks.cases.schema import open_store, upgrade
from sinks.cases.writer import CaseWriter
from sources.outputs.reader import LoggedRecord
from tests.support.stored import example
from tests.support.stores import record, sqlite_url

NOW = EPOCH + timedelta(microseconds=1_780_000_000_000_000)
RAISED, UPDATED, RESOLVED = (example(f"exception.{word}") for word in ("raised", "updated", "resolved"))
ID = str(orjson.loads(RAISED)["data"]["exception_id"])
PAGE_S = 5.0


class LiveStore:
    """A store that is written to record by record, and a hub that looks at it."""

    def __init__(self, folder: Path) -> None:
        self.engine: Engine = open_store(sqlite_url(folder))
        upgrade(self.engine)
        self.writer = CaseWriter(self.engine)
        self.writer.offsets()
        self.hub = LiveHub(self.engine, lambda: NOW)
        self._next = 0

    def write(self, *events: bytes) -> None:
        """Appends events to the log of exceptions, and has the store take them in."""
        records: list[LoggedRecord] = [record("exceptions", event, self._next + number) for number, event in enumerate(events)]
        self._next += len(records)
        self.writer.write(records)

    def here(self) -> Position:
        """How far it is."""
        with self.engine.connect() as connection:
            return position(connection)

    def open(self, since: Position | None = None, who: str = "user:anna", **wanted: Any) -> OpenPage:
        """A page over a list."""
        return self.hub.open(Interest(exceptions=ExceptionFilter(**wanted)), who, self.here() if since is None else since)

    async def told(self, page: OpenPage) -> dict[str, Any]:
        """What a page is told next that says something."""
        while True:
            found = await self.hub.next(page, PAGE_S)
            assert found is not None, "nothing was told"
            if found.says_something:
                return {"new": found.new, "changed": found.changed, "gone": found.gone, "complete": found.complete}


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store with a hub that does not wait between looks."""
    monkeypatch.setattr(hubs, "LEAST_S", 0.001)
    monkeypatch.setattr(hubs, "MOST_S", 0.002)
    made = LiveStore(tmp_path)
    yield made
    made.engine.dispose()


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A story on an event loop of its own."""
    asyncio.run(story())


def numbered(event: bytes, number: int, **data: object) -> bytes:
    """An event as another exception's."""
    said = orjson.loads(event)
    said["data"] |= {"exception_id": f"{number:08d}-0000-5000-8000-000000000000", **data}
    return orjson.dumps(said)


def test_a_list_is_told_of_what_comes_changes_and_goes(live: LiveStore) -> None:
    """Each with the number of its last event."""

    async def story() -> None:
        page = live.open()
        live.write(RAISED)
        assert await live.told(page) == {"new": ((ID, 1),), "changed": (), "gone": (), "complete": True}
        live.write(UPDATED)
        assert await live.told(page) == {"new": (), "changed": ((ID, 2),), "gone": (), "complete": True}
        live.write(RESOLVED)
        assert await live.told(page) == {"new": (), "changed": (), "gone": ((ID, 3),), "complete": True}
        await live.hub.stop()

    run(story)


def test_a_page_is_told_only_of_what_it_shows(live: LiveStore) -> None:
    """And a page of one exception of it whatever becomes of it."""

    async def story() -> None:
        other = live.open(kinds=("payment.auth_missing",))
        one = live.hub.open(Interest(exceptions=ExceptionFilter(statuses=()), only=(ID,)), "user:anna", live.here())
        live.write(RAISED, numbered(RAISED, 7), UPDATED, RESOLVED)
        assert await live.told(one) == {"new": ((ID, 3),), "changed": (), "gone": (), "complete": True}
        assert other.waiting.qsize() == 1  # its first, which says nothing
        await live.hub.stop()

    run(story)


def test_who_comes_back_misses_nothing(live: LiveStore) -> None:
    """Neither what came while the page was made, nor while it was away, nor while this program was started anew."""

    async def story() -> None:
        before = live.here()
        live.write(RAISED)
        middle = live.here()
        live.write(UPDATED)
        assert (await live.told(live.open(before)))["new"] == ((ID, 2),)
        assert (await live.told(live.open(middle)))["changed"] == ((ID, 2),)
        await live.hub.stop()
        again = LiveHub(live.engine, lambda: NOW)
        page = again.open(Interest(), "user:anna", middle)
        found = await again.next(page, PAGE_S)
        assert found is not None
        assert found.changed == ((ID, 2),)
        await again.stop()

    run(story)


def test_who_was_away_for_too_much_reads_the_page_anew(live: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, not left out."""
    monkeypatch.setattr("sinks.cases.queries.changes.MOST", 3)
    monkeypatch.setattr("sinks.cases.queries.changes.changes.__defaults__", (3,))

    async def story() -> None:
        before = live.here()
        live.write(*(numbered(RAISED, number) for number in range(5)))
        assert (await live.told(live.open(before)))["complete"] is False
        await live.hub.stop()

    run(story)


def test_a_page_that_does_not_keep_up_is_let_go_and_comes_back_with_its_position(live: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited is told first; what did not fit, it hears when it comes back."""
    monkeypatch.setattr(hubs, "MOST_WAITING", 2)

    async def story() -> None:
        slow = live.open()
        slow.waiting = asyncio.Queue(2)
        quick = live.open()
        heard: set[str] = set()
        last: Position | None = None
        for number in range(6):
            live.write(numbered(RAISED, number))
            await live.told(quick)
        while not slow.waiting.empty():
            found = await live.hub.next(slow, PAGE_S)
            assert found is not None
            heard |= {id_ for id_, _ in found.new}
            last = found.position
        with pytest.raises(LetGoError):
            await live.hub.next(slow, PAGE_S)
        live.hub.close(slow)
        assert len(heard) < 6
        heard |= {id_ for id_, _ in (await live.told(live.open(last)))["new"]}
        assert len(heard) == 6
        await live.hub.stop()

    run(story)


def test_nobody_has_too_many_pages_open(live: LiveStore) -> None:
    """Others are not concerned."""

    async def story() -> None:
        pages = [live.open() for _ in range(hubs.MOST_PAGES)]
        with pytest.raises(TooManyPagesError):
            live.open()
        live.open(who="user:bob")
        live.hub.close(pages[0])
        live.open()
        await live.hub.stop()

    run(story)


def test_nobody_looks_while_nobody_has_a_page_open(live: LiveStore) -> None:
    """And it goes on when somebody comes."""

    async def story() -> None:
        page = live.open()
        await live.hub.next(page, PAGE_S)
        live.hub.close(page)
        for _ in range(1_000):
            if live.hub.here() is None:
                break
            await asyncio.sleep(0.005)
        assert live.hub.here() is None
        page = live.open()
        live.write(RAISED)
        assert (await live.told(page))["new"]
        await live.hub.stop()

    run(story)


def test_a_store_that_is_away_is_tried_again_and_nothing_is_lost(live: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile it is said that it does not answer."""

    async def story() -> None:
        page = live.open()
        await live.hub.next(page, PAGE_S)
        real, away = live.hub._look, [True]  # pyright: ignore[reportPrivateUsage]

        def look(*given: Any) -> Any:
            if away[0]:
                raise OperationalError("SELECT", {}, Exception("gone"))
            return real(*given)

        monkeypatch.setattr(live.hub, "_look", look)
        for _ in range(1_000):
            if live.hub.standing is None:
                break
            await asyncio.sleep(0.005)
        assert live.hub.standing is None
        live.write(RAISED)
        away[0] = False
        assert (await live.told(page))["new"] == ((ID, 1),)
        await live.hub.stop()

    run(story)


def test_a_look_that_fails_for_good_lets_pages_go_and_is_told(live: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page waits for what will never come."""
    failures: list[BaseException] = []

    async def story() -> None:
        live.hub = LiveHub(live.engine, lambda: NOW, on_failure=failures.append)

        def look(*given: Any) -> Any:
            raise RuntimeError(given)

        monkeypatch.setattr(live.hub, "_look", look)
        page = live.open()
        for _ in range(1_000):
            if failures:
                break
            await asyncio.sleep(0.005)
        with pytest.raises(LetGoError):
            await live.hub.next(page, PAGE_S)

    run(story)
    assert isinstance(failures[0], RuntimeError)


async def _well() -> list[StandingLine]:
    return []


async def _lives() -> bool:
    return True


def _events(text: bytes) -> list[tuple[str, Any, str | None]]:
    found: list[tuple[str, Any, str | None]] = []
    for block in text.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], orjson.loads(fields["data"]), fields.get("id")))
    return found


async def _until(stream_: AsyncIterator[bytes], name: str) -> list[tuple[str, Any, str | None]]:
    found: list[tuple[str, Any, str | None]] = []
    async for part in stream_:
        found += _events(part)
        if found and found[-1][0] == name:
            return found
    return found


def _stream(
    live: LiveStore, page: OpenPage, lines: Callable[[], Awaitable[Any]] = _well, lives: Callable[[], Awaitable[bool]] = _lives
) -> Any:
    return stream(live.hub, page, lines, lives, beat=0.01)


def test_the_stream_says_how_things_stand_and_beats_with_the_position(live: LiveStore) -> None:
    """So a browser comes back with it even where nothing of its own has changed."""

    async def story() -> None:
        lines = [StandingLine("feeds", "1 feed is silent", "feeds")]

        async def matter() -> list[StandingLine]:
            return list(lines)

        told = _stream(live, live.open(kinds=("payment.auth_missing",)), matter)
        first = await _until(told, "beat")
        assert ("standing", [{"kind": "feeds", "text": "1 feed is silent", "route": "feeds"}], None) in first
        live.write(RAISED)
        ids = [first[-1][2]]
        while ids[-1] == ids[0]:
            beat = await _until(told, "beat")
            assert [name for name, _, _ in beat] == ["beat"]
            ids.append(beat[-1][2])
        lines.clear()
        assert ("standing", [], None) in await _until(told, "standing")
        await told.aclose()
        assert live.hub.pages == 0
        await live.hub.stop()

    run(story)


def test_the_stream_ends_with_the_session(live: LiveStore) -> None:
    """Whoever logs out elsewhere is told nothing more."""

    async def story() -> None:
        logged_in = [True]

        async def lives() -> bool:
            return logged_in[0]

        told = _stream(live, live.open(), lives=lives)
        await _until(told, "beat")
        logged_in[0] = False
        assert (await _until(told, "ended"))[-1][0] == "ended"
        assert [part async for part in told] == []
        assert live.hub.pages == 0
        await live.hub.stop()

    run(story)


def test_where_changes_never_pause_the_stream_beats_and_ends_all_the_same(live: LiveStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A beat has no position then: who came back with it would miss what waits."""
    monkeypatch.setattr("dataflows.console.live.stream.FIRST_S", 0.01)

    async def story() -> None:
        page, heard = live.open(), list[tuple[str, Any, str | None]]()

        async def lives() -> bool:
            return sum(name == "beat" for name, _, _ in heard) < 2

        async with asyncio.timeout(PAGE_S * 12):
            async for part in _stream(live, page, lives=lives):
                heard += _events(part)
                page.tell(Notice(live.here(), new=((ID, 1),)))
                await asyncio.sleep(0)
        assert [id_ for name, _, id_ in heard if name == "beat"] == [None, None]
        assert heard[-1][0] == "ended"
        await live.hub.stop()

    run(story)
