"""Checks a policy file and reports everything that is wrong with it at once, each with its place and what was probably meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import cast

from pydantic import BaseModel, ValidationError

from dataflows.core.policy import form as forms
from dataflows.core.policy import form_handling as handling
from dataflows.core.policy import form_messages as messages
from dataflows.core.policy.build import priority_stated
from dataflows.core.policy.crosscheck import cross_faults
from dataflows.core.policy.ladders import ladder_faults
from dataflows.core.policy.reach import idle_faults
from dataflows.core.policy.setting import NAMES, SEVERITIES, Described, Fallback, Step
from dataflows.core.policy.settled import settled_faults
from dataflows.core.policy.values import WEEKDAYS, Known
from schemas.problems import Problem, fault_of
from schemas.tree import Fault, Tree, read
from schemas.tree import Path as At


class PolicyError(ValueError):
    """A policy cannot be used; `problems` says why, by line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def examine_text(text: str, rules: tuple[Described, ...]) -> tuple[forms.PolicyForm | None, list[Fault]]:
    """The form that a YAML text states; None and what is wrong with it if anything is."""
    tree = read(text)
    return examine_tree(tree, rules, known_in(tree, rules))


def known_in(tree: Tree, rules: tuple[Described, ...], kinds: Iterable[str] = ()) -> Known:
    """The names that a file may use: the kinds of these rules, further ones that it states itself, and its calendars."""
    return Known(frozenset((*(rule.kind for rule in rules), *kinds)), frozenset(_names(tree.data, "calendars")))


def examine_tree(tree: Tree, rules: tuple[Described, ...], known: Known) -> tuple[forms.PolicyForm | None, list[Fault]]:
    """The form of a file that has been read; None and what is wrong with it if anything is."""
    faults = list(tree.faults)
    if tree.data is None and faults:
        return None, faults
    data = {} if tree.data is None else tree.data
    form: forms.PolicyForm | None = None
    try:
        form = forms.PolicyForm.model_validate(data, context=known)
    except ValidationError as error:
        # Where a repeated key was reported already, its value is not validated: the first one counts.
        faults.extend(fault_of(tree, detail, lambda at: _keys_at(at, known)) for detail in error.errors(include_url=False))
    if isinstance(data, dict):
        faults.extend(cross_faults(tree, data, rules))
    if form is not None and not faults:
        faults.extend(settled_faults(tree, form, rules))
        faults.extend(idle_faults(tree, form, rules))
        faults.extend(ladder_faults(tree, form, rules))
        faults.extend(_equal_scores(tree, form))
    return (form if all(fault.warning for fault in faults) else None), faults


def _equal_scores(tree: Tree, form: forms.PolicyForm) -> Iterator[Fault]:
    """Weights by which all exceptions of a severity have the same score."""
    if form.priority.model_fields_set and not priority_stated(form.priority).tells_apart:
        message = "all exceptions of a severity would have the same score: weigh breach, time_left, lateness, value or tiers"
        yield tree.fault(("priority",), message, key=True, warning=True)


def _names(data: object, section: str) -> Collection[str]:
    found = cast("dict[str, object]", data).get(section) if isinstance(data, dict) else None
    return cast("dict[str, object]", found) if isinstance(found, dict) else ()


def _keys_at(path: At, known: Known) -> Collection[str]:
    """The keys that a mapping at this place of the file may have."""
    within = path[2:] if len(path) > 3 and path[0] == "overrides" and path[2] == "rules" else path
    for place, keys in KEYS:
        if len(place) == len(within) and all(wanted in (ANY, at) for wanted, at in zip(place, within, strict=True)):
            return keys
    return known.kinds


def _keys(form: type[BaseModel]) -> tuple[str, ...]:
    return tuple(form.model_fields)


ANY = "*"
KEYS: tuple[tuple[tuple[str, ...], Collection[str]], ...] = (
    ((), _keys(forms.PolicyForm)),
    (("retention",), _keys(forms.RetentionForm)),
    (("identifiers",), _keys(forms.IdentifiersForm)),
    (("backfill",), _keys(forms.BackfillForm)),
    (("pace",), _keys(forms.PaceForm)),
    (("calendars", ANY), _keys(forms.CalendarForm)),
    (("calendars", ANY, "hours"), WEEKDAYS),
    (("actions",), _keys(handling.ActionsForm)),
    (("actions", "budgets", ANY), _keys(handling.BudgetForm)),
    (("priority",), _keys(handling.PriorityForm)),
    (("priority", "severity"), SEVERITIES),
    (("guardrails", ANY), _keys(handling.GuardrailForm)),
    (("messages",), _keys(messages.MessagesForm)),
    (("messages", "cap"), _keys(messages.CapForm)),
    (("feeds", ANY), _keys(forms.FeedForm)),
    (("ladders", ANY), _keys(forms.LadderForm)),
    (("ladders", ANY, "steps", ANY), _keys(forms.RungForm)),
    (("sites", ANY), _keys(forms.SiteForm)),
    (("carriers", ANY), _keys(forms.CarrierForm)),
    *(((places, ANY), _keys(forms.PlaceForm)) for places in ("countries", "tenants", "teams")),
    (("overrides", ANY), _keys(forms.OverrideForm)),
    (("overrides", ANY, "when"), _keys(forms.WhenForm)),
    (("rules", ANY), NAMES),
    (("rules", ANY, "acknowledge"), SEVERITIES),
    (("rules", ANY, "resolve"), SEVERITIES),
    (("rules", ANY, "fallback"), tuple(Fallback.__slots__)),
    (("rules", ANY, "steps", ANY), tuple(Step.__slots__)),
)
"""Which keys a mapping may have, by its place in a policy; in `overrides` rules have theirs as anywhere. Elsewhere kinds stand."""
