"""Reads of a policy file what the judge needs: settings by kind, what the feeds emit, calendars and who works by which."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import yaml

from tests.oracle.judging.backfill import Terms
from tests.oracle.judging.calendars import Calendar, Span, distance, span, total
from tests.oracle.judging.identifiers import DEFAULT
from tests.oracle.judging.reading import instant, items, mapping, text
from tests.oracle.judging.settings import DEFAULTS, ZONES, Policy, Setting, Site, Step

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oracle.judging.reading import Json

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def read_policy(path: Path) -> Policy:
    """The policy of a file. Overrides by site, carrier and so on are not for the judge: a file with any raises ValueError."""
    file = cast("Json", yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
    if file.get("overrides"):
        raise ValueError(f"{path}: the judge does not know overrides")
    sites = {name: mapping(mapping(file, "sites"), name) for name in mapping(file, "sites")}
    return Policy(
        rules=_rules(mapping(file, "rules")),
        emits=frozenset(str(one) for one in items(file, "emits")) or None,
        sites={name: Site(text(site, "country"), text(site, "zone"), text(site, "calendar")) for name, site in sites.items()},
        calendars={name: _calendar(mapping(mapping(file, "calendars"), name)) for name in mapping(file, "calendars")},
        carriers=_calendars_of(mapping(file, "carriers")),
        destinations=_calendars_of(mapping(file, "countries")),
        zones={**ZONES, **{place.replace("-", "/"): str(zone) for place, zone in mapping(file, "zones").items()}},
        zone=text(file, "zone") or "UTC",
        identifiers=dict.fromkeys(DEFAULT, "none") if text(file, "identifiers") else {**DEFAULT, **_words(mapping(file, "identifiers"))},
        tolerances={currency: Decimal(amount) for currency, amount in _words(mapping(file, "tolerance")).items()},
        backfill=_backfill(mapping(file, "backfill"), text(file, "watch_from")),
    )


def _backfill(form: Json, watch_from: str | None) -> Terms:
    terms = replace(Terms(), **{name: span(value).n for name, value in _words(form).items()})
    return replace(terms, watch_from=instant(watch_from)) if watch_from else terms


def _words(form: Json) -> dict[str, str]:
    return {name: str(value) for name, value in form.items()}


def _calendars_of(places: Json) -> dict[str, str]:
    return {name: calendar for name in places if (calendar := text(mapping(places, name), "calendar"))}


def _calendar(form: Json) -> Calendar:
    country, _, region = (text(form, "holidays") or "").partition("-")
    hours: dict[int, tuple[time, time]] = {}
    for days, written in mapping(form, "hours").items():
        opening, _, closing = str(written).partition("-")
        hours |= dict.fromkeys(_weekdays(days), (time.fromisoformat(opening), _closing(closing)))
    single, several = text(form, "cutoff"), mapping(form, "cutoff")
    cut_offs = {day: time.fromisoformat(str(cut_off)) for days, cut_off in several.items() for day in _weekdays(days)}
    return Calendar(
        text(form, "zone") or "UTC",
        country or None,
        region or None,
        hours,
        cut_offs if single is None else dict.fromkeys(range(7), time.fromisoformat(single)),
        tuple(date.fromisoformat(str(day)) for day in items(form, "closed")),
        tuple(date.fromisoformat(str(day)) for day in items(form, "open")),
    )


def _closing(written: str) -> time:
    return time.max if written == "24:00" else time.fromisoformat(written)


def _weekdays(written: str) -> list[int]:
    first, _, last = written.partition("-")
    begins, ends = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    return [day % 7 for day in range(begins, ends + 1 if begins <= ends else ends + 8)]


def _rules(forms: Json) -> dict[str, Setting]:
    return {kind: _setting(_setting(setting, forms, "*"), forms, kind) for kind, setting in DEFAULTS.items()}


def _setting(setting: Setting, forms: Json, name: str) -> Setting:
    """The setting with what the rule's entry says; a bare word is its switch."""
    word = text(forms, name)
    form: Json = {"switch": word} if word else mapping(forms, name)
    if threshold := text(form, "threshold"):
        setting = _moved(setting, span(threshold))
    if threshold or "steps" in form:
        setting = replace(setting, raise_after=None)
    if raise_after := text(form, "raise_after"):
        setting = replace(setting, raise_after=span(raise_after))
    if international := text(form, "international"):
        setting = replace(setting, international=None if international == "off" else span(international))
    if grace := text(form, "grace"):
        setting = replace(setting, grace=span(grace).n)
    if "fallback" in form:
        fallback = text(mapping(form, "fallback"), "threshold")
        setting = replace(setting, fallback=span(fallback) if fallback else None)
    if "suppressed_by" in form:
        setting = replace(setting, suppressed_by=tuple(str(kind) for kind in items(form, "suppressed_by")))
    if "fields" in form:
        setting = replace(setting, fields=tuple(str(path) for path in items(form, "fields")))
    if expire_after := text(form, "expire_after"):
        setting = replace(setting, expire_after=None if expire_after == "off" else span(expire_after).n)
    if "steps" in form:
        steps = [cast("Json", step) for step in items(form, "steps")]
        setting = replace(setting, steps=tuple(map(_stated, steps)))
    return replace(
        setting,
        mode=text(form, "switch") or setting.mode,
        severity=text(form, "severity") or setting.severity,
        clock=text(form, "clock") or setting.clock,
        anchor=text(form, "anchor") or setting.anchor,
    )


def _stated(step: Json) -> Step:
    amounts = mapping(step, "above") or ({"*": step["above"]} if "above" in step else {})
    return Step(
        _step(str(step["at"])),
        str(step["severity"]),
        _after(step),
        text(step, "since") or "",
        text(step, "unless") or "",
        tuple((str(currency), Decimal(str(amount))) for currency, amount in amounts.items()),
        _percent(step),
    )


def _after(step: Json) -> bool:
    """Whether a step is counted from the deadline: it is written with a plus."""
    return str(step["at"]).strip().startswith("+")


def _percent(step: Json) -> int:
    """How much of the wait must have passed, where a step says so."""
    written = str(step["at"]).strip()
    return int(written.removesuffix("%")) if written.endswith("%") else 0


def _step(written: str) -> Span:
    if written.strip().endswith("%"):
        return Span(0, "us")
    return span(written.replace("+", ""))


def _moved(setting: Setting, threshold: Span) -> Setting:
    """The setting with another threshold: its steps keep their distance to it.

    Where the units do not allow that an escalation counts from the deadline, and a warning is left out: nobody counts business days back.
    """
    before = setting.threshold

    def moved(step: Step) -> Step | None:
        if step.after or step.since or step.percent:
            return step
        if before.n == 0 and step.at.unit != threshold.unit and threshold.n:
            return step._replace(after=True)
        away = distance(step.at, before)
        if away is None:
            return step
        at = total(threshold, away)
        if at is None:
            return step._replace(at=away, after=True) if away.n > 0 else None
        return step._replace(at=at)

    steps = (moved(step) for step in setting.steps)
    return replace(setting, threshold=threshold, steps=tuple(step for step in steps if step is not None))
