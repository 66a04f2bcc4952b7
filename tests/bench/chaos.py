"""`python -m tests.bench.chaos`: what receivers that misbehave, and kills of dispatch and store, cost in time: nothing before the call.

The parts of an embedded installation are processes of their own. Orders come at an even pace; each raises an exception at once, and its
action goes to a receiver. First all is quiet; then receivers misbehave by lot, while dispatch and store are killed in turn. Each order
counts from the append of its record: until its exception, and its action, stand in their logs, and until the action had its effect.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.table import Table

from sinks.embedded.sink import read_all
from tests.support.campaign.dispatching import SCHEDULE, judged, settings
from tests.support.dispatcher import SECRET
from tests.support.embedded import Installation, until
from tests.support.endpoints.faults import FaultServer, by_lot, served
from tests.support.kafka.process import free_port
from tests.support.logs import iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sources.outputs.reader import LoggedRecord
    from tests.support.endpoints.wire import Received

POLICY = """\
name: chaos
rules:
  '*': {switch: off}
  order.master_data_incomplete: {switch: on, grace: 0 s, lane: auto}
actions: {quiet_hours: 'off'}
"""
PARTS = ("gateway", "run", "store", "dispatch")
KILLED = ("dispatch", "store")
STEP_S = 0.2
"""Orders are appended so often."""
FINAL = frozenset(("executed", "failed", "in_doubt"))
STAGES = ("exception", "requested", "effect")


class TimedServer(FaultServer):
    """Knows when each key had its effect (µs)."""

    def __init__(self, *, honours_keys: bool) -> None:
        super().__init__(honours_keys=honours_keys)
        self.at: dict[str, int] = {}

    def effect(self, request: Received, key: str) -> None:
        """Does what a request asks for, and notes when."""
        super().effect(request, key)
        self.at.setdefault(key, time.time_ns() // 1_000)

    def misbehave(self, seed: int) -> None:
        """From now on by lot."""
        self._choose = by_lot(seed)


class Seen:
    """What the log of actions says: where each action stands, and how it came there."""

    def __init__(self, installation: Installation) -> None:
        self._reader = installation.reader("actions")
        self._reader.seek({})
        self.states: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[str]] = {}
        self.rejected: list[tuple[str, str]] = []

    def look(self) -> None:
        """Reads on."""
        while records := self._reader.poll(0):
            for record in records:
                self._take(record)

    def _take(self, record: LoggedRecord) -> None:
        data = json.loads(record.value)["data"]
        self.states[data["action_id"]] = data
        self.history.setdefault(data["action_id"], []).append(data["state"])

    def ended(self) -> int:
        """How many actions have come to an end, or are in doubt."""
        self.look()
        return sum(data["state"] in FINAL and not data.get("retry_at") for data in self.states.values())


class Spread(NamedTuple):
    """Milliseconds from the append of a record: median, 95th percentile, the most; of how many."""

    of: int
    p50: float
    p95: float
    most: float


class Chaos(NamedTuple):
    """What was found, by phase and stage. `wrong`: what must not be, in words."""

    spreads: dict[str, dict[str, Spread]]
    states: Counter[str]
    calls: int
    kills: Counter[str]
    seconds: float
    wrong: list[str]


def chaos(actions: int, kills: int, rate: float, endpoints: int) -> Chaos:
    """Runs both phases: the quiet one has a tenth of the actions."""
    os.environ["DISPATCH_TEST_SECRET"] = SECRET
    keyed, unkeyed = TimedServer(honours_keys=True), TimedServer(honours_keys=False)
    tenants = tuple(f"t{number}" for number in range(endpoints))
    began = time.monotonic()
    with TemporaryDirectory(prefix="orderwatch-bench-") as name, served(keyed), served(unkeyed):
        policy = Path(name, "policy.yaml")
        policy.write_text(POLICY, encoding="utf-8")
        installation = Installation(Path(name, "installation"), policy, _parts(keyed, unkeyed, tenants))
        try:
            for part in PARTS:
                installation.start(part)
            seen, quiet, killed = Seen(installation), max(actions // 10, 20), Counter[str]()
            installation.send("events", [], "load")  # it is up
            until(lambda: '"running"' in installation.log("run"), "the engine does not start")
            _tell(installation, range(quiet), rate, tenants, 0, killed)
            until(lambda: seen.ended() == quiet, "quiet actions have not ended")
            keyed.misbehave(1)
            unkeyed.misbehave(2)
            _tell(installation, range(quiet, quiet + actions), rate, tenants, kills, killed)
            _settle(seen, quiet + actions)
            known = {id_: unkeyed.calls[id_] for id_, data in seen.states.items() if data["state"] == "in_doubt"}
            time.sleep(2)  # Nobody tries again what is in doubt: a whole schedule of tries would have passed.
            seen.rejected = [(json.loads(line.content)["reason"], "") for line in installation.said()["rejects"]]
            wrong = judged(seen, keyed, unkeyed, known)
            for part in reversed(PARTS):
                installation.stop(part)
            spreads = _spreads(installation, keyed.at | unkeyed.at, quiet)
        finally:
            installation.close()
    states = Counter(str(data["state"]) for data in seen.states.values())
    return Chaos(spreads, states, len(keyed.taken) + len(unkeyed.taken), killed, time.monotonic() - began, wrong)


def _parts(keyed: FaultServer, unkeyed: FaultServer, tenants: tuple[str, ...]) -> dict[str, dict[str, object]]:
    found = settings(keyed, unkeyed, tenants)
    # Half of the tenants are of each receiver: all actions are of one kind here.
    sides = [("keyed" if number % 2 == 0 else "unkeyed", each) for number, each in enumerate(tenants)]
    routes = [{"endpoint": f"{side}-{each}", "tenants": [each]} for side, each in sides]
    used = {f"{side}-{each}" for side, each in sides}
    ends = {name: end for name, end in found["endpoints"].items() if name in used}
    dispatch: dict[str, object] = {"endpoints": ends, "routes": routes, "schedule": list(SCHEDULE), "jitter": 1.0, "http_port": free_port()}
    return {"dispatch": dispatch, "store": {"http_port": free_port()}}


def _tell(installation: Installation, numbers: range, rate: float, tenants: tuple[str, ...], kills: int, killed: Counter[str]) -> None:
    """Appends orders at an even pace, and kills at random instants meanwhile."""
    chance = random.Random(kills)
    due = sorted(chance.sample(numbers, kills))
    began, sent = time.monotonic(), numbers.start
    while sent < numbers.stop:
        reached = min(numbers.stop, numbers.start + int((time.monotonic() - began) * rate))
        installation.send("events", [_order(number, tenants) for number in range(sent, reached)], "load")
        sent = reached
        while due and due[0] < sent:
            part = KILLED[len(due) % len(KILLED)]
            due.pop(0)
            installation.kill(part)
            installation.start(part)
            killed[part] += 1
        time.sleep(STEP_S)


def _order(number: int, tenants: tuple[str, ...]) -> bytes:
    """An order without a total: that is an exception at once."""
    place = number % len(tenants)
    event = {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/shop",
        "type": "order.placed",
        "subject": f"{'KU'[place % 2]}-{number}",
        "tenant": tenants[place],
        "time": iso(time.time_ns() // 1_000),
        "data": {"ship_to": {"country": "NL"}, "lines": [{"line_id": "1", "sku": "A", "quantity": 1}]},
    }
    return json.dumps(event).encode()


def _settle(seen: Seen, actions: int) -> None:
    """Waits until all have ended, for as long as some do."""
    while (before := seen.ended()) < actions:
        until(lambda: seen.ended() > before, f"{before} of {actions} actions have ended")


def _spreads(installation: Installation, effects: dict[str, int], quiet: int) -> dict[str, dict[str, Spread]]:
    """By phase and stage, how long it took."""
    reader = installation.reader("events")
    reader.seek({})
    appended: dict[str, int] = {}
    while records := reader.poll(0):
        appended |= {str(json.loads(record.value)["subject"]): record.time for record in records}
    said = read_all(installation.data)
    reached: dict[str, dict[str, int]] = {stage: {} for stage in STAGES}
    for topic, type_, stage in (("exceptions", "exception.raised", "exception"), ("actions", "action.requested", "requested")):
        for line in said[topic]:
            event = json.loads(line.content)
            if event["type"] == type_:
                reached[stage].setdefault(event["subject"], line.time)
                if stage == "requested" and (at := effects.get(event["data"]["action_id"])) is not None:
                    reached["effect"][event["subject"]] = at
    return {
        phase: {
            stage: _spread([at - appended[o] for o, at in times.items() if (int(o[2:]) < quiet) is early])
            for stage, times in reached.items()
        }
        for phase, early in (("quiet", True), ("chaos", False))
    }


def _spread(took: Iterable[int]) -> Spread:
    found = sorted(each / 1_000 for each in took)
    cuts = quantiles(found, n=20, method="inclusive")
    return Spread(len(found), cuts[9], cuts[18], found[-1])


def main() -> None:
    """Runs it and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.chaos", description=__doc__)
    parser.add_argument("--actions", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rate", type=float, default=20.0, help="orders a second")
    parser.add_argument("--endpoints", type=int, default=16, help="half of them honour keys")
    chosen = parser.parse_args()
    found = chaos(chosen.actions, chosen.kills, chosen.rate, chosen.endpoints)
    table = Table("from the append of a record to", "run", "of", "p50 ms", "p95 ms", "max ms", box=None, pad_edge=False)
    for stage in STAGES:
        for phase, spreads in found.spreads.items():
            spread = spreads[stage]
            table.add_row(stage, phase, f"{spread.of:,}", f"{spread.p50:,.0f}", f"{spread.p95:,.0f}", f"{spread.most:,.0f}")
    console = Console(width=110)
    console.print(table)
    console.print(f"{found.calls:,} calls, {dict(found.states)}, killed: {dict(found.kills)}, {found.seconds:.0f} s")
    console.print(f"wrong: {found.wrong or 'nothing'}")


if __name__ == "__main__":
    main()
