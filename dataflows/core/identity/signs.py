"""What tells whether an order is wanted, as few bytes: its placing, what changes its lines, its payments, and withdrawals of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec

from dataflows.core.history.timeline import Timeline
from dataflows.core.history.wanted import OTHER_STAGES
from schemas.events import EvidenceWithdrawn, OrderCancel, OrderPlaced, PaymentFailed
from schemas.patch import merge_patch
from schemas.record import Record
from schemas.structs import struct_of
from schemas.values import FIRST_YEAR, from_micros, micros
from schemas.wire import EVENT_STRUCTS, Data

TYPES: Final = (
    *("order.cancelled", "order.reinstated", "payment.failed", "payment.captured", "order.placed", "payment.authorized"),
    *("order.updated", "evidence.withdrawn"),
)
"""By their code. Stored data: what stands here stays."""
LIFE: Final = frozenset(TYPES)
CODES: Final = {type_: code for code, type_ in enumerate(TYPES)}
PLACED: Final = CODES["order.placed"]
LENGTH: Final = 3
"""Bytes that say how long a sign is."""
LONGEST: Final = 16_384
"""Bytes of a sign; of one with more lines than that its lines are not kept."""
LONG_AGO: Final = micros(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC))
PARTS: Final = ("line_id", "sku", "quantity", "parent_line_id", "components")
"""What is kept of a line, in this order."""
_NO_LINES = cast("OrderPlaced", struct_of(OrderPlaced)())
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def says_something(record: Record) -> bool:
    """Whether an event of these types tells whether its order is wanted."""
    type_, data = record.event.type, cast("Any", record.event.data)
    if type_ == "payment.failed":
        return cast("PaymentFailed", data).stage not in OTHER_STAGES
    return type_ != "order.updated" or "lines" in cast("Mapping[str, Any]", data)


def sign_of(record: Record) -> bytes:
    """What is kept of an event that says something."""
    event = record.event
    type_, data = event.type, cast("Any", event.data)
    more: object = None
    if type_ == "order.placed":
        more = _lines(cast("OrderPlaced", data).lines)
    elif type_ == "order.cancelled":
        more = _lines(cast("OrderCancel", data).lines)
    elif type_ == "order.updated":
        more = _lines(cast("Mapping[str, Any]", data)["lines"])
    elif type_ == "evidence.withdrawn":
        withdrawal = cast("EvidenceWithdrawn", data)
        more = (withdrawal.event_id, withdrawal.event_source)
    row = (CODES[type_], record.at, event.source, event.id)
    packed = _encode(row if more is None else (*row, more))
    if len(packed) > LONGEST:
        packed = _encode(row)
    return len(packed).to_bytes(LENGTH, "big") + packed


def signs_of(instants: list[tuple[int, int]]) -> bytes:
    """The signs of a state of before, which kept when what happened."""
    rows = [_encode((code, at, "", str(number))) for number, (at, code) in enumerate(instants)]
    return b"".join(len(row).to_bytes(LENGTH, "big") + row for row in rows)


def history_of(signs: bytes) -> Timeline:
    """The history that signs are of. Of an order whose placing has been forgotten what is known of it happened after that."""
    history = Timeline()
    if not is_placed(signs):
        history.add(_record(PLACED, LONG_AGO, "", ""))
    for row in _rows(signs):
        history.add(_record(*row))
    return history


def is_placed(signs: bytes) -> bool:
    """Whether a placing is among them."""
    return any(row[0] == PLACED for row in _rows(signs))


def _rows(signs: bytes) -> Iterator[list[Any]]:
    place = 0
    while place < len(signs):
        start = place + LENGTH
        place = start + int.from_bytes(signs[place:start], "big")
        yield _decode(signs[start:place])


def _record(code: int, at: int, source: str, identity: str, more: Any = None) -> Record:
    type_ = TYPES[code]
    data: object = {}
    if type_ == "order.placed":
        data = _fields(more)
    elif type_ == "order.cancelled":
        data = struct_of(OrderCancel)(lines=_fields(more).lines)
    elif type_ == "order.updated":
        data = {"lines": None if more is None else [_line(line) for line in more]}
    elif type_ == "evidence.withdrawn":
        data = struct_of(EvidenceWithdrawn)(event_id=more[0], event_source=more[1])
    elif type_ == "payment.failed":
        data = struct_of(PaymentFailed)()
    event = EVENT_STRUCTS[type_](specversion="1.0", id=identity, source=source, subject="", time=from_micros(at), data=cast("Data", data))
    return Record(0, "", 0, 0, 0, at, "", event, b"")


def _lines(lines: object) -> list[list[object]] | None:
    """What is kept of lines, be they decoded ones or those of an update."""
    if lines is None:
        return None
    plain = cast("list[dict[str, Any]]", msgspec.to_builtins(lines))
    return [_trimmed([line.get(name) for name in PARTS]) for line in plain]


def _trimmed(values: list[object]) -> list[object]:
    while values and values[-1] is None:
        values.pop()
    return values


def _line(values: list[object]) -> dict[str, object]:
    return {name: value for name, value in zip(PARTS, values, strict=False) if value is not None}


def _fields(lines: list[list[object]] | None) -> OrderPlaced:
    return merge_patch(_NO_LINES, {"lines": [_line(line) for line in lines]}) if lines else _NO_LINES
