"""Reading policies: from a file, or the built-in defaults. It happens once, before the first event."""

from __future__ import annotations

from pathlib import Path

from dataflows.core.policy.build import build
from dataflows.core.policy.check import PolicyError, examine
from dataflows.core.policy.form import PolicyForm
from dataflows.core.policy.policy import Policy
from dataflows.core.rules import RULES
from dataflows.core.rules.model import Rule
from schemas.problems import Problem


def check_policy(path: Path, rules: tuple[Rule, ...] | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with a policy file, by line; empty if it can be used. `rules` defaults to all rules."""
    return examine(path, RULES if rules is None else rules)[1]


def load_policy(path: Path | None, rules: tuple[Rule, ...] | None = None) -> Policy:
    """The policy of a file, or the built-in defaults for None; `rules` defaults to all rules.

    Raises PolicyError, with all problems, if the file cannot be read or is wrong.
    """
    rules = RULES if rules is None else rules
    if path is None:
        return build(PolicyForm(), rules)
    form, problems = examine(path, rules)
    if form is None:
        raise PolicyError(problems)
    return build(form, rules)
