"""Verdicts as JSONL files, one per topic."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import orjson
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sinks.base import REJECTS, TOPICS, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class UnwritableError(Exception):
    """A sink that cannot be written to; the message is one line for the user."""


def line(topic: str, verdict: Verdict) -> bytes:
    """A verdict as a line. Of a reject: why and where, and its original bytes, as text or else as base64; nothing is lost on the way."""
    if topic != REJECTS:
        return b"%b\n" % verdict.body
    reject = dict(verdict.data)
    try:
        reject["text"] = verdict.body.decode()
    except UnicodeDecodeError:
        reject["base64"] = b64encode(verdict.body).decode()
    return orjson.dumps(reject, option=orjson.OPT_APPEND_NEWLINE)


class _File(StatefulSinkPartition["Sequence[Verdict]", int]):
    def __init__(self, topic: str, path: Path, length: int) -> None:
        self._topic = topic
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(length)
        self._file.seek(length)

    def write_batch(self, values: list[Sequence[Verdict]]) -> None:
        self._file.writelines(line(self._topic, verdict) for verdicts in values for verdict in verdicts)

    def snapshot(self) -> int:
        self._file.flush()
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


class JsonlSink(FixedPartitionedSink["Sequence[Verdict]", int]):
    """Writes `DIR/<topic>.jsonl`.

    Guarantee: every verdict exactly once. A file is cut back to the length that the last committed epoch recorded, and what followed is
    written again; without a recorded length it begins empty. Readers of a file that is being written may see lines that a crash takes back.
    Raises `UnwritableError` when built if the folder or a file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for topic in TOPICS:
                # A topic without verdicts must have a file too, and an empty one.
                self._path(topic).open("ab").close()
        except OSError as error:
            raise UnwritableError(f"{error.filename or folder}: {(error.strerror or str(error)).lower()}") from error

    def clear(self) -> None:
        """Empties the files, for a run that begins anew."""
        for topic in TOPICS:
            self._path(topic).write_bytes(b"")

    def list_parts(self) -> list[str]:
        """One part per topic."""
        return list(TOPICS)

    def part_fn(self, item_key: str) -> int:
        """The part of a topic."""
        return TOPICS.index(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _File:
        """Opens the file of a topic at the recorded length."""
        del step_id
        return _File(for_part, self._path(for_part), resume_state or 0)

    def _path(self, topic: str) -> Path:
        return self._folder / f"{topic}.jsonl"
