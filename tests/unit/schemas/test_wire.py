"""What `schemas.wire` reads, and with which reason it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import cast

import pytest

from schemas.depth import MAX_DEPTH
from schemas.envelope import EVENT_MODELS, Envelope
from schemas.events import DATA_MODELS, CarrierScan, Payment
from schemas.export import example
from schemas.wire import EVENT_STRUCTS, MAX_BYTES, Event, Rejected, decode, decode_binary, from_micros, micros
from tests.support.events import event, payload, raw


def refusal(record: bytes) -> Rejected:
    """The refusal of a record."""
    with pytest.raises(Rejected) as caught:
        decode(record)
    return caught.value


@pytest.mark.parametrize("type_", DATA_MODELS)
def test_the_example_of_every_type_is_read_with_all_its_values(type_: str) -> None:
    """Every field of the shipped example arrives under its own name, and the event says its type."""
    shipped = example(type_)
    read = decode(json.dumps(shipped).encode())
    assert read.type == type_
    assert (read.id, read.source, read.subject) == (shipped["id"], shipped["source"], shipped.get("subject"))
    data = cast("dict[str, object]", shipped.get("data", {}))
    for name, value in data.items():
        found = read.data[name] if isinstance(read.data, dict) else getattr(read.data, name)
        assert found is not None or value is None


def test_events_have_the_attributes_of_the_envelope_model() -> None:
    """The static class `Event`, the derived structs and the pydantic envelope name the same attributes."""
    attributes = set(Envelope.model_fields) - {"type"}
    assert set(Event.__struct_fields__) == attributes
    for type_, struct in EVENT_STRUCTS.items():
        assert set(struct.__struct_fields__) == attributes
        assert issubclass(struct, Event)
        assert struct.type == type_
        assert EVENT_MODELS[type_].model_fields.keys() == Envelope.model_fields.keys()


def test_a_byte_order_mark_before_a_record_is_skipped() -> None:
    """RFC 8259 lets a reader do so; programs on Windows write one."""
    mark = b"\xef\xbb\xbf"
    assert decode(mark + raw("carrier.scan")) == decode(raw("carrier.scan"))
    assert decode(mark + raw("carrier.scan", id="größe")).id == "größe"


def test_attributes_are_of_the_types_that_the_models_promise() -> None:
    """Amounts and promises stay text, quantities are integers, instants are aware."""
    paid = cast("Payment", event("payment.authorized").data)
    assert paid.amount is not None
    assert paid.amount.amount == "129.90"
    assert paid.expires_at == datetime(2026, 4, 27, 9, 14, 7, tzinfo=UTC)
    scan = event("carrier.scan")
    assert cast("CarrierScan", scan.data).eta == "2026-04-24"
    assert scan.time.utcoffset() is not None
    assert micros(scan.time) == micros(datetime(2026, 4, 22, 1, 41, tzinfo=UTC))


def test_micros_is_exact_to_the_microsecond_in_both_directions() -> None:
    """No rounding at either end of the accepted years."""
    for text in ("2000-01-01T00:00:00.000001Z", "2100-12-31T23:59:59.999999Z", "2026-04-24T10:00:00.123457+05:45"):
        read = event("carrier.scan", time=text).time
        assert from_micros(micros(read)) == read
    assert micros(datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)) == 1


def test_absent_and_null_attributes_have_their_defaults() -> None:
    """CloudEvents lets null stand for unset; data without required fields may be left out."""
    read = event("order.cancelled", time="2026-04-21T08:05:00Z", tenant=None, data=None, recordedtime=None)
    assert read.tenant == "default"
    assert read.recordedtime is None
    assert decode(raw("order.cancelled", tenant=..., data=...)).data == event("order.cancelled", {}).data
    assert decode(raw("order.updated", data=...)).data == {}


def test_an_update_is_the_dictionary_of_what_it_names() -> None:
    """Null removes and stays; absent is absent; unknown fields are gone."""
    read = event("order.updated", {"channel": None, "ship_to": {"country": "DE", "planet": 3}, "total": {"amount": "5"}, "colour": "red"})
    assert read.data == {"channel": None, "ship_to": {"country": "DE"}, "total": {"amount": "5"}}


def test_unknown_fields_and_unknown_values_of_open_sets_are_no_reason_to_refuse() -> None:
    """A consumer of version 1 ignores what later producers add."""
    read = event("warehouse.rejected", {"reason": "moon_phase", "extra": [1, {"a": 2}]}, partitionkey="x")
    assert getattr(read.data, "reason", None) == "moon_phase"


CASES: dict[str, tuple[str, bytes]] = {
    "an empty record": ("not_json", b""),
    "half a record": ("not_json", raw("carrier.scan")[:-5]),
    "two records in one": ("not_json", raw("carrier.scan") + b"{}"),
    "a byte order mark in the middle": ("not_json", raw("carrier.scan")[:-1] + b"\xef\xbb\xbf}"),
    "UTF-16": ("not_utf8", raw("carrier.scan").decode().encode("utf-16")),
    "a lone surrogate": ("not_json", b'{"id":"\\ud800abc"}'),
    "broken UTF-8 in a field that nobody reads": ("not_utf8", raw("carrier.scan")[:-1] + b',"x":"\xff"}'),
    "more than a mebibyte": ("too_large", b" " * (MAX_BYTES + 1)),
    "an array": ("not_cloudevent", b"[]"),
    "an empty object": ("not_cloudevent", b"{}"),
    "no id": ("not_cloudevent", raw("carrier.scan", id=...)),
    "an id that is a number": ("not_cloudevent", raw("carrier.scan", id=7)),
    "a type that is a number": ("not_cloudevent", raw("carrier.scan", type=7)),
    "another specversion": ("not_cloudevent", raw("carrier.scan", specversion="0.3")),
    "no specversion": ("not_cloudevent", raw("carrier.scan", specversion=...)),
    "an unknown type": ("unknown_type", raw("carrier.scan", type="carrier.sang")),
    "an unknown status": ("unknown_status", raw("carrier.scan", {"status": "teleported"})),
    "an unknown hold": ("unknown_status", raw("order.hold_placed", {"hold": "astrology"})),
    "no time": ("missing_field", raw("carrier.scan", time=...)),
    "no data where a field is required": ("missing_field", raw("carrier.scan", data=...)),
    "a required field missing": ("missing_field", raw("carrier.scan", {"tracking_number": "1"})),
    "an amount without currency": ("missing_field", raw("payment.captured", {"amount": {"amount": "1"}})),
    "a number for a text": ("wrong_type", raw("carrier.scan", {"status": "lost", "tracking_number": 5})),
    "a text for a number": ("wrong_type", raw("inventory.short", {"ordered": "5"})),
    "a fraction for a count": ("wrong_type", raw("inventory.short", {"ordered": 5.0})),
    "data that is a list": ("wrong_type", raw("carrier.scan", data=[])),
    "an epoch for a time": ("wrong_type", raw("carrier.scan", time=1777024800)),
    "a time without offset": ("bad_time", raw("carrier.scan", time="2026-04-24T10:00:00")),
    "a date for a time": ("bad_time", raw("carrier.scan", time="2026-04-24")),
    "the year 1970": ("bad_time", raw("carrier.scan", time="1970-01-01T00:00:00Z")),
    "the year 2101": ("bad_time", raw("carrier.scan", recordedtime="2101-01-01T00:00:00Z")),
    "an expiry in the year 9999": ("bad_time", raw("payment.authorized", {"expires_at": "9999-12-31T23:59:59Z"})),
    "a date that does not exist": ("bad_time", raw("carrier.scan", {"status": "lost", "eta": "2026-02-30"})),
    "a week date": ("bad_time", raw("order.placed", {"ship_by": "2026-W17-1"})),
    "three ends of an interval": ("bad_time", raw("order.placed", {"ship_by": "2026-04-01/2026-04-02/2026-04-03"})),
    "an interval of nothing": ("bad_time", raw("order.placed", {"lines": [{"promised_by": "/"}]})),
    "an amount with a comma": ("bad_value", raw("payment.captured", {"amount": {"amount": "1,50", "currency": "EUR"}})),
    "an amount with a final newline": ("bad_value", raw("payment.captured", {"amount": {"amount": "1.50\n", "currency": "EUR"}})),
    "an amount below zero": ("bad_value", raw("payment.captured", {"amount": {"amount": "-1.50", "currency": "EUR"}})),
    "a total below zero": ("bad_value", raw("order.placed", {"total": {"amount": "-1", "currency": "EUR"}})),
    "a new total below zero": ("bad_value", raw("order.updated", {"total": {"amount": "-1"}})),
    "a refund below zero": ("bad_value", raw("payment.refunded", {"amount": {"amount": "-16.20", "currency": "USD"}})),
    "a refund of nothing": ("bad_value", raw("payment.refunded", {"amount": {"amount": "0.00", "currency": "USD"}})),
    "a dispute below zero": ("bad_value", raw("payment.disputed", {"amount": {"amount": "-1", "currency": "USD"}})),
    "an invoice below zero": ("bad_value", raw("invoice.issued", {"amount": {"amount": "-1", "currency": "USD"}})),
    "a zero with a sign": ("bad_value", raw("payment.captured", {"amount": {"amount": "-0.00", "currency": "EUR"}})),
    "a currency in lower case": ("bad_value", raw("payment.captured", {"amount": {"amount": "1.50", "currency": "eur"}})),
    "a negative quantity": ("bad_value", raw("order.placed", {"lines": [{"quantity": -1}]})),
    "a huge quantity": ("bad_value", raw("order.placed", {"lines": [{"quantity": 10**30}]})),
    "an empty subject": ("bad_value", raw("carrier.scan", subject="")),
    "a subject of 513 characters": ("bad_value", raw("carrier.scan", subject="x" * 513)),
    "a control character in an identifier": ("bad_value", raw("carrier.scan", subject="a\nb")),
    "DEL in an identifier": ("bad_value", raw("carrier.scan").replace(b"SO-100042", b"SO\x7f100042")),
    "another version's schema": ("bad_value", raw("carrier.scan", dataschema="https://orderwatch.dev/schemas/v2/carrier.scan")),
    "neither subject nor alias": ("no_identity", raw("carrier.scan", {"status": "lost"}, subject=...)),
    "a withdrawal without subject": ("no_identity", raw("evidence.withdrawn", subject=...)),
}


@pytest.mark.parametrize(("reason", "record"), CASES.values(), ids=CASES)
def test_a_record_that_is_no_event_is_refused_with_its_reason(reason: str, record: bytes) -> None:
    """Each kind of fault has one reason."""
    assert refusal(record).reason == reason


def test_the_detail_of_a_refusal_names_the_field_and_never_its_value() -> None:
    """Rejects are read by operators; what customers wrote stays in the record."""
    cases: dict[str, dict[str, object]] = {
        "carrier.scan": {"status": "SECRET"},
        "order.placed": {"ship_by": "SECRET"},
        "payment.captured": {"amount": {"amount": "SECRET", "currency": "EUR"}},
        "support.contacted": {"text": ["SECRET"]},
    }
    for type_, data in cases.items():
        detail = refusal(raw(type_, data)).detail
        assert "SECRET" not in detail
        assert next(iter(data)) in detail
    assert "SECRET" not in str(refusal(raw("carrier.scan", type="SECRET")))


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_is_bounded_by_a_fixed_depth_and_not_by_the_stack(opening: str) -> None:
    """The deepest record that is read, and one level more; brackets in texts do not count."""
    closing = "]" if opening == "[" else "}"

    def nested(levels: int) -> bytes:
        return raw("carrier.scan")[:-1] + f',"x":{opening * levels}0{closing * levels}}}'.encode()

    assert decode(nested(MAX_DEPTH - 1)).type == "carrier.scan"
    assert refusal(nested(MAX_DEPTH)).reason == "too_deep"
    assert refusal(nested(100_000)).reason == "too_deep"
    assert event("support.contacted", {"text": '[{"\\' * 1000}).type == "support.contacted"


def test_binary_mode_reads_the_same_event_as_structured_mode() -> None:
    """Attributes in `ce_` headers, data in the value."""
    whole = payload("carrier.scan")
    headers = [(f"ce_{name}", str(value).encode()) for name, value in whole.items() if name != "data"]
    value = json.dumps(whole["data"]).encode()
    assert decode_binary([("content-type", b"application/json"), *headers, ("ce_traceparent", None)], value) == event("carrier.scan")
    assert decode_binary([(n, v) for n, v in headers if n != "ce_data"], value).type == "carrier.scan"


def test_a_binary_value_cannot_smuggle_attributes() -> None:
    """A value that closes `data` early is no JSON, so it is refused before it could set the subject."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"/s"),
        ("ce_type", b"order.cancelled"),
        ("ce_time", b"2026-04-24T10:00:00Z"),
    ]
    with pytest.raises(Rejected, match="not_json"):
        decode_binary(headers, b'{},"subject":"victim"')
    with pytest.raises(Rejected, match="not_utf8"):
        decode_binary([*headers, ("ce_subject", b"\xff")], b"{}")
    with pytest.raises(Rejected, match="no_identity"):
        decode_binary(headers, None)
