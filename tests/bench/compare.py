"""`python -m tests.bench.compare --against CHECKOUT`: whether another checkout says the same bytes of the same input, and how fast.

Both run `orderwatch replay` with the program of their own `.venv`, in turns, over simulated worlds (`--orders`, `--seeds`), random
histories under drawn policies (`--histories`) and the real orders beside the checkout (`--real`). Every exception, action, incident and
reject is compared. The CPU time of both is printed; with `--runs 5` it is the median of five turns. Ends with 1 if anything differs.
Both begin from compiled files, whatever the environment says: what Python compiles anew at each start would count as speed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from tests.bench.cpu import seconds_of
from tests.property.histories import histories
from tests.property.policies import policies, yaml_of
from tests.support.differences import TOPICS, Difference, counts, differences
from tests.support.drawing import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.property.histories import History

HERE = Path(__file__).parents[2]
REAL = HERE.parent / "shared" / "data" / "olist" / "events.jsonl.gz"
REAL_POLICY = HERE / "tests" / "oracle" / "olist.policy.yaml"
REAL_UNTIL = "2018-10-17T17:30:18Z"
TOGETHER = 250
"""Histories in one file, under one policy."""
CONSOLE = Console(width=150, soft_wrap=True, highlight=False)


class Input(NamedTuple):
    """What both are given."""

    name: str
    events: Path
    policy: Path | None
    until: str


@dataclass
class Found:
    """What one input gave: seconds of CPU (user) of every run by checkout, and what differs."""

    input: Input
    before: list[float] = field(default_factory=list[float])
    after: list[float] = field(default_factory=list[float])
    differences: list[Difference] = field(default_factory=list[Difference])


def main() -> None:
    """Compares, prints, and ends with 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.compare", description=__doc__)
    parser.add_argument("--against", type=Path, required=True, help="a checkout with a .venv, such as one of the last release")
    parser.add_argument("--checkout", type=Path, default=HERE, help="the checkout that is compared with it; this one if left out")
    parser.add_argument("--orders", type=int, default=0, help="orders of a simulated world")
    parser.add_argument("--seeds", default="1", help="of the worlds, separated by commas")
    parser.add_argument("--histories", type=int, default=0, help="random histories")
    parser.add_argument("--first", type=int, default=0, help="seed of the random histories and their policies")
    parser.add_argument("--real", action="store_true", help="the real orders, under their own policy and under the built-in one")
    parser.add_argument("--runs", type=int, default=1, help="turns of each; more than one for the speed")
    parser.add_argument("--lines", type=int, default=3, help="differences that are printed of each input, topic and kind")
    parser.add_argument("--keep", type=Path, help="where inputs and outputs are left")
    chosen = parser.parse_args()
    with TemporaryDirectory() as name:
        folder: Path = chosen.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        seeds = [int(seed) for seed in chosen.seeds.split(",")] if chosen.orders else []
        inputs = [
            *_worlds(folder, chosen.orders, seeds, chosen.against.absolute()),
            *_random(folder, chosen.histories, chosen.first),
            *(_real() if chosen.real else ()),
        ]
        if not inputs:
            parser.error("nothing to compare: state --orders, --histories or --real")
        results = [compared(one, folder, chosen.against.absolute(), chosen.checkout.absolute(), chosen.runs) for one in inputs]
        for result in results:
            _print(result, chosen.lines)
    CONSOLE.print(_summary(results))
    sys.exit(1 if any(result.differences for result in results) else 0)


def _worlds(folder: Path, orders: int, seeds: Sequence[int], against: Path) -> Iterator[Input]:
    """Worlds as the checkout that is compared with writes them: it may be older, and not know a policy of this one."""
    for seed in seeds:
        path = folder / f"world-{orders}-{seed}.jsonl"
        program = against / ".venv" / "bin" / "orderwatch"
        path.unlink(missing_ok=True)
        seconds_of([program, "simulate", "--orders", str(orders), "--seed", str(seed), "--out", path], against, path.with_suffix(".log"))
        header = orjson.loads(path.with_suffix(".expected.jsonl").open("rb").readline())
        yield Input(f"world of {orders:,} orders, seed {seed}", path, path.with_suffix(".policy.yaml"), header["until"])


def _random(folder: Path, count: int, first: int) -> Iterator[Input]:
    told = drawn(histories(chapters=2), count, first)
    forms = drawn(policies(), -(-count // TOGETHER), first)
    for number, form in enumerate(forms):
        start = number * TOGETHER
        path = folder / f"histories-{first}-{number}.jsonl"
        policy = path.with_suffix(".policy.yaml")
        policy.write_text(yaml_of(form), encoding="utf-8")
        until = _write(path, told[start : start + TOGETHER], start)
        yield Input(f"histories {start} to {min(start + TOGETHER, count) - 1}", path, policy, until)


def _write(path: Path, told: Sequence[History], start: int) -> str:
    """Writes histories as one log, each as a tenant of its own; returns the instant until which it is judged."""
    lines = [(str(line["recordedtime"]), {**line, "tenant": f"h{start + n}"}) for n, one in enumerate(told) for line in one.lines()]
    lines.sort(key=lambda line: line[0])
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for _, line in lines))
    return (max(one.last for one in told) + timedelta(days=70)).isoformat()


def _real() -> Iterator[Input]:
    if not REAL.is_file():
        raise SystemExit(f"{REAL}: the real orders are not there; leave --real out")
    yield Input("real orders, their policy", REAL, REAL_POLICY, REAL_UNTIL)
    yield Input("real orders, built-in policy", REAL, None, REAL_UNTIL)


def compared(one: Input, folder: Path, against: Path, checkout: Path, runs: int) -> Found:
    """Runs both over an input, in turns, and compares what they wrote."""
    found = Found(one)
    for run in range(runs):
        written: dict[str, dict[str, bytes]] = {}
        for side, where, seconds in (("before", against, found.before), ("after", checkout, found.after)):
            out = folder / f"{one.events.name.removesuffix('.gz')}-{'own' if one.policy else 'built-in'}-{side}"
            shutil.rmtree(out, ignore_errors=True)
            seconds.append(_replay(where, one, out))
            if run == 0:
                written[side] = {topic: (out / f"{topic}.jsonl").read_bytes() for topic in TOPICS}
        if run == 0:
            found.differences = differences(written["before"], written["after"])
    return found


def _replay(checkout: Path, one: Input, out: Path) -> float:
    """The seconds of CPU of a replay by the program of a checkout."""
    command: list[str | Path] = [checkout / ".venv" / "bin" / "orderwatch", "replay", one.events, "--until", one.until, "--out", out]
    command += ["--policy", one.policy] if one.policy else []
    return seconds_of(command, checkout, out.with_suffix(".log"))


def _print(result: Found, most: int) -> None:
    """The first differences of each topic and kind."""
    if not result.differences:
        return
    CONSOLE.print(f"\n{result.input.name}: {len(result.differences):,} differences", style="bold")
    for (topic, kind, sort), count in sorted(counts(result.differences).items()):
        CONSOLE.print(f"  {topic} {kind}: {count:,} {sort}")
        shown = [one for one in result.differences if (one.about.topic, one.about.kind, one.sort) == (topic, kind, sort)][:most]
        for one in shown:
            CONSOLE.print(f"    {one.about.tenant} {one.about.order} {one.about.exception}".rstrip())
            for sign, lines in (("-", one.before), ("+", one.after)):
                for line in lines[:1]:
                    CONSOLE.print(f"    {sign} {line.decode(errors='replace')[:1_200]}", markup=False)


def _summary(results: Sequence[Found]) -> Table:
    table = Table(title="seconds of CPU, the median of the runs", box=None, pad_edge=False, title_justify="left")
    for title in ("input", "before", "after", "ratio", "differences"):
        table.add_column(title, justify="left" if title == "input" else "right")
    for result in results:
        before, after = statistics.median(result.before), statistics.median(result.after)
        table.add_row(result.input.name, f"{before:.2f}", f"{after:.2f}", f"{before / after:.2f} x", f"{len(result.differences):,}")
    return table


if __name__ == "__main__":
    main()
