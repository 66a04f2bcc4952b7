"""Writes a world to files: the events, what they must cause, and the policy under which they do."""

from __future__ import annotations

import gzip
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from sources.simulator.moments import LASTING, OPENING, instant
from sources.simulator.parts import Label
from sources.simulator.policy import policy_text
from sources.simulator.world import World, groups


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written.

    `events` counts lines, duplicates and heartbeats included, `orders` those that are parts of another too, `faults` injected faults and
    `labels` rows by kind.
    """

    events: int
    orders: int
    faults: dict[str, int]
    labels: dict[str, int]
    until: str
    path: Path
    expected_path: Path
    policy_path: Path


def stream(orders: int, seed: int, opening: int = OPENING) -> Iterator[bytes]:
    """The events of a world in the order of the file: JSON without line ends."""
    return World(orders, seed, opening).lines()


def expected(orders: int, seed: int, opening: int = OPENING) -> list[Label]:
    """The exceptions that must stand at the world's end, sorted by order, kind and scope."""
    return _sorted([label for group in groups(orders, seed, opening) for order in group.orders for label in order.labels])


def files_of(out: Path) -> tuple[Path, Path, Path]:
    """The files of a world: its events, what they must cause, the policy."""
    stem = out.name.removesuffix(".gz").removesuffix(".jsonl")
    return out, out.with_name(f"{stem}.expected.jsonl"), out.with_name(f"{stem}.policy.yaml")


def write_world(orders: int, seed: int, out: Path, opening: int = OPENING) -> Summary:
    """Writes the world's events to `out` (compressed if it ends in `.gz`), and beside it `.expected.jsonl` and `.policy.yaml`.

    `opening` as in `World`.

    Raises:
        OSError: where a file cannot be written.
    """
    _, expected_path, policy_path = files_of(out)
    world = World(orders, seed, opening)
    with _open(out) as file:
        for line in world.lines():
            file.write(line + b"\n")
    header = {"until": instant(opening + LASTING), "orders": orders, "seed": seed, "events": world.events}
    labels = _sorted(world.labels)
    rows = [header, *(label._asdict() for label in labels)]
    expected_path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    policy_path.write_text(policy_text(), encoding="utf-8")
    kinds = sorted({label.kind for label in labels})
    return Summary(
        events=world.events,
        orders=orders + world.children,
        faults=dict(sorted(world.faults.items())),
        labels={kind: sum(label.kind == kind for label in labels) for kind in kinds},
        until=instant(opening + LASTING),
        path=out,
        expected_path=expected_path,
        policy_path=policy_path,
    )


@contextmanager
def _open(out: Path) -> Generator[BinaryIO]:
    """Opens the file for writing; the same content gives the same bytes, compressed or not."""
    with out.open("wb") as plain:
        if out.suffix != ".gz":
            yield plain
            return
        with gzip.GzipFile("", "wb", 5, plain, mtime=0) as packed:
            yield cast("BinaryIO", packed)


def _sorted(labels: list[Label]) -> list[Label]:
    return sorted(labels, key=lambda label: (label.order_id, label.kind, label.scope or ""))
