"""What commands cost before they do anything: seconds of CPU of a whole process, the least of a few runs."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import NamedTuple

RUNS = 5
PROGRAM = "import sys; from dataflows.cli.main import main; main(sys.argv[1:])"
COMMANDS = (
    "--help",
    "--version",
    "replay --help",
    "policy check --help",
    "policy show",
    "adapt --list",
    "run --check --state state",
)
GOAL = 0.3
"""Seconds of CPU that `orderwatch --help` may cost."""


class Cost(NamedTuple):
    """A command and its seconds of CPU."""

    command: str
    seconds: float


def start() -> list[Cost]:
    """Measures the commands."""
    return [Cost(command, min(_seconds(command) for _ in range(RUNS))) for command in COMMANDS]


def _seconds(command: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", PROGRAM, *command.split()], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
