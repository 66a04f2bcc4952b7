"""The judge of a user's rule: a function of an order's facts and of the rule's setting, built once from the entry.

All forms go the same way: over the parts that the entry speaks of and that pass its filter, with the part's own setting and calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from dataflows.core.clocks import Span
from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting, Step
from dataflows.core.rules.armed import awaited
from dataflows.core.rules.conditions import Condition, count
from dataflows.core.rules.structs import Find, Found
from dataflows.core.rules.user.anchors import calendar_of
from dataflows.core.rules.user.forms import FORMS
from dataflows.core.rules.user.subjects import SUBJECTS, Subject
from dataflows.core.rules.user.terms import UserRule, milestones_awaited


def judge_of(rule: UserRule) -> Find:
    """The judge of a rule."""
    subjects, where = SUBJECTS[rule.each], rule.where
    each = FORMS[rule.form](rule)
    needed = milestones_awaited(rule)
    adjust = _adjusted(rule)

    def judge(o: Facts, s: RuleSetting) -> Iterator[Condition | None]:
        if s.switch == "off" or o.placed is None:
            return
        for subject in subjects(o):
            if where is None or where.holds(o, subject.part):
                setting = s if subject.shipment is None else o.of(subject.shipment, s)
                if setting.switch != "off":
                    found = each(o, setting if adjust is None else adjust(o, setting, subject), subject)
                    if needed and o.policy.learns:
                        found = awaited(o, needed, found)
                    yield from found if not rule.handling else _handed_on(rule, o, subject, found)

    return judge


def _adjusted(rule: UserRule) -> Callable[[Facts, RuleSetting, Subject], RuleSetting] | None:
    """The setting of a part: its own threshold where a case says so, and steps at a share of the threshold."""
    if not rule.cases and not rule.shares:
        return None

    def adjust(o: Facts, s: RuleSetting, subject: Subject) -> RuleSetting:
        threshold = next((case.threshold for case in rule.cases if case.where.holds(o, subject.part)), s.threshold)
        steps = tuple(Step(at=share_of(threshold, share.percent), severity=share.severity) for share in rule.shares)
        if threshold == s.threshold and not steps:
            return s
        return replace(s, threshold=threshold, steps=(*s.steps, *steps))

    return adjust


def _handed_on(rule: UserRule, o: Facts, subject: Subject, found: Found) -> Iterator[Condition | None]:
    """The conditions with the owner and the lane of the last step that log time has reached, while they lasted."""
    for condition in found:
        if condition is not None:
            last = o.now if condition.end is None else min(o.now, condition.end - 1)
            trace = condition.trace
            calendar, anchor = (trace.calendar, trace.anchor) if trace else (calendar_of(o, condition.setting, subject), condition.start)
            for step in rule.handling:
                if count(calendar, anchor, step.at) <= last:
                    condition.owner, condition.lane = step.owner or condition.owner, step.lane or condition.lane
        yield condition


def share_of(span: Span, percent: int) -> Span:
    """So many per cent of a span, to the microsecond or the nearest whole business unit."""
    return Span(span.n * percent // 100 if span.unit == "us" else round(span.n * percent / 100), span.unit)
