"""Which rules an event must look at: the rules of one set of settings, compiled into look-ups by mark.

Most events of most orders touch no rule that could be true at once; they only start expectations. So an event costs a few look-ups, and
a rule is judged when one of its triggers comes, when an expectation may have run out, or when it has something open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflows.core.rules import RULES

if TYPE_CHECKING:
    from dataflows.core.clocks import Span
    from dataflows.core.policy import RuleSetting

HOUR = 3_600_000_000
DAY = 24 * HOUR
Trigger = tuple[int, frozenset[str] | None, frozenset[str] | None]
Arm = tuple[int, int, frozenset[str] | None, frozenset[str] | None]
EVERY_EVENT = "*"


def least(span: Span) -> int:
    """A lower bound in µs of a span by any calendar: a business day later is at least 23 hours later, a business hour at least one."""
    if span.unit == "us":
        return span.n
    return span.n * HOUR if span.unit == "bh" else span.n * DAY - HOUR


def bound(setting: RuleSetting) -> int:
    """A lower bound in µs of the time from an anchor to the first instant at which the rule may be raised."""
    spans = [setting.threshold, *(step.at for step in setting.steps)]
    spans.extend(s for s in (setting.international, setting.fallback and setting.fallback.threshold) if s)
    return max(0, min(least(s) for s in spans))


class Profile:
    """The compiled form of one tuple of settings."""

    def __init__(self, settings: tuple[RuleSetting, ...], overridden: frozenset[str]) -> None:
        self.settings = settings
        self.on: dict[str, list[Trigger]] = {}
        self.arms: dict[str, list[Arm]] = {}
        self.marks: list[frozenset[str] | None] = []
        self.active = frozenset(i for i, s in enumerate(settings) if s.switch != "off" or s.kind in overridden)
        self.suppressors = {s.kind: frozenset(s.suppressed_by) for s in settings if s.suppressed_by}
        for index, rule in enumerate(RULES):
            needs, unless = frozenset(rule.needs) or None, frozenset(rule.unless) or None
            marks = frozenset((*rule.on, *rule.arms))
            self.marks.append(None if EVERY_EVENT in marks else marks)
            if index not in self.active:
                continue
            for mark in rule.on:
                self.on.setdefault(mark, []).append((index, needs, unless))
            least_wait = bound(settings[index])
            for mark in rule.arms:
                self.arms.setdefault(mark, []).append((index, least_wait, needs, unless))

    def possible(self, marks: set[str]) -> list[int]:
        """The active rules that an order with these marks could have something to do with."""
        return [i for i in sorted(self.active) if (known := self.marks[i]) is None or not known.isdisjoint(marks)]
