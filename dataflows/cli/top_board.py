"""What `orderwatch top` looks at: the store, read in one transaction each time, and how far the store is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from dataflows.errors import RunError
from schemas.instants import MICROSECOND
from schemas.lateness import length
from sinks.cases.queries.counts import counts
from sinks.cases.queries.detail import exception_detail
from sinks.cases.queries.exceptions import by_id, list_exceptions
from sinks.cases.queries.rows import ExceptionDetail, ExceptionRow, OpenCounts, StoreStanding
from sinks.cases.queries.standing import SILENT, standing
from sinks.cases.queries.wanted import ExceptionFilter


class StoreGoneError(RunError):
    """The store cannot be read. The message says why, in one line and without values."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the store showed. `kept`: the rows of the look before that are no longer in the list, as they are now."""

    at: datetime
    rows: Sequence[ExceptionRow]
    kept: Sequence[ExceptionRow]
    counts: OpenCounts
    standing: StoreStanding

    @property
    def trouble(self) -> str | None:
        """Why what is shown may not be how things are; None if the store is kept true."""
        stands = self.standing
        if stands.seen_at is None:
            return "the store has never been kept true: start `orderwatch store`"
        silent = self.at - stands.seen_at
        if silent > SILENT:
            return f"the store is not kept true since {length(silent // MICROSECOND)} ago: start `orderwatch store`"
        if stands.behind:
            last = "" if stands.last_at is None else f"; it is as of {stands.last_at:%H:%M:%S} UTC"
            return f"the store is behind by {stands.behind:,} records{last}"
        return None


class StoreBoard:
    """Looks at a store. `clock`: the instant of looking."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self.clock = clock

    def look(self, wanted: ExceptionFilter, limit: int, shown: Sequence[str] = ()) -> Look:
        """The gravest; and what has become of those that were shown and are not among them. Raises StoreGoneError."""
        now = self.clock()
        try:
            with self._engine.connect() as connection:
                rows = list_exceptions(connection, wanted, now=now, limit=limit).rows
                there = {row.exception_id for row in rows}
                gone = [exception_id for exception_id in shown if exception_id not in there]
                kept = by_id(connection, gone, now) if gone else []
                return Look(now, rows, kept, counts(connection, wanted, now=now), standing(connection))
        except SQLAlchemyError as error:
            raise StoreGoneError(f"the store cannot be read: {_reason(error)}") from error

    def detail(self, exception_id: str) -> ExceptionDetail | None:
        """One exception with all that belongs to it. Raises StoreGoneError."""
        try:
            with self._engine.connect() as connection:
                return exception_detail(connection, exception_id, self.clock())
        except SQLAlchemyError as error:
            raise StoreGoneError(f"the store cannot be read: {_reason(error)}") from error


def _reason(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None)
    said = str(cause or type(error).__name__).strip().splitlines()
    return said[0].strip() if said else type(error).__name__
