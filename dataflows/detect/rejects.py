"""What could not be judged, in the form in which the core rejects: the original bytes, and beside them why and where they stood."""

from __future__ import annotations

from dataflows.core.identity import Ambiguous, ResolvedEvent
from schemas.output import OutputRecord
from schemas.record import Record
from sources.batch import Refusal

TOPIC = "rejects"


def undecodable(refusal: Refusal) -> OutputRecord:
    """A line that is no event."""
    return _reject(refusal.log, refusal, refusal.reason, refusal.detail, refusal.size, refusal.digest)


def ambiguous(resolved: ResolvedEvent, inner: Ambiguous) -> OutputRecord:
    """An event whose only alias stands for several orders."""
    record = inner.record
    detail = f"{inner.kind} is tied to {len(inner.orders)} orders"
    return _reject(resolved.log, record, "ambiguous_alias", detail, len(record.raw))


def _reject(log: int, original: Refusal | Record, reason: str, detail: str, size: int, digest: bytes = b"") -> OutputRecord:
    topic, partition, offset, raw = original.topic, original.partition, original.offset, original.raw
    data: dict[str, object] = {
        "reason": reason,
        "detail": detail,
        "topic": topic,
        "partition": partition,
        "offset": offset,
    }
    if size > len(raw):
        data["size"] = size
        data["sha256"] = digest.hex() or None
    key = f"{topic}:{partition:06d}:{offset:020d}:{reason}"
    return OutputRecord(log, "", TOPIC, "reject", key, raw, kind=reason, data=data, record_key=original.key, headers=original.headers)
