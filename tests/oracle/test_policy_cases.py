"""Policies of real trade that did not mean what they said: what is right under each, or what is told of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from dataflows.core.rules.load import check_policy, load_policy
from tests.support.engine import records_of, run

CASES = Path(__file__).parent / "cases" / "policy"


class Case(NamedTuple):
    """A folder of `cases/policy`, until when it is judged, and what is said: type, instant, kind, severity, owner."""

    name: str
    until: str
    said: tuple[tuple[str, str, str, str, str], ...] = ()


ALL = (
    Case("pol_carrier_case", "2026-03-30", (("raised", "2026-03-17T20:00:00Z", "shipment.scan_gap", "low", "CARR"),)),
    Case("pol_credit_threshold", "2026-03-13", (("raised", "2026-03-05T09:00:00Z", "fulfilment.hold_aged", "medium", "MYTEAM"),)),
    Case(
        "pol_delivery_threshold",
        "2026-03-13",
        (
            ("raised", "2026-03-10T23:00:00Z", "shipment.delivery_overdue", "medium", "CARR"),
            ("updated", "2026-03-11T23:00:00Z", "shipment.delivery_overdue", "high", "CARR"),
        ),
    ),
    Case(
        "pol_multi_carrier_order",
        "2026-03-20",
        (
            ("raised", "2026-03-06T23:00:00Z", "shipment.delivery_overdue", "medium", "CARR"),
            ("updated", "2026-03-09T23:00:00Z", "shipment.delivery_overdue", "high", "CARR"),
        ),
    ),
    Case("pol_multi_carrier_one_came", "2026-03-20"),  # what is late goes by the carrier of which the rule is off
    Case("saudi_thursday", "2026-03-20", (("raised", "2026-03-08T08:00:00Z", "shipment.held", "medium", "CARR"),)),
    Case("free_fallback_weekend", "2026-03-13"),
    Case("pol_grace_on_signal", "2026-03-13"),  # refunded two minutes after the order was edited down: within its grace
)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_a_policy_means_what_it_says(case: Case) -> None:
    """Exactly this is said under it."""
    folder = CASES / case.name
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_bytes().splitlines()]
    until = int(datetime.fromisoformat(case.until).replace(tzinfo=UTC).timestamp()) * 1_000_000
    outs = run(records_of(lines), load_policy(folder / "policy.yaml"), until)
    said = [(json.loads(out.body), out) for out in outs if out.topic == "exceptions"]
    found = [
        (event["type"].removeprefix("exception."), event["data"]["detected_at"], out.kind, out.severity, event["data"]["owner"])
        for event, out in said
    ]
    assert tuple(found) == case.said


TOLD = (
    (
        "pol_threshold_duplicate",
        False,
        "order.duplicate_suspected has no `threshold`: what it reports is raised at once; its span is `margin` (10 m)",
    ),
    (
        "unarmed_rule",
        True,
        "inventory.allocation_overdue waits for `allocated`: it fires only where 20 orders have shown one, unless `emits` lists it",
    ),
)


@pytest.mark.parametrize(("name", "usable", "message"), TOLD)
def test_what_has_no_effect_is_told(name: str, usable: bool, message: str) -> None:
    """By name, with its line; where the policy can be used all the same, as a warning."""
    [problem] = check_policy(CASES / name / "policy.yaml")
    assert (problem.line, problem.warning, problem.message) == (4, usable, message)


def test_a_cut_off_per_weekday_can_be_said() -> None:
    """A Saturday ends sooner. That nobody works by the calendar is told as well."""
    [problem] = check_policy(CASES / "cutoff_saturday" / "policy.yaml")
    assert problem.warning
    assert problem.field == "calendars.de"
