"""The lines that only one of two policies says: each policy's are kept aside until it is known which of them the other says too.

Lines are alike if they are the same but for the version of the policy that they name. Memory holds a hash of each line, the lines
themselves stand in files.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from schemas.output import OutputRecord
from sinks.jsonl import line


class LineDifference:
    """Takes the lines of both policies, the old one's first, and writes what only one of them says into two files."""

    def __init__(self, before: Path, after: Path, since: int | None = None) -> None:
        self._paths = (before, after)
        self._since = since
        """What was said before (log time) is left out."""
        self._aside: BinaryIO = tempfile.TemporaryFile(dir=before.parent)  # noqa: SIM115 - closed by `__exit__`
        self._after: BinaryIO = after.open("wb")
        self._counts: Counter[bytes] = Counter()

    def __enter__(self) -> Self:
        """Lines may come."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the files."""
        self._aside.close()
        self._after.close()

    def take_old(self, topic: str, outputs: Sequence[OutputRecord], version: str) -> None:
        """Takes lines of the old policy."""
        for out in self._counted(outputs):
            written = line(topic, out)
            self._counts[_hash(topic, written, version)] += 1
            self._aside.write(_named(topic, written))

    def take_new(self, topic: str, outputs: Sequence[OutputRecord], version: str) -> None:
        """Takes lines of the new policy, once all of the old one's are in."""
        for out in self._counted(outputs):
            written = line(topic, out)
            known = _hash(topic, written, version)
            if self._counts[known] > 0:
                self._counts[known] -= 1
            else:
                self._after.write(written)

    def _counted(self, outputs: Sequence[OutputRecord]) -> Sequence[OutputRecord]:
        return outputs if self._since is None else [out for out in outputs if out.log >= self._since]

    def finish(self, version: str) -> None:
        """Writes what only the old policy, which had this version, says."""
        self._after.flush()
        self._aside.seek(0)
        with self._paths[0].open("wb") as before:
            for named in self._aside:
                topic, _, written = named.partition(b" ")
                known = _hash(topic.decode(), written, version)
                if self._counts[known] > 0:
                    self._counts[known] -= 1
                    before.write(written)


def _named(topic: str, written: bytes) -> bytes:
    return b"%b %b" % (topic.encode(), written)


def _hash(topic: str, written: bytes, version: str) -> bytes:
    """A line's hash, whatever policy it names."""
    return blake2b(_named(topic, written.replace(version.encode(), b"")), digest_size=12).digest()
