"""What is measured, and how: one process per figure of memory, the best of a few runs per figure of speed."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple, cast

from dataflows.cli.replay import replay_into
from dataflows.core.engine.codec import OrderCodec
from dataflows.core.engine.ruleset import RuleSet
from dataflows.core.engine.shard import Shard
from dataflows.core.identity import order_shard
from dataflows.core.rules.load import load_policy
from dataflows.detect.flow import FlowOptions
from dataflows.detect.names import ORDER_SHARDS
from dataflows.runtime.runner import GC_THRESHOLDS
from schemas.record import FeedWatermark, IdentityFinding, Orphan, Record, Silences
from schemas.wire import decode, micros
from sources.files import FileSource
from sources.simulator import stream
from sources.simulator.policy import policy_text
from tests.support.logs import MINUTE, T0, iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataflows.detect.flow import MakeShard

RUNS = 3


class Speed(NamedTuple):
    """Events per second: of the whole replay, of it without the heart, of reading (decoding, log time), of decoding, of the heart alone."""

    events: int
    replay: float
    flow: float
    read: float
    decode: float
    make_shard: float


class Taker(Shard):
    """A heart that judges nothing; it only keeps what it is given, if asked to."""

    kept: list[Record | IdentityFinding] | None = None

    def apply(self, record: Record | IdentityFinding | FeedWatermark | Orphan | Silences) -> None:
        """Takes one record or note."""
        if self.kept is not None and not isinstance(record, FeedWatermark | Orphan | Silences):
            self.kept.append(record)

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Lets log time pass."""


class Memory(NamedTuple):
    """Bytes per open order: what the process grew by, and what the heart itself keeps of an order that is not being touched."""

    orders: int
    resident: float
    packed: float
    seconds: float


def best(work: Callable[[], object]) -> float:
    """The shortest of a few runs, in seconds: what else this machine does only makes it longer."""
    times: list[float] = []
    for _ in range(RUNS):
        gc.collect()
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def speed(orders: int) -> Speed:
    """Measures a simulated world of so many orders, all in the same run."""
    gc.set_threshold(*GC_THRESHOLDS)
    with TemporaryDirectory() as name:
        folder = Path(name)
        lines = list(stream(orders, 1))
        events, policy = folder / "events.jsonl", folder / "policy.yaml"
        events.write_bytes(b"\n".join(lines))
        policy.write_text(policy_text(), encoding="utf-8")
        rules = load_policy(policy)

        def whole(make_shard: MakeShard, taken: list[Record | IdentityFinding] | None = None) -> None:
            Taker.kept = taken
            source = FileSource([str(events)])
            replay_into(folder / "out", source, rules, settings=FlowOptions(source.channels, make_shard=make_shard))

        taken: list[Record | IdentityFinding] = []
        whole(Taker, taken)

        def make_shard() -> None:
            shards = [Shard(rules) for _ in ORDER_SHARDS]
            for item in taken:
                tenant = item.tenant if isinstance(item, IdentityFinding) else item.event.tenant
                shards[order_shard(tenant, item.order, len(shards))].apply(item)

        count = len(lines)
        return Speed(
            count,
            count / best(lambda: whole(Shard)),
            count / best(lambda: whole(Taker)),
            count / best(lambda: _read(events)),
            count / best(lambda: [decode(line) for line in lines]),
            len(taken) / best(make_shard),
        )


def _read(path: Path) -> list[object]:
    """Everything that a file holds, as the flow gets it."""
    part = FileSource([str(path)]).build_part("events", "files", None)
    items: list[object] = []
    while True:
        try:
            (batch,) = part.next_batch()
        except StopIteration:
            return items
        items += batch.items


def memory(orders: int) -> Memory:
    """Measures so many open orders in a process of their own."""
    found = subprocess.run([sys.executable, "-m", "tests.bench.measure", str(orders)], capture_output=True, check=True)
    numbers = cast("dict[str, float]", json.loads(found.stdout))
    return Memory(orders, numbers["bytes"] / orders, numbers["packed"], numbers["seconds"])


def resident() -> int:
    """The memory that this process has in use, bytes (Linux)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS in /proc/self/status")


def _order(number: int) -> list[bytes]:
    """An order that is placed, paid and on its way: three events, two deadlines ahead."""
    order, at = f"ORDER-{number:08d}", T0 + number // 1_000
    money = {"amount": "129.90", "currency": "EUR"}
    data: list[tuple[str, str, dict[str, object]]] = [
        (
            "order.placed",
            "/storefront/acme",
            {
                "total": money,
                "customer": {"id": f"c-{number}", "tier": "gold"},
                "promised_by": "2026-12-20",
                "ship_by": "2026-12-10",
                "ship_to": {"country": "NL", "timezone": "Europe/Amsterdam"},
                "lines": [{"line_id": "1", "sku": "SKU-1", "quantity": 1}],
            },
        ),
        ("payment.authorized", "/payments/stripe", {"payment_id": f"p-{number}", "amount": money}),
        ("payment.captured", "/payments/stripe", {"payment_id": f"p-{number}", "amount": money}),
    ]
    return [
        json.dumps(
            {
                "specversion": "1.0",
                "id": f"{order}-{index}",
                "source": source,
                "type": type_,
                "subject": order,
                "time": iso(at + index * MINUTE),
                "data": values,
            }
        ).encode()
        for index, (type_, source, values) in enumerate(data)
    ]


def fill(orders: int) -> dict[str, float]:
    """Opens so many orders in the heart; returns by how much the process grew and how long it took."""
    gc.set_threshold(*GC_THRESHOLDS)
    policy = load_policy(None)
    shards = [Shard(policy) for _ in ORDER_SHARDS]
    gc.collect()
    before, began = resident(), time.perf_counter()
    offset = 0
    for number in range(orders):
        for line in _order(number):
            offset += 1
            event = decode(line)
            at = micros(event.time)
            order = event.subject or ""
            record = Record(T0 + number, "events", 0, offset, 0, at, order, event, line)
            shards[order_shard(event.tenant, order, len(shards))].apply(record)
    for shard in shards:
        shard.drain()
    gc.collect()
    assert sum(len(shard) for shard in shards) == orders
    grown, seconds = resident() - before, time.perf_counter() - began
    sample = [f"ORDER-{number:08d}" for number in range(0, orders, max(1, orders // 1_000))]
    found = [shards[order_shard("default", order, len(shards))].find("default", order) for order in sample]
    codec = OrderCodec(RuleSet(policy))
    packed = sum(len(codec.pack(order)) for order in found if order is not None) / len(sample)
    return {"bytes": grown, "packed": packed, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(fill(int(sys.argv[1]))))  # noqa: T201
