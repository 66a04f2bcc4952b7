"""What all adapters stand on: instants, money, typed reading, captured requests, and the net under a faulty adapter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of, payloads_of
from sources.adapters.moments import iso, patterned, stamp, when
from sources.adapters.money import amount_of, decimal, minor
from sources.adapters.output import FAULTS, RefuseError
from sources.adapters.payload import MAX_DEPTH, PayloadReader, json_payload, xml_payload
from sources.adapters.translate import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sources.adapters.base import EventBuilder
    from sources.adapters.output import AdapterOutput, Draft
    from sources.adapters.payload import Json

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "zone", "means"),
    [
        ("2026-05-04T10:00:00Z", BERLIN, "2026-05-04T10:00:00Z"),
        ("2026-05-04T10:00:00+05:30", BERLIN, "2026-05-04T10:00:00+05:30"),
        ("2026-05-04 10:00:00", BERLIN, "2026-05-04T10:00:00+02:00"),
        ("2026-05-04T10:00:00.123456789", UTC, "2026-05-04T10:00:00.123456Z"),
        ("2026-03-29T02:30:00", BERLIN, "2026-03-29T03:30:00+02:00"),  # skipped: forward by the length of the gap
        ("2026-10-25T02:30:00", BERLIN, "2026-10-25T02:30:00+02:00"),  # twice: the first
        ("2026-11-01T01:30:00", NEW_YORK, "2026-11-01T01:30:00-04:00"),
    ],
)
def test_a_local_time_is_read_where_it_was_written(text: str, zone: ZoneInfo, means: str) -> None:
    """An offset beats the zone; what a clock change skips or repeats has one meaning."""
    assert stamp(iso(text, "at", zone)) == means


@pytest.mark.parametrize(
    "text", ["2026-05-04", "yesterday", "2026-02-30T10:00:00", "1999-12-31T23:59:59Z", "2101-01-01T00:00:00Z", "2026-W19-1T10"]
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    """A plain date is no instant: midnight would be a guess."""
    with pytest.raises(RefuseError) as refusal:
        iso(text, "at", UTC)
    assert refusal.value.reason == "bad_time"
    assert text not in refusal.value.detail


def test_forms_are_tried_in_their_order() -> None:
    """As carriers write them."""
    forms = ("%B %d, %Y %I:%M %p", "%m/%d/%Y %H:%M")
    assert stamp(patterned("April  28, 2026  9:01 am", forms, "at", NEW_YORK)) == "2026-04-28T09:01:00-04:00"
    assert stamp(patterned("04/28/2026 09:01", forms, "at", NEW_YORK)) == "2026-04-28T09:01:00-04:00"


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2026-05-09", "2026-05-09"),
        ("2026-05-09T00:00:00Z", "2026-05-09"),
        ("2026-05-09T00:00:00.000+00:00", "2026-05-09"),
        ("2026-05-09T20:00:00", "2026-05-09"),  # by a clock of nowhere: only the day is sure
        ("2026-05-09T20:00:00-04:00", "2026-05-09T20:00:00-04:00"),
        (None, None),
    ],
)
def test_a_promise_that_is_a_date_is_never_midnight(text: str | None, means: str | None) -> None:
    """Midnight UTC is how systems write a date where a field wants an instant."""
    assert when(text, "eta") == means


@pytest.mark.parametrize(
    ("units", "code", "amount"),
    [(5400, "USD", "54.00"), (5, "USD", "0.05"), (5400, "JPY", "5400"), (5400, "KWD", "5.400"), (0, "JPY", "0")],
)
def test_minor_units_have_their_currency_s_decimals(units: int, code: str, amount: str) -> None:
    """No decimals in yen, three in Kuwaiti dinars."""
    assert minor(units, code, "amount") == {"amount": amount, "currency": code}


def test_a_source_may_count_otherwise() -> None:
    """Stripe writes the Icelandic krona, which has no smaller unit, in hundredths."""
    assert minor(5400, "ISK", "amount", {"ISK": 2})["amount"] == "54.00"
    assert minor(5400, "ISK", "amount")["amount"] == "5400"


@pytest.mark.parametrize("text", ["", "-12.50", "-0.0001", "12,50", "1e3", "12.34567", "1" * 16, "NaN"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Money is never rounded, and an event's type says which way it went."""
    with pytest.raises(RefuseError):
        decimal(text, "EUR", "amount")


def test_minor_units_below_zero_are_refused_and_a_zero_has_no_sign() -> None:
    """Some systems write what goes back with a minus; others write a zero with one."""
    with pytest.raises(RefuseError, match="below zero"):
        minor(-5, "EUR", "amount")
    assert decimal("-0.00", "EUR", "amount")["amount"] == "0.00"


def test_a_source_that_marks_refunds_by_a_minus_says_so() -> None:
    """PayPal v1 and WooCommerce do; the number is the same with and without."""
    payload = json_payload(b'{"a": "-16.20", "b": -16.2, "c": "16.20"}')
    assert [amount_of(payload, name, "USD", signed=True) for name in "abc"] == [
        {"amount": amount, "currency": "USD"} for amount in ("16.20", "16.2", "16.20")
    ]


def test_zeros_that_say_nothing_may_be_many() -> None:
    """As Adyen and APIs with fixed scale write."""
    assert decimal("12.500000", "EUR", "amount") == {"amount": "12.5000", "currency": "EUR"}


def test_reading_is_typed_and_remembered() -> None:
    """Another type than expected is refused with the path and without the value; what was read is known."""
    payload = json_payload(b'{"a": {"n": "7", "s": 12, "l": [{"c": "x"}, {"c": "y"}]}, "flag": "true", "none": null}')
    assert payload.number("a", "n") == 7
    assert payload.id("a", "s") == "12"
    assert [one.text("c") for one in payload.each("a", "l")] == ["x", "y"]
    assert payload.flag("flag") is True
    assert payload.text("none") is None
    assert payload.text("absent", "below") is None
    with pytest.raises(RefuseError, match=r"wrong_type: a\.s: expected a text"):
        payload.text("a", "s")
    with pytest.raises(RefuseError, match=r"wrong_type: a\.n: expected an object"):
        payload.text("a", "n", "deeper")
    assert {"a.n", "a.s", "a.l[].c", "flag"} <= payload.read


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_readable"),
        (b"{", "not_readable"),
        (b"\xff\xfe", "not_readable"),
        (b"7", "unknown_form"),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "too_deep"),
        (b'"' + b"x" * (5 << 20) + b'"', "too_large"),
    ],
)
def test_json_that_is_none_says_why(body: bytes, reason: str) -> None:
    """Before anything is read."""
    with pytest.raises(RefuseError) as refusal:
        json_payload(body)
    assert refusal.value.reason == reason


def test_xml_reads_like_json_and_does_nothing_else() -> None:
    """Attributes, texts and repetition have their places; entities and document types are refused."""
    payload = xml_payload(b'\n<?xml version="1.0"?><n:r xmlns:n="u"><i k="1">a</i><i>b</i><e/></n:r>')
    assert payload.value == {"r": {"i": [{"@k": "1", "#text": "a"}, "b"], "e": None}}
    bomb = b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>'
    for body in (bomb, b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', b"<r>", b"<a>" * 200 + b"</a>" * 200):
        with pytest.raises(RefuseError):
            xml_payload(body)


def test_a_captured_request_is_unwrapped() -> None:
    """Parsed, as text or as base64, with headers in any case; what is none is a payload as it is."""
    for body in ('"body": {"a": 1}', '"body": "{\\"a\\":1}"', '"body_base64": "eyJhIjoxfQ=="'):
        found = payload_of(f'{{"headers": {{"X-Topic": ["a", "b"]}}, "received": "2026-05-04T10:00:00Z", {body}}}'.encode())
        assert (found.body, found.headers, found.received) == (b'{"a":1}', {"x-topic": "a, b"}, datetime(2026, 5, 4, 10, tzinfo=UTC))
    plain = payload_of(b'{"a": 1}', {"X-Topic": "c"})
    assert (plain.body, plain.headers, plain.received) == (b'{"a": 1}', {"x-topic": "c"}, None)
    assert payload_of(b'{"body": "of a letter"}').body == b'{"body": "of a letter"}'


def test_a_file_of_captured_requests_has_one_a_line() -> None:
    """As the gateway keeps what it refused."""
    raw = b'{"headers": {}, "body": "1"}\n\n{"headers": {}, "body": "2"}\n'
    assert [(line, one.body) for line, one in payloads_of(raw)] == [(1, b"1"), (3, b"2")]


EASYPOST = ADAPTERS["easypost"]


def scans(builder: EventBuilder) -> Iterator[Draft]:
    """Two facts of one parcel, and the first once more."""
    for number in ("1", "2", "1"):
        yield builder.event("carrier.scan", number, datetime(2026, 5, 4, tzinfo=UTC), {"status": "accepted", "tracking_number": "T1"})


def test_one_fact_is_told_once() -> None:
    """The first of an ID counts, as in the engine."""

    def read(_: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
        yield from scans(builder)

    assert [one["id"] for one in translate(replace(EASYPOST, read=read), Payload(b"{}"), AdapterConnection()).events] == ["1", "2"]


def test_an_identifier_of_full_length_leaves_room_for_the_step() -> None:
    """Event IDs are made of an identifier and a step; together they may be longer than an ID can be."""

    def read(payload: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
        id_ = f"{payload.need_id('id')}:captured"
        yield builder.event("payment.captured", id_, datetime(2026, 5, 4, tzinfo=UTC), {"payment_id": "p"}, order="A-1")

    found = translate(replace(EASYPOST, read=read), Payload(b'{"id": "%s"}' % (b"y" * 512)), AdapterConnection())
    assert (len(found.events), found.refused) == (1, ())


def test_what_another_system_is_the_record_of_is_left_out() -> None:
    """By type or by family of types."""

    def read(_: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
        yield from scans(builder)

    for omit in (("carrier.scan",), ("payment.*", "carrier.*")):
        assert translate(replace(EASYPOST, read=read), Payload(b"{}"), AdapterConnection(omit=omit)).events == ()


def test_a_faulty_adapter_neither_raises_nor_tells_anything_invalid() -> None:
    """What it had told by then stays told; the refusal says that the fault is ours, and not with whose data."""

    def read(_: PayloadReader, builder: EventBuilder) -> Iterator[AdapterOutput]:
        yield from scans(builder)
        yield builder.event("carrier.scan", "3", datetime(2026, 5, 4, tzinfo=UTC), {"status": "beamed", "tracking_number": "T1"})
        yield builder.event("carrier.scan", "4", datetime(2026, 5, 4, tzinfo=UTC), {"status": "accepted"})
        raise KeyError("robin@example.com")

    found = translate(replace(EASYPOST, read=read), Payload(b"{}"), AdapterConnection())
    assert len(found.events) == 2
    assert [one.reason for one in found.refused] == ["invalid_event", "no_identity", "adapter_failed"]
    assert {"invalid_event", "adapter_failed"} == FAULTS
    assert "robin" not in str(found.refused)


def test_a_record_s_key_is_the_order_else_its_alias() -> None:
    """So that the events of one order stand in one partition where that is known."""
    body: Json = {"status": "accepted", "tracking_number": "T1"}
    event: Draft = {"specversion": "1.0", "id": "1", "source": "/carrier/x", "type": "carrier.scan", "time": "2026-05-04T10:00:00Z"}
    assert key_of(event | {"data": body}) == "T1"
    assert key_of(event | {"data": body, "subject": "A-1"}) == "A-1"
