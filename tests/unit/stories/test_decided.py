"""Stories with decisions: what they refer to, what they may expect beside exceptions, and what is said of mistakes in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.cli import main as cli
from dataflows.core.rules.load import load_policy
from dataflows.detect.stories.check import problems_with
from dataflows.detect.stories.run import differences
from dataflows.detect.stories.story import Story, stories_of

if TYPE_CHECKING:
    from pathlib import Path

POLICY = load_policy(None)
CLAIMED = """\
- story: a claim that somebody must agree to
  kind: shipment.damaged
  requirement: [S41, R-7]
  policy: |
    actions: {approvers: {open_claim: [claims]}}
  policies:
    calm: |
      rules: {shipment.damaged: {severity: low}}
  events: |
    +0h  order.placed total: 90 EUR
    +0h  order.placed total: 20 EUR, _order: o2
    +1h  payment.captured
    +1h  payment.captured _order: o2
    +2h  warehouse.shipped
    +2h  warehouse.shipped shipment_id: S2, tracking_number: T2, _order: o2
    +24h scan damaged
    +24h scan damaged tracking_number: T2, _order: o2
    +25h case.waiting on: customer, until: +40h
    +26h action.approved open_claim by: user:bob, by_roles: [operator]
    +27h action.approved file_claim of shipment.damaged by: user:eve, by_roles: [claims]
    +28h automation.paused scope: action:open_claim
    +29h policy.activated calm
  expect: |
    +25h open on shipment:S1 {case.state: waiting, case.waiting_on: customer, case.until: +40h, score: 1..1000}
    +26h action open_claim proposed lane review {value: 90 EUR, evidence.type: carrier.scan, guardrails: null}
    +26h rejected role_missing of action.approved for o1
    +27h action open_claim requested by rule:shipment.damaged {approved_by: ["user:eve"], reason: "*", lane: not auto}
    +27h action open_claim proposed for o2
    +27h no action executed
    +27h no message
    +27h o1 before o2
    +28h automation {paused.scope: [action:open_claim]}
    +60h open low on shipment:S1 {case.state: acknowledged}
"""


def read(folder: Path, text: str) -> tuple[list[Story], list[str]]:
    """The stories of a text, and what is wrong with them."""
    path = folder / "stories.yaml"
    path.write_text(text)
    found, wrong = stories_of(path)
    later = [problem for story in found for problem in problems_with(story, POLICY)]
    return found, [str(problem).removeprefix(f"{folder}/") for problem in (*wrong, *later)]


def test_decisions_are_completed_while_the_story_runs(tmp_path: Path) -> None:
    """IDs and hashes of what is named by words, in a story that holds."""
    (story,), problems = read(tmp_path, CLAIMED)
    assert problems == []
    assert story.requirements == ("S41", "R-7")
    assert differences(story, POLICY) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("case.state: waiting,", "case.state: new,", "shipment.damaged on shipment:S1: case.state expected new, is waiting"),
        ("case.until: +40h", "case.until: +41h", "case.until expected 2026-11-04T03:00:00Z, is 2026-11-04T02:00:00"),
        ("score: 1..1000", "score: 900..", "score expected 900.., is "),
        ("value: 90 EUR", "value: 91 EUR", "value expected {amount: 91, currency: EUR}, is {amount: 90, currency: EUR}"),
        (
            "evidence.type: carrier.scan",
            "evidence.type: [carrier.scan, order.placed]",
            "evidence.type expected [carrier.scan, order.placed]",
        ),
        ("guardrails: null", "guardrails.name: high_value", "guardrails.name expected high_value, is []"),
        (
            "proposed lane review",
            "proposed lane block",
            "action open_claim (file_claim) of shipment.damaged proposed, lane review: lane exp",
        ),
        ("action open_claim proposed lane", "action open_claim executed lane", "state expected executed, is proposed"),
        (
            "action open_claim proposed lane",
            "action retry_payment proposed lane",
            "expected action retry_payment proposed, and there is none",
        ),
        ("rejected role_missing", "rejected no_hash", "expected that action.approved is rejected as no_hash, and none was"),
        (
            "    +26h rejected role_missing of action.approved for o1\n",
            "",
            "an event was rejected: open_claim is decided by claims (role_missing",
        ),
        (
            "role_missing of action.approved for o1",
            "role_missing for o2",
            "expected that an event is rejected as role_missing, and none was",
        ),
        ("lane: not auto", "lane: not review", "lane expected not review, is review"),
        (
            "no action executed",
            "no action requested",
            "not expected: action open_claim (file_claim) of shipment.damaged requested, lane review",
        ),
        ("no message", "1 message in all", "messages expected 1, are 0"),
        ("o1 before o2", "o2 before o1", "the scores are o2 "),
        ("[action:open_claim]}", "[all]}", "automation: paused.scope expected [all], is [action:open_claim]"),
        ("_claim by: user:bob", "_refund by: user:bob", "action.approved: no action open_refund of o1 has been said by then"),
        ("low on shipment:S1", "high on shipment:S1", "severity expected high, is low"),
    ],
)
def test_a_difference_stands_at_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    """What was expected beside what is; of a decision about what was never said its own line."""
    assert old in CLAIMED
    (story,), problems = read(tmp_path, CLAIMED.replace(old, new, 1))
    assert problems == []
    found = differences(story, POLICY)
    at = [difference.line for difference in found if words in difference.words]
    assert at, [difference.words for difference in found]
    if new:
        assert new in (tmp_path / "stories.yaml").read_text().splitlines()[at[0] - 1]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("{case.state: waiting", "{case.stat: waiting", "exception events have no field 'case.stat' (did you mean \"state\"?)"),
        ("{value: 90 EUR", "{valu: 90 EUR", "action events have no field 'valu' (did you mean \"value\"?)"),
        ("{paused.scope", "{pausd.scope", "automation events have no field 'pausd.scope' (did you mean \"paused\"?)"),
        ("action open_claim proposed", "action opn_claim proposed", "unknown action 'opn_claim' (did you mean \"open_claim\"?)"),
        ("policy.activated calm", "policy.activated clam", "no policy 'clam' under `policies` of this story (did you mean \"calm\"?)"),
        ("{open_claim: [claims]}", "{opn_claim: [claims]}", ":5:1: [0].policy: actions.approvers.opn_claim: unknown action"),
        ("severity: low", "severity: lw", ":8:1: [0].policies.calm: rules.shipment.damaged.severity:"),
        (
            "  kind: shipment.damaged\n",
            "",
            "case.waiting must say of which exception: `case.waiting payment.capture_overdue by: user:anna`",
        ),
        ("open_claim by: user:bob", "by: user:bob", "action.approved must say of which action: `action.approved approve_refund`"),
        ("on: customer", "onn: customer", "unknown field 'onn' of case.waiting (did you mean \"on\"?)"),
        ("proposed for o2", "proposed for o3", "no event of the story is of order 'o3'"),
        ("o1 before o2", "o1 befor o2", "no expectation: '+27h o1 befor o2'"),
        ("policies:\n    calm: |\n      ", "policies: |\n      ", "policies by name are expected here: `next: |`"),
        (
            "policy: |\n    actions: {approvers: {open_claim: [claims]}}",
            "policy: [a]",
            "the text of a policy is expected here: `policy: |`",
        ),
        ("requirement: [S41, R-7]", "requirement: {a: b}", "a text, or a list of texts, is expected here"),
    ],
)
def test_mistakes_end_the_command_with_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, problem: str
) -> None:
    """With what was probably meant, and exit code 2."""
    assert old in CLAIMED
    _, problems = read(tmp_path, CLAIMED.replace(old, new, 1))
    assert any(problem in one for one in problems), problems
    assert cli.run(["policy", "test", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line for line in captured.err.splitlines() if problem in line]


def test_what_another_topic_says_is_no_decision(tmp_path: Path) -> None:
    """It is given back, and changes nothing."""
    (story,), _ = read(tmp_path, CLAIMED.replace("until: +40h", "until: +40h, _topic: order-events", 1))
    words = [difference.words for difference in differences(story, POLICY)]
    assert any("not_a_decision_source" in one for one in words)
    assert any("case.state expected waiting, is new" in one for one in words)


def test_feeds_are_watched_where_the_storys_own_policy_declares_them(tmp_path: Path) -> None:
    """While one is silent what waits for it is not late; else a feed counts as alive."""
    text = """\
- story: a silent feed
  kind: payment.capture_overdue
  policy: |
    feeds: {/payments: {silence: 2 h}}
  events: |
    +0h  order.placed
    +1h  feed.heartbeat _source: /payments/adyen
    +40h feed.heartbeat _source: /payments/adyen
  expect: |
    +30h nothing
    +41h open
"""
    (story,), problems = read(tmp_path, text)
    assert problems == []
    assert differences(story, POLICY) == []
    (other,), _ = read(tmp_path, text.replace("  policy: |\n    feeds: {/payments: {silence: 2 h}}\n", ""))
    assert [one.words.partition(" since")[0] for one in differences(other, POLICY)] == ["not expected: payment.capture_overdue open"]
