"""The score by which open exceptions are sorted: it rises as a breach nears and after it, and says what it is made of."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from dataflows.core.decisions.cases import CaseState
from dataflows.core.engine.exceptions import ExceptionState, exception_data
from dataflows.core.engine.scoring import Worth, scored
from dataflows.core.policy.priority import PRIORITY, Priority
from dataflows.core.rules import RULES_BY_KIND
from schemas.instants import DAY, HOUR, iso
from schemas.lateness import as_of
from schemas.output_events import Severity

DUE = 100 * DAY
BEGUN = 90 * DAY
NOTHING = Worth()


def state(severity: Severity = "medium", *, due: int | None = DUE, end: int | None = None) -> ExceptionState:
    """An exception that is waited for since `BEGUN`."""
    found = ExceptionState("shipment.delivery_overdue", None, 1, severity=severity, mode="on", owner="CARR", lane="auto")
    found.due, found.begun, found.end, found.start = due, BEGUN, end, BEGUN
    return found


def points(late: int = 0, worth: Worth = NOTHING, *, severity: Severity = "medium", end: int | None = None) -> dict[str, int]:
    """The terms of the score `late` µs after its deadline."""
    return scored(state(severity, end=end), worth, PRIORITY, DUE + late).terms


def money(amount: str, currency: str = "EUR") -> Worth:
    """So much is at stake."""
    return Worth(Decimal(amount), currency)


def test_it_rises_as_the_breach_nears_and_after_it() -> None:
    """At every instant no less than before, from the first warning to long after the deadline."""
    instants = [-9 * DAY, -5 * DAY, -DAY, -HOUR, 0, HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY, 365 * DAY]
    told = [sum(points(late).values()) for late in instants]
    assert all(before < after for before, after in pairwise(told)), told
    assert [points(late)["breach"] for late in instants[:5]] == [10, 50, 90, 99, 100]
    assert [points(late)["time_left"] for late in (-9 * DAY, -DAY, -HOUR, 0, DAY)] == [11, 27, 44, 50, 50]
    assert [points(late)["lateness"] for late in instants[3:]] == [0, 0, 10, 27, 45, 61, 73, 94, 100]


def test_lateness_alone_outweighs_no_severity() -> None:
    """A year late and of medium severity comes after what has just become high."""
    assert sum(points(365 * DAY).values()) < sum(points(severity="high").values())


def test_what_has_ended_is_as_late_as_it_was_then() -> None:
    """A correction that comes long afterwards makes nothing later."""
    assert points(30 * DAY, end=DUE + DAY) == points(DAY)


def test_what_is_broken_is_the_promise_while_it_can_be_kept() -> None:
    """Two picks are overdue alike: the one that is promised for tomorrow is seen to first."""
    tomorrow, later = (Worth(promise=(BEGUN, DUE + ahead * DAY)) for ahead in (1, 40))
    assert points(worth=tomorrow)["breach"] == 90
    assert points(worth=later)["breach"] == 20
    assert points(worth=tomorrow)["time_left"] == points(worth=later)["time_left"] == 50, "time is counted to its own deadline"


def test_a_report_counts_to_the_promise_or_has_happened() -> None:
    """It has no deadline of its own."""
    report = state("high", due=None)
    nothing = scored(report, Worth(), PRIORITY, DUE).terms
    assert (nothing["breach"], nothing["time_left"], nothing["lateness"]) == (100, 0, 0)
    ahead = scored(report, Worth(promise=(BEGUN, DUE + 10 * DAY)), PRIORITY, DUE).terms
    past = scored(report, Worth(promise=(BEGUN, DUE - DAY)), PRIORITY, DUE).terms
    assert (ahead["breach"], ahead["lateness"]) == (50, 0)
    assert (past["breach"], past["time_left"], past["lateness"]) == (100, 50, 45)


def test_the_dearer_the_more_and_no_order_is_too_dear_to_be_told_apart() -> None:
    """Half of the weight for the amount that the policy names, by currency."""
    told = [points(worth=money(amount))["value"] for amount in ("0", "10", "200", "1000", "5000", "50000", "9999999999")]
    assert told == [0, 5, 60, 100, 115, 119, 119]
    assert points(worth=money("30000", "JPY"))["value"] == points(worth=money("200"))["value"]
    assert points(worth=money("-5"))["value"] == 0


def test_a_tier_counts_and_an_unknown_one_does_not() -> None:
    """Better customers first."""
    vip, silver, standard = (points(worth=Worth(tier=tier))["tier"] for tier in ("VIP", "silver", "standard"))
    assert vip > silver > standard == 0


def test_what_keeps_coming_back_is_seen_to() -> None:
    """Reopened, came back by itself under its ID, or as a further episode."""
    told: list[int] = []
    for reopenings, flaps, episode in ((0, 0, 1), (1, 0, 1), (0, 1, 2), (3, 0, 1)):
        one = state()
        one.episode, one.work = episode, CaseState(reopenings=reopenings, flaps=flaps)
        told.append(scored(one, Worth(), PRIORITY, DUE).terms["reopenings"])
    assert told == [0, 25, 33, 37]


def test_the_gravest_of_all_is_no_more_than_a_score_can_say() -> None:
    """Nothing is cut: two of the gravest are still told apart."""
    worst = state("critical")
    worst.lane, worst.work = "block", CaseState(reopenings=99)
    terms = scored(worst, Worth(Decimal(10**9), "EUR", "vip", (BEGUN, DUE)), PRIORITY, DUE + 3650 * DAY).terms
    assert 990 < sum(terms.values()) <= PRIORITY.most == 1000


@pytest.mark.parametrize("due", [DUE, None])
def test_it_is_as_late_as_it_is_when_somebody_looks(due: int | None) -> None:
    """What an event says is enough to count at any later instant what an event of that instant would say."""
    one, worth = state(due=due), Worth(Decimal(70), "EUR", "gold", (BEGUN, DUE + 3 * DAY))
    said = scored(one, worth, PRIORITY, DUE - DAY)
    data = exception_data(one, RULES_BY_KIND[one.kind], "x", "o", DUE, "v", {}, said, summary="")
    for at in (DUE - DAY, DUE, DUE + DAY, DUE + 9 * DAY):
        then = scored(one, worth, PRIORITY, at).terms
        assert as_of(data, at) == (sum(then.values()), then)
    assert as_of(data, 0).terms == said.terms, "never less than what was said"
    for status, grows in (("suppressed", True), ("resolved", False), ("retracted", False)):
        assert (as_of({**data, "status": status}, DUE + 9 * DAY).points > sum(said.terms.values())) is grows


def test_events_of_before_clocks_were_published_count_lateness() -> None:
    """Their consumers have seen nothing else."""
    terms = {"severity": 300, "lateness": 45, "value": 10}
    data = {"score_terms": terms, "due_at": iso(DUE), "status": "open"}
    assert as_of(data, DUE + 30 * DAY) == (404, {**terms, "lateness": 94})
    assert as_of({**data, "due_at": None}, DUE + 30 * DAY).points == 355


def test_the_weights_are_the_policys() -> None:
    """Each term gives what the policy says, nothing where it says nothing."""
    weights = Priority(severity={"low": 0, "medium": 7, "high": 8, "critical": 9}, breach=10, time_left=0, lateness=20, value=0, tiers={})
    terms = scored(state(), Worth(Decimal(70), "EUR", "vip"), weights, DUE + DAY).terms
    assert terms == {"severity": 7, "breach": 10, "time_left": 0, "lateness": 9, "value": 0, "tier": 0, "blocking": 0, "reopenings": 0}
