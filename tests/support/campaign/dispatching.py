"""Actions against receivers that misbehave, while the dispatcher is killed: what each came to, and what was effected."""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tests.support.action_engine import Engine
from tests.support.dispatcher import Dispatcher, webhook
from tests.support.endpoints.faults import FaultServer, by_lot, served

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCHEDULE = (0.0, 0.05, 0.1, 0.2, 0.3, *[0.5] * 25)
"""Tries come soon: the test is about what they do, not about how long an outage may last."""
KEYED, UNKEYED = ("fulfilment.ship_overdue", "create_warehouse_task"), ("shipment.stuck", "ask_carrier")
"""Kind and step: one action goes to a receiver that honours keys, the other to one that does not."""


class ActionLog(Protocol):
    """What has been said of actions: where each stands, how it came there, and what was given back, with the reason."""

    states: dict[str, dict[str, Any]]
    history: dict[str, list[str]]
    rejected: list[tuple[str, str]]


class Figures(NamedTuple):
    """What a campaign came to. `wrong`: what must not be, in words."""

    actions: int
    kills: int
    states: dict[str, int]
    calls: int
    effects: int
    doubtful: int
    seconds: float
    wrong: list[str]

    def __str__(self) -> str:
        """A line of figures."""
        return (
            f"{self.actions} actions, {self.kills} kills, {self.calls} calls, {self.effects} effects, {self.doubtful} in doubt, "
            f"{self.states}, {self.seconds:.0f} s"
        )


def campaign(
    folder: Path, actions: int, kills: int, *, seed: int = 1, rate: float = 0.0, timeout: float = 300.0, endpoints: int = 2
) -> Figures:
    """Runs one. Half of the actions go to each receiver, by as many endpoints; `rate`: seconds between kills, by lot.

    A receiver that answers 429 by lot slows its endpoint down, as it should: several endpoints keep a large campaign short.
    """
    tenants = tuple(f"t{number}" for number in range(endpoints))
    chance = random.Random(seed)
    keyed = FaultServer(by_lot(seed), retry_after="1")
    unkeyed = FaultServer(by_lot(seed + 1), honours_keys=False, retry_after="1")
    begun = time.monotonic()
    with served(keyed), served(unkeyed), Engine(folder) as engine:
        dispatcher = Dispatcher(folder, settings(keyed, unkeyed, tenants))
        dispatcher.start()
        try:
            engine.wanted(actions // 2, prefix="K", kind=KEYED[0], step=KEYED[1], tenants=tenants)
            engine.wanted(actions - actions // 2, prefix="U", kind=UNKEYED[0], step=UNKEYED[1], tenants=tenants)
            done = 0
            share = actions // (kills + 1)
            while done < kills:
                # A kill comes after so many more calls, at whatever instant that is.
                goal = len(keyed.taken) + len(unkeyed.taken) + chance.randint(1, max(2, share))
                engine.until(partial(_reached, keyed, unkeyed, goal, engine, actions), timeout)
                time.sleep(chance.random() * rate)
                dispatcher.kill()
                done += 1
                dispatcher.start()
            engine.until(lambda: settled(engine, actions), timeout)
            known = {data["action_id"]: unkeyed.calls[data["action_id"]] for data in engine.states.values() if data["state"] == "in_doubt"}
            time.sleep(2)  # Nobody tries again what is in doubt: a whole schedule of tries would have passed.
            code = dispatcher.stop()
            wrong = judged(engine, keyed, unkeyed, known)
            if code != 0:
                wrong.append(f"it ended with {code}: {dispatcher.log.read_text()[-400:]}")
        finally:
            dispatcher.destroy()
        calls, effects = len(keyed.taken) + len(unkeyed.taken), sum(keyed.effects.values()) + sum(unkeyed.effects.values())
        return Figures(actions, kills, engine.counted(), calls, effects, len(known), time.monotonic() - begun, wrong)


def settings(keyed: FaultServer, unkeyed: FaultServer, tenants: Sequence[str]) -> dict[str, Any]:
    """Those of the dispatcher: for each tenant an endpoint that honours keys, and one that does not."""
    ends = {f"keyed-{each}": webhook(keyed.url, throttle_seconds=0.1, concurrency=4) for each in tenants}
    ends |= {f"unkeyed-{each}": webhook(unkeyed.url, throttle_seconds=0.1, concurrency=4, honours_keys=False) for each in tenants}
    routes = [{"endpoint": f"keyed-{each}", "actions": ["create_task"], "tenants": [each]} for each in tenants]
    routes += [{"endpoint": f"unkeyed-{each}", "actions": ["trace_parcel"], "tenants": [each]} for each in tenants]
    return {"endpoints": ends, "routes": routes, "schedule": SCHEDULE, "jitter": 1.0}


def settled(engine: Engine, actions: int) -> bool:
    """Whether every action has ended, or is in doubt."""
    states = engine.counted()
    return states.get("executed", 0) + states.get("failed", 0) + states.get("in_doubt", 0) == actions


def judged(engine: ActionLog, keyed: FaultServer, unkeyed: FaultServer, known: dict[str, int]) -> list[str]:
    """What is wrong: an effect more than once or in spite of a failure, none in spite of a success, a call after a doubt."""
    found: list[str] = []
    for id_, data in engine.states.items():
        of_keyed = str(data["order_id"]).startswith("K")
        server = keyed if of_keyed else unkeyed
        effects, state = server.effects[id_], data["state"]
        if effects > 1:
            found.append(f"{id_}: {effects} effects; {engine.history[id_]}")
        if state == "executed" and effects != 1:
            found.append(f"{id_}: executed with {effects} effects")
        if state == "failed" and effects:
            found.append(f"{id_}: failed, and had its effect; {engine.history[id_]}")
        if of_keyed and state != "executed":
            found.append(f"{id_}: {state}, although its receiver honours keys; {engine.history[id_]}")
        if id_ in known and unkeyed.calls[id_] != known[id_]:
            found.append(f"{id_}: called again in doubt")
    found += [f"refused by the engine: {reason}, {count} times" for reason, count in Counter(r for r, _ in engine.rejected).items()]
    return found


def _reached(keyed: FaultServer, unkeyed: FaultServer, goal: int, engine: Engine, actions: int) -> bool:
    return len(keyed.taken) + len(unkeyed.taken) >= goal or settled(engine, actions)
