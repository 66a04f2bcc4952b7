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


Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]
"""The headers of a Kafka record, in their order; names may repeat."""


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
    key: bytes | None = None
    """The key that it was appended with; only a broker knows one. Kept, like the headers, so that a reject is the original untouched."""
    headers: Headers = ()

    @property
    def position(self) -> Position:
        """Where the record stands in log order."""
        return (self.log, self.topic, self.partition, self.offset, self.sub)


class Mark(Struct, frozen=True, gc=False):
    """How far a monitored feed had spoken when a record of it was appended; it stands in the log of every shard, right after the record."""

    log: int
    topic: str
    partition: int
    offset: int
    sub: int
    """1: after the record itself, which has 0."""
    feed: str
    """The prefix of `source` that the policy declares."""
    at: int
    """The record's event time, at most its log time."""

    @property
    def position(self) -> Position:
        """Where the mark stands in log order."""
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
