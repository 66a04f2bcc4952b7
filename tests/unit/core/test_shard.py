"""A shard over the life of an order: cases, closing, shadow rules, overrides, actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from dataflows.core.engine.intents import INTENTS
from dataflows.core.engine.shard import Shard
from dataflows.core.rules.load import load_policy
from tests.support.logs import DAY, HOUR, T0, line, record

if TYPE_CHECKING:
    from pathlib import Path

    from dataflows.core.policy import Policy
    from schemas.output import OutputRecord

Data = dict[str, object]
PLACED: Data = {"total": {"amount": "80.00", "currency": "EUR"}, "ship_to": {"country": "NL"}, "method": "pickup"}


@pytest.fixture
def shard() -> Shard:
    """A shard under the built-in policy."""
    return Shard(load_policy(None))


def policy(tmp_path: Path, text: str) -> Policy:
    """A policy file's policy."""
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


def give(shard: Shard, id_: str, at: int, type_: str, data: Data | None = None) -> list[OutputRecord]:
    """What an event of order A-1, logged when it happened, makes the shard say."""
    shard.apply(record(line(id_, at, type_, data=data or {}), at))
    return shard.drain()


def wait(shard: Shard, to: int) -> list[OutputRecord]:
    """What the passing of time makes it say."""
    shard.advance(to)
    return shard.drain()


def told(outs: list[OutputRecord]) -> list[tuple[str, str, str]]:
    """(type, kind, status) of the exceptions said."""
    return [(out.type, out.kind, out.status) for out in outs if out.topic == "exceptions"]


def overdue(shard: Shard) -> str:
    """Lets a capture become overdue; its exception's ID."""
    give(shard, "1", T0, "order.placed", PLACED)
    outs = wait(shard, T0 + 25 * HOUR)
    assert told(outs) == [("exception.raised", "payment.capture_overdue", "open")]
    return str(outs[0].data["exception_id"])


def test_a_case_is_shown_with_its_exception(shard: Shard) -> None:
    """Who works on an exception is published as an update of it, and stays with it."""
    id_ = overdue(shard)
    outs = give(shard, "2", T0 + 26 * HOUR, "case.assigned", {"exception_id": id_, "assignee": "kim"})
    assert told(outs) == [("exception.updated", "payment.capture_overdue", "open")]
    assert cast("Data", outs[0].data["case"]).items() >= {"state": "assigned", "assignee": "kim", "until": None, "team": "FIN"}.items()
    outs = give(shard, "3", T0 + 27 * HOUR, "payment.captured", {"amount": {"amount": "80.00", "currency": "EUR"}})
    assert told(outs) == [("exception.resolved", "payment.capture_overdue", "resolved")]
    assert cast("Data", outs[0].data["case"])["assignee"] == "kim"


def test_a_resolved_case_resolves_and_a_reopened_one_opens_again(shard: Shard) -> None:
    """`case.resolved` ends an exception that still holds and withdraws its action; `case.reopened` brings both back under the same ID."""
    id_ = overdue(shard)
    outs = give(shard, "2", T0 + 26 * HOUR, "case.resolved", {"exception_id": id_, "by": "kim"})
    assert [(out.type, out.status) for out in outs] == [("exception.resolved", "resolved"), ("intent.gone", "resolved")]
    assert outs[0].data["resolution"] == "case"
    outs = [*give(shard, "3", T0 + 27 * HOUR, "case.reopened", {"exception_id": id_}), *wait(shard, T0 + 27 * HOUR)]
    assert [(out.type, out.status) for out in outs] == [("exception.updated", "open"), ("intent.asked", "open")]
    assert outs[0].data["exception_id"] == id_
    assert outs[0].data["sequence"] == 3


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("ends", "said"), [(False, ["intent.asked"]), (True, ["exception.retracted"])])
def test_an_exception_asks_once_all_of_its_instant_is_in(shard: Shard, ends: bool, said: list[str], restarts: bool) -> None:
    """What ends at the instant of its beginning has asked for nothing, also where the shard went on from what was stored meanwhile."""
    give(shard, "1", T0, "order.placed", PLACED)
    raised = give(shard, "2", T0 + HOUR, "payment.failed", {"payment_id": "p1", "decline": "soft"})
    assert [out.type for out in raised] == ["exception.raised"]
    if restarts:
        rows, shard = list(shard.rows()), Shard(load_policy(None))
        shard.restore(rows)
    outs: list[OutputRecord] = []
    if ends:
        outs = give(shard, "3", T0 + HOUR, "payment.captured", {"payment_id": "p1", "amount": {"amount": "80.00", "currency": "EUR"}})
    assert [out.type for out in [*outs, *wait(shard, T0 + HOUR)]] == said


def rejected(outs: list[OutputRecord]) -> list[object]:
    """The reasons of the rejects among what was said, of which there must be nothing else."""
    assert {out.topic for out in outs} <= {"rejects"}
    return [out.data["reason"] for out in outs]


@pytest.mark.parametrize("step", ["acknowledged", "assigned", "snoozed", "resolved", "reopened", "labelled"])
def test_a_decision_on_an_exception_that_was_never_said_is_rejected_and_may_come_again(shard: Shard, step: str) -> None:
    """Before the exception is raised it does not count, not even later of itself; fed again after that, it does."""
    id_ = overdue(Shard(load_policy(None)))
    decision: Data = {"exception_id": id_, "by": "kim", "label": "real"}
    give(shard, "1", T0, "order.placed", PLACED)
    assert rejected(give(shard, "2", T0 + HOUR, f"case.{step}", decision)) == ["unknown_exception"]
    assert rejected(give(shard, "3", T0 + HOUR, f"case.{step}", decision | {"exception_id": "no such ID"})) == ["unknown_exception"]
    raised = wait(shard, T0 + 25 * HOUR)
    assert cast("Data", raised[0].data["case"])["state"] == "new"
    again = give(shard, "2", T0 + 26 * HOUR, f"case.{step}", decision)
    assert not [out for out in again if out.topic == "rejects"]
    assert give(shard, "2", T0 + 27 * HOUR, f"case.{step}", decision) == []
    assert (shard.counts.duplicates, shard.counts.rejected) == (1, {"unknown_exception": 2})


def test_a_decision_reaches_only_exceptions_of_its_own_order(shard: Shard) -> None:
    """That of another order is unknown to it; an order that nobody has heard of is not made known by a decision, and is no orphan."""
    id_ = overdue(shard)
    shard.apply(record(line("9", T0 + 26 * HOUR, "order.placed", order="A-2", data=PLACED), T0 + 26 * HOUR))
    shard.drain()
    for order in ("A-2", "A-3"):
        at = T0 + 27 * HOUR
        shard.apply(record(line(f"of {order}", at, "case.resolved", order=order, data={"exception_id": id_}), at))
        assert rejected(shard.drain()) == ["unknown_exception"]
    assert shard.find("default", "A-3") is None
    assert not [out for out in wait(shard, T0 + 28 * HOUR) if out.order == "A-3"]


def test_a_decision_on_what_is_over_or_was_taken_back_is_accepted(shard: Shard) -> None:
    """The exception was said: whoever decides of it cannot know yet that it no longer holds."""
    id_ = overdue(shard)
    shard.apply(record(line("2", T0 + HOUR, data={"amount": {"amount": "80.00", "currency": "EUR"}}), T0 + 30 * HOUR))
    assert told(shard.drain()) == [("exception.retracted", "payment.capture_overdue", "retracted")]
    outs = give(shard, "3", T0 + 31 * HOUR, "case.acknowledged", {"exception_id": id_})
    assert [(out.topic, out.status) for out in outs] == [("exceptions", "retracted")]


def test_a_decision_on_an_action_that_was_never_said_is_rejected(shard: Shard) -> None:
    """As one on an exception is; every action that the order's exceptions asked for is known, also one that was withdrawn."""
    give(shard, "1", T0, "order.placed", PLACED)
    action = str(wait(shard, T0 + 25 * HOUR)[1].data["action_id"])
    assert rejected(give(shard, "2", T0 + 26 * HOUR, "action.approved", {"action_id": "another"})) == ["unknown_action"]
    give(shard, "3", T0 + 27 * HOUR, "payment.captured", {"amount": {"amount": "80.00", "currency": "EUR"}})
    assert give(shard, "4", T0 + 28 * HOUR, "action.executed", {"action_id": action}) == []
    assert shard.counts.rejected == {"unknown_action": 1}


def cause(out: OutputRecord, field: str) -> object:
    """The ID of the event that is named as a cause."""
    found = cast("Data | None", out.data[field])
    return found and found["id"]


def test_a_change_names_the_event_that_made_it(shard: Shard) -> None:
    """What resolved, retracted or reassigned it; the passing of time is no event."""
    give(shard, "1", T0, "order.placed", PLACED)
    raised = wait(shard, T0 + 25 * HOUR)[0]
    assert (cause(raised, "changed_by"), cause(raised, "resolved_by")) == (None, None)
    id_ = raised.data["exception_id"]
    assigned = give(shard, "2", T0 + 26 * HOUR, "case.assigned", {"exception_id": id_, "assignee": "kim"})[0]
    assert (cause(assigned, "changed_by"), cause(assigned, "resolved_by")) == ("2", None)
    closed = give(shard, "3", T0 + 27 * HOUR, "case.resolved", {"exception_id": id_})[0]
    assert (cause(closed, "changed_by"), cause(closed, "resolved_by")) == ("3", "3")
    late = give(shard, "4", T0 + 28 * HOUR, "payment.captured", {"amount": {"amount": "80.00", "currency": "EUR"}})[0]
    assert (late.data["resolution"], cause(late, "changed_by"), cause(late, "resolved_by")) == ("milestone", "4", "4")
    after = give(shard, "5", T0 + 29 * HOUR, "case.assigned", {"exception_id": id_, "assignee": "lee"})[0]
    assert (cause(after, "changed_by"), cause(after, "resolved_by")) == ("5", "4")
    shard.apply(record(line("6", T0 + HOUR, data={"payment_id": "p", "amount": {"amount": "80.00", "currency": "EUR"}}), T0 + 30 * HOUR))
    taken_back = next(out for out in shard.drain() if out.data.get("exception_id") == id_)
    assert (taken_back.status, cause(taken_back, "changed_by")) == ("retracted", "6")


def test_what_was_over_before_it_could_be_said_names_what_ended_it(tmp_path: Path) -> None:
    """The capture is known before its order is: the exception comes resolved, by the capture, where two days late is no history."""
    shard = Shard(policy(tmp_path, "backfill: {after: 2 d}"))
    late = T0 + 30 * HOUR
    captured: Data = {"amount": {"amount": "80.00", "currency": "EUR"}}
    shard.apply(record(line("2", T0 + 26 * HOUR, data=captured), late))
    shard.apply(record(line("1", T0, "order.placed", data=PLACED), late))
    outs = [out for out in [*shard.drain(), *wait(shard, late + HOUR)] if out.kind == "payment.capture_overdue"]
    assert [(out.type, cause(out, "resolved_by")) for out in outs] == [("exception.resolved", "2")]


def test_time_that_ends_an_exception_is_no_event(shard: Shard) -> None:
    """A clock that runs ahead is caught up with: nothing resolves that but time, least of all the event that is ahead itself."""
    give(shard, "1", T0, "order.placed", PLACED)
    shard.apply(record(line("2", T0 + 2 * HOUR, "support.contacted", data={"ticket_id": "t"}), T0 + HOUR))
    outs = [out for out in [*shard.drain(), *wait(shard, T0 + 3 * HOUR)] if out.kind == "data.clock_skew" and out.topic == "exceptions"]
    assert [(out.status, cause(out, "resolved_by")) for out in outs] == [("open", None), ("resolved", None)]


def test_a_step_of_severity_says_which_deadline_passed(shard: Shard) -> None:
    """Its arithmetic says from when on it is worse, and how that came about."""
    promised = PLACED | {"promised_by": "2026-04-21", "method": "ship"}
    give(shard, "1", T0, "order.placed", promised)
    give(shard, "2", T0 + HOUR, "payment.captured", {"amount": {"amount": "80.00", "currency": "EUR"}})
    give(shard, "3", T0 + 2 * HOUR, "warehouse.shipped", {"tracking_number": "T1", "carrier": "ups"})
    outs = [out for out in wait(shard, T0 + 4 * DAY) if out.kind == "shipment.delivery_overdue" and out.topic == "exceptions"]
    assert [(out.severity, str(out.data["arithmetic"]).partition("; ")[2]) for out in outs] == [
        ("medium", ""),
        ("high", "high from Wed 2026-04-22 00:00 + 1 business day (Europe/Amsterdam) = Thu 2026-04-23 00:00"),
    ]


def test_late_evidence_takes_back_what_was_never_true(shard: Shard) -> None:
    """A capture that happened in time and was logged late retracts."""
    overdue(shard)
    raw = line("2", T0 + HOUR, data={"amount": {"amount": "80.00", "currency": "EUR"}})
    shard.apply(record(raw, T0 + 30 * HOUR))
    outs = shard.drain()
    assert [(out.type, out.status) for out in outs] == [("exception.retracted", "retracted"), ("intent.gone", "retracted")]


def test_a_closed_order_knows_its_events_and_takes_no_new_ones(shard: Shard) -> None:
    """After the silence that the policy allows an order leaves a tombstone: repeats have no effect, anything new is rejected."""
    give(shard, "1", T0, "order.placed", PLACED)
    give(shard, "2", T0 + HOUR, "payment.captured", {"amount": {"amount": "80.00", "currency": "EUR"}})
    wait(shard, T0 + 130 * DAY)
    assert len(shard) == 0
    assert give(shard, "2", T0 + 131 * DAY, "payment.captured") == []
    (out,) = give(shard, "3", T0 + 131 * DAY, "return.requested")
    assert (out.topic, out.data["reason"]) == ("rejects", "order_closed")
    assert shard.counts.duplicates == 1


def test_a_timer_that_an_event_has_made_void_keeps_no_order_open(tmp_path: Path) -> None:
    """The parcel of a label without a number was to be watched for thirty days without a scan; then its delivery came."""
    shard, lines = Shard(policy(tmp_path, "retention: {close_after: 9 d}")), {"lines": [{"line_id": "1", "sku": "A", "quantity": 1}]}
    give(shard, "1", T0, "order.placed", {**PLACED, **lines, "ship_to": {"country": "NL"}})
    give(shard, "2", T0 + HOUR, "payment.captured", {"amount": {"amount": "80.00", "currency": "EUR"}})
    for event, type_, hour in (("3", "warehouse.label_created", 20), ("4", "warehouse.shipped", 22)):
        give(shard, event, T0 + hour * HOUR, type_, {"shipment_id": "S1", "carrier": "ups", **lines})
    for event, status, hour in (("5", "accepted", 26), ("6", "in_transit", 40), ("7", "out_for_delivery", 60), ("8", "delivered", 66)):
        give(shard, event, T0 + hour * HOUR, "carrier.scan", {"tracking_number": "X1", "carrier": "ups", "status": status})
    wait(shard, T0 + 66 * HOUR + 9 * DAY - 1)
    assert len(shard) == 1
    wait(shard, T0 + 66 * HOUR + 9 * DAY)
    assert len(shard) == 0


@pytest.mark.parametrize("restored", [False, True])
def test_a_placing_opens_an_order_that_had_expired_before_it(shard: Shard, *, restored: bool) -> None:
    """A stray event 171 days before the placing leaves the real order watched; what it told counts, the orphan was closed for age."""
    give(shard, "0", T0, "address.validated")
    assert told(wait(shard, T0 + HOUR)) == [("exception.raised", "data.orphan_signal", "open")]
    assert told(wait(shard, T0 + 170 * DAY)) == [("exception.resolved", "data.orphan_signal", "resolved")]
    assert (len(shard), shard.tombstones) == (0, 1)
    if restored:
        rows = list(shard.rows())
        shard = Shard(shard.policy)
        shard.restore(rows)
    placed = T0 + 171 * DAY
    assert told(give(shard, "1", placed, "order.placed", PLACED)) == []
    assert (len(shard), shard.tombstones) == (1, 0)
    give(shard, "0", placed + 1, "address.validated")
    assert shard.counts.duplicates == 1
    assert ("exception.raised", "payment.capture_overdue", "open") in told(wait(shard, placed + 25 * HOUR))


def test_what_else_comes_for_an_expired_order_is_rejected(shard: Shard) -> None:
    """Only a placing opens it again; a repeat is still known, and so is a placing of an order that had been placed before."""
    give(shard, "0", T0, "address.validated")
    wait(shard, T0 + 40 * DAY)
    (out,) = give(shard, "2", T0 + 41 * DAY, "payment.captured")
    assert (out.topic, out.data["reason"]) == ("rejects", "order_closed")
    give(shard, "3", T0 + 41 * DAY, "order.placed", PLACED)
    wait(shard, T0 + 41 * DAY + HOUR)
    give(shard, "4", T0 + 41 * DAY + HOUR, "order.cancelled")
    wait(shard, T0 + 170 * DAY)
    assert len(shard) == 0
    (out,) = give(shard, "5", T0 + 171 * DAY, "order.placed", PLACED)
    assert (out.topic, out.data["reason"]) == ("rejects", "order_closed")


def test_a_placing_opens_an_expired_order_however_old_it_is(shard: Shard) -> None:
    """A tombstone of what was never placed refuses no placing, even one that is older than the horizon."""
    give(shard, "0", T0 + 150 * DAY, "address.validated")
    wait(shard, T0 + 181 * DAY)
    shard.apply(record(line("1", T0, "order.placed", data=PLACED), T0 + 182 * DAY))
    assert "rejects" not in {out.topic for out in shard.drain()}
    assert (len(shard), shard.tombstones) == (1, 0)


def test_an_order_whose_case_somebody_has_is_not_closed(shard: Shard) -> None:
    """Until it is resolved, though the exception is long over."""
    id_ = overdue(shard)
    give(shard, "2", T0 + 30 * HOUR, "payment.captured", {"amount": {"amount": "80.00", "currency": "EUR"}})
    for event, type_, at in (("3", "case.acknowledged", 31 * HOUR), ("4", "case.resolved", 300 * DAY)):
        wait(shard, T0 + at - HOUR)
        assert len(shard) == 1
        give(shard, event, T0 + at, type_, {"exception_id": id_})
    wait(shard, T0 + 500 * DAY)
    assert len(shard) == 0


def test_an_order_with_something_open_is_not_closed(tmp_path: Path) -> None:
    """As long as an exception is open its order is kept."""
    shard = Shard(policy(tmp_path, "rules: {'*': {expire_after: off}}"))
    overdue(shard)
    wait(shard, T0 + 400 * DAY)
    assert len(shard) == 1


def test_an_event_of_an_unknown_order_beyond_the_horizon_is_rejected(shard: Shard) -> None:
    """It may belong to an order that was closed and forgotten: it is rejected, not judged."""
    shard.apply(record(line("1", T0, "order.placed", data=PLACED), T0 + 181 * DAY))
    (out,) = shard.drain()
    assert (out.topic, out.data["reason"]) == ("rejects", "too_old")


def test_a_shadow_rule_speaks_softly(tmp_path: Path) -> None:
    """A rule in shadow is published as such, asks for nothing, and suppresses nothing that is on."""
    shard = Shard(policy(tmp_path, "rules: {order.pending_too_long: shadow}\n"))
    give(shard, "1", T0, "order.placed", PLACED)
    outs = wait(shard, T0 + 3 * DAY)
    pending = [out for out in outs if out.kind == "order.pending_too_long"]
    assert [cast("Data", out.data["policy"])["mode"] for out in pending if out.topic == "exceptions"] == ["shadow"]
    assert not [out for out in pending if out.topic == INTENTS]
    assert ("exception.updated", "payment.capture_overdue", "suppressed") not in told(outs)


def test_the_policy_of_an_orders_own_country_holds(tmp_path: Path) -> None:
    """An override for the destination changes the deadline of its orders only."""
    text = "overrides:\n  - when: {country: NL}\n    rules: {payment.capture_overdue: {threshold: 2 h}}\n"
    shard = Shard(policy(tmp_path, text))
    give(shard, "1", T0, "order.placed", PLACED)
    assert told(wait(shard, T0 + 3 * HOUR)) == [("exception.raised", "payment.capture_overdue", "open")]
    shard = Shard(policy(tmp_path, text))
    give(shard, "1", T0, "order.placed", PLACED | {"ship_to": {"country": "DE"}})
    assert told(wait(shard, T0 + 3 * HOUR)) == []


def test_nothing_is_requested_of_an_order_that_is_blocked(shard: Shard) -> None:
    """While a blocking exception is open, the action of a rule of lane auto is asked for in the lane of what is blocked."""
    give(shard, "1", T0, "order.placed", PLACED)
    failed: Data = {"payment_id": "p1", "decline": "soft"}
    free = [*give(shard, "2", T0 + HOUR, "payment.failed", failed), *wait(shard, T0 + HOUR)]
    assert [out.data["lane"] for out in free if out.topic == INTENTS] == ["auto"]
    other = Shard(load_policy(None))
    give(other, "1", T0, "order.placed", PLACED)
    give(other, "0", T0 + 60_000_000, "address.invalid")
    blocked = [*give(other, "2", T0 + HOUR, "payment.failed", failed), *wait(other, T0 + HOUR)]
    assert [out.data["lane"] for out in blocked if out.topic == INTENTS and out.kind == "payment.declined_soft"] == ["block"]


CHANGES: tuple[tuple[str, list[tuple[str, str, str]]], ...] = (
    ("payment.capture_overdue: off", [("exception.retracted", "payment.capture_overdue", "retracted")]),
    ("payment.capture_overdue: shadow", [("exception.updated", "payment.capture_overdue", "open")]),
    ("payment.capture_overdue: {threshold: 48 h}", [("exception.retracted", "payment.capture_overdue", "retracted")]),
    (
        "order.pending_too_long: {threshold: 2 h}",
        [("exception.raised", "order.pending_too_long", "open"), ("exception.updated", "payment.capture_overdue", "suppressed")],
    ),
    ("order.stalled: {threshold: 400 d}", []),
)


@pytest.mark.parametrize(("rule", "expected"), CHANGES)
def test_a_new_policy_is_applied_to_open_orders_at_one_instant(
    shard: Shard, tmp_path: Path, rule: str, expected: list[tuple[str, str, str]]
) -> None:
    """Orders restored under another policy are judged anew when log time reaches the instant that it holds from, even if stopped before."""
    overdue(shard)
    new = policy(tmp_path, f"rules: {{{rule}}}\n")
    restored = Shard(new)
    restored.restore(shard.rows(), T0 + 26 * HOUR)
    assert wait(restored, T0 + 26 * HOUR - 1) == []
    again = Shard(new)
    again.restore(restored.rows())
    outs = wait(again, T0 + 27 * HOUR)
    assert told(outs) == expected
    assert {out.log for out in outs} <= {T0 + 26 * HOUR}
    assert wait(again, T0 + 28 * HOUR) == []


def test_a_row_of_no_known_kind_is_refused(shard: Shard) -> None:
    """State that a later program has added to is not silently lost."""
    with pytest.raises(ValueError, match="a stored row begins with b'z', which this program does not know"):
        shard.restore([(b"zebra", b"")])


def test_withdrawals_that_name_nothing_are_counted(shard: Shard) -> None:
    """One that hits is not; one that comes twice is counted once."""
    give(shard, "1", T0, "order.placed", PLACED)
    give(shard, "2", T0 + HOUR, "payment.captured")
    give(shard, "3", T0 + 2 * HOUR, "evidence.withdrawn", {"event_id": "2"})
    assert shard.counts.missed == 0
    for _ in range(2):
        give(shard, "4", T0 + 3 * HOUR, "evidence.withdrawn", {"event_id": "none"})
    assert shard.counts.missed == 1
