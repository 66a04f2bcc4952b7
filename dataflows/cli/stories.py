"""`orderwatch policy test`: runs stories under a policy and says of each whether it holds, and if not, what is otherwise."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.errors import MisuseError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dataflows.core.policy import Policy
    from dataflows.detect.stories.run import Difference
    from dataflows.detect.stories.story import Story

NARROWEST = 40


def run_stories(
    stories: Annotated[list[Path], typer.Argument(help="Files of stories, or folders of them (*.yaml, *.yml).", metavar="STORIES...")],
    policy: Annotated[Path | None, typer.Option("--policy", help="The policy; the built-in defaults if absent.", metavar="POLICY")] = None,
) -> None:
    """Run stories: short histories with what must be said of them, and when."""
    from dataflows.core.policy.check import PolicyError
    from dataflows.core.rules.load import load_policy
    from dataflows.detect.stories.run import differences

    files = _files(stories)
    try:
        chosen = load_policy(policy)
    except PolicyError as error:
        raise MisuseError(*(str(problem) for problem in error.problems)) from None
    every = _read(files, chosen)
    failed = 0
    for story in every:
        found = differences(story, chosen)
        failed += bool(found)
        for line in _lines(story, found):
            typer.echo(line)
    number = len(every)
    typer.echo(f"{number} {'story' if number == 1 else 'stories'}: {number - failed} passed, {failed} failed")
    if failed:
        raise RunError(f"{failed} of {number} stories did not hold under {policy or 'the built-in policy'}")


def _files(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    problems: list[str] = []
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if each.suffix in (".yaml", ".yml")) if path.is_dir() else [path]
        if not inside:
            problems.append(f"{path}: no file of stories (*.yaml, *.yml) in this folder")
        for each in inside:
            if each in found:
                problems.append(f"{each}: given twice")
            found[each] = None
    if problems:
        raise MisuseError(*problems)
    return list(found)


def _read(files: Sequence[Path], policy: Policy) -> list[Story]:
    """All stories; raises MisuseError with everything that is wrong with them."""
    from dataflows.detect.stories.check import problems_with
    from dataflows.detect.stories.story import stories_of

    stories: list[Story] = []
    problems: list[str] = []
    for path in files:
        found, wrong = stories_of(path)
        problems += [str(problem) for problem in wrong]
        for story in found:
            problems += [str(problem) for problem in problems_with(story, policy)]
        stories += found
    if problems:
        raise MisuseError(*problems)
    if not stories:
        raise MisuseError("no story in " + ", ".join(map(str, files)))
    return stories


def _lines(story: Story, found: Sequence[Difference]) -> Iterator[str]:
    yield from _wrapped(f"{'FAIL' if found else 'ok'}    "[:6] + f"{story.file}:{story.line}  {story.title}", 6)
    place = ("", 0)
    for difference in found:
        if (difference.as_of, difference.line) != place:
            place = (difference.as_of, difference.line)
            yield from _wrapped(f"      line {difference.line}, at {story.times.words_of(difference.as_of)}:", 6)
        yield from _wrapped(f"        {difference.words}", 10)


def _wrapped(text: str, indent: int) -> list[str]:
    """The text as a terminal shows it whole; where output is not shown but passed on, one line."""
    if not sys.stdout.isatty():
        return [text]
    width = max(shutil.get_terminal_size().columns - 1, NARROWEST)
    return textwrap.wrap(text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
