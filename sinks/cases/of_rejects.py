"""The rows of a rejected record: why and where, never the record; and of a decision that it was refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from schemas.deciding import decides
from sinks.cases.changes import Change, Logged, Put, Row, UnprojectableError, appended, place
from sinks.cases.fields import NUL, EventFields, parse
from sinks.cases.of_decisions import REFUSED
from sinks.cases.tables import audit, rejects
from sinks.kafka.records import ERRORS, EXCEPTION, FOREIGN, MESSAGE, OFFSET, PARTITION, TOPIC
from sinks.rejected import UNKNOWN, Reject
from sinks.rejected import parse as parse_line

WHOLE = re.compile(r"[0-9]{1,18}")
LONGEST = 512
"""Characters of an identifier; longer ones are none."""


def reject_changes(record: Logged) -> Iterator[Change]:
    """The rows of a record of rejects: a Kafka record with Kafka Connect's headers, or a line. Raises UnprojectableError."""
    reject = _of_headers(record) if any(name.startswith(ERRORS) for name, _ in record.headers) else _of_line(record)
    reject = replace(reject, **{name: getattr(reject, name).replace(NUL, "") for name in ("topic", "reason", "detail")})
    original = _original(reject)
    said = {name: _text(original, name) for name in ("tenant", "source", "type", "id", "subject")}
    yield Put(
        rejects,
        {
            **place(record),
            "reason": reject.reason or FOREIGN,
            "detail": reject.detail or None,
            "topic": reject.topic or None,
            "topic_partition": None if reject.partition == UNKNOWN else reject.partition,
            "topic_offset": None if reject.offset == UNKNOWN else reject.offset,
            # An event without a tenant is of the default one, and is erased with its order there.
            "tenant": said["tenant"] or ("default" if said["subject"] else None),
            "source": said["source"],
            "type": said["type"],
            "event_id": said["id"],
            "order_id": said["subject"],
        },
    )
    if said["source"] and said["id"] and decides(reject.topic):
        yield Put(audit, _refusal(reject, said["tenant"] or "default", said["source"], said["id"], record))


def _refusal(reject: Reject, tenant: str, source: str, event_id: str, record: Logged) -> Row:
    nothing = {column.name: None for column in audit.columns}
    key = {"tenant": tenant, "source": source, "event_id": event_id}
    why = {"outcome": REFUSED, "reason": reject.reason, "detail": reject.detail or None, "refused_at": appended(record)}
    return {**nothing, **key, **why}


def _of_line(record: Logged) -> Reject:
    try:
        return parse_line(record.value)
    except ValueError as error:
        raise UnprojectableError("bad_field", f"no line of a reject: {error}") from None


def _of_headers(record: Logged) -> Reject:
    said = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    return Reject(
        said.get(TOPIC, ""),
        _whole(said.get(PARTITION)),
        _whole(said.get(OFFSET)),
        said.get(EXCEPTION, ""),
        said.get(MESSAGE, ""),
        record.value,
    )


def _whole(text: str | None) -> int:
    return int(text) if text is not None and WHOLE.fullmatch(text) else UNKNOWN


def _original(reject: Reject) -> EventFields:
    """The fields of the original; none where it has none that can be read."""
    try:
        return parse(reject.value or b"")
    except UnprojectableError:
        return EventFields({})


def _text(original: EventFields, name: str) -> str | None:
    try:
        found = original.text(name)
    except UnprojectableError:
        return None
    return found if found and len(found) <= LONGEST else None
