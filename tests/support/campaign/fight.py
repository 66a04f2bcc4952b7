"""The whole campaign: topics, teller, engine, kills, and the reckoning."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from schemas.topics import DECISIONS
from tests.support.brokers import topic
from tests.support.campaign.decider import Decider
from tests.support.campaign.engine import Engine
from tests.support.campaign.outputs import Comparison, compare, replay
from tests.support.campaign.producer import Teller
from tests.support.campaign.world import ACTIONS, POLICY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

OUTPUTS = ("exceptions", "actions", "incidents", "rejects")


@dataclass(frozen=True)
class Plan:
    """What is killed, how often, and how many processes each start of the engine has, by lot."""

    kills: int
    engine: bool = True
    broker: bool = False
    processes: tuple[int, ...] = (1,)
    rate: float = 30.0
    seed: int = 1
    decides: bool = False
    """Whether people and a dispatch decide all the while about what is said."""


@dataclass(frozen=True)
class Outcome:
    """What a campaign came to."""

    kills: Counter[str]
    starts: int
    falls: list[str]
    orders: int
    records: int
    behind: int
    verdicts: Comparison
    seconds: float
    decisions: Counter[str]

    def __str__(self) -> str:
        found = self.verdicts
        killed = ", ".join(f"{count} of the {what}" for what, count in sorted(self.kills.items()))
        said = ", ".join(f"{count:,} {output}" for output, count in found.expected.items())
        wrong = {name: len(getattr(found, name)) for name in ("lost", "duplicated", "foreign", "different", "disordered")}
        return (
            f"kills: {killed} ({self.starts} starts, {len(self.falls)} falls) in {self.seconds:.0f} s; records: {self.records:,} of "
            f"{self.orders:,} orders; {said}; decisions: {self.decisions.total():,}; behind progress: {self.behind}; "
            + ", ".join(f"{name}: {count}" for name, count in wrong.items())
        )


def fight(broker: Broker, home: Path, plan: Plan) -> Outcome:
    """Runs a campaign and compares what came out with a replay.

    Args:
        broker: a real Kafka; killed if the plan says so.
        home: an empty folder.
        plan: what to do.
    """
    began = time.monotonic()
    events = topic(broker, "events", partitions=3)
    outputs = {output: topic(broker, output, partitions=2) for output in OUTPUTS}
    policy = home / "policy.yaml"
    policy.write_text(POLICY + ACTIONS if plan.decides else POLICY)
    decisions = topic(broker, "decided", partitions=2, ending=f"-{DECISIONS}") if plan.decides else None
    inputs = [events, *([] if decisions is None else [decisions])]
    engine = Engine(home, settings(broker, ",".join(inputs), outputs, policy, home / "state"))
    engine.check()
    teller = Teller(broker.bootstrap, events, plan.rate, plan.seed)
    teller.start()
    decider = None if decisions is None else Decider(broker.bootstrap, outputs, decisions, events, plan.seed)
    if decider is not None:
        decider.start()
    kills: Counter[str] = Counter()
    try:
        _kill(broker, engine, plan, kills)
        teller.finish()
        if decider is not None:
            decider.finish()
        until = _bring_to_end(engine, plan)
    finally:
        engine.destroy()
    replayed = replay(broker.bootstrap, inputs, policy, until, home)
    verdicts = compare(broker.bootstrap, outputs, replayed)
    return Outcome(
        kills,
        engine.starts,
        engine.falls,
        teller.orders,
        teller.acknowledged,
        engine.behind(),
        verdicts,
        time.monotonic() - began,
        Counter() if decider is None else decider.written,
    )


def settings(broker: Broker, events: str, outputs: dict[str, str], policy: Path, state: Path) -> dict[str, str]:
    """The engine's environment variables."""
    return {
        "ORDERWATCH_POLICY": str(policy),
        "ORDERWATCH_KAFKA__BROKERS": broker.bootstrap,
        "ORDERWATCH_INPUTS__TOPICS": events,
        "ORDERWATCH_STATE__DIR": str(state),
        "ORDERWATCH_STATE__EPOCH_SECONDS": "0.5",
        "ORDERWATCH_HTTP__ENABLED": "false",
        **{f"ORDERWATCH_OUTPUTS__{output.upper()}": name for output, name in outputs.items()},
    }


def _kill(broker: Broker, engine: Engine, plan: Plan, kills: Counter[str]) -> None:
    """Kills at random instants: while it starts, while it loads, while it works, while it comes back."""
    rng = Random(plan.seed)
    while sum(kills.values()) < plan.kills:
        engine.keep_up(rng.choice(plan.processes))
        if rng.random() < 0.7:
            engine.await_running()
        time.sleep(rng.uniform(0.1, 2.5))
        victims = [name for name, meant in (("engine", plan.engine), ("broker", plan.broker)) if meant]
        for victim in rng.sample(victims, rng.randint(1, len(victims))):
            if victim == "broker":
                broker.kill()
                kills["broker"] += 1
            elif engine.alive:
                engine.kill(rng)
                kills["engine"] += 1
            time.sleep(rng.uniform(0, 0.5))
        if kills["broker"]:
            broker.restart()


def _bring_to_end(engine: Engine, plan: Plan) -> str:
    """Lets the engine catch up, stops it in peace, and has it run to an instant after the last deadline; returns that instant."""
    engine.keep_up(plan.processes[0])
    assert engine.await_running(), engine.last_lines()
    assert engine.stop() == 0, engine.last_lines()
    until = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    engine.keep_up(plan.processes[-1], ORDERWATCH_INPUTS__UNTIL=until)
    assert engine.wait(300) == 0, engine.last_lines()
    return until
