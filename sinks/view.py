"""Output records for whoever looks on: a tally, a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from schemas.output import OutputBatch, OutputRecord


class _View(StatelessSinkPartition[OutputBatch]):
    def __init__(self, show: Callable[[str, Sequence[OutputRecord]], None]) -> None:
        self._show = show

    def write_batch(self, items: list[OutputBatch]) -> None:
        for topic, outputs in items:
            self._show(topic, outputs)


class ViewSink(DynamicSink[OutputBatch]):
    """Hands output records to a function of this process.

    Guarantee: none beyond the process. After a crash output records may be shown again or not at all; nothing that must be kept may rely on
    it.
    """

    def __init__(self, show: Callable[[str, Sequence[OutputRecord]], None]) -> None:
        self._show = show

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _View:
        """One view per worker."""
        del step_id, worker_index, worker_count
        return _View(self._show)
