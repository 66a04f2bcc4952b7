"""`python -m tests.bench.latency`: what cases, actions and decisions cost in time from a record appended to its exception written.

The operators of a live run in one process, without a broker: records of a simulated world are appended at an even pace, whatever has been
appended is taken as one batch, and what is said is written to a file. Each exception counts from the append of the record that made it be
said (of a deadline: that let log time pass it). On and off, as in `tests.bench.loop`, in turns; the same pace of events.

The clock is the time of the processor, and what would be waited for is left out of it: so it is what a core of its own would show, however
busy the machine is.
"""

from __future__ import annotations

import argparse
import statistics
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import orjson
from rich.console import Console
from rich.table import Table

from dataflows.core.rules.load import load_policy
from schemas.topics import DECISIONS
from sources.batch import Batch
from sources.simulator import stream
from tests.bench.loop import ON, decided
from tests.support.engine import position, records_of
from tests.support.graph import Graph
from tests.support.replays import replay

if TYPE_CHECKING:
    from dataflows.core.policy import Policy
    from schemas.record import Record

CHANNELS = ("events:00000", "decisions:00000")
HOT = 4 << 20


@dataclass(frozen=True)
class Spread:
    """Milliseconds from append to written: the median and the 95th percentile of one turn, and how many exceptions were written."""

    median: float
    p95: float
    written: int


def paced(policy: Policy, records: list[Record], rate: float, out: Path) -> Spread:
    """Appends the events among some records, which are in log order, at `rate` a second; decisions are appended with the event before."""
    graph, logs = Graph(policy, CHANNELS, hot=HOT), [record.log for record in records]
    appended, number = list[float](), 0
    for record in records:
        appended.append(number / rate)
        number += record.topic != DECISIONS
    took: list[float] = []
    clock, done = 0.0, 0
    with out.open("wb") as file:
        while done < len(records):
            clock = max(clock, appended[done])  # Nobody works before there is anything.
            until, began = bisect_right(appended, clock, done), time.process_time()
            batch, done = records[done:until], until
            # What stands at the instant of the last one may still come, unless nothing does.
            reached = logs[until - 1] + 1 if until == len(logs) or logs[until] > logs[until - 1] else logs[until - 1]
            parts = [[one for one in batch if (one.topic == DECISIONS) == of_decisions] for of_decisions in (False, True)]
            said = graph.take([Batch(name, reached, part) for name, part in zip(CHANNELS, parts, strict=True)])
            file.writelines(one.body + b"\n" for one in said)
            file.flush()
            clock += time.process_time() - began
            took += [
                clock - appended[min(bisect_left(logs, one.log), until - 1)]
                for one in said
                if one.topic == "exceptions" and one.type == "exception.raised"
            ]
    took.sort()
    return Spread(statistics.median(took) * 1000, took[len(took) * 95 // 100] * 1000, len(took))


def measured(orders: int, runs: int, rate: float) -> dict[str, list[Spread]]:
    """A turn of each, `runs` times."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        on = folder / "on.yaml"
        on.write_text(ON)
        lines = world(orders)
        events = folder / "world.jsonl"
        events.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        replay(events, folder, on)
        decisions = list(decided(folder))
        policies = {"on": load_policy(on), "off": load_policy(None)}
        found: dict[str, list[Spread]] = {which: [] for which in policies}
        for _ in range(runs):
            for which, policy in policies.items():
                given = records_of(lines) + (records_of(decisions) if which == "on" else [])
                found[which].append(paced(policy, sorted(given, key=position), rate, folder / "said"))
        return found


def world(orders: int) -> list[dict[str, Any]]:
    """The events of a simulated world, in the order of their log."""
    return [cast("dict[str, Any]", orjson.loads(line)) for line in stream(orders, 1)]


def main() -> None:
    """Measures and prints; the ratio is of each turn's on to its off."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.latency", description=__doc__)
    parser.add_argument("--orders", type=int, default=400, help="orders of the simulated world")
    parser.add_argument("--runs", type=int, default=5, help="turns")
    parser.add_argument("--rate", type=float, default=1_000, help="events a second")
    chosen = parser.parse_args()
    found = measured(chosen.orders, chosen.runs, chosen.rate)
    table = Table("what", "exceptions", "median ms", "p95 ms", box=None, pad_edge=False, title_justify="left")
    table.title = f"from append to written, {chosen.rate:,.0f} events/s, medians of {chosen.runs} turns"
    for which, turns in found.items():
        medians, tails = [turn.median for turn in turns], [turn.p95 for turn in turns]
        table.add_row(which, f"{turns[0].written:,}", f"{statistics.median(medians):.2f}", f"{statistics.median(tails):.2f}")
    pairs = list(zip(found["on"], found["off"], strict=True))
    median = statistics.median(on.median / off.median for on, off in pairs)
    tail = statistics.median(on.p95 / off.p95 for on, off in pairs)
    table.add_row("on is", "", f"{median:.2f} of off", f"{tail:.2f} of off")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
