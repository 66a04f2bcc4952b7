"""Payments that fall silent against their own pace: one line instead of one for every order, and nobody is missed for good."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from dataflows.core.engine.shard import Shard
from dataflows.core.policy import FeedPolicy, PacePolicy
from dataflows.detect.offline import steps
from schemas.output_events import OUT_MODELS
from tests.property.policies import policy_of
from tests.support.engine import records_of, run
from tests.support.logs import DAY, HOUR, MINUTE, T0, iso
from tests.support.pace import PAYPAL, STRIPE, Line, Outage, end_of, event, hours, shop

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

CAPTURE = "payment.capture_overdue"
RULES = policy_of({"rules": {"*": {"switch": "off"}, CAPTURE: {"switch": "on", "threshold": "24 h"}}})
KNOWN = 16
"""By then a source's pace is known."""
OUT = Outage(KNOWN * 24 + 12, KNOWN * 24 + 12 + 96)
"""Four days, from a noon on. Twelve orders a day come in: it is known after 17 of them."""
SEEN = T0 + (KNOWN * 24 + 24 + 16) * HOUR
"""When that is: the nights do not count."""
DAYS = hours(24)
BEFORE = [24, 25, 26, 27]
"""What fell due before, in hours since the outage began."""
BACK = T0 + OUT.until * HOUR + MINUTE
"""The next word."""


def said(lines: Sequence[Line], policy: Policy = RULES, until: int = end_of(30), cuts: Iterable[int] = ()) -> list[OutputRecord]:
    """What is said of exceptions and feeds."""
    outs = run(records_of(sorted(lines, key=lambda line: str(line["time"]))), policy, until, [*cuts])
    return [out for out in outs if out.topic in {"exceptions", "incidents"}]


def opened(outs: Iterable[OutputRecord], kind: str = CAPTURE) -> list[int]:
    """When exceptions of a kind were raised, in hours since a word that was the last."""
    return [(out.log - T0) // HOUR - OUT.since for out in outs if out.type == "exception.raised" and out.kind == kind]


def incidents(outs: Iterable[OutputRecord]) -> list[tuple[str, str, int]]:
    """What is said of sources: what, of which, and when."""
    found = [out for out in outs if out.topic == "incidents"]
    for out in found:
        OUT_MODELS[out.type].model_validate_json(out.body)
    return [(out.type, out.order, out.log) for out in found]


def test_four_days_without_a_payment_are_one_line() -> None:
    """Without that every order of these days is missed; with it none is from then on, for all that was paid comes in after the return."""
    lines = shop(DAYS, [OUT])
    assert len(opened(said(lines, replace(RULES, pace=None)))) >= 30
    outs = said(lines)
    assert opened(outs) == BEFORE
    assert incidents(outs) == [("feed.stale", STRIPE, SEEN), ("feed.recovered", STRIPE, BACK)]
    stale, recovered = (out.data for out in outs if out.topic == "incidents")
    last = iso(T0 + (OUT.since - 1) * HOUR + 40 * MINUTE)
    assert (stale["milestone"], stale["mark"], recovered["mark"], stale["silence"]) == ("captured", last, last, "28 h")


def test_what_was_late_all_the_same_is_said_as_over() -> None:
    """Each order whose payment came later than a day has its exception, as a history that nobody is called for."""
    lines = shop(DAYS, [OUT])
    late = {out.order for out in said(lines, replace(RULES, pace=None)) if out.kind == CAPTURE}
    outs = [out for out in said(lines) if out.kind == CAPTURE]
    assert {out.order for out in outs if out.type == "exception.resolved"} == late
    assert len(late) - len(BEFORE) == sum(out.type == "exception.resolved" and out.data["sequence"] == 1 for out in outs) >= 30


def test_whoever_has_not_paid_is_missed_after_the_return() -> None:
    """An order of the third day of the silence: twelve hours after it, when what was booked meanwhile is in. Nobody else is."""
    lines = shop(DAYS, [OUT])
    unpaid = f"o{(KNOWN + 2) * 12 + 6}"
    outs = said([line for line in lines if line["subject"] != unpaid or line["type"] != "payment.captured"])
    raised = [(out.order, out.log) for out in outs if out.type == "exception.raised" and out.log >= SEEN]
    assert raised == [(unpaid, BACK + 12 * HOUR)]


def test_a_source_that_is_dead_holds_nothing_up_for_longer_than_a_week() -> None:
    """After that its orders are missed, each a week later than it fell due."""
    outs = said(shop(DAYS, [Outage(OUT.since, 24 * 100)]))
    by_order = {out.order: out.log for out in outs if out.type == "exception.raised"}
    first = KNOWN * 12 + 7
    """The first that falls due when the silence is known."""
    assert by_order[f"o{first}"] == SEEN + 7 * DAY
    assert by_order[f"o{first - 1}"] == SEEN - HOUR
    assert incidents(outs) == [("feed.stale", STRIPE, SEEN)]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(shop(hours(KNOWN + 1), [OUT]), id="a shop that sells nothing meanwhile"),
        pytest.param(shop(hours(45)[::12], [Outage(OUT.since, OUT.until + 72)]), id="a shop with an order a day"),
        pytest.param(shop(hours(20), [Outage(OUT.since, OUT.since + 21)]), id="an evening and a night"),
        pytest.param(shop(hours(15), [Outage(9 * 24, 12 * 24)]), id="a source that is new"),
        pytest.param(shop(DAYS, [Outage(day * 24, day * 24 + 36) for day in range(5, 35, 7)]), id="banks that rest at weekends"),
    ],
)
def test_what_is_no_silence(lines: list[Line]) -> None:
    """Nothing is said of the source, and every exception is said as it would be without."""
    outs = said(lines)
    assert incidents(outs) == []
    assert [out.body for out in outs] == [out.body for out in said(lines, replace(RULES, pace=None))]


def test_of_two_sources_one_that_speaks_is_enough_for_who_has_heard_of_neither() -> None:
    """An order that the silent one has spoken of waits for that one; the others may be paid by the one that speaks."""
    lines = shop(DAYS, [OUT], (STRIPE, PAYPAL))
    authorized = [
        event(f"{line['subject']}-0", "payment.authorized", T0 + hour * HOUR, str(line["subject"]), STRIPE, {"payment_id": "a"})
        for line, hour in zip([one for one in lines if one["type"] == "order.placed"], DAYS, strict=True)
        if int(str(line["subject"])[1:]) % 4 == 0
    ]
    outs = said([*lines, *authorized])
    assert [(type_, source) for type_, source, _ in incidents(outs)] == [("feed.stale", STRIPE), ("feed.recovered", STRIPE)]
    raised = {int(out.order[1:]) for out in outs if out.type == "exception.raised" and out.log >= SEEN + DAY}
    assert raised
    assert all(number % 4 == 2 for number in raised)


def test_a_feed_that_is_declared_is_guarded_as_its_policy_says() -> None:
    """And as nothing else: its silence is said once."""
    declared = replace(RULES, feeds={"/payments": FeedPolicy(0, 2 * DAY)})
    outs = said(shop(DAYS, [OUT]), declared)
    assert {source for _, source, _ in incidents(outs)} <= {"/payments"}


def test_a_policy_says_when() -> None:
    """The floor, the factor and how long is waited; `off`: nobody is guarded."""
    lines = shop(DAYS, [OUT])
    patient = said(lines, replace(RULES, pace=PacePolicy(floor=40 * HOUR)))
    assert [type_ for type_, _, _ in incidents(patient)] == ["feed.stale", "feed.recovered"]
    assert opened(patient)
    assert max(opened(patient)) < 96
    assert [type_ for type_, _, _ in incidents(said(lines, replace(RULES, pace=PacePolicy(floor=60 * HOUR))))] == []
    hasty = said(lines, replace(RULES, pace=PacePolicy(catch_up=HOUR)))
    assert {*opened(hasty)} - {*BEFORE} == {97}
    weary = said(lines, replace(RULES, pace=PacePolicy(longest=DAY)))
    assert opened(weary)[: len(BEFORE) + 1] == [*BEFORE, 28 + 24]


def restored_at(ends: Sequence[int], lines: Iterable[Line], policy: Policy) -> list[OutputRecord]:
    """What a shard says that is stored, and goes on as another one that has only what was stored, at each of these ends."""
    shard = [Shard(policy)]
    outs: list[OutputRecord] = []

    class Passing:
        """What hands over to the shard of the time."""

        def __init__(self) -> None:
            self.policy = policy

        def __getattr__(self, name: str) -> object:
            return getattr(shard[0], name)

    for step in steps(records_of(lines), policy, Passing(), ends):  # type: ignore[arg-type]  # all of it is passed on
        outs += step.outs
        rows = list(shard[0].rows())
        shard[0] = Shard(policy)
        shard[0].restore(rows)
    return outs


CUTS = [T0 + hour * HOUR for hour in (OUT.since + 4, OUT.since + 40, OUT.since + 70, OUT.until + 1, OUT.until + 9)]
"""Before, in and after the silence."""


def test_a_shard_that_was_cut_and_restored_says_the_same() -> None:
    """What it knows of silences, and who waits, is kept."""
    ends = [*CUTS, end_of(30)]
    whole = [out.body for step in steps(records_of(shop(DAYS, [OUT])), RULES, Shard(RULES), ends) for out in step.outs]
    assert len(whole) > 50
    assert [out.body for out in restored_at(ends, shop(DAYS, [OUT]), RULES)] == whole


@pytest.mark.parametrize("ends", [[], [SEEN - 2 * HOUR]], ids=["in one go", "restored before it"])
def test_what_rests_on_a_source_that_falls_silent_becomes_a_persons(ends: list[int]) -> None:
    """What it had declined is tried again by nobody, within a minute, though nothing touches the order; nor is what it declined last."""
    lines = shop(DAYS, [OUT])
    for order, at in (("before", T0 + (OUT.since - 2) * HOUR), ("since", SEEN + HOUR)):
        lines.append(event(f"{order}-1", "order.placed", at, order, "/storefront/acme", {"total": {"amount": "9.00", "currency": "EUR"}}))
        declined: Line = {"payment_id": order, "decline": "soft"}
        lines.append(event(f"{order}-2", "payment.failed", at + MINUTE, order, STRIPE, declined))
    policy = policy_of({"rules": {"*": {"switch": "off"}, "payment.declined_soft": {"switch": "on"}}})
    outs = restored_at([*ends, SEEN + 6 * HOUR], sorted(lines, key=lambda line: str(line["time"])), policy)
    said = [(out.order, out.data["state"], out.log, cast("list[Line]", out.data["guardrails"])) for out in outs if out.topic == "actions"]
    assert [one[:2] for one in said] == [("before", "requested"), ("before", "withdrawn"), ("before", "proposed"), ("since", "proposed")]
    assert said[0][2] < SEEN <= said[1][2] == said[2][2] < SEEN + MINUTE
    for _, _, _, guardrails in said[2:]:
        assert [(one["name"], one["reason"]) for one in guardrails] == [("stale_feed", f"{STRIPE} has been silent since {iso(SEEN)}")]


@pytest.mark.parametrize("ends", [[], [SEEN - 2 * HOUR]], ids=["in one go", "restored before it"])
def test_what_nobody_claims_rests_on_its_source_too(ends: list[int]) -> None:
    """An alias is looked at in its turn as an order is."""
    declined = event("lost", "payment.failed", SEEN - 3 * HOUR, None, STRIPE, {"payment_id": "lost", "decline": "soft"})
    policy = policy_of({"rules": {"*": {"switch": "off"}, "data.orphan_signal": {"switch": "on"}}})
    outs = restored_at([*ends, SEEN + HOUR], sorted([*shop(DAYS, [OUT]), declined], key=lambda line: str(line["time"])), policy)
    said = [(out.log, [one["name"] for one in cast("list[Line]", out.data["guardrails"])]) for out in outs if out.topic == "actions"]
    assert [names for _, names in said] == [[], ["stale_feed"]]
    assert SEEN <= said[1][0] < SEEN + MINUTE


def test_a_silence_is_seen_beside_the_declared_feeds() -> None:
    """With its last word and the orders that wait; after its return it is silent no more."""
    shard = Shard(RULES)
    ends = [SEEN + 6 * HOUR, BACK + HOUR]

    class Watched:
        """Hands over to the shard, and notes what it shows after each stretch."""

        policy = RULES

        def __getattr__(self, name: str) -> object:
            return getattr(shard, name)

    told = steps(records_of(shop(DAYS, [OUT])), RULES, Watched(), ends)  # type: ignore[arg-type]  # all of it is passed on
    seen = [shard.feeds.view() for _ in told]
    last = T0 + (OUT.since - 1) * HOUR + 40 * MINUTE
    assert [[one[:3] for one in view] for view in seen] == [[(STRIPE, last, True)], [(STRIPE, last, False)]]
    assert seen[0][0][3] > 0
