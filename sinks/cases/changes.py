"""What a record changes in the store: rows that are put, and orders or customers that are forgotten. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy import Table

from schemas.record import Headers
from schemas.values import from_micros, micros

LAST: Final = micros(datetime(9999, 1, 1, tzinfo=UTC))
Row: TypeAlias = dict[str, Any]
"""A row by column name."""


class Logged(Protocol):
    """A record of a log, as `sources.outputs.reader` reads it."""

    @property
    def topic(self) -> str:
        """What the log holds: `exceptions`, `actions`, `incidents`, `rejects`, `decisions`."""
        ...

    @property
    def partition(self) -> str:
        """The part of the log."""
        ...

    @property
    def offset(self) -> int:
        """The place there."""
        ...

    @property
    def next(self) -> int:
        """The place of the record after it."""
        ...

    @property
    def time(self) -> int:
        """When it was appended, µs since the epoch, UTC."""
        ...

    @property
    def key(self) -> bytes:
        """Its key."""
        ...

    @property
    def value(self) -> bytes:
        """The event; nothing of a record that has no value."""
        ...

    @property
    def headers(self) -> Headers:
        """Its headers, where its log has any."""
        ...


@dataclass(frozen=True, slots=True)
class Put:
    """A row to be put: how it joins what is there is its table's to say (`sinks.cases.merging`)."""

    table: Table
    row: Row


@dataclass(frozen=True, slots=True)
class Forget:
    """An order, or a customer (by digest, see `hashes`) with all orders placed until `at`, to be erased and never to come back."""

    tenant: str
    order_id: str | None
    customer: str | None
    at: datetime


Change: TypeAlias = Put | Forget


class UnprojectableError(Exception):
    """A record that no rows can be made of. The message is one line and holds nothing of the record but names of fields."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason: Final = reason
        """In one word, for counting: `not_json`, `bad_field`, `unknown_type`, `unfit`."""


def appended(record: Logged) -> datetime:
    """When a record was appended. Its log may say anything, where whoever writes into it says so: it is held to years that there are."""
    return from_micros(min(max(record.time, 0), LAST))


def place(record: Logged) -> Mapping[str, Any]:
    """The three columns that say where a record stands."""
    return {"logged_at": appended(record), "log_partition": record.partition, "log_offset": record.offset}
