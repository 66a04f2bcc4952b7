"""The ledger of one order: what has been said of it, compared with what its rules find now. The difference is what is published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypedDict, Unpack

from dataflows.core.clocks.explain import arithmetic
from dataflows.core.engine.exceptions import ExceptionState, Status, exception_id
from dataflows.core.policy.setting import Severity
from dataflows.core.rules.conditions import Condition, count
from schemas.instants import iso
from schemas.record import Evidence, Record

Key = tuple[str, "str | None", int]


class Changes(TypedDict, total=False):
    """What the engine changes of a verdict apart from its condition."""

    status: Status
    suppressed_by: str | None
    case: tuple[str, str | None, str | None]


def cite(record: Record) -> Evidence:
    """A record as evidence."""
    event = record.event
    return Evidence(event.source, event.id, event.type, record.at, record.topic, record.partition, record.offset)


def reckon(condition: Condition) -> str:
    """The deadline's arithmetic in words; for a signal, when it happened."""
    if condition.reckoning is None:
        return f"happened {iso(condition.start)}"
    reckoning = condition.reckoning
    words = f"{reckoning.label} " + arithmetic(reckoning.calendar, reckoning.anchor, reckoning.span)
    return f"{words}, and {condition.setting.grace.n // 1_000_000} s of grace" if condition.setting.grace.n else words


def step_words(condition: Condition, now: int) -> str:
    """How a severity beyond the first came about, as the end of a deadline's arithmetic; empty while it is the first."""
    reached = severity_at(condition, now)
    if reached == condition.steps[0][1]:
        return ""
    at = next(at for at, severity in condition.steps if severity == reached)
    reckoning = condition.reckoning
    if reckoning is not None:
        for step in condition.setting.steps:
            if step.severity == reached and count(reckoning.calendar, reckoning.anchor, step.at) == at:
                return f"; {reached} from {arithmetic(reckoning.calendar, reckoning.anchor, step.at)}"
    return f"; {reached} from {iso(at)}"


def severity_at(condition: Condition, now: int) -> Severity:
    """The severity of the last step reached, while the condition lasted."""
    reached = condition.steps[0][1]
    for at, severity in condition.steps[1:]:
        if at <= now and (condition.end is None or at < condition.end):
            reached = severity
    return reached


class ExceptionLifecycle:
    """All verdicts on one order."""

    __slots__ = ("order", "tenant", "verdicts")

    def __init__(self, tenant: str, order: str) -> None:
        self.tenant = tenant
        self.order = order
        self.verdicts: dict[Key, ExceptionState] = {}

    def id_of(self, verdict: ExceptionState) -> str:
        """The exception's ID."""
        return exception_id(self.tenant, self.order, verdict.kind, verdict.scope, verdict.episode)

    @staticmethod
    def copy(verdict: ExceptionState, **changes: Unpack[Changes]) -> ExceptionState:
        """The verdict with some changes."""
        return replace(verdict, **changes)

    def reconcile(
        self, kind: str, found: dict[str | None, list[Condition]], now: int, *, deadlines: bool
    ) -> tuple[dict[Key, ExceptionState], bool]:
        """Takes in what a rule finds now (per scope, its conditions that have begun, in order); returns the verdicts as they should be.

        Verdicts that have not changed are returned as they are, others as changed copies; suppression is not decided here. A timed
        condition is only raised when `deadlines` are decided, that is once all records of the instant are in: an order that comes late
        is not judged before its own history. Until then it is left out, and the second value says so.
        """
        after: dict[Key, ExceptionState] = {}
        deferred = False
        for scope, conditions in found.items():
            for position, condition in enumerate(conditions):
                key = (kind, scope, position + 1)
                known = self.verdicts.get(key)
                if condition.timed and not deadlines and (known is None or known.status == "retracted"):
                    deferred = True
                else:
                    decided = now if deadlines else now - 1
                    horizon = condition.horizon
                    after[key] = self._judged(key, condition, decided if horizon is None else min(decided, horizon))
        for key, known in self.verdicts.items():
            if key[0] == kind and key not in after and known.status != "retracted":
                after[key] = replace(known, status="retracted", suppressed_by=None)
        return after, deferred

    def _judged(self, key: Key, condition: Condition, now: int) -> ExceptionState:
        known = self.verdicts.get(key)
        setting = condition.setting
        severity = severity_at(condition, now)
        status: Status = "open" if condition.end is None else "resolved"
        resolution = condition.resolution if status == "resolved" else None
        case = known.case if known is not None else None
        if status == "open" and case is not None and case[0] == "resolved":
            status, resolution = "resolved", "case"
        owner, lane = condition.owner or setting.owner, condition.lane or setting.lane
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
            arithmetic=reckon(condition) + step_words(condition, now),
            detail=condition.detail,
            resolution=resolution,
            suppressed_by=None,
            evidence=tuple(cite(r) for r in condition.evidence),
        )


def suppress(verdicts: Iterable[ExceptionState], suppressors: dict[str, frozenset[str]], id_of: dict[int, str]) -> dict[int, str | None]:
    """Who suppresses whom among the unresolved verdicts of one order: `id()` of a verdict to the ID of its suppressor, or None.

    The same scope, or one of the two being the whole order, and the same mode; the first suppressor in the order of kinds is named.
    """
    live = sorted((v for v in verdicts if v.status in ("open", "suppressed")), key=lambda v: (v.kind, v.scope or "", v.episode))
    answer: dict[int, str | None] = {}
    for verdict in live:
        graver = suppressors.get(verdict.kind, frozenset())
        answer[id(verdict)] = next(
            (
                id_of[id(other)]
                for other in live
                if other.kind in graver
                and other.mode == verdict.mode
                and (other.scope is None or verdict.scope is None or other.scope == verdict.scope)
            ),
            None,
        )
    return answer
