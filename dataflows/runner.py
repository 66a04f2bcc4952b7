"""Runs a graph in this process: stops cleanly when asked to, and says in one line what went wrong."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.testing import run_main  # pyright: ignore[reportUnknownVariableType]

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime
    from types import FrameType

    from bytewax.dataflow import Dataflow

X = TypeVar("X")
S = TypeVar("S")
DEBUG = "ORDERWATCH_DEBUG"
"""Environment variable: if set, nothing of what the engine prints when it fails is held back."""


GC_THRESHOLDS = (100_000, 50, 100)


class Stop:
    """Whether the run has been asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def on_signals(self) -> Generator[None]:
        """While inside, SIGINT and SIGTERM ask to stop; a second one kills."""

        def ask(number: int, frame: FrameType | None) -> None:
            del frame
            if self.asked:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            self.asked = True

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _StoppablePart(StatefulSourcePartition[X, S]):
    def __init__(self, part: StatefulSourcePartition[X, S], stop: Stop) -> None:
        self._part = part
        self._stop = stop

    def next_batch(self) -> list[X]:
        if self._stop.asked:
            raise StopIteration
        return list(self._part.next_batch())

    def next_awake(self) -> datetime | None:
        return self._part.next_awake()

    def snapshot(self) -> S:
        return self._part.snapshot()

    def close(self) -> None:
        self._part.close()


class Stoppable(FixedPartitionedSource[X, S], Generic[X, S]):
    """A source that ends, without saying that its input has ended, once a stop has been asked for."""

    def __init__(self, source: FixedPartitionedSource[X, S], stop: Stop) -> None:
        self._source = source
        self._stop = stop

    def list_parts(self) -> list[str]:
        """The parts of the source."""
        return self._source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: S | None) -> _StoppablePart[X, S]:
        """Builds a part of the source."""
        return _StoppablePart(self._source.build_part(step_id, for_part, resume_state), self._stop)


def run(flow: Dataflow) -> None:
    """Runs a graph to its end. Raises what user code raised, not what the engine made of it."""
    thresholds = gc.get_threshold()
    # Events and orders hold no references back: what the collector looks for here is next to nothing, and it would look through millions.
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        with _held_back():
            run_main(flow)  # type: ignore[no-untyped-call]  # native code, without annotations
    except BytewaxRuntimeError as error:
        cause: BaseException = error
        while isinstance(cause, BytewaxRuntimeError) and cause.__cause__ is not None:
            cause = cause.__cause__
        raise cause from cause.__cause__
    finally:
        gc.set_threshold(*thresholds)


@contextmanager
def _held_back() -> Generator[None]:
    """Keeps from the terminal what the engine's native part prints when Python code raises: pages of its own stack."""
    if os.environ.get(DEBUG):
        yield
        return
    with tempfile.TemporaryFile() as aside:
        saved = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
