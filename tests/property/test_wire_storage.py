"""What is packed comes back, less what is not kept."""

from __future__ import annotations

import json
from typing import cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from schemas.events import DATA_MODELS
from schemas.record import Record
from schemas.rows import ROW, pack_row, records_of
from schemas.storage import pack, pack_events, unpack, unpack_events
from schemas.structs import field_types, kept
from schemas.values import Retention
from schemas.wire import Event, Rejected, decode, micros
from tests.property.test_wire_equivalence import payloads

DECODER = msgspec.msgpack.Decoder(ROW)


def kept_part(event: Event) -> dict[str, object]:
    """The attributes of an event that its packed form keeps."""
    attributes: dict[str, object] = {name: getattr(event, name) for name in event.__struct_fields__ if name not in {"data", "dataschema"}}
    if not isinstance(event.data, Struct):
        return attributes | {"data": event.data}
    data: dict[str, object] = {}
    for name, form in field_types(DATA_MODELS[event.type]).items():
        value = getattr(event.data, name)
        if kept(form) is Retention.PRESENCE:
            value = value is not None
        if kept(form) is not Retention.NOTHING:
            data[name] = value
    return attributes | {"data": data}


def plain(value: object) -> object:
    """A value of data without its class: what is kept of structs by name, instants as they are."""
    if isinstance(value, Struct):
        return {name: found for name in value.__struct_fields__ if (found := plain(getattr(value, name))) is not None}
    if isinstance(value, list):
        return [plain(item) for item in cast("list[object]", value)]
    return value


@settings(max_examples=500)
@given(st.lists(payloads(), max_size=6))
def test_rows_give_records_with_the_attributes_that_they_were_packed_from(candidates: list[dict[str, object]]) -> None:
    """One by one, whatever is in them; what came back packs to the same bytes."""
    records: list[Record] = []
    for candidate in candidates:
        try:
            event = decode(json.dumps(candidate).encode())
        except Rejected:
            continue
        at = micros(event.time)
        records.append(Record(at + len(records), "events", 1, len(records), 0, at, "O-1", event, b""))
    packed = [pack_row(record, 0) for record in records]
    back = records_of([DECODER.decode(row) for row in packed], ["events"], "O-1")
    for record, restored in zip(records, back, strict=True):
        assert restored.position == record.position
        assert (restored.at, restored.order, restored.event.type) == (record.at, record.order, record.event.type)
        assert (restored.event.id, restored.event.source) == (record.event.id, record.event.source)
        before, after = record.event.data, restored.event.data
        if not isinstance(before, Struct):
            assert after == before
            continue
        for name, form in field_types(DATA_MODELS[record.event.type]).items():
            if kept(form) is Retention.NOTHING:
                assert getattr(after, name) is None
            elif kept(form) is Retention.PRESENCE:
                assert (getattr(after, name) is None) == (getattr(before, name) is None)
            else:
                assert plain(getattr(after, name)) == plain(getattr(before, name))
    assert [pack_row(record, 0) for record in back] == packed


@settings(max_examples=500)
@given(st.lists(payloads(), max_size=6))
def test_unpacking_what_was_packed_gives_equal_events(candidates: list[dict[str, object]]) -> None:
    """For single events and for all of an order, whatever is in them."""
    events: list[Event] = []
    for candidate in candidates:
        try:
            # Of an order: an alias alone, which need not be kept, says whose an event is only until it is placed.
            events.append(decode(json.dumps({**candidate, "subject": candidate.get("subject") or "O-1"}).encode()))
        except Rejected:
            continue
    back = unpack_events(pack_events(events))
    assert [kept_part(event) for event in back] == [kept_part(event) for event in events]
    assert [type(event) for event in back] == [type(event) for event in events]
    for event in events:
        assert kept_part(unpack(pack(event))) == kept_part(event)
        assert pack(unpack(pack(event))) == pack(event)
