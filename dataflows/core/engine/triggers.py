"""Which rules an event must look at: the rules of one set of settings, compiled into look-ups by mark.

Most events of most orders touch no rule that could be true at once; they only start expectations. So an event costs a few look-ups, and
a rule is judged when one of its triggers comes, when an expectation may have run out, or when it has something open.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataflows.core.policy import RuleSetting
from dataflows.core.rules import RULES
from dataflows.core.rules.conditions import least
from dataflows.core.rules.model import Rule

Trigger = tuple[int, frozenset[str] | None, frozenset[str] | None]
Arm = tuple[int, int, frozenset[str] | None, frozenset[str] | None, "str | None"]
EVERY_EVENT = "*"
MOST = 10_000
"""Combinations of marks that are remembered at once; an ordinary stream has some hundreds."""
DATES = {"ship_by": ("order.placed",), "promised_by": ("order.placed",), "expires_at": ("payment.authorized",)}
"""The dates that arm rules, and the events that bring them."""
ARRIVAL_MARKS = {
    "unannounced": ("carrier.scan",),
    "late eta": ("carrier.scan", "estimate"),
    "part shipped": ("warehouse.shipped",),
    "balance": ("payment.captured",),
}
"""Marks that say how an event stands to those that came before it, and the plain marks of such events."""


def bound(setting: RuleSetting) -> int:
    """A lower bound in µs of the time from an anchor to the first instant at which the rule may be raised."""
    spans = [setting.threshold, *(step.at for step in setting.steps), *((setting.international,) if setting.international else ())]
    return min(least(span) for span in spans)


def _concerns(rule: Rule, marks: frozenset[str]) -> bool:
    """Whether a rule may have something to say of an order that has seen these marks."""
    if rule.needs and marks.isdisjoint(rule.needs):
        return False
    return EVERY_EVENT in rule.arms or not marks.isdisjoint((*rule.on, *rule.arms))


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event with certain marks makes the engine do: rules to judge now, to look at later, and no longer to wait for."""

    judge: tuple[Trigger, ...]
    arm: tuple[Arm, ...]
    met: frozenset[int]
    met_partly: frozenset[int]


class Profile:
    """The compiled form of one tuple of settings."""

    def __init__(self, settings: tuple[RuleSetting, ...], overridden: frozenset[str]) -> None:
        self.settings = settings
        self.active = frozenset(i for i, s in enumerate(settings) if s.switch != "off" or s.kind in overridden)
        self.suppressors = {s.kind: frozenset(s.suppressed_by) for s in settings if s.suppressed_by}
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._possible: dict[frozenset[str], tuple[int, ...]] = {}
        self._waits: dict[int, int] = {}

    def plan(self, marks: tuple[str, ...]) -> Plan:
        """The plan for an event with these marks."""
        known = self._plans.get(marks)
        if known is None:
            known = self._plans[marks] = self._compile(frozenset(marks))
        return known

    def possible(self, marks: set[str]) -> tuple[int, ...]:
        """The active rules that an order with these marks could have something to do with.

        Marks that depend on what came before an event count as any event of its type: after a change further back they may be wrong.
        """
        coarse = marks | {mark for mark, plain in ARRIVAL_MARKS.items() if not marks.isdisjoint(plain)}
        key = frozenset(coarse)
        known = self._possible.get(key)
        if known is None:
            if len(self._possible) >= MOST:
                self._possible.clear()
            known = self._possible[key] = tuple(i for i in sorted(self.active) if _concerns(RULES[i], key))
        return known

    def wait(self, index: int) -> int:
        """A lower bound in µs of the time from what arms a rule to when it may be raised."""
        known = self._waits.get(index)
        if known is None:
            known = self._waits[index] = bound(self.settings[index])
        return known

    def _bound(self, index: int, dated: str | None) -> int:
        """How long after what arms it a rule may first be raised: its date, or an event."""
        setting = self.settings[index]
        if RULES[index].dated is None or dated is not None:
            return bound(setting)
        return least(setting.fallback.threshold) if setting.fallback else 0

    def _compile(self, marks: frozenset[str]) -> Plan:
        judge: list[Trigger] = []
        arm: list[Arm] = []
        met: set[int] = set()
        met_partly: set[int] = set()
        for index in sorted(self.active):
            rule = RULES[index]
            needs, unless = frozenset(rule.needs) or None, frozenset(rule.unless) or None
            if not marks.isdisjoint(rule.on):
                judge.append((index, needs, unless))
            if EVERY_EVENT in rule.arms or not marks.isdisjoint(rule.arms):
                dated = rule.dated if not marks.isdisjoint(DATES.get(rule.dated or "", ())) else None
                arm.append((index, self._bound(index, dated), needs, unless, dated))
            if not marks.isdisjoint(rule.met_by):
                met.add(index)
                if rule.partly:
                    met_partly.add(index)
        arm = [entry for entry in arm if entry[0] not in met_partly]
        return Plan(tuple(judge), tuple(arm), frozenset(met), frozenset(met_partly))
