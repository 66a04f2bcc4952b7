"""The clocks of cases and their escalation: by when, on whose calendar, what pauses them, along which ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from dataflows.core.engine.shard import Shard
from tests.support.desk import KIND, PLACED, Data, Desk, policy_of
from tests.support.logs import HOUR, T0, iso, line, record

if TYPE_CHECKING:
    from schemas.output import OutputRecord

RAISED = T0 + 24 * HOUR
"""Tuesday 21 April 2026, 08:00 UTC."""
MINUTE = 60_000_000
LADDER = "ladders: {default: {steps: [{role: lead}, {wait: 2 h, team: OPS}, {wait: 1 d, team: OPS, role: manager}]}}"
QUICK = "'*': {acknowledge: {medium: 1 h}, resolve: {medium: 8 h}}"


def escalation(out: OutputRecord) -> tuple[object, ...] | None:
    """Level, to whom, since when (hours after it was raised), why."""
    found = cast("Data | None", out.data["escalation"])
    return None if found is None else tuple(found[name] for name in ("level", "to", "since", "reason"))


def after(hours: float) -> str:
    """An instant so many hours after the exception was raised."""
    return iso(RAISED + int(hours * HOUR))


def wait(desk: Desk, hours: float) -> list[tuple[object, ...] | None]:
    """The escalations that are said until so many hours after it was raised."""
    return [escalation(out) for out in desk.wait(24 * HOUR + int(hours * HOUR))]


def clocks(desk: Desk) -> tuple[object, object]:
    """By when the case is to be acknowledged and resolved, as a note shows it."""
    case = desk.case(desk.decide("noted"))
    return case["ack_by"], case["resolve_by"]


def test_the_clocks_follow_severity_on_the_tenants_calendar() -> None:
    """Unless the policy says otherwise: medium has a business day and two (S36)."""
    desk = Desk()
    assert clocks(desk) == (after(24), after(48))
    desk = Desk("payment.capture_overdue: {severity: critical, steps: []}")
    assert clocks(desk) == (after(1), after(8))
    desk = Desk("'*': {acknowledge: {medium: off}, resolve: {medium: 4 bd}}")
    assert clocks(desk) == (None, after(6 * 24))  # Saturday and Sunday do not count


def test_an_override_gives_a_tier_other_clocks() -> None:
    """As any other setting; what it does not name stays (S29)."""
    more = "overrides: [{when: {country: NL}, rules: {'*': {acknowledge: {medium: 30 m}}}}]"
    assert clocks(Desk(more=more)) == (after(0.5), after(48))


def test_a_team_has_its_own_calendar() -> None:
    """FIN starts at ten, in Amsterdam: 08:00 UTC."""
    more = "calendars: {desk: {zone: Europe/Amsterdam, hours: {'tue-thu': '12:00-14:00'}}}\nteams: {FIN: {calendar: desk}}"
    desk = Desk("'*': {acknowledge: {medium: 1 bh}, resolve: {medium: 3 bh}}", more)
    assert clocks(desk) == (after(3), after(27))


def test_rising_severity_shortens_what_is_allowed_and_never_lengthens_it() -> None:
    """Eight hours are left when it becomes high, which has a day: eight hours it stays."""
    desk = Desk("'*': {acknowledge: {high: 1 h}}, payment.capture_overdue: {severity: medium, steps: [{at: 64 h, severity: high}]}")
    (out,) = desk.wait(64 * HOUR)
    case = cast("Data", out.data["case"])
    assert (out.severity, case["ack_by"], case["resolve_by"]) == ("high", after(24), after(48))
    steps = "payment.capture_overdue: {severity: medium, steps: [{at: 34 h, severity: high}]}"
    desk = Desk(f"'*': {{acknowledge: {{high: 1 h}}, resolve: {{high: 2 h}}}}, {steps}")
    (out,) = desk.wait(34 * HOUR)
    case = cast("Data", out.data["case"])
    assert (case["ack_by"], case["resolve_by"]) == (after(11), after(12))


def test_what_nobody_acknowledges_goes_up_the_ladder() -> None:
    """Rung by rung, and no further; each says to whom, since when and why (S35)."""
    desk = Desk(QUICK.replace("8 h", "off"), LADDER)
    assert wait(desk, 1) == [(1, "FIN/lead", after(1), "acknowledge_overdue")]
    assert wait(desk, 2.99) == []
    assert wait(desk, 3) == [(2, "OPS", after(3), "acknowledge_overdue")]
    assert wait(desk, 100) == [(3, "OPS/manager", after(27), "acknowledge_overdue")]


def test_whoever_acknowledges_ends_the_escalation() -> None:
    """At the deadline itself is in time."""
    desk = Desk(QUICK, LADDER)
    wait(desk, 1)
    (out,) = desk.decide("acknowledged")
    assert escalation(out) is None
    assert wait(desk, 7.99) == []
    desk = Desk(QUICK, LADDER)
    desk.now = RAISED + HOUR - MINUTE
    assert escalation(desk.decide("acknowledged")[0]) is None
    assert wait(desk, 7) == []


def test_what_nobody_resolves_goes_up_the_ladder_anew() -> None:
    """Acknowledged or not; a resolution or a capture ends it."""
    desk = Desk(QUICK, LADDER)
    desk.decide("acknowledged")
    assert wait(desk, 11) == [(1, "FIN/lead", after(8), "resolve_overdue"), (2, "OPS", after(10), "resolve_overdue")]
    (out,) = desk.give("payment.captured", {"amount": {"amount": "80.00", "currency": "EUR"}})
    assert (out.status, escalation(out)) == ("resolved", None)
    assert cast("Data", out.data["case"])["resolve_by"] == after(8)
    assert wait(desk, 200) == []
    desk = Desk(QUICK, LADDER)
    assert [one and (one[0], one[3]) for one in wait(desk, 9)] == [
        *((1, "acknowledge_overdue"), (2, "acknowledge_overdue"), (1, "resolve_overdue")),
    ]
    assert escalation(desk.decide("resolved")[0]) is None


def test_the_resolve_clock_stands_still_while_the_case_waits() -> None:
    """From the wait to the next decision; a snooze does not stop it (S36)."""
    desk = Desk(QUICK, LADDER)
    wait(desk, 1.5)
    desk.now = RAISED + 2 * HOUR - MINUTE
    case = desk.case(desk.decide("waiting", on="customer"))
    assert (case["resolve_by"], case["paused_since"]) == (after(8), after(2))
    assert wait(desk, 20) == []
    desk.now = RAISED + 22 * HOUR - MINUTE
    case = desk.case(desk.decide("acknowledged"))
    assert (case["resolve_by"], case["paused_since"]) == (after(28), None)
    desk.decide("snoozed")
    assert wait(desk, 29) == [(1, "FIN/lead", after(28), "resolve_overdue")]


def test_a_wait_counts_only_what_is_working_time() -> None:
    """Three of six business hours are left when the wait begins, and three when it ends a day later."""
    desk = Desk("'*': {resolve: {medium: 6 bh}}")
    desk.now = RAISED + 3 * HOUR - MINUTE
    assert desk.case(desk.decide("waiting", on="bank"))["resolve_by"] == after(6)
    desk.now = RAISED + 28 * HOUR - MINUTE  # Wednesday 12:00
    assert desk.case(desk.decide("acknowledged"))["resolve_by"] == after(31)


def test_a_wait_that_ends_by_itself_lets_the_clock_go_on() -> None:
    """And says so."""
    desk = Desk(QUICK, LADDER)
    desk.now = RAISED + HOUR // 2 - MINUTE
    desk.decide("waiting", on="carrier", until=after(4.5))
    (out,) = desk.wait(24 * HOUR + 5 * HOUR)
    case = cast("Data", out.data["case"])
    assert (case["state"], case["resolve_by"]) == ("acknowledged", after(12))
    assert case["ended"] == {"state": "waiting", "by": "time", "at": after(4.5)}


def test_a_rung_goes_out_in_its_window_only() -> None:
    """By weekday and local time: it waits, or with `skip` it is passed over, but for the last of all."""
    steps = "steps: [{role: lead, days: sat-sun}, {team: OPS, hours: '20:00-22:00', zone: Europe/Amsterdam}]"
    desk = Desk(QUICK.replace("8 h", "off"), f"ladders: {{default: {{{steps}, off_duty: skip}}}}")
    assert wait(desk, 200) == [(1, "OPS", after(10), "acknowledge_overdue")]
    desk = Desk(QUICK.replace("8 h", "off"), f"ladders: {{default: {{{steps}}}}}")
    saturday = 4 * 24 - 8
    assert wait(desk, 400) == [
        (1, "FIN/lead", after(saturday), "acknowledge_overdue"),
        (2, "OPS", after(saturday + 18), "acknowledge_overdue"),
    ]


def test_nobody_is_called_who_is_not_on_duty() -> None:
    """A team with a calendar is called while it works; one that the policy does not name at any time."""
    more = "calendars: {late: {hours: {'wed': '06:00-09:00'}}}\nteams: {OPS: {calendar: late}}\n"
    steps = "steps: [{team: OPS}, {team: CS}]"
    desk = Desk(QUICK.replace("8 h", "off"), f"{more}ladders: {{default: {{{steps}}}}}")
    assert wait(desk, 100) == [(1, "OPS", after(22), "acknowledge_overdue"), (2, "CS", after(22), "acknowledge_overdue")]
    desk = Desk(QUICK.replace("8 h", "off"), f"{more}ladders: {{default: {{{steps}, off_duty: skip}}}}")
    assert wait(desk, 100) == [(1, "CS", after(1), "acknowledge_overdue")]


def test_a_ladder_is_gone_through_again_up_to_its_bound() -> None:
    """Then nothing more is said."""
    desk = Desk(QUICK.replace("8 h", "off"), "ladders: {default: {steps: [{wait: 3 h, team: OPS}], repeat: 2}}")
    assert [one and (one[0], one[2]) for one in wait(desk, 500)] == [(1, after(4)), (2, after(7)), (3, after(10))]


def test_who_is_given_a_case_goes_up_their_own_ladder() -> None:
    """The team of an assignment stands for the owner from then on."""
    desk = Desk(QUICK, LADDER)
    desk.decide("assigned", team="CS")
    assert wait(desk, 9) == [(1, "CS/lead", after(8), "resolve_overdue")]


@pytest.mark.parametrize("rules", ["'*': {ladder: off}", "payment.capture_overdue: shadow"])
def test_nothing_escalates_without_a_ladder_or_in_shadow(rules: str) -> None:
    """A rule may have none, and one in shadow calls nobody."""
    assert not any(wait(Desk(f"{QUICK}, {rules}".replace(f"{QUICK}, '*'", "'*'"), LADDER), 500))


def test_a_suppressed_exception_has_no_clock_until_it_stands_by_itself() -> None:
    """Its suppressor's case is worked on; then it has all its time."""
    rules = QUICK.replace("8 h", "off") + ", payment.capture_overdue: {severity: medium, steps: [], suppressed_by: [address.invalid]}"
    desk = Desk(rules, LADDER)
    (out,) = desk.give("address.invalid", {"reason": "x"})
    assert (out.status, escalation(out)) == ("suppressed", None)
    assert wait(desk, 30) == []
    desk.now = RAISED + 40 * HOUR - MINUTE
    (out,) = desk.give("address.validated", {})
    assert (out.status, cast("Data", out.data["case"])["ack_by"]) == ("open", after(41))
    assert wait(desk, 41) == [(1, "FIN/lead", after(41), "acknowledge_overdue")]


def test_owners_by_scope_and_on_the_normal_path() -> None:
    """A warning is the normal path's; what is overdue is the owner's, or that of what it is about (S32, S33)."""
    steps = "steps: [{at: 12 h, severity: low}, {at: 24 h, severity: medium}]"
    policy = policy_of(
        f"rules: {{payment.capture_overdue: {{severity: medium, owner: FIN, owners: {{normal: ECOM, order: OPS}}, {steps}}}}}"
    )
    shard = Shard(policy)
    shard.apply(record(line("e1", T0, "order.placed", data=PLACED), T0))
    shard.advance(T0 + 25 * HOUR)
    said = [out for out in shard.drain() if out.kind == KIND and out.topic == "exceptions"]
    assert [(out.severity, out.data["owner"], cast("Data", out.data["case"])["team"]) for out in said] == [
        *(("low", "ECOM", "ECOM"), ("medium", "OPS", "OPS")),
    ]
