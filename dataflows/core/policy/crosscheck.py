"""What only shows when the parts of a policy file are seen together.

Rules that suppress each other, fields that a rule does not have, overrides that can never count. It works on the raw data, so that a
mistake elsewhere hides none of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, cast

from dataflows.core.policy.model import Dims
from dataflows.core.policy.setting import NAMES, OF_ALL, Described, RuleSetting
from schemas.plain import Data
from schemas.problems import nearest
from schemas.tree import Fault, Path, Tree

_OF_ALL_RULES: Final = OF_ALL | {"threshold", "clock", "grace", "feeds", "steps"}
"""What may be set for all rules at once; a rule on which it has no effect is not meant."""
_OFF: Final = frozenset(("off", "false", "no"))
_NOTHING: Final = re.compile(r"-?0+ ?(s|m|h|d|w|bd|bh)")


def cross_faults(tree: Tree, data: Mapping[str, Data], rules: tuple[Described, ...]) -> Iterator[Fault]:
    """Everything wrong between the parts of a file."""
    by_kind = {rule.kind: rule for rule in rules}
    base = _settings(data.get("rules"))
    overrides = [_mapping(item) for item in _items(data.get("overrides"))]
    yield from _inapplicable(tree, ("rules",), base, by_kind)
    suppressors = {rule.kind: _suppressors(rule, base, {}) for rule in rules}
    yield from _circles(tree, ("rules",), base, suppressors)
    for i, override in enumerate(overrides):
        path: Path = ("overrides", i, "rules")
        settings = _settings(override.get("rules"))
        yield from _inapplicable(tree, path, settings, by_kind)
        yield from _circles(tree, path, settings, {rule.kind: _suppressors(rule, base, settings) for rule in rules})
        yield from _idle(tree, ("overrides", i), override, settings)
    yield from _shadowed(tree, overrides)
    yield from _feedless(tree, data, rules, base, overrides)
    yield from _never_on(tree, base, overrides)


def _inapplicable(tree: Tree, path: Path, settings: dict[str, dict[str, Data]], by_kind: Mapping[str, Described]) -> Iterator[Fault]:
    """Settings that would have no effect, and anchors that a rule does not know."""
    for kind, setting in settings.items():
        rule = by_kind.get(kind)
        for name in setting:
            if name not in NAMES:
                continue  # the grammar refuses it
            if kind == "*" and name not in _OF_ALL_RULES:
                yield tree.fault((*path, kind, name), f"`{name}` belongs to single rules, not to all of them", key=True)
            elif rule is not None and name not in rule.settings and not _is_nothing(setting[name]):
                yield tree.fault((*path, kind, name), f"{kind} has no `{name}`{_why(rule, name)}", key=True)
        for name, known in rule.choices.items() if rule is not None else ():
            stated = setting.get(name)
            for value in stated if isinstance(stated, dict) else [stated] if isinstance(stated, str) else _items(stated):
                if isinstance(value, str) and value not in known and value.lower() not in _OFF:
                    message = f"{kind} knows no {value!r} here; known: {', '.join(known)}"
                    yield tree.fault((*path, kind, name), message, nearest(value, known))
        anchor = setting.get("anchor")
        if rule is not None and isinstance(anchor, str) and _anchors(rule) and anchor not in _anchors(rule):
            near = nearest(anchor, _anchors(rule))
            yield tree.fault((*path, kind, "anchor"), f"unknown anchor {anchor!r}; {kind} knows: {', '.join(_anchors(rule))}", near)


def _why(rule: Described, name: str) -> str:
    if name not in ("threshold", "grace") or "threshold" in rule.settings:
        return ""
    if name == "threshold" and "grace" in rule.settings:
        return f": what it reports is raised after its `grace` ({rule.defaults.grace})"
    return ": what it reports is raised at once" + (f"; its span is `margin` ({rule.defaults.margin})" if "margin" in rule.settings else "")


def _anchors(rule: Described) -> tuple[str, ...]:
    fixed = (rule.defaults.anchor,) if rule.defaults.anchor is not None else ()
    return tuple(dict.fromkeys((*fixed, *rule.anchors)))


def _is_nothing(value: Data) -> bool:
    """Whether a setting states what a rule without it does: to remove what is not there does no harm."""
    if isinstance(value, str):
        return value.lower() in {*_OFF, "none"} or _NOTHING.fullmatch(value) is not None or value == RuleSetting(kind="").clock
    return not value


def _suppressors(rule: Described, base: dict[str, dict[str, Data]], override: dict[str, dict[str, Data]]) -> tuple[str, ...]:
    for settings in (override, base):
        for kind in (rule.kind, "*"):
            if "suppressed_by" in settings.get(kind, {}):
                stated = settings[kind]["suppressed_by"]
                return tuple(item for item in ([stated] if isinstance(stated, str) else _items(stated)) if isinstance(item, str))
    return rule.defaults.suppressed_by


def _circles(tree: Tree, path: Path, settings: dict[str, dict[str, Data]], suppressors: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    """Circles of suppression that a `suppressed_by` of these settings takes part in; the rules in one could hide each other for ever."""
    for kind, setting in settings.items():
        if "suppressed_by" not in setting:
            continue
        place = (*path, kind, "suppressed_by")
        for start in suppressors if kind == "*" else (kind,):
            circle = circle_of(start, suppressors)
            if circle is None:
                continue
            if len(circle) == 2:
                yield tree.fault(place, f"{start} cannot suppress itself")
            else:
                yield tree.fault(place, f"rules suppress each other in a circle: {' <- '.join(circle)}")
            break


def circle_of(start: str, suppressors: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The shortest way from a kind through its suppressors back to it; None if there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    for way in ways:
        for kind in suppressors.get(way[-1], ()):
            if kind == start:
                return (*way, kind)
            if kind not in seen:
                seen.add(kind)
                ways.append((*way, kind))
    return None


def _idle(tree: Tree, path: Path, override: Mapping[str, Data], settings: dict[str, dict[str, Data]]) -> Iterator[Fault]:
    if "when" in override:
        when = _mapping(override["when"])
        if override["when"] in ({}, None):
            yield tree.fault((*path, "when"), f"`when` names no dimension; known: {', '.join(Dims._fields)}", key=True)
        for name, values in when.items():
            if values is None or values == []:
                yield tree.fault((*path, "when", name), "no value: no order matches", key=True)
    if "rules" in override and override["rules"] in (None, {kind: {} for kind in settings}):
        yield tree.fault((*path, "rules"), "the override changes nothing", key=True)


def _shadowed(tree: Tree, overrides: list[dict[str, Data]]) -> Iterator[Fault]:
    """Overrides of which a later one with the same `when` sets every field again."""
    seen = [(_when(override), _touched(override)) for override in overrides]
    for i, (when, touched) in enumerate(seen):
        for j in range(i + 1, len(seen)):
            later_when, later = seen[j]
            covered = later | {(kind, name) for kind, name in touched if ("*", name) in later}
            if when and touched and when == later_when and touched <= covered:
                line = tree.at(("overrides", j))[0]
                yield tree.fault(
                    ("overrides", i), f"never counts: overrides[{j}] (line {line}) has the same `when` and sets the same fields"
                )
                break


def _feedless(
    tree: Tree, data: Mapping[str, Data], rules: tuple[Described, ...], base: dict[str, dict[str, Data]], overrides: list[dict[str, Data]]
) -> Iterator[Fault]:
    """Rules that are to wait for a feed of which nobody has heard: neither is it declared, nor does any rule wait for it by itself."""
    declared = {feed.split("/")[1] for feed in _mapping(data.get("feeds")) if feed.startswith("/")}
    known = declared.union(*(rule.defaults.feeds for rule in rules if rule.stated is None))
    settings: list[tuple[Path, dict[str, dict[str, Data]]]] = [(("custom_rules",), _settings(data.get("custom_rules")))]
    if "feeds" in data:
        settings.append((("rules",), base))
        settings += [(("overrides", i, "rules"), _settings(override.get("rules"))) for i, override in enumerate(overrides)]
    for path, each in settings:
        for kind, setting in each.items():
            stated = setting.get("feeds")
            names: list[Data] = [stated] if isinstance(stated, str) else _items(stated)
            for name in names:
                if isinstance(name, str) and name not in known:
                    message = f"unknown feed {name!r}: it is the first part of a declared one; known: {', '.join(sorted(known))}"
                    yield tree.fault((*path, kind, "feeds"), message, nearest(name, known))


def _never_on(tree: Tree, base: dict[str, dict[str, Data]], overrides: list[dict[str, Data]]) -> Iterator[Fault]:
    """Overrides that tune a rule which nothing switches on."""
    settings = [_settings(override.get("rules")) for override in overrides]
    switched = {kind for each in settings for kind, setting in each.items() if not _is_off(setting.get("switch", "off"))}
    for i, each in enumerate(settings):
        for kind, setting in each.items():
            switch = base.get(kind, {}).get("switch") or base.get("*", {}).get("switch") or "on"
            if kind != "*" and "switch" not in setting and _is_off(switch) and not switched & {kind, "*"}:
                yield tree.fault(("overrides", i, "rules", kind), f"never counts: {kind} is off and nothing switches it on", key=True)


def _is_off(value: Data) -> bool:
    return isinstance(value, str) and value.lower() in _OFF


def _when(override: Mapping[str, Data]) -> dict[str, frozenset[str]]:
    when = _mapping(override.get("when"))
    return {name: frozenset(map(str, [value] if isinstance(value, str) else _items(value))) for name, value in when.items()}


def _touched(override: Mapping[str, Data]) -> set[tuple[str, str]]:
    return {(kind, name) for kind, setting in _settings(override.get("rules")).items() for name in setting}


def _settings(value: Data | None) -> dict[str, dict[str, Data]]:
    return {kind: {"switch": setting} if isinstance(setting, str) else _mapping(setting) for kind, setting in _mapping(value).items()}


def _mapping(value: Data | None) -> dict[str, Data]:
    return value if isinstance(value, dict) else {}


def _items(value: Data | None) -> list[Data]:
    return value if isinstance(value, list) else cast("list[Data]", [])
