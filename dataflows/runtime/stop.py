"""The request to stop, from a signal or from the program itself."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether the run has been asked to stop. `breaks`: also while the source waits for its input, whose place nobody needs afterwards."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.asked = False
        self.breaks = breaks
        self._waiting = False

    @contextmanager
    def waiting(self) -> Generator[None]:
        """While inside, with `breaks`, a stop that is asked for raises KeyboardInterrupt: a pipe may be silent for ever."""
        self._waiting = self.breaks
        try:
            if self.asked and self.breaks:
                raise KeyboardInterrupt
            yield
        finally:
            self._waiting = False

    @contextmanager
    def on_signals(self, *, insist: bool = True) -> Generator[None]:
        """While inside, SIGINT and SIGTERM ask to stop; a second one kills, unless it is somebody else who sees to that (`insist`)."""

        def ask(number: int, frame: FrameType | None) -> None:
            del frame
            if self.asked and insist:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            self.asked = True
            if self._waiting:
                raise KeyboardInterrupt

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
