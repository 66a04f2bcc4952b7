"""What sinks are given: verdicts, many at a time, as (topic, verdicts in order)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from schemas.record import Headers


class Verdict(Protocol):
    """One line out, as far as a sink must know it; `log` is µs since the epoch, UTC."""

    @property
    def log(self) -> int:
        """The log time at which it was decided."""
        ...

    @property
    def order(self) -> str:
        """The order ID."""
        ...

    @property
    def type(self) -> str:
        """The event type, such as `exception.raised`."""
        ...

    @property
    def body(self) -> bytes:
        """The event as JSON; of a reject, its original bytes."""
        ...

    @property
    def kind(self) -> str:
        """The exception kind, where there is one."""
        ...

    @property
    def severity(self) -> str:
        """`low` to `critical`; empty where there is none."""
        ...

    @property
    def status(self) -> str:
        """`open`, `resolved`, `retracted` or `suppressed`; empty where there is none."""
        ...

    @property
    def shard(self) -> str:
        """The shard that said it."""
        ...

    @property
    def number(self) -> int:
        """Its number among all that the shard ever said; a resumed run gives the same verdict the same number again."""
        ...

    @property
    def record_key(self) -> bytes | None:
        """Of a reject: the key of the original record."""
        ...

    @property
    def headers(self) -> Headers:
        """Of a reject: the headers of the original record."""
        ...

    @property
    def data(self) -> Mapping[str, object]:
        """The event's `data`; of a reject: `reason`, `detail` and where it stood."""
        ...


Verdicts: TypeAlias = tuple[str, Sequence[Verdict]]
"""Verdicts of one topic."""

TOPICS = ("actions", "exceptions", "incidents", "rejects")
"""Everything that comes out, sorted as text (partitions of sinks are)."""
EXCEPTIONS = "exceptions"
REJECTS = "rejects"
TOPIC_NAMES: Final = {topic: f"order-{topic}" for topic in TOPICS}
"""The contract's names of the topics in Kafka."""
