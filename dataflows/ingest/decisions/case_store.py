"""What the gateway asks of the case store, and the notes that it keeps there. On any thread; each call has a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine, Insert, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from dataflows.ingest.decisions.checks import NewDecision
from dataflows.ingest.decisions.expected import NoStoreError, StandingTarget, StoreDownError
from sinks.cases.schema import StoreError, ready, writing
from sinks.cases.tables import action_events, actions, audit, automation, exception_events, exceptions, notes

MOST_CHANGES: Final = 20
AT_ONCE: Final = 500
EXCEPTION: Final = "exception_id"
ACTION: Final = "action_id"
REFUSED: Final = "refused"
_E, _A = exceptions.c, actions.c
_EXCEPTIONS: Final = select(_E.exception_id, _E.tenant, _E.order_id, _E.sequence, _E.team, _E.site)
_ACTIONS: Final = select(_A.action_id, _A.tenant, _A.order_id, _A.sequence, func.coalesce(_E.team, _A.owner), _E.site).join_from(
    actions, exceptions, _A.exception_id == _E.exception_id, isouter=True
)


class SqlCaseStore:
    """A `CaseStoreReader` on the store that `connect` gives; its schema is looked at before it is first used."""

    def __init__(self, connect: Callable[[], Engine]) -> None:
        self._connect = connect
        self._engine: Engine | None = None
        self._lock = Lock()

    def standing(self, targets: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], StandingTarget]:
        """Of each target that is known: whose it is, and its sequence."""
        found: dict[tuple[str, str], StandingTarget] = {}
        with self._connection() as connection:
            for name, chosen in ((EXCEPTION, _EXCEPTIONS), (ACTION, _ACTIONS)):
                wanted = sorted(id_ for sort, id_ in targets if sort == name)
                for at in range(0, len(wanted), AT_ONCE):
                    these = chosen.selected_columns[0].in_(wanted[at : at + AT_ONCE])
                    for id_, *standing in connection.execute(chosen.where(these)):
                        found[name, id_] = StandingTarget(*standing)
        return found

    def changed(self, target: tuple[str, str], since: int) -> Sequence[Mapping[str, object]]:
        """What was said of a target after a sequence, the oldest first."""
        name, id_ = target
        table = exception_events if name == EXCEPTION else action_events
        extra = ("case_state", "assignee", "by") if name == EXCEPTION else ("approved_by",)
        columns = [table.c[one] for one in ("sequence", "type", "time", "status", "state", *extra) if one in table.c]
        chosen = select(*columns).where(table.c[name] == id_, table.c.sequence > since).order_by(table.c.sequence).limit(MOST_CHANGES)
        with self._connection() as connection:
            return [{str(column): _plain(value) for column, value in row.items()} for row in connection.execute(chosen).mappings()]

    def keep_notes(self, decisions: Sequence[NewDecision]) -> None:
        """Keeps the texts of notes; the same one again is no other, and one of which only the reference was known gets its text."""
        with self._connection(writes=True) as connection:
            for decision in decisions:
                event, data = decision.event, cast("dict[str, object]", decision.event["data"])
                row: dict[str, object] = {
                    "note_ref": decision.id,
                    "tenant": event["tenant"],
                    "order_id": event.get("subject"),
                    "exception_id": data.get("exception_id"),
                    "action_id": data.get("action_id"),
                    "by": data["by"],
                    "at": datetime.fromisoformat(str(event["time"])),
                    "text": decision.note,
                }
                connection.execute(_upsert(connection, notes, row))
            connection.commit()

    def refusals(self, ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
        """Of decisions that the engine has refused, by their IDs: why, as reason and detail."""
        found: dict[str, tuple[str, str]] = {}
        wanted = sorted(ids)
        with self._connection() as connection:
            for at in range(0, len(wanted), AT_ONCE):
                columns = (audit.c.event_id, audit.c.reason, audit.c.detail)
                of_these = audit.c.event_id.in_(wanted[at : at + AT_ONCE])
                for id_, reason, detail in connection.execute(select(*columns).where(of_these, audit.c.outcome == REFUSED)):
                    found[id_] = (reason or REFUSED, detail or "")
        return found

    def paused(self) -> Sequence[tuple[str, Sequence[Mapping[str, str]], datetime]]:
        """Where automation is paused: by tenant of the record the scopes, and since when it stands so."""
        with self._connection() as connection:
            chosen = select(automation.c.tenant, automation.c.paused, automation.c.time).order_by(automation.c.tenant)
            return [(tenant, paused or [], time) for tenant, paused, time in connection.execute(chosen)]

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A connection for other queries. Raises StoreDownError where the store does not answer."""
        with self._connection() as connection:
            yield connection

    def close(self) -> None:
        """Closes the connections."""
        if self._engine is not None:
            self._engine.dispose()

    @contextmanager
    def _connection(self, *, writes: bool = False) -> Generator[Connection]:
        try:
            engine = self._opened()
            with (writing(engine) if writes else engine).connect() as connection:
                yield connection
        except StoreError as error:
            raise NoStoreError(str(error)) from error
        except SQLAlchemyError as error:
            raise StoreDownError(f"the store does not answer: {type(error).__name__}") from error  # its message may quote values

    def _opened(self) -> Engine:
        with self._lock:
            if self._engine is None:
                engine = self._connect()
                try:
                    ready(engine)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine


def _upsert(connection: Connection, table: Table, row: Mapping[str, object]) -> Insert:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    made: Any = insert(table).values(**row)
    kept = {name: value for name, value in row.items() if name != "note_ref"}
    return cast("Insert", made.on_conflict_do_update(index_elements=[table.c.note_ref], set_=kept))


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
