"""What a source hands to a graph: a stretch of one log, already in log order, and how far that log has been read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.record import FeedWatermark, Headers, Record

BEGINNING = -(1 << 62)
"""The watermark of a log of which nothing is known yet; earlier than every instant."""

END = 1 << 62
"""The watermark of a log that has ended; later than every instant."""


@dataclass(slots=True)
class Refusal:
    """Bytes that are no event, at their place in the log.

    `raw` holds the original bytes, at most `MAX_BYTES` of them; `size` is how many there were, `digest` the SHA-256 of all if some are
    cut. `log` is µs since the epoch: the greatest log time that the same partition had reached, since what cannot be read has no time of
    its own.
    """

    log: int
    topic: str
    partition: int
    offset: int
    sub: int
    reason: str
    detail: str
    raw: bytes
    size: int
    key: bytes | None = None
    headers: Headers = ()
    digest: bytes = b""


@dataclass(slots=True)
class Batch:
    """Records, refusals and watermarks of `channel`, sorted by position. Later ones have a log time of at least `watermark`.

    `watermark` is END with the last batch of a finite channel; `until` then says up to which instant (µs, inclusive) time passes.
    """

    channel: str
    watermark: int
    items: Sequence[Record | Refusal | FeedWatermark]
    until: int | None = None
