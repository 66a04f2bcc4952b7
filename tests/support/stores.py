"""Stores for tests: both databases, what stands in them, and records as logs hold them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, select

from schemas.instants import SECOND
from sinks.cases.changes import Row
from sinks.cases.schema import open_store, upgrade
from sinks.cases.tables import METADATA, standing
from sources.outputs.reader import LoggedRecord

START = 1_780_000_000 * SECOND
PARTITIONS = 3
TABLES = [table for table in METADATA.sorted_tables if table.name != "offsets"]


@contextmanager
def store(url: str) -> Generator[Engine]:
    """A store with its tables while inside."""
    engine = open_store(url)
    upgrade(engine)
    try:
        yield engine
    finally:
        engine.dispose()


def sqlite_url(folder: Path, name: str = "store") -> str:
    """The URL of a SQLite store in a folder."""
    return f"sqlite:///{folder / name}.sqlite3"


def rows(engine: Engine, *, offsets: bool = True) -> dict[str, list[Row]]:
    """All rows by table, in the order of their keys; of the offsets how far they are and not when that was written."""
    found: dict[str, list[Row]] = {}
    with engine.connect() as connection:
        for table in METADATA.sorted_tables:
            if table is standing:
                continue
            columns = [column for column in table.columns if column.name != "written_at"]
            order = [column.name for column in table.primary_key]
            read = [dict(row) for row in connection.execute(select(*columns)).mappings()]
            found[table.name] = sorted(read, key=lambda row: [str(row[name]) for name in order])
    if not offsets:
        del found["offsets"]
    return found


def record(topic: str, value: bytes, offset: int, *, partition: int = 0, time: int | None = None, headers: Any = ()) -> LoggedRecord:
    """A record of a log."""
    at = START + offset * SECOND if time is None else time
    return LoggedRecord(topic, f"{topic}:{partition}", offset, offset + 1, at, b"", value, headers)


def logs(events: Mapping[str, Iterable[bytes]], partitions: int = PARTITIONS) -> dict[str, list[LoggedRecord]]:
    """Events by topic as the partitions of their logs, by subject, as the engine writes them; with gaps, as transactions leave them."""
    found: dict[str, list[LoggedRecord]] = {}
    for topic, lines in events.items():
        for number, line in enumerate(lines):
            subject = str(orjson.loads(line).get("subject") or "")
            partition = sum(subject.encode()) % partitions
            part = found.setdefault(f"{topic}:{partition}", [])
            offset = part[-1].next if part else 0
            if number % 7 == 6:
                offset += 1
            part.append(record(topic, line, offset, partition=partition, time=START + number * SECOND))
    return found


def interleaved(parts: Mapping[str, Sequence[LoggedRecord]]) -> list[LoggedRecord]:
    """All records, by when they were appended."""
    return sorted((one for part in parts.values() for one in part), key=lambda one: (one.time, one.partition, one.offset))


class ListReader:
    """A `LogReader` of records that are there already."""

    def __init__(self, parts: Mapping[str, Sequence[LoggedRecord]], most: int = 3) -> None:
        self._parts, self._most = parts, most
        self._next: dict[str, int] = {}

    def seek(self, offsets: Mapping[str, int]) -> None:
        """As `LogReader.seek`."""
        self._next = dict(offsets)

    def poll(self, timeout: float) -> Sequence[LoggedRecord]:
        """As `LogReader.poll`; never waits."""
        del timeout
        found: list[LoggedRecord] = []
        for name, part in self._parts.items():
            some = [one for one in part if one.offset >= self._next.get(name, 0)][: self._most]
            if some:
                self._next[name] = some[-1].next
            found += some
        return found

    def ends(self) -> Mapping[str, int]:
        """As `LogReader.ends`."""
        return {name: part[-1].next if part else 0 for name, part in self._parts.items()}

    def close(self) -> None:
        """Holds nothing."""
