"""What is packed comes back, less what is not kept."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from schemas.events import DATA_MODELS
from schemas.storage import pack, pack_events, unpack, unpack_events
from schemas.structs import field_types, kept
from schemas.values import Retention
from schemas.wire import Event, Rejected, decode
from tests.property.test_wire_equivalence import payloads


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


@settings(max_examples=500, deadline=None)
@given(st.lists(payloads(), max_size=6))
def test_unpacking_what_was_packed_gives_equal_events(candidates: list[dict[str, object]]) -> None:
    """For single events and for all of an order, whatever is in them."""
    events: list[Event] = []
    for candidate in candidates:
        try:
            events.append(decode(json.dumps(candidate).encode()))
        except Rejected:
            continue
    back = unpack_events(pack_events(events))
    assert [kept_part(event) for event in back] == [kept_part(event) for event in events]
    assert [type(event) for event in back] == [type(event) for event in events]
    for event in events:
        assert kept_part(unpack(pack(event))) == kept_part(event)
        assert pack(unpack(pack(event))) == pack(event)
