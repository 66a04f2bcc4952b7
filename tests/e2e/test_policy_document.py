"""POLICY.md as it is written: its first steps are run in a terminal's shell, each of its twelve recipes with its stories."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dataflows.core.policy import Dims
from dataflows.core.policy.form import PolicyForm
from dataflows.core.policy.setting import NAMES
from dataflows.core.policy.values import MILESTONES
from dataflows.core.rules.load import check_policy, load_policy
from tests.support.pages import Section, blocks, commands, followed, sections, told, written_out
from tests.support.terminal import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (ROOT / "dataflows/core/rules/POLICY.md").read_text(encoding="utf-8")
GUIDE, _, REST = TEXT.partition("\n# What a policy can say\n")
REFERENCE, _, RECIPES = REST.partition("\n# Twelve recipes\n")
ALL = sections(RECIPES)
NAMED = set(re.findall(r"`([a-z_]+)`", REFERENCE))


def test_the_twelve_are_there() -> None:
    """In their order, each with its policy and its stories."""
    assert [recipe.number for recipe in ALL] == list(range(1, 13))
    assert all(len(recipe.blocks) == 2 for recipe in ALL)


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: str(recipe.number))
def test_a_recipe_says_what_its_stories_tell(recipe: Section, tmp_path: Path) -> None:
    """The policy has neither mistakes nor warnings, some story shows something, and each holds."""
    _, stories = told(tmp_path, *recipe.blocks)
    assert any(expected.expectations for story in stories for expected in story.checkpoints)


def test_the_recipes_show_every_dimension() -> None:
    """Of overrides; what differs by tenant or country alone, or by the site, needs no recipe of its own."""
    when = {name for recipe in ALL for names in re.findall(r"when: \{([^}]*)\}", recipe.blocks[0]) for name in re.findall(r"(\w+):", names)}
    assert set(Dims._fields) - when == {"tenant", "site"}


def test_the_reference_names_everything() -> None:
    """Every section, setting, dimension and milestone."""
    known = {*PolicyForm.model_fields, *NAMES, *Dims._fields, *MILESTONES}
    assert known - NAMED == set()


def test_the_examples_of_the_reference_are_policies(tmp_path: Path) -> None:
    """Without mistakes; what they leave out is told at most."""
    for block in blocks(REFERENCE):
        path = tmp_path / "policy.yaml"
        path.write_text(block.body, encoding="utf-8")
        assert [problem for problem in check_policy(path) if not problem.warning] == []
        load_policy(path)


def test_the_first_steps_are_followed(tmp_path: Path) -> None:
    """Every command does what the page says, in its order."""
    folder, lines = written_out(tmp_path, GUIDE), commands(GUIDE)
    assert len(lines) == 9
    done = followed(folder, lines)
    for command, each in zip(lines, done, strict=True):
        assert each.returncode == 0, f"{command}\n{each.stdout}{each.stderr}"
    said = [each.stdout for each in done]
    assert said[0].startswith("ok: ours.yaml is policy 'ours'")
    assert not done[0].stderr, "warnings"
    assert said[1].splitlines()[-1] == "2 stories: 2 passed, 0 failed"
    assert "fulfilment.ship_overdue" in said[3]
    assert "{anchor: captured, threshold: 4 bh}  orders with service express (ours.yaml:21)" in said[4]
    assert said[7].endswith("its activation is appended to decisions.jsonl\n")
    assert "no records rejected" in said[8]
    shown = [block.body for block in blocks(GUIDE) if block.language == "text"]
    assert shown[0] in said[5]
    assert "FULF" in said[6]
    assert "DESK" in said[6]
