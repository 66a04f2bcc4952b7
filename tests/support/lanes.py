"""The suite in parts, three at a time: `poe test`. `pytest` by itself runs it one after the other.

Parts with brokers and servers mostly wait, the others compute: three fill two cores. What a part has said is shown once it has ended. With
`--check` there is more: the type checkers, of which one would leave a core idle for minutes. And what `poe hour` runs is then run at
another hour, not at this one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

LANES: Final = 3
ROOT: Final = Path(__file__).parents[2]
BROKERLESS: Final = tuple(f"tests/fault/test_{name}.py" for name in ("dispatch", "dispatch_kills", "embedded_kills", "store_kills"))
"""Faults that need no broker."""
CHECKS: Final = {"another hour": ("tests.support.hours", "--once"), "types by pyright": ("pyright",), "types by mypy": ("mypy",)}
"""What `poe check` runs beside the tests of this hour, as modules."""
REST: Final = ("-p", "tests.support.hours", "--left-by-hours")
MIDDLE: Final = "test_gu"
"""The first of the second part of `tests/e2e`, which takes as long as the first."""


class Part(NamedTuple):
    """What one process runs."""

    name: str
    command: tuple[str, ...]


def parts(*, check: bool) -> list[Part]:
    """All of it: every file of tests is in one part.

    What takes longest comes first, and of that what mostly waits: at the end it would wait alone.
    """
    files = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/e2e").glob("test_*.py"))
    later = [path for path in files if Path(path).name >= MIDDLE]
    tests = {
        "faults with a broker, contracts": ["tests/fault", "tests/contracts", *(f"--ignore={path}" for path in BROKERLESS)],
        "property": ["tests/property"],
        "oracle, stories": ["tests/oracle", "tests/stories"],
        "unit": ["tests/unit"],
        "end to end, first half": [path for path in files if path not in later],
        "end to end, second half": later,
        "faults without a broker": list(BROKERLESS),
    }
    rest = REST if check else ()
    found = [Part(name, (sys.executable, "-m", "pytest", *rest, *paths)) for name, paths in tests.items()]
    return [*found, *(Part(name, (sys.executable, "-m", *command)) for name, command in CHECKS.items() if check)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs them; returns the first exit code that is not 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.lanes", description=__doc__)
    parser.add_argument("--check", action="store_true", help="and the type checkers, and what `poe hour` runs")
    parser.add_argument("--lanes", type=int, default=LANES, metavar="N", help="how many parts run at a time")
    chosen = parser.parse_args(arguments)
    code = 0
    with TemporaryDirectory() as folder, ThreadPoolExecutor(chosen.lanes) as lanes:
        files = {part: Path(folder, str(number)) for number, part in enumerate(parts(check=chosen.check))}
        running = {lanes.submit(_run, part, file): part for part, file in files.items()}
        try:
            for done in as_completed(running):
                failed, seconds = done.result()
                _show(files.pop(running[done]), f"{running[done].name}: exit code {failed} after {seconds:.0f} s")
                code = code or failed
        except KeyboardInterrupt:
            lanes.shutdown(wait=False, cancel_futures=True)
            for part, file in files.items():
                _show(file, f"{part.name}: not ended")
            raise
    return code


def _run(part: Part, file: Path) -> tuple[int, float]:
    """Runs one into a file; returns its exit code and the seconds that it took."""
    begin = time.monotonic()
    with file.open("wb") as said:
        code = subprocess.run(part.command, stdout=said, stderr=subprocess.STDOUT, check=False, cwd=ROOT).returncode
    return code, time.monotonic() - begin


def _show(file: Path, words: str) -> None:
    """Writes what a part has said, and how it ended."""
    sys.stdout.buffer.write(file.read_bytes() if file.exists() else b"")
    sys.stdout.write(f"===== {words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
