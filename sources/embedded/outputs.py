"""The logs of an embedded installation as store and dispatch read them.

Guarantee: what is given is on the disk and stays where it is: output records are never taken back or changed once their log's position
covers them, and a restarted engine goes on behind them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from schemas.embedded import input_folder, output_folder
from schemas.segments import POSITION, DamagedLogError, LogLine, PositionReader, SegmentReader
from schemas.topics import EMBEDDED, EMBEDDED_DECISIONS, EMBEDDED_EVENTS, TOPIC_NAMES
from sources.outputs.reader import LoggedRecord, LostRecordsError, UnreadableLogError

POLL_S: Final = 0.02
MOST: Final = 1_000
"""Records given at once of one log."""
LOGS: Final = {
    "decisions": EMBEDDED_DECISIONS,
    "events": EMBEDDED_EVENTS,
    **{topic: f"{EMBEDDED}{name}" for topic, name in TOPIC_NAMES.items()},
}
"""The logs' names by what they hold."""
_OF_INPUT: Final = {"events": 0, "decisions": 1}


def partition_of(topic: str) -> str:
    """The name of the one partition of a log, by what it holds. Stored by whoever reads it: it must not change."""
    return f"{LOGS[topic]}:00000"


class _Followed:
    """One log that is followed."""

    def __init__(self, folder: Path, topic: str) -> None:
        self.topic = topic
        self.partition = partition_of(topic)
        of_input = topic in _OF_INPUT
        where = (input_folder(folder) if of_input else output_folder(folder)) / LOGS[topic]
        self.reader = SegmentReader(where)
        self._slot = _OF_INPUT.get(topic, 0)
        self._positions = PositionReader((where.parent if of_input else where) / POSITION)

    @property
    def end(self) -> int:
        """The offset after the last record that stays."""
        position = self._positions.read()
        return 0 if position is None else position.ends[self._slot]

    def record(self, line: LogLine) -> LoggedRecord:
        """A line as who follows the log gets it."""
        return LoggedRecord(self.topic, self.partition, line.offset, line.offset + 1, line.time, line.key.encode(), line.content)

    def close(self) -> None:
        """Lets go of the files."""
        self.reader.close()
        self._positions.close()


class EmbeddedReader:
    """Follows logs of the installation in `folder` (a `LogReader`). `topics`: what they hold, such as `exceptions` or `decisions`.

    Methods raise LostRecordsError if records are gone (they were deleted before they were read) or damaged, UnreadableLogError if a file
    cannot be read at the moment.
    """

    def __init__(self, folder: Path, topics: Sequence[str]) -> None:
        self._logs = {partition_of(topic): _Followed(folder, topic) for topic in topics}

    def seek(self, offsets: Mapping[str, int]) -> None:
        """Goes on at these offsets, by partition; those that are not named begin with the first record that is there."""
        for partition, log in self._logs.items():
            log.reader.seek(offsets[partition] if partition in offsets else log.reader.first())

    def poll(self, timeout: float) -> Sequence[LoggedRecord]:
        """The records that come next; none after `timeout` seconds without one."""
        until = time.monotonic() + timeout
        while True:
            try:
                found = [log.record(line) for log in self._logs.values() for line in log.reader.read(log.end, MOST)]
            except DamagedLogError as error:
                raise LostRecordsError(str(error)) from error
            except OSError as error:
                raise UnreadableLogError(str(error)) from error
            if found or (left := until - time.monotonic()) <= 0:
                return found
            time.sleep(min(POLL_S, left))

    def ends(self) -> Mapping[str, int]:
        """The offset after the last record of each partition."""
        try:
            return {partition: log.end for partition, log in self._logs.items()}
        except OSError as error:
            raise UnreadableLogError(str(error)) from error

    def close(self) -> None:
        """Lets go of the files."""
        for log in self._logs.values():
            log.close()
