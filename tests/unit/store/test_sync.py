"""The loop that keeps a store true: what it does while something is away, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import OperationalError

from dataflows.observe import catalogue
from dataflows.observe.observer import Observer
from dataflows.runtime.stop import Stop
from dataflows.store import sync
from dataflows.store.sync import StoreSync, rebuild_store, run_store
from schemas.instants import SECOND
from sinks.cases.schema import open_store
from sinks.cases.tables import standing
from sinks.cases.writer import CaseWriter, Written
from sources.outputs.reader import LoggedRecord, UnreadableLogError
from tests.support.stored import example
from tests.support.stores import ListReader, record, rows, sqlite_url

WORDS = ("raised", "updated", "resolved")
RECORDS = {
    "exceptions:0": [record("exceptions", example(f"exception.{word}"), number) for number, word in enumerate(WORDS)],
    "actions:0": [record("actions", example("action.requested"), 0)],
    "decisions:0": [record("decisions", b"", 0), record("decisions", example("case.acknowledged"), 1), record("decisions", b"", 2)],
}


class Desk:
    """A store, its sync and its logs; time passes only where something waits. It is asked to stop once the logs are read."""

    def __init__(self, folder: Path, parts: Mapping[str, Sequence[LoggedRecord]] = RECORDS, patience: int = 40, **more: int) -> None:
        self.engine: Engine = open_store(sqlite_url(folder))
        self.observer, self.stop = Observer(), Stop()
        self.now, self.waits, self.missing = 0.0, list[float](), set[str]()
        self.sync = StoreSync(self.engine, self.observer, self.stop, batch=2, clock=lambda: self.now, sleep=self.sleep, **more)
        self.reader = EndingReader(self, parts, patience)
        self.slept: Callable[[], None] = lambda: None
        self.failing: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        self.waits.append(seconds)
        self.missing |= set(self.observer.health.missing())
        self.slept()

    def total(self, metric: catalogue.Metric) -> float:
        """What a metric says, over all labels."""
        return self.observer.metrics.total(metric)


class EndingReader(ListReader):
    """Ends the run some polls after its records have ended; `failing` is called before each poll."""

    def __init__(self, desk: Desk, parts: Mapping[str, Sequence[LoggedRecord]], patience: int) -> None:
        super().__init__(parts, most=1)
        self._desk, self._empty, self._patience = desk, 0, patience

    def poll(self, timeout: float) -> Sequence[LoggedRecord]:
        """As `LogReader.poll`."""
        self._desk.now += timeout
        self._desk.failing()
        found = super().poll(timeout)
        self._empty = 0 if found else self._empty + 1
        if self._empty > self._patience:
            self._desk.stop.asked = True
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A store that is empty still."""
    made = Desk(tmp_path)
    yield made
    made.engine.dispose()


def wanted(tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    """The rows of the same records, rebuilt elsewhere."""
    engine = open_store(sqlite_url(tmp_path, "wanted"))
    StoreSync(engine, Observer(), Stop()).prepare()
    CaseWriter(engine).rebuild([[one for part in RECORDS.values() for one in part]])
    found = rows(engine, offsets=False)
    engine.dispose()
    return found


def test_rows_are_kept_and_what_was_done_is_counted(desk: Desk, tmp_path: Path) -> None:
    """Also in the store itself, for whoever reads it."""
    run_store(desk.reader, desk.sync)
    assert rows(desk.engine, offsets=False) == wanted(tmp_path)
    assert desk.total(catalogue.STORE_ROWS) > 0
    assert desk.total(catalogue.STORE_RECORDS) >= 5
    assert desk.total(catalogue.STORE_LAG) == 0
    assert desk.total(catalogue.STORE_FAILURES) == 0
    assert desk.observer.health.missing() == []
    with desk.engine.connect() as connection:
        row = connection.execute(select(standing)).one()
    assert (row.name, row.behind) == ("writer", 0)
    assert row.caught_up_at == row.seen_at


def test_a_database_that_is_away_is_tried_again_ever_later(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readiness says so meanwhile; nothing is lost, nothing counts twice."""
    left, write = [9], CaseWriter.write

    def failing(writer: CaseWriter, records: Sequence[LoggedRecord]) -> Written:
        done = write(writer, records)
        if left[0]:
            left[0] -= 1
            raise OperationalError("", {}, Exception("the server went away\nDETAIL: after it had committed"))
        return done

    monkeypatch.setattr(CaseWriter, "write", failing)
    run_store(desk.reader, desk.sync)
    assert rows(desk.engine, offsets=False) == wanted(tmp_path)
    assert "the database cannot be used: the server went away" in desk.missing
    assert desk.observer.metrics.values(catalogue.STORE_FAILURES)[("database",)] >= 3
    assert desk.observer.health.missing() == []


def test_waits_double_up_to_a_bound(desk: Desk) -> None:
    """And begin anew once it works again."""
    spans: list[float] = []
    for _ in range(9):
        before = desk.now
        desk.sync.failed("logs", OSError("away"))
        spans.append(round(desk.now - before, 3))
    assert spans == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    desk.sync.mended()
    before = desk.now
    desk.sync.failed("logs", OSError("away"))
    assert round(desk.now - before, 3) == 0.5


def test_logs_that_are_away_are_read_on_where_the_store_is(desk: Desk, tmp_path: Path) -> None:
    """Whenever they break off."""
    left = [4]

    def failing() -> None:
        if left[0]:
            left[0] -= 1
            raise UnreadableLogError("no answer from the brokers")

    desk.failing = failing
    run_store(desk.reader, desk.sync)
    assert rows(desk.engine, offsets=False) == wanted(tmp_path)
    assert "the logs cannot be used: no answer from the brokers" in desk.missing
    assert desk.observer.metrics.values(catalogue.STORE_FAILURES) == {("logs",): 4}


def test_another_writer_does_no_harm(desk: Desk, tmp_path: Path) -> None:
    """What it was faster with is not written again."""
    done = [False]

    def other() -> None:
        if not done[0]:
            done[0] = True
            writer = CaseWriter(desk.engine)
            writer.offsets()
            writer.write(RECORDS["exceptions:0"][:2])

    desk.failing = other
    run_store(desk.reader, desk.sync)
    assert rows(desk.engine, offsets=False) == wanted(tmp_path)
    assert desk.observer.metrics.values(catalogue.STORE_FAILURES) == {("offsets",): 1}
    assert sum(row["records"] for row in rows(desk.engine)["offsets"]) >= 5


def test_a_rebuild_then_goes_on(desk: Desk, tmp_path: Path) -> None:
    """All of it in one transaction."""
    rebuild_store(desk.reader, desk.sync)
    assert rows(desk.engine, offsets=False) == wanted(tmp_path)
    run_store(desk.reader, desk.sync)
    assert rows(desk.engine, offsets=False) == wanted(tmp_path)


def test_a_rebuild_that_is_stopped_changes_nothing(desk: Desk) -> None:
    """SIGTERM ends it at once."""
    run_store(desk.reader, desk.sync)
    before = rows(desk.engine)
    desk.stop.asked = False

    def stop() -> None:
        desk.stop.asked = True

    desk.failing = stop
    rebuild_store(desk.reader, desk.sync)
    assert rows(desk.engine) == before


def test_retention_is_looked_after(tmp_path: Path) -> None:
    """Counted from the newest record: an exception that was over long before goes."""
    desk = Desk(tmp_path, retention_days=1)
    try:
        over = example("exception.resolved")
        late = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) * SECOND
        desk.sync.prepare()
        desk.sync.writer.write([record("exceptions", over, 0, time=late)])
        assert rows(desk.engine)["exceptions"]
        desk.now += sync.PURGE_S
        desk.sync.look(desk.reader, {})
        assert rows(desk.engine)["exceptions"] == []
        assert desk.total(catalogue.STORE_PURGED) == 1
    finally:
        desk.engine.dispose()


@pytest.mark.parametrize("reads", [False, True])
def test_what_was_erased_stands_in_no_file_once_it_has_ended(reads: bool, tmp_path: Path) -> None:
    """Though a console has the store open still, or reads it at that moment: SQLite alone would keep the write-ahead log for it."""
    said = {"detected_at": "2026-07-01T00:00:00Z", "by": "user:anna", "order_id": "SO-100042", "customer_digest": None}
    erased = example("exception.raised", type="exception.forgotten", id="o-1:1", time="2026-07-01T00:00:00Z", data=said)
    parts = {"exceptions:0": [record("exceptions", example("exception.raised"), 0), record("exceptions", erased, 1)]}
    desk, console = Desk(tmp_path, parts, patience=0), open_store(sqlite_url(tmp_path))

    def named() -> bool:
        return any(b"SO-100042" in file.read_bytes() for file in tmp_path.iterdir())

    open_ = console.connect()
    try:
        open_.exec_driver_sql("SELECT 1")
        if reads:
            desk.failing = lambda: _reads(open_)
            desk.slept = open_.rollback
        else:
            open_.rollback()
        run_store(desk.reader, desk.sync)
        assert desk.total(catalogue.STORE_ERASED) == 1
        assert not named()
        assert bool(desk.waits) is reads
    finally:
        open_.close()
        console.dispose()
        desk.engine.dispose()


def _reads(connection: Connection) -> None:
    """It reads, from before the erasure on."""
    if connection.dialect.has_table(connection, "exceptions"):
        connection.exec_driver_sql("SELECT count(*) FROM exceptions").scalar_one()
