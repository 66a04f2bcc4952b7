"""Pages for people, as their tests read them: their blocks, and a folder in which a reader would follow them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from dataflows.core.rules.load import check_policy, load_policy
from dataflows.detect.stories.check import problems_with
from dataflows.detect.stories.run import differences
from dataflows.detect.stories.story import stories_of
from tests.support.terminal import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dataflows.core.policy import Policy
    from dataflows.detect.stories.story import Story

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A block of a page: its language ("" of commands) and its text."""

    language: str
    body: str


class Section(NamedTuple):
    """A numbered section, and the texts of its blocks."""

    number: int
    blocks: list[str]


def blocks(text: str) -> list[Block]:
    """The blocks of a page, in order."""
    return [Block(language, body) for language, body in _BLOCK.findall(text)]


def sections(text: str) -> list[Section]:
    """The sections whose headings are numbered."""
    parts = re.split(r"^## (\d+)\. ", text, flags=re.MULTILINE)[1:]
    return [Section(int(number), [block.body for block in blocks(part)]) for number, part in zip(parts[::2], parts[1::2], strict=True)]


def told(folder: Path, policy_text: str, stories_text: str) -> tuple[Policy, list[Story]]:
    """A policy and its stories as a page has them, each of which holds; both are without mistakes and warnings."""
    policy_file, stories_file = folder / "policy.yaml", folder / "stories.yaml"
    policy_file.write_text(policy_text, encoding="utf-8")
    stories_file.write_text(stories_text, encoding="utf-8")
    assert check_policy(policy_file) == ()
    policy = load_policy(policy_file)
    stories, problems = stories_of(stories_file)
    assert problems == ()
    assert stories
    for story in stories:
        assert list(problems_with(story, policy)) == []
        assert differences(story, policy) == [], story.title
    return policy, list(stories)


def written_out(folder: Path, text: str) -> Path:
    """The folder with the files that a page has its reader write, each of which names itself, and `orderwatch` on the path."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "orderwatch"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m dataflows.cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for block in blocks(text):
        if block.language == "yaml":
            (folder / block.body.splitlines()[0].removeprefix("# ")).write_text(block.body, encoding="utf-8")
    return folder


def commands(text: str) -> list[str]:
    """The command lines of a page."""
    return [line for block in blocks(text) if not block.language for line in block.body.splitlines()]


def followed(folder: Path, lines: Iterable[str]) -> list[subprocess.CompletedProcess[str]]:
    """What each command said, in a terminal's shell."""
    environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return [
        subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, cwd=folder, env=environment) for line in lines
    ]
