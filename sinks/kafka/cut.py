"""A reject that does not fit its topic, cut so that it does, and what was cut said in its headers.

The original has a size that its producer chose, up to what the input topic takes; the topic of rejects may take less. An output record is
never cut here: the core bounds it, and a topic that takes less than that (`schemas.limits`) is refused when the engine starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import orjson

from sinks.kafka.records import CUT, Header, Outgoing, cut_of, fingerprint

FRAME: Final = 128
"""Bytes of a batch with one record besides key, value and headers, at most: 61 of the batch, lengths as varints of up to 5 bytes each
(kafka.apache.org/documentation/#messageformat), and what librdkafka allows for."""
OF_HEADER: Final = 10
"""Bytes of a header besides its name and value, at most."""
OF_CUT: Final = 1_024
"""What is set aside for the header that says what was cut."""


def size_of(record: Outgoing) -> int:
    """The most bytes that a record takes as a batch of its own, not compressed."""
    return FRAME + len(record.key or b"") + len(record.value or b"") + _headers_size(record.headers)


def fitted(record: Outgoing, limit: int) -> Outgoing:
    """The record, or what of it a topic takes whose `max.message.bytes` is `limit`.

    The original's headers are left out whole, from the first that does not fit; its key and value lose their ends. Each may have a quarter
    of the space, and what the others do not need. The header `ow-cut` says in JSON how large each was, how much is left, and the SHA-256 of
    what was cut; and by which fingerprint a resumed engine knows the record, whatever the limit is then.
    """
    if size_of(record) <= limit:
        return record
    original, ours = record.headers[: -record.added], record.headers[-record.added :]
    # What the source has cut already.
    recorded: dict[str, Any] = cut_of(ours)
    ours = [header for header in ours if header[0] != CUT]
    space = max(0, limit - FRAME - OF_CUT - _headers_size(ours))
    key, value = record.key or b"", record.value or b""
    sizes = len(key), _headers_size(original), len(value)
    key_kept = key[: max(space // 4, space - sizes[1] - sizes[2])]
    left = max(space // 4, space - len(key_kept) - sizes[2])
    headers_kept: list[Header] = []
    for header in original:
        left -= _headers_size([header])
        if left < 0:
            break
        headers_kept.append(header)
    value_kept = value[: max(0, space - len(key_kept) - _headers_size(headers_kept))]
    recorded["fingerprint"] = fingerprint(record).hex()
    for name, whole, kept in (("key", key, key_kept), ("value", value, value_kept)):
        if len(kept) < len(whole):
            before = {"bytes": len(whole), "sha256": sha256(whole).hexdigest()} | recorded.get(name, {})
            recorded[name] = before | {"kept": len(kept)}
    if len(headers_kept) < len(original):
        recorded["headers"] = {"bytes": sizes[1], "count": len(original), "kept": len(headers_kept)}
    cut: Header = (CUT, orjson.dumps(recorded))
    added = [*ours[:-3], cut, *ours[-3:]]
    return Outgoing(
        None if record.key is None else key_kept, None if record.value is None else value_kept, [*headers_kept, *added], len(added)
    )


def _headers_size(headers: Sequence[Header]) -> int:
    return sum(OF_HEADER + len(name.encode()) + len(value or b"") for name, value in headers)
