"""Rows are a function of the logs: whatever the batches, however partitions are interleaved, however often records are read."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from sinks.cases.buffer import RowBuffer
from sinks.cases.changes import Put
from sinks.cases.projection import project
from sinks.cases.schema import open_store, writing
from sinks.cases.writer import CaseWriter
from sources.outputs.reader import LoggedRecord
from tests.support.stored import world
from tests.support.stores import rows, sqlite_url, store

_MADE: dict[str, bytes | dict[str, list[dict[str, object]]]] = {}


def empty() -> bytes:
    """A SQLite store with its tables, as a file."""
    if "empty" not in _MADE:
        with TemporaryDirectory() as made:
            with store(sqlite_url(Path(made))) as engine, engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            _MADE["empty"] = (Path(made) / "store.sqlite3").read_bytes()
    found = _MADE["empty"]
    assert isinstance(found, bytes)
    return found


def again(engine: Engine, records: list[LoggedRecord]) -> None:
    """Puts the rows of records once more, past the offsets that would not have it."""
    buffer = RowBuffer()
    for record in records:
        for change in project(record):
            assert isinstance(change, Put)
            buffer.put(change.table, change.row)
    with writing(engine).begin() as connection:
        buffer.flush(connection)


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_any_order_of_partitions_any_batches_any_repetition_give_the_same_rows(data: st.DataObject) -> None:
    """Only the order within a partition is given."""
    parts = {name: list(part) for name, part in world().items()}
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "store.sqlite3").write_bytes(empty())
        engine = open_store(sqlite_url(folder))
        writer, read = CaseWriter(engine), list[LoggedRecord]()
        while parts:
            batch: list[LoggedRecord] = []
            for _ in range(data.draw(st.integers(1, 6))):
                if not parts:
                    break
                name = data.draw(st.sampled_from(sorted(parts)))
                most = data.draw(st.integers(1, 30))
                batch += parts[name][:most]
                parts[name] = parts[name][most:]
                if not parts[name]:
                    del parts[name]
            writer.write(batch)
            read += batch
            if data.draw(st.booleans()):
                start = data.draw(st.integers(0, len(read) - 1))
                again(engine, read[start : start + 20])
        found = rows(engine)
        engine.dispose()
    assert found == _MADE.setdefault("rows", found)
    assert found["exceptions"]
