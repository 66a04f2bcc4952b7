"""`python -m tests.bench weight`: what an open order of the simulated world weighs in memory, its aliases and deadlines included.

A process of its own replays a world up to the end of the day on which the last order was placed, and says by how much it grew. Shards keep
few orders unpacked here: what those take is bounded however many orders are open, and would only hide what each further one adds.
"""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import time
from collections import Counter
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dataflows.cli.replay import replay_into
from dataflows.core.engine.shard import Shard
from dataflows.core.rules.load import load_policy
from dataflows.detect.flow import FlowOptions
from dataflows.runtime.runner import GC_THRESHOLDS
from sources.files import FileSource
from sources.simulator import stream
from sources.simulator.moments import OPENING, PLACING
from sources.simulator.policy import policy_text
from tests.bench.measure import resident

if TYPE_CHECKING:
    from dataflows.core.policy import Policy

ORDERS = 18_000
"""Of these nine in ten are open at the end. More of them change the figure of each further order by a few bytes, and take longer."""
HOT = 64 << 10
"""Bytes of unpacked orders that a shard keeps at most."""
PRODUCT = ("dataflows.", "schemas.")
"""Where the classes are by which memory is told apart."""
UNTIL = (OPENING + PLACING) * 1_000_000
CACHED = type(lru_cache(len))
"""What functions are that remember what they have worked out."""
WARM = 200
"""Orders of a world that is replayed first, so that what is loaded once is not counted."""


class Weight(NamedTuple):
    """Open orders; bytes of each: that the process grew by, that are stored; how many events there were and their CPU.

    `held`: by class, the bytes that its objects hold, what they share with others at one of these only.
    """

    orders: int
    resident: float
    stored: float
    events: int
    seconds: float
    held: dict[str, int]


class Small(Shard):
    """A shard that keeps few orders unpacked."""

    def __init__(self, policy: Policy, *, place: tuple[int, int] = (0, 1)) -> None:
        super().__init__(policy, HOT, place=place)


def weight(orders: int = ORDERS) -> Weight:
    """Measures in a process of its own, which does not make the world: what that leaves behind would be weighed too."""
    with TemporaryDirectory() as name:
        worlds = [Path(name, f"{count}.jsonl") for count in (WARM, orders)]
        for world, count in zip(worlds, (WARM, orders), strict=True):
            with world.open("wb") as file:
                file.writelines(line + b"\n" for line in stream(count, 1))
        found = subprocess.run([sys.executable, "-m", "tests.bench.weight", *worlds], stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(found.stdout, type=Weight)


def measure(warm: Path, world: Path) -> Weight:
    """Replays, and weighs what is kept."""
    gc.set_threshold(*GC_THRESHOLDS)
    with TemporaryDirectory() as name:
        folder = Path(name)
        policy_path = folder / "policy.yaml"
        policy_path.write_text(policy_text(), encoding="utf-8")
        _replay(folder, warm, policy_path)
        before, began = _settled(), time.process_time()
        settings = _replay(folder, world, policy_path)
        seconds, after = time.process_time() - began, _settled()
        opened = sum(len(shard) for shard in settings.shards)
        stored = sum(len(key) + len(value) for shard in settings.shards for key, value in shard.rows())
        return Weight(opened, (after - before) / opened, stored / opened, settings.counts.events, seconds, held(settings))


def _replay(folder: Path, world: Path, policy: Path) -> FlowOptions:
    source = FileSource([str(world)], until=UNTIL)
    settings = FlowOptions(source.channels, make_shard=Small)
    replay_into(folder / world.stem, source, load_policy(policy), settings=settings)
    return settings


def held(settings: FlowOptions) -> dict[str, int]:
    """Bytes by the class of the product that holds them. What follows from the policy alone is left out: it does not grow with orders."""
    found: Counter[str] = Counter()
    seen: set[int] = set()
    _weigh([(each, "") for shard in settings.shards for each in (shard.policy, shard.engine.evaluator.profiles)], seen, Counter())
    _weigh([(each, type(each).__name__) for each in (*settings.operators, *settings.action_shards, *settings.shards)], seen, found)
    return dict(found.most_common())


def _weigh(ahead: list[tuple[object, str]], seen: set[int], found: Counter[str]) -> None:
    """Adds up what some objects hold that was not seen before, each under the class that holds it."""
    while ahead:
        one, owner = ahead.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType):
            continue
        seen.add(id(one))
        if type(one).__module__.startswith(PRODUCT):
            owner = type(one).__name__
        found[owner] += sys.getsizeof(one)
        ahead += [(each, owner) for each in gc.get_referents(one)]


def _settled() -> int:
    """What the process has in use once nothing is left that nobody needs: what was worked out and is remembered, to a bound, is not."""
    gc.collect()
    for known in gc.get_objects():
        if type(known) is CACHED:
            known.cache_clear()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return resident()


if __name__ == "__main__":
    print(msgspec.json.encode(measure(*map(Path, sys.argv[1:]))).decode())  # noqa: T201
