"""What the columns are made of: instants, amounts and JSON that mean the same on PostgreSQL and on SQLite."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Dialect, Double, Index, Integer, MetaData, Numeric, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeDecorator

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
"""All tables of the store."""
CENTS: Final = Decimal("0.0001")
MOST_BYTES: Final = 540
"""Of a text in an index, unless its column says fewer: an identifier with the name of its kind before it. A row of an index of PostgreSQL
has 2,704 bytes at most, so longer texts are shortened as they are written (`sinks.cases.bounded`)."""
MOST: Final = "most"
WORD, KIND, TEAM, NAME = 32, 80, 128, 216
"""Bytes of a word of a list, of a kind (rules of one's own have longer ones than ours), of a team, and of the name of a place."""


class Instants(TypeDecorator[datetime]):
    """Aware instants: `timestamptz` of PostgreSQL; text of SQLite, `2026-04-22 22:00:00.000000`, always UTC. Python is given UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Raises ValueError of an instant without offset."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs an offset")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC, whatever the zone of the session is."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Amounts(TypeDecorator[Decimal]):
    """Decimal amounts with four places. SQLite has no decimals: exact up to fifteen digits there."""

    impl = Numeric(19, 4, asdecimal=False)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """SQLite's driver takes text, which its column makes a number of."""
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """The same number of places everywhere, so that equal amounts look equal."""
        del dialect
        return None if value is None else Decimal(str(value)).quantize(CENTS)


Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""Structured fields, as they stand in the event; `jsonb` on PostgreSQL."""


def text(name: str, about: str, *, key: bool = False, needed: bool = False, most: int = MOST_BYTES) -> Column[str]:
    """A column of text. `most`: of so many bytes, where an index has the column."""
    return Column(name, Text, primary_key=key, nullable=not (key or needed), doc=about, info={MOST: most})


def number(name: str, about: str, *, key: bool = False, needed: bool = False) -> Column[int]:
    """A column of whole numbers."""
    return Column(name, Integer, primary_key=key, nullable=not (key or needed), doc=about, autoincrement=False)


def small(name: str, about: str) -> Column[int]:
    """A column of whole numbers that are small."""
    return Column(name, SmallInteger, nullable=False, doc=about)


def place(name: str, about: str, *, key: bool = False, needed: bool = False) -> Column[int]:
    """A column of places in a log, which are as large as 64 bits."""
    return Column(name, BigInteger, primary_key=key, nullable=not (key or needed), doc=about, autoincrement=False)


def real(name: str, about: str) -> Column[float]:
    """A column of numbers."""
    return Column(name, Double[float](), doc=about)


def flag(name: str, about: str, *, needed: bool = True) -> Column[bool]:
    """A column of yes and no."""
    return Column(name, Boolean, nullable=not needed, doc=about)


def instant(name: str, about: str, *, needed: bool = False) -> Column[datetime]:
    """A column of instants."""
    return Column(name, Instants, nullable=not needed, doc=about)


def amount(name: str, about: str) -> Column[Decimal]:
    """A column of money; the currency stands beside it."""
    return Column(name, Amounts, doc=about)


def json(name: str, about: str) -> Column[Any]:
    """A column of structured fields."""
    return Column(name, Json, doc=about)


def logged() -> tuple[Column[Any], ...]:
    """Where the record stands that a row was made of: three columns."""
    return (
        instant("logged_at", "When the record that this row says was appended to its log.", needed=True),
        text("log_partition", "The part of the log that it stands in.", needed=True),
        place("log_offset", "Its place there.", needed=True),
    )


def extra() -> Column[Any]:
    """What this version of the program does not know: one column."""
    return json("extra", "Fields of the record that this version of the store has no column for; none as a rule.")


def about(said: str) -> dict[str, str]:
    """What a table holds, as `info` of it."""
    return {"about": said}


def partial(name: str, *columns: Column[Any], where: ColumnElement[bool]) -> Index:
    """An index over some rows of a table."""
    return Index(name, *columns, postgresql_where=where, sqlite_where=where)
