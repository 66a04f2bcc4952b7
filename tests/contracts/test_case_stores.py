"""What every case store must do, on each database that there is one for."""

from __future__ import annotations

import re
import shutil
import string
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, Text, delete, func, insert, inspect, select, text, update

from schemas.depth import MAX_DEPTH
from schemas.instants import SECOND
from sinks.cases.bounded import indexed
from sinks.cases.retention import purge, purge_apart
from sinks.cases.schema import StoreError, current, open_store, ready, revisions, shorten_log, store_url, upgrade, writing
from sinks.cases.tables import (
    METADATA,
    action_events,
    actions,
    audit,
    cases,
    evidence,
    exception_events,
    exception_skus,
    exceptions,
    identifiers,
    incident_members,
    incidents,
    notes,
    offsets,
    orders,
    rejects,
    unprojected,
)
from sinks.cases.tables.base import MOST
from sinks.cases.writer import CaseWriter, MovedError
from sinks.rejected import line as rejected_line
from sources.outputs.reader import LoggedRecord
from tests.support.logs import iso
from tests.support.stored import DECIDED, SPOKEN, example, world
from tests.support.stores import START, interleaved, record, rows, sqlite_url, store

if TYPE_CHECKING:
    from tests.support.postgres import PostgresServer

ORDER, CUSTOMER, EXCEPTION = "SO-100042", "c-20817", "0d3c8d5e-0f0a-5f4e-9a4c-6f3f5d6b1c11"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store with its tables, to be copied."""
    folder = tmp_path_factory.mktemp("stores")
    with store(sqlite_url(folder)) as made, made.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder / "store.sqlite3"


@pytest.fixture(scope="session")
def empty_database(postgres: PostgresServer) -> str:
    """The name of a PostgreSQL store with its tables, to be copied."""
    url = postgres.database()
    with store(url):
        return url.partition("@/")[2].partition("?")[0]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A store with its tables."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_file"), tmp_path / "store.sqlite3")
        made = open_store(sqlite_url(tmp_path))
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        made = open_store(server.database(request.getfixturevalue("empty_database")))
    yield made
    made.dispose()


def written(engine: Engine, records: list[LoggedRecord], most: int = 50) -> CaseWriter:
    """A writer that has written records in batches."""
    writer = CaseWriter(engine)
    writer.offsets()
    for start in range(0, len(records), most):
        writer.write(records[start : start + most])
    return writer


def one(engine: Engine, table: Any, **key: object) -> dict[str, Any]:
    """The one row of a table that a key names."""
    with engine.connect() as connection:
        found = connection.execute(select(table).filter_by(**key)).mappings().all()
    assert len(found) == 1, (table.name, key, len(found))
    return dict(found[0])


def changed(line: bytes, time: str | None = None, **data: object) -> bytes:
    """An event with other fields of its data."""
    event = orjson.loads(line)
    event["data"] |= data
    if time is not None:
        event["time"] = time
    return orjson.dumps(event)


# --- the schema --------------------------------------------------------------------------------


def test_the_migrations_make_exactly_the_tables(url: str) -> None:
    """Comments aside, which are written from the tables themselves."""
    with store(url) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _ours})
        found = compare_metadata(context, METADATA)
        names = set(inspect(connection).get_table_names())
    assert [diff for diff in found if not _is_comment(diff)] == []
    assert {table.name for table in METADATA.sorted_tables} <= names


def _ours(name: str | None, kind: str, parents: object) -> bool:
    del parents
    return kind != "table" or name in METADATA.tables


def _is_comment(diff: Any) -> bool:
    first: Any = diff[0]
    return (first if isinstance(first, str) else first[0]) in {"remove_table_comment", "modify_comment"}


def test_every_column_says_what_it_holds() -> None:
    """For whoever queries; on PostgreSQL the database says it as well."""
    silent = [f"{table.name}.{column.name}" for table in METADATA.sorted_tables for column in table.columns if not column.doc]
    assert silent == []
    assert all(table.info["about"] for table in METADATA.sorted_tables)


def test_comments_stand_in_postgresql(postgres: PostgresServer) -> None:
    """Whoever looks at the database sees what tables and columns hold."""
    with store(postgres.database()) as engine:
        columns = {column["name"]: column.get("comment") for column in inspect(engine).get_columns("exceptions")}
        assert columns["score"] == exceptions.c.score.doc
        assert inspect(engine).get_table_comment("exceptions")["text"] == exceptions.info["about"]


def test_several_programs_that_start_at_once_upgrade_once(url: str) -> None:
    """One does it while the others wait, and find it done."""
    engines = [open_store(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(upgrade, engines))
    assert Counter(done) == {True: 1, False: 3}
    for engine in engines:
        engine.dispose()


def test_a_schema_of_a_later_program_is_refused(engine: Engine) -> None:
    """In one line that says which versions these are."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for asks in (upgrade, ready):
        with pytest.raises(StoreError, match=r"has schema 9999, which a later version of this program has made; this one knows up to \d+"):
            asks(engine)


def test_who_only_reads_is_told_that_there_is_no_store_yet(url: str) -> None:
    """And what makes one; then it is let in."""
    engine = open_store(url)
    with pytest.raises(StoreError, match="start `orderwatch store`, which makes it"):
        ready(engine)
    upgrade(engine)
    ready(engine)
    with engine.connect() as connection:
        assert current(connection) == revisions()[-1]
    engine.dispose()


@pytest.mark.parametrize("given", ["", "nonsense", "mysql://root@db/x", "file.sqlite3"])
def test_a_url_that_is_none_is_refused(given: str) -> None:
    """As is the URL of another database."""
    with pytest.raises(StoreError):
        store_url(given)


# --- rows --------------------------------------------------------------------------------------


def test_every_row_of_a_world_is_what_the_other_database_has(engine: Engine, tmp_path: Path) -> None:
    """Nothing of a world is left out, and both databases say the same."""
    records = interleaved(world())
    written(engine, records)
    with store(sqlite_url(tmp_path, "other")) as other:
        written(other, records, most=7)
        mine, theirs = rows(engine), rows(other)
    assert {name: len(found) for name, found in mine.items()} == {name: len(found) for name, found in theirs.items()}
    assert mine == theirs
    assert mine["unprojected"] == []
    for name in ("exceptions", "actions", "audit", "messages", "incidents", "rejects", "feeds", "suggestions", "identifiers"):
        assert mine[name], name


def test_each_state_is_the_one_of_the_highest_sequence(engine: Engine) -> None:
    """Read from the records in another way."""
    records = interleaved(world())
    written(engine, records)
    said: dict[str, dict[str, Any]] = {}
    events: set[str] = set()
    for each in records:
        if each.topic not in {"exceptions", "actions"}:
            continue
        event: dict[str, Any] = orjson.loads(each.value)
        if event["type"] != "automation.state":
            events.add(event["id"])
            data = event["data"]
            id_ = data["exception_id"] if each.topic == "exceptions" else data["action_id"]
            if id_ not in said or data["sequence"] > said[id_]["sequence"]:
                said[id_] = data
    found = rows(engine)
    for table, id_, state in (("exceptions", "exception_id", "status"), ("actions", "action_id", "state")):
        for row in found[table]:
            data = said.pop(row[id_])
            assert (row["sequence"], row[state], row["order_id"]) == (data["sequence"], data[state], data["order_id"])
    assert said == {}
    assert len(found["exception_events"]) + len(found["action_events"]) == len(events)
    standing = {row["exception_id"]: row["status"] for row in found["exceptions"]}
    assert {row["exception_id"]: row["sequence"] for row in found["cases"]} == {
        row["exception_id"]: row["sequence"] for row in found["exceptions"]
    }
    assert all((row["closed_at"] is None) == (standing[row["exception_id"]] in {"open", "suppressed"}) for row in found["exceptions"])


def test_the_fields_of_an_exception_stand_in_its_rows(engine: Engine) -> None:
    """Those that lists, reports and searches ask for."""
    written(engine, [record("exceptions", example("exception.raised"), 0)])
    row = one(engine, exceptions)
    assert (row["score"], row["score_base"], row["severity_rank"], row["domain"]) == (587, 587, 1, "fulfilment")
    assert (row["carrier"], row["site"], row["source"], row["next_step"]) == ("ups", "ams1", "/warehouse/ams1", "expedite")
    assert (row["total"], row["currency"], row["promise"]) == (Decimal("129.9000"), "EUR", "2026-04-25")
    assert row["due_at"] == datetime(2026, 4, 22, 22, tzinfo=UTC)
    assert row["context"]["shipments"][0]["tracking_numbers"] == ["1Z999AA10123456784"]
    assert one(engine, orders)["promise_first"] == "2026-04-24"
    cited = one(engine, evidence)
    assert (cited["topic_offset"], cited["recorded_at"]) == (81244, datetime(2026, 4, 21, 6, 50, 4, tzinfo=UTC))
    assert (row["sku"], [named["sku"] for named in rows(engine)["exception_skus"]]) == ("SKU-1042", ["SKU-1042", "SKU-2210"])
    assert {(row["kind"], row["value"]) for row in rows(engine)["identifiers"]} == {
        ("customer_id", CUSTOMER),
        ("payment_id", "pay_77120"),
        ("shipment_id", "SH-4410"),
        ("tracking_number", "1Z999AA10123456784"),
    }


def test_when_an_exception_stopped_and_was_over(engine: Engine) -> None:
    """The log times of the first time that it was said, whatever is said afterwards; anew once it was open again."""
    line = example("exception.raised")
    steps = [("open", "10"), ("suppressed", "11"), ("resolved", "12"), ("resolved", "13"), ("open", "14"), ("resolved", "15")]
    wanted = [(None, None), ("11", None), ("11", "12"), ("11", "12"), (None, None), ("15", "15")]
    lines = [
        changed(line, status=status, sequence=number, detected_at=f"2026-04-23T{hour}:00:00Z")
        for number, (status, hour) in enumerate(steps, 1)
    ]
    for count, at in enumerate(wanted, 1):  # Within one batch the same as in batches of one.
        writer = CaseWriter(engine)
        writer.rebuild([[record("exceptions", said, number)] for number, said in enumerate(lines[:count])])
        row = one(engine, exceptions)
        writer.rebuild([[record("exceptions", said, number) for number, said in enumerate(lines[:count])]])
        assert one(engine, exceptions) == row
        assert tuple(row[name] and f"{row[name]:%H}" for name in ("stopped_at", "closed_at")) == at
        assert f"{row['raised_at']:%H}" == "10"


def test_a_decision_and_its_refusal_are_one_row_whichever_is_read_first(engine: Engine, tmp_path: Path) -> None:
    """They stand in two topics, which are read side by side."""
    decision = example("action.approved", id="d-7")
    refused = orjson.dumps(
        {"reason": "role_missing", "detail": "no", "topic": "acme.order-decisions", "partition": 0, "offset": 3, "text": decision.decode()}
    )
    records = [record("decisions", decision, 3), record("rejects", refused, 0, time=START + 9 * SECOND)]
    written(engine, records, most=1)
    row = one(engine, audit)
    assert (row["outcome"], row["reason"], row["detail"], row["type"]) == ("refused", "role_missing", "no", "action.approved")
    assert one(engine, rejects)["event_id"] == "d-7"
    with store(sqlite_url(tmp_path, "other")) as other:
        written(other, records[::-1], most=1)
        assert rows(other) == rows(engine)


def test_a_reject_from_kafka_says_the_same_as_its_line(engine: Engine) -> None:
    """There headers say why and where, here the line itself."""
    original = example("case.acknowledged", id="d-8")
    line = orjson.dumps(
        {"reason": "no", "detail": "why", "topic": "order-decisions", "partition": 2, "offset": 5, "text": original.decode()}
    )
    said = {"topic": "order-decisions", "partition": "2", "offset": "5", "exception.class.name": "no", "exception.message": "why"}
    headers = tuple((f"__connect.errors.{name}", value.encode()) for name, value in said.items())
    written(engine, [record("rejects", line, 0), record("rejects", original, 1, headers=headers, time=START)])
    first, second = rows(engine)["rejects"]
    assert {**first, "log_offset": 1} == second


def test_a_note_keeps_its_text_whichever_comes_first(engine: Engine) -> None:
    """Also through a rebuild: the text stands nowhere else."""
    with writing(engine).begin() as connection:
        note = {
            "note_ref": "note-77",
            "tenant": "acme",
            "by": "user:anna",
            "at": datetime(2026, 4, 25, 8, tzinfo=UTC),
            "text": "rings back",
        }
        connection.execute(insert(notes).values(**note))
    writer = written(engine, [record("decisions", example("case.noted"), 0)])
    row = one(engine, notes)
    assert (row["text"], row["exception_id"], row["said_at"]) == ("rings back", EXCEPTION, datetime.fromtimestamp(START / SECOND, UTC))
    writer.rebuild([[record("decisions", example("case.noted"), 0)]])
    assert one(engine, notes) == row


# --- what is not known --------------------------------------------------------------------------


def test_fields_and_types_of_a_later_version_are_kept(engine: Engine) -> None:
    """Fields in the row, whole records for a later version of the program."""
    event = orjson.loads(example("exception.raised"))
    event["data"] |= {"mood": "sad", "severity": "apocalyptic"}
    written(
        engine, [record("exceptions", orjson.dumps(event), 0), record("exceptions", example("exception.raised", type="exception.sung"), 1)]
    )
    row = one(engine, exceptions)
    assert (row["extra"], row["severity"], row["severity_rank"]) == ({"mood": "sad"}, "apocalyptic", 4)
    assert one(engine, unprojected)["reason"].startswith("unknown_type")


HOSTILE = {
    "not_json": b"\xff\x00{",
    "no_object": b"[1,2]",
    "no_data": b'{"type":"exception.raised"}',
    "bad_instant": changed(example("exception.raised"), due_at="yesterday"),
    "year_zero": changed(example("exception.raised"), due_at="0001-01-01T00:00:00Z"),
    "bad_amount": changed(example("exception.raised"), context={"total": {"amount": "much"}}),
    "endless_amount": changed(example("exception.raised"), context={"total": {"amount": "1" * 400}}),
    "large_number": changed(example("exception.raised"), score=2**40),
    "number_for_text": changed(example("exception.raised"), kind=7),
    "no_sequence": changed(example("exception.raised"), sequence=None),
    "too_deep": changed(example("exception.raised"), context={"deep": None}).replace(b"null}", b"[" * 300 + b"]" * 300 + b"}", 1),
    "nul_too_deep": b'{"type":"exception.raised","nul":"\\u0000","data":' + b"[" * 900 + b"]" * 900 + b"}",
    "half_a_character": example("exception.raised").replace(b"SO-100042", rb"SO-\ud800"),
    "hash_of_nobody": changed(example("exception.forgotten"), order_id=None, customer_digest=Random(1).randbytes(9_000).hex()),
    "incident_without_number": example("incident.opened", id="nothing"),
}


def test_records_that_no_rows_can_be_made_of_are_kept_and_the_others_go_on(engine: Engine) -> None:
    """Each for itself; they wait for a version of the program that can, and nothing waits for them."""
    hostile = [record("exceptions", line, number) for number, line in enumerate(HOSTILE.values())]
    writer = CaseWriter(engine)
    done = writer.write([record("actions", example("action.requested"), 0), *hostile, record("incidents", example("feed.stale"), 0)])
    kept = rows(engine)["unprojected"]
    names = [name for name, line in HOSTILE.items() if any(row["value"] == line for row in kept)]
    assert names == list(HOSTILE)
    assert done.rejected.total() == len(kept) == len(names)
    assert one(engine, actions)["state"] == "requested"
    assert one(engine, incidents)["status"] == "open"
    assert writer.offsets()["exceptions:0"] == len(hostile)


def test_nul_and_odd_characters_pass(engine: Engine) -> None:
    """PostgreSQL takes no NUL."""
    written(engine, [record("exceptions", changed(example("exception.raised"), summary="a\x00b \U0001f4a9 \u202e", scope="line:\x00"), 0)])
    assert one(engine, exceptions)["summary"] == "a\ufffdb \U0001f4a9 \u202e"


def test_json_as_deep_as_events_may_be_is_stored(engine: Engine) -> None:
    """The encoder of rows takes two levels less."""
    line = changed(example("case.noted"), more=None).replace(b'"more":null', b'"more":' + b"[" * (MAX_DEPTH - 2) + b"]" * (MAX_DEPTH - 2))
    written(engine, [record("decisions", line, 0)])
    assert orjson.dumps(one(engine, audit)["data"]["more"][0][0][0]) == b"[" * (MAX_DEPTH - 5) + b"]" * (MAX_DEPTH - 5)


@pytest.mark.parametrize("time", [-1, 2**63 - 1])
def test_a_record_of_a_year_that_there_is_not_is_stored(engine: Engine, time: int) -> None:
    """Who writes into a topic may say when that was."""
    written(
        engine, [record("decisions", example("case.noted"), 0, time=time), record("exceptions", example("exception.raised"), 0, time=time)]
    )
    assert {one(engine, table)["logged_at"].year for table in (audit, exceptions)} == {1970 if time < 0 else 9999}


LETTERS = string.ascii_letters + string.digits
ALPHABETS = {"ascii": LETTERS, "wide": "".join(map(chr, range(0x10000, 0x10400))), "nul": f"\x00{LETTERS}"}
RAISED = ("exception.raised", "exception.updated", "exception.resolved", "exception.retracted")
PROPOSED = ("action.proposed", "action.requested", "action.updated", "action.withdrawn", "automation.state")
AS_IT_IS = frozenset(("type", "specversion", "time", "dataschema", "customer_digest"))
NO_TEXT = re.compile(r"\d{4}-\d\d-\d\d.*|-?\d+(\.\d+)?")


def lengthened(value: object, lots: Random, letters: str, name: str = "") -> Any:
    """An event whose texts are as long as they may be, each another one; in instants and amounts nothing changes."""
    match value:
        case dict():
            return {key: lengthened(inner, lots, letters, key) for key, inner in cast("dict[str, object]", value).items()}
        case list():
            return [lengthened(inner, lots, letters, name) for inner in cast("list[object]", value)]
        case str() if name not in AS_IT_IS and not NO_TEXT.fullmatch(value):
            long = "".join(lots.choices(letters, k=512))
            return f"{long[:500]}:7" if name == "id" else long
        case _:
            return value


@pytest.mark.parametrize("letters", ALPHABETS)
def test_texts_of_any_length_that_events_may_have_are_stored(engine: Engine, letters: str) -> None:
    """In every index of every table. What does not fit is shortened: as much as PostgreSQL takes, and never two into one."""
    lots, given = Random(7), {"decisions": (*DECIDED, "policy.activated"), "exceptions": RAISED, "actions": PROPOSED, "incidents": SPOKEN}
    records = [
        record(topic, orjson.dumps(lengthened(orjson.loads(example(type_)), lots, ALPHABETS[letters])), number)
        for topic, types in given.items()
        for number, type_ in enumerate(types * 2)
    ]
    why = {"reason": "x" * 900, "detail": "\x00", "topic": "order-decisions", "partition": 0, "offset": 1}
    refused = [record("rejects", rejected_line(why, each.value, None, ()), number) for number, each in enumerate(records)]
    writer = written(engine, [*records, *refused])
    stands = rows(engine)
    assert stands["unprojected"] == []
    assert len(writer.offsets()) == len(given) + 1
    many = {exceptions: 2 * len(RAISED), orders: 2 * len(RAISED), actions: 2 * (len(PROPOSED) - 1), audit: len(records)}
    assert {table: len(stands[table.name]) for table in many} == many
    if letters == "ascii":
        (first, *_) = (orjson.loads(each.value) for each in records if each.topic == "exceptions")
        row = one(engine, exceptions, exception_id=first["data"]["exception_id"])
        assert (row["tenant"], row["order_id"]) == (first["tenant"], first["data"]["order_id"])


def test_no_row_of_an_index_can_be_larger_than_postgresql_takes() -> None:
    """Whatever the texts are, as long as their columns say; other columns have 16 bytes at most, and each value is aligned to eight."""
    for table in METADATA.sorted_tables:
        for name, columns in indexed(table).items():
            values = [column.info[MOST] + 4 if isinstance(column.type, Text) else 16 for column in columns]
            assert 16 + sum(-(-each // 4) * 4 for each in values) <= 2_704, name


def test_what_was_kept_becomes_rows_once_the_program_knows_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its next start."""
    from sinks.cases import projection  # noqa: PLC0415 (its table is what a later version changes)

    later = record("exceptions", example("exception.raised", type="exception.sung"), 0)
    writer = written(engine, [later])
    assert writer.retry().records.total() == 0
    monkeypatch.setitem(projection.BY_TYPE, "exception.sung", projection.BY_TYPE["exception.raised"])
    assert writer.retry().records.total() == 1
    assert one(engine, exceptions)["order_id"] == ORDER
    assert rows(engine)["unprojected"] == []


# --- offsets ------------------------------------------------------------------------------------


def test_of_two_writers_one_finds_that_the_other_was_faster(engine: Engine) -> None:
    """Whether it begins with what the other has written, or ends behind it."""
    records = [record("exceptions", changed(example("exception.raised"), sequence=n), n) for n in range(1, 5)]
    first, zombie = CaseWriter(engine), CaseWriter(engine)
    for writer in (first, zombie):
        writer.offsets()
    first.write(records[:1])
    with pytest.raises(MovedError):
        zombie.write(records[:1])
    zombie.offsets()
    first.write(records[1:2])
    with pytest.raises(MovedError):
        zombie.write(records[1:3])
    assert one(engine, exceptions)["sequence"] == 2
    zombie.offsets()
    zombie.write(records[2:])
    assert one(engine, offsets)["records"] == 4


def test_writers_that_race_count_each_record_once(engine: Engine) -> None:
    """Each goes on where the store is, whenever it finds that another was faster."""
    records = [record("actions", changed(example("action.requested"), sequence=n), n - 1) for n in range(1, 41)]

    def work(batch: int) -> None:
        writer = CaseWriter(engine)
        while (at := writer.offsets().get("actions:0", 0)) < len(records):
            try:
                writer.write(records[at : at + batch])
            except MovedError:
                continue

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, (1, 2, 3)))
    assert one(engine, offsets)["records"] == len(records)
    assert len(rows(engine)["action_events"]) == len(records)


# --- rebuild ------------------------------------------------------------------------------------


def test_a_rebuild_gives_the_same_rows_and_readers_never_see_less(engine: Engine) -> None:
    """All of it is one transaction."""
    records = interleaved(world())
    writer = written(engine, records)
    before = rows(engine)
    seen: list[int] = []

    def batches() -> Iterator[list[LoggedRecord]]:
        for start in range(0, len(records), 40):
            yield records[start : start + 40]
            with engine.connect() as connection:
                seen.append(connection.execute(select(func.count()).select_from(exceptions)).scalar_one())

    writer.rebuild(batches())
    assert rows(engine) == before
    assert set(seen) == {len(before["exceptions"])}
    assert len(seen) > 2


def test_a_rebuild_that_breaks_off_leaves_the_rows_as_they_were(engine: Engine) -> None:
    """As if it had not begun."""
    records = interleaved(world())
    writer = written(engine, records)
    before = rows(engine)

    def batches() -> Iterator[list[LoggedRecord]]:
        yield records[:50]
        raise OSError("the logs are away")

    with pytest.raises(OSError, match="away"):
        writer.rebuild(batches())
    assert rows(engine) == before


def test_a_rebuild_mends_rows_that_somebody_has_changed(engine: Engine) -> None:
    """The logs are the truth."""
    records = interleaved(world())
    writer = written(engine, records)
    before = rows(engine)
    with writing(engine).begin() as connection:
        connection.execute(update(exceptions).values(summary="?"))
        connection.execute(delete(actions))
    writer.rebuild([records])
    assert rows(engine) == before


# --- erasure and retention ----------------------------------------------------------------------


def forgotten(offset: int, *, order: str | None = ORDER, customer: str | None = None, at: int = START) -> list[LoggedRecord]:
    """The decision that erases, and what the engine then says: of the order, and of the customer."""
    event = {"specversion": "1.0", "source": "/orderwatch", "type": "exception.forgotten", "time": iso(at), "tenant": "acme"}
    about = {"detected_at": iso(at), "by": "user:anna"}
    decision = {**event, "id": f"forget-{offset}", "source": "/console", "type": "order.forgotten", "subject": order or "customer"}
    said = [record("decisions", orjson.dumps({**decision, "data": {"by": "user:anna", "customer_id": customer}}), offset, time=at)]
    if order is not None:
        of_order = {**event, "id": f"o-{offset}:1", "subject": order, "data": {**about, "order_id": order, "customer_digest": None}}
        said.append(record("exceptions", orjson.dumps(of_order), offset, time=at))
    if customer is not None:
        named = {**about, "order_id": None, "customer_digest": customer_digest("acme", customer)}
        said.append(record("exceptions", orjson.dumps({**event, "id": f"c-{offset}:1", "data": named}), offset + 1, time=at))
    return said


def customer_digest(tenant: str, customer: str) -> str:
    """As the engine says it (contract)."""
    return sha256(f"{tenant}\x1f{customer}".encode()).hexdigest()


def about_the_order() -> list[LoggedRecord]:
    """Records of every kind that are about one order, or name it; the last two are of others."""
    other = orjson.loads(example("exception.raised"))
    other["subject"] = "SO-9"
    other["data"] |= {"exception_id": "other", "order_id": "SO-9", "summary": f"{ORDER} and SO-1000420 look alike."}
    other["data"]["context"] |= {"related": [ORDER], "shipments": [], "customer": {"id": "c-9", "tier": "gold"}}
    reject = {"reason": "bad", "detail": f"{ORDER}?", "topic": "order-events", "partition": 0, "offset": 1}
    original = example("case.acknowledged", id="d-1")
    lines = [
        ("exceptions", example("exception.raised")),
        ("exceptions", changed(example("exception.updated"), messages=[{"topic": "x", "sent_at": "2026-04-22T22:00:00Z", "by": "/crm"}])),
        ("actions", example("action.requested")),
        ("decisions", example("case.acknowledged")),
        ("decisions", example("case.noted")),
        ("decisions", example("suggestion.made")),
        ("rejects", orjson.dumps({**reject, "text": original.decode()})),
        ("exceptions", changed(example("exception.raised"), due_at="never")),
        ("incidents", changed(example("feed.never_seen", tenant="acme"), orders=[ORDER, "SO-9"], summary=f"the first of them {ORDER}.")),
        ("exceptions", orjson.dumps(other)),
        ("actions", changed(example("action.proposed", subject="SO-9"), action_id="other", order_id="SO-9", exception_id="other")),
    ]
    return [record(topic, line, number, time=START + number) for number, (topic, line) in enumerate(lines)]


def everything(engine: Engine) -> bytes:
    """All that stands in the database, for a search."""
    return b"\n".join(
        str(value).encode() if not isinstance(value, bytes) else value
        for found in rows(engine).values()
        for row in found
        for value in row.values()
    )


@pytest.mark.parametrize("who", ["order", "customer"])
def test_who_had_a_name_too_long_for_an_index_is_erased_too(engine: Engine, who: str) -> None:
    """Such a name came in before names were bounded in bytes. Its rows bear its beginning and a hash."""
    lots, wide = Random(3), ALPHABETS["wide"]
    order, customer = ("".join(lots.choices(wide, k=512)) for _ in range(2))
    event = orjson.loads(example("exception.raised", subject=order))
    event["data"] |= {"order_id": order, "summary": "late"}
    event["data"]["context"]["customer"]["id"] = customer
    line = orjson.dumps(event)
    writer = written(
        engine,
        [record("exceptions", line, 0), record("exceptions", changed(example("exception.raised", tenant="other"), exception_id="x"), 1)],
    )
    begin = order[:50]
    assert begin.encode() in everything(engine)
    erased = forgotten(50, order=order) if who == "order" else forgotten(50, order=None, customer=customer)
    writer.write([*erased, record("exceptions", changed(line, sequence=2), 99)])
    assert [(name, key) for name, found in rows(engine).items() for row in found for key, value in row.items() if begin in str(value)] == []
    assert [row["tenant"] for row in rows(engine)["orders"]] == ["other"]


FORGETTING = [{"order": ORDER}, {"order": None, "customer": CUSTOMER}, {"order": ORDER, "customer": CUSTOMER}]


@pytest.mark.parametrize("who", FORGETTING, ids=["order", "customer", "both"])
def test_what_is_erased_stands_nowhere_and_does_not_come_back(engine: Engine, tmp_path: Path, who: dict[str, str | None]) -> None:
    """Whatever came first; neither by late records nor by a rebuild. What is of others stays."""
    records = about_the_order()
    last = forgotten(99, **who, at=START + 60 * 86_400 * SECOND)
    named = re.compile(rb"SO-100042\b|c-20817\b|1Z999AA10123456784|SH-4410|c-77\b")
    writer = written(engine, records)
    assert named.search(everything(engine))
    writer.write(last)
    assert named.findall(everything(engine)) == []
    before = rows(engine)
    assert [row["order_id"] for row in before["exceptions"]] == ["SO-9"]
    assert before["exceptions"][0]["summary"] == "(erased) and SO-1000420 look alike."
    assert [row["member_id"] for row in before["incident_members"]] == ["SO-9"]
    assert {row["type"] for row in before["audit"]} == {"case.acknowledged", "case.noted", "suggestion.made", "order.forgotten"}
    late = [record(each.topic, each.value, 200 + number, time=last[-1].time + number) for number, each in enumerate(records)]
    writer.write(late)
    assert named.findall(everything(engine)) == []
    assert [row["order_id"] for row in rows(engine)["actions"]] == ["SO-9"]
    writer.rebuild([records, last])
    assert rows(engine) == before
    if who["order"]:
        with store(sqlite_url(tmp_path, "first")) as other:  # The erasure first: its tombstone lets nothing in.
            CaseWriter(other).write([*last, *records])
            assert rows(other, offsets=False) == {name: found for name, found in before.items() if name != "offsets"}


def test_what_is_erased_goes_from_the_write_ahead_log_too(tmp_path: Path) -> None:
    """Not while somebody reads an older state, and as soon as nobody does."""
    url = sqlite_url(tmp_path, "logged")

    def named() -> bool:
        return any(re.search(rb"SO-100042\b", file.read_bytes()) for file in tmp_path.iterdir())

    with store(url) as engine, store(url) as reader:
        writer = written(engine, about_the_order())
        with reader.connect() as reading:
            assert reading.exec_driver_sql("SELECT count(*) FROM exceptions").scalar_one()
            writer.write(forgotten(99, order=ORDER, at=START + 60 * 86_400 * SECOND))
            assert named()
            assert not shorten_log(engine)
        assert shorten_log(engine)
        assert not named()


def test_a_decision_to_erase_that_the_engine_refuses_erases_nothing(engine: Engine) -> None:
    """Who may have something erased is the engine's to say."""
    decision, *_ = forgotten(1)
    written(engine, [record("exceptions", example("exception.raised"), 0), decision])
    assert one(engine, exceptions)["order_id"] == ORDER
    assert rows(engine)["erasures"] == []


def test_a_customer_who_comes_back_is_watched_again(engine: Engine) -> None:
    """What was ordered after the erasure is none of what was erased."""
    line = example("exception.raised")
    erased_at = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp()) * SECOND
    writer = written(engine, [record("exceptions", line, 0), *forgotten(1, order=None, customer=CUSTOMER, at=erased_at)])
    event = orjson.loads(changed(line, exception_id="new", order_id="SO-2"))
    event["data"]["context"]["placed_at"] = "2026-05-02T00:00:00Z"
    writer.write([record("exceptions", orjson.dumps(event), 9)])
    assert [row["order_id"] for row in rows(engine)["exceptions"]] == ["SO-2"]


def test_hashes_tell_nobody_who_was_erased(engine: Engine) -> None:
    """That an order and a customer were, is all."""
    written(engine, forgotten(0, customer=CUSTOMER))
    found = rows(engine)["erasures"]
    assert {row["subject"] for row in found} == {"order", "customer"}
    assert all(re.fullmatch("[0-9a-f]{64}", row["hash"]) for row in found)


def test_cases_that_were_over_for_long_go_and_the_others_stay(engine: Engine) -> None:
    """Counted from the newest record; what was decided stays, without its notes."""
    over = changed(example("exception.resolved"), detected_at="2026-04-01T00:00:00Z")
    open_ = orjson.loads(example("exception.raised"))
    open_["data"] |= {"exception_id": "still", "order_id": "SO-3"}
    noted = changed(example("case.acknowledged"), note="rang")
    newest, before = (int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) * SECOND for month in (5, 4))
    rejected = orjson.dumps({"reason": "no", "detail": "why", "topic": "order-decisions", "partition": 2, "offset": 5, "text": ""})
    incident = changed(example("incident.closed"), members=["still"])
    asked = {"exception_id": None, "order_id": "SO-3", "state": "executed"}
    lines = [
        *[("incidents", changed(incident, f"2026-0{month}-01T00:00:00Z", incident_id=name)) for name, month in (("old", 4), ("new", 5))],
        *[
            ("actions", changed(example("action.updated"), f"2026-0{month}-01T00:00:00Z", action_id=name, **asked))
            for name, month in (("old", 4), ("new", 5))
        ],
        ("exceptions", over),
        ("exceptions", orjson.dumps(open_)),
        ("actions", example("action.requested")),
        ("decisions", noted),
        ("decisions", example("suggestion.made")),
    ]
    old = [record("rejects", rejected, 50 + number, time=at) for number, at in enumerate((before, before, newest))]
    written(engine, [*[record(topic, line, number, time=newest) for number, (topic, line) in enumerate(lines)], *old])
    with writing(engine).begin() as connection:
        assert (purge(connection, 31), purge_apart(connection, 31)) == (0, 0)
        assert (purge(connection, 29), purge_apart(connection, 29)) == (1, 4)
        assert (purge(connection, 29), purge_apart(connection, 29)) == (0, 0)
    found = rows(engine)
    for table in (exceptions, cases, exception_events, exception_skus, orders, evidence, identifiers):
        assert {row["order_id"] for row in found[table.name]} == {"SO-3"}, table.name
    for table, key in ((actions, "action_id"), (action_events, "action_id"), (incidents, "incident_id"), (incident_members, "incident_id")):
        assert {row[key] for row in found[table.name]} == {"new"}, table.name
    assert (len(found["rejects"]), found["suggestions"], found["messages"]) == (1, [], [])
    assert [row["note"] for row in found["audit"]] == [None, None]
    assert found["erasures"] == []
