"""Keeps a store true to its logs: read, write, read on; try again while the database or the logs are away. Whatever the logs are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from dataflows.observe import catalogue
from dataflows.observe.observer import Observer
from dataflows.runtime.stop import Stop
from schemas.instants import SECOND
from schemas.topics import REJECTS
from sinks.cases.retention import purge, purge_apart
from sinks.cases.schema import reason, shorten_log, shown, upgrade, writing
from sinks.cases.standing import stands
from sinks.cases.writer import CaseWriter, MovedError, Written
from sources.outputs.reader import LoggedRecord, LogReader

POLL_S: Final = 0.25
"""How long to wait for a record before looking whether to stop."""
LOOK_S: Final = 5.0
"""How often to ask where the logs end, and to say in the store that it is kept."""
EMPTY_S: Final = 30.0
"""How long records without a value, which make no rows, wait for others before their offsets are written for themselves."""
PURGE_S: Final = 600.0
"""How often to look for what is to go."""
LEAVE_S: Final = 5.0
"""How long a stop waits for who reads the store at that moment."""
SILENCE_S: Final = 10.0
"""After how long without a record a rebuild takes the logs to have ended: of logs that begin late it cannot be known."""
LEAST_S, MOST_S = 0.5, 30.0
"""How long to wait before the next try: doubled each time."""
DATABASE, LOGS, OFFSETS = "database", "logs", "offsets"


class StoreSync:
    """What keeping a store needs beside the logs. `clock` gives seconds that never go back; `sleep` waits that long."""

    def __init__(
        self,
        engine: Engine,
        observer: Observer,
        stop: Stop,
        *,
        batch: int = 1_000,
        retention_days: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.engine, self.observer, self.stop = engine, observer, stop
        self.writer = CaseWriter(engine)
        self.batch, self._days = batch, retention_days
        self.clock, self._sleep = clock, sleep
        self._wait = 0.0
        self._away: dict[str, str] = {}
        self._lag: dict[str, int] = {}
        self._caught_up: datetime | None = None
        self._looked = self._purged = -PURGE_S
        self._logged = True
        """Whether something erased may still stand in the write-ahead log: of a run before as well."""
        observer.read(catalogue.STORE_LAG, lambda: dict(self._lag))
        observer.health.require(lambda: "; ".join(self._away.values()) or None)

    def prepare(self) -> bool:
        """Brings the schema up to date and tries again what could not be projected. Raises StoreError; False: the database is away."""
        try:
            if upgrade(self.engine):
                self.observer.log.info("schema made or brought up to date", store=shown(self.engine.url))
            self._count(self.writer.retry(), again=True)
        except DBAPIError as error:
            self.failed(DATABASE, error)
            return False
        return True

    def write(self, records: Sequence[LoggedRecord]) -> bool:
        """Writes records and counts them; False: it has failed, and `resume` is needed."""
        began = self.clock()
        try:
            done = self.writer.write(records)
        except (DBAPIError, PoolTimeoutError) as error:
            self.failed(DATABASE, error)
            return False
        except MovedError as error:
            self.failed(OFFSETS, error)
            return False
        self.observer.metrics.observe(catalogue.STORE_TRANSACTION, self.clock() - began)
        self.observer.metrics.observe(catalogue.STORE_DELAY, max(0.0, time.time() - records[-1].time / SECOND))
        self._count(done)
        self.mended()
        return True

    def resume(self, reader: LogReader) -> dict[str, int] | None:
        """Goes on where the store is, and says where; None: it or the logs are away."""
        what = DATABASE
        try:
            offsets = self.writer.offsets()
            what = LOGS
            reader.seek(offsets)
        except (SQLAlchemyError, OSError) as error:
            self.failed(what, error)
            return None
        self._away.pop(LOGS, None)
        return offsets

    def failed(self, what: str, error: Exception) -> None:
        """Says that something is away, and waits before the next try, ever longer."""
        said = _described(error)
        self.observer.metrics.count(catalogue.STORE_FAILURES, what)
        if what != OFFSETS:
            self._away[what] = f"the {what} cannot be used: {said}"
        self._wait = min(MOST_S, max(LEAST_S, 2 * self._wait))
        away = "another writer was faster" if what == OFFSETS else f"the {what} cannot be used"
        self.observer.log.warning(f"{away}; trying again", error=said, seconds=self._wait)
        until = self.clock() + self._wait
        while not self.stop.asked and (left := until - self.clock()) > 0:
            self.observer.beat()
            self._sleep(min(POLL_S, left))

    def mended(self) -> None:
        """What was away is there again."""
        self._wait = 0.0
        self._away.clear()

    def look(self, reader: LogReader, seen: dict[str, int]) -> None:
        """Now and then: how far behind the store is, which is said in it as well, and what is to go. `seen`: offsets read to."""
        now = self.clock()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        try:
            ends = reader.ends()
            self._lag = {name: max(0, end - seen.get(name, 0)) for name, end in ends.items()}
            behind: int | None = sum(self._lag.values())
            self._away.pop(LOGS, None)
        except OSError as error:
            behind, self._away[LOGS] = None, f"the {LOGS} cannot be used: {_described(error)}"
        at = datetime.now(UTC)
        if behind == 0:
            self._caught_up = at
        try:
            with writing(self.engine).begin() as connection:
                stands(connection, at, behind, self._caught_up)
            self._purge(now)
            self._logged = self._logged and not shorten_log(self.engine)
            self._away.pop(DATABASE, None)
        except (DBAPIError, PoolTimeoutError) as error:
            self.failed(DATABASE, error)

    def leave(self) -> None:
        """Before the program ends: what was erased goes from the write-ahead log, which else waits for whoever opens the store next.

        SQLite empties it by itself for the last one that closes the store; a console or a terminal may have it open longer.
        """
        until = self.clock() + LEAVE_S
        try:
            while self._logged and not shorten_log(self.engine):
                if self.clock() >= until:
                    self.observer.log.warning("somebody reads the store: what was erased stays in its write-ahead log until the next start")
                    return
                self._sleep(POLL_S)
        except (DBAPIError, PoolTimeoutError) as error:
            self.observer.log.warning(f"the {DATABASE} cannot be used: its write-ahead log stays", error=_described(error))

    def _purge(self, now: float) -> None:
        if self._days is None or now - self._purged < PURGE_S:
            return
        gone, left = 0, [purge, purge_apart]
        while left and not self.stop.asked:
            self.observer.beat()
            with writing(self.engine).begin() as connection:
                some = left[0](connection, self._days)
            gone += some if left[0] is purge else 0
            if not some:
                del left[0]
        if not left:
            self._purged = now
        if gone:
            self.observer.metrics.count(catalogue.STORE_PURGED, by=gone)
            self.observer.log.info("cases went by retention", cases=gone, days=self._days)

    def _count(self, done: Written, *, again: bool = False) -> None:
        metrics = self.observer.metrics
        for topic, count in done.records.items():
            metrics.count(catalogue.STORE_RECORDS, topic, by=count)
        metrics.count(catalogue.STORE_ROWS, by=done.rows)
        for why, count in done.rejected.items():
            metrics.count(catalogue.STORE_REJECTED, why, by=count)
            self.observer.log.warning("no rows could be made of records; they are kept", reason=why, records=count)
        if done.erased:
            self._logged = True
            metrics.count(catalogue.STORE_ERASED, by=done.erased)
            self.observer.log.info("orders erased", orders=done.erased)
        if again and done.records:
            self.observer.log.info("rows made of records that were kept", records=done.records.total())

    def counted(self, done: Written) -> None:
        """Counts what a rebuild came to."""
        self._count(done)


def run_store(reader: LogReader, sync: StoreSync) -> None:
    """Keeps the store true until it is asked to stop. Raises StoreError; LostRecordsError, or another error of the reader that stays."""
    observer, stop = sync.observer, sync.stop
    observer.connected()
    while not stop.asked and not sync.prepare():
        pass
    seen: dict[str, int] | None = None
    empty: list[LoggedRecord] = []
    since = sync.clock()
    while not stop.asked:
        observer.beat()
        if seen is None:
            empty, seen = [], sync.resume(reader)
            if seen is None:
                continue
            observer.resumed()
        try:
            found = reader.poll(POLL_S)
        except OSError as error:
            sync.failed(LOGS, error)
            seen = None
            continue
        seen.update((record.partition, record.next) for record in found)
        # What has no value (a barrier) makes no rows; a transaction for each would be all that an idle engine gave the database to do.
        if any(record.value or record.topic == REJECTS for record in found) or sync.clock() - since > EMPTY_S:
            batch = [*empty, *found]
            empty, since = [], sync.clock()
            if not all(sync.write(some) for some in _parts(batch, sync.batch)):
                seen = None
                continue
        else:
            empty += found
        sync.look(reader, seen)
    sync.leave()


class StoppedError(Exception):
    """A rebuild was asked to stop."""


def rebuild_store(reader: LogReader, sync: StoreSync) -> None:
    """Makes all rows anew from the beginning of the logs, in one transaction: readers see the old rows until the new ones stand.

    Raises StoreError, SQLAlchemyError, MovedError (another writer was at work), OSError, LostRecordsError: nothing has changed then.
    """
    observer = sync.observer
    observer.connected()
    while not sync.prepare():
        if sync.stop.asked:
            return
    reader.seek({})
    began, ends = sync.clock(), dict(reader.ends())
    observer.log.info("making the store anew", records=sum(ends.values()))
    try:
        done = sync.writer.rebuild(_all(reader, sync, ends))
    except StoppedError:
        observer.log.warning("stopped while the store was made anew: it is as it was")
        return
    sync.counted(done)
    observer.log.info("made the store anew", records=done.records.total(), rows=done.rows, seconds=round(sync.clock() - began, 1))


def _all(reader: LogReader, sync: StoreSync, ends: Mapping[str, int]) -> Iterator[Sequence[LoggedRecord]]:
    """All records up to where the logs ended; what comes meanwhile is read afterwards, like any other."""
    seen: dict[str, int] = {}
    heard = sync.clock()
    while True:
        sync.observer.beat()
        if sync.stop.asked:
            raise StoppedError
        if found := reader.poll(POLL_S):
            heard = sync.clock()
            seen.update((record.partition, record.next) for record in found)
            yield found
            continue
        now = reader.ends()  # Behind the last record there may be what is none, as is known once the end was read.
        if all(seen.get(name, 0) >= min(end, now.get(name, 0)) for name, end in ends.items()):
            return
        if sync.clock() - heard > SILENCE_S:
            sync.observer.log.warning("no word from the logs; the rest is read once the store stands", seconds=SILENCE_S)
            return


def _parts(records: Sequence[LoggedRecord], most: int) -> Iterator[Sequence[LoggedRecord]]:
    for start in range(0, len(records), most):
        yield records[start : start + most]


def _described(error: Exception) -> str:
    return reason(error) if isinstance(error, DBAPIError) else str(error).splitlines()[0]
