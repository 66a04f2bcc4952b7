"""What Bytewax calls: shells around the pure parts. Each merges what reaches it, hands it on in log order, and passes progress along."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from bytewax.operators import StatefulBatchLogic  # pyright: ignore[reportMissingTypeStubs]

from dataflows.core.identity import Ambiguous, Placed, Sighting, Stage
from dataflows.merge import Merge
from dataflows.rejects import ambiguous, undecodable
from dataflows.route import Arrival, StageOutput
from schemas.record import Note, Record
from sources.batch import BEGINNING, END, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dataflows.core.identity.orphans import Orphan
    from dataflows.core.shard import Shard
    from dataflows.core.verdicts import Out

TOKEN = b"orderwatch/1"
"""What a shell's state is to Bytewax: a version and, once state outlives the process, where to find it. Bytes, never pickled classes."""

OrderItem: TypeAlias = "Record | Refusal | Placed"
Judged: TypeAlias = "tuple[int, list[Out]]"
"""What a shard said: how far it has come, and its verdicts up to there."""

_POSITION = attrgetter("log", "topic", "partition", "offset", "sub")
_LOG = attrgetter("log")


def _sighting_position(sighting: Sighting) -> tuple[int, str, int, int, int]:
    head = sighting[0]
    return (head.log, head.topic, head.partition, head.offset, head.sub)


def _sighting_log(sighting: Sighting) -> int:
    return sighting[0].log


def _latest(known: int | None, new: int | None) -> int | None:
    if known is None or new is None:
        return new if known is None else known
    return max(known, new)


class StageShell(StatefulBatchLogic["Arrival[Sighting]", StageOutput, bytes]):
    """One alias shard of an identity stage."""

    def __init__(self, stage: Stage, channels: Iterable[str]) -> None:
        self._stage = stage
        self._merge: Merge[Sighting] = Merge(channels, _sighting_position, _sighting_log, BEGINNING)
        self._until: int | None = None

    def on_batch(self, values: list[Arrival[Sighting]]) -> tuple[list[StageOutput], bool]:
        """Judges what no channel can come before any more, and says how far this shard has come."""
        merge, stage = self._merge, self._stage
        for arrival in values:
            merge.add(arrival.progress, arrival.items, in_order=arrival.in_order)
            self._until = _latest(self._until, arrival.until)
        before = merge.progress
        stage.apply(merge.release())
        progress = merge.progress
        if progress == before:
            return [], False
        if progress < END:
            stage.advance(progress)
        elif self._until is not None:
            stage.advance(self._until + 1)
        placed, onward = stage.drain()
        return [StageOutput(progress, placed, onward)], False

    def snapshot(self) -> bytes:
        """The shell's token."""
        return TOKEN


class OrderShell(StatefulBatchLogic["Arrival[OrderItem]", "Judged", bytes]):
    """One shard of orders: applies records in log order and lets time pass between them."""

    def __init__(self, shard: Shard, channels: Iterable[str], orphan: Callable[[Orphan], Out]) -> None:
        self._shard = shard
        self._merge: Merge[OrderItem] = Merge(channels, _POSITION, _LOG, BEGINNING)
        self._until: int | None = None
        self._orphan = orphan

    def on_batch(self, values: list[Arrival[OrderItem]]) -> tuple[list[Judged], bool]:
        """Judges what no channel can come before any more, lets time pass up to there and says what came out."""
        merge, shard = self._merge, self._shard
        for arrival in values:
            merge.add(arrival.progress, arrival.items, in_order=arrival.in_order)
            self._until = _latest(self._until, arrival.until)
        before = merge.progress
        apply = shard.apply
        aside: list[Out] = []
        for item in merge.release():
            if type(item) is Record:
                apply(item)
            elif isinstance(item, Placed):
                inner = item.item
                if isinstance(inner, Record | Note):
                    apply(inner)
                else:
                    aside.append(ambiguous(item, inner) if isinstance(inner, Ambiguous) else self._orphan(inner))
            elif isinstance(item, Refusal):
                aside.append(undecodable(item))
        progress = merge.progress
        if progress == before:
            return [], False
        if progress < END:
            shard.advance(progress, inclusive=False)
        elif self._until is not None:
            shard.advance(self._until, inclusive=True)
        outs = shard.drain()
        outs += aside
        return [(progress, outs)], False

    def snapshot(self) -> bytes:
        """The shell's token."""
        return TOKEN


def _out_position(out: Out) -> tuple[int, str, str, str, bytes]:
    # Two tenants may have an order of the same ID, in two shards; only the content tells their verdicts apart.
    return (out.log, out.order, out.topic, out.key, out.body)


class OutputShell(StatefulBatchLogic["tuple[str, Judged]", "list[Out]", bytes]):
    """Puts the verdicts of all shards into one order: by log time, order and key, whatever the batches and shards were."""

    def __init__(self, shards: Iterable[str]) -> None:
        self._merge: Merge[Out] = Merge(shards, _out_position, _LOG, BEGINNING)

    def on_batch(self, values: list[tuple[str, Judged]]) -> tuple[list[list[Out]], bool]:
        """Passes on what no shard can come before any more."""
        for shard, (progress, outs) in values:
            self._merge.add({shard: progress}, outs, in_order=False)
        outs = self._merge.release()
        return ([outs] if outs else []), False

    def snapshot(self) -> bytes:
        """The shell's token."""
        return TOKEN
