"""Rules that could not be evaluated for an order: noted with the order, so that it is said once, and once again when they can be."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.core.history.timeline import Failure
from schemas.record import Record


def failing(failures: Sequence[Failure], kind: str) -> bool:
    """Whether a rule could not be evaluated the last time."""
    return any(failure.kind == kind and failure.until is None for failure in failures)


def failed(failures: Sequence[Failure], kind: str, error: str, now: int, record: Record | None) -> list[Failure]:
    """`failures` with one that is new at log time `now` (µs). `record`: what triggered the rule, if anything."""
    source, id_ = (record.event.source, record.event.id) if record is not None else ("", "")
    return [*failures, Failure(kind, error, now, None, source, id_)]


def mended(failures: Sequence[Failure], kind: str, now: int) -> list[Failure]:
    """`failures` when a rule can be evaluated again at log time `now` (µs). It has failed for a moment at least."""
    return [
        failure._replace(until=max(now, failure.since + 1)) if failure.kind == kind and failure.until is None else failure
        for failure in failures
    ]
