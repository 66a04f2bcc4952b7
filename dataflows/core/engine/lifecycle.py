"""The exceptions of one order: what has been said of them, compared with what its rules find now. The difference is what is published."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from typing import TypedDict, Unpack

from msgspec.structs import replace

from dataflows.core.clocks.counted import CountedDeadline, counted
from dataflows.core.clocks.explain import arithmetic, length, moment
from dataflows.core.clocks.spans import Later, Portion
from dataflows.core.decisions.cases import HELD, NEW
from dataflows.core.engine.backfill import HistoryBounds
from dataflows.core.engine.exceptions import EXPIRED, POLICY_CHANGED, ExceptionState, Status, exception_id
from dataflows.core.policy.setting import NORMAL, Severity
from dataflows.core.rules.conditions import Condition, count, portion
from schemas.instants import NEVER, iso
from schemas.record import Evidence, Record

Key = tuple[str, "str | None", int]
LASTING = frozenset((EXPIRED, POLICY_CHANGED, "case"))
"""The resolutions of exceptions whose condition may go on."""


class Changes(TypedDict, total=False):
    """What the engine changes of a state apart from its condition."""

    status: Status
    suppressed_by: str | None


def cite(record: Record) -> Evidence:
    """A record as evidence."""
    event = record.event
    return Evidence(event.source, event.id, event.type, record.at, record.topic, record.partition, record.offset, record.log)


def reckon(condition: Condition) -> str:
    """The deadline's arithmetic in words; for a signal, when it happened."""
    if condition.trace is None:
        return f"happened {iso(condition.start)}"
    trace = condition.trace
    words = f"{trace.label} " + arithmetic(trace.calendar, trace.anchor, trace.span, condition.zone)
    if condition.setting.grace.n:
        words += f", and {condition.setting.grace.n // 1_000_000} s of grace"
    if condition.raised_from is not None:
        raised = moment(condition.raised_from, condition.zone or trace.calendar.zone)
        words += f", raised from {raised} on, after {length(condition.setting.raise_after)}"
    return words


def counted_of(condition: Condition) -> CountedDeadline | None:
    """The same in its parts; None for a signal."""
    trace = condition.trace
    if trace is None:
        return None
    found = counted(trace.label, trace.anchor, trace.span, trace.calendar, condition.zone, condition.setting.grace.n)
    if condition.raised_from is None:
        return found
    return replace(found, raise_after=str(condition.setting.raise_after), raised_from=condition.raised_from)


def step_words(condition: Condition, now: int) -> str:
    """How a severity beyond the first came about, as the end of a deadline's arithmetic; empty while it is the first."""
    reached = severity_at(condition, now)
    at = next(at for at, severity in condition.steps if severity == reached)
    reason = dict(condition.reasons).get(at)
    if reason is not None and reached != condition.setting.severity:
        zone = "UTC" if condition.trace is None else condition.zone or condition.trace.calendar.zone
        return f"; {reached} from {moment(at, zone)} ({zone}): {reason}"
    if reached == condition.steps[0][1]:
        return ""
    trace, grace = condition.trace, condition.setting.grace.n
    if trace is not None:
        for step in condition.setting.steps:
            if step.depends:
                continue
            if isinstance(step.at, Portion):
                begun, due = condition.begun, condition.due
                waited = step.severity == reached and begun is not None and due is not None and begun < due
                if waited and portion(trace.calendar, begun or 0, due or 0, step.at, trace.span) + grace == at:
                    return f"; {reached} from {step.at} of the wait on"
                continue
            anchor = condition.due if isinstance(step.at, Later) else trace.anchor
            if step.severity == reached and anchor is not None and count(trace.calendar, anchor, step.at) + grace == at:
                return f"; {reached} from {arithmetic(trace.calendar, anchor, step.at, condition.zone)}"
    return f"; {reached} from {iso(at)}"


def severity_at(condition: Condition, now: int) -> Severity:
    """The severity of the last step reached, while the condition lasted."""
    reached = condition.steps[0][1]
    for at, severity in condition.steps[1:]:
        if at <= now and (condition.end is None or at < condition.end):
            reached = severity
    return reached


class ExceptionLifecycle:
    """All exceptions of one order, as they were last said."""

    __slots__ = ("_ids", "order", "states", "tenant")

    def __init__(self, tenant: str, order: str) -> None:
        self.tenant = tenant
        self.order = order
        self.states: dict[Key, ExceptionState] = {}
        self._ids: dict[Key, str] = {}

    def worked_on(self, kinds: Container[str]) -> bool:
        """Whether somebody has a case of one of these kinds. What was asked for ends with its exception: it needs no look of its own."""
        return any(state.work is not None and state.work.state in HELD and state.kind in kinds for state in self.states.values())

    @property
    def open(self) -> bool:
        """Whether any of them stands open."""
        return any(state.status in ("open", "suppressed") for state in self.states.values())

    def asks(self) -> bool:
        """Whether any of them asks for an action."""
        return any(state.action > 0 for state in self.states.values())

    def id_of(self, state: ExceptionState) -> str:
        """The exception's ID."""
        key = (state.kind, state.scope, state.episode)
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = exception_id(self.tenant, self.order, *key)
        return known


def changed(state: ExceptionState, **changes: Unpack[Changes]) -> ExceptionState:
    """A copy with some changes."""
    return replace(state, **changes)


def reconcile(
    known: Mapping[Key, ExceptionState],
    kind: str,
    seen: Mapping[str | None, list[Condition]],
    now: int,
    *,
    deadlines: bool,
    history: HistoryBounds | None = None,
    activated: int = NEVER,
) -> tuple[dict[Key, ExceptionState], bool]:
    """The states of a kind, so far `known`, as they should be by what its rule sees now (per scope its conditions that have begun).

    States that have not changed are returned as they are, others as changed copies; suppression is not decided here. A timed
    condition is only raised when `deadlines` are decided, that is once all records of the instant are in: an order that comes late
    is not decided before its own history. Until then it is left out, and the second value says so. `history`: that of an order whose
    history was told; what it hides is not raised, and what began in it is marked. Its episodes count none the less. `activated`: the log
    time at which the policy was activated; what was over by then stays as it is, and later episodes are counted after it.
    """
    after: dict[Key, ExceptionState] = {}
    left_out = False
    for scope, conditions in seen.items():
        over = max((s.episode for s in known.values() if s.scope == scope and was_over(s, activated)), default=0)
        for episode, condition in enumerate(conditions, over + 1):
            key = (kind, scope, episode)
            before = known.get(key)
            unsaid = before is None or before.status == "retracted"
            if history is not None and unsaid and history.hides(condition.start, condition.end):
                continue
            if condition.timed and not deadlines and unsaid:
                left_out = True
            else:
                decided = now if deadlines else now - 1
                horizon = condition.horizon
                state = after[key] = _judged(key, before, condition, decided if horizon is None else min(decided, horizon))
                if state is not before:
                    state.news = now
                if unsaid:
                    state.backfilled = history is not None and condition.start < history.judged
    for key, before in known.items():
        stays = before.status == "resolved" and (before.news <= activated or before.resolution == POLICY_CHANGED)
        if key not in after and before.status != "retracted" and not stays:
            after[key] = replace(before, status="retracted", suppressed_by=None)
    return after, left_out


def was_over(state: ExceptionState, activated: int) -> bool:
    """Whether an exception and its condition were over when a policy was activated."""
    return state.status == "resolved" and state.news <= activated and state.resolution not in LASTING


def expired(state: ExceptionState, now: int) -> ExceptionState:
    """An open exception that is closed at log time `now`, since there has been no news for too long."""
    return replace(state, status="resolved", resolution=EXPIRED, end=now, suppressed_by=None)


def _judged(key: Key, known: ExceptionState | None, condition: Condition, now: int) -> ExceptionState:
    if known is not None and known.resolution == EXPIRED and known.status == "resolved":
        return known  # Nobody wants to hear of it again while it is the same.
    setting = condition.setting
    severity = severity_at(condition, now)
    status: Status = "open" if condition.end is None else "resolved"
    resolution = condition.resolution if status == "resolved" else None
    case = NEW if known is None or known.work is None else known.work
    if status == "open" and case.state == "resolved":
        status, resolution = "resolved", "case"
    owner, lane = condition.owner or _owner(condition, now), condition.lane or setting.lane
    if (
        known is not None
        and known.start == condition.start
        and known.due == condition.due
        and known.end == condition.end
        and known.severity == severity
        and known.resolution == resolution
        and (known.status == status or (known.status == "suppressed" and status == "open"))
        and (known.owner, known.lane, known.mode) == (owner, lane, setting.switch)
    ):
        return known
    return replace(
        known or ExceptionState(*key),
        status=status,
        severity=severity,
        mode=setting.switch,
        owner=owner,
        lane=lane,
        start=condition.start,
        end=condition.end,
        due=condition.due,
        begun=condition.begun,
        arithmetic=reckon(condition) + step_words(condition, now),
        counted=counted_of(condition),
        detail=condition.detail,
        resolution=resolution,
        suppressed_by=None,
        evidence=tuple(cite(r) for r in condition.evidence),
    )


def _owner(condition: Condition, now: int) -> str:
    """Who owns a condition: of the normal path while it is a warning, else by what it is about, else of its kind."""
    owners = condition.setting.owners
    if not owners:
        return condition.setting.owner
    if NORMAL in owners and condition.due is not None and now < condition.due:
        return owners[NORMAL]
    about = "order" if condition.scope is None else condition.scope.partition(":")[0]
    return owners.get(about, condition.setting.owner)


def suppress(states: Iterable[ExceptionState], suppressors: Mapping[str, frozenset[str]]) -> dict[Key, ExceptionState | None]:
    """Who suppresses whom among the unresolved exceptions of one order: of each, the state that suppresses it, or None.

    The same scope, or one of the two being the whole order, and the same mode; the first suppressor in the order of kinds is named.
    """
    unresolved = [state for state in states if state.status in ("open", "suppressed")]
    graver = frozenset[str]().union(*(suppressors[kind] for kind in {state.kind for state in unresolved} if kind in suppressors))
    first: dict[tuple[str, str] | tuple[str, str, str | None], ExceptionState] = {}
    """Of a kind and mode, and of these in a scope."""
    for state in sorted((v for v in unresolved if v.kind in graver), key=place):
        first.setdefault((state.kind, state.mode), state)
        first.setdefault((state.kind, state.mode, state.scope), state)
    answer: dict[Key, ExceptionState | None] = {}
    for state in unresolved:
        answer[state.kind, state.scope, state.episode] = next(
            (found for kind in sorted(suppressors.get(state.kind, ())) if (found := _graver(state, kind, first)) is not None), None
        )
    return answer


def place(state: ExceptionState) -> tuple[str, str, int]:
    """An exception's place among those of its order."""
    return (state.kind, state.scope or "", state.episode)


def _graver(
    state: ExceptionState, kind: str, first: Mapping[tuple[str, str] | tuple[str, str, str | None], ExceptionState]
) -> ExceptionState | None:
    """The first unresolved exception of a kind that is about the same as another, or about the whole order."""
    if state.scope is None:
        return first.get((kind, state.mode))
    return first.get((kind, state.mode, None)) or first.get((kind, state.mode, state.scope))


def retracted(states: Mapping[Key, ExceptionState], kinds: Collection[str]) -> dict[Key, ExceptionState]:
    """What was said by rules that are not among these kinds, taken back: as by a rule that is switched off."""
    return {
        key: changed(state, status="retracted", suppressed_by=None)
        for key, state in states.items()
        if state.kind not in kinds and state.status != "retracted"
    }
