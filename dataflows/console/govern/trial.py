"""One back-test as a process of its own: what it may use is bounded here, and what becomes of it is written on standard output.

python -m dataflows.console.govern.trial < SPEC      a line for each percent, then `{"done": ...}` or `{"problem": ...}`
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from dataflows.console.govern.dry_run import standing_report
from dataflows.core.policy.check import PolicyError
from dataflows.core.rules.load import load_policy
from dataflows.detect.backtest.run import AFTER, BEFORE, OLD, BacktestInput, backtest
from dataflows.detect.router import RouterCounts
from dataflows.errors import MisuseError, RunError
from dataflows.runtime.launcher import PARENT, die_with_launcher
from dataflows.runtime.stop import Stop
from sources.files import FileSource
from sources.kafka import KafkaInputError
from sources.kafka.export import export

NICE: Final = 10
OLD_FILE, NEW_FILE, STANDING = "old.yaml", "new.yaml", "standing.json"
EXPORTS: Final = "events"
"""Where topics are exported to; they hold customers' data, and go at the end."""
DONE, FAILED = 0, 1


class TrialSpec(msgspec.Struct, frozen=True):
    """What is tried, on what, and with what at most. `folder`: where the policies stand, and results go. `client`: may hold secrets."""

    folder: str
    until: int
    memory: int
    cpu_seconds: int
    since: int | None = None
    events: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    client: dict[str, str] = {}
    standing: bool = False


class TrialLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """What such a process says: how far it is, or that it is over, and of which rules the new policy said something."""

    percent: int | None = None
    covered: tuple[str, ...] | None = None
    problem: str | None = None


class _Pace:
    """Says how far a back-test is: half of it is reading the events once."""

    def __init__(self, total: int, say: Callable[[TrialLine], None]) -> None:
        self._total, self._say, self._last = max(1, total), say, -1

    @contextmanager
    def reading(self, side: str) -> Generator[Callable[[int], None]]:
        """A side begins."""
        begin = 0 if side == OLD else 50

        def on_read(count: int) -> None:
            percent = begin + min(49, 50 * count // self._total)
            if percent != self._last:
                self._last = percent
                self._say(TrialLine(percent=percent))

        yield on_read

    def read(self, source: FileSource, counts: RouterCounts, rejects: Counter[str]) -> None:
        """Raises MisuseError if there was no event."""
        del source, rejects
        if not counts.events:
            raise MisuseError("there are no events to try it on")


def run_trial(spec: TrialSpec, say: Callable[[TrialLine], None]) -> None:
    """Runs it. Raises MisuseError, RunError, PolicyError, KafkaInputError, OSError."""
    folder = Path(spec.folder)
    policies = load_policy(folder / OLD_FILE), load_policy(folder / NEW_FILE)
    stop = Stop(breaks=True)
    exports = folder / EXPORTS
    try:
        with stop.on_signals():
            events: Sequence[str] = spec.events
            if spec.topics:
                exports.mkdir(mode=0o700, exist_ok=True)
                events = [str(path) for path in export(spec.client, spec.topics, exports)]
            given = BacktestInput(events, spec.since, spec.until)
            found = backtest(given, policies, _Pace(sum(map(_size, events)), say), stop, folder)
            if spec.standing:
                report = standing_report(found.old, found.new, folder / AFTER)
                (folder / STANDING).write_bytes(msgspec.json.encode(report))
    finally:
        shutil.rmtree(exports, ignore_errors=True)
        for name in (BEFORE, AFTER):
            (folder / name).unlink(missing_ok=True)  # they are large, and may quote records
    say(TrialLine(percent=100, covered=found.report.covered))


def _size(path: str) -> int:
    found = Path(path)
    return sum(file.stat().st_size for file in found.rglob("*.jsonl")) if found.is_dir() else found.stat().st_size


def _bound(spec: TrialSpec) -> None:
    """Bounds what this process may use; it yields to everything else on the host."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_DATA, (spec.memory, spec.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (spec.cpu_seconds, spec.cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """Reads what is to be done from standard input, and does it."""
    if PARENT in os.environ:
        die_with_launcher()
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=TrialSpec)
    out = os.dup(1)
    os.dup2(2, 1)  # what libraries print is none of our lines

    def say(line: TrialLine) -> None:
        os.write(out, msgspec.json.encode(line) + b"\n")

    try:
        _bound(spec)
        run_trial(spec, say)
    except PolicyError as error:
        say(TrialLine(problem=str(error.problems[0])))
    except (MisuseError, RunError, KafkaInputError) as error:
        say(TrialLine(problem=str(error)))
    except OSError as error:
        say(TrialLine(problem=f"{error.filename or 'the disk'}: {(error.strerror or str(error)).lower()}"))
    except MemoryError:
        say(TrialLine(problem="it needs more memory than `console.trial_memory_bytes` allows"))
    else:
        return DONE
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
