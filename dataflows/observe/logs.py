"""The log: one line per event on standard error. Nothing in it is customer data: no order ID, no content of any record."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

import structlog

from dataflows.settings import LogSettings


class _Libraries(logging.Handler):
    """What libraries say through `logging` becomes a line like any other: the client of Kafka does, and Python's own warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        """Passes a message on at its level."""
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name)


@contextmanager
def logging_to_stderr(settings: LogSettings, **every_line: object) -> Generator[None]:
    """While inside, logs go to standard error as it is now, whatever becomes of descriptor 2: the runner holds that back.

    What libraries log (from level warning on) and what Python itself writes to `sys.stderr` (failures of threads) goes there as well.
    `every_line` is added to each line of the log.
    """
    before, libraries = sys.stderr, _Libraries()
    with os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace") as stream:
        _configure(settings, stream, every_line)
        sys.stderr = stream
        logging.captureWarnings(capture=True)
        logging.getLogger().addHandler(libraries)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(libraries)
            logging.captureWarnings(capture=False)
            sys.stderr = before
            structlog.reset_defaults()


def _configure(settings: LogSettings, stream: TextIO, every_line: dict[str, object]) -> None:
    level = logging.getLevelNamesMapping()[settings.level.upper()]

    def ordered(logger: object, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        del logger, method
        # What every tool looks for first comes first: when, how bad, what.
        first = {name: line.pop(name) for name in ("timestamp", "level", "event") if name in line}
        return {**first, **every_line, **line}

    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if settings.format == "json" else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), ordered, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
