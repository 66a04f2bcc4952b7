"""How the logs behind the engine are read: topics of Kafka, or the numbered logs of an embedded installation, by one protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.record import Headers


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """A record of a log: an event as it was written, and where it stands.

    `topic` is what the log holds: `exceptions`, `actions`, `incidents`, `rejects`, `decisions` or `events`, whatever it is called where it
    lies. `partition` names its part; `offset` is its place there, `next` that of the record after it. `time`: when it was appended, in µs
    since the epoch, UTC. `headers`: of a reject in Kafka they say why and where; a numbered log has none, its line says so.
    """

    topic: str
    partition: str
    offset: int
    next: int
    time: int
    key: bytes
    value: bytes
    headers: Headers = ()


class UnreadableLogError(OSError):
    """The logs cannot be read now; a second try may succeed. The message is one line, without secrets."""


class LostRecordsError(Exception):
    """Records from where reading is to go on are not there any more, or not yet: another try fails alike. The message is one line."""


class LogReader(Protocol):
    """Reads logs from given places on, each record of a partition in its order; different partitions in any order.

    Only what is committed is given: a record that was read once is there for good, at the same place.
    """

    def seek(self, offsets: Mapping[str, int]) -> None:
        """Goes on at these offsets, by partition; partitions that are not named begin at their beginning."""
        ...

    def poll(self, timeout: float) -> Sequence[LoggedRecord]:
        """The records that come next, as many as there are at once; none after `timeout` seconds without one.

        Raises OSError if the logs cannot be read: a second try, after `seek`, may succeed; LostRecordsError if none will.
        """
        ...

    def ends(self) -> Mapping[str, int]:
        """The offset after the last record of each partition: how far reading is behind."""
        ...

    def close(self) -> None:
        """Gives back what reading holds."""
        ...
