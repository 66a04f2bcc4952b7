"""The operators that Bytewax calls: each merges its input into log order, passes it to a pure core, and forwards the watermark."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, TypeAlias, cast

from bytewax.operators import StatefulBatchLogic  # pyright: ignore[reportMissingTypeStubs]

from dataflows.core.actions.shard import ActionShard, action_position
from dataflows.core.engine.shard import Shard
from dataflows.core.engine.watermarks import WatermarkRun
from dataflows.core.identity import AliasLookup, AliasResolver, Ambiguous, ResolvedEvent
from dataflows.detect.arrivals import Arrival, StageOutput
from dataflows.detect.exchange import ActionItem, OrderItem
from dataflows.detect.names import ACTION_SHARDS
from dataflows.detect.rejects import ambiguous, undecodable
from dataflows.runtime.checkpoint import Checkpointer, CheckpointError, Snapshot
from dataflows.runtime.failure import noted
from dataflows.runtime.merge import Merge
from schemas.output import OutputRecord
from schemas.record import FeedWatermark, IdentityFinding, Orphan, Record, Silences
from schemas.wire import Rejected
from sources.batch import BEGINNING, END, Refusal

TOKEN = b"orderwatch/1"
"""The snapshot of an operator without a checkpoint. Bytes, never pickled classes."""

Judged: TypeAlias = "tuple[int, list[OutputRecord]]"
"""Output of a shard: its low watermark, and its output records up to there."""

_APPLIED = (Record, FeedWatermark)
_RESOLVED = (Record, IdentityFinding, Orphan, Silences)
_POSITION = attrgetter("log", "topic", "partition", "offset", "sub")
_LOG = attrgetter("log")


def _lookup_position(lookup: AliasLookup) -> tuple[int, str, int, int, int]:
    head = lookup[0]
    return (head.log, head.topic, head.partition, head.offset, head.sub)


def _lookup_log(lookup: AliasLookup) -> int:
    return lookup[0].log


def _latest(known: int | None, new: int | None) -> int | None:
    if known is None or new is None:
        return new if known is None else known
    return max(known, new)


def _pickled(snapshot: Snapshot) -> bytes:
    # Bytewax pickles what it is given, later: then this is bytes.
    return cast("bytes", snapshot)


@contextmanager
def _readable(shard: str) -> Generator[None]:
    try:
        yield
    except (ValueError, Rejected) as error:
        raise CheckpointError(f"the stored state of shard {shard} cannot be read: {error}") from error


def _begin(checkpointer: Checkpointer[Any] | None, shard: str) -> None:
    if checkpointer is not None:
        checkpointer.begin(shard)


class IdentityOperator(StatefulBatchLogic["Arrival[AliasLookup]", StageOutput, bytes]):
    """One alias shard of an identity stage; with a `checkpointer` its state outlives the run."""

    def __init__(
        self,
        stage: AliasResolver,
        channels: Iterable[str],
        checkpointer: Checkpointer[AliasLookup] | None = None,
        snapshot: bytes | None = None,
    ) -> None:
        self.merge: Merge[AliasLookup] = Merge(channels, _lookup_position, _lookup_log, BEGINNING)
        self._stage = stage
        self._until: int | None = None
        self._checkpointer = checkpointer
        self._begun = checkpointer is None
        if checkpointer is not None and snapshot is not None:
            checkpoint = checkpointer.resume(snapshot)
            self.merge.restore(checkpoint.watermark, checkpoint.channels, checkpoint.held)
            with _readable(checkpoint.shard):
                stage.restore(checkpoint.rows, checkpoint.changed_at)
            self._begun = True

    @noted
    def on_batch(self, values: list[Arrival[AliasLookup]]) -> tuple[list[StageOutput], bool]:
        """Resolves what no channel can precede any more, and forwards the low watermark."""
        if not self._begun:
            _begin(self._checkpointer, values[0].shard)
            self._begun = True
        merge, stage = self.merge, self._stage
        for arrival in values:
            merge.add(arrival.watermark, arrival.items, in_order=arrival.in_order)
            self._until = _latest(self._until, arrival.until)
        before = merge.watermark
        stage.apply(merge.release())
        watermark = merge.watermark
        if watermark == before:
            return [], False
        if watermark < END:
            stage.advance(watermark)
        elif self._until is not None:
            stage.advance(self._until + 1)
        resolved, onward = stage.drain()
        return [StageOutput(watermark, resolved, onward)], False

    @noted
    def snapshot(self) -> bytes:
        """The operator's token."""
        return TOKEN if self._checkpointer is None else _pickled(self._checkpointer.commit(self.merge, self._stage))


class OrderOperator(StatefulBatchLogic["Arrival[OrderItem]", "Judged", bytes]):
    """One shard of orders: applies records in log order, lets time pass between them, and numbers its output.

    The output and its order do not depend on how the input was cut into batches: a run that resumes gives the same output record the same
    number. With a `checkpointer` the state outlives the run; `make_shard` makes the shard of a name.
    """

    def __init__(
        self,
        make_shard: Callable[[str], Shard],
        channels: Iterable[str],
        checkpointer: Checkpointer[OrderItem] | None = None,
        snapshot: bytes | None = None,
    ) -> None:
        self.merge: Merge[OrderItem] = Merge(channels, _POSITION, _LOG, BEGINNING)
        self._make_shard = make_shard
        self._shard: Shard | None = None
        self._name = ""
        self._until: int | None = None
        self._checkpointer = checkpointer
        self._runs: list[WatermarkRun] = []
        self.number = 0
        """Number of the last output record."""
        if checkpointer is not None and snapshot is not None:
            checkpoint = checkpointer.resume(snapshot)
            self._name, self.number = checkpoint.shard, checkpoint.number
            self._shard = make_shard(checkpoint.shard)
            with _readable(checkpoint.shard):
                self._shard.restore(checkpoint.rows, checkpoint.changed_at)
            marks = [item for item in checkpoint.held if isinstance(item, FeedWatermark)]
            self.merge.restore(
                checkpoint.watermark, checkpoint.channels, [item for item in checkpoint.held if not isinstance(item, FeedWatermark)]
            )
            if marks:
                self._hear(self._shard, WatermarkRun.of(marks))

    @noted
    def on_batch(self, values: list[Arrival[OrderItem]]) -> tuple[list[Judged], bool]:
        """Applies what no channel can precede any more, lets time pass up to there, and returns the output."""
        if self._shard is None:
            # Only what reaches it tells a new operator whose it is.
            self._name = values[0].shard
            self._shard = self._make_shard(self._name)
            _begin(self._checkpointer, self._name)
        merge, shard = self.merge, self._shard
        for arrival in values:
            merge.add(arrival.watermark, arrival.items, in_order=arrival.in_order)
            if arrival.run is not None and shard.feeds:
                self._hear(shard, arrival.run)
            if arrival.shown:
                shard.learn(arrival.shown)
            self._until = _latest(self._until, arrival.until)
        before = merge.watermark
        apply, stand = shard.apply, shard.feeds.stand
        in_runs = bool(self._runs)
        outs: list[OutputRecord] = []
        for item in merge.release():
            if in_runs:
                stand(_POSITION(item))
            if isinstance(item, _APPLIED):
                apply(item)
            elif isinstance(item, ResolvedEvent) and isinstance(item.item, _RESOLVED):
                apply(item.item)
            else:
                # What is said besides the core takes its place in the sequence, after all that was due before it.
                shard.advance(item.log, inclusive=False)
                outs += shard.drain()
                outs.append(self._aside(item))
        watermark = merge.watermark
        if watermark == before:
            return [], False
        if watermark < END:
            shard.advance(watermark, inclusive=False)
        elif self._until is not None:
            shard.advance(self._until, inclusive=True)
        if self._runs:
            self._runs = [run for run in self._runs if run.last >= watermark]
        outs += shard.drain()
        for number, out in enumerate(outs, self.number + 1):
            out.shard, out.number = self._name, number
        self.number += len(outs)
        return [(watermark, outs)], False

    def _hear(self, shard: Shard, run: WatermarkRun) -> None:
        """Takes watermarks in. The shard that raises a feed's incident gets those of that feed in their places, among its items."""
        self._runs.append(run)
        shard.feeds.add(run)
        if own := shard.feeds.own:
            self.merge.add({}, [mark for mark in run.marks if mark.feed in own], in_order=False)

    def _held(self) -> list[OrderItem]:
        """What is held back: each watermark once."""
        held: list[OrderItem] = [item for item in self.merge.held if not isinstance(item, FeedWatermark)]
        return held + [mark for run in self._runs for mark in run.since(self.merge.watermark)]

    @staticmethod
    def _aside(item: Refusal | ResolvedEvent) -> OutputRecord:
        if isinstance(item, Refusal):
            return undecodable(item)
        assert isinstance(item.item, Ambiguous)
        return ambiguous(item, item.item)

    def snapshot(self) -> bytes:
        """The operator's token."""
        if self._checkpointer is None or self._shard is None:
            return TOKEN
        held = self._held() if self._runs else self.merge.held
        return _pickled(self._checkpointer.commit(self.merge, self._shard, self.number, held))


class ActionOperator(StatefulBatchLogic["Arrival[ActionItem]", "Judged", bytes]):
    """One shard of actions: applies what all order shards say and what is decided, in log order, and numbers its output.

    With a `checkpointer` the state outlives the run. `channels` are those of the source and all order shards.
    """

    def __init__(
        self,
        make_shard: Callable[[str], ActionShard],
        channels: Iterable[str],
        checkpointer: Checkpointer[ActionItem] | None = None,
        snapshot: bytes | None = None,
    ) -> None:
        self.merge: Merge[ActionItem] = Merge(channels, action_position, _LOG, BEGINNING)
        self._make_shard = make_shard
        self._shard: ActionShard | None = None
        self._name = ""
        self._until: int | None = None
        self._checkpointer = checkpointer
        self.number = 0
        """Number of the last output record."""
        if checkpointer is not None and snapshot is not None:
            checkpoint = checkpointer.resume(snapshot)
            self._name, self.number = checkpoint.shard, checkpoint.number
            self._shard = make_shard(checkpoint.shard)
            with _readable(checkpoint.shard):
                self._shard.restore(checkpoint.rows, checkpoint.changed_at)
            self.merge.restore(checkpoint.watermark, checkpoint.channels, checkpoint.held)

    @noted
    def on_batch(self, values: list[Arrival[ActionItem]]) -> tuple[list[Judged], bool]:
        """Applies what nothing can precede any more, lets time pass up to there, and returns the output."""
        if self._shard is None:
            self._name = values[0].shard
            self._shard = self._make_shard(self._name)
            _begin(self._checkpointer, self._name)
        merge, shard = self.merge, self._shard
        for arrival in values:
            merge.add(arrival.watermark, arrival.items, in_order=False)
            self._until = _latest(self._until, arrival.until)
        before = merge.watermark
        for item in merge.release():
            shard.apply(item)
        watermark = merge.watermark
        if watermark == before:
            return [], False
        if watermark < END:
            shard.advance(watermark, inclusive=False)
        elif self._until is not None:
            shard.advance(self._until, inclusive=True)
        outs = shard.drain()
        for number, out in enumerate(outs, self.number + 1):
            out.shard, out.number = self._name, number
        self.number += len(outs)
        return [(watermark, outs)], False

    def snapshot(self) -> bytes:
        """The operator's token."""
        if self._checkpointer is None or self._shard is None:
            return TOKEN
        return _pickled(self._checkpointer.commit(self.merge, self._shard, self.number))


_LATER = frozenset(ACTION_SHARDS)
"""The shards whose output comes, at one instant, behind that of all others."""


def _out_position(out: OutputRecord) -> tuple[int, bool, str, str, str, bytes]:
    # Two tenants may have an order of the same ID, in two shards; only the content tells their output records apart.
    return (out.log, out.shard in _LATER, out.order, out.topic, out.key, out.body)


class OutputOperator(StatefulBatchLogic["tuple[str, Judged]", "list[OutputRecord]", bytes]):
    """Puts the output records of all shards into one order: by log time, order and key, whatever the batches and shards were."""

    def __init__(self, shards: Iterable[str]) -> None:
        self._merge: Merge[OutputRecord] = Merge(shards, _out_position, _LOG, BEGINNING)

    def on_batch(self, values: list[tuple[str, Judged]]) -> tuple[list[list[OutputRecord]], bool]:
        """Passes on what no shard can precede any more."""
        for shard, (watermark, outs) in values:
            self._merge.add({shard: watermark}, outs, in_order=False)
        outs = self._merge.release()
        return ([outs] if outs else []), False

    def snapshot(self) -> bytes:
        """The operator's token."""
        return TOKEN
