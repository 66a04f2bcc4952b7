"""What a mapping knows beside the record: coarser tables, the zone of a place, the request that brought it, a key, its own refusals."""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from sources.adapters import AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of
from sources.adapters.coverage import Coverage
from sources.adapters.output import FAULTS
from sources.mapping.check import examine_text
from sources.mapping.postal import place_zone
from tests.unit.mapping.support import adapted, data, events, mapping

if TYPE_CHECKING:
    from sources.adapters import Adapted

NOON = "2026-11-20T12:00:00Z"
KEY = "correct horse battery staple"
README = Path(__file__).resolve().parents[3] / "sources" / "mapping" / "README.md"


def record(**fields: Any) -> str:
    """A JSON record with an order and a time."""
    return orjson.dumps({"order": "A-1", "at": NOON, **fields}).decode()


# --- from a fine table to a coarse one -------------------------------------------------------------------

SCANS = """
name: parcels
format: json
tables:
  fine: {DL01: delivered, NH: attempt_failed recipient_absent, HB: {ignored: sign of life}}
  coarse: {D: delivered, X: exception}
events:
  - {type: carrier.scan, time: at, data: {tracking_number: order, status: {code: detail, table: fine, else: {code: status, table: coarse}}}}
"""


@pytest.mark.parametrize(
    ("fields", "status", "reason", "code"),
    [
        ({"detail": "NH", "status": "X"}, "attempt_failed", "recipient_absent", "NH"),
        ({"detail": "ZZ", "status": "X"}, "exception", None, "ZZ"),
        ({"status": "D"}, "delivered", None, "D"),
        ({"detail": "", "status": "D"}, "delivered", None, "D"),
        ({"detail": "ZZ", "status": "Q"}, "unknown", "unmapped", "ZZ"),
        ({"status": "Q"}, "unknown", "unmapped", "Q"),
    ],
)
def test_a_code_that_the_fine_table_has_not_is_left_to_the_coarse_one(
    fields: dict[str, str], status: str, reason: str | None, code: str
) -> None:
    """What the fine table has counts; the source's own words are the most exact ones that it gave."""
    (event,) = events(SCANS, record(**fields))
    assert event["data"] == {
        "tracking_number": "A-1", "status": status, **({"reason": reason} if reason else {}), "raw": {"code": code},
    }  # fmt: skip


def test_what_the_fine_table_ignores_is_not_left_to_the_coarse_one() -> None:
    """That it says nothing is known."""
    found = adapted(SCANS, record(detail="HB", status="X"))
    assert [found.events, found.refused, len(found.ignored)] == [(), (), 1]


def test_codes_count_as_mapped_if_some_table_has_them() -> None:
    """A detail that the coarse code stands for is no gap; one that neither knows is."""
    coverage = Coverage()
    adapted(SCANS, record(detail="ZZ", status="X"), coverage=coverage)
    assert coverage.unmapped() == {}
    adapted(SCANS, record(detail="YY", status="Q"), coverage=coverage)
    assert {code for _, _, code in coverage.unmapped()} == {"YY", "Q"}


def test_types_may_be_left_to_a_coarser_table_too() -> None:
    """The types of both tables are known to the check, and to who connects it."""
    text = """
    name: wms
    format: json
    tables: {fine: {PK1: warehouse.picked}, coarse: {PACK: warehouse.packed}}
    events: [{type: {code: step, table: fine, else: {code: phase, table: coarse}}, order: order, time: at}]
    """
    assert mapping(text).adapter.emits == ("warehouse.packed", "warehouse.picked")
    (event,) = events(text, record(step="PK9", phase="PACK"))
    assert event["type"] == "warehouse.packed"


# --- the zone of a place ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "name"),
    [
        ("DE", None, "10115", "Europe/Berlin"),
        ("germany", None, None, "Europe/Berlin"),
        ("US", "CA", None, "America/Los_Angeles"),
        ("us", "us-ny", None, "America/New_York"),
        ("US", None, "94601", "America/Los_Angeles"),
        ("US", None, "60601-1234", "America/Chicago"),
        ("US", "California", "94601", "America/Los_Angeles"),
        ("CA", None, "V5K 0A1", "America/Vancouver"),
        ("CA", None, "x0a 0h0", "America/Iqaluit"),
        ("CA", None, "X1A 2B3", "America/Edmonton"),
        ("AU", None, "6000", "Australia/Perth"),
        ("AU", None, "0800", "Australia/Darwin"),
        ("AU", None, "2600", "Australia/Sydney"),
        ("US", None, "09012", None),
        ("US", None, None, None),
        ("CA", "XX", "D1A", None),
        ("BR", None, "01000-000", None),
        ("Atlantis", "CA", "94601", None),
        (None, "CA", "94601", None),
    ],
)
def test_a_place_has_a_zone_if_it_is_known_well_enough(
    country: str | None, region: str | None, postal_code: str | None, name: str | None
) -> None:
    """The region tells, else the postal code; where a country has several zones and nothing tells, none is guessed."""
    assert place_zone(country, region, postal_code) == name


PLACES = """
name: shop
format: json
zone: {country: country, region: region, postal_code: zip%s}
events: [{type: warehouse.packed, order: order, time: at}]
"""


def test_local_times_are_read_where_the_record_is() -> None:
    """13:00 in Oakland in summer."""
    (event,) = events(PLACES % "", record(at="2026-07-01 13:00:00", country="US", zip="94601"))
    assert event["time"] == "2026-07-01T13:00:00-07:00"


def test_a_place_that_is_not_known_refuses_local_times_only() -> None:
    """A time with an offset needs no place; what `else` says stands for a place that is not known."""
    (refused,) = adapted(PLACES % "", record(at="2026-07-01 13:00:00", country="US")).refused
    assert (refused.reason, refused.detail) == ("unmapped", "zone: the place is in no known zone, or in one of several")
    assert events(PLACES % "", record(at=NOON, country="US"))[0]["time"] == NOON
    (event,) = events(PLACES % ", else: America/Chicago", record(at="2026-07-01 13:00:00", country="US"))
    assert event["time"] == "2026-07-01T13:00:00-05:00"


def test_a_promise_of_a_place_is_read_there_and_a_date_needs_none() -> None:
    """Promises of orders are written as local times too."""
    spot = "promised_by: {at: by, zone: {country: ship.country, region: ship.state}}"
    rule = f"type: order.placed, data: {{{spot}}}"
    assert data(rule, record(by="2026-07-03T18:00:00", ship={"country": "US", "state": "HI"})) == {
        "promised_by": "2026-07-03T18:00:00-10:00"
    }
    assert data(rule, record(by="2026-07-03", ship={"country": "US"})) == {"promised_by": "2026-07-03"}


# --- the request ------------------------------------------------------------------------------------------

REQUEST = """
name: shop
format: json
times: iso
kind: header('X-Event')
events:
  - type: {code: "header('x-event')", table: kinds}
    each: items
    order: "join('-', [query('shop'), to_string(id)])"
    time: received()
    data: {site: url()}
tables: {kinds: {packed: warehouse.packed}}
"""


def received(text: str, body: str, *, url: str | None, **headers: str) -> Adapted:
    """What a mapping makes of a request."""
    captured = {"headers": headers, "received": "2026-05-04T10:00:00+02:00", "body": orjson.loads(body), "url": url}
    found = translate(mapping(text).adapter, payload_of(orjson.dumps(captured)), AdapterConnection())
    assert not [one for one in found.refused if one.reason in FAULTS]
    return found


def test_expressions_know_the_request_at_any_depth() -> None:
    """Headers in any case, parameters of the URL, and when it came."""
    (event,) = received(REQUEST, '{"items": [{"id": 7}]}', url="/hooks/shop/a?shop=nl%201&x", **{"X-EVENT": "packed"}).events
    assert (event["type"], event["subject"], event["time"]) == ("warehouse.packed", "nl 1-7", "2026-05-04T10:00:00+02:00")
    assert event["data"]["site"] == "/hooks/shop/a?shop=nl%201&x"


def test_what_a_request_has_not_is_nothing() -> None:
    """A file was never received."""
    found = translate(mapping(REQUEST).adapter, Payload(b'{"items": [{"id": 7}]}', {"x-event": "packed"}), AdapterConnection())
    (refused,) = found.refused
    assert (refused.reason, refused.detail) == ("missing_field", "time: received() (item 0)".removesuffix(" (item 0)"))


# --- pseudonyms -------------------------------------------------------------------------------------------

PSEUDONYM = """
name: shop
format: json
hmac_key: {env: CUSTOMER_KEY}
events:
  - {type: order.placed, order: order, time: at, data: {customer: {id: "mail && hmac(lower(trim(mail)))"}}}
"""


def customers(text: str, key: str, *bodies: str) -> list[str | None]:
    """The customer's ID in the event of each record."""
    found, faults = examine_text(text, {"CUSTOMER_KEY": key})
    assert found is not None, faults
    output = [translate(found.adapter, Payload(body.encode()), AdapterConnection()).events for body in bodies]
    return [event["data"].get("customer", {}).get("id") for (event,) in output]


def test_an_address_becomes_a_pseudonym_that_only_the_key_can_make() -> None:
    """HMAC-SHA256 (RFC 2104), its first 32 digits; the same for the same customer, another under another key."""
    known = hmac.new(KEY.encode(), b"anna@example.org", sha256).hexdigest()[:32]
    assert customers(PSEUDONYM, KEY, record(mail=" Anna@Example.org"), record(mail="anna@example.org")) == [known, known]
    assert customers(PSEUDONYM, KEY[::-1], record(mail="anna@example.org")) != [known]


def test_who_gives_no_address_has_no_pseudonym() -> None:
    """Else all guests would be one customer."""
    assert customers(PSEUDONYM, KEY, record(mail=None), record(mail=""), record()) == [None, None, None]


@pytest.mark.parametrize(
    ("given", "terms"),
    [("short", "fewer than 16 characters"), ("", "fewer than 16 characters"), (None, "the environment variable CUSTOMER_KEY is not set")],
)
def test_a_key_that_protects_nothing_is_refused_without_showing_it(given: str | None, terms: str) -> None:
    """Addresses can be tried out under a short key. With no environment, as by `--check`, no key is wanted."""
    found, (fault,) = examine_text(PSEUDONYM, {} if given is None else {"CUSTOMER_KEY": given})
    assert found is None
    assert terms in fault.message
    assert not given or given not in fault.message
    assert examine_text(PSEUDONYM, None)[1] == []


def test_a_key_may_stand_in_a_file_beside_the_mapping(tmp_path: Path) -> None:
    """As mounted secrets are given: with a line's end."""
    (tmp_path / "key").write_text(f"{KEY}\n", encoding="utf-8")
    text = PSEUDONYM.replace("{env: CUSTOMER_KEY}", "{file: key}")
    found, faults = examine_text(text, {}, tmp_path)
    assert found is not None, faults
    assert found.adapter.read.__self__.key == KEY.encode()  # type: ignore[attr-defined]
    assert KEY not in repr(found.adapter)


# --- refusals ---------------------------------------------------------------------------------------------

REFUSE = """
name: shop
format: jsonl
ignore: [{when: "kind == 'ping'", why: a sign of life}]
refuse:
  - {when: "currency && currency != 'EUR'", why: this shop sells in EUR only}
events:
  - type: order.placed
    order: order
    time: at
  - type: payment.refunded
    each: refunds
    refuse: [{when: "!amount", why: a refund without an amount}]
    order: parent.order
    time: parent.at
    id: [id]
    data: {amount: {amount: "trim_left(amount, '-')", currency: {value: EUR}}}
"""


def test_a_mapping_refuses_what_it_states_and_says_why() -> None:
    """The whole record, or one item of it; what is ignored is not refused as well."""
    body = "\n".join((
        record(currency="USD"),
        record(currency="USD", kind="ping"),
        record(order="A-2", refunds=[{"id": 1}, {"id": 2, "amount": "-16.20"}]),
    ))  # fmt: skip
    found = adapted(REFUSE, body)
    assert [(one.reason, one.detail) for one in found.refused] == [
        ("refused_by_mapping", "this shop sells in EUR only (line 1)"),
        ("refused_by_mapping", "a refund without an amount (line 3)"),
    ]
    assert len(found.ignored) == 1
    assert [(event["type"], event["data"]) for event in found.events] == [
        ("order.placed", {}),
        ("payment.refunded", {"amount": {"amount": "16.20", "currency": "EUR"}}),
    ]


# --- amounts and quantities -------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", ["-16.20", "0.00", "-0"])
def test_a_refund_that_is_not_above_zero_is_refused(amount: str) -> None:
    """It would add to what was captured, or stand for all of it."""
    text = """
    name: a
    format: json
    events: [{type: payment.refunded, order: order, time: at, data: {amount: {amount: a, currency: {value: USD}}}}]
    """
    (refused,) = adapted(text, record(a=amount)).refused
    assert refused.reason == "bad_value"


@pytest.mark.parametrize("quantity", [2.5, "2.5", "0.400"])
def test_a_quantity_that_is_no_number_of_pieces_says_so(quantity: object) -> None:
    """2.5 kg are no pieces: the shop says what one piece is."""
    text = """
    name: a
    format: json
    events: [{type: order.placed, order: order, time: at, data: {lines: {each: items, sku: sku, quantity: %s}}}]
    """
    body = record(items=[{"sku": "RICE", "qty": quantity}])
    (refused,) = adapted(text % "qty", body).refused
    assert (refused.reason, refused.detail.partition(":")[0]) == ("bad_value", "qty")
    assert "whole pieces" in refused.detail
    (event,) = events(text % '"ceil(to_number(qty))"', body)
    assert event["data"]["lines"] == [{"sku": "RICE", "quantity": 3 if str(quantity) == "2.5" else 1}]


# --- lists that are empty ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "body", "what", "why"),
    [
        ("each: orders", '{"orders": []}', "empty", "each: orders: finds no record"),
        ('each: "a.b[].c[]"', '{"a": {"b": [{"error": "not found"}]}}', "empty", "each: a.b[].c[]: finds no record"),
        ("kind: order", "[]", "unknown", "holds no record"),
        ("kind: order", '{"order": "A", "items": []}', "record", "each: items: finds nothing in it"),
        ("kind: order", '{"order": "A"}', "record", "each: items: finds nothing in it"),
    ],
)
def test_an_answer_without_records_says_so(text: str, body: str, what: str, why: str) -> None:
    """Neither refused nor passed over: a poll may find nothing, but somebody who looks sees that it did."""
    found = adapted(f"name: a\nformat: json\n{text}\nevents: [{{type: warehouse.packed, each: items, order: id, time: at}}]", body)
    assert (found.events, found.refused, found.ignored) == ((), (), ((what, why),))


def test_a_list_that_is_empty_beside_others_is_no_news() -> None:
    """Most orders have no refunds."""
    found = adapted(REFUSE, record(refunds=[]))
    assert [len(found.events), found.refused, found.ignored] == [1, (), ()]


# --- the page ---------------------------------------------------------------------------------------------


def test_what_the_page_shows_is_what_comes_out() -> None:
    """Each example of the page: a mapping, a request, and the data of its events or its refusals."""
    block = r"```%s\n((?:(?!```).)*)```\n+"
    shown = re.findall("".join(block % kind for kind in ("yaml", "json", "text")), README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(shown) >= 4
    for text, request, result in shown:
        found, faults = examine_text(text, {"CUSTOMER_KEY": KEY})
        assert found is not None, faults
        output = translate(found.adapter, payload_of(request.encode()), AdapterConnection())
        lines = [f"{event['type']} {event['time']} {orjson.dumps(event['data']).decode()}" for event in output.events]
        lines += [f"refused {one.reason}: {one.detail}" for one in output.refused]
        assert result.splitlines() == lines
