"""Many open orders in durable state: what keeping them costs, how long the flow stands still for it, and how long a start takes.

A state directory is prepared by the real flow. Then processes of their own go on from it, under scans of random orders at full speed; with
recovery off they load the same state, and keep nothing of what follows.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, cast

from dataflows.core.identity import order_shard
from dataflows.core.rules.load import load_policy
from dataflows.detect.flow import FlowOptions, LiveSink, get_live_flow
from dataflows.detect.live import HomeStores
from dataflows.detect.names import ORDER_SHARDS
from dataflows.runtime.runner import GC_THRESHOLDS, run
from dataflows.runtime.state.directory import StateHome
from tests.bench.load import CHANNELS, Filled, Load, Nowhere, TieSource, Watched, template
from tests.bench.measure import resident

if TYPE_CHECKING:
    from collections.abc import Callable

    from bytewax.inputs import FixedPartitionedSource
    from bytewax.outputs import Sink

    from schemas.output import OutputBatch
    from sources.batch import Batch

EPOCH = timedelta(seconds=10)
NEVER = timedelta(days=1)


def untrack(settings: FlowOptions) -> None:
    """Has what was loaded forget that it is kept: a run without recovery notes no changes."""
    for shard in settings.shards:
        shard._orders._tracking = False  # pyright: ignore[reportPrivateUsage]
    for operator in settings.operators:
        stage = getattr(operator, "_stage", None)
        for tables in ("_ties", "_numbers") if stage is not None else ():
            for table in getattr(stage, tables).values():
                table._changed = None


def flow_into(
    home: StateHome,
    source: FixedPartitionedSource[Batch, bytes],
    settings: FlowOptions,
    epoch: timedelta,
    judging: Callable[[], None] = lambda: None,
) -> None:
    """Runs the live graph over a state directory."""
    sink = LiveSink(cast("Sink[OutputBatch]", Nowhere()), lambda _: "nowhere", lambda _topic, _outs: None, judging)
    run(get_live_flow(source, {"nowhere": sink}, load_policy(None), settings), recovery=home.recovery, epoch=epoch)


def prepare(path: Path, orders: int) -> dict[str, float]:
    """Fills a state directory with so many orders."""
    gc.set_threshold(*GC_THRESHOLDS)
    home = StateHome.open(path)
    Filled.template, Filled.orders = template(load_policy(None)), {}
    for number in range(orders):
        Filled.orders.setdefault(order_shard("default", f"ACM-{number:08d}", len(ORDER_SHARDS)), []).append(number)
    flow_into(home, TieSource(orders), FlowOptions(CHANNELS, make_shard=Filled, stores=HomeStores(home)), NEVER)
    home.close()
    return {"packed": len(Filled.template)}


class Figures(NamedTuple):
    """What was seen of a load: events per second (by the clock, and per second of processor time), seconds, bytes per open order."""

    wall: float
    cpu: float
    pause: float
    """The longest between two looks at the input, that is for the judging of two batches and all else."""
    stood: float
    """The longest between two events judged."""
    epoch: float
    """The longest that the end of an epoch kept all shards together, without the wait for the disk."""
    resume: float
    resume_cpu: float
    memory: float
    grown: float
    state: float


def go_on(path: Path, orders: int, seconds: float, *, keeps: bool) -> None:
    """Goes on from a state directory under load, prints the figures, and ends there and then: what is not kept cannot be committed."""
    gc.set_threshold(*GC_THRESHOLDS)
    ends: dict[int, list[float]] = {}
    home = StateHome.open(path)
    stores = HomeStores(home)
    settings = FlowOptions(
        CHANNELS, stores=stores, make_shard=Watched, on_snapshot=lambda took: ends.setdefault(len(load.pauses), []).append(took)
    )
    gc.collect()
    before, memory, resumed = resident(), 0, 0.0

    def ready() -> None:
        nonlocal memory, resumed
        memory, resumed = resident() - before, time.process_time() - spent
        if not keeps:
            untrack(settings)
        Watched.begin()

    def end() -> None:
        elapsed, cpu = time.perf_counter() - load.began, time.process_time() - load.cpu
        assert sum(map(len, settings.shards)) == orders, "orders are missing"
        found = Figures(
            wall=load.events / elapsed,
            cpu=load.events / cpu,
            pause=max(load.pauses),
            stood=Watched.stood,
            epoch=max(map(sum, ends.values()), default=0.0),
            resume=load.resume,
            resume_cpu=resumed,
            memory=memory / orders,
            grown=(resident() - before) / orders,
            state=sum(store.size for store in stores.opened) / orders,
        )
        print(json.dumps(found._asdict()), flush=True)  # noqa: T201
        os._exit(0)

    load, spent = Load(orders, seconds, ready, end), time.process_time()
    flow_into(home, load, settings, EPOCH if keeps else NEVER, load.judging)


class Scale(NamedTuple):
    """What was measured; `packed` is the size of one order's state."""

    packed: float
    kept: Figures
    off: Figures


def scale(orders: int, seconds: float, folder: Path | None = None) -> Scale:
    """Measures so many open orders for so long. `folder`: where a prepared state is found or left, to be used again."""
    with TemporaryDirectory() as scratch:
        master = (folder or Path(scratch)) / f"state-{orders}"
        facts = master.with_suffix(".json")
        if not facts.exists():
            shutil.rmtree(master, ignore_errors=True)
            master.parent.mkdir(parents=True, exist_ok=True)
            facts.write_text(json.dumps(_child("prepare", str(master), str(orders))))
        ways: list[Figures] = []
        for way in ("off", "kept"):
            copy = master.with_name(f"{master.name}-{way}")
            shutil.rmtree(copy, ignore_errors=True)
            # Segments are never changed, so links will do for them; Bytewax's own files are.
            shutil.copytree(master, copy, copy_function=_copy)
            ways.append(Figures(**_child(way, str(copy), str(orders), str(seconds))))
            shutil.rmtree(copy)
        return Scale(json.loads(facts.read_text())["packed"], ways[1], ways[0])


def _copy(source: str, target: str) -> None:
    if source.endswith(".log"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _child(*arguments: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-m", "tests.bench.scale", *arguments], stdout=subprocess.PIPE, check=True)
    return cast("dict[str, float]", json.loads(done.stdout))


if __name__ == "__main__":
    what, where, number, *rest = sys.argv[1:]
    if what == "prepare":
        print(json.dumps(prepare(Path(where), int(number))))  # noqa: T201
    else:
        go_on(Path(where), int(number), float(rest[0]), keeps=what == "kept")
