"""Runs `orderwatch` by a clock that a test sets: `python -m tests.support.stepped run ...`, with the file `ORDERWATCH_TEST_CLOCK` names.

The file holds by how many seconds the time of day is off; it may change at any moment. The clock that nobody sets goes on as it is, and the
program itself knows nothing of this.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from dataflows.cli import main as cli

VARIABLE = "ORDERWATCH_TEST_CLOCK"


def set_clock(file: Path, seconds: int) -> None:
    """Sets the clock wrong by so many seconds, at once."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(file)


def main() -> None:
    """Runs the command with that clock."""
    file, true = Path(os.environ[VARIABLE]), time.time_ns

    def told() -> int:
        return true() + int(float(file.read_text()) * 1e9)

    # The one place where time passes from the host into the program; the broker is another process.
    time.time_ns = told
    cli.main(sys.argv[1:])


if __name__ == "__main__":
    main()
