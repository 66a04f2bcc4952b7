"""Writes batches of records: their rows and how far the logs are read, in one transaction. Each record counts once, whoever else writes.

Guarantee: what is committed is what the records up to the offsets make, whatever the batches were. A writer moves an offset only from where
it found it: of two writers of one store one finds that it was moved, and its transaction comes to nothing.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from orjson import JSONEncodeError
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import DBAPIError, DisconnectionError, StatementError

from schemas.instants import micros
from schemas.record import Headers
from sinks.cases.buffer import RowBuffer
from sinks.cases.changes import Change, Forget, Logged, Put, Row, UnprojectableError, place
from sinks.cases.erasing import Erased, allowed, erase
from sinks.cases.merging import MERGES
from sinks.cases.projection import project
from sinks.cases.schema import writing
from sinks.cases.tables import notes, offsets, unprojected

UNFIT: Final = "unfit"
"""The reason of a record whose rows the database does not take."""
ROW_ERRORS: Final = (StatementError, UnicodeError, OverflowError, RecursionError, JSONEncodeError)
"""What rows can be refused with: by the database, or by what makes its values of theirs. One that is about no row goes on."""


class MovedError(Exception):
    """Another writer has moved the offset of a partition. What was read from there on is to be read again."""


@dataclass(slots=True)
class Written:
    """What a batch came to."""

    records: Counter[str] = field(default_factory=Counter[str])
    """Records by topic."""
    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    """Records of which no rows could be made, by reason; they are kept."""
    erased: int = 0
    """Orders erased."""


@dataclass(frozen=True, slots=True)
class UnprojectedRecord:
    """A record that was kept because no rows could be made of it."""

    topic: str
    partition: str
    offset: int
    next: int
    time: int
    key: bytes
    value: bytes
    headers: Headers = ()


class CaseWriter:
    """Writes one store. `now`: the clock that says when rows were written, which nothing depends on."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine, self._now = writing(engine), now
        self._next: dict[str, int] = {}
        """Where this writer found the offsets, and has moved them to since."""

    def offsets(self) -> dict[str, int]:
        """Where to read on, by partition: what is written next must follow on that."""
        with self._engine.connect() as connection:
            found = connection.execute(select(offsets.c.log_partition, offsets.c.next_offset)).all()
        self._next = {row.log_partition: row.next_offset for row in found}
        return dict(self._next)

    def write(self, records: Sequence[Logged]) -> Written:
        """Writes records that follow what was written, each partition in its order, in one transaction.

        Raises:
            MovedError: if another writer was faster. DBAPIError: if the database fails, which may have come after it was written. After
            either, `offsets` says from where on to read.
        """
        with self._engine.begin() as connection:
            done, moved = self._write(connection, records, self._next)
        self._next = moved
        return done

    def retry(self) -> Written:
        """Tries again all records that no rows could be made of: a later version of the program may know more of them."""
        done = Written()
        with self._engine.begin() as connection:
            kept = [_kept(dict(row)) for row in connection.execute(select(unprojected).order_by(*unprojected.primary_key)).mappings()]
            for record in kept:
                try:
                    changes = project(record)
                except UnprojectableError:
                    continue
                where = (unprojected.c.log_partition == record.partition) & (unprojected.c.log_offset == record.offset)
                connection.execute(delete(unprojected).where(where))
                self._apply(connection, [(record, changes)], done, one_by_one=True)
                done.records[record.topic] += 1
        return done

    def rebuild(self, batches: Iterable[Sequence[Logged]]) -> Written:
        """Makes all rows anew from the beginning of the logs, in one transaction: whoever reads sees the old rows until the new ones stand.

        Texts of notes and what was erased stand nowhere else, and stay. Raises MovedError, DBAPIError: then nothing has changed.
        """
        total, moved = Written(), dict[str, int]()
        with self._engine.begin() as connection:
            # The offsets first: whoever writes now is waited for, and whoever would write later finds them moved.
            for table in (offsets, *(table for table in MERGES if table is not notes)):
                connection.execute(delete(table))
            connection.execute(delete(notes).where(notes.c.text.is_(None)))
            connection.execute(update(notes).values(said_at=None))
            for records in batches:
                done, moved = self._write(connection, records, moved)
                total.records += done.records
                total.rejected += done.rejected
                total.rows += done.rows
                total.erased += done.erased
        self._next = moved
        return total

    def _write(self, connection: Connection, records: Sequence[Logged], found: Mapping[str, int]) -> tuple[Written, dict[str, int]]:
        """Writes a batch where `found` is where the offsets are; returns what it came to, and where they are then."""
        done, made = Written(), list[tuple[Logged, list[Change]]]()
        # First what another writer would have moved: on both databases it is waited for here, and seen.
        moved = self._advance(connection, records, found)
        for record in records:
            done.records[record.topic] += 1
            try:
                made.append((record, project(record)))
            except UnprojectableError as error:
                done.rejected[error.reason] += 1
                made.append((record, [_keep(record, f"{error.reason}: {error}")]))
        before = replace(done, rejected=done.rejected.copy())
        try:
            with connection.begin_nested():
                self._apply(connection, made, done)
        except ROW_ERRORS as error:
            if not _of_a_row(error):
                raise
            # A row that the database does not take spoils the batch: one by one it is known whose it is.
            done = before
            self._apply(connection, made, done, one_by_one=True)
        return done, moved

    def _apply(
        self, connection: Connection, made: Sequence[tuple[Logged, list[Change]]], done: Written, *, one_by_one: bool = False
    ) -> None:
        erased, buffer = Erased(), RowBuffer()
        erased.load(connection, (change for _, changes in made for change in changes))
        for record, changes in made:
            kept = allowed(changes, erased)
            if one_by_one and not any(isinstance(change, Forget) for change in kept):
                done.rows += self._alone(connection, record, kept, done)
                continue
            for change in kept:
                if isinstance(change, Put):
                    buffer.put(change.table, change.row)
                else:
                    done.rows += buffer.flush(connection)
                    done.erased += erase(connection, change, erased)
        done.rows += buffer.flush(connection)

    def _alone(self, connection: Connection, record: Logged, changes: Sequence[Change], done: Written) -> int:
        """Writes the rows of one record, or keeps it if the database does not take them."""
        buffer = RowBuffer()
        try:
            with connection.begin_nested():
                _put_all(buffer, changes)
                return buffer.flush(connection)
        except ROW_ERRORS as error:
            if not _of_a_row(error):
                raise
            why = f"{UNFIT}: {type(error.orig if isinstance(error, StatementError) else error).__name__}"
        done.rejected[UNFIT] += 1
        buffer = RowBuffer()
        _put_all(buffer, [_keep(record, why)])
        return buffer.flush(connection)

    def _advance(self, connection: Connection, records: Sequence[Logged], found: Mapping[str, int]) -> dict[str, int]:
        lasts = {record.partition: record for record in records}
        counts = Counter(record.partition for record in records)
        for name in sorted(lasts):
            last, here = lasts[name], offsets.c.log_partition == name
            moved = {"next_offset": last.next, "logged_at": place(last)["logged_at"], "written_at": self._now()}
            if name in found:
                more = update(offsets).where(here, offsets.c.next_offset == found[name])
                if connection.execute(more.values(**moved, records=offsets.c.records + counts[name])).rowcount != 1:
                    raise MovedError(f"another writer has moved the offset of partition {name}")
                continue
            try:
                with connection.begin_nested():
                    connection.execute(insert(offsets).values(log_partition=name, topic=last.topic, records=counts[name], **moved))
            except DBAPIError as error:
                if not _of_a_row(error):
                    raise
                raise MovedError(f"another writer has begun partition {name}") from error
        return {**found, **{name: last.next for name, last in lasts.items()}}


def _put_all(buffer: RowBuffer, changes: Iterable[Change]) -> None:
    for change in changes:
        if isinstance(change, Put):
            buffer.put(change.table, change.row)


def _keep(record: Logged, reason: str) -> Put:
    headers = [[name, None if value is None else b64encode(value).decode()] for name, value in record.headers]
    row = {**place(record), "topic": record.topic, "reason": reason, "key": record.key, "value": record.value, "headers": headers or None}
    return Put(unprojected, row)


def _kept(row: Row) -> UnprojectedRecord:
    pairs: list[tuple[str, str | None]] = row["headers"] or []
    headers = tuple((name, None if value is None else b64decode(value)) for name, value in pairs)
    at, offset = micros(row["logged_at"]), row["log_offset"]
    return UnprojectedRecord(row["topic"], row["log_partition"], offset, offset + 1, at, row["key"], row["value"], headers)


def _of_a_row(error: Exception) -> bool:
    """Whether an error is about what was to be written, not about the database or the way to it."""
    if not isinstance(error, DBAPIError):
        return True
    if error.connection_invalidated or isinstance(error, DisconnectionError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:  # PostgreSQL: data, integrity, program limits
        return str(state)[:2] in {"22", "23", "54"}
    name = type(error.orig).__name__
    return name in {"DataError", "IntegrityError", "ProgrammingError", "OverflowError"}
