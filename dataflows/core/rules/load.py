"""Reading policies: from a file, or the built-in defaults. It happens once, before the first event."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from dataflows.core.policy.build import build
from dataflows.core.policy.check import PolicyError, examine_tree, known_in
from dataflows.core.policy.form import PolicyForm
from dataflows.core.policy.policy import Policy
from dataflows.core.rules import RULES
from dataflows.core.rules.guarding import guardrail_faults
from dataflows.core.rules.model import Rule
from dataflows.core.rules.user.build import kinds_of, user_rules
from schemas.problems import Problem, UnreadableError, problems_of, text_of
from schemas.tree import Tree, read


def check_policy(path: Path, rules: tuple[Rule, ...] | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with a policy file and what it is warned of, by line. `rules` defaults to all rules."""
    return _examine(path, RULES if rules is None else rules)[2]


class ReadPolicy(NamedTuple):
    """A policy with the form that its file states, and where in the file each of its values stands."""

    policy: Policy
    form: PolicyForm
    tree: Tree


def read_policy(path: Path | None) -> ReadPolicy:
    """A policy with its file, of which nothing is there for the built-in defaults. Raises PolicyError as `load_policy` does."""
    if path is None:
        return ReadPolicy(build(PolicyForm(), RULES), PolicyForm(), Tree())
    try:
        text = text_of(path)
    except UnreadableError as error:
        raise PolicyError((error.problem,)) from error
    return read_policy_text(text, str(path))


def read_policy_text(text: str, name: str) -> ReadPolicy:
    """The same of a text; `name` is what the problems call it."""
    form, rules, problems = _examine_text(text, name, RULES)
    if form is None:
        raise PolicyError(tuple(problem for problem in problems if not problem.warning))
    return ReadPolicy(build(form, rules), form, read(text))


def load_policy(path: Path | None, rules: tuple[Rule, ...] | None = None, tell: Callable[[Problem], None] | None = None) -> Policy:
    """The policy of a file with the rules that it states itself, or the built-in defaults for None; `rules` defaults to all rules.

    `tell` is told of every warning. Raises PolicyError, with all problems, if the file cannot be read or is wrong.
    """
    rules = RULES if rules is None else rules
    if path is None:
        return build(PolicyForm(), rules)
    form, rules, problems = _examine(path, rules)
    if form is None:
        raise PolicyError(tuple(problem for problem in problems if not problem.warning))
    if tell is not None:
        for problem in problems:
            tell(problem)
    return build(form, rules)


@lru_cache(maxsize=8)
def policy_of_text(text: str) -> Policy | Problem:
    """The policy of a text, or the first thing that is wrong with it. The shards of a process, which are all given the same, share it."""
    form, rules, problems = _examine_text(text, "policy", RULES)
    return build(form, rules) if form is not None else next(problem for problem in problems if not problem.warning)


def examined_text(text: str, name: str) -> tuple[Policy | None, tuple[Problem, ...]]:
    """The policy of a text, and everything that is wrong with it and what it is warned of; `name` is what the problems call it."""
    form, rules, problems = _examine_text(text, name, RULES)
    return (None if form is None else build(form, rules)), problems


def _examine(path: Path, rules: tuple[Rule, ...]) -> tuple[PolicyForm | None, tuple[Rule, ...], tuple[Problem, ...]]:
    """The form of a policy file and all its rules, by kind; None and all its problems, by line, if it has any."""
    try:
        text = text_of(path)
    except UnreadableError as error:
        return None, rules, (error.problem,)
    return _examine_text(text, str(path), rules)


def _examine_text(text: str, name: str, rules: tuple[Rule, ...]) -> tuple[PolicyForm | None, tuple[Rule, ...], tuple[Problem, ...]]:
    """The same of a text; `name` is what its problems call it."""
    tree = read(text)
    known = known_in(tree, rules, kinds_of(tree.data))
    own, wrong = user_rules(tree, known)
    every = tuple(sorted((*rules, *own), key=lambda rule: rule.kind)) if own else rules
    form, faults = examine_tree(tree, every, known)
    problems = problems_of(name, [*faults, *wrong, *guardrail_faults(tree)])
    return (form if all(problem.warning for problem in problems) else None), every, problems
