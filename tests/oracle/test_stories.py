"""The stories of `stories/*.yaml`, which say in examples what each kind means, against the judge and against the engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataflows.core.policy.model import Place
from dataflows.core.rules.load import load_policy
from tests.oracle.judge import Verdict, judge
from tests.oracle.judging.reading import instant
from tests.oracle.judging.settings import DEFAULTS, LISTED, Policy, Site
from tests.support.engine import records_of, run, standing
from tests.support.stories import Expected, Story, stories

STORIES = stories()


def policy_of(story: Story) -> Policy:
    """The built-in policy with what the story adds to it."""
    sites = {name: Site(site.get("country"), site.get("zone")) for name, site in story.sites.items()}
    return Policy(emits=LISTED | set(story.emits), sites=sites)


def told(verdicts: list[Verdict], story: Story, checkpoint: Expected) -> list[tuple[object, ...]]:
    """The verdicts that the checkpoint is about, reduced to what it says of them."""
    wanted = {(one.order, one.scope, one.episode): one for one in checkpoint.expectations}
    found: list[tuple[object, ...]] = []
    for verdict in verdicts:
        if verdict.kind == story.kind and verdict.order in checkpoint.orders:
            expected = wanted.get((verdict.order, verdict.scope, verdict.episode))
            due = verdict.due if expected and expected.due else None
            severity = verdict.severity if expected and expected.severity else None
            found.append((verdict.order, verdict.status, verdict.scope or "", verdict.start, due, severity, verdict.episode))
    return sorted(found, key=str)


def expected(checkpoint: Expected) -> list[tuple[object, ...]]:
    """What the checkpoint says, in the form of `told`."""
    found: list[tuple[object, ...]] = []
    for one in checkpoint.expectations:
        assert one.start is not None, f"as of {checkpoint.as_of}: our own stories say since when"
        due = instant(one.due) if one.due else None
        found.append((one.order, one.status, one.scope or "", instant(one.start), due, one.severity, one.episode))
    return sorted(found, key=str)


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_judge_tells_the_story(story: Story) -> None:
    """The judge says at each instant of the story exactly what was written by hand from the catalogue."""
    for checkpoint in story.checkpoints:
        verdicts = judge(story.lines, policy_of(story), instant(checkpoint.as_of))
        assert told(verdicts, story, checkpoint) == expected(checkpoint), f"as of {checkpoint.as_of}"


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_engine_tells_the_story(story: Story) -> None:
    """The engine says at each instant of the story exactly what was written by hand from the catalogue."""
    policy = load_policy(None)
    policy = replace(
        policy,
        emits=LISTED | set(story.emits),
        learns=False,
        sites={name: Place(site.get("country"), site.get("zone")) for name, site in story.sites.items()},
    )
    for checkpoint in story.checkpoints:
        outs = run(records_of(story.lines), policy, instant(checkpoint.as_of))
        found = [(one.order, one.kind, one.scope, one.episode, one.status, one.severity, one.due) for one in standing(outs)]
        verdicts = judge(story.lines, policy_of(story), instant(checkpoint.as_of))
        judged = [(one.order, one.kind, one.scope, one.episode, one.status, one.severity, one.due) for one in verdicts]
        assert sorted(found, key=str) == sorted(judged, key=str), f"as of {checkpoint.as_of}"


@pytest.mark.parametrize("kind", sorted(DEFAULTS.keys() - {"data.rule_failed"}))  # that one is about the program, not about a history
def test_every_kind_has_stories_of_both_outcomes(kind: str) -> None:
    """Each kind is told at least twice: where it holds, and where by an inch it does not."""
    of_kind = [story for story in STORIES if story.kind == kind]
    assert len(of_kind) >= 2
    assert any(checkpoint.expectations for story in of_kind for checkpoint in story.checkpoints)
    assert any(all(not one.expectations for one in story.checkpoints) or not story.checkpoints[-1].expectations for story in of_kind)
