"""A fault in the program costs one order, never the others: a rule that throws, and code outside of rules that does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dataflows.core.actions.shard import ActionShard
from dataflows.core.engine.intents import INTENTS, decode_intent
from dataflows.core.engine.publish import Publisher
from dataflows.core.engine.shard import Shard
from dataflows.core.rules.load import load_policy
from schemas.output_events import OUT_MODELS
from tests.support.logs import DAY, HOUR, T0, line, record
from tests.support.poison import PoisonError, poisoned

if TYPE_CHECKING:
    from schemas.output import OutputRecord

Data = dict[str, object]
PLACED: Data = {"total": {"amount": "80.00", "currency": "EUR"}, "ship_to": {"country": "NL"}, "method": "pickup"}
FAILED = "data.rule_failed"


@pytest.fixture
def shard() -> Shard:
    """A shard under the built-in policy."""
    return Shard(load_policy(None))


def give(shard: Shard, id_: str, at: int, type_: str, data: Data | None = None, order: str = "A-1") -> list[OutputRecord]:
    """What an event, logged when it happened, makes the shard say."""
    found = record(line(id_, at, type_, order=order, data=data or {}), at)
    found.key, found.headers = b"key", (("trace", b"1"),)
    shard.apply(found)
    return shard.drain()


def wait(shard: Shard, to: int) -> list[OutputRecord]:
    """What the passing of time makes it say."""
    shard.advance(to)
    return shard.drain()


def told(outs: list[OutputRecord]) -> list[tuple[str, str, str]]:
    """(order, kind, type) of the exceptions, and (order, reason, "reject") of the rejects; each exception fits its schema."""
    found: list[tuple[str, str, str]] = []
    for out in outs:
        assert b"PoisonError(" not in out.body
        if out.topic == "exceptions":
            OUT_MODELS[out.type].model_validate_json(out.body)
            found.append((out.order, out.kind, out.type))
        elif out.topic == "rejects":
            found.append((out.order, str(out.data["reason"]), "reject"))
    return found


def test_a_rule_that_throws_is_said_once_and_the_other_rules_go_on(shard: Shard) -> None:
    """One exception that names rule and error, one reject with the original record; the second time nothing more is said."""
    with poisoned("payment.declined_soft", "A-1"):
        give(shard, "1", T0, "order.placed", PLACED)
        outs = give(shard, "2", T0 + HOUR, "payment.failed", {"payment_id": "p1"})
        assert told(outs) == [("A-1", FAILED, "exception.raised"), ("A-1", "rule_failed", "reject")]
        said = "A rule failed on this order on Mon 2026-04-20 11:00 (payment.declined_soft: PoisonError)"
        assert str(outs[0].data["summary"]).startswith(said)
        assert [piece["id"] for piece in outs[0].data["evidence"]] == ["2"]  # type: ignore[attr-defined]
        reject = outs[-1]
        assert (reject.body, reject.record_key, reject.headers) == (
            line("2", T0 + HOUR, "payment.failed", data={"payment_id": "p1"}),
            b"key",
            (("trace", b"1"),),
        )
        assert reject.data["detail"] == "payment.declined_soft: PoisonError"
        assert told(give(shard, "3", T0 + 2 * HOUR, "payment.failed", {"payment_id": "p1"})) == []
        assert ("A-1", "payment.capture_overdue", "exception.raised") in told(wait(shard, T0 + 2 * DAY))
        give(shard, "1", T0 + 2 * DAY, "order.placed", PLACED, order="B-2")
        outs = give(shard, "2", T0 + 2 * DAY + HOUR, "payment.failed", {"payment_id": "p2"}, order="B-2")
        assert told(outs) == [("B-2", "payment.declined_soft", "exception.raised")]
    assert shard.counts.rejected == {"rule_failed": 1}


def test_it_ends_when_the_rule_can_be_judged_again(shard: Shard) -> None:
    """Then the rule says what it could not say, and a new failure is a new episode."""
    give(shard, "1", T0, "order.placed", PLACED)
    with poisoned("payment.declined_soft", "A-1"):
        give(shard, "2", T0 + HOUR, "payment.failed", {"payment_id": "p1"})
    outs = give(shard, "3", T0 + 2 * HOUR, "address.validated")
    assert told(outs) == [("A-1", FAILED, "exception.resolved"), ("A-1", "payment.declined_soft", "exception.raised")]
    over = next(out for out in outs if out.kind == FAILED and out.topic == "exceptions")
    assert over.data["resolution"] == "cleared"
    with poisoned("payment.declined_soft", "A-1"):
        outs = give(shard, "4", T0 + 3 * HOUR, "payment.failed", {"payment_id": "p1"})
    assert told(outs) == [("A-1", FAILED, "exception.raised"), ("A-1", "rule_failed", "reject")]
    assert [out.data["episode"] for out in outs if out.topic == "exceptions"] == [2]


def test_what_a_rule_has_said_stands_while_it_fails(shard: Shard) -> None:
    """It is neither taken back nor made worse."""
    give(shard, "1", T0, "order.placed", PLACED)
    give(shard, "2", T0 + HOUR, "payment.failed", {"payment_id": "p1"})
    wait(shard, T0 + HOUR)
    with poisoned("payment.declined_soft", "A-1"):
        outs = give(shard, "3", T0 + 2 * HOUR, "payment.captured", {"payment_id": "p1", "amount": PLACED["total"]})
        assert [kind for _, kind, _ in told(outs)] == [FAILED, "rule_failed"]
    outs = give(shard, "4", T0 + 3 * HOUR, "address.validated")
    assert ("A-1", "payment.declined_soft", "exception.resolved") in told(outs)


def test_a_rule_that_throws_at_its_deadline_rejects_nothing(shard: Shard) -> None:
    """No record made it fail: the failure is said, time goes on, and the order is no longer woken for that rule."""
    with poisoned("payment.capture_overdue", "A-1"):
        give(shard, "1", T0, "order.placed", PLACED)
        outs = wait(shard, T0 + 80 * DAY)
    failures = [one for one in told(outs) if one[1] in (FAILED, "rule_failed")]
    assert failures == [("A-1", FAILED, "exception.raised")]
    assert ("A-1", "order.pending_too_long", "exception.raised") in told(outs)


def test_an_order_with_more_events_than_the_policy_allows_is_quarantined() -> None:
    """That is said once, and later records are rejected; a duplicate is none too many, and other orders do not notice."""
    policy = load_policy(None)
    shard = Shard(replace(policy, retention=replace(policy.retention, most_events=3)))
    give(shard, "1", T0, "order.placed", PLACED)
    give(shard, "2", T0 + HOUR, "payment.captured")
    give(shard, "3", T0 + HOUR, "payment.captured")
    assert told(give(shard, "3", T0 + HOUR, "payment.captured")) == []
    outs = give(shard, "4", T0 + 2 * HOUR, "payment.captured")
    assert told(outs) == [("A-1", FAILED, "exception.raised"), ("A-1", "order_quarantined", "reject")]
    assert "history cannot be evaluated any more (MostEvents)" in str(outs[0].data["summary"])
    assert outs[1].data["detail"] == "MostEvents"
    assert told(give(shard, "5", T0 + 3 * HOUR, "payment.captured")) == [("A-1", "order_quarantined", "reject")]
    assert told(give(shard, "6", T0 + 3 * HOUR, "order.placed", PLACED, order="B-2")) == []
    assert shard.find("default", "B-2") is not None


def test_an_order_whose_history_makes_the_program_fail_is_quarantined(shard: Shard) -> None:
    """That is said once; this record and all later ones are rejected; other orders do not notice."""
    give(shard, "1", T0, "order.placed", PLACED)
    with poisoned("timeline", "A-1"):
        outs = give(shard, "2", T0 + HOUR, "payment.captured")
    assert told(outs) == [("A-1", FAILED, "exception.raised"), ("A-1", "rule_failed", "reject")]
    assert told(give(shard, "3", T0 + 2 * HOUR, "payment.captured")) == [("A-1", "order_quarantined", "reject")]
    assert told(wait(shard, T0 + 100 * DAY)) == []
    again = Shard(load_policy(None))
    again.restore(list(shard.rows()))
    assert told(give(again, "4", T0 + 101 * DAY, "payment.captured")) == [("A-1", "order_quarantined", "reject")]
    assert told(wait(again, T0 + 300 * DAY)) == []
    assert len(again) == 0
    give(again, "5", T0 + 300 * DAY, "order.placed", PLACED, order="B-2")
    assert told(wait(again, T0 + 302 * DAY)) != []


def test_what_a_quarantined_order_had_asked_for_is_withdrawn() -> None:
    """Nobody can say whether it is still right; what had been said of its exceptions stays."""
    policy = load_policy(None)
    shard, actions = Shard(policy), ActionShard(policy)
    give(shard, "1", T0, "order.placed", PLACED)
    asked = give(shard, "2", T0 + HOUR, "payment.failed", {"payment_id": "p1", "decline": "soft"})
    with poisoned("timeline", "A-1"):
        gone = give(shard, "3", T0 + 2 * HOUR, "payment.captured")
    assert [kind for _, kind, type_ in told(gone) if type_ == "exception.resolved"] == []
    for each in (*asked, *gone):
        if each.topic == INTENTS:
            actions.apply(decode_intent(each.body))
    actions.advance(T0 + 3 * HOUR)
    said = actions.drain()
    assert [out.type for out in said] == ["action.requested", "action.withdrawn"]
    assert b'"name":"quarantined"' in said[-1].body


def test_a_failure_of_time_or_of_words_quarantines_as_well(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program fails while it says something, nothing of that is said; an open failure goes on under its ID."""
    with poisoned("payment.declined_soft", "A-1"):
        give(shard, "1", T0, "order.placed", PLACED)
        first = give(shard, "2", T0 + HOUR, "payment.failed", {"payment_id": "p1"})[0]
    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "say", _throw)
        outs = wait(shard, T0 + 3 * DAY)
    assert told(outs) == [("A-1", FAILED, "exception.updated")]
    (again,) = (out for out in outs if out.topic == "exceptions")
    assert (again.data["exception_id"], again.data["sequence"]) == (first.data["exception_id"], 2)


def _throw(*_: object) -> list[OutputRecord]:
    raise PoisonError


def test_the_kind_can_be_switched_off_and_the_rejects_remain() -> None:
    """A policy decides who is called; what was not judged is given back all the same."""
    plain = load_policy(None)
    silent = replace(plain, base=tuple(replace(s, switch="off") if s.kind == FAILED else s for s in plain.base))
    for kind in ("payment.declined_soft", "timeline"):
        shard = Shard(silent)
        give(shard, "1", T0, "order.placed", PLACED)
        with poisoned(kind, "A-1"):
            outs = give(shard, "2", T0 + HOUR, "payment.failed", {"payment_id": "p1"})
        assert told(outs) == [("A-1", "rule_failed", "reject")]


def test_failures_survive_packing() -> None:
    """An order that is packed between two events knows that a rule fails of it."""
    shard = Shard(load_policy(None), hot=1)
    give(shard, "1", T0, "order.placed", PLACED)
    with poisoned("payment.declined_soft", "A-1"):
        give(shard, "2", T0 + HOUR, "payment.failed", {"payment_id": "p1"})
        for number in range(4):
            give(shard, "9", T0 + HOUR, "order.placed", PLACED, order=f"C-{number}")
        assert told(give(shard, "3", T0 + 2 * HOUR, "payment.failed", {"payment_id": "p1"})) == []
