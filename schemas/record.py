"""An event, or a finding about one, at its place in the log. Instants are µs since 1970-01-01T00:00:00Z."""

from __future__ import annotations

from collections.abc import Sequence
from operator import methodcaller
from typing import NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from schemas.wire import Event, Rejected

Position: TypeAlias = tuple[int, str, int, int, int]
"""The total order of all records: (log time, topic, partition, offset, sub-index)."""


class Evidence(NamedTuple):
    """An event that an output record rests on, and where it stands in the log. It is stored as it is: a new field comes last."""

    source: str
    id: str
    type: str
    time_us: int
    topic: str
    partition: int
    offset: int
    log_us: int | None = None
    """Its log time; None of what a state of before cites, if the history does not hold it any more."""


Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]
"""The headers of a Kafka record, in their order; names may repeat."""


_headers = methodcaller("headers")
"""Calls the method from C."""


class WithHeaders(Protocol):
    """A Kafka record, as the client library hands it out."""

    def headers(self) -> Sequence[tuple[str, bytes | None]] | None:
        """The headers, in their order. Raises UnicodeDecodeError if a name is not UTF-8."""
        ...


def headers_of(message: WithHeaders) -> Headers:
    """The headers of a record; every reader of a topic asks for them here, once for each record.

    Kafka stores names as bytes, and brokers take any. If one is not UTF-8, confluent-kafka (2.16) returns tuples with a null pointer in its
    place, and leaves the error pending. A call from Python code may not notice; the error then comes up in some line further on, and to
    touch the tuple ends the process. A call from C is always checked, drops the result and raises SystemError. Never ask twice.

    Raises:
        Rejected: if a name is not UTF-8.
    """
    try:
        return tuple(_headers(message) or ())
    except (UnicodeDecodeError, SystemError):
        raise Rejected("not_utf8", "the name of a header; none of the headers can be read") from None


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
    identifiers: int = 0
    """The form that its identifiers were brought into (`schemas.identifiers`); 0: they stand as they were sent."""

    @property
    def position(self) -> Position:
        """Where the record stands in log order."""
        return (self.log, self.topic, self.partition, self.offset, self.sub)


class FeedWatermark(Struct, frozen=True, gc=False):
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
    late: bool = False
    """Whether the record was told later after it had happened than the feed may."""

    @property
    def position(self) -> Position:
        """Where the mark stands in log order."""
        return (self.log, self.topic, self.partition, self.offset, self.sub)


class Silenced(NamedTuple):
    """A source that has fallen silent against its own pace, or (`over`) speaks again; empty: all that tell the milestone."""

    source: str
    since: int
    """Its last word before, µs of log time."""
    over: bool


class Silences(Struct, frozen=True, gc=False):
    """What a record shows of the sources of a milestone that orders owe: it stands in the log of every shard, right after the record."""

    log: int
    tenant: str
    milestone: str
    changes: tuple[Silenced, ...]


class IdentityFinding(Struct, frozen=True, gc=False, kw_only=True):
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
    others: tuple[str, ...] = ()
    """The other orders that it is about."""
    lapses: tuple[tuple[int, int | None], ...] = ()
    """From when until when (None: for good) the condition is interrupted, as far as is known by now."""

    @property
    def position(self) -> Position:
        """Where the note stands in log order: at the record that it follows from."""
        return (self.log, self.topic, self.partition, self.offset, self.sub)


class Orphan(Struct, frozen=True, gc=False):
    """What the identity step says of an alias at which events wait for their order: it stands in the log of the alias.

    That they have waited too long (`records` are these events), that another one has come since (its order is still not known), or
    (`resolved`) that they have found their order. `since` is the log time at which the first of them came in, `due` when it was missed,
    `log` when this was decided (all µs).
    """

    tenant: str
    alias: str
    """The alias as output records name it: `kind:value`."""
    log: int
    since: int
    due: int
    resolved: bool
    order: str | None
    records: tuple[Record, ...]
    said: bool = False
    """It was said already, by a program of before that kept nothing of it."""
