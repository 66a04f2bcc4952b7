"""`python -m tests.support.dispatching SETTINGS FOLDER [NAME]` runs a dispatcher on a log of files, for tests to kill.

With a NAME it shares the work: it owns the partitions that `owners.json` in FOLDER says are its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflows.dispatch.connections import endpoints_of
from dataflows.dispatch.journal import AttemptJournal
from dataflows.dispatch.process import Dispatch, DispatchGround, run_until_stopped
from dataflows.dispatch.sharing import Alone
from dataflows.observe.logs import logging_to_stderr
from dataflows.observe.observer import Observer
from dataflows.settings import LogSettings
from dataflows.settings.dispatch import DispatchSettings
from tests.support.filelog import FileReader, FileWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataflows.dispatch.sharing import WorkShare


class Owned:
    """A `WorkShare`: the partitions that a file says are ours."""

    contested = True

    def __init__(self, file: Path, name: str, changed: Callable[[], None]) -> None:
        self._file, self._name, self._changed = file, name, changed
        self._owned: set[int] = set()
        self._end = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def owns(self, partition: int) -> bool:
        """Whether it is ours."""
        return partition in self._owned

    def close(self) -> None:
        """Looks no more."""
        self._end.set()

    def _serve(self) -> None:
        while not self._end.is_set():
            owned = {int(number) for number, who in json.loads(self._file.read_text()).items() if who == self._name}
            if owned != self._owned:
                self._owned = owned
                self._changed()
            time.sleep(0.02)


async def run(settings: DispatchSettings, folder: Path, name: str | None = None, observer: Observer | None = None) -> None:
    """Runs a dispatcher until SIGTERM."""
    journal = AttemptJournal(settings.dir)

    def share(changed: Callable[[], None]) -> WorkShare:
        return Alone() if name is None else Owned(folder / "owners.json", name, changed)

    topics = ("actions", "exceptions", *(() if name is None else ("decisions",)))
    ground = DispatchGround(FileReader(folder, topics), FileWriter(folder), share, endpoints_of(settings))
    try:
        await run_until_stopped(Dispatch(settings, ground, journal, observer or Observer()))
    finally:
        journal.close()


def main() -> None:
    """Runs a dispatcher from the command line."""
    settings, folder, *name = sys.argv[1:]
    level: Any = os.environ.get("LEVEL", "warning")
    with logging_to_stderr(LogSettings(level=level, format="console")):
        asyncio.run(run(DispatchSettings.model_validate_json(Path(settings).read_text()), Path(folder), name[0] if name else None))


if __name__ == "__main__":
    main()
