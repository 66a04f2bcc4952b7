"""Conditions: the stretches of event time in which a rule is true, and the two ways to build them.

A rule that waits for something builds a *timeout*, a rule that something made true builds a *signal*. Both end when the earliest of
their clearing instants comes; an end that does not lie after the start means that the condition never held. Instants are µs, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from dataflows.core.clocks import Calendar, Span
from dataflows.core.clocks.spans import Later, Portion, apart, longer
from dataflows.core.history.facts import Facts
from dataflows.core.history.shipments import Shipment
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import SEVERITIES, Lane, Severity, Step
from dataflows.core.rules.soonest import soonest
from schemas.instants import earliest
from schemas.record import Record


@dataclass(frozen=True, slots=True)
class DeadlineTrace:
    """How a deadline came about: `label` names the anchor, `calendar` counted `span` from it. Rendered only when published."""

    label: str
    anchor: int
    span: Span
    calendar: Calendar


@dataclass(slots=True)
class Condition:
    """What a rule found: `[start, end)` in event time (end None: it lasts), the steps of its severity and what it rests on.

    `timed` conditions are said only once log time has reached `said_from`; the others as soon as their event is known. `look_again` is a
    log time at which the rule must be judged again although no step of this condition lies there. `horizon`: of a condition that depends
    on monitored feeds, up to which instant its steps are decided. `shown`: the history has itself shown that who is waited for tells of
    such things, so that nothing need have been learned of others.
    """

    setting: RuleSetting
    scope: str | None
    start: int
    end: int | None
    steps: tuple[tuple[int, Severity], ...]
    evidence: tuple[Record, ...]
    timed: bool
    due: int | None = None
    trace: DeadlineTrace | None = None
    detail: str = ""
    resolution: str | None = None
    owner: str | None = None
    lane: Lane | None = None
    look_again: int | None = None
    horizon: int | None = None
    shown: bool = False
    pending: tuple[tuple[int, Step], ...] = ()
    """Steps of which the order says if and when they come (see `grading`), each with the instant before which it does not."""
    amounts: tuple[tuple[int, Decimal], ...] = ()
    """Of a rule about a difference of money: what it came to, since when."""
    reasons: tuple[tuple[int, str], ...] = ()
    """Why such steps came, by their instants."""
    zone: str | None = None
    """The zone that its date ends in, if it counts from one: its times are told in it."""
    begun: int | None = None
    """Of a timeout: since when it waits for its deadline."""
    raised_from: int | None = None
    """Before when nothing is said of it though it has begun (`raise_after`); None: it is said from its start on."""

    @property
    def said_from(self) -> int:
        """From when on (log time) it is said that something waited for did not come: open, or as over if it has come by then."""
        return self.start if self.raised_from is None else self.raised_from


_RANK: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}


def after(instants: Iterable[int], at: int) -> int | None:
    """The earliest of `instants` at or after `at`."""
    return min((instant for instant in instants if instant >= at), default=None)


def count(calendar: Calendar, at: int, span: Span) -> int:
    """`span` counted from `at`: elapsed time needs no calendar."""
    return at + span.n if span.unit == "us" else calendar.add(at, span)


def steps_of(
    setting: RuleSetting, calendar: Calendar, anchor: int, span: Span, due: int, *, begun: int, floor: int | None = None
) -> tuple[tuple[int, Severity], ...]:
    """The steps of a condition whose deadline `due` lies a `span` after its anchor, or is a `floor` that lies later: from the first on.

    Each step is as far from the deadline as it is from the rule's threshold; where only the calendar could say how far, an escalation comes
    with the deadline at the earliest and a warning is left out. `begun`: see `Condition`.
    """
    grace = setting.grace.n
    found: list[tuple[int, Severity]] = [(due + grace, setting.severity)]
    for step in setting.steps:
        if isinstance(step.at, Portion):
            at = None if begun >= due else portion(calendar, begun, due, step.at, span)
        else:
            at = None if step.depends else instant_of(step, setting, calendar, anchor, span, due, floor=floor)
        if at is not None:
            found.append((at + grace, step.severity))
    if len(found) > 1:
        found.sort(key=by_instant)
        return rising(found)
    return tuple(found)


def instant_of(step: Step, setting: RuleSetting, calendar: Calendar, anchor: int, span: Span, due: int, *, floor: int | None) -> int | None:
    """When a step comes, grace left aside; None for a warning of which nothing says when."""
    at = step.at
    if isinstance(at, Later):
        return count(calendar, due, at)
    if span == setting.threshold and floor is None:
        return count(calendar, anchor, at)
    distance = apart(at, setting.threshold)
    own = None if distance is None else longer(span, distance)
    if own is not None and floor is None and (own.n > 0 or own.unit == "us"):
        return count(calendar, anchor, own)
    if distance is None:
        return max(due, count(calendar, anchor, at))
    return count(calendar, due, distance) if distance.n >= 0 or distance.unit == "us" else None


def portion(calendar: Calendar, begun: int, due: int, share: Portion, span: Span) -> int:
    """When a share of the time between two instants has passed: of working time, where the deadline was counted in it."""
    return calendar.later(begun, calendar.passed(begun, due, span.unit) * share.n // 100, span.unit)


def by_instant(step: tuple[int, Severity]) -> tuple[int, int]:
    return step[0], _RANK[step[1]]


def rising(steps: Iterable[tuple[int, Severity]]) -> tuple[tuple[int, Severity], ...]:
    """Steps in their order without those that would lower the severity: what lasts is not less grave for it."""
    found: list[tuple[int, Severity]] = []
    for at, severity in steps:
        if not found or _RANK[severity] > _RANK[found[-1][1]]:
            if found and found[-1][0] == at:
                found[-1] = (at, severity)
            else:
                found.append((at, severity))
    return tuple(found)


def timeout(  # noqa: PLR0913 (every argument is a term of the deadline)
    setting: RuleSetting,
    calendar: Calendar,
    anchor: int,
    label: str,
    evidence: tuple[Record, ...],
    *,
    scope: str | None = None,
    span: Span | None = None,
    since: int | None = None,
    met: int | None = None,
    lifted: int | None = None,
    moved: int | None = None,
    not_before: int | None = None,
    owner: str | None = None,
    shown: bool = False,
    begun: int | None = None,
) -> Condition | None:
    """The condition that something was not reached in time, or None where it was (a milestone at its deadline is met).

    `met`: when it was reached; `lifted`: when the expectation ended otherwise; `moved`: when the deadline was replaced by another;
    `since`: when the expectation began, if that may be after its deadline; `not_before`: a later instant that the deadline waits for;
    `shown`: see `Condition`; `begun`: since when it is waited for, if not since the anchor, which may be a date that lies ahead.
    """
    if setting.switch == "off":
        return None
    lift = earliest(met, lifted, moved)
    threshold = span or setting.threshold
    # Most milestones come long before their deadline: then no calendar needs to be asked.
    if lift is not None and lift <= anchor + soonest(setting, threshold):
        return None
    due, floor = count(calendar, anchor, threshold), None
    if not_before is not None and not_before > due:
        due = floor = not_before
    begun = anchor if begun is None else begun
    steps: tuple[tuple[int, Severity], ...] = ((due + setting.grace.n, setting.severity),)
    pending: list[tuple[int, Step]] = []
    if setting.steps:
        steps = steps_of(setting, calendar, anchor, threshold, due, begun=begun, floor=floor)
        for step in setting.steps:
            if step.depends:
                at = None if step.since else instant_of(step, setting, calendar, anchor, threshold, due, floor=floor)
                pending.append((max(due, at or due) + setting.grace.n, step))
    start = steps[0][0]
    if since is not None and since > start:
        start = since
    if lift is not None and lift <= start:
        return None
    raised_from = count(calendar, anchor, setting.raise_after) if setting.raise_after.n else start
    resolution = None if lift is None else "milestone" if lift == met else "promise_moved" if lift == moved else "lifted"
    trace = DeadlineTrace(label, anchor, threshold, calendar)
    return Condition(
        setting, scope, start, lift, steps, evidence, True, due, trace, "", resolution, owner,
        shown=shown, pending=tuple(pending), begun=begun, raised_from=raised_from if raised_from > start else None,
    )  # fmt: skip


def signal(  # noqa: PLR0913 (every argument is a term of the condition)
    o: Facts,
    setting: RuleSetting,
    record: Record,
    *,
    clears: Iterable[int | None] = (),
    lifted: int | None = None,
    at: int | None = None,
    scope: str | None = None,
    evidence: tuple[Record, ...] | None = None,
    detail: str = "",
    shipment: Shipment | None = None,
    severity: Severity | None = None,
    lane: Lane | None = None,
    look_again: int | None = None,
    absence: bool = False,
    at_once: bool = False,
    shown: bool = False,
) -> Condition | None:
    """The condition that `record` (or the instant `at`) began, until the first of `clears` at or after it, or until `lifted`.

    It begins the rule's grace later, and is none if it ends within that; `at_once`: it begins then, whatever grace the rule gives to what
    it waits for. `absence`: it rests on something not having been said, and is decided like what is overdue, once the feeds that would
    have said it have spoken past its beginning. Of an order nothing need have been said before it was placed: what had begun by then
    begins with the placing. `shown`: see `Condition`.
    """
    if setting.switch == "off":
        return None
    start = record.at if at is None else at
    if lifted is not None and lifted <= start:
        return None
    cleared = after((c for c in clears if c is not None), start)
    end = earliest(cleared, lifted)
    grace = 0 if at_once else setting.grace.n
    start = (max(start, o.placed_at) if absence else start) + grace
    if end is not None and end <= start:
        return None
    steps: tuple[tuple[int, Severity], ...] = ((start, severity or setting.severity),)
    pending: tuple[tuple[int, Step], ...] = ()
    if setting.steps:
        calendar = o.calendar(setting, shipment)
        waited = [step for step in setting.steps if not isinstance(step.at, Portion)]
        later = [(start if step.since else count(calendar, start, step.at), step) for step in waited]
        steps = rising(sorted([*steps, *((at, step.severity) for at, step in later if not step.depends)], key=by_instant))
        pending = tuple((at, step) for at, step in later if step.depends)
    resolution = None if end is None else "cleared" if end == cleared else "lifted"
    return Condition(
        setting,
        scope,
        start,
        end,
        steps,
        (record,) if evidence is None else evidence,
        timed=absence or grace > 0,
        detail=detail,
        resolution=resolution,
        lane=lane,
        look_again=look_again,
        pending=pending,
        shown=shown,
    )


OUTLAST = frozenset(
    (
        *("conflict.cancelled_but_moving", "conflict.refunded_but_moving", "payment.refund_failed", "payment.refund_exceeds_capture"),
        *("payment.captured_after_cancel", "payment.cancelled_not_refunded", "order.master_data_incomplete", "payment.amount_mismatch"),
    )
)
"""Kinds, besides those of returns and about data, that a cancellation does not end, or that see to it themselves."""


def while_wanted(condition: Condition, gaps: Iterable[tuple[int, int]]) -> Condition | None:
    """A condition of an order that was cancelled and is wanted again (`gaps`: from when until when it was not); None if it is none.

    Nothing fell due meanwhile, and what was due ended with the cancellation; what was reported still holds, unless it ended meanwhile.
    """
    kind = condition.setting.kind
    if kind in OUTLAST or kind.startswith(("return.", "data.")):
        return condition
    start, end = condition.start, condition.end
    if not condition.timed:
        return None if end is not None and any(since <= start and end <= until for since, until in gaps) else condition
    if any(since <= start < until for since, until in gaps):
        return None
    first = earliest(*(since for since, _ in gaps if since > start))
    if first is not None and (end is None or first < end):
        condition.end, condition.resolution = first, "lifted"
    return condition


def merged(conditions: list[Condition]) -> list[Condition]:
    """Conditions of one kind and scope in order of their start, those that overlap or touch made one (the first one's words stay).

    Of those that start together the one with the earlier deadline is the first.
    """
    if len(conditions) < 2:
        return conditions
    conditions.sort(key=lambda c: (c.start, c.due or 0, c.end is None, c.end or 0))
    whole = [conditions[0]]
    for condition in conditions[1:]:
        last = whole[-1]
        if last.end is not None and condition.start > last.end:
            whole.append(condition)
        elif last.end is not None and (condition.end is None or condition.end > last.end):
            last.end = condition.end
            last.resolution = condition.resolution
    return whole
