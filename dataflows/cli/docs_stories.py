"""The table of requirements: what each asks for, the stories that prove it, and what no story proves. The stories are run for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias, cast

from dataflows.core.policy import Policy
from dataflows.core.rules.load import load_policy
from dataflows.detect.stories.run import differences
from dataflows.detect.stories.story import Story, stories_of

Row: TypeAlias = tuple[str, ...]
Table: TypeAlias = Callable[[Row, Iterable[Row]], str]
FOLDER = "tests/stories"
OF_RULES = "tests/oracle/stories"
LIST = f"{FOLDER}/requirements.json"


class Requirements(NamedTuple):
    """Requirements in short, what nothing proves of them, what other tests than stories do, and stories that do not hold with the reason.

    What a test proves is written as `what: FILE` or `what: FILE::TEST`.
    """

    says: Mapping[str, str]
    missing: Mapping[str, list[str]]
    elsewhere: Mapping[str, list[str]]
    open: Mapping[str, str]


class ProvedStory(NamedTuple):
    """A story of a requirement: where it stands, and why it proves nothing yet (empty: it holds)."""

    file: str
    title: str
    requirements: tuple[str, ...]
    why_not: str


def requirements_in(root: Path) -> Requirements:
    """The list beside the stories."""
    found: dict[str, object] = json.loads((root / LIST).read_text(encoding="utf-8"))
    missing, elsewhere = (cast("dict[str, list[str]]", found[name]) for name in ("missing", "elsewhere"))
    return Requirements(cast("dict[str, str]", found["says"]), missing, elsewhere, cast("dict[str, str]", found["open"]))


def stories_in(root: Path) -> list[Story]:
    """The stories of requirements, and those of rules that name one."""
    found: list[Story] = []
    for path in [*sorted((root / FOLDER).glob("*.yaml")), *sorted((root / OF_RULES).glob("*.yaml"))]:
        stories, problems = stories_of(path)
        if problems:
            raise ValueError(str(problems[0]))
        found += [story for story in stories if story.requirements or path.parent == root / FOLDER]
    return found


def requirements(table: Table, root: Path) -> str:
    """The table."""
    listed, policy = requirements_in(root), load_policy(None)
    proved = [_proved(story, policy, listed) for story in stories_in(root)]
    rows: list[Row] = []
    for name, says in listed.says.items():
        about = [story for story in proved if name in story.requirements]
        holds = "; ".join(f"{story.title} ({story.file})" for story in about if not story.why_not)
        gaps = [f"**{story.title}** ({story.file}): {story.why_not}" for story in about if story.why_not]
        others = "; ".join(listed.elsewhere.get(name, ()))
        rows.append((name, says, holds or "none", others, "; ".join((*gaps, *listed.missing.get(name, ())))))
    held = sum(not story.why_not for story in proved)
    head = f"{len(proved)} stories, {held} of them hold. Beside what is not proved stands why.\n\n"
    return head + table(("", "asks for", "stories that hold", "proved by other tests", "not proved"), rows)


def _proved(story: Story, policy: Policy, listed: Requirements) -> ProvedStory:
    found = differences(story, policy)
    why = listed.open.get(story.title, "does not hold") if found else ""
    return ProvedStory(Path(story.file).name, story.title, story.requirements, why)
