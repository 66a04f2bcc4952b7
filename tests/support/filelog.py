"""A log of plain files: what dispatch reads and writes in tests. Every file of a folder is a partition, `actions-0.jsonl` and so on."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sources.outputs.reader import LoggedRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def now_us() -> int:
    """The time, µs since the epoch."""
    return time.time_ns() // 1_000


def append(file: Path, lines: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Appends events with their keys, as one write: processes may append to one file. They are on the disk when it returns."""
    content = b"".join(json.dumps({"time": now_us(), "key": key, "value": event}).encode() + b"\n" for key, event in lines)
    out = os.open(file, os.O_WRONLY | os.O_APPEND)
    try:
        assert os.write(out, content) == len(content)
        os.fsync(out)
    finally:
        os.close(out)


class FileReader:
    """A `LogReader`: every file of the folder is a partition."""

    def __init__(self, folder: Path, topics: Sequence[str] = ("actions", "decisions", "exceptions")) -> None:
        self._folder, self._topics = folder, topics
        self._offsets: dict[str, int] = {}

    def _files(self) -> Iterator[tuple[str, str, Path]]:
        for topic in self._topics:
            for file in sorted(self._folder.glob(f"{topic}-*.jsonl")):
                yield topic, f"{topic}/{file.stem.rpartition('-')[2]}", file

    def seek(self, offsets: Mapping[str, int]) -> None:
        """Goes on there."""
        self._offsets = dict(offsets)

    def poll(self, timeout: float) -> Sequence[LoggedRecord]:
        """What comes next."""
        until = time.monotonic() + timeout
        while True:
            found = [record for topic, partition, file in self._files() for record in self._read(topic, partition, file)]
            if found or time.monotonic() > until:
                return found
            time.sleep(0.003)

    def _read(self, topic: str, partition: str, file: Path) -> Iterator[LoggedRecord]:
        at = self._offsets.get(partition, 0)
        if file.stat().st_size <= at:
            return
        with file.open("rb") as lines:
            lines.seek(at)
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                said = json.loads(line)
                value = json.dumps(said["value"], separators=(",", ":")).encode()
                yield LoggedRecord(topic, partition, at, at + len(line), said["time"], said["key"].encode(), value)
                at += len(line)
                self._offsets[partition] = at

    def ends(self) -> Mapping[str, int]:
        """How long the files are."""
        return {partition: file.stat().st_size for _, partition, file in self._files()}

    def close(self) -> None:
        """Nothing is open."""


class FileWriter:
    """A `DecisionWriter`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "decisions-0.jsonl"

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Appends them."""
        append(self._file, [(str(each["subject"]), each) for each in decisions])

    def close(self) -> None:
        """Nothing is open."""
