"""What is wrong with the teams and ladders of a policy file: who is called must be known, and every rung must go out some day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dataflows.core.clocks.openings import open_together
from dataflows.core.policy.build import build
from dataflows.core.policy.form import LadderForm, PolicyForm, change_of
from dataflows.core.policy.policy import Policy
from dataflows.core.policy.setting import Change, Described
from schemas.problems import nearest
from schemas.tree import Fault, Path, Tree

USUAL: Final = "default"
"""The ladder of rules that name none; a policy need not have it."""
_SOME_DAY: Final = 1_767_225_600 * 1_000_000
"""2026-01-01: whether a window ever opens does not hang on when one begins to wait."""


def ladder_faults(tree: Tree, form: PolicyForm, rules: Sequence[Described]) -> Iterator[Fault]:
    """Everything wrong with ladders, and with the teams that they and rules name."""
    stated: list[tuple[Path, str, Change]] = [(("rules",), kind, change_of(setting)) for kind, setting in form.rules.items()]
    for i, override in enumerate(form.overrides):
        stated += [(("overrides", i, "rules"), kind, change_of(setting)) for kind, setting in override.rules.items()]
    own = {rule.defaults.owner for rule in rules} | {team for rule in rules for team in rule.defaults.owners.values()}
    known = own | set(form.teams)
    for path, kind, change in stated:
        name = change.get("ladder")
        if isinstance(name, str) and name != USUAL and name not in form.ladders:
            message = f"unknown ladder {name!r}; known: {', '.join(sorted(form.ladders)) or 'none: state it under `ladders`'}"
            yield tree.fault((*path, kind, "ladder"), message, nearest(name, form.ladders))
        for place, team in _named(change):
            # Where no team is listed, whoever is named as an owner is one.
            if not form.teams:
                known.add(team)
            elif team not in known:
                yield tree.fault((*path, kind, *place), _unknown(team, known), nearest(team, known))
    yield from _of_actions(tree, form)
    if form.ladders:
        policy = build(form, tuple(rules))
        for name, ladder in form.ladders.items():
            yield from _ladder(tree, ("ladders", name), ladder, policy, known)


def _of_actions(tree: Tree, form: PolicyForm) -> Iterator[Fault]:
    """What is wrong with how an approval that is overdue escalates."""
    actions = form.actions
    if actions.ladder != USUAL and actions.ladder not in form.ladders:
        message = f"unknown ladder {actions.ladder!r}; known: {', '.join(sorted(form.ladders)) or 'none: state it under `ladders`'}"
        yield tree.fault(("actions", "ladder"), message, nearest(actions.ladder, form.ladders))
    if actions.approve_within is not None and actions.approve_within.n >= actions.approval_timeout.n:
        message = f"{actions.approve_within} is not before the action expires ({actions.approval_timeout}): it would never escalate"
        yield tree.fault(("actions", "approve_within"), message)


def _named(change: Change) -> Iterator[tuple[Path, str]]:
    """The teams that a setting names, each with its place."""
    if "owner" in change:
        yield ("owner",), change["owner"]
    for name, team in change.get("owners", {}).items():
        yield ("owners", name), team


def _unknown(team: str, known: Iterable[str]) -> str:
    return f"unknown team {team!r}; known: {', '.join(sorted(known))}"


def _ladder(tree: Tree, path: Path, form: LadderForm, policy: Policy, known: set[str]) -> Iterator[Fault]:
    ladder = policy.ladders[str(path[-1])]
    if not ladder.steps:
        yield tree.fault((*path, "steps"), "a ladder needs a rung")
    if ladder.repeat and not any(step.wait.n for step in ladder.steps):
        message = "its rungs would all go out at once, again and again: state a `wait`"
        yield tree.fault((*path, "repeat"), message, key=True)
    for i, (step, rung) in enumerate(zip(ladder.steps, form.steps, strict=True)):
        place = (*path, "steps", i)
        if step.wait.n < 0:
            yield tree.fault((*place, "wait"), f"{step.wait} would be before the rung before it")
        if rung.team is not None and rung.team not in known:
            yield tree.fault((*place, "team"), _unknown(rung.team, known), nearest(rung.team, known))
        elif rung.hours == ():
            yield tree.fault((*place, "hours"), "this window never opens")
        elif open_together(_SOME_DAY, policy.windows(step, step.team, None)) is None:
            yield tree.fault(place, f"this window never opens while {step.team or 'the team'} works")
