"""A case from its first decision to its last: who has it, how a snooze or a wait ends, what is counted, and what is refused."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, cast

import pytest

from dataflows.core.engine.shard import Shard
from tests.support.desk import AMOUNT, Data, Desk
from tests.support.logs import DAY, HOUR, T0, iso, line
from tests.support.replays import lines, replay, write

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.output import OutputRecord


def reasons(outs: list[OutputRecord]) -> list[object]:
    """Why records were rejected."""
    assert {out.topic for out in outs} == {"rejects"}
    return [out.data["reason"] for out in outs]


def test_who_when_and_why_are_published() -> None:
    """Of each decision: who took it, when it came, to whom, why (S32, S53, S59)."""
    desk = Desk()
    case = desk.case(desk.decide("acknowledged", by="user:anna"))
    assert (case["state"], case["by"], case["acknowledged_at"], case["decided_at"]) == (
        "acknowledged",
        "user:anna",
        iso(desk.now),
        iso(desk.now),
    )
    first = case["acknowledged_at"]
    case = desk.case(desk.decide("assigned", by="user:anna", assignee="kim", team="CS"))
    assert (case["state"], case["assignee"], case["team"], case["acknowledged_at"]) == ("assigned", "kim", "CS", first)
    case = desk.case(desk.decide("noted", by="user:lee", note_ref="n-1"))
    assert (case["state"], case["note_ref"], case["by"]) == ("assigned", "n-1", "user:lee")
    case = desk.case(desk.decide("labelled", label="known"))
    assert (case["state"], case["label"]) == ("assigned", "known")
    (out,) = desk.decide("resolved", by="user:kim", outcome="captured_by_hand")
    case = cast("Data", out.data["case"])
    assert (out.type, out.status, out.data["resolution"], case["state"], case["outcome"]) == (
        *("exception.resolved", "resolved", "case", "resolved", "captured_by_hand"),
    )


def test_a_decision_from_another_topic_is_refused() -> None:
    """Whatever it claims of itself (contract, Decisions in)."""
    desk = Desk()
    outs = desk.give("case.resolved", {"exception_id": desk.id, "by": "user:admin", "by_roles": ["admin"]}, topic="order-events")
    assert reasons(outs) == ["not_a_decision_source"]
    assert desk.case(desk.give("case.acknowledged", {"exception_id": desk.id}, topic="acme.order-decisions"))["state"] == "acknowledged"


def test_decisions_count_in_log_order() -> None:
    """Not by their own time: what comes later in the log counters what came before it."""
    desk = Desk()
    desk.decide("assigned", assignee="kim")
    case = desk.case(desk.give("case.assigned", {"exception_id": desk.id, "assignee": "lee"}, at=T0))
    assert (case["assignee"], case["reassignments"]) == ("lee", 1)


def test_a_decision_is_never_withdrawn() -> None:
    """It can be countered only."""
    desk = Desk()
    desk.decide("assigned", assignee="kim")
    assert desk.give("evidence.withdrawn", {"event_id": f"e{desk.number}"}) == []
    assert desk.case(desk.decide("noted"))["assignee"] == "kim"


def test_what_is_resolved_takes_only_a_reopening_a_note_or_a_label() -> None:
    """An assignment that crossed the resolution does not open it again unseen."""
    desk = Desk()
    desk.decide("resolved")
    assert reasons(desk.decide("assigned", assignee="kim")) == ["case_resolved"]
    assert desk.case(desk.decide("noted", note_ref="n"))["state"] == "resolved"
    (out,) = desk.decide("reopened", by="user:anna")
    case = cast("Data", out.data["case"])
    assert (out.type, out.status, case["state"], case["reopenings"], case["acknowledged_at"]) == (
        "exception.updated",
        "open",
        "open",
        1,
        None,
    )
    assert desk.decide("reopened") == []
    desk.decide("resolved")
    assert desk.case(desk.decide("reopened"))["reopenings"] == 2


def test_the_sentence_says_when_a_person_closed_it() -> None:
    """A closure by hand has no event of its own beside the decision."""
    desk = Desk()
    (out,) = desk.decide("resolved", outcome="fixed", by="user:anna")
    assert "A person closed it on Tue 2026-04-21 08:01" in str(out.data["summary"])
    assert "None" not in str(out.data["summary"])


def test_a_snooze_ends_by_time_and_says_so() -> None:
    """Whoever had the case has it again (S35: nothing is hidden for ever)."""
    desk = Desk()
    desk.decide("assigned", assignee="kim")
    case = desk.case(desk.decide("snoozed", until=iso(T0 + 72 * HOUR)))
    assert (case["state"], case["until"], case["until_kind"], case["assignee"]) == ("snoozed", iso(T0 + 72 * HOUR), "time", "kim")
    assert desk.wait(72 * HOUR - 1) == []
    (out,) = desk.wait(72 * HOUR)
    case = cast("Data", out.data["case"])
    assert (out.type, out.status) == ("exception.updated", "open")
    assert (case["state"], case["until"], case["ended"]) == (
        *("assigned", None, {"state": "snoozed", "by": "time", "at": iso(T0 + 72 * HOUR)}),
    )
    assert desk.case(desk.decide("acknowledged"))["ended"] is None


def test_nothing_is_snoozed_for_ever() -> None:
    """Without an end, or with one that is far off, it is the longest that the policy allows; one that has passed is refused."""
    desk = Desk("'*': {longest_pause: 3 d}")
    for data in ({}, {"until": iso(T0 + 400 * DAY)}, {"until_kind": "promise_moves"}):
        assert desk.case(desk.decide("snoozed", **data))["until"] == iso(desk.now + 3 * DAY)
    assert reasons(desk.decide("snoozed", until=iso(T0))) == ["until_passed"]
    assert reasons(desk.decide("snoozed", until_kind="whenever")) == ["bad_until_kind"]
    assert desk.case(desk.decide("waiting", on="customer"))["until"] == iso(desk.now + 3 * DAY)


def test_a_snooze_ends_with_a_moved_promise() -> None:
    """A date of the order or of a line, and none but a date."""
    desk = Desk()
    desk.decide("snoozed", until_kind="promise_moves")
    assert desk.give("order.updated", {"channel": "web"}) == []
    case = desk.case(desk.give("order.updated", {"promised_by": "2026-06-01"}))
    assert (case["state"], cast("Data", case["ended"])["by"]) == ("acknowledged", "promise_moves")


def test_a_snooze_ends_with_rising_severity() -> None:
    """Not before; and a snooze until a time does not."""
    text = "payment.capture_overdue: {severity: medium, steps: [{at: 48 h, severity: high}]}"
    desk = Desk(text)
    desk.decide("snoozed", until_kind="severity_rises")
    (out,) = desk.wait(48 * HOUR)
    case = cast("Data", out.data["case"])
    assert (out.severity, case["state"], cast("Data", case["ended"])["by"]) == ("high", "acknowledged", "severity_rises")
    desk = Desk(text)
    desk.decide("snoozed")
    (out,) = desk.wait(48 * HOUR)
    assert (out.severity, cast("Data", out.data["case"])["state"]) == ("high", "snoozed")


def test_what_comes_back_by_itself_is_counted() -> None:
    """Taken back by late evidence, and again when that is withdrawn: flapping is seen (S63)."""
    desk = Desk()
    (out,) = desk.give("payment.captured", AMOUNT, at=T0 + HOUR)
    assert out.type == "exception.retracted"
    desk.give("evidence.withdrawn", {"event_id": f"e{desk.number}"})
    (out,) = desk.wait(30 * HOUR)
    assert (out.type, out.status, cast("Data", out.data["case"])["flaps"]) == ("exception.updated", "open", 1)


def test_a_wait_says_on_whom_and_ends_with_the_next_decision() -> None:
    """But a note or a label does not end it."""
    desk = Desk()
    case = desk.case(desk.decide("waiting", on="carrier", by="user:kim"))
    assert (case["state"], case["waiting_on"]) == ("waiting", "carrier")
    assert desk.case(desk.decide("noted"))["state"] == "waiting"
    case = desk.case(desk.decide("assigned", assignee="kim"))
    assert (case["state"], case["waiting_on"], case["until"]) == ("assigned", None, None)
    assert desk.case(desk.decide("waiting", on="the moon"))["waiting_on"] == "other"


@pytest.mark.parametrize("what", ["acknowledged", "waiting", "noted"])
def test_a_case_outlives_a_restart(what: str) -> None:
    """The rows of a shard hold it."""
    desk = Desk()
    expected = desk.case(desk.decide(what, by="user:anna", on="bank"))
    again = Desk()
    again.shard = Shard(desk.shard.policy)
    again.shard.restore(list(desk.shard.rows()))
    again.now, again.number = desk.now, 50
    case = again.case(again.decide("labelled", label="real", by="user:anna"))
    assert case | {"label": None, "decided_at": None} == expected | {"decided_at": None}


@pytest.mark.parametrize(
    ("number", "alias"),
    [
        ("T1", "tracking_number:T1"),
        # As long as identifiers are: the alias of it is a longer one, which is named by its beginning and its SHA-256.
        ("T" * 512, f"tracking_number:{'T' * 431}~{sha256(b'tracking_number:' + b'T' * 512).hexdigest()}"),
    ],
    ids=["short", "long"],
)
def test_what_nobody_claimed_has_a_case(number: str, alias: str, tmp_path: Path) -> None:
    """A decision whose subject is the alias finds its exception, and the tie ends what the decision left open."""
    scan: Data = {"tracking_number": number, "status": "in_transit"}
    label: Data = {"tracking_number": number, "shipment_id": "S1"}
    given = [
        line("s1", T0, "carrier.scan", source="/ups", order=None, data=scan),
        line("l1", T0 + 3 * HOUR, "warehouse.label_created", source="/warehouse/ams1", order="O-1", data=label),
    ]
    events = write(tmp_path / "events.jsonl", given)
    replay(events, tmp_path, until=T0 + DAY)
    orphan = cast("Data", lines(tmp_path, "exceptions")[0]["data"])
    assert (orphan["order_id"], orphan["kind"]) == (alias, "data.orphan_signal")
    about: Data = {"exception_id": orphan["exception_id"], "by": "user:anna", "assignee": "user:kim"}
    decided = [
        line("k1", T0 + HOUR, "case.assigned", source="/desk", order=alias, data=about),
        line("k2", T0 + 4 * HOUR, "case.labelled", source="/desk", order=alias, data=about | {"label": "real"}),
        line("k3", T0 + 5 * HOUR, "case.acknowledged", source="/desk", order="payment_id:T1", data=about),
    ]
    replay(events, tmp_path, until=T0 + DAY, decisions=write(tmp_path / "decisions.jsonl", decided))
    said = [cast("Data", event["data"]) for event in lines(tmp_path, "exceptions")]
    told_ = [(one["sequence"], one["status"], cast("Data", one["case"])["state"]) for one in said if one["order_id"] == alias]
    assert told_ == [(1, "open", "new"), (2, "open", "assigned"), (3, "resolved", "assigned"), (4, "resolved", "assigned")]
    assert "It was tied to order O-1" in str(said[-1]["summary"])
    assert cast("Data", said[-1]["context"])["related"] == ["O-1"]
    assert [row["reason"] for row in lines(tmp_path, "rejects")] == ["unknown_exception"]
    actions = [(event["subject"], cast("Data", event["data"])["state"]) for event in lines(tmp_path, "actions")]
    assert (alias, "proposed") in actions or (alias, "requested") in actions
    assert actions[-1][1] != "requested"
