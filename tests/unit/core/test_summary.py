"""What an exception says: the case with its numbers, in one zone, and never the rule in its place."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from dataflows.core.engine.summary import fields_of, sentence_of
from dataflows.core.engine.summary_fields import FIELDS
from dataflows.core.rules import RULES_BY_KIND
from dataflows.core.rules.load import load_policy
from dataflows.core.rules.sentences import SENTENCES, UNCLAIMED
from tests.oracle.judging.reading import instant
from tests.support.engine import records_of, run
from tests.support.logs import line
from tests.support.stories import Story, stories

ELSEWHERE = {"data.rule_failed"}
"""Kinds that no story tells: a fault in the program."""


def said(story: Story) -> dict[str, list[str]]:
    """What the exceptions of a story's kind say, by the type of the event."""
    policy = load_policy(None)
    policy = replace(policy, emits=policy.emits | {"scans"} | set(story.emits), learns=False)
    found: dict[str, list[str]] = {}
    for checkpoint in story.checkpoints:
        for out in run(records_of(story.lines), policy, instant(checkpoint.as_of)):
            if out.topic == "exceptions" and out.kind == story.kind:
                found.setdefault(out.type, []).append(str(out.data["summary"]))
    return found


def test_every_kind_has_a_sentence_of_its_own_and_every_field_is_used() -> None:
    """A sentence without a kind, or a field that no sentence names, is left from something that is no more."""
    assert set(SENTENCES) == set(RULES_BY_KIND)
    named = set[str]().union(*(fields_of(sentence_of(rule)) for rule in RULES_BY_KIND.values()))
    assert named <= set(FIELDS)
    generic = {"name", "anchor", *fields_of(UNCLAIMED)}
    assert set(FIELDS) - named <= generic


STORIES = stories()


@pytest.mark.parametrize("kind", sorted({story.kind for story in STORIES}))
def test_a_story_is_told_with_its_numbers(kind: str) -> None:
    """Nothing that the sentence needs is missing, the rule does not stand in its place, and the zone of its times is named once."""
    told = [(type_, text) for story in STORIES if story.kind == kind for type_, texts in said(story).items() for text in texts]
    assert told
    for type_, text in told:
        assert "(not stated)" not in text
        assert RULES_BY_KIND[kind].definition not in text
        assert not text[0].islower()
        times = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d|the end of \w{3} \d{4}-\d\d-\d\d", text)
        assert text.count("(Times: ") == (1 if times else 0)
        if type_ == "exception.retracted":
            assert "Taken back" in text


def test_every_kind_is_told_by_a_story() -> None:
    """So that every sentence is read with real numbers in it."""
    assert set(RULES_BY_KIND) - {story.kind for story in STORIES} <= ELSEWHERE


@pytest.mark.parametrize("kind", sorted({story.kind for story in STORIES}))
def test_what_is_taken_back_since_the_order_was_never_placed_is_said_too(kind: str) -> None:
    """Nothing is known of such an order any more, and its exceptions are taken back all the same."""
    policy = load_policy(None)
    for story in (one for one in STORIES if one.kind == kind):
        placed = [line for line in story.lines if line["type"] == "order.placed"]
        end = story.checkpoints[-1].as_of
        withdrawn = [
            {
                **{name: line[name] for name in ("specversion", "source", "subject", "dataschema") if name in line},
                "id": f"w{number}",
                "type": "evidence.withdrawn",
                "time": end,
                "recordedtime": end,
                "data": {"event_id": line["id"], "event_source": line["source"]},
            }
            for number, line in enumerate(placed)
        ]
        outs = run(records_of([*story.lines, *withdrawn]), replace(policy, emits=policy.emits | set(story.emits)), instant(end))
        assert [out.kind for out in outs if out.type == "reject" and out.kind == "order_quarantined"] == []
        assert [out for out in outs if "cannot be evaluated any more" in str(out.data.get("summary"))] == []


TOLD_TWICE = {
    "payment.partly_captured": "60.00 EUR of 100 EUR had been captured",
    "payment.amount_mismatch": "100.10 EUR had been captured: 0.10 EUR more than the order's total of 100 EUR",
    "payment.cancelled_not_refunded": "100.00 EUR is kept",
    "conflict.quantity_mismatch": "3 of A had left; the order has 2",
}
"""What stories of these kinds say is wrong, by the numbers of their events before they are put right."""


@pytest.mark.parametrize("kind", TOLD_TWICE)
def test_what_was_put_right_is_told_as_it_stood(kind: str) -> None:
    """The record that ends a case changes its figures; the sentence says those that were wrong, and not the ones of today."""
    told = [(type_, text) for story in STORIES if story.kind == kind for type_, texts in said(story).items() for text in texts]
    assert any(type_ == "exception.raised" and TOLD_TWICE[kind] in text for type_, text in told)
    assert any(type_ == "exception.resolved" and TOLD_TWICE[kind] in text for type_, text in told)


def test_a_late_delivery_was_not_last_seen_delivered() -> None:
    """What ended a case is said once, as its end."""
    resolved = [
        text for story in STORIES if story.kind == "shipment.delivery_overdue" for text in said(story).get("exception.resolved", [])
    ]
    assert resolved
    assert not any("last seen delivered" in text and "scan delivered" in text for text in resolved)


def test_a_warning_speaks_of_its_own_instant() -> None:
    """By the deadline that is still ahead nothing can have been missed yet."""
    raised = [text for story in STORIES if story.kind == "shipment.first_scan_missing" for text in said(story).get("exception.raised", [])]
    assert any("handed over on Mon 2026-11-02 12:00" in text for text in raised)
    assert all("by Wed 2026-11-04 12:00" in text for text in raised if "handed over on Mon 2026-11-02 12:00." in text)


def test_what_is_missing_was_not_last_seen_delivered() -> None:
    """Of an order of which one box came, the last scan is that of what is still awaited, if there is any."""
    told = [texts for story in STORIES if story.title == "one of two boxes came" for texts in said(story).values()]
    assert any("1 of 2 lines missing: 1 of B" in text for texts in told for text in texts)
    assert not any("last seen delivered" in text for texts in told for text in texts)


def test_a_place_that_is_known_by_now_is_not_counted_in_its_zone_before() -> None:
    """What an unknown place is counted in is said while it is unknown."""
    told = [said(story) for story in STORIES if story.kind == "data.unmapped_place"]
    assert any("counted in UTC meanwhile" in text for one in told for text in one.get("exception.raised", []))
    assert not any("meanwhile" in text for one in told for text in one.get("exception.resolved", []))


def test_a_window_is_said_by_its_end() -> None:
    """As an instant in the zone of the case, as any other; nobody reads two machine's instants with a stroke between."""
    window: dict[str, object] = {
        "ship_by": "2026-11-05T08:00:00Z/2026-11-05T12:00:00Z",
        "ship_to": {"country": "DE"},
        "payment_terms": "external",
    }
    lines = [
        json.loads(line("p", instant("2026-11-02T08:00:00Z"), "order.placed", data=window)),
        json.loads(line("h", instant("2026-11-02T09:00:00Z"), "order.hold_placed", data={"hold": "credit"})),
    ]
    outs = run(records_of(lines), load_policy(None), instant("2026-11-05T09:00:00Z"))
    (text,) = {str(out.data["summary"]) for out in outs if out.topic == "exceptions" and out.kind == "payment.credit_hold_aged"}
    assert "the order is to leave by Thu 2026-11-05 12:00." in text
