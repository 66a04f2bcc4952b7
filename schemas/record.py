"""An event, or a finding about one, at its place in the log. Instants are µs since 1970-01-01T00:00:00Z."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from msgspec import Struct

from schemas.wire import Event

Position: TypeAlias = tuple[int, str, int, int, int]
"""The total order of all records: (log time, topic, partition, offset, sub-index)."""


class Evidence(NamedTuple):
    """An event that a verdict rests on, and where it stands in the log."""

    source: str
    id: str
    type: str
    time_us: int
    topic: str
    partition: int
    offset: int


class Record(Struct, gc=False):
    """An event at its place in the log."""

    log: int
    """Log time: when the record was appended (in files: recorded)."""
    topic: str
    partition: int
    offset: int
    sub: int
    """Numbers what one record of the log gives rise to: a scan that fans out, a waiting event that a tie releases."""
    at: int
    """Event time: when it happened."""
    order: str
    """The order ID; empty while it is not known."""
    event: Event
    raw: bytes
    """The record's bytes as they came in."""

    @property
    def position(self) -> Position:
        """Where the record stands in log order."""
        return (self.log, self.topic, self.partition, self.offset, self.sub)


class Note(Struct, frozen=True, gc=False, kw_only=True):
    """What the identity step, which alone sees several orders, says about one of them: it starts the condition `kind` at `at`."""

    log: int
    at: int
    topic: str
    partition: int
    offset: int
    sub: int
    tenant: str
    order: str
    kind: str
    """`order.duplicate_suspected`, `conflict.tracking_reused` or `data.identity_unresolved`."""
    scope_id: str | None
    """What of the order the kind is about, such as a tracking number; None: the order."""
    evidence: tuple[Evidence, ...]

    @property
    def position(self) -> Position:
        """Where the note stands in log order: at the record that it follows from."""
        return (self.log, self.topic, self.partition, self.offset, self.sub)
