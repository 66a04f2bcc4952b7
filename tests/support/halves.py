"""The suite in two halves at a time, one for each core: `poe test`. `pytest` by itself runs it one after the other.

What one half says is shown as it comes, what the other says once it has ended. With `--hour` the half that ends first goes on with what
`poe hour` runs: `poe check`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BROKERLESS = tuple(f"tests/fault/test_{name}.py" for name in ("dispatch", "dispatch_kills", "embedded_kills", "store_kills"))
"""Faults that need no broker: the second half has time for them."""
HALVES = (
    ("tests/e2e", "tests/fault", "tests/contracts", *(f"--ignore={path}" for path in BROKERLESS)),
    ("tests/unit", "tests/property", "tests/oracle", "tests/stories", *BROKERLESS),
)
"""The first mostly waits for brokers and servers, the second computes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs both; returns the first exit code that is not 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.halves", description=__doc__)
    parser.add_argument("--hour", action="store_true", help="and what `poe hour` runs")
    shown, other = ([sys.executable, "-m", "pytest", *folders] for folders in HALVES)
    after = [[sys.executable, "-m", "tests.support.hours", "--once"]] if parser.parse_args(arguments).hour else []
    with TemporaryFile() as said, ThreadPoolExecutor(1) as beside:
        running = beside.submit(_run, (other, *after), said)
        code = subprocess.run(shown, check=False).returncode
        second = running.result()
        said.seek(0)
        sys.stdout.flush()
        sys.stdout.buffer.write(said.read())
        sys.stdout.flush()
    return code or second


def _run(commands: Sequence[Sequence[str]], said: IO[bytes]) -> int:
    """Runs commands one after the other, all of them; returns the first exit code that is not 0."""
    codes = [subprocess.run(command, stdout=said, stderr=subprocess.STDOUT, check=False).returncode for command in commands]
    return next(filter(None, codes), 0)


if __name__ == "__main__":
    sys.exit(main())
