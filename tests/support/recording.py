"""`python -m tests.support.recording CHECKOUT`: records what another checkout, such as the last release, says of a small world.

The world has every fault of the simulator at least once, healthy orders beside them, random histories, and records that cannot be used.
Input and output lie in `tests/oracle/recorded`; the input is written anew only with `--input`.
"""

from __future__ import annotations

import argparse
import lzma
import subprocess
from collections import Counter
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

import orjson

from schemas.instants import SECOND, micros
from sources.simulator.faults import FAULTS
from sources.simulator.feeds import deliver, heartbeats
from sources.simulator.moments import OPENING
from sources.simulator.policy import policy_text
from sources.simulator.world import groups
from tests.property.histories import histories
from tests.support.differences import TOPICS
from tests.support.drawing import drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "oracle" / "recorded"
EVENTS = "events.jsonl"
SAID = "said.jsonl"
"""Of each policy and topic a line with its name and number of lines, then those."""
POLICIES = ("world", "tuned")
"""The simulator's own policy, and one that differs from the built-in one in every way."""
UNTIL = "2027-04-01T00:00:00Z"
SEED = 11
HEALTHY = 40
HISTORIES = 120
UNUSABLE = (
    b"not JSON",
    b'{"specversion": "1.0", "id": "x1", "source": "/storefront/acme", "type": "order.placed", "subject": "X1", "data": {}}',
    b'{"specversion": "0.3", "id": "x2", "source": "/storefront/acme", "type": "order.placed", "time": "2026-04-01T00:00:00Z", "data": {}}',
    b'{"specversion": "1.0", "id": "x3", "source": "/carrier/ups", "type": "carrier.scan", "time": "2026-04-01T00:00:00Z", "data": {}}',
    (
        b'{"specversion": "1.0", "id": "x4", "source": "/desk/acme", "type": "action.approved", "time": "2026-04-01T00:00:00Z", '
        b'"subject": "X4", "data": {"action_id": "none"}}'
    ),
    (
        b'{"specversion": "1.0", "id": "x5", "source": "/storefront/acme", "type": "order.updated", "time": "2025-01-01T00:00:00Z", '
        b'"subject": "X5", "recordedtime": "2026-04-02T00:00:00Z", "data": {}}'
    ),
)
"""Lines of the input that are rejected: no JSON, no time, another version, of nobody, a decision about nothing, too old."""


def events() -> bytes:
    """The recorded input."""
    return lzma.decompress((FOLDER / f"{EVENTS}.xz").read_bytes())


def recorded(policy: str) -> dict[str, bytes]:
    """What was said under a policy, by topic."""
    found: dict[str, bytes] = {}
    lines = lzma.decompress((FOLDER / f"{SAID}.xz").read_bytes()).splitlines(keepends=True)
    while lines:
        name, topic, count = lines.pop(0).decode().split()
        said, lines = lines[: int(count)], lines[int(count) :]
        if name == policy:
            found[topic] = b"".join(said)
    return found


def _events() -> Iterator[bytes]:
    """The lines of the input, in the order of the file."""
    wanted: Counter[str] = Counter()
    lines: list[tuple[int, bytes]] = []
    for group in groups(2_500, SEED):
        name = group.fault.name if group.fault is not None else ""
        if wanted[name] < (1 if name else HEALTHY):
            wanted[name] += 1
            lines += [(delivery.log * SECOND, delivery.line) for order in group.orders for delivery in deliver(order, OPENING)]
    assert wanted.keys() >= {fault.name for fault in FAULTS}, "a world of more orders is needed for every fault"
    lines += [(delivery.log * SECOND, delivery.line) for number, delivery in enumerate(heartbeats(OPENING)) if number % 50 == 0]
    for number, history in enumerate(drawn(histories(chapters=2), HISTORIES, SEED)):
        for line in history.lines():
            lines.append((micros(datetime.fromisoformat(str(line["recordedtime"]))), orjson.dumps({**line, "tenant": f"h{number}"})))
    lines.sort(key=lambda line: line[0])
    told = [line for _, line in lines]
    step = len(told) // (len(UNUSABLE) + 1)
    for number, unusable in enumerate(UNUSABLE, start=1):
        told.insert(number * step, unusable)
    yield from told


def main() -> None:
    """Records."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.recording", description=__doc__)
    parser.add_argument("checkout", type=Path, help="whose program is recorded; it has a .venv")
    parser.add_argument("--input", action="store_true", help="write the input anew as well")
    chosen = parser.parse_args()
    if chosen.input:
        _pack(EVENTS, b"".join(line + b"\n" for line in _events()))
        (FOLDER / "world.policy.yaml").write_text(policy_text(), encoding="utf-8")
    with TemporaryDirectory() as name:
        path = Path(name) / EVENTS
        path.write_bytes(events())
        said: list[bytes] = []
        for policy in POLICIES:
            out = Path(name) / policy
            program = cast("Path", chosen.checkout).absolute() / ".venv" / "bin" / "orderwatch"
            arguments = [str(path), "--policy", str(FOLDER / f"{policy}.policy.yaml"), "--until", UNTIL, "--out", str(out)]
            subprocess.run([program, "replay", *arguments], check=True)
            for topic in TOPICS:
                lines = (out / f"{topic}.jsonl").read_bytes().splitlines(keepends=True)
                said += [f"{policy} {topic} {len(lines)}\n".encode(), *lines]
    _pack(SAID, b"".join(said))


def _pack(name: str, content: bytes) -> None:
    (FOLDER / f"{name}.xz").write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
