"""`python -m tests.bench.loop`: what cases, actions and decisions cost, as events per second of CPU.

Replays one world with all of it on and with it off, in turns, `--runs` times (5).

On: ladders, budgets, guardrails, and a decision about most of what is said (cases acknowledged and resolved, actions approved, begun,
ended, a pause). Off: the same events with none of these; and, where another checkout is given, that one's program.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.cpu import seconds_of

HERE = Path(__file__).parents[2]
ON = """\
teams: {CS: {}, FIN: {}, FULF: {}, OPS: {}, CARR: {}, DATA: {}, ECOM: {}}
ladders: {default: {steps: [{wait: 4 h, role: lead}, {wait: 1 bd, team: OPS, role: manager}]}}
actions:
  second_approval_above: {EUR: 200, USD: 200}
  budgets: [{action: notify_customer, most: 500}, {each: customer, most: 3}, {most: 100000}]
guardrails: {far: {when: order.country is known and not order.domestic}}
rules: {'*': {acknowledge: {low: 8 h, medium: 4 h, high: 1 h}, resolve: {low: 4 d, medium: 2 d, high: 1 d}}}
"""
LATER = timedelta(minutes=7)


@dataclass(frozen=True)
class Cost:
    """Events per second of CPU of each, by name, and how many events there were."""

    events: int
    decisions: int
    rates: dict[str, list[float]]

    @property
    def medians(self) -> dict[str, float]:
        """The median of each."""
        return {name: statistics.median(rates) for name, rates in self.rates.items()}


def loop(orders: int, runs: int, against: Path | None) -> Cost:
    """Measures; a run of each in every turn."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        world, plain, on = folder / "world.jsonl", folder / "plain.yaml", folder / "on.yaml"
        plain.write_text("name: plain\n")
        on.write_text(ON)
        _program(HERE, folder, "simulate", "--orders", orders, "--seed", 1, "--out", world)
        _program(HERE, folder, "replay", world, "--policy", on, "--out", folder / "first")
        decisions = folder / "decisions.jsonl"
        decisions.write_bytes(b"".join(json.dumps(one).encode() + b"\n" for one in decided(folder / "first")))
        events, taken = _count(world), _count(decisions)
        commands = {
            "on": (HERE, events + taken, ("replay", world, "--policy", on, "--decisions", decisions)),
            "off": (HERE, events, ("replay", world, "--policy", plain)),
        }
        if against is not None:
            commands["before"] = (against, events, ("replay", world, "--policy", plain))
        rates: dict[str, list[float]] = {which: [] for which in commands}
        for turn in range(runs):
            for which, (checkout, count, parts) in commands.items():
                seconds = _program(checkout, folder, *parts, "--out", folder / f"{which}-{turn}")
                rates[which].append(count / (seconds - _start(checkout, folder)))
        return Cost(events, taken, rates)


def _program(checkout: Path, folder: Path, *parts: object) -> float:
    command: list[str | Path] = [checkout / ".venv/bin/orderwatch", *(str(part) for part in parts)]
    return seconds_of(command, checkout, folder / "log")


def _start(checkout: Path, folder: Path) -> float:
    """What the program costs before it does anything: measured in the same turn, and no part of the rate."""
    return _program(checkout, folder, "replay", "--help")


def _count(path: Path) -> int:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return sum(1 for _ in file)


def decided(out: Path) -> Iterator[dict[str, Any]]:
    """What people and a dispatch decide about what was said when nobody decided anything, in the order of time."""
    lots, found = Random(1), list[tuple[datetime, dict[str, Any]]]()
    for line in (out / "actions.jsonl").read_bytes().splitlines():
        event = json.loads(line)
        data, at = event["data"], datetime.fromisoformat(event["time"]) + LATER
        if event["type"] not in {"action.proposed", "action.requested"} or data["sequence"] > 1:
            continue
        head, about = {"subject": event["subject"], "tenant": event["tenant"]}, {"action_id": data["action_id"]}
        if data["state"] == "proposed":
            for by in ("user:anna", "user:ben")[: data["approvals_needed"]]:
                agreed = {**about, "by": by, "by_roles": ["approver"], "payload_hash": data["payload_hash"]}
                found.append((at, {**head, "type": "action.approved", "data": agreed}))
        for type_ in ("action.begun", lots.choice(("action.executed", "action.executed", "action.failed"))):
            at += LATER
            found.append((at, {**head, "type": type_, "data": {**about, "attempt": 1, "by": "service:dispatch"}}))
    for line in (out / "exceptions.jsonl").read_bytes().splitlines():
        event = json.loads(line)
        if event["type"] == "exception.raised" and lots.random() < 0.6:
            head = {"subject": event["subject"], "tenant": event["tenant"]}
            about = {"exception_id": event["data"]["exception_id"], "by": "user:anna"}
            at = datetime.fromisoformat(event["data"]["detected_at"]) + LATER
            found.append((at, {**head, "type": "case.acknowledged", "data": about}))
            if lots.random() < 0.3:
                found.append((at + 3 * LATER, {**head, "type": "case.resolved", "data": {**about, "outcome": "settled"}}))
    for number, (at, event) in enumerate(sorted(found, key=lambda each: each[0])):
        yield {"specversion": "1.0", "id": f"d{number}", "source": "/desk", "time": at.isoformat(), **event}


def main() -> None:
    """Measures and prints; the ratio is of the rate with all of it on to the others."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.loop", description=__doc__)
    parser.add_argument("--orders", type=int, default=3_000, help="orders of the simulated world")
    parser.add_argument("--runs", type=int, default=5, help="turns")
    parser.add_argument("--against", type=Path, help="another checkout, with its own .venv, replayed without any of it")
    chosen = parser.parse_args()
    found = loop(chosen.orders, chosen.runs, None if chosen.against is None else chosen.against.absolute())
    console = Console(width=120)
    title = f"{found.events:,} events and {found.decisions:,} decisions, replayed, without the start, medians of {chosen.runs} turns"
    table = Table("what", "events/s of CPU", "least", "most", "on is", title=title, box=None, pad_edge=False, title_justify="left")
    words = {"on": "cases, actions, decisions", "off": "the same program without", "before": f"{chosen.against} without"}
    for name, rate in found.medians.items():
        low, high = min(found.rates[name]), max(found.rates[name])
        ratio = statistics.median(on / other for on, other in zip(found.rates["on"], found.rates[name], strict=True))
        table.add_row(words[name], f"{rate:,.0f}", f"{low:,.0f}", f"{high:,.0f}", f"{ratio:.2f} of it")
    console.print(table)


if __name__ == "__main__":
    main()
