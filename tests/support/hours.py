"""The suite at other hours: `poe hours` runs it at five instants, in a zone that is a day ahead of UTC; `poe check` a part of it at one.

No test may depend on the hour, the day or the zone of whoever runs it. libfaketime shifts the clock of all processes of a run. A broker is
left out: the Java virtual machine does not get along with libfaketime; what the tests of the live engine tell is dated from the present.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

ZONE = "Pacific/Auckland"
INSTANTS = {
    "the end of a month and of a day": "2027-10-31T23:59:30Z",
    "the night in which Europe's clocks go back": "2027-10-31T00:59:30Z",
    "the night in which America's clocks go forward": "2027-03-14T06:59:30Z",
    "the end of a year": "2027-12-31T23:59:30Z",
    "the afternoon of a leap day": "2028-02-29T14:05:00Z",
}
FOLDERS = ("tests/unit", "tests/e2e", "tests/fault", "tests/oracle/test_stories.py")
"""What runs: all that starts processes or may read a clock. Properties and worlds are functions of their seeds."""
ONCE = (
    (*(f"tests/unit/{name}" for name in ("cli", "flow", "run")), "--ignore=tests/unit/cli/test_start.py"),
    (*(f"tests/unit/{name}" for name in ("dispatch", "gateway", "sources", "state")), "tests/e2e/test_replay.py"),
)
"""What of it `poe check` runs at another hour and not at its own, in two halves at a time: what reads a clock most. Core is handed the
time, and so is the simulator; what a command loads at its start reads none."""
BROKERS = frozenset(("broker", "real_broker", "own_broker", "secured", "cluster"))
"""Fixtures that are one, or several."""
LIBRARY = "lib/*/faketime/libfaketimeMT.so.1"


def pytest_addoption(parser: pytest.Parser) -> None:
    """As a plugin, for whoever runs the rest of what runs at another hour."""
    parser.addoption("--left-by-hours", action="store_true", help="of what `poe hour` runs, only what needs a broker")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """As a plugin: leaves out what needs a broker, directly or by another fixture; or else what runs at another hour."""
    rest = bool(config.getoption("--left-by-hours"))
    config.hook.pytest_deselected(items=[item for item in items if not runs(item, rest=rest)])
    items[:] = [item for item in items if runs(item, rest=rest)]


def runs(item: pytest.Item, *, rest: bool) -> bool:
    """Tells whether a test runs at another hour, or else belongs to the rest: brokers know the true one only."""
    brokerless = BROKERS.isdisjoint(getattr(item, "fixturenames", ()))
    return not (brokerless and at_another_hour(item)) if rest else brokerless


def at_another_hour(item: pytest.Item) -> bool:
    """Tells whether a test is among what `poe hour` runs, unless it needs a broker."""
    path = item.path.relative_to(item.config.rootpath)
    paths = [each for half in ONCE for each in half]
    return any(path.is_relative_to(each) for each in paths) and f"--ignore={path.as_posix()}" not in paths


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the suite at the instants; returns the first exit code that is not 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.hours", description=__doc__)
    parser.add_argument("--once", action="store_true", help="at the first instant, and less of it; without libfaketime at this one")
    chosen = parser.parse_args(arguments)
    library, compiler = found(), shutil.which("cc")
    lacking = "" if library and compiler else f"there is no {'C compiler' if library else 'libfaketime (Debian: apt-get install faketime)'}"
    if lacking and not chosen.once:
        return told(f"skipped, {lacking}")
    with TemporaryDirectory() as folder:
        if library is None or compiler is None:
            told(f"at the present hour, {lacking}")
            return beside(ONCE, folder, {})
        mended = Path(folder, "hours.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", mended, Path(__file__).with_suffix(".c")], check=True)
        for what, instant in list(INSTANTS.items())[: 1 if chosen.once else None]:
            told(f"{what}, {instant}, TZ={ZONE}")
            shift = round((datetime.fromisoformat(instant) - datetime.now(UTC)).total_seconds())
            # The shift, not the instant: that would begin anew in every process. Native code waits by the true monotonic clock.
            clock = {"LD_PRELOAD": f"{mended} {library}", "FAKETIME": f"{shift:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": ZONE}
            # Files seem changed by this clock: compiled modules are its own, or each run would make those of the others anew.
            clock |= {"PYTHONPYCACHEPREFIX": f"{folder}/compiled/{shift}", "PYTHONDONTWRITEBYTECODE": "", "DONT_FAKE_MONOTONIC": "1"}
            code = beside(ONCE if chosen.once else (FOLDERS,), folder, clock)
            if code:
                return code
    return 0


def beside(shares: Sequence[Sequence[str]], folder: str, clock: Mapping[str, str]) -> int:
    """Runs shares of the suite beside each other under a clock, given as variables; returns the first exit code that is not 0."""
    code = 0
    with ExitStack() as stack:
        runs: list[tuple[subprocess.Popen[bytes], IO[bytes] | None]] = []
        for number, paths in enumerate(shares):
            # In folders of its own: by this clock those of other runs look abandoned, and pytest removes them.
            command = [sys.executable, "-m", "pytest", f"--basetemp={folder}/run-{number}", "-q", "--durations=5"]
            said = stack.enter_context(TemporaryFile()) if number else None
            started = subprocess.Popen([*command, "-p", "tests.support.hours", *paths], env={**os.environ, **clock}, stdout=said)
            runs.append((stack.enter_context(started), said))
        for started, aside in runs:  # What the first says is shown as it comes, what the others say once they have ended.
            code = started.wait() or code
            if aside is not None:
                aside.seek(0)
                sys.stdout.buffer.write(aside.read())
                sys.stdout.flush()
    return code


def told(words: str) -> int:
    """Says what is done; returns the exit code for it."""
    sys.stdout.write(f"hours: {words}\n")
    sys.stdout.flush()
    return 0


def found() -> Path | None:
    """The library: of the system, or beside a directory of the path (where `.ci/run` unpacks its tools)."""
    roots = [Path("/usr"), *(Path(entry).parent for entry in os.environ.get("PATH", "").split(os.pathsep) if entry)]
    return next((file for root in roots for file in sorted(root.glob(LIBRARY))), None)


if __name__ == "__main__":
    sys.exit(main())
