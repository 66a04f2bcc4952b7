"""What a back-test or a dry run found, read from its folder; and the exceptions that differ, as CSV."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import msgspec
import orjson

from dataflows.console.govern.dry_run import StandingReport
from dataflows.console.govern.trial import STANDING
from dataflows.console.spreadsheet import csv_lines
from dataflows.detect.backtest.report import Report
from dataflows.detect.backtest.run import DIFFERENCES, REPORT

HEAD: Final = ("kind", "changes", "tenant", "order_id", "scope")
SAID: Final = ("exception_id", "detected_at", "severity", "owner", "status", "resolved_at", "promise_ends", "value")


def read_report(folder: Path) -> Report | None:
    """The report; None if it is not there."""
    try:
        return msgspec.json.decode((folder / REPORT).read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError):
        return None


def read_standing(folder: Path) -> StandingReport | None:
    """What would stand otherwise; None if it is not there."""
    try:
        return msgspec.json.decode((folder / STANDING).read_bytes(), type=StandingReport)
    except (OSError, msgspec.DecodeError):
        return None


def differences_csv(folder: Path) -> Iterator[str]:
    """The exceptions that differ, a line each. Raises OSError if they are not there any more."""
    file = (folder / DIFFERENCES).open("rb")
    return _lines(file)


def _lines(file: io.BufferedReader) -> Iterator[str]:
    yield csv_lines([(*HEAD, *(f"old_{name}" for name in SAID), *(f"new_{name}" for name in SAID))])
    with file:
        for line in file:
            one = cast("dict[str, object]", orjson.loads(line))
            head = (" ".join(cast("list[str]", one[name])) if name == "changes" else one[name] for name in HEAD)
            sides = (cast("dict[str, object]", one[side] or {}) for side in ("old", "new"))
            yield csv_lines([(*head, *(side.get(name) for side in sides for name in SAID))])
