"""What a process costs: its seconds of CPU in user mode. Elapsed time says little on a machine that others share."""

from __future__ import annotations

import os
import statistics
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def seconds_of(command: Sequence[str | Path], cwd: Path, log: Path) -> float:
    """Runs a command with its output in `log`. Raises RuntimeError with the end of that if it fails."""
    with log.open("wb") as out, subprocess.Popen([str(part) for part in command], cwd=cwd, stdout=out, stderr=out) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{log.read_text(errors='replace')[-2_000:]}")
    return usage.ru_utime


def medians(commands: Mapping[str, Sequence[str | Path]], cwd: Mapping[str, Path], folder: Path, runs: int) -> dict[str, float]:
    """The median seconds of each command, run in turns, so that what else the machine does is spread over all of them alike."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            taken[name].append(seconds_of(command, cwd[name], folder / f"{name}.log"))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}
