"""Checks a policy file and reports everything that is wrong with it at once, each with its place and what was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, ValidationError

from dataflows.core.policy import form as forms
from dataflows.core.policy.crosscheck import cross_faults
from dataflows.core.policy.values import WEEKDAYS, Known
from schemas.problems import Problem, nearest, problems_of
from schemas.tree import Fault, read

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from dataflows.core.rules.base import Rule
    from schemas.tree import Path as At
    from schemas.tree import Tree


class PolicyError(ValueError):
    """A policy cannot be used; `problems` says why, by line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def examine(path: Path, rules: tuple[Rule, ...]) -> tuple[forms.PolicyForm | None, tuple[Problem, ...]]:
    """The form of a policy file, or None and all its problems, by line."""
    try:
        # One byte more than allowed is enough to know that a file is too large.
        with path.open("rb") as file:
            text = file.read(1_048_576).decode()
    except OSError as error:
        return None, (Problem(str(path), 1, 1, "", f"cannot be read: {error.strerror or error}"),)
    except UnicodeDecodeError as error:
        return None, (Problem(str(path), 1, 1, "", f"is not UTF-8: {error.reason} at byte {error.start}"),)
    form, faults = examine_text(text, rules)
    return form, problems_of(str(path), faults)


def examine_text(text: str, rules: tuple[Rule, ...]) -> tuple[forms.PolicyForm | None, list[Fault]]:
    """The form that a YAML text states; None and what is wrong with it if anything is."""
    tree = read(text)
    faults = list(tree.faults)
    if tree.data is None and faults:
        return None, faults
    data = {} if tree.data is None else tree.data
    known = Known(frozenset(rule.kind for rule in rules), frozenset(_names(data, "calendars")))
    form: forms.PolicyForm | None = None
    try:
        form = forms.PolicyForm.model_validate(data, context=known)
    except ValidationError as error:
        # Where a repeated key was reported already, its value is not validated: the first one counts.
        faults.extend(_fault(tree, detail, known) for detail in error.errors(include_url=False))
    if isinstance(data, dict):
        faults.extend(cross_faults(tree, data, rules))
    return (None if faults else form), faults


def _names(data: object, section: str) -> Collection[str]:
    found = cast("dict[str, object]", data).get(section) if isinstance(data, dict) else None
    return cast("dict[str, object]", found) if isinstance(found, dict) else ()


def _fault(tree: Tree, detail: ErrorDetails, known: Known) -> Fault:
    path: At = detail["loc"]
    key = bool(path) and path[-1] == "[key]"
    if key:
        path = path[:-1]
    context: dict[str, object] = detail.get("ctx", {})
    match detail["type"]:
        case "policy":
            suggestion = context.get("suggestion")
            return tree.fault(path, str(context["message"]), None if suggestion is None else str(suggestion), key=key)
        case "extra_forbidden":
            allowed = _keys_at(path[:-1], known)
            hint = f"; known here: {', '.join(allowed)}" if len(allowed) <= 16 else ""
            return tree.fault(path, f"unknown key{hint}", nearest(str(path[-1]), allowed), key=True)
        case "missing":
            return tree.fault(path, f"`{path[-1]}` is required here")
        case "model_type" | "dict_type" | "model_attributes_type":
            return tree.fault(path, "a mapping (key: value) is expected here")
        case "tuple_type" | "list_type":
            return tree.fault(path, "a list is expected here")
        case _:
            return tree.fault(path, detail["msg"])


def _keys_at(path: At, known: Known) -> Collection[str]:
    """The keys that a mapping at this place of the file may have."""
    match path:
        case ():
            return _keys(forms.PolicyForm)
        case ("retention",):
            return _keys(forms.RetentionForm)
        case ("calendars", _):
            return _keys(forms.CalendarForm)
        case ("calendars", _, "hours"):
            return WEEKDAYS
        case ("feeds", _):
            return _keys(forms.FeedForm)
        case ("sites", _):
            return _keys(forms.SiteForm)
        case ("carriers", _):
            return _keys(forms.CarrierForm)
        case ("countries" | "tenants", _):
            return _keys(forms.PlaceForm)
        case ("overrides", _):
            return _keys(forms.OverrideForm)
        case ("overrides", _, "when"):
            return _keys(forms.WhenForm)
        case ("overrides", _, "rules", *rest):
            return _keys_at(("rules", *rest), known)
        case ("rules", _, "fallback"):
            return _keys(forms.FallbackForm)
        case ("rules", _, "steps", _):
            return _keys(forms.StepForm)
        case ("rules", _):
            return _keys(forms.SettingForm)
        case _:
            return known.kinds


def _keys(form: type[BaseModel]) -> tuple[str, ...]:
    return tuple(form.model_fields)
