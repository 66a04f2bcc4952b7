"""What `when` of an override can name, and how it is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.core.policy import Dims
from dataflows.core.policy.show import render
from dataflows.core.rules.load import check_policy, load_policy
from tests.oracle.judging.reading import instant
from tests.support.engine import records_of, run, standing
from tests.support.stories import event, rfc3339

if TYPE_CHECKING:
    from pathlib import Path

OFF = "rules: {'*': off, payment.auth_missing: {switch: on, threshold: 9 d}}\nemits: [placed, authorized]\n"
PLACED = (
    "11-02 10:00 order.placed total: {amount: '250.00', currency: EUR}, tags: [VIP], customer: {id: c, tier: Gold}, channel: Web,"
    " ship_to: {country: US, region: CA, postal_code: '94 105'}, service: Express,"
    " lines: [{line_id: '1', sku: A-1, quantity: 1, seller: Acme, tags: [fragile]}, {line_id: '2', sku: B, quantity: 1}]"
)
HELD = "11-02 10:30 order.hold_placed hold: fraud"

MATCHING = (
    "tenant: DEFAULT", "country: US", "region: US-CA", "region: ca", "region: [US-NY, us-ca]", "postal_code: 94", "postal_code: 941*",
    "postal_code: [10, 94105]", "method: ship", "method: SHIP", "terms: prepaid", "terms: Prepaid",
    "value: above 200", "value: above 249.99 EUR", "value: below 251",
    "value: [above 900, below 300]", "sku: a-1", "seller: ACME", "tags: vip", "tags: Fragile",
    "hold: fraud", "hold: Fraud", "tier: gold", "channel: web",
    "service: EXPRESS",
)  # fmt: skip
OTHERS = (
    "region: US-NY", "postal_code: 95", "method: pickup", "terms: on_ship", "value: above 250", "value: below 250",
    "value: above 200 USD", "sku: A", "seller: other", "tags: gift", "hold: credit", "tier: silver",
)  # fmt: skip


def raised(tmp_path: Path, when: str, *more: str) -> bool:
    """Whether the override brings the authorization that is missing after an hour."""
    path = tmp_path / "policy.yaml"
    path.write_text(OFF + f"overrides: [{{when: {{{when}}}, rules: {{payment.auth_missing: {{threshold: 1 h}}}}}}]")
    policy = load_policy(path)
    shown = tmp_path / "shown.yaml"
    shown.write_text(render(policy))
    assert load_policy(shown).version == policy.version
    events = [event(line, number) for number, line in enumerate((PLACED, *more))]
    return bool(standing(run(records_of(events), policy, instant(rfc3339("11-03 10:00")))))


@pytest.mark.parametrize("when", MATCHING)
def test_an_override_matches(tmp_path: Path, when: str) -> None:
    """In any letter case."""
    assert raised(tmp_path, when, HELD)


@pytest.mark.parametrize("when", OTHERS)
def test_another_order_is_not_meant(tmp_path: Path, when: str) -> None:
    """A value that the order does not have."""
    assert not raised(tmp_path, when, HELD)


def test_a_hold_counts_while_it_is_open(tmp_path: Path) -> None:
    """Once released it is none."""
    assert not raised(tmp_path, "hold: fraud", HELD, "11-02 10:40 order.hold_released hold: fraud")


def test_a_calendar_is_a_carrier_s_in_any_letter_case(tmp_path: Path) -> None:
    """Of carriers and of sites."""
    path = tmp_path / "policy.yaml"
    path.write_text("calendars: {c: {}}\ncarriers: {UPS: {calendar: c}}\nsites: {AMS1: {calendar: c}}")
    policy = load_policy(path)
    assert policy.carrier_calendar("ups") is policy.site_calendar("ams1") is policy.calendar("c")
    assert policy.settings(Dims(carrier="x")) is policy.base


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("value: 200", "'200' is no limit of a total: write 'above 200', 'below 20' or 'above 200 EUR'"),
        ("method: pick-up", "unknown method 'pick-up'; known: ship, pickup, local, digital"),
        ("hold: frod", "unknown hold 'frod'; known: fraud, credit, payment, address, inventory, customs, manual, other"),
    ],
)
def test_a_value_that_no_order_has_is_refused(tmp_path: Path, when: str, message: str) -> None:
    """With what is meant."""
    path = tmp_path / "policy.yaml"
    path.write_text(f"overrides: [{{when: {{{when}}}, rules: {{payment.auth_missing: {{threshold: 1 h}}}}}}]")
    assert [problem.message for problem in check_policy(path)] == [message]


def said_of(tmp_path: Path, policy: str, kind: str, *events: str) -> list[tuple[str, str]]:
    """What was said of a kind under a policy: owner and instant."""
    path = tmp_path / "policy.yaml"
    path.write_text(policy)
    lines = [event(line, number) for number, line in enumerate(events)]
    outs = run(records_of(lines), load_policy(path), instant(rfc3339("12-30 10:00")))
    return [(str(out.data["owner"]), str(out.data["detected_at"])) for out in outs if out.topic == "exceptions" and out.kind == kind]


def test_a_return_has_its_own_carrier(tmp_path: Path) -> None:
    """Whatever carries the order's shipments."""
    events = (
        "11-02 10:00 order.placed",
        "11-02 12:00 warehouse.shipped carrier: ups",
        "11-04 10:00 scan delivered carrier: ups",
        "11-09 10:00 return.shipped return_id: r1, tracking_number: RT1",
        "11-09 12:00 scan in_transit tracking_number: RT1, carrier: GLS, shipment_id: null",
    )
    rule = "emits: [placed, shipped, scans]\nrules: {'*': off, return.transit_stalled: on}\n"
    theirs = rule + "overrides: [{when: {carrier: gls}, rules: {return.transit_stalled: {threshold: 1 d, owner: GLSDESK}}}]"
    others = rule + "overrides: [{when: {carrier: ups}, rules: {return.transit_stalled: {threshold: 1 d, owner: UPSDESK}}}]"
    assert said_of(tmp_path, theirs, "return.transit_stalled", *events) == [("GLSDESK", rfc3339("11-10 12:00"))]
    assert said_of(tmp_path, others, "return.transit_stalled", *events) == [("CARR", rfc3339("11-16 12:00"))]


def test_an_orphan_has_its_tenant(tmp_path: Path) -> None:
    """Of all that overrides go by it is what is known of an event without its order."""
    events = ("11-02 10:00 scan in_transit tracking_number: T9, shipment_id: null, _order: null, _tenant: acme",)
    rule = "rules: {'*': off, data.orphan_signal: on}\n"
    assert said_of(tmp_path, rule, "data.orphan_signal", *events) == [("DATA", rfc3339("11-02 10:15"))]
    later = rule + "overrides: [{when: {tenant: ACME}, rules: {data.orphan_signal: {threshold: 2 h, owner: ACMEDESK}}}]"
    assert said_of(tmp_path, later, "data.orphan_signal", *events) == [("ACMEDESK", rfc3339("11-02 12:00"))]
    never = rule + "overrides: [{when: {tenant: acme}, rules: {data.orphan_signal: off}}]"
    assert said_of(tmp_path, never, "data.orphan_signal", *events) == []


def test_a_tighter_limit_of_a_parcel_s_own_carrier_is_not_late(tmp_path: Path) -> None:
    """Although the order, whose carriers differ, has the looser one; nor is what only an override makes count."""
    events = (
        "11-02 10:00 order.placed",
        "11-02 12:00 warehouse.shipped shipment_id: S1, tracking_number: T1, carrier: ups",
        "11-02 12:00 warehouse.shipped shipment_id: S2, tracking_number: T2, carrier: dhl",
        "11-02 13:00 scan in_transit tracking_number: T1",
        "11-02 13:00 scan in_transit tracking_number: T2",
        "11-04 13:00 scan held tracking_number: T1",
        "11-05 13:00 scan attempt_failed tracking_number: T2",
    )
    on = "shipment.held: {switch: on, threshold: 20 d}, shipment.attempts_exhausted: on"
    rule = f"emits: [placed, shipped, scans]\nrules: {{'*': off, {on}}}\n"
    held = rule + "overrides: [{when: {carrier: ups}, rules: {shipment.held: {threshold: 1 h, owner: UPSDESK}}}]"
    assert said_of(tmp_path, held, "shipment.held", *events) == [("UPSDESK", rfc3339("11-04 14:00"))]
    tried = rule + "overrides: [{when: {carrier: dhl}, rules: {shipment.attempts_exhausted: {count: 1, owner: DHLDESK}}}]"
    assert said_of(tmp_path, tried, "shipment.attempts_exhausted", *events) == [("DHLDESK", rfc3339("11-05 13:00"))]
