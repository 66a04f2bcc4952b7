"""The suite in two halves at a time, one for each core: `poe test`. `pytest` by itself runs it one after the other.

What one half says is shown as it comes, what the other says once it has ended.
"""

from __future__ import annotations

import subprocess
import sys
from tempfile import TemporaryFile

HALVES = (("tests/e2e", "tests/fault", "tests/contracts"), ("tests/unit", "tests/property", "tests/oracle", "tests/stories"))
"""The first mostly waits for brokers and servers, the second computes; they take about as long."""


def main() -> int:
    """Runs both; returns the first exit code that is not 0."""
    shown, other = ([sys.executable, "-m", "pytest", *folders] for folders in HALVES)
    with TemporaryFile() as said, subprocess.Popen(other, stdout=said, stderr=subprocess.STDOUT) as running:
        code = subprocess.run(shown, check=False).returncode
        second = running.wait()
        said.seek(0)
        sys.stdout.flush()
        sys.stdout.buffer.write(said.read())
        sys.stdout.flush()
    return code or second


if __name__ == "__main__":
    sys.exit(main())
