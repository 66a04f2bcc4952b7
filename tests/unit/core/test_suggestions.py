"""What programs suggest is shown to people, makes nothing looser, and costs no more than it may."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from dataflows.core.decisions.suggestions import KEPT, TAKEN
from tests.support.desk import KIND, PLACED, Data, Desk, policy_of
from tests.support.engine import run
from tests.support.logs import DAY, HOUR, T0, line, record

if TYPE_CHECKING:
    from schemas.output import OutputRecord
    from schemas.record import Record

AUTO = f"{KIND}: {{severity: medium, steps: [], lane: auto}}"


def suggest(desk: Desk, **data: object) -> list[OutputRecord]:
    """What a program's suggestion about the exception makes be said."""
    usual: Data = {"exception_id": desk.id, "kind": "owner", "value": "OPS", "confidence": 0.9, "model": "triage-3", "by": "service:triage"}
    return desk.give("suggestion.made", {name: value for name, value in {**usual, **data}.items() if value is not None})


def refusal(outs: list[OutputRecord]) -> str:
    """Why the one record was given back."""
    (out,) = outs
    assert out.topic == "rejects", out.data
    return str(out.data["reason"])


def kept(outs: list[OutputRecord]) -> list[Data]:
    """The suggestions that the one event shows."""
    (out,) = outs
    assert out.type == "exception.updated", out.data
    return cast("list[Data]", cast("Data", out.data["context"])["suggestions"])


def test_it_is_shown_and_a_person_decides() -> None:
    """S45: an owner is suggested with its model and confidence. The owner stays who it is, and nothing is done at once any more."""
    desk = Desk(AUTO)
    (out,) = suggest(desk)
    assert (out.data["lane"], out.data["owner"], out.data["status"], out.data["blocking"]) == ("review", "FIN", "open", False)
    (shown,) = cast("list[Data]", cast("Data", out.data["context"])["suggestions"])
    assert {**shown, "at": ""} == {
        "kind": "owner",
        "value": "OPS",
        "confidence": 0.9,
        "model": "triage-3",
        "by": "service:triage",
        "at": "",
    }
    (spoken,) = [one for one in cast("list[Data]", out.data["guardrails"]) if one["name"] == "suggested"]
    assert spoken == {"name": "suggested", "effect": "review", "reason": "triage-3 suggests owner OPS, confidence 0.9"}


def test_a_blocked_exception_stays_blocked() -> None:
    """It loosens no lane."""
    desk = Desk(f"{KIND}: {{severity: medium, steps: [], lane: block}}")
    (out,) = suggest(desk)
    assert (out.data["lane"], out.data["blocking"]) == ("block", True)


def test_the_case_goes_on_as_if_nothing_had_been_said() -> None:
    """Its state, its clocks and who has it."""
    desk = Desk()
    before = desk.case(desk.decide("snoozed", by="user:anna", until="2026-06-20T00:00:00Z"))
    assert desk.case(suggest(desk)) == before


def test_the_newest_of_a_model_and_kind_counts_and_some_are_kept() -> None:
    """The same model thinks again; a ninth other one pushes out the oldest."""
    desk = Desk()
    suggest(desk)
    assert [one["value"] for one in kept(suggest(desk, value="CS"))] == ["CS"]
    said = [suggest(desk, kind="class", value=f"c{number}", model=f"m{number}") for number in range(KEPT)]
    assert [one["value"] for one in kept(said[-1])] == [f"c{number}" for number in range(KEPT)]


def test_a_program_that_never_stops_is_refused() -> None:
    """S74: what it may cost is bounded, and its order is evaluated as before."""
    desk = Desk()
    for number in range(TAKEN):
        kept(suggest(desk, value=f"v{number}"))
    assert refusal(suggest(desk)) == "too_many_suggestions"
    assert desk.case(desk.decide("acknowledged", by="user:anna"))["state"] == "acknowledged"


@pytest.mark.parametrize("missing", ["kind", "value", "model"])
def test_what_says_nothing_is_refused(missing: str) -> None:
    """What is suggested, and by which model."""
    assert refusal(suggest(Desk(), **{missing: None})) == "bad_suggestion"


def test_a_text_is_refused() -> None:
    """A draft is named: its text stays in the store."""
    assert refusal(suggest(Desk(), kind="draft", value="Dear Jan, your parcel")) == "bad_suggestion"
    assert kept(suggest(Desk(), kind="draft", value="draft-77"))


def test_it_counts_from_the_topic_of_decisions_only() -> None:
    """S47: what writes elsewhere decides nothing, and suggests nothing."""
    desk = Desk()
    outs = desk.give("suggestion.made", {"exception_id": desk.id, "kind": "class", "value": "x", "model": "m"}, topic="order-events")
    assert refusal(outs) == "not_a_decision_source"


def test_it_is_about_what_was_said_and_still_stands() -> None:
    """Not about an exception that nobody knows, nor about one that is over."""
    desk = Desk()
    assert refusal(suggest(desk, exception_id="6f2b1a52-6d0c-5b0e-9a55-0c6b6f7d1e11")) == "unknown_exception"
    desk.decide("resolved", by="user:anna", outcome="paid")
    assert refusal(suggest(desk)) == "exception_over"


def test_it_is_no_news() -> None:
    """S35: an exception that would be closed for age is, however much is suggested about it."""
    desk = Desk(f"{KIND}: {{severity: medium, steps: [], expire_after: 20 d}}")
    desk.wait(24 * HOUR + 15 * DAY)
    suggest(desk)
    (out,) = desk.wait(24 * HOUR + 20 * DAY)
    assert (out.type, out.data["resolution"]) == ("exception.resolved", "expired")


def test_what_was_requested_and_has_not_begun_waits_for_a_person() -> None:
    """S45: the request is taken back, and proposed."""
    policy = policy_of(f"rules: {{order.pending_too_long: off, {AUTO}}}")
    placing = line("e1", T0, "order.placed", data=PLACED)

    def said(*records: Record) -> list[tuple[str, str]]:
        outs = run([record(placing, T0), *records], policy, T0 + 30 * HOUR)
        return [(out.type, str(out.data["lane"])) for out in outs if out.topic == "actions"]

    (raised,) = [out for out in run([record(placing, T0)], policy, T0 + 25 * HOUR) if out.kind == KIND and out.topic == "exceptions"]
    data: Data = {"exception_id": raised.data["exception_id"], "kind": "class", "value": "fraud", "model": "m"}
    suggestion = record(line("s1", T0 + 26 * HOUR, "suggestion.made", data=data), T0 + 26 * HOUR)
    assert said() == [("action.requested", "auto")]
    assert said(suggestion) == [("action.requested", "auto"), ("action.withdrawn", "auto"), ("action.proposed", "review")]
