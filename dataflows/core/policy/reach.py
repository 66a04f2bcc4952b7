"""What a policy file says that no order, day or feed can ever bear out: overrides, calendars, feeds and places that count for nothing.

What is certain is a mistake, what the file alone does not prove (a carrier that nobody has named yet) a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from dataflows.core.clocks import Span
from dataflows.core.policy.form import OverrideForm, PolicyForm, WhenForm, change_of
from dataflows.core.policy.matching import regions_meant
from dataflows.core.policy.setting import Change, Described, RuleSetting, changed
from dataflows.core.policy.settled import unheard
from dataflows.core.policy.values import WEEKDAYS
from schemas.plain import Data
from schemas.problems import nearest
from schemas.tree import Fault, Path, Tree

_WITHOUT_AN_ORDER = frozenset(("tenant", "site"))
"""What is known of an event that no order is known for."""


def idle_faults(tree: Tree, form: PolicyForm, rules: Sequence[Described]) -> Iterator[Fault]:
    """Everything of a file that counts for nothing, each at its place."""
    base = settings_of(form, rules)
    yield from _watching(tree, form, rules, base)
    for i, override in enumerate(form.overrides):
        path: Path = ("overrides", i)
        yield from _regions(tree, (*path, "when"), override.when)
        yield from _names(tree, (*path, "when"), override.when, form)
        yield from _orders(tree, path, override, rules)
        yield from _same(tree, i, form, base)
    yield from _calendars(tree, form, rules)
    yield from _feeds(tree, form, rules)
    yield from _owners(tree, rules)
    yield from _places(tree, form, {rule.kind: rule.defaults.international for rule in rules})


def settings_of(form: PolicyForm, rules: Iterable[Described]) -> dict[str, RuleSetting]:
    """The settings of all rules that hold where no override does."""
    stated = {kind: change_of(setting) for kind, setting in form.rules.items()}
    return {rule.kind: changed(changed(rule.defaults, stated.get("*", {})), stated.get(rule.kind, {})) for rule in rules}


def silent_rules(rules: Iterable[Described], settings: Iterable[RuleSetting], emits: Collection[str] | None) -> dict[str, tuple[str, ...]]:
    """The rules that are watched and never fire: `emits` lists none of the milestones that they wait for (None: it is not stated)."""
    pairs = zip(rules, settings, strict=True)
    return {rule.kind: rule.awaits for rule, setting in pairs if setting.switch != "off" and rule.awaits and unheard(rule.awaits, emits)}


def _watching(tree: Tree, form: PolicyForm, rules: Sequence[Described], base: dict[str, RuleSetting]) -> Iterator[Fault]:
    """A policy that watches nothing, or waits for nothing."""
    switched = {
        kind
        for override in form.overrides
        for kind, setting in override.rules.items()
        if "switch" in setting.model_fields_set and change_of(setting)["switch"] != "off"
    }
    if not switched and all(setting.switch == "off" for setting in base.values()):
        yield tree.fault(("rules",), "watches nothing: every rule is off", key=True, warning=True)
        return
    if form.emits is not None and not switched:
        waiting = [rule for rule in rules if rule.awaits and base[rule.kind].switch != "off"]
        if waiting and len(silent_rules(rules, (base[rule.kind] for rule in rules), form.emits)) == len(waiting):
            message = "arms nothing: no rule that is on waits for a milestone that is listed here"
            yield tree.fault(("emits",), message, key=True, warning=True)


def _owners(tree: Tree, rules: Sequence[Described]) -> Iterator[Fault]:
    """Teams that are stated once and nearly are one that owns something already."""
    known = {rule.defaults.owner for rule in rules if rule.stated is None}
    for rule in rules:
        known.update(rule.defaults.owners.values())
    stated: dict[str, list[Path]] = {}
    for path, owner in _owners_at((), tree.data):
        stated.setdefault(owner, []).append(path)
    for owner, places in stated.items():
        near = None if owner in known or len(places) > 1 else nearest(owner, [*known, *(other for other in stated if other != owner)])
        if near is not None:
            yield tree.fault(places[0], f"{owner!r} owns nothing else", near, warning=True)


def _owners_at(path: Path, data: Data) -> Iterator[tuple[Path, str]]:
    """The teams that are named anywhere in a file."""
    if isinstance(data, list):
        for i, item in enumerate(data):
            yield from _owners_at((*path, i), item)
    elif isinstance(data, dict):
        for name, value in data.items():
            if name == "owner" and isinstance(value, str):
                yield (*path, name), value
            elif name == "owners" and isinstance(value, dict):
                yield from (((*path, name, kind), team) for kind, team in value.items() if isinstance(team, str))
            else:
                yield from _owners_at((*path, name), value)


def _regions(tree: Tree, path: Path, when: WhenForm) -> Iterator[Fault]:
    """Regions that are none, or lie in none of the countries beside them."""
    for i, text in enumerate(when.region or ()):
        if regions_meant(text, when.country):
            continue
        if when.country is None:
            message = f"{text!r} is no region such as US-CA, nor the last part of one: state its `country` beside it, or its code"
            yield tree.fault((*path, "region", i), message)
        elif regions_meant(text, None) and "-" in text:
            yield tree.fault((*path, "region", i), f"never counts: {text!r} lies in none of {', '.join(when.country)}")
        else:
            message = f"{text!r} is no region of {', '.join(when.country)} by code or name: only an order that states it so is meant"
            yield tree.fault((*path, "region", i), message, warning=True)


def _names(tree: Tree, path: Path, when: WhenForm, form: PolicyForm) -> Iterator[Fault]:
    """Sites, carriers and tenants that are probably others, which the file knows."""
    for name, known in (("site", form.sites), ("carrier", form.carriers), ("tenant", form.tenants)):
        folded = {one.casefold() for one in known}
        for i, stated in enumerate(getattr(when, name) or ()):
            near = None if stated.casefold() in folded else nearest(stated, list(known))
            if near is not None:
                yield tree.fault((*path, name, i), f"{stated!r} is no {name} of this file", near, warning=True)


def _orders(tree: Tree, path: Path, override: OverrideForm, rules: Iterable[Described]) -> Iterator[Fault]:
    """Rules that say nothing of the orders that an override is for."""
    when = override.when
    named = [name for name in WhenForm.model_fields if getattr(when, name)]
    for rule in rules:
        if rule.kind not in override.rules:
            continue
        place = (*path, "rules", rule.kind)
        if when.terms and rule.terms and set(rule.terms).isdisjoint(when.terms):
            message = f"never counts: {rule.kind} watches orders of other terms ({', '.join(rule.terms)})"
            yield tree.fault(place, message, key=True)
        if when.method and rule.methods and set(rule.methods).isdisjoint(when.method):
            message = f"counts only where a line has a method of its own: {rule.kind} watches {', '.join(rule.methods)}"
            yield tree.fault(place, message, key=True, warning=True)
        beyond = [name for name in named if name not in _WITHOUT_AN_ORDER]
        if rule.placeless and beyond:
            message = f"never counts: {rule.kind} is about events without their order, of which no `{beyond[0]}` is known"
            yield tree.fault(place, message, key=True)


def _same(tree: Tree, number: int, form: PolicyForm, base: dict[str, RuleSetting]) -> Iterator[Fault]:
    """What an override states that holds without it, and that no other override says otherwise of."""
    others = [override for place, override in enumerate(form.overrides) if place != number]
    for kind, setting in form.overrides[number].rules.items():
        if kind not in base:
            continue  # of all rules; or of one of the user that is wrong itself
        for name, value in change_of(setting).items():
            elsewhere = any(name in override.rules[k].model_fields_set for override in others for k in (kind, "*") if k in override.rules)
            beside = "*" in form.overrides[number].rules and name in form.overrides[number].rules["*"].model_fields_set
            if getattr(base[kind], name) == value and not elsewhere and not beside:
                path = ("overrides", number, "rules", kind, name)
                yield tree.fault(path, f"changes nothing: that is the `{name}` of {kind} already", key=True, warning=True)


def _changes(form: PolicyForm) -> list[Change]:
    """What the file changes of rules, anywhere."""
    layers = [form.rules, *(override.rules for override in form.overrides)]
    return [change_of(setting) for rules in layers for setting in rules.values()]


def _calendars(tree: Tree, form: PolicyForm, rules: Iterable[Described]) -> Iterator[Fault]:
    """Calendars by which nobody works, and what of a calendar no day bears out."""
    used = {place.calendar for places in (form.sites, form.carriers, form.countries, form.tenants) for place in places.values()}
    used |= {change.get("clock") for change in _changes(form)}
    used |= {rule.defaults.clock for rule in rules}
    for name, calendar in form.calendars.items():
        path: Path = ("calendars", name)
        if name not in used:
            message = f"nobody works by {name!r}: name it under `sites`, `carriers`, `countries` or `tenants`, or as a rule's `clock`"
            yield tree.fault(path, message, key=True, warning=True)
        for day in sorted(set(calendar.closed) & set(calendar.open)):
            yield tree.fault((*path, "open"), f"{day.isoformat()} is closed as well")
        if calendar.hours is not None and isinstance(calendar.cutoff, dict) and not calendar.open:
            worked = {day for days, hours in calendar.hours.items() if hours for day in days}
            for weekday in sorted(set(calendar.cutoff) - worked):
                message = f"never counts: {name!r} has no hours on {WEEKDAYS[weekday]}"
                yield tree.fault((*path, "cutoff"), message, key=True, warning=True)


def _feeds(tree: Tree, form: PolicyForm, rules: Iterable[Described]) -> Iterator[Fault]:
    """Feeds for which no rule waits."""
    waited = {name for rule in rules for name in rule.defaults.feeds}
    waited |= {name for change in _changes(form) for name in change.get("feeds", ())}
    for prefix in form.feeds:
        first = prefix.split("/")[1]
        if first not in waited:
            message = f"no rule waits for it: its silence is told, and no deadline is put off; rules wait for {', '.join(sorted(waited))}"
            near = nearest(first, sorted(waited))
            suggestion = None if near is None else "/".join(["", near, *prefix.split("/")[2:]])
            yield tree.fault(("feeds", prefix), message, suggestion, key=True, warning=True)


def _places(tree: Tree, form: PolicyForm, usual: Mapping[str, Span | None]) -> Iterator[Fault]:
    """Sites, countries and tenants of which nothing is said, and limits across a border that nobody knows of."""
    for section in ("sites", "countries", "tenants"):
        for name, place in getattr(form, section).items():
            if not place.model_fields_set:
                yield tree.fault((section, name), "says nothing of it", key=True, warning=True)
    if any(site.country is not None for site in form.sites.values()):
        return
    layers: list[tuple[Path, PolicyForm | OverrideForm]] = [(("rules",), form)]
    layers += [(("overrides", i, "rules"), override) for i, override in enumerate(form.overrides)]
    for path, each in layers:
        for kind, setting in each.rules.items():
            stated = change_of(setting).get("international")
            if stated is not None and stated != usual.get(kind):
                message = "never counts: no site states its `country`, so that no order is known to cross a border"
                yield tree.fault((*path, kind, "international"), message, key=True, warning=True)
