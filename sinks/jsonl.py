"""Output records as JSONL files, one per topic."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from schemas.output import EXCEPTION_FORGOTTEN, OutputRecord
from schemas.topics import EXCEPTIONS, REJECTS, TOPICS
from sinks import index, rejected

OWNER = "written-by"
"""File beside those of the topics: the UUID of the state whose output records they hold."""


class UnwritableError(Exception):
    """A sink that cannot be written to; the message is one line for the user."""


class LostError(UnwritableError):
    """Lines that were written are gone; to start again does not bring them back."""


def written_by(folder: Path) -> str | None:
    """The state whose output records a folder holds: empty if it does not say, None if there are no output records."""
    owner = folder / OWNER
    if not any((file := folder / f"{topic}.jsonl").exists() and file.stat().st_size for topic in TOPICS):
        return None
    return owner.read_text(encoding="utf-8").strip() if owner.exists() else ""


def set_aside(folder: Path, owner: str) -> None:
    """Renames the files that another state has written, so that they stay as they are."""
    for topic in TOPICS:
        file = folder / f"{topic}.jsonl"
        if file.exists() and file.stat().st_size:
            names = (folder / f"{topic}.{owner[:8] or 'before'}{f'-{number}' if number else ''}.jsonl" for number in count())
            file.rename(next(name for name in names if not name.exists()))


def line(topic: str, output: OutputRecord) -> bytes:
    """An output record as a line. Of a reject: why and where, and the original, its key and headers; nothing is lost on the way."""
    if topic != REJECTS:
        return b"%b\n" % output.body
    return rejected.line(output.data, output.body, output.record_key, output.headers)


class _File(StatefulSinkPartition["Sequence[OutputRecord]", int]):
    def __init__(self, topic: str, path: Path, length: int, *, durable: bool, entries: index.Entries | None) -> None:
        self._topic = topic
        self._path = path
        self._durable = durable
        self._entries = entries
        self._file = path.open("r+b" if path.exists() else "w+b")
        if (found := self._file.seek(0, os.SEEK_END)) < length:
            self._file.close()
            raise LostError(
                f"{path}: {found} bytes, but {length} were recorded: lines that the state has written are gone; put the file back, or begin"
                " with another state.dir and another outputs.folder"
            )
        self._file.truncate(length)
        self._file.seek(length)

    def write_batch(self, values: list[Sequence[OutputRecord]]) -> None:
        if self._entries is None:
            self._file.writelines(line(self._topic, output) for outputs in values for output in outputs)
        else:
            for output in (output for outputs in values for output in outputs):
                written = line(self._topic, output)
                self._file.write(written)
                if output.type == EXCEPTION_FORGOTTEN:
                    self._entries.skip(len(written))
                else:
                    self._entries.add(str(output.data["exception_id"]), len(written))
        if self._durable:
            self._file.flush()  # whoever follows the file sees it now, not when the epoch ends

    def snapshot(self) -> int:
        self._file.flush()
        if self._durable:
            os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        if self._entries is not None:
            index.save(self._path, self._entries.over(self._path))


class JsonlSink(FixedPartitionedSink["Sequence[OutputRecord]", int]):
    """Writes `DIR/<topic>.jsonl`.

    Guarantee: every output record exactly once. A file is cut back to the length that the last committed epoch recorded, and what followed
    is written again; without a recorded length it begins empty. `durable` (for a live engine) writes at once and forces the files to the
    disk before a length is recorded, so that the guarantee outlives the machine; without it, the process. Readers of a file being written
    may see lines that a crash takes back. `indexed` (for a run that ends) writes `exceptions.index` too, when all is said. The folder must
    be the same for every process that may run the flow, and one run's alone; the file `written-by` in it names the `state` (UUID), if there
    is one. Raises `UnwritableError` when built if the folder or a file cannot be written, and when a file is shorter than recorded.
    """

    def __init__(self, folder: Path, *, durable: bool = False, indexed: bool = False, state: str | None = None) -> None:
        self._folder = folder
        self._indexed = indexed
        self._durable = durable
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for topic in TOPICS:
                # A topic without output records must have a file too, and an empty one.
                self._path(topic).open("ab").close()
            if state is not None:
                (folder / OWNER).write_text(f"{state}\n", encoding="utf-8")
            if durable:
                entries = os.open(folder, os.O_RDONLY)
                os.fsync(entries)
                os.close(entries)
        except OSError as error:
            raise UnwritableError(f"{error.filename or folder}: {(error.strerror or str(error)).lower()}") from error

    def clear(self) -> None:
        """Empties the files, for a run that begins anew."""
        for topic in TOPICS:
            self._path(topic).write_bytes(b"")
        (self._folder / index.NAME).unlink(missing_ok=True)

    def list_parts(self) -> list[str]:
        """One part per topic."""
        return list(TOPICS)

    def part_fn(self, item_key: str) -> int:
        """The part of a topic."""
        return TOPICS.index(item_key)

    def part_of(self, topic: str, order: str, record_key: bytes | None = None) -> str:
        """The part of an output record: its topic."""
        del order, record_key
        return topic

    def part_for(self, topic: str, output: OutputRecord) -> str:
        """The part of an output record: its topic."""
        del output
        return topic

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _File:
        """Opens the file of a topic at the recorded length."""
        del step_id
        length = resume_state or 0
        entries = index.Entries() if self._indexed and for_part == EXCEPTIONS and not length else None
        return _File(for_part, self._path(for_part), length, durable=self._durable, entries=entries)

    def _path(self, topic: str) -> Path:
        return self._folder / f"{topic}.jsonl"
