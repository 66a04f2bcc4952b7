"""The input log of an embedded installation as a replay reads it: from its beginning to where its writer is, as it was read live."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Final

from schemas.segments import POSITION, DamagedLogError
from sources.batch import BEGINNING, END
from sources.embedded.tail import InputTail, Item
from sources.lines import UnreadableSourceError
from sources.watermarks import WatermarkSampler

BATCH: Final = 5_000
_LOG = attrgetter("log")


def is_input_log(path: Path) -> bool:
    """Whether a folder is that of an input log."""
    return path.is_dir() and (path / POSITION).exists()


class InputLogReader:
    """Reads an input log, as `sources.files.FileReader` reads a file. Raises UnreadableSourceError if it is damaged."""

    def __init__(self, folder: Path, feeds: Mapping[str, int]) -> None:
        self.watermark = BEGINNING
        self.greatest = BEGINNING
        """The log time up to which it is known; BEGINNING if nothing is."""
        self._folder = folder
        self._tail = InputTail(folder, WatermarkSampler(feeds) if feeds else None)
        self._waiting: list[Item] = []
        try:
            self._tail.seek_first()
            self._tail.look()
        except OSError as error:
            raise UnreadableSourceError(f"{folder}: {error}") from error

    @property
    def consumed(self) -> int:
        """How many bytes have been read."""
        return self._tail.consumed

    def close(self) -> None:
        """Closes the files."""
        self._tail.close()

    def read(self, until: int | None) -> None:
        """Reads on, and leaves out what is after `until`; after the last record `watermark` is END."""
        try:
            items = self._tail.read(BATCH)
        except (DamagedLogError, OSError) as error:
            raise UnreadableSourceError(f"{self._folder}: {error}") from error
        if items:
            self.greatest = items[-1].log
        if until is not None:
            del items[bisect_right(items, until, key=_LOG) :]
        self._waiting += items
        self.watermark = self._tail.watermark
        if not any(self._tail.lag().values()):
            self.watermark = END
            self.close()

    def take(self, before: int) -> list[Item]:
        """What has a log time earlier than `before`, which must not be beyond `watermark`."""
        cut = len(self._waiting) if before >= END else bisect_left(self._waiting, before, key=_LOG)
        taken, self._waiting = self._waiting[:cut], self._waiting[cut:]
        return taken
