"""The score by which open exceptions are sorted: it rises with severity, lateness, value and tier, and says of what it is made."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dataflows.core.engine.exceptions import ExceptionState, score
from schemas.instants import DAY, HOUR, iso
from schemas.lateness import as_of
from schemas.output_events import Severity

DUE = 100 * DAY


def points(
    late: int = 0, total: float = 0.0, tier: str | None = None, *, severity: Severity = "medium", end: int | None = None
) -> dict[str, int]:
    """The terms of an exception that was due, `late` µs after its deadline."""
    state = ExceptionState("shipment.delivery_overdue", None, 1, severity=severity, mode="on", owner="CARR", lane="auto")
    state.due, state.end = DUE, end
    return score(state, total, tier, DUE + late)


def test_the_later_the_more() -> None:
    """Lateness counts by doublings, so that an hour and a month both tell; it never outweighs a severity."""
    lates = [0, HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY, 365 * DAY]
    told = [points(late)["lateness"] for late in lates]
    assert told == [0, 10, 27, 45, 61, 73, 94, 99]
    assert all(before < after for before, after in pairwise(told))
    assert sum(points(365 * DAY).values()) < sum(points(severity="high").values())


def test_what_has_ended_is_as_late_as_it_was_then() -> None:
    """A correction that comes long afterwards makes nothing later."""
    assert points(30 * DAY, end=DUE + DAY)["lateness"] == points(DAY)["lateness"]


def test_what_has_no_deadline_is_not_late() -> None:
    """A report counts by its severity, value and tier."""
    state = ExceptionState("address.invalid", None, 1, severity="high", mode="on", owner="CS", lane="review")
    assert score(state, 0.0, None, DUE)["lateness"] == 0


@pytest.mark.parametrize(("less", "more"), [(10.0, 20.0), (0.0, 500.0)])
def test_the_dearer_the_more(less: float, more: float) -> None:
    """An order's total counts, up to a bound."""
    assert points(total=less)["value"] < points(total=more)["value"] <= points(total=1e9)["value"] == 99


def test_a_tier_counts_and_an_unknown_one_does_not() -> None:
    """Better customers first."""
    assert points(tier="vip")["tier"] > points(tier="silver")["tier"] > points(tier="standard")["tier"] == 0


def test_it_is_as_late_as_it_is_when_somebody_looks() -> None:
    """What stands grows later without another event; what is over, and what has no deadline, does not."""
    terms = {"severity": 300, "lateness": 45, "value": 10}
    data = {"score_terms": terms, "due_at": iso(DUE), "status": "open"}
    assert as_of(data, DUE + 30 * DAY) == (404, {**terms, "lateness": 94})
    assert as_of(data, DUE).points == 355, "never less than what was said"
    assert as_of({**data, "status": "suppressed"}, DUE + 30 * DAY).points == 404
    assert as_of({**data, "status": "resolved"}, DUE + 30 * DAY).points == 355
    assert as_of({**data, "due_at": None}, DUE + 30 * DAY).points == 355
