"""Runs a graph in this process: stops cleanly when asked to, and says in one line what went wrong."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from bytewax._bytewax import cli_main  # pyright: ignore[reportUnknownVariableType]
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import RecoveryConfig  # pyright: ignore[reportMissingTypeStubs]

from dataflows.runtime.failure import DEBUG, FAILURE, noted, only_noted
from dataflows.runtime.stop import Stop

X = TypeVar("X")
S = TypeVar("S")
PANIC = "PanicException"
"""What a failure of native code is raised as; its class cannot be imported."""
API_SERVER = "BYTEWAX_DATAFLOW_API_ENABLED"
"""Environment variable: where it is set, even to 0, Bytewax opens a server of its own on all addresses. `observe.http` serves instead."""

GC_THRESHOLDS = (500_000, 50, 100)


class PeerError(Exception):
    """Another process of the cluster is gone; the message is one line."""


class NativeError(Exception):
    """Bytewax's own code failed, not ours; the message is what it said, in one line."""


class Watcher(Protocol):
    """Told how a source fares."""

    def connected(self) -> None:
        """The source is being built: all processes of the cluster are there."""
        ...

    def beat(self) -> None:
        """A part of the source is being asked for more."""
        ...


class _StoppablePart(StatefulSourcePartition[X, S]):
    def __init__(self, part: StatefulSourcePartition[X, S], stop: Stop, watcher: Watcher | None) -> None:
        self._part = part
        self._stop = stop
        self._beat = watcher.beat if watcher else None

    @noted
    def next_batch(self) -> list[X]:
        if self._beat is not None:
            self._beat()
        if self._stop.asked:
            raise StopIteration
        try:
            with self._stop.waiting():
                return list(self._part.next_batch())
        except KeyboardInterrupt:
            raise StopIteration from None

    def next_awake(self) -> datetime | None:
        return None if self._stop.asked else self._part.next_awake()

    @noted
    def snapshot(self) -> S:
        return self._part.snapshot()

    def close(self) -> None:
        with only_noted():
            self._part.close()


class Stoppable(FixedPartitionedSource[X, S], Generic[X, S]):
    """A source that ends, without saying that its input has ended, once a stop has been asked for."""

    def __init__(self, source: FixedPartitionedSource[X, S], stop: Stop, watcher: Watcher | None = None) -> None:
        self._source = source
        self._stop = stop
        self._watcher = watcher

    @noted
    def list_parts(self) -> list[str]:
        """The parts of the source."""
        if self._watcher is not None:
            self._watcher.connected()
        return self._source.list_parts()

    @noted
    def build_part(self, step_id: str, for_part: str, resume_state: S | None) -> _StoppablePart[X, S]:
        """Builds a part of the source."""
        return _StoppablePart(self._source.build_part(step_id, for_part, resume_state), self._stop, self._watcher)


class _NotedPart(StatefulSinkPartition[X, Any], Generic[X]):
    def __init__(self, part: StatefulSinkPartition[X, Any]) -> None:
        self._part = part

    @noted
    def write_batch(self, values: list[X]) -> None:
        self._part.write_batch(values)

    @noted
    def snapshot(self) -> Any:
        return self._part.snapshot()

    def close(self) -> None:
        with only_noted():
            self._part.close()


class Noted(FixedPartitionedSink[X, Any], Generic[X]):
    """A sink whose errors are kept for the end of the run; see `failure`."""

    def __init__(self, sink: FixedPartitionedSink[X, Any]) -> None:
        self._sink = sink

    @noted
    def list_parts(self) -> list[str]:
        """The parts of the sink."""
        return self._sink.list_parts()

    @noted
    def part_fn(self, item_key: str) -> int:
        """The part that an item goes to."""
        return self._sink.part_fn(item_key)

    @noted
    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _NotedPart[X]:
        """Builds a part of the sink."""
        return _NotedPart(self._sink.build_part(step_id, for_part, resume_state))


def run(
    flow: Dataflow,
    *,
    recovery: Path | None = None,
    epoch: timedelta = timedelta(seconds=10),
    process_id: int | None = None,
    addresses: Sequence[str] = (),
) -> None:
    """Runs a graph to its end, with one worker. Raises what user code raised, not what the engine made of it.

    `recovery` is a store that Bytewax made (`init_db_dir`), `epoch` how often state is committed to it. A process of a cluster waits
    without end for its peers at `addresses` (host:port each, this one's included); it raises PeerError if one of them goes away.
    What fails in the engine's own code, most often over the recovery store, is raised as NativeError.
    """
    thresholds = gc.get_threshold()
    # Events and orders hold no references back: what the collector looks for here is next to nothing, and it would look through millions.
    gc.set_threshold(*GC_THRESHOLDS)
    os.environ.pop(API_SERVER, None)
    config = None if recovery is None else RecoveryConfig(str(recovery), timedelta(0))  # type: ignore[no-untyped-call]  # as below
    FAILURE.forget()
    try:
        with _held_back(*((1, 2) if addresses else (2,))):
            cli_main(  # type: ignore[no-untyped-call]  # native code, without annotations
                flow, process_id=process_id, addresses=list(addresses) or None, epoch_interval=epoch, recovery_config=config
            )
    except BytewaxRuntimeError as error:
        cause: BaseException = error
        while isinstance(cause, BytewaxRuntimeError) and cause.__cause__ is not None:
            cause = cause.__cause__
        raise (_native(cause) if isinstance(cause, BytewaxRuntimeError) else cause) from cause.__cause__
    except BaseException as error:
        if type(error).__name__ == PANIC:
            # The panic of a single process is its own; in a cluster any process's panic comes out of all.
            raise FAILURE.first or (PeerError("another process of the cluster is gone") if addresses else _native(error)) from error
        if (
            type(error) is RuntimeError
            and FAILURE.first is None
            and error.__traceback__ is not None
            and error.__traceback__.tb_next is None
        ):
            raise _native(error) from error
        raise
    finally:
        gc.freeze()  # What the run leaves counts as old: else the next object that anybody makes has all of it looked through.
        gc.set_threshold(*thresholds)
        gc.unfreeze()
    if FAILURE.first is not None:
        raise FAILURE.first


def _native(error: BaseException) -> NativeError:
    return NativeError(" ".join(str(error).split()) or type(error).__name__)


@contextmanager
def _held_back(*descriptors: int) -> Generator[None]:
    """Keeps from the terminal what native code prints: pages of its own stack when Python code raises, every try to reach a peer."""
    if os.environ.get(DEBUG):
        yield
        return
    with tempfile.TemporaryFile() as aside:
        saved = {descriptor: os.dup(descriptor) for descriptor in descriptors}
        for descriptor in descriptors:
            os.dup2(aside.fileno(), descriptor)
        try:
            yield
        finally:
            for descriptor, original in saved.items():
                os.dup2(original, descriptor)
                os.close(original)
