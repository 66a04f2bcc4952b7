"""Lower bounds by any calendar: most of what is waited for comes long before its deadline, and then no calendar need be asked."""

from __future__ import annotations

from typing import Final

from dataflows.core.clocks import Span
from dataflows.core.clocks.spans import Later, Portion, apart, longer
from dataflows.core.policy import RuleSetting
from schemas.instants import DAY, HOUR

EARLIEST: Final = -3_660 * DAY
"""As far before a deadline as anything can begin to wait for it."""
_KEPT: Final = 4_096
_soonest: dict[tuple[int, Span], tuple[RuleSetting, int]] = {}
"""What was found of settings, by identity: settings are few, and it is asked for at nearly every deadline."""


def least(span: Span) -> int:
    """A lower bound in µs of a span by any calendar: a business day later is at least 23 hours later, a business hour at least one."""
    if span.unit == "us":
        return span.n
    return span.n * HOUR if span.unit == "bh" else span.n * DAY - HOUR


def soonest(setting: RuleSetting, span: Span) -> int:
    """A lower bound in µs of the time from an anchor to the first instant of a condition that is due a `span` after it.

    Where a step comes at a share of the wait, nothing is known: what waits for a date may have begun at any time before that.
    """
    if not setting.steps:
        return least(span) + setting.grace.n
    key = (id(setting), span)
    known = _soonest.get(key)
    if known is None or known[0] is not setting:
        if len(_soonest) >= _KEPT:
            _soonest.clear()
        known = _soonest[key] = (setting, _soonest_step(setting, span))
    return known[1]


def _soonest_step(setting: RuleSetting, span: Span) -> int:
    first = least(span)
    if any(isinstance(step.at, Portion) for step in setting.steps):
        return EARLIEST
    for step in setting.steps:
        if isinstance(step.at, Later) or step.depends:
            continue
        at: Span | None = step.at
        if span != setting.threshold:
            distance = apart(step.at, setting.threshold)
            at = None if distance is None or distance.n > 0 else longer(span, distance)
        if at is not None and (bound := least(at)) < first:
            first = bound
    return first + setting.grace.n
