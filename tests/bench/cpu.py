"""What a process costs: its seconds of CPU in user mode. Elapsed time says little on a machine that others share."""

from __future__ import annotations

import os
import statistics
import subprocess
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMPILED = Path(gettempdir()) / "orderwatch-bench-compiled"
"""Where all checkouts that are measured keep what Python compiles, so that none does it anew at each start, and none is written to."""


def seconds_of(command: Sequence[str | Path], cwd: Path, log: Path) -> float:
    """Runs a command with its output in `log`. Raises RuntimeError with the end of that if it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(COMPILED)
    parts = [str(part) for part in command]
    with log.open("wb") as out, subprocess.Popen(parts, cwd=cwd, stdout=out, stderr=out, env=environment) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{log.read_text(errors='replace')[-2_000:]}")
    return usage.ru_utime


def medians(commands: Mapping[str, Sequence[str | Path]], cwd: Mapping[str, Path], folder: Path, runs: int) -> dict[str, float]:
    """The median seconds of each command, run in turns, so that what else the machine does is spread over all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for place, (name, command) in enumerate(commands.items()):
            taken[name].append(seconds_of(command, cwd[name], folder / f"{place}.log"))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}
