"""The eight-rule job: the same work for Orderwatch and for a plain loop over a dict and a heap, both without their start.

The job lies beside the checkout (`../shared/bench`); where it does not, there is nothing to measure.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.cpu import medians, seconds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parents[2]
JOB = HERE.parent / "shared" / "bench"
EVENTS = 500_000
RUNS = 5


class Eight(NamedTuple):
    """Seconds of CPU by who did the work, their start taken off; `agreement`: in what the loop and each checkout agree."""

    events: int
    loop: float
    by: dict[str, float]
    agreement: dict[str, str]


def eight(checkouts: Sequence[Path] = (HERE,), events: int = EVENTS, runs: int = RUNS) -> Eight:
    """Runs the job, in turns. Raises FileNotFoundError if it is not there."""
    if not (JOB / "oracle.py").is_file():
        raise FileNotFoundError(f"{JOB}: the eight-rule job is not beside the checkout")
    python, policy = sys.executable, JOB / "eight.yaml"
    with TemporaryDirectory() as name:
        folder = Path(name)
        log, full, product = folder / "log", folder / "full.jsonl", folder / "product.jsonl"
        seconds_of([python, JOB / "gen.py", str(events), folder], folder, log)
        seconds_of([python, JOB / "convert.py", full, product], folder, log)
        loop: Sequence[str | Path] = [python, JOB / "oracle.py", "orjson", full, folder / "expected.jsonl"]
        commands: dict[str, Sequence[str | Path]] = {"loop": loop, "loop start": [python, "-c", "import orjson, heapq, datetime"]}
        places = {"loop": folder, "loop start": folder}
        for checkout in checkouts:
            program, out = checkout / ".venv" / "bin" / "orderwatch", folder / checkout.name
            commands[str(checkout)] = [program, "replay", product, "--policy", policy, "--out", out, "--overwrite"]
            commands[f"{checkout} start"] = [program, "--help"]
            places |= {str(checkout): checkout, f"{checkout} start": checkout}
        found = medians(commands, places, folder, runs)
        agreement: dict[str, str] = {}
        for checkout in checkouts:
            seconds_of([python, JOB / "check.py", folder / "expected.jsonl", folder / checkout.name / "exceptions.jsonl"], folder, log)
            agreement[str(checkout)] = log.read_text().strip()
        net = {name: found[name] - found[f"{name} start"] for name in ("loop", *map(str, checkouts))}
        return Eight(sum(1 for _ in product.open("rb")), net.pop("loop"), net, agreement)
