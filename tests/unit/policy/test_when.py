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
    "postal_code: [10, 94105]", "method: ship", "terms: prepaid", "value: above 200", "value: above 249.99 EUR", "value: below 251",
    "value: [above 900, below 300]", "sku: a-1", "seller: ACME", "tags: vip", "tags: Fragile", "hold: fraud", "tier: gold", "channel: web",
    "service: EXPRESS",
)  # fmt: skip
OTHERS = (
    "region: US-NY", "postal_code: 95", "method: pickup", "terms: invoice", "value: above 250", "value: below 250",
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
