"""USER-RULES.md as it is written: its ten minutes are run in a terminal's shell, and each of its twenty examples with its stories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pages import Section, blocks, commands, followed, sections, told, written_out
from tests.support.terminal import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (ROOT / "dataflows/core/rules/USER-RULES.md").read_text(encoding="utf-8")
GUIDE, _, REST = TEXT.partition("\n# What a rule can say\n")
EXAMPLES = sections(REST.partition("\n# Twenty examples\n")[2])
OVER_MANY_ORDERS = {12, 13, 20}


def test_the_twenty_are_there() -> None:
    """In their order; those over many orders say that they come later, all others have a policy and its stories."""
    assert [example.number for example in EXAMPLES] == list(range(1, 21))
    assert {example.number for example in EXAMPLES if not example.blocks} == OVER_MANY_ORDERS
    assert all(len(example.blocks) in (0, 2) for example in EXAMPLES)


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example.blocks], ids=lambda example: str(example.number))
def test_an_example_says_what_its_stories_tell(example: Section, tmp_path: Path) -> None:
    """The policy has no mistakes, each rule is raised in some story and each story holds."""
    policy, stories = told(tmp_path, *example.blocks)
    own = {rule.kind for rule in policy.rules if rule.stated is not None}
    raised = {one.kind for story in stories for expected in story.checkpoints for one in expected.expectations}
    assert own - raised <= {"custom.pack_slow", "custom.handover_slow"}, "rules of which no story tells"


def test_the_story_with_decisions_holds(tmp_path: Path) -> None:
    """As the page has it, under its own policy."""
    (block,) = blocks(REST.partition("\n## Stories\n")[2].partition("\n## ")[0])
    _, (story,) = told(tmp_path, "name: another\n", block.body)
    assert story.policy is not None
    assert story.about


def test_the_ten_minutes_are_followed(tmp_path: Path) -> None:
    """Every command does what the guide says, in its order."""
    folder, lines = written_out(tmp_path, GUIDE), commands(GUIDE)
    assert len(lines) == 4
    done = followed(folder, lines)
    for command, each in zip(lines, done, strict=True):
        assert each.returncode == 0, f"{command}\n{each.stdout}{each.stderr}"
    said = [each.stdout for each in done]
    assert said[0].startswith("ok: gifts.yaml is policy")
    assert said[1].splitlines()[-1] == "2 stories: 2 passed, 0 failed"
    assert "custom.gift_wrap_late" in said[3], "the rule finds nothing in the world that the guide makes"
    written = (folder / "gifts.yaml").read_text()
    (folder / "gifts.yaml").write_text(written.replace("24 h", "20 h"))
    [changed] = followed(folder, lines[1:2])
    assert (changed.returncode, changed.stdout.splitlines()[-1]) == (1, "2 stories: 1 passed, 1 failed")
