"""USER-RULES.md as it is written: its ten minutes are run in a terminal's shell, and each of its twenty examples with its stories."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dataflows.core.rules.load import check_policy, load_policy
from dataflows.detect.stories.check import problems_with
from dataflows.detect.stories.run import differences
from dataflows.detect.stories.story import stories_of
from tests.support.terminal import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (ROOT / "dataflows/core/rules/USER-RULES.md").read_text(encoding="utf-8")
GUIDE, _, REST = TEXT.partition("\n# What a rule can say\n")
EXAMPLES = REST.partition("\n# Twenty examples\n")[2]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OVER_MANY_ORDERS = {12, 13, 20}


class Example(NamedTuple):
    """One of the twenty; of those that come later there are no blocks."""

    number: int
    blocks: list[str]


def examples() -> list[Example]:
    """All of them."""
    parts = re.split(r"^## (\d+)\. ", EXAMPLES, flags=re.MULTILINE)[1:]
    return [Example(int(number), [body for _, body in BLOCK.findall(part)]) for number, part in zip(parts[::2], parts[1::2], strict=True)]


def test_the_twenty_are_there() -> None:
    """In their order; those over many orders say that they come later, all others have a policy and its stories."""
    found = examples()
    assert [example.number for example in found] == list(range(1, 21))
    assert {example.number for example in found if not example.blocks} == OVER_MANY_ORDERS
    assert all(len(example.blocks) in (0, 2) for example in found)


@pytest.mark.parametrize("example", [example for example in examples() if example.blocks], ids=lambda example: str(example.number))
def test_an_example_says_what_its_stories_tell(example: Example, tmp_path: Path) -> None:
    """The policy has no mistakes, each rule is raised in some story and each story holds."""
    policy_file, stories_file = tmp_path / "policy.yaml", tmp_path / "stories.yaml"
    policy_file.write_text(example.blocks[0])
    stories_file.write_text(example.blocks[1])
    assert check_policy(policy_file) == ()
    policy = load_policy(policy_file)
    stories, problems = stories_of(stories_file)
    assert problems == ()
    assert stories
    for story in stories:
        assert list(problems_with(story, policy)) == []
        assert differences(story, policy) == [], story.title
    own = {rule.kind for rule in policy.rules if rule.stated is not None}
    raised = {one.kind for story in stories for expected in story.checkpoints for one in expected.expectations}
    assert own - raised <= {"custom.pack_slow", "custom.handover_slow"}, "rules of which no story tells"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `orderwatch` on the path and the files that the guide has its reader write."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "orderwatch"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m dataflows.cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for language, body in BLOCK.findall(GUIDE):
        if language == "yaml":
            name = body.splitlines()[0].removeprefix("# ")
            (tmp_path / name).write_text(body, encoding="utf-8")
    return tmp_path


def test_the_ten_minutes_are_followed(folder: Path) -> None:
    """Every command does what the guide says, in its order."""
    environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    said: list[str] = []
    commands = [line for language, body in BLOCK.findall(GUIDE) if not language for line in body.splitlines()]
    assert len(commands) == 4
    for command in commands:
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=folder, env=environment)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        said.append(done.stdout)
    assert said[0].startswith("ok: gifts.yaml is policy")
    assert said[1].splitlines()[-1] == "2 stories: 2 passed, 0 failed"
    assert "custom.gift_wrap_late" in said[3], "the rule finds nothing in the world that the guide makes"
    written = (folder / "gifts.yaml").read_text()
    (folder / "gifts.yaml").write_text(written.replace("24 h", "20 h"))
    changed = subprocess.run(["bash", "-c", commands[1]], capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert (changed.returncode, changed.stdout.splitlines()[-1]) == (1, "2 stories: 1 passed, 1 failed")
