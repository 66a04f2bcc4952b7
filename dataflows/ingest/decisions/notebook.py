"""Decisions into a file of the gateway's directory, where it stands alone and writes no topic: `orderwatch replay --decisions` reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from schemas.topics import DECISIONS
from sinks.decisions import UnwrittenError
from sources.gateway.group import ClosedError
from sources.gateway.journal import SEGMENT_BYTES, Journal

NAME: Final = DECISIONS


class JournalDecisionWriter:
    """A `sinks.decisions.DecisionWriter` on `order-decisions.jsonl` in a folder. Raises OSError when made if that cannot be written."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, fsync: bool = True) -> None:
        self._journal = Journal(folder, NAME, segment_bytes=segment_bytes, fsync=fsync)

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Returns once all are on the disk. Raises UnwrittenError."""
        try:
            asyncio.run(self._journal.write([orjson.dumps(one) for one in decisions]))
        except OSError as error:
            raise UnwrittenError(f"{self._journal.path}: {(error.strerror or str(error)).lower()}") from error
        except ClosedError as error:
            raise UnwrittenError("the gateway is stopping") from error

    def close(self) -> None:
        """Writes what waits."""
        self._journal.close()
