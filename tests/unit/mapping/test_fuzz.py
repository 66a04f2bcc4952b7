"""Whatever rows come, a mapping neither raises nor makes an invalid event. `ORDERWATCH_FUZZ` sets how many inputs of each sort."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.adapters import AdapterConnection, Payload, translate
from sources.adapters.output import FAULTS
from sources.mapping import load_mapping
from sources.mapping.check import examine_text
from tests.support.mutation import ODD, mutated

COUNT = int(os.environ.get("ORDERWATCH_FUZZ", "300"))
FUZZ = settings(max_examples=COUNT, database=None, suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large))
EXAMPLE = Path(__file__).resolve().parents[3] / "sources" / "mapping" / "example.yaml"
STEPS = Path(__file__).parent / "files" / "steps.csv"

EVERYTHING = """
name: all
format: {format}
zone: {country: country, postal_code: zip, else: {code: site, table: zones, else: UTC}}
hmac_key: {env: CUSTOMER_KEY}
refuse: [{when: "contains(order, 'X')", why: of another shop}]
times: [iso, unix, unix_ms, '%d.%m.%Y %H:%M']
decimal: ","
kind: step
test: test
tables:
  zones: {B: Europe/Berlin, N: America/New_York}
  step: {A: [warehouse.picked, warehouse.packed], P: order.placed, U: order.updated, H: {ignored: no step}}
  scan: {D: delivered, H: held customs}
  coarse: {1: in_transit, 2: lost}
  hold: {F: fraud}
events:
  - type: {code: step, table: step}
    order: split(order, '/')[0]
    time: at
    recorded: said
    data:
      site: site
      shipment_id: ref
      total: {amount: amount, currency: currency}
      promised_by: by
      ship_to: {country: upper(country), postal_code: zip}
      channel: "header('x-event') || query('shop') || url() || received()"
      customer: {id: hmac(customer.id), tier: customer.tier, consents: customer.consents}
      lines: {each: "items[?quantity]", line_id: id, sku: sku, quantity: quantity, promised_by: by}
  - when: contains(step, 'D') || items
    type: carrier.scan
    each: items
    refuse: [{when: note == 'none', why: no scan}]
    id: [parent.ref, sku]
    order: parent.order
    time: at
    history: said
    source: "join('/', ['/carrier', parent.site])"
    data:
      status: {code: code, table: scan, else: {code: id, table: coarse}}
      tracking_number: sku
      carrier: id
      eta: by
      location: {city: sku}
      raw: {text: note}
  - when: amount
    type: payment.captured
    time: at
    data: {payment_id: ref, amount: {amount: amount, currency: currency, minor: yes}, final: final}
  - type: order.hold_placed
    order: order
    time: at
    data: {hold: {code: code, table: hold}, hold_id: "join('-', [order, ref])"}
  - type: inventory.short
    order: order
    time: at
    data: {sku: ref, ordered: quantity, available: to_number(quantity), substitutes: "items[].sku"}
"""
RECORD: dict[str, Any] = {
    "step": "A", "order": "O/1", "at": "2026-11-20T12:00:00Z", "said": 1795176000, "site": "B", "ref": "S1", "amount": "1.234,50",
    "currency": "EUR", "by": "2026-11-25", "country": "de", "zip": 10115, "final": True, "code": "F", "quantity": "3,000", "shop": "t",
    "test": False, "customer": {"id": 7, "tier": "gold", "consents": ["email"]},
    "items": [{"id": 1, "sku": "A", "quantity": 2, "by": "2026-12-01", "code": "D", "at": "20.11.2026 14:00", "note": "left"}],
}  # fmt: skip


def checked(adapter: Any, body: bytes) -> int:
    """Translates; a fault of ours would be refused with a reason of `FAULTS`. Returns how many events there were."""
    found = translate(adapter, Payload(body), AdapterConnection())
    assert [one for one in found.refused if one.reason in FAULTS] == []
    return len(found.events)


@pytest.fixture(scope="module", params=["json", "jsonl"])
def adapter(request: pytest.FixtureRequest) -> Any:
    """A mapping that uses all that there is."""
    found, faults = examine_text(EVERYTHING.replace("{format}", request.param), {"CUSTOMER_KEY": "a key of many characters"})
    assert found is not None, faults
    return found.adapter


def test_the_record_that_is_mutated_is_understood(adapter: Any) -> None:
    """Else the mutations would prove nothing."""
    assert checked(adapter, orjson.dumps(RECORD)) >= 5


def test_mutated_records_never_raise_and_never_make_an_invalid_event(adapter: Any) -> None:
    """Values exchanged, cut, doubled, retyped, dropped and overlong."""
    rng = random.Random("orderwatch mapping")
    for _ in range(COUNT):
        checked(adapter, mutated(orjson.dumps(RECORD), rng))


def test_arbitrary_values_never_raise_and_never_make_an_invalid_event(adapter: Any) -> None:
    """Records of any shape, made of the mapping's own names and codes."""
    terms = st.sampled_from([*RECORD, "B", "N", "A", "P", "U", "H", "D", "F", "sku", "id", "tier", "EUR", "JPY"]) | st.text(max_size=6)
    scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | terms
    values = st.recursive(
        scalars | st.sampled_from([odd for odd in ODD if not isinstance(odd, dict | list)]),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(terms, below, max_size=5),
        max_leaves=12,
    )
    records = st.fixed_dictionaries({name: st.just(one) | values for name, one in RECORD.items()}) | values

    @FUZZ
    @given(record=records)
    def run(record: Any) -> None:
        checked(adapter, orjson.dumps(record))

    run()


def test_arbitrary_bytes_and_rows_never_raise() -> None:
    """The example mapping on CSV that is broken in every way."""
    example = load_mapping(EXAMPLE)
    head, *rows = STEPS.read_bytes().split(b"\r\n")
    cells = st.sampled_from(sorted({cell for row in rows for cell in row.split(b";")})) | st.binary(max_size=6)
    lines = st.lists(cells, min_size=10, max_size=13).map(b";".join)

    @FUZZ
    @given(body=st.binary(max_size=300) | st.lists(lines | st.sampled_from(rows), max_size=6).map(lambda found: b"\n".join([head, *found])))
    def run(body: bytes) -> None:
        checked(example, body)

    run()
    rng = random.Random("orderwatch rows")
    for _ in range(COUNT):
        checked(example, mutated(STEPS.read_bytes(), rng))
