"""`orderwatch top`: what a person sees and does, by Textual's pilot; no test depends on the clock of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, delete, update
from textual.widgets import DataTable, Static

from dataflows.cli.main import run
from dataflows.cli.top_app import HistoryScreen, TopApp
from dataflows.cli.top_board import StoreBoard, StoreGoneError
from dataflows.cli.top_filters import Filters
from sinks.cases.schema import open_store, upgrade
from sinks.cases.standing import stands
from sinks.cases.tables import exceptions
from sinks.cases.writer import CaseWriter
from tests.support.reports import Reports
from tests.support.worked import UNTIL, worked

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

NOW = datetime.fromtimestamp(UNTIL, UTC) + timedelta(hours=7)
Play = Callable[[TopApp, "Pilot[None]"], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store that holds a worked world, whose writer has just been seen."""
    path = tmp_path_factory.mktemp("kept") / "store.sqlite3"
    engine = open_store(f"sqlite:///{path}")
    upgrade(engine)
    writer = CaseWriter(engine)
    writer.offsets()
    writer.write(worked().records())
    with engine.begin() as connection:
        stands(connection, NOW, 0, NOW)
    engine.dispose()
    return path


@pytest.fixture
def store(kept: Path, tmp_path: Path) -> Iterator[Engine]:
    """A copy of it."""
    engine = open_store(f"sqlite:///{copyfile(kept, tmp_path / 'store.sqlite3')}")
    yield engine
    engine.dispose()


def play(store: Engine, what: Play, *, size: tuple[int, int] = (80, 24), follow: float = 1e9, reads: bool = True, **given: Any) -> None:
    """Runs the screen and plays on it. It looks when it is asked to; `reads`: a person has pressed a key."""

    async def shown() -> None:
        app = TopApp(given.get("board") or StoreBoard(store, lambda: NOW), given.get("filters") or Filters(), 200, every=1e6, follow=follow)
        async with app.run_test(size=size) as pilot:
            await settle(app, pilot)
            if reads:
                await pilot.press("j", "k")
                await settle(app, pilot)
            await what(app, pilot)

    asyncio.run(shown())


async def settle(app: TopApp, pilot: Pilot[None]) -> None:
    """Waits until everything that was asked for is shown."""
    for _ in range(2):
        await app.workers.wait_for_complete()  # pyright: ignore[reportUnknownMemberType] - Textual leaves the type open
        await pilot.pause()


async def looked(app: TopApp, pilot: Pilot[None]) -> None:
    """Looks at the store again."""
    app.look()
    await settle(app, pilot)


def rows(app: TopApp) -> list[list[str]]:
    """What stands in the table."""
    table = app.query_one(DataTable[Any])
    return [[str(cell) for cell in table.get_row_at(number)] for number in range(table.row_count)]


def said(app: TopApp, name: str) -> str:
    """What a line or the pane says."""
    return str(app.query_one(f"#{name}", Static).content)


def closed(store: Engine, *exception_ids: str) -> None:
    """Resolves exceptions as the writer would."""
    with store.begin() as connection:
        rows_ = update(exceptions).where(exceptions.c.exception_id.in_(exception_ids))
        connection.execute(rows_.values(status="resolved", closed_at=NOW, stopped_at=NOW, changed_at=NOW))


def test_it_shows_what_is_open_gravest_first(store: Engine) -> None:
    """With counts above, the exception under the cursor below, and the keys."""

    async def what(app: TopApp, _pilot: Pilot[None]) -> None:
        lives = Reports(worked(), NOW).open
        shown = rows(app)
        assert len(shown) == len(lives)
        assert [row[1] for row in shown] == sorted((row[1] for row in shown), key=["crit", "high", "med", "low"].index)
        assert said(app, "head").startswith(f"{len(lives)} open: ")
        assert said(app, "state") == f"as of {NOW:%H:%M:%S} UTC"
        gravest = next(life for life in lives if life.last["order_id"] == shown[0][3])
        assert gravest.last["kind"] in said(app, "detail")
        assert "evidence" in said(app, "detail")
        assert "q quit" in said(app, "keys")

    play(store, what)


def test_it_fits_eighty_columns_and_tells_more_on_two_hundred(store: Engine) -> None:
    """Nothing is wider than the screen; the sentence stands in the row where there is room."""

    async def what(app: TopApp, _pilot: Pilot[None]) -> None:
        width = app.size.width
        assert max(sum(len(cell) + 1 for cell in row) for row in rows(app)) <= width
        assert all(len(said(app, name)) <= width for name in ("head", "state", "keys"))
        assert len(rows(app)[0]) == (8 if width == 80 else 9)
        table = app.query_one(DataTable[Any])
        assert sum(column.width for column in table.ordered_columns) <= width

    play(store, what, size=(80, 24))
    play(store, what, size=(200, 50))


def test_rows_do_not_move_under_the_reader(store: Engine) -> None:
    """What is over says so in its place; what is new is counted, until `u` shows it."""

    async def what(app: TopApp, pilot: Pilot[None]) -> None:
        before = rows(app)
        ids = list(app.shown)
        with store.begin() as connection:
            kept = connection.execute(exceptions.select().where(exceptions.c.exception_id == ids[0])).mappings().one()
            connection.execute(delete(exceptions).where(exceptions.c.exception_id == ids[0]))
            connection.execute(exceptions.insert().values({**kept, "exception_id": "new", "severity": "critical", "severity_rank": 0}))
        closed(store, ids[2])
        await looked(app, pilot)
        after = rows(app)
        assert [row[3] for row in after[1:]] == [row[3] for row in before[1:]]
        assert (after[0][3], after[0][6], after[2][6]) == ("", "erased", "resolved")
        assert "1 new, 2 over: u shows them" in said(app, "state")
        await pilot.press("u")
        await settle(app, pilot)
        assert rows(app)[0][1] == "crit"
        assert len(rows(app)) == len(before) - 1
        assert "over" not in said(app, "state")

    play(store, what)


def test_the_cursor_stays_on_its_exception(store: Engine) -> None:
    """What stands under it changes in place, and the pane with it."""

    async def what(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("j", "j")
        await settle(app, pilot)
        place = app.query_one(DataTable[Any]).cursor_row
        under = list(app.shown)[place]
        with store.begin() as connection:
            changed = update(exceptions).where(exceptions.c.exception_id == under)
            connection.execute(changed.values(summary="Another sentence.", sequence=99))
        await looked(app, pilot)
        assert app.query_one(DataTable[Any]).cursor_row == place
        assert "Another sentence." in said(app, "detail")

    play(store, what)


def test_whoever_reads_nothing_sees_the_gravest(store: Engine) -> None:
    """A screen on a wall shows what is new by itself."""

    async def what(app: TopApp, pilot: Pilot[None]) -> None:
        many = len(rows(app))
        closed(store, *list(app.shown)[:2])
        await looked(app, pilot)
        assert len(rows(app)) == many - 2
        assert app.query_one(DataTable[Any]).cursor_row == 0

    play(store, what, follow=0, reads=False)


def test_keys_narrow_what_is_shown(store: Engine) -> None:
    """Severity, team, nobody's, breached, words; the line above says which; `x` shows all again."""

    async def what(app: TopApp, pilot: Pilot[None]) -> None:
        whole = rows(app)
        expected: dict[str, Callable[[list[str]], bool]] = {
            "s": lambda row: row[1] == "crit",
            "n": lambda row: row[5] not in ("anna", "ben"),
        }
        for key, fits in expected.items():
            await pilot.press(key)
            await settle(app, pilot)
            assert rows(app) == [row for row in whole if fits(row)]
            assert "[only: " in said(app, "head") or len(said(app, "head")) == app.size.width
            await pilot.press("x")
            await settle(app, pilot)
            assert rows(app) == whole
        teams: list[str] = []
        for _ in range(20):
            await pilot.press("t")
            await settle(app, pilot)
            teams.append(app.chosen.team or "")
            if app.chosen.team is None:
                break
        assert teams[-1] == ""
        assert teams[:-1] == sorted({life.team for life in Reports(worked(), NOW).open})

    play(store, what)


def test_words_are_looked_for(store: Engine) -> None:
    """`/` asks, Enter looks; where nothing fits it says how to see all again."""

    async def what(app: TopApp, pilot: Pilot[None]) -> None:
        order = rows(app)[3][3]
        await pilot.press("slash", *order[-4:], "enter")
        await settle(app, pilot)
        assert {row[3] for row in rows(app)} == {order}
        await pilot.press("slash", *"zzzz", "enter")
        await settle(app, pilot)
        assert rows(app) == []
        assert "nothing open fits the filter: x clears it" in said(app, "state")
        await pilot.press("slash", "q", "escape", "x")  # a letter that is typed is no key; Esc leaves
        await settle(app, pilot)
        assert rows(app)

    play(store, what)


def test_enter_tells_the_whole_history(store: Engine) -> None:
    """As `orderwatch explain` tells it; Esc goes back."""

    async def what(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await settle(app, pilot)
        assert isinstance(app.screen, HistoryScreen)
        text = str(app.screen.query_one("#history Static", Static).content)
        assert "Its life" in text
        assert "Evidence" in text
        await pilot.press("escape")
        await settle(app, pilot)
        assert not isinstance(app.screen, HistoryScreen)

    play(store, what)


@pytest.mark.parametrize(
    ("seen", "behind", "words"),
    [
        (NOW - timedelta(seconds=29), 0, ""),
        (NOW - timedelta(minutes=12), 0, "the store is not kept true since 12 min ago: start `orderwatch store`"),
        (NOW, 4_321, "the store is behind by 4,321 records; it is as of "),
    ],
)
def test_a_store_that_is_behind_is_said_to_be(store: Engine, seen: datetime, behind: int, words: str) -> None:
    """In a line of its own, in words and in reverse."""

    async def what(app: TopApp, _pilot: Pilot[None]) -> None:
        state = app.query_one("#state", Static)
        assert words in said(app, "state")
        assert state.has_class("trouble") == bool(words)
        assert rows(app)

    with store.begin() as connection:
        stands(connection, seen, behind, None)
    play(store, what)


class GoneBoard(StoreBoard):
    """A board whose store goes."""

    gone = False

    def look(self, *given: Any, **more: Any) -> Any:
        """What is there, or that it is gone."""
        if self.gone:
            raise StoreGoneError("the store cannot be read: connection refused")
        return super().look(*given, **more)


def test_a_store_that_is_gone_leaves_what_was_read(store: Engine) -> None:
    """Said to be of then; and it goes on by itself when the store is back."""
    board = GoneBoard(store, lambda: NOW)

    async def what(app: TopApp, pilot: Pilot[None]) -> None:
        before = rows(app)
        board.gone = True
        await looked(app, pilot)
        assert rows(app) == before
        assert said(app, "state").startswith("the store cannot be read: connection refused; what is shown is of")
        board.gone = False
        await looked(app, pilot)
        assert "cannot" not in said(app, "state")

    play(store, what, board=board, size=(120, 30))


def test_another_size_is_drawn_at_once(store: Engine) -> None:
    """Nothing is lost by it."""

    async def what(app: TopApp, pilot: Pilot[None]) -> None:
        many = len(rows(app))
        await pilot.resize_terminal(200, 40)
        await settle(app, pilot)
        assert (len(rows(app)), len(rows(app)[0])) == (many, 9)

    play(store, what)


def test_what_a_terminal_would_act_upon_is_not_written(store: Engine) -> None:
    """Sentences hold what senders wrote."""

    async def what(app: TopApp, _pilot: Pilot[None]) -> None:
        assert "\x1b" not in "".join(cell for row in rows(app) for cell in row) + said(app, "detail")
        assert "�[31m [bold]red" in said(app, "detail")

    with store.begin() as connection:
        connection.execute(update(exceptions).values(summary="\x1b[31m [bold]red", order_id="A\x1b]0;x\x07"))
    play(store, what)


@pytest.mark.parametrize("keys", [("q",), ("ctrl+c",)])
def test_it_ends(store: Engine, keys: tuple[str, ...]) -> None:
    """By `q`, and by Ctrl-C."""

    async def what(app: TopApp, pilot: Pilot[None]) -> None:
        await pilot.press(*keys)
        await pilot.pause()
        assert not app.is_running or app.return_code == 0

    play(store, what)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--store", "sqlite:////nowhere/store.sqlite3"), "there is no store at /nowhere/store.sqlite3"),
        (("--store", "mysql://x/y"), "the store is PostgreSQL or SQLite, not mysql"),
        (("--store", "postgresql://orderwatch:secret@127.0.0.1:1/x"), "cannot be read"),
        (("--store", "sqlite:///x", "--severity", "dire"), "--severity dire: one of critical, high, medium, low"),
        (("--store", "sqlite:///x", "--settings", "y"), "--settings and --store both name the store"),
    ],
)
def test_what_cannot_be_looked_at_is_said(arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line without secrets, with code 2."""
    assert run(["top", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert "secret" not in printed.err
    assert len(printed.err.splitlines()) == 1
