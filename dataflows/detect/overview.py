"""A state directory in numbers, counted from outside: whose it is, how it stands, how much it holds."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dataflows.core.engine.order import ALIAS
from dataflows.core.engine.state import ORDER, TOMBSTONE
from dataflows.core.policy.check import PolicyError
from dataflows.detect.in_force import last_activation
from dataflows.detect.names import ORDER_SHARDS
from dataflows.runtime.state.directory import read_state, was_clean
from dataflows.runtime.state.errors import StateError
from dataflows.runtime.state.files import is_locked
from dataflows.runtime.state.reader import look
from dataflows.runtime.state.watermarks import holder_of, published_by
from schemas.instants import iso

OF_ALIAS = ALIAS.encode()
"""What the names of aliases begin with that nobody has claimed: they are no orders."""


class Slot(msgspec.Struct, frozen=True):
    """A process of the last run: whether it is running, and the watermark (log time) that it told of last."""

    process: int
    running: bool
    pid: int
    host: str
    watermark: str | None = msgspec.field(name="progress")


class Overview(msgspec.Struct, frozen=True):
    """The whole. `bytes_living` are those of rows that count, `bytes_on_disk` those of all files of shards."""

    id: str
    format: int
    engine: str
    policy: str | None
    clean: bool
    processes: tuple[Slot, ...]
    shards: dict[str, int]
    inputs: dict[str, int]
    outputs: dict[str, int]
    orders: int
    closed: int
    other_rows: int
    bytes_living: int
    bytes_on_disk: int
    activated: Active | None = None


class Active(msgspec.Struct, frozen=True):
    """The policy that was activated last in the stream: its version, since when and by whom; the engine's versions that were logged."""

    version: str
    since: str
    by: str
    engines: dict[str, str]


def overview(path: Path) -> Overview:
    """The state directory `path` in numbers. Reads all of it. Raises StateError if that cannot be done."""
    state = read_state(path)
    orders = closed = others = living = on_disk = 0
    for directory in sorted((path / "shards").iterdir()):
        seen = look(directory)
        # Segments may be dropped while they are counted.
        on_disk += sum(file.stat().st_size for file in directory.iterdir() if file.exists())
        for key, value in () if seen is None else seen[1].items():
            living += len(key) + len(value)
            kind = key[:1] if directory.name in ORDER_SHARDS else b""
            alias = key[1:].startswith(OF_ALIAS)
            orders += kind == ORDER and not alias
            closed += kind == TOMBSTONE and not alias
            others += kind not in (ORDER, TOMBSTONE) or alias
    return Overview(
        state.id,
        state.format,
        state.engine,
        state.policy,
        was_clean(path, state),
        tuple(_slot(path, process) for process in range(state.processes)),
        state.shards,
        state.inputs,
        state.outputs,
        orders,
        closed,
        others,
        living,
        on_disk,
        None if state.policy is None else _active(path),
    )


def _active(path: Path) -> Active | None:
    try:
        last = last_activation(path)
        if not last:
            return None
        engines = {version: iso(at) for version, at in last.engines.items()}
        return Active(last.policy().version, iso(last.since), last.by, engines)
    except (PolicyError, ValueError) as error:
        raise StateError(f"{path}: {error}") from error


def _slot(path: Path, process: int) -> Slot:
    slot = path / "locks" / str(process)
    holder = holder_of(slot)
    if holder is None:
        return Slot(process, running=False, pid=0, host="", watermark=None)
    watermark = published_by(process, path / "progress", holder)
    return Slot(process, is_locked(slot), holder.pid, holder.host, None if watermark is None else iso(watermark))
