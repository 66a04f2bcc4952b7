"""Rejected records themselves: the store knows why and where, the log of rejects has what was sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from schemas.segments import POSITION, DamagedLogError, PositionReader, SegmentReader
from schemas.topics import REJECTS
from sinks.cases.queries.rejected import RejectRow
from sinks.embedded.sink import log_folder
from sinks.kafka.errors import KafkaOutputError
from sinks.kafka.rejects import read_reject
from sinks.rejected import Reject, parse
from sources.embedded.outputs import partition_of


class UnreadableRejectError(Exception):
    """A record cannot be shown; the message is one line."""


RejectReader: TypeAlias = Callable[[RejectRow], Reject]
"""Reads the record of a row. Blocking. Raises UnreadableRejectError."""


def embedded_reader(data: Path) -> RejectReader:
    """Reads the log of an embedded installation."""
    folder, name = log_folder(data, REJECTS), partition_of(REJECTS)

    def read(row: RejectRow) -> Reject:
        if row.log_partition != name:
            raise UnreadableRejectError(f"it stands in {row.log_partition}, which is not a log of this installation")
        with closing(PositionReader(folder / POSITION)) as positions, closing(SegmentReader(folder)) as reader:
            try:
                position = positions.read()
                if position is None or row.log_offset >= position.ends[0] or row.log_offset < reader.first():
                    raise UnreadableRejectError("the log does not hold it any more")
                reader.seek(row.log_offset)
                (line,) = reader.read(row.log_offset + 1, 1)
                return parse(line.content)
            except (DamagedLogError, OSError, ValueError) as error:
                raise UnreadableRejectError(f"the log of rejects cannot be read: {error}") from error

    return read


def kafka_reader(client: Mapping[str, object]) -> RejectReader:
    """Reads the topic of rejects."""

    def read(row: RejectRow) -> Reject:
        topic, _, number = row.log_partition.rpartition(":")
        if not topic or not number.isdecimal():
            raise UnreadableRejectError(f"it stands in {row.log_partition}, which is no partition of a topic")
        try:
            found = read_reject(client, topic, int(number), row.log_offset)
        except KafkaOutputError as error:
            raise UnreadableRejectError(str(error)) from error
        if found is None:
            raise UnreadableRejectError("the topic does not hold it any more")
        return found

    return read
