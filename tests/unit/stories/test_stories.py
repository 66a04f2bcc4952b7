"""Stories: how they are read, what is said of mistakes in them, and how a difference is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.cli import main as cli
from dataflows.core.rules.load import load_policy
from dataflows.detect.stories.check import problems_with
from dataflows.detect.stories.run import differences
from dataflows.detect.stories.story import Story, stories_of
from dataflows.detect.stories.times import Times
from tests.support.stories import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

POLICY = load_policy(None)
CAPTURED = """\
- story: the money is taken late
  kind: payment.capture_overdue
  events: |
    +0h  order.placed
    # a remark
    +30h payment.captured
  expect: |
    +23h nothing
    +25h open since +24h due +24h low owner FIN lane review
    +30h resolved since +24h
"""


def told(folder: Path, text: str) -> Story:
    """The one story of a text that has no mistakes."""
    path = folder / "stories.yaml"
    path.write_text(text)
    (story,), problems = stories_of(path)
    assert not problems
    assert not list(problems_with(story, POLICY))
    return story


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a text, without the folder."""
    path = folder / "stories.yaml"
    path.write_text(text)
    found, wrong = stories_of(path)
    later = [problem for story in found for problem in problems_with(story, POLICY)]
    return [str(problem).removeprefix(f"{folder}/") for problem in (*wrong, *later)]


def test_a_story_that_holds_has_no_differences(tmp_path: Path) -> None:
    """What is expected is what is said, at each instant."""
    assert differences(told(tmp_path, CAPTURED), POLICY) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("low owner FIN", "high owner OPS", "payment.capture_overdue: severity expected high, is low; owner expected OPS, is FIN"),
        ("lane review", "lane auto", "payment.capture_overdue: lane expected auto, is review"),
        ("open since +24h", "open since +23h", "since expected +23h (Tue 3 Nov 09:00), is +1d (Tue 3 Nov 10:00)"),
        ("due +24h", "due +23h", "due expected +23h (Tue 3 Nov 09:00), is +1d (Tue 3 Nov 10:00)"),
        ("+30h resolved since +24h", "+30h nothing", "not expected: payment.capture_overdue resolved since +1d (Tue 3 Nov 10:00), low"),
        ("+23h nothing", "+23h open", "expected payment.capture_overdue open, and nothing was said"),
        ("+30h resolved", "+30h open", "status expected open, is resolved"),
        ("+30h resolved since +24h", "+30h resolved on line:A since +24h", "scope expected line:A, is the order"),
        ("+30h resolved since +24h", "+30h resolved since +24h episode 2", "episode expected 2, is 1"),
    ],
)
def test_a_difference_is_told_in_words(tmp_path: Path, old: str, new: str, words: str) -> None:
    """What was expected beside what is, at the line that expects it."""
    assert old in CAPTURED
    (found,) = differences(told(tmp_path, CAPTURED.replace(old, new)), POLICY)
    assert words in found.words
    assert new in (tmp_path / "stories.yaml").read_text().splitlines()[found.line - 1]


def test_a_story_without_a_kind_is_about_all(tmp_path: Path) -> None:
    """`nothing` then means nothing of any kind; a line may name its own."""
    text = CAPTURED.replace("  kind: payment.capture_overdue\n", "").replace("+30h payment.captured", "+60h payment.captured")
    text = text.replace("open since", "payment.capture_overdue open since").replace("+30h resolved since +24h", "+50h nothing")
    found = differences(told(tmp_path, text), POLICY)
    assert [difference.words.partition(" since")[0] for difference in found] == [
        "not expected: payment.capture_overdue suppressed",
        "not expected: order.pending_too_long open",
    ]
    named = text.replace("+50h nothing", "+50h payment.auth_missing nothing")
    assert differences(told(tmp_path, named), POLICY) == []


def test_instants_are_read_in_the_zone_of_the_story() -> None:
    """After its start, in its first week, or in its year."""
    times = Times(zone="Europe/Berlin")
    assert times.rfc3339("+0h") == "2026-11-02T09:00:00Z"
    assert times.rfc3339("+1d 2h") == times.rfc3339("+26h") == times.rfc3339("Tue 12:00") == times.rfc3339("11-03 12:00")
    assert times.words(times.read("+26h")) == "+1d 2h (Tue 3 Nov 12:00)"


def test_a_promise_in_the_short_form_becomes_the_contracts_words(tmp_path: Path) -> None:
    """Dates, instants, money and lines."""
    fields = "promised_by: 11-05, ship_by: +2d, total: 5 EUR, lines: [GIFT 1 2]"
    story = told(tmp_path, CAPTURED.replace("order.placed", f"order.placed {fields}", 1))
    data = story.lines[0]["data"]
    assert data == {
        "total": {"amount": "5", "currency": "EUR"},
        "ship_to": {"country": "IS"},
        "promised_by": "2026-11-05",
        "ship_by": "2026-11-04T10:00:00Z",
        "lines": [{"sku": "GIFT 1", "quantity": 2}],
    }


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("order.placed", "order.placd", ":4:1: [0].events: unknown event type 'order.placd' (did you mean \"order.placed\"?)"),
        ("order.placed", "order.placed totl: 5 EUR", ":4:1: [0].events: unknown field 'totl' of order.placed (did you mean \"total\"?)"),
        (
            "order.placed",
            "order.placed tier: vip",
            ":4:1: [0].events: unknown field 'tier' of order.placed (did you mean \"customer: {tier: ...}\"?)",
        ),
        ("order.placed", "order.placed {", ":4:1: [0].events: the fields '{' are not written"),
        ("order.placed", "order.placed lines: [A]", ":4:1: [0].events: 'A' is no line such as `GIFT-1 2`"),
        ("order.placed", "order.placed total: 5", ":4:1: events: no event of the contract: wrong_type"),
        ("+30h payment.captured", "30h payment.captured", ":6:1: [0].events: no event: '30h payment.captured'"),
        ("+30h payment.captured", "02-30 10:00 payment.captured", ":6:1: [0].events: '02-30 10:00' does not exist"),
        ("+30h payment.captured", "+30h scan deliverd", ":6:1: events: no event of the contract: unknown_status"),
        ("+23h nothing", "+23h nothng", ":8:1: [0].expect: no expectation: '+23h nothng'"),
        ("+23h nothing", "+23h nothing for o2", ":8:1: expect: no event of the story is of order 'o2'"),
        ("+23h nothing", "02-30 10:00 nothing", "names an instant that does not exist"),
        ("capture_overdue", "capture_overdu", ":1:1: kind: the policy has no kind 'payment.capture_overdu' (did you mean"),
        ("payment.capture_overdue", "custom.gift_late", "'custom.gift_late': a rule of your own is in the policy that --policy names"),
        ("  events", "  evnts", "[0].evnts: unknown key; known here: story,"),
        ("  events", "  zone: Berlin\n  events", "[0].zone: unknown time zone 'Berlin'"),
        ("  events", "  emits: [shippd]\n  events", "[0].emits: unknown milestone 'shippd'"),
        ("  events", "  start: tomorrow\n  events", "[0].start: 'tomorrow' is no start such as 2026-11-02 10:00"),
        ("- story: the money is taken late", "- story: [a]", "[0].story: `story` is required here, as a text"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """And with the nearest name."""
    assert old in CAPTURED
    assert any(problem in one for one in problems(tmp_path, CAPTURED.replace(old, new))), problems(tmp_path, CAPTURED.replace(old, new))


@pytest.mark.parametrize("text", ["", "story: x", "- x", "[", "- {story: a, events: ~, expect: b}"])
def test_what_is_no_file_of_stories_is_refused(tmp_path: Path, text: str) -> None:
    """An empty file tells none; anything else that is none is said."""
    assert problems(tmp_path, text)


def test_our_own_stories_are_run_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """They are written in the form that users write, and hold under the built-in policy."""
    assert cli.run(["policy", "test", str(FOLDER)]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == f"{len(lines)} stories: {len(lines)} passed, 0 failed"
    assert all(line.startswith("ok    ") for line in lines)


def test_what_fails_is_shown_below_its_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the instant, the line and the difference; the exit code is that of a failed run."""
    (tmp_path / "s.yaml").write_text(CAPTURED.replace("low", "high"))
    assert cli.run(["policy", "test", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        f"FAIL  {tmp_path}/s.yaml:1  the money is taken late",
        "      line 9, at +1d 1h (Tue 3 Nov 11:00):",
        "        payment.capture_overdue: severity expected high, is low",
        "1 story: 0 passed, 1 failed",
    ]
    assert captured.err == "orderwatch: 1 of 1 stories did not hold under the built-in policy\n"
