"""What could not be judged, in the form in which the heart rejects: the original bytes, and beside them why and where they stood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflows.core.verdicts import Out

if TYPE_CHECKING:
    from dataflows.core.identity import Ambiguous, Placed
    from sources.batch import Refusal

TOPIC = "rejects"


def undecodable(refusal: Refusal) -> Out:
    """A line that is no event."""
    place = (refusal.topic, refusal.partition, refusal.offset)
    return _reject(refusal.log, place, refusal.reason, refusal.detail, refusal.raw, refusal.size)


def ambiguous(placed: Placed, inner: Ambiguous) -> Out:
    """An event whose only alias stands for several orders."""
    record = inner.record
    detail = f"{inner.kind} is tied to {len(inner.orders)} orders"
    place = (record.topic, record.partition, record.offset)
    return _reject(placed.log, place, "ambiguous_alias", detail, record.raw, len(record.raw))


def _reject(log: int, place: tuple[str, int, int], reason: str, detail: str, raw: bytes, size: int) -> Out:
    topic, partition, offset = place
    data: dict[str, object] = {
        "reason": reason,
        "detail": detail,
        "topic": topic,
        "partition": partition,
        "offset": offset,
    }
    if size > len(raw):
        data["size"] = size
    key = f"{topic}:{partition:06d}:{offset:020d}:{reason}"
    return Out(log, "", TOPIC, "reject", key, raw, kind=reason, data=data)
