"""Whether what the gateway writes would become durable now: what went wrong last, and what a probe finds where nobody writes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Final, Protocol

from sources.gateway.files import open_file

AILING_S: Final = 30.0
"""For so long a failure makes the gateway not ready, if nothing is written meanwhile."""
PROBE_S: Final = 1.0
"""How often is looked."""
LATE_S: Final = 2.0
"""A look, or a request, that takes longer is itself a sign that nothing is written."""
BLOCK: Final = b"\0" * 4_096


class Ailing:
    """Remembers what went wrong last, until something goes well or for some time: whoever is not asked while he ails could not get well."""

    def __init__(self) -> None:
        self._ailment = ("", 0.0)

    @property
    def ailment(self) -> str | None:
        """Why nothing could be written a moment ago; None if it could, or that is long ago."""
        text, until = self._ailment
        return text if time.monotonic() < until else None

    def ails(self, text: str) -> None:
        """Something could not be written."""
        self._ailment = (text, time.monotonic() + AILING_S)

    def well(self) -> None:
        """Something was written."""
        self._ailment = ("", 0.0)


class ProbeCheck(Protocol):
    """Looks whether something can be written; says what is wrong, or None. Never raises; may take long where something is wrong."""

    def __call__(self) -> str | None:
        """What is wrong."""
        ...


class Probe:
    """Looks every second, on a thread of its own.

    `late` says what it means when a look does not end; `better` is told when all is well again.
    """

    def __init__(self, name: str, check: ProbeCheck, late: str, better: Callable[[], None] = lambda: None) -> None:
        self._check, self._late, self._better = check, late, better
        self._found: str | None = None
        self._began = 0.0
        """When the look began that has not ended; 0: none has."""
        self._closing = Event()
        self._thread = Thread(target=self._run, name=f"probe {name}", daemon=True)
        self._thread.start()

    @property
    def ailment(self) -> str | None:
        """What the last look found, or that the present one takes too long."""
        began = self._began
        return self._late if began and time.monotonic() - began > LATE_S else self._found

    def well(self) -> None:
        """Something was written: whatever the last look found is over."""
        self._found = None

    def close(self) -> None:
        """Looks no more. A look that does not end is left behind."""
        self._closing.set()
        self._thread.join(LATE_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._began = time.monotonic()
            found = self._check()
            if self._found is not None and found is None:
                self._better()
            self._found, self._began = found, 0.0
            self._closing.wait(PROBE_S)


class FolderProbe:
    """Looks whether a file in a folder can be written and forced to the disk: not where the disk is full, gone, broken or read-only."""

    def __init__(self, folder: Path, *, fsync: bool = True) -> None:
        self._path, self._fsync = folder / "probe", fsync

    def __call__(self) -> str | None:
        """What is wrong."""
        try:
            handle = open_file(self._path, os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(handle, BLOCK)
                if self._fsync:
                    os.fdatasync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            return f"{self._path.parent} cannot be written: {(error.strerror or str(error)).lower()}"
        return None
