"""Conditions: stretches of event time during which something is wrong (section 1 of the catalogue)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.judging.calendars import distance, total
from tests.oracle.judging.reading import NEVER, Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from tests.oracle.judging.calendars import Calendar, Span
    from tests.oracle.judging.facts import Order
    from tests.oracle.judging.settings import Setting, Step

SEVERITIES = ("low", "medium", "high", "critical")
DATED = ("fulfilment.release_overdue", "fulfilment.ship_overdue", "payment.auth_expiring", "shipment.delivery_overdue")
"""Kinds that count from a date that is ahead, so that a step may come before it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something is wrong from `start` until `end`. `waits`: it is visible only once the log has come to `start`."""

    kind: str
    scope: str | None
    start: int
    end: int
    due: int | None = None
    steps: tuple[tuple[int, str], ...] = ()
    waits: bool = False
    begun: int | None = None
    """Of what runs out: since when it is waited for."""
    amounts: tuple[tuple[int, Decimal], ...] = ()
    raised_from: int = -NEVER
    """Before when nothing is said of it though it has begun."""

    @property
    def said_from(self) -> int:
        """From when on it is said that something waited for did not come."""
        return max(self.start, self.raised_from)

    def said_by(self, at: int) -> bool:
        """Whether anything is said of it by a log time, as it is known then."""
        return self.said_from <= at or not self.waits

    def instants(self) -> set[int]:
        """When anything begins, ends, is said or grows graver."""
        return {self.start, self.end, self.said_from, *(at for at, _ in self.steps)}


def timeout(
    order: Order,
    kind: str,
    anchor: int,
    *,
    since: int = -NEVER,
    reached: int = NEVER,
    lifted: int = NEVER,
    scope: str | None = None,
    carrier: str | None = None,
    due: int | None = None,
    amounts: Sequence[tuple[int, Decimal]] = (),
    counted: Span | None = None,
    begun: int | None = None,
) -> list[Condition]:
    """An expectation that runs out: `anchor` plus the kind's threshold and steps (or `due`, where it is computed elsewhere).

    `amounts`: of a kind about a difference of money what that came to, since when; `counted`: what `due` was counted by;
    `begun`: since when it is waited for, if not since `anchor`.
    """
    if anchor >= NEVER:
        return []
    setting = order.setting(kind)
    calendar = order.calendar(setting.clock, carrier)
    threshold = setting.international if setting.international and not order.domestic else setting.threshold
    by = calendar.add(anchor, threshold) if due is None else due
    own = due is None and threshold == setting.threshold
    steps = [(by, setting.severity)]
    lift = min(reached, lifted)
    waits_since = begun if begun is not None else anchor
    for step in setting.steps:
        if step.percent:
            if waits_since < by:
                unit = (counted or threshold).unit
                steps.append((calendar.passing(waits_since, by, step.percent, unit), step.severity))
            continue
        at = by if step.since else step_at(calendar, setting, step, anchor, by, threshold if due is None else None, own=own)
        if step.depends:
            breach, asked = by + setting.grace, max(by, by if at is None else at) + setting.grace
            asking = Asking(order, calendar, breach, lift, scope, amounts)
            comes = asking.when(step, asked, setting.grace)
            steps += [] if comes is None else [(comes - setting.grace, step.severity)]
        elif at is not None and (kind in DATED or at >= anchor):
            steps.append((at, step.severity))
    steps = rising((at + setting.grace, word) for at, word in steps)
    start = max(steps[0][0], since)
    found = Condition(kind, scope, start, lift, by, tuple(steps), waits=True, begun=waits_since, amounts=tuple(amounts))
    if setting.raise_after:
        found = replace(found, raised_from=calendar.add(anchor, setting.raise_after))
    return [found] if start < lift else []


class Asking(NamedTuple):
    """What a step asks of the order. `breach`: before which no such step comes; `end`: of the condition; `amounts`: as in `timeout`.

    Of a kind that is about no difference of money it asks for the order's total.
    """

    order: Order
    calendar: Calendar
    breach: int
    end: int
    scope: str | None
    amounts: Sequence[tuple[int, Decimal]]

    def when(self, step: Step, asked: int, grace: int = 0) -> int | None:
        """When a step comes, `asked` by its span; None if it does not."""
        at = asked
        counts_from = None
        if step.since.endswith("_by"):
            counts_from = self.order.date_before(step.since, self.end, self.scope)
        elif step.since:
            counts_from = self.order.came_to(step.since, self.scope)
        if counts_from is not None:
            at = max(self.breach, self.calendar.add(counts_from, step.at) + grace) if counts_from < NEVER else NEVER
        if step.above:
            limits = dict(step.above)
            most = limits.get(self.order.currency or "", limits["*"])
            total = self.order.total_before(self.end)
            amounts = self.amounts or ([] if total is None else [(-NEVER, total)])
            at = max(at, min((since for since, amount in amounts if amount > most), default=NEVER))
        if step.unless and self.order.came_to(step.unless, self.scope) <= at:
            return None
        return at if at < NEVER else None


def step_at(calendar: Calendar, setting: Setting, step: Step, anchor: int, by: int, threshold: Span | None, *, own: bool) -> int | None:
    """When a step is: as far from the deadline as it is from the setting's threshold. None: there is no room for a warning.

    `threshold`: what the deadline was counted by (`own`: the setting's own), unless it was found in another way.
    """
    if step.after:
        return calendar.add(by, step.at)
    if own:
        return calendar.add(anchor, step.at) if step.at.n >= 0 or step.at.unit == "us" else None
    away = distance(step.at, setting.threshold)
    if away is None:
        return max(by, calendar.add(anchor, step.at))
    at = total(threshold, away) if threshold else None
    if at is not None:
        return calendar.add(anchor, at) if at.n >= 0 or at.unit == "us" else None
    return calendar.add(by, away) if away.n >= 0 or away.unit == "us" else None


def rising(steps: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """The steps in order of time, without those that are no graver than one before."""
    found: list[tuple[int, str]] = []
    for at, word in sorted(steps, key=lambda step: (step[0], -SEVERITIES.index(step[1]))):
        if not found or SEVERITIES.index(word) > SEVERITIES.index(found[-1][1]):
            found.append((at, word))
    return found


def signal(
    order: Order,
    kind: str,
    event: Event,
    clears: Iterable[int] = (),
    *,
    x: int = NEVER,
    scope: str | None = None,
    carrier: str | None = None,
    severity: str | None = None,
) -> list[Condition]:
    """An event that is wrong until the earliest clearing instant at or after it, or until `x`."""
    return state(order, kind, event.at, min([x, *(at for at in clears if at >= event.at)]), scope=scope, carrier=carrier, severity=severity)


def state(
    order: Order,
    kind: str,
    start: int,
    end: int,
    *,
    scope: str | None = None,
    carrier: str | None = None,
    severity: str | None = None,
    amounts: Sequence[tuple[int, Decimal]] = (),
) -> list[Condition]:
    """Something that is wrong from `start` until `end`."""
    if start >= end:
        return []
    setting = order.setting(kind)
    calendar = order.calendar(setting.clock, carrier)
    later = [(calendar.add(start, step.at), step.severity) for step in setting.steps if not step.depends and not step.percent]
    for step in setting.steps:
        if step.depends:
            asked = start if step.since else max(start, calendar.add(start, step.at))
            comes = Asking(order, calendar, start, end, scope, amounts).when(step, asked)
            later += [] if comes is None else [(comes, step.severity)]
    steps = tuple(rising([(start, severity or setting.severity), *later]))
    return [Condition(kind, scope, start, end, None, steps, amounts=tuple(amounts))]


def graced(
    order: Order, kind: str, start: int, end: int, *, scope: str | None = None, amounts: Sequence[tuple[int, Decimal]] = ()
) -> list[Condition]:
    """Something that rests on what was not said: wrong only once it has lasted as long as the kind's grace, and from then on.

    The grace is counted from the placing, if that comes later: nothing need have been said of an order before.
    """
    grace = order.setting(kind).grace
    begun = max(start, order.placed) + grace
    return [replace(one, waits=grace > 0) for one in state(order, kind, begun, end, scope=scope, amounts=amounts)]


def merged(conditions: Iterable[Condition]) -> list[list[Condition]]:
    """The conditions by kind and scope, merged where they meet; each list is the episodes of one kind and scope, in order."""
    groups: dict[tuple[str, str | None], list[Condition]] = {}
    for condition in conditions:
        groups.setdefault((condition.kind, condition.scope), []).append(condition)
    found: list[list[Condition]] = []
    for group in groups.values():
        episodes: list[Condition] = []
        for condition in sorted(group, key=lambda one: (one.start, one.due or 0, one.end)):
            if episodes and condition.start <= episodes[-1].end:
                episodes[-1] = replace(episodes[-1], end=max(episodes[-1].end, condition.end))
            else:
                episodes.append(condition)
        found.append(episodes)
    return found


SURVIVES = (
    *("conflict.cancelled_but_moving", "conflict.refunded_but_moving", "payment.refund_failed", "payment.refund_exceeds_capture"),
    *("payment.captured_after_cancel", "payment.cancelled_not_refunded"),
)
"""Kinds that a cancel does not end, besides those of returns and about data."""
RETURNS = ("order.master_data_incomplete", "payment.amount_mismatch")
"""Kinds that are there again once the order is wanted again, if they still hold."""


def cut(conditions: Iterable[Condition], gaps: Iterable[tuple[int, int]]) -> list[Condition]:
    """The conditions of an order that was cancelled and is wanted again: what was due ended with the cancel, nothing fell due meanwhile.

    What was reported stands as before, unless it ended while nobody wanted the order, and so does what a cancel does not end.
    """
    found: list[Condition] = []
    gaps = list(gaps)
    for one in conditions:
        lasts = not one.waits and one.kind not in RETURNS
        if one.kind in SURVIVES or one.kind.startswith(("return.", "data.")):
            found.append(one)
        elif lasts:
            found += [one] if not any(start <= one.start and one.end <= end for start, end in gaps) else []
        elif not any(start <= one.start < end for start, end in gaps):
            found.append(replace(one, end=min([one.end, *(start for start, _ in gaps if start > one.start)])))
        if one.kind in RETURNS:
            found += cut([replace(one, start=end) for _, end in gaps if one.start < end < one.end][:1], gaps)
    return found
