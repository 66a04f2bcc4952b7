"""The stories of requirements hold, and those that do not are listed with the reason."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from dataflows.cli.docs_stories import FOLDER, requirements_in, stories_in
from dataflows.core.rules.load import load_policy
from dataflows.detect.stories.check import problems_with
from dataflows.detect.stories.run import differences
from dataflows.detect.stories.story import Story

ROOT = Path(__file__).parents[2]
LISTED = requirements_in(ROOT)
STORIES = stories_in(ROOT)
POLICY = load_policy(None)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_a_story_holds_or_is_listed(story: Story) -> None:
    """What is listed as open does not hold: as soon as it does, it goes from the list."""
    assert list(problems_with(story, POLICY)) == []
    found = differences(story, POLICY)
    if story.title in LISTED.open:
        assert found, "it holds: take it out of `open` in requirements.json"
    else:
        assert not found, [f"{one.line}: {one.words}" for one in found]


def test_every_requirement_has_a_story() -> None:
    """S20 to S62, each with one at least."""
    assert list(LISTED.says) == [f"S{number}" for number in range(20, 63)]
    proved = {name for story in STORIES for name in story.requirements}
    assert [name for name in LISTED.says if name not in proved] == []


def test_every_story_names_its_requirement() -> None:
    """And has a title of its own, by which it can be listed."""
    assert [story.title for story in STORIES if not story.requirements] == []
    assert all(re.fullmatch(r"S\d+", name) for story in STORIES for name in story.requirements)
    assert [title for title, count in Counter(story.title for story in STORIES).items() if count > 1] == []
    assert LISTED.open.keys() <= {story.title for story in STORIES}
    assert LISTED.missing.keys() | LISTED.elsewhere.keys() <= LISTED.says.keys()


@pytest.mark.parametrize("named", [one for some in LISTED.elsewhere.values() for one in some])
def test_what_other_tests_prove_is_proved_by_tests_that_are_there(named: str) -> None:
    """Each names its file, and its test where it is about one."""
    what, _, where = named.partition(": ")
    path, _, test = where.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert what
    assert f"def {test}(" in text if test else "def test_" in text


def test_each_sort_of_expectation_is_used() -> None:
    """Exceptions, their absence, actions, their absence, refusals, messages, scores, pauses: also nothing at all."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / FOLDER).glob("*.yaml")))
    for words in (" open", " nothing", " action ", " no action", " rejected ", " no message", " before o", " automation {"):
        assert words in text
