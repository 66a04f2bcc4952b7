"""The settings that an entry of `custom_rules` states, read and checked as those under `rules` are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from dataflows.core.policy.form import SettingForm, change_of
from dataflows.core.policy.setting import RuleSetting, changed
from dataflows.core.policy.values import Known
from schemas.plain import Data
from schemas.problems import fault_of
from schemas.tree import Fault, Path, Tree


def setting_faults(tree: Tree, path: Path, stated: Mapping[str, Data], known: Known) -> Iterator[Fault]:
    """What is wrong with settings that stand at a place of the file."""
    try:
        SettingForm.model_validate(dict(stated), context=known)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            yield fault_of(tree, {**detail, "loc": (*path, *detail["loc"])}, lambda _: ())


def setting_stated(kind: str, stated: Mapping[str, Data], known: Known) -> RuleSetting:
    """The setting that an entry without faults states."""
    form = SettingForm.model_validate(dict(stated), context=known)
    return changed(RuleSetting(kind=kind), change_of(form))
