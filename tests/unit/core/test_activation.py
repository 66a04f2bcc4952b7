"""A policy that is activated in the stream: from its place on it holds, in every shard alike, and orders are judged by it in steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from dataflows.core.engine.shard import Shard
from dataflows.core.rules.load import load_policy, policy_of_text
from schemas.problems import Problem
from schemas.record import Record
from tests.support.engine import run
from tests.support.logs import DAY, HOUR, MINUTE, T0, line, record

if TYPE_CHECKING:
    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

SECOND = 1_000_000
PAY, SHIP = "payment.capture_overdue", "fulfilment.ship_overdue"
BASE = """emits: [placed, captured, shipped, delivered]
rules:
  '*': {switch: off, steps: [], severity: medium}
  payment.capture_overdue: {switch: on, threshold: 24 h}
"""


def of(text: str) -> Policy:
    """The policy of a text."""
    found = policy_of_text(text)
    assert not isinstance(found, Problem)
    return found


def rules(text: str) -> str:
    """The base with other settings of the one rule."""
    return BASE.replace("{switch: on, threshold: 24 h}", text)


def placed(order: str = "A-1", at: int = T0, **data: object) -> Record:
    """An order that was placed."""
    return record(line(f"p-{order}", at, "order.placed", order=order, data={"total": {"amount": "10.00", "currency": "EUR"}, **data}), at)


def captured(order: str = "A-1", at: int = T0) -> Record:
    """Its payment."""
    return record(line(f"c-{order}", at, order=order, data={"amount": {"amount": "10.00", "currency": "EUR"}}), at, 1)


def activation(
    text: str,
    at: int,
    id_: str = "act",
    *,
    version: str | None = None,
    topic: str | None = None,
    offset: int = 9,
    by: str | None = "user:anna",
    roles: tuple[str, ...] = ("policy_author",),
    covered: tuple[str, ...] = (),
    against: str | None = None,
) -> Record:
    """A policy that is activated."""
    found = policy_of_text(text)
    known = "none" if isinstance(found, Problem) else found.version
    data: dict[str, object] = {"version": version or known, "text": text, "by_roles": list(roles), "covered": list(covered)}
    data |= {name: value for name, value in (("by", by), ("against", against)) if value is not None}
    return record(line(id_, at, "policy.activated", order=None, source="/console", data=data), at, offset, topic)


def told(outs: list[OutputRecord]) -> list[tuple[Any, ...]]:
    """What was said, short: hours since the beginning, type, order, severity, status, resolution."""
    return [
        ((out.log - T0) / HOUR, out.type.partition(".")[2], out.order, out.severity, out.data["resolution"])
        for out in outs
        if out.topic == "exceptions"
    ]


def step(order: str) -> int:
    """How long after an activation an order that nothing touches is judged by it."""
    return crc32(order.encode()) % 600 * SECOND


def test_it_governs_what_comes_after_it() -> None:
    """An order whose deadline lies behind the activation is judged by the new limit; the versions named say so."""
    outs = run([placed(), activation(rules("{switch: on, threshold: 48 h, severity: critical}"), T0 + HOUR)], of(BASE), T0 + 3 * DAY)
    assert told(outs) == [(48, "raised", "A-1", "critical", None)]
    assert outs[0].data["policy"]["version"] == of(rules("{switch: on, threshold: 48 h, severity: critical}")).version  # type: ignore[index]


def test_an_order_that_nothing_touches_has_its_own_second() -> None:
    """What a tighter limit finds is said within ten minutes, not all at once."""
    orders = ["A-1", "A-2", "A-3"]
    at = T0 + 10 * HOUR
    outs = run([*map(placed, orders), activation(rules("{switch: on, threshold: 2 h}"), at)], of(BASE), T0 + DAY)
    assert {(out.order, out.log) for out in outs if out.type == "exception.raised"} == {(order, at + step(order)) for order in orders}


def test_a_repeated_event_makes_an_order_be_judged_as_well() -> None:
    """It is judged by the new limit then, and looked at when that is reached, although the event itself is no news."""
    order = next(name for name in (f"A-{number}" for number in range(100)) if step(name) > 6 * MINUTE)
    repeated = placed(order)
    repeated.log = T0 + HOUR + SECOND
    outs = run([placed(order), activation(rules("{switch: on, threshold: 65 m}"), T0 + HOUR), repeated], of(BASE), T0 + DAY)
    assert told(outs) == [(65 / 60, "raised", order, "medium", None)]


def test_what_no_longer_holds_is_resolved_and_no_false_alarm() -> None:
    """As `policy_changed`, when the order is judged; once the looser limit is reached it is open again, under the same ID."""
    outs = run([placed(), activation(rules("{switch: on, threshold: 48 h}"), T0 + 30 * HOUR)], of(BASE), T0 + 3 * DAY)
    after = 30 + step("A-1") / HOUR
    assert told(outs) == [
        (24, "raised", "A-1", "medium", None),
        (after, "resolved", "A-1", "medium", "policy_changed"),
        (48, "updated", "A-1", "medium", None),
    ]
    assert len({out.data["exception_id"] for out in outs if out.topic == "exceptions"}) == 1
    assert [out.type for out in outs if out.topic == "actions"] == [
        *("action.proposed", "action.withdrawn", "action.proposed"),
        "action.updated",  # Nobody has approved it within a day.
    ]


def test_a_rule_that_is_switched_off() -> None:
    """What it has open is resolved; what was over stays as it was said."""
    records = [placed(), placed("A-2"), captured("A-2", T0 + 26 * HOUR), activation(rules("{switch: off}"), T0 + 30 * HOUR)]
    outs = run(records, of(BASE), T0 + 3 * DAY)
    assert told(outs)[-1] == (30 + step("A-1") / HOUR, "resolved", "A-1", "medium", "policy_changed")
    assert [row[1] for row in told(outs) if row[2] == "A-2"] == ["raised", "resolved"]


def test_what_was_over_stays_as_it_is() -> None:
    """A tighter limit raises nothing of what was in time then, and a looser one takes nothing back, whatever happens to the order later."""
    late, in_time = placed("A-1"), placed("A-2")
    done = [captured("A-1", T0 + 26 * HOUR), captured("A-2", T0 + 20 * HOUR)]
    later = [
        record(line(f"n-{order}", T0 + 50 * HOUR, "order.updated", order=order, data={"channel": "web"}), T0 + 50 * HOUR, 5)
        for order in ("A-1", "A-2")
    ]
    for threshold in ("1 h", "40 h"):
        change = activation(rules(f"{{switch: on, threshold: {threshold}}}"), T0 + 30 * HOUR)
        outs = run([late, in_time, *done[::-1], change, *later], of(BASE), T0 + 5 * DAY)
        assert [row[:3] for row in told(outs)] == [(24, "raised", "A-1"), (26, "resolved", "A-1")]


def test_an_order_that_is_touched_is_judged_at_once() -> None:
    """Before its event is: what the policy changes and what the event changes are told apart."""
    touched = captured("A-1", T0 + 30 * HOUR + SECOND)
    outs = run([placed(), activation(rules("{switch: on, threshold: 48 h}"), T0 + 30 * HOUR), touched], of(BASE), T0 + 3 * DAY)
    assert [row[1:] for row in told(outs)] == [
        ("raised", "A-1", "medium", None),
        ("resolved", "A-1", "medium", "policy_changed"),
    ]
    assert outs[-1].log == T0 + 30 * HOUR + SECOND


def test_what_ends_by_what_was_on_its_way_is_resolved_as_ever() -> None:
    """It was open when the policy changed, and had ended a little before."""
    at = T0 + 30 * HOUR
    paid = record(line("c", at - MINUTE, order="A-1", data={"amount": {"amount": "10.00", "currency": "EUR"}}), at + MINUTE, 3)
    outs = run([placed(), activation(rules("{switch: on, threshold: 24 h, owner: DESK}"), at), paid], of(BASE), T0 + 3 * DAY)
    assert told(outs)[-1][1:] == ("resolved", "A-1", "medium", "milestone")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (activation(BASE, T0 + HOUR, version="0123456789abcdef"), "policy_version"),
        (activation("rules: {x: off}", T0 + HOUR), "policy_unusable"),
        (activation(BASE + "feeds: {/payments: {silence: 2 h}}\n", T0 + HOUR), "policy_of_the_state"),
        (activation(BASE + "tenants: {acme: {zone: Asia/Tokyo}}\n", T0 + HOUR), "policy_of_the_state"),
        (activation(BASE + "identifiers: none\n", T0 + HOUR), "policy_of_the_state"),
        (activation(BASE + "retention: {dedupe: 9 d, close_after: 9 d}\n", T0 + HOUR), "policy_of_the_state"),
        (activation(rules("{switch: on, threshold: 48 h}"), T0 + HOUR, topic="order-events"), "not_a_decision_source"),
        (activation(rules("{switch: on, threshold: 48 h}"), T0 + HOUR, by=None), "no_name"),
        (activation(rules("{switch: on, threshold: 48 h}"), T0 + HOUR, roles=("approver", "policy_author@acme")), "role_missing"),
        (activation(BASE + "# " + "ä" * 131_072, T0 + HOUR), "policy_too_large"),
        (activation(BASE + "  shipment.eta_slip: {switch: on, lane: auto}\n", T0 + HOUR), "policy_not_tested"),
    ],
)
def test_what_is_refused(made: Record, reason: str) -> None:
    """The policy that held goes on to hold; why is said once."""
    outs = run([placed(), made], of(BASE), T0 + 2 * DAY)
    assert [out.data["reason"] for out in outs if out.topic == "rejects"] == [reason]
    assert [row[:2] for row in told(outs)] == [(24, "raised")]


def test_only_one_shard_says_what_is_refused() -> None:
    """All refuse it alike."""
    shard = Shard(of(BASE), place=(5, 64))
    shard.apply(activation(BASE, T0, version="0"))
    assert shard.drain() == []
    assert shard.policy == of(BASE)


def test_an_activation_that_is_delivered_again_changes_nothing() -> None:
    """Not even after another one."""
    first, second = rules("{switch: on, threshold: 48 h}"), rules("{switch: on, threshold: 72 h}")
    records = [placed(), activation(first, T0 + HOUR, "a"), activation(second, T0 + 2 * HOUR, "b"), activation(first, T0 + 3 * HOUR, "a")]
    assert told(run(records, of(BASE), T0 + 4 * DAY)) == [(72, "raised", "A-1", "medium", None)]


@pytest.mark.parametrize("cut", [T0 + 29 * HOUR, T0 + 30 * HOUR + MINUTE, T0 + 30 * HOUR + 9 * MINUTE, T0 + 32 * HOUR])
def test_it_outlives_a_restart(cut: int) -> None:
    """A shard that goes on from its rows, at any time, says what one says that was never stopped; also with a changed file at the start.

    That changes nothing, but it judges all orders at once which are still to be judged.
    """
    text = rules("{switch: on, threshold: 1801 m}")
    orders = [f"A-{n}" for n in range(30)]
    records = [*(placed(order, T0 + n * SECOND) for n, order in enumerate(orders)), activation(text, T0 + 30 * HOUR)]
    whole = run(records, of(BASE), T0 + 3 * DAY)
    other = rules("{switch: on, threshold: 12 h}")
    for start in (BASE, other) if cut > T0 + 31 * HOUR else (BASE,):
        shard = Shard(of(BASE))
        outs: list[OutputRecord] = []
        for one in records:
            if one.log < cut:
                shard.apply(one)
        shard.advance(cut, inclusive=False)
        outs += shard.drain()
        again = Shard(of(start))
        again.restore(shard.rows(), cut if start == other else None)
        for one in records:
            if one.log >= cut:
                again.apply(one)
        again.advance(T0 + 3 * DAY)
        outs += again.drain()
        said, undisturbed = (
            sorted((out.log, out.order, out.type, out.body) for out in some if out.topic == "exceptions") for some in (outs, whole)
        )
        assert said == undisturbed


def test_the_built_in_policy_can_be_activated() -> None:
    """An empty text is none, a name alone is."""
    outs = run([placed(), activation("name: all\nemits: [placed, captured, shipped, delivered]\n", T0 + HOUR)], of(BASE), T0 + 10 * DAY)
    assert SHIP not in {out.kind for out in run([placed()], of(BASE), T0 + 10 * DAY)}
    assert {out.data["policy"]["version"] for out in outs if out.topic == "exceptions"} != {load_policy(None).version}  # type: ignore[index]
    assert PAY in {out.kind for out in outs}


SHADOW = BASE.replace("{switch: on, threshold: 24 h}", "{switch: shadow, threshold: 24 h, lane: auto}")


def test_rules_in_shadow_ask_for_nothing_and_nobody_works_on_what_they_say() -> None:
    """The exception is written; no action follows, no clock and no escalation runs, and decisions about it have no effect."""
    ladder = "ladders: {default: {steps: [{wait: 0 s, team: CS}]}}\n"
    raised = run([placed()], of(SHADOW + ladder), T0 + 5 * DAY)
    assert [(out.type, out.data["policy"]["mode"]) for out in raised] == [("exception.raised", "shadow")]  # type: ignore[index]
    id_, at = str(raised[0].data["exception_id"]), T0 + 30 * HOUR
    case: dict[str, object] = {"exception_id": id_, "by": "user:anna"}
    initiated: dict[str, object] = {"action": "hold_order", "exception_id": id_, "by": "user:anna", "by_roles": ["approver"]}
    decisions = [
        record(line("c", at, "case.acknowledged", source="/desk", data=case), at, 1),
        record(line("r", at, "case.resolved", source="/desk", data={**case, "outcome": "done"}), at, 2),
        record(line("i", at, "action.initiated", source="/desk", data=initiated), at, 3),
    ]
    outs = run([placed(), *decisions], of(SHADOW + ladder), T0 + 5 * DAY)
    assert [out.body for out in outs if out.topic == "exceptions"] == [raised[0].body]
    assert [out for out in outs if out.topic == "actions"] == []
    assert [out.data["reason"] for out in outs if out.topic == "rejects"] == [
        "exception_in_shadow",
        "exception_in_shadow",
        "unknown_exception",
    ]


def test_a_rule_that_goes_into_shadow_takes_back_what_it_asked_for() -> None:
    """And one that comes out of it asks for it then."""
    into = [placed(), activation(SHADOW, T0 + 30 * HOUR, covered=(PAY,))]
    outs = run(into, of(BASE), T0 + 3 * DAY)
    assert [out.type for out in outs if out.topic == "actions"] == ["action.proposed", "action.withdrawn"]
    out_of = [placed(), activation(BASE, T0 + 30 * HOUR)]
    assert [out.type for out in run(out_of, of(SHADOW), T0 + 2 * DAY) if out.topic == "actions"] == ["action.proposed"]
