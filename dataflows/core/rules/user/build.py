"""The rules of the section `custom_rules`, and everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from dataflows.core.clocks.spans import ZERO
from dataflows.core.policy.crosscheck import circle_of
from dataflows.core.policy.entries import setting_faults, setting_stated
from dataflows.core.policy.setting import NORMAL, OF_ALL, SCOPES, RuleSetting, Shape
from dataflows.core.policy.values import Known
from dataflows.core.predicates import Part
from dataflows.core.rules.model import Rule
from dataflows.core.rules.user.doubts import warnings_about
from dataflows.core.rules.user.inputs import triggers_of
from dataflows.core.rules.user.judging import judge_of
from dataflows.core.rules.user.parse import AT_ONCE, SETTINGS, EntryReader
from dataflows.core.rules.user.terms import (
    Choice,
    DateName,
    Occurrence,
    OtherStatus,
    UserRule,
    Word,
    milestones_awaited,
    milestones_shown,
)
from schemas.learned import SCANS
from schemas.plain import Data
from schemas.tree import Fault, Tree

SECTION: Final = "custom_rules"
DOMAIN: Final = "custom"
MOST: Final = 200
"""Most entries of a policy: each costs at every event that it awaits."""
_NAME: Final = re.compile(r"[a-z][a-z_]{0,59}")
_TIMED: Final = frozenset(("clock", "grace", "steps", "feeds"))
_STEPPED: Final = frozenset(("clock", "steps", "feeds"))


def kinds_of(data: Data) -> dict[str, str]:
    """The kinds that the section states, each with its name there."""
    section = data.get(SECTION) if isinstance(data, dict) else None
    return {f"{DOMAIN}.{name}": name for name in section} if isinstance(section, dict) else {}


def user_rules(tree: Tree, known: Known) -> tuple[tuple[Rule, ...], list[Fault]]:
    """The rules that a file states, by kind, and what is wrong with them; those that are wrong are left out."""
    data = tree.data if isinstance(tree.data, dict) else {}
    section = data.get(SECTION)
    faults: list[Fault] = []
    if section is None:
        return (), faults
    if not isinstance(section, dict):
        return (), [tree.fault((SECTION,), "rules by name are expected here: `gift_late: {says: ..., form: overdue, ...}`")]
    if len(section) > MOST:
        faults.append(tree.fault((SECTION,), f"more than {MOST} rules"))
    rules: list[Rule] = []
    emits = _emits(data)
    for name, entry in sorted(section.items()):
        if not _NAME.fullmatch(name):
            message = f"{name!r} is no name of a rule: lower-case letters and _, at most 60, such as gift_wrap_late"
            faults.append(tree.fault((SECTION, name), message, key=True))
        elif not isinstance(entry, dict):
            faults.append(tree.fault((SECTION, name), "a rule is expected here: {says: ..., form: overdue, ...}"))
        else:
            rule, wrong = _rule(tree, name, entry, known, emits)
            faults += wrong
            if rule is not None:
                rules.append(rule)
    faults += _circles(tree, rules)
    return tuple(rules), faults


def _rule(tree: Tree, name: str, entry: Mapping[str, Data], known: Known, emits: frozenset[str] | None) -> tuple[Rule | None, list[Fault]]:
    path = (SECTION, name)
    reader = EntryReader(tree, path, entry)
    data = reader.rule()
    actions = reader.actions()
    stated = {key: entry[key] for key in SETTINGS if key in entry}
    faults = [*reader.faults, *setting_faults(tree, path, stated, known)]
    if data is not None and emits is not None:
        faults += _unheard(tree, name, data, emits)
    if data is None or faults:
        return None, faults
    faults += (tree.fault((*path, *where), message, warning=True) for where, message in warnings_about(data))
    kind = f"{DOMAIN}.{name}"
    setting = replace(
        setting_stated(kind, stated, known),
        threshold=reader.threshold or ZERO,
        steps=tuple(sorted(reader.steps, key=lambda step: step.at.n)),
    )
    return rule_of(kind, str(entry["says"]), data, setting, actions, entry), faults


def rule_of(
    kind: str, says: str, data: UserRule, setting: RuleSetting, actions: tuple[tuple[str, str], ...], entry: Mapping[str, Data]
) -> Rule:
    """A rule out of its data."""
    shape: Shape = "signal" if data.form in AT_ONCE else "timeout"
    ends = [_text(term, data) for term in (*data.until, *data.unless)]
    own = {"threshold"} if data.within is None and not data.cases and data.form != "reported" and not _tabled(data) else set[str]()
    return Rule(
        kind=kind,
        shape=shape,
        definition=says,
        clears=" or ".join(dict.fromkeys([*_natural_ends(data), *ends, _end(data)])),
        prevented_by=_prevented(data),
        source=f"{SECTION} of the policy",
        actions=actions,
        defaults=setting,
        judge=judge_of(data),
        triggers=triggers_of(data, setting),
        sited=any(date is not None and date.name.endswith(("ship_by", "expected_at")) for date in _dates(data)),
        settings=OF_ALL | (_TIMED if shape == "timeout" else _STEPPED) | own,
        choices={"owners": (*SCOPES, NORMAL)},
        stated=entry,
    )


def _dates(data: UserRule) -> Iterator[DateName | None]:
    """The dates that an entry names; a ship-by date ends at the midnight of its site."""
    yield data.since if isinstance(data.since, DateName) else None
    yield from (data.date, data.later_than, data.earlier_than)


def _tabled(data: UserRule) -> bool:
    return any(span is not None for _, span in data.states)


def _end(data: UserRule) -> str:
    return "the end of the shipment" if data.each in (Part.SHIPMENT, Part.PARCEL) else "the end of the order"


def _natural_ends(data: UserRule) -> list[str]:
    """What ends it besides what the entry names."""
    match data.form:
        case "silent":
            return ["the next event" if not data.source else f"the next {' or '.join(data.source)}"]
        case "lasting":
            return ["the next status"]
        case "apart":
            return ["a date that fits"]
        case _:
            return ["a moved date"] if isinstance(data.since, DateName) else []


def _text(term: Word | Occurrence | OtherStatus | DateName | Choice, data: UserRule) -> str:
    match term:
        case Word():
            return term.name.replace("_", " ") if term.part is data.each else f"the order's {term.name.replace('_', ' ')}"
        case Occurrence():
            return term.text
        case Choice():
            return " or ".join(word.name for word in term.words)
        case DateName():
            return term.name
        case OtherStatus():
            return "a scan with another status"


def _prevented(data: UserRule) -> str:
    if data.form == "overdue":
        return " or ".join(_text(term, data) for term in data.until) + ", in time"
    return {"silent": "an event in time", "lasting": "the next status, in time", "apart": "dates that fit"}.get(data.form, "")


def _emits(data: Mapping[str, Data]) -> frozenset[str] | None:
    """The milestones that the file says feeds emit; None where it lists none, so that they are learned, or cannot be read."""
    stated = data.get("emits")
    items = [stated] if isinstance(stated, str) else stated
    return frozenset(str(item) for item in items) if isinstance(items, list) else None


def _unheard(tree: Tree, name: str, data: UserRule, emits: frozenset[str]) -> Iterator[Fault]:
    """Terms that no feed tells of: whoever awaits one alone would wait for ever, and the rule would hold of every order."""
    needed = milestones_awaited(data) or milestones_shown(data)
    if needed and not (needed & emits or (needed & SCANS and "scans" in emits)):
        said = ", ".join(sorted(needed))
        message = f"no feed tells of it: `emits` does not have {said}, and every order would be late; add it to `emits` if a feed does"
        yield tree.fault((SECTION, name, "until"), message)


def _circles(tree: Tree, rules: list[Rule]) -> Iterator[Fault]:
    """Entries that suppress themselves or each other."""
    suppressors = {rule.kind: rule.defaults.suppressed_by for rule in rules}
    for rule in rules:
        circle = circle_of(rule.kind, suppressors)
        if circle is not None:
            own = len(circle) == 2
            message = "it cannot suppress itself" if own else f"rules suppress each other in a circle: {' <- '.join(circle)}"
            yield tree.fault((SECTION, rule.kind.partition(".")[2], "suppressed_by"), message)
