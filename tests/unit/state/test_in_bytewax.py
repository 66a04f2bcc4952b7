"""A store under Bytewax itself: tokens are its snapshots, and what was aborted is rolled back."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import bytewax.operators as op  # pyright: ignore[reportMissingTypeStubs]
import pytest
from bytewax.dataflow import Dataflow  # pyright: ignore[reportMissingTypeStubs]
from bytewax.inputs import (  # pyright: ignore[reportMissingTypeStubs]
    AbortExecution,  # pyright: ignore[reportUnknownVariableType]
    FixedPartitionedSource,
    StatefulSourcePartition,
)
from bytewax.operators import StatefulBatchLogic  # pyright: ignore[reportMissingTypeStubs]
from bytewax.recovery import RecoveryConfig  # pyright: ignore[reportMissingTypeStubs]
from bytewax.testing import TestingSink, run_main  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from dataflows.runtime.state import CommitToken, ShardStore, StateHome
from dataflows.runtime.state.reader import look
from dataflows.runtime.state.recovery import parts, roll_back
from dataflows.runtime.state.store import Compaction

if TYPE_CHECKING:
    from pathlib import Path

SHARD = "s07"
NUMBERS = 600


class Reading(StatefulSourcePartition[tuple[str, int], int]):
    """Counts up in batches, and aborts the flow once at each of `aborts`."""

    def __init__(self, start: int, aborts: list[int]) -> None:
        self.next = start
        self.aborts = aborts

    def next_batch(self) -> list[tuple[str, int]]:
        """Up to seven numbers."""
        if self.next >= NUMBERS:
            raise StopIteration
        if self.aborts and self.next > self.aborts[0]:
            self.aborts.pop(0)
            raise AbortExecution
        begin, self.next = self.next, min(self.next + 7, NUMBERS)
        return [(SHARD, n) for n in range(begin, self.next)]

    def snapshot(self) -> int:
        """The next number."""
        return self.next


class Numbers(FixedPartitionedSource[tuple[str, int], int]):
    """One partition of numbers."""

    def __init__(self, aborts: list[int]) -> None:
        self.aborts = aborts

    def list_parts(self) -> list[str]:
        """The one."""
        return ["numbers"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Reading:  # noqa: ARG002 (Bytewax names them)
        """The numbers from where the last durable epoch ended."""
        return Reading(resume_state or 0, self.aborts)


class Sums(StatefulBatchLogic[int, int, "CommitToken | bytes"]):
    """Sums of numbers by their last digit, kept in a store."""

    def __init__(self, store: ShardStore) -> None:
        self.store = store
        self.sums = dict(store.rows())

    def on_batch(self, values: list[int]) -> tuple[list[int], bool]:
        """Adds."""
        for value in values:
            key = b"%d" % (value % 10)
            self.sums[key] = b"%d" % (int(self.sums.get(key, b"0")) + value)
            self.store.put(key, self.sums[key])
        return values, False

    def snapshot(self) -> CommitToken:
        """What Bytewax keeps."""
        return self.store.commit(self.sums.items)


@pytest.mark.parametrize("epoch", [timedelta(0), timedelta(milliseconds=2), timedelta(days=1)])
def test_aborted_epochs_leave_no_trace(tmp_path: Path, epoch: timedelta) -> None:
    """A flow that is aborted again and again ends with the sums that it would have had at once: no number is lost or added twice."""
    aborts = list(range(17, NUMBERS, 75))
    home = StateHome.open(tmp_path)
    for _ in range(len(aborts) + 1):
        home.close()
        home = StateHome.open(tmp_path, compaction=Compaction(least_bytes=200, most_segments=3))

        def build(token: CommitToken | bytes | None, home: StateHome = home) -> Sums:
            assert not isinstance(token, CommitToken)
            return Sums(ShardStore.open(home, SHARD, token))

        flow = Dataflow("sums")
        op.output("out", op.stateful_batch("sum", op.input("in", flow, Numbers(aborts)), build), TestingSink([]))
        recovery = RecoveryConfig(home.recovery, timedelta(0))  # type: ignore[no-untyped-call]
        run_main(flow, epoch_interval=epoch, recovery_config=recovery)  # type: ignore[no-untyped-call]
    home.close()
    assert not aborts
    seen = look(home.shards / SHARD)
    assert seen is not None
    assert seen[1] == {b"%d" % digit: b"%d" % sum(range(digit, NUMBERS, 10)) for digit in range(10)}


class Listed(StatefulSourcePartition[tuple[str, int], int]):
    """A batch for each item, then an abort unless it is the end."""

    def __init__(self, items: list[tuple[str, int]], start: int, *, ends: bool) -> None:
        self.items, self.next, self.ends = items, start, ends

    def next_batch(self) -> list[tuple[str, int]]:
        """One item."""
        if self.next >= len(self.items):
            raise StopIteration if self.ends else AbortExecution
        self.next += 1
        return [self.items[self.next - 1]]

    def snapshot(self) -> int:
        """The next one."""
        return self.next


class Items(FixedPartitionedSource[tuple[str, int], int]):
    """One partition of listed items."""

    def __init__(self, items: list[tuple[str, int]], *, ends: bool) -> None:
        self.items, self.ends = items, ends

    def list_parts(self) -> list[str]:
        """The one."""
        return ["items"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Listed:  # noqa: ARG002 (Bytewax names them)
        """The items from where the last durable epoch ended."""
        return Listed(self.items, resume_state or 0, ends=self.ends)


class Sum(StatefulBatchLogic[int, int, int]):
    """The sum of a key, in the snapshot itself."""

    def __init__(self, so_far: int | None) -> None:
        self.so_far = so_far or 0

    def on_batch(self, values: list[int]) -> tuple[list[int], bool]:
        """Adds."""
        self.so_far += sum(values)
        return [self.so_far], False

    def snapshot(self) -> int:
        """What there is."""
        return self.so_far


@pytest.mark.parametrize(("rolled_back", "sums"), [(True, [("a", 2)]), (False, [("a", 100)])])
def test_a_snapshot_of_an_epoch_that_never_was_is_no_state(tmp_path: Path, sums: list[tuple[str, int]], *, rolled_back: bool) -> None:
    """Killed while the snapshots of an epoch are written, then resumed with an epoch in which the key sleeps, then resumed again.

    The second case is what Bytewax does by itself. Once it says otherwise, `roll_back` can go.
    """
    home = StateHome.open(tmp_path)
    home.close()
    seen: list[tuple[str, int]] = []

    def run(items: list[tuple[str, int]], *, ends: bool = False) -> None:
        if rolled_back:
            roll_back(home.recovery, 4)
        seen.clear()
        flow = Dataflow("sums")
        summed = op.stateful_batch("sum", op.input("in", flow, Items(items, ends=ends)), Sum)
        op.output("out", summed, TestingSink(seen))
        recovery = RecoveryConfig(home.recovery, timedelta(0))  # type: ignore[no-untyped-call]
        run_main(flow, epoch_interval=timedelta(0), recovery_config=recovery)  # type: ignore[no-untyped-call]

    run([("a", 1)])
    for file in parts(home.recovery, 4):
        with closing(sqlite3.connect(file)) as store, store:
            known = store.execute("SELECT step_id, state_key, MAX(snap_epoch) FROM snaps WHERE state_key = 'a' GROUP BY 1, 2").fetchall()
            # Of the epoch that a kill broke off, 98 more had been summed.
            store.executemany("INSERT INTO snaps VALUES (0, ?, ?, ?, ?)", [(*key, epoch + 1, pickle.dumps(99)) for *key, epoch in known])
    run([("a", 1), ("b", 1)])
    run([("a", 1), ("b", 1), ("a", 1)], ends=True)
    assert seen == sums
