"""The gateway as the one writer of an embedded installation's input log: its own events, and what comes by the local socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import orjson

from dataflows.errors import MisuseError, refused
from dataflows.observe.observer import Observer
from dataflows.runtime.state.files import lock
from dataflows.settings import Settings
from schemas.embedded import input_folder
from schemas.segments import DamagedLogError
from schemas.topics import EMBEDDED_DECISIONS, EMBEDDED_EVENTS
from sinks.decisions import UnwrittenError
from sinks.embedded.input import InputLog, LogClosedError, LogEvent
from sources.adapters.output import Draft
from sources.adapters.translate import encoded
from sources.gateway.probing import Ailing
from sources.gateway.writers import UnavailableError

LOCK_WAIT_S = 10.0
"""How long a process that was killed may take to die before its successor gives up."""


class InputLogWriter:
    """The gateway's `EventWriter` over the input log."""

    def __init__(self, log: InputLog) -> None:
        self.log = log
        self._last = Ailing()

    @property
    def ailment(self) -> str | None:
        """Why nothing can be written at the moment."""
        return self.log.ailment or self._last.ailment

    async def write(self, events: Sequence[Draft]) -> None:
        """Returns once the events are on the disk. Raises UnavailableError."""
        drafts = [LogEvent(encoded(event), event.get("subject") or "") for event in events]
        try:
            await asyncio.wrap_future(self.log.submit(EMBEDDED_EVENTS, drafts))
        except OSError as error:
            text = f"the log cannot be written: {(error.strerror or str(error)).lower()}"
            self._last.ails(text)
            raise UnavailableError(text) from error
        except LogClosedError as error:
            raise UnavailableError("the gateway is stopping") from error
        self._last.well()

    def close(self) -> None:
        """Writes what waits."""
        self.log.close()


class InputLogDecisions:
    """The gateway's own `DecisionWriter` over the input log, for what token holders decide. `timeout` (s) bounds each write."""

    def __init__(self, log: InputLog, timeout: float) -> None:
        self._log, self._timeout = log, timeout

    def write(self, decisions: Sequence[Mapping[str, object]]) -> None:
        """Returns once all are on the disk, in this order. Raises UnwrittenError."""
        events = [LogEvent(orjson.dumps(decision), str(decision.get("subject") or "")) for decision in decisions]
        try:
            self._log.submit(EMBEDDED_DECISIONS, events).result(self._timeout)
        except TimeoutError as error:
            raise UnwrittenError("the disk does not answer in time") from error
        except OSError as error:
            raise UnwrittenError(f"the log cannot be written: {(error.strerror or str(error)).lower()}") from error
        except LogClosedError as error:
            raise UnwrittenError("the gateway is stopping") from error

    def close(self) -> None:
        """Nothing is under way once `write` has returned; the log is closed by whoever opened it."""


def open_input_log(stack: ExitStack, settings: Settings, observer: Observer) -> InputLogWriter:
    """Opens the input log for this process alone; it is closed with `stack`. Raises MisuseError or RunError."""
    data: Path | None = settings.embedded.dir
    assert data is not None
    folder = input_folder(data)
    try:
        folder.mkdir(0o750, parents=True, exist_ok=True)
        handle = lock(folder / "lock", LOCK_WAIT_S)
        if handle is None:
            raise MisuseError(f"{folder}: another gateway writes this log")
        stack.callback(os.close, handle)
        log = InputLog(
            folder,
            fsync=settings.state.fsync,
            segment_bytes=settings.embedded.segment_bytes,
            on_clock=lambda text: observer.log.warning("clock", note=text),
        )
    except DamagedLogError as error:
        raise MisuseError(str(error)) from error
    except OSError as error:
        raise refused(error, folder, name="embedded.dir") from error
    if log.torn:
        observer.log.warning("the log ended in a torn line, which nobody was told of; cut off", bytes=log.torn)
    return stack.enter_context(closing(InputLogWriter(log)))
