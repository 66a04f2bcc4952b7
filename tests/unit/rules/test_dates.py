"""Deadlines that an order's own dates set, of orders that were cancelled: what was due by then counts, and nothing is asked of the rest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from dataflows.core.history.facts import Facts
from schemas.instants import iso, micros
from tests.support.actions import policy_of
from tests.support.engine import records_of, run
from tests.support.stories import event, rfc3339

if TYPE_CHECKING:
    from dataflows.core.history.obligations import Unit

KIND = "fulfilment.ship_overdue"
POLICY = policy_of(f"rules: {{'*': off, {KIND}: on}}")
PLACED = "11-02 10:00 order.placed"
PAID = "11-02 11:00 payment.captured"
DUE = "11-06 00:00 open"
"""Of an order that is to leave by the fifth."""
CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "before its date": ((f"{PLACED} ship_by: 11-05", "11-04 10:00 order.cancelled"), ()),
    "at its date": ((f"{PLACED} ship_by: 11-05", "11-06 00:00 order.cancelled"), ()),
    "after its date": ((f"{PLACED} ship_by: 11-05", "11-07 10:00 order.cancelled"), (DUE, "11-07 10:00 resolved")),
    "refunded before it was cancelled": (
        (f"{PLACED} ship_by: 11-05", PAID, "11-04 10:00 payment.refunded amount: 100 EUR", "11-07 10:00 order.cancelled"),
        (),
    ),
    "after the date of a line": (
        (f"{PLACED} ship_by: 11-09, lines: [{{sku: A, quantity: 1, ship_by: '2026-11-03'}}, B 1]", "11-05 10:00 order.cancelled"),
        ("11-04 00:00 open line:A", "11-05 10:00 resolved line:A"),
    ),
    "after a date that was moved": (
        (f"{PLACED} ship_by: 11-03", "11-05 10:00 order.updated ship_by: 11-09", "11-06 10:00 order.cancelled"),
        ("11-04 00:00 open", "11-05 10:00 resolved"),
    ),
    "after it had no date for too long": (
        (PLACED, PAID, "11-06 10:00 order.updated ship_by: 11-20", "11-07 10:00 order.cancelled"),
        ("11-05 11:00 open", "11-06 10:00 resolved"),
    ),
    "a line of it": ((f"{PLACED} ship_by: 11-05, lines: [A 1, B 1]", "11-04 10:00 order.cancelled lines: [A 1]"), (DUE,)),
    "and wanted again": ((f"{PLACED} ship_by: 11-05", "11-03 10:00 order.cancelled", "11-04 10:00 order.reinstated"), (DUE,)),
}
"""When it was cancelled; what is said then: from when on, how it stands, and of what."""


@pytest.mark.parametrize("case", CASES)
def test_what_is_owed_of_a_cancelled_order(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a plain order that was cancelled before all of its dates no unit is looked at."""
    lines, expected = CASES[case]
    looked: list[str] = []
    units = Facts.units

    def counted(self: Facts, *kinds: str) -> tuple[Unit, ...]:
        if "order.cancelled" in self.t.by_type:
            looked.append(kinds[0])
        return units(self, *kinds)

    monkeypatch.setattr(Facts, "units", counted)
    records = records_of([event(line, number) for number, line in enumerate(lines)])
    outs = run(records, POLICY, micros_of("11-15 00:00"))
    said = [f"{iso(out.log)} {out.status} {out.data['scope'] or ''}".rstrip() for out in outs if out.topic == "exceptions"]
    assert said == [_said(each) for each in expected]
    assert bool(looked) == (case not in ("before its date", "at its date", "refunded before it was cancelled"))


def _said(text: str) -> str:
    day, hour, *rest = text.split()
    return " ".join((iso(micros_of(f"{day} {hour}")), *rest))


def micros_of(stamp: str) -> int:
    """An instant as stories write it, µs."""
    return micros(datetime.fromisoformat(rfc3339(stamp)))
