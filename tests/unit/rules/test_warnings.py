"""Warnings before a breach: steps at a share of the wait for a deadline, of working time where the deadline counts in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from dataflows.core.clocks.spans import Later, Portion
from dataflows.core.policy.check import PolicyError
from dataflows.core.policy.values import step
from tests.oracle.judging.reading import instant
from tests.support.desk import policy_of
from tests.support.engine import records_of, run
from tests.support.logs import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

Told = tuple[str, str, dict[str, object]]


class Line(NamedTuple):
    """A line that was said: which sort, when, how grave, whose, and its deadline."""

    type: str
    at: str
    severity: str
    owner: str
    due: object


def said(policy: str, kind: str, events: Sequence[Told], until: str) -> list[Line]:
    """What is said of a kind."""
    lines: list[dict[str, object]] = [
        {"specversion": "1.0", "id": f"e{n}", "source": "/s", "subject": "o", "type": type_, "time": at, "recordedtime": at, "data": data}
        for n, (at, type_, data) in enumerate(events)
    ]
    outs = run(records_of(lines), policy_of(policy), instant(until))
    return [
        Line(out.type.removeprefix("exception."), iso(out.log), out.severity, str(out.data["owner"]), out.data["due_at"])
        for out in outs
        if out.kind == kind and out.topic == "exceptions"
    ]


PICK = """
emits: [placed, released, picked]
rules:
  fulfilment.pick_overdue: {threshold: 8 bh, steps: [{at: 75 %, severity: low}], owners: {normal: PICKERS}}
"""
RELEASED: list[Told] = [("2026-11-06T10:00:00Z", "order.placed", {}), ("2026-11-06T14:00:00Z", "warehouse.released", {})]
"""On a Friday: 8 hours of work later it is Monday noon."""


def test_three_quarters_of_eight_working_hours_are_six() -> None:
    """S35: Monday at ten, not in the night from Sunday; it is the normal path's until the deadline, and then the exception path's."""
    due = "2026-11-09T12:00:00Z"
    assert said(PICK, "fulfilment.pick_overdue", RELEASED, "2026-11-10T00:00:00Z") == [
        Line("raised", "2026-11-09T10:00:00Z", "low", "PICKERS", due),
        Line("updated", due, "medium", "FULF", due),
    ]


@pytest.mark.parametrize(
    ("picked", "ends"),
    [("2026-11-09T09:00:00Z", []), ("2026-11-09T11:00:00Z", ["raised", "resolved"])],
    ids=["before", "after the warning"],
)
def test_what_comes_before_the_deadline_breaks_nothing(picked: str, ends: list[str]) -> None:
    """Nothing happens if it comes before the warning; after that the warning is over, and nothing was broken."""
    found = said(PICK, "fulfilment.pick_overdue", [*RELEASED, (picked, "warehouse.picked", {})], "2026-11-10T00:00:00Z")
    assert [line.type for line in found] == ends
    assert {line.severity for line in found} <= {"low"}


PROMISE = """
emits: [placed, shipped, delivered]
rules:
  shipment.delivery_overdue: {steps: [{at: 80 %, severity: low}, {at: +1 bd, severity: high}]}
"""
PLACED: Told = ("2026-11-02T00:00:00Z", "order.placed", {"promised_by": "2026-11-11"})


def test_of_a_date_the_wait_begins_when_the_order_states_it() -> None:
    """S3: ten days from the placing until the promise ends, so it is at risk after eight; a step after the deadline stays one."""
    due = "2026-11-12T00:00:00Z"
    assert said(PROMISE, "shipment.delivery_overdue", [PLACED], "2026-11-14T00:00:00Z") == [
        Line("raised", "2026-11-10T00:00:00Z", "low", "CARR", due),
        Line("updated", due, "medium", "CARR", due),
        Line("updated", "2026-11-13T00:00:00Z", "high", "CARR", due),
    ]


def test_a_promise_that_moves_before_the_warning_is_waited_for_anew() -> None:
    """From the update on: five days and a half of which four fifths are four days, nine hours and thirty-six minutes."""
    moved: Told = ("2026-11-06T12:00:00Z", "order.updated", {"promised_by": "2026-11-11"})
    later: Told = ("2026-11-07T00:00:00Z", "order.updated", {"promised_by": "2026-11-16"})
    assert [line.at for line in said(PROMISE, "shipment.delivery_overdue", [PLACED, moved], "2026-11-11T00:00:00Z")] == [
        "2026-11-10T00:00:00Z"  # The same date holds on.
    ]
    assert [line.at for line in said(PROMISE, "shipment.delivery_overdue", [PLACED, later], "2026-11-16T00:00:00Z")] == [
        "2026-11-15T00:00:00Z"
    ]


def test_it_keeps_its_share_when_the_threshold_is_another() -> None:
    """An override for some orders moves the deadline: the warning moves with it, in elapsed time."""
    policy = (
        "emits: [placed, authorized]\n"
        "rules: {payment.auth_missing: {threshold: 10 h, suppressed_by: [], steps: [{at: 50 %, severity: low}]}}\n"
        "overrides: [{when: {tier: gold}, rules: {payment.auth_missing: {threshold: 2 h}}}]"
    )
    placed: Told = ("2026-11-02T08:00:00Z", "order.placed", {"customer": {"id": "c", "tier": "gold"}})
    assert [(line.at, line.severity) for line in said(policy, "payment.auth_missing", [placed], "2026-11-03T00:00:00Z")] == [
        ("2026-11-02T09:00:00Z", "low"),
        ("2026-11-02T10:00:00Z", "medium"),
    ]


def test_a_credit_hold_is_waited_for_by_the_earlier_of_its_deadlines() -> None:
    """The last call a day before it must ship comes before the business day is over: so does its warning, and no other."""
    policy = "rules: {payment.credit_hold_aged: {steps: [{at: 50 %, severity: low}]}}"
    events: list[Told] = [
        ("2026-11-02T08:00:00Z", "order.placed", {"ship_by": "2026-11-03"}),
        ("2026-11-02T12:00:00Z", "order.hold_placed", {"hold": "credit", "hold_id": "h"}),
    ]
    due = "2026-11-03T00:00:00Z"
    assert said(policy, "payment.credit_hold_aged", events, "2026-11-04T00:00:00Z") == [
        Line("raised", "2026-11-02T18:00:00Z", "low", "FIN", due),
        Line("updated", due, "high", "FIN", due),
    ]


def test_how_a_share_is_written() -> None:
    """With or without a blank, from 1 to 99; a span is none."""
    assert step("80 %") == step("80%") == Portion(80, "us")
    assert isinstance(step("+1 bd"), Later)
    for wrong in ("0 %", "100 %", "80.5 %", "-5 %"):
        with pytest.raises(ValueError, match="%"):
            step(wrong)


def test_what_is_reported_has_no_wait() -> None:
    """It is raised at once: the policy is refused by name."""
    with pytest.raises(PolicyError, match="is raised at once: there is no wait of which 80 % could pass"):
        policy_of("rules: {address.invalid: {steps: [{at: 80 %, severity: critical}]}}")


def test_for_all_rules_it_is_for_those_that_wait() -> None:
    """`*` warns of every deadline, and leaves what is reported alone."""
    policy = "emits: [placed, authorized]\nrules: {'*': {suppressed_by: [], steps: [{at: 50 %, severity: low}]}}"
    placed: Told = ("2026-11-02T08:00:00Z", "order.placed", {})
    invalid: Told = ("2026-11-02T09:00:00Z", "address.invalid", {})
    found = said(policy, "address.invalid", [placed, invalid], "2026-11-02T12:00:00Z")
    assert [(line.type, line.severity) for line in found] == [("raised", "high")]
    assert said(policy, "payment.auth_missing", [placed], "2026-11-02T12:00:00Z")[0].at == "2026-11-02T08:30:00Z"
