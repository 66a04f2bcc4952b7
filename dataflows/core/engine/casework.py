"""What decisions and time make of the cases of one order, and what its exceptions' changes make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from msgspec.structs import replace

from dataflows.core.clocks import Calendar
from dataflows.core.decisions import clocks, escalation
from dataflows.core.decisions.cases import (
    NEW,
    PAUSED,
    PROMISE_MOVES,
    SEVERITY_RISES,
    TIME,
    CaseState,
    decided,
    refused,
    woken,
)
from dataflows.core.decisions.clocks import Terms
from dataflows.core.decisions.escalation import Duty
from dataflows.core.decisions.suggestions import NONE, SUGGESTED, refused_suggestion, suggested
from dataflows.core.engine.exceptions import EXPIRED, ExceptionState
from dataflows.core.engine.lifecycle import Key
from dataflows.core.engine.order import Order
from dataflows.core.history.facts import Facts
from dataflows.core.policy import Policy, RuleSetting
from dataflows.core.policy.model import LadderStep
from dataflows.core.policy.setting import SEVERITIES
from schemas.events import CaseEvent, SuggestionMade
from schemas.record import Record
from schemas.wire import micros

UNSET = RuleSetting(kind="")
"""What holds for cases of rules that the policy does not have any more."""


def refusal(state: ExceptionState, record: Record) -> tuple[str, str] | None:
    """Why a decision about an exception cannot be taken, as reason and detail; None if it can."""
    if record.event.type == SUGGESTED:
        return refused_suggestion(state.suggestions or NONE, state.status, cast("SuggestionMade", record.event.data))
    data = cast("CaseEvent", record.event.data)
    if state.mode != "on":
        return "exception_in_shadow", "its rule is in shadow: what it says asks nobody for anything"
    return refused(record.event.type, data, record.log, _until(data), closed=state.status == "resolved" and state.resolution == "case")


class Casework:
    """Cases under one policy. Nothing here changes an order: every function gives what is to be."""

    def __init__(self, policy: Policy, index: Mapping[str, int]) -> None:
        self._policy = policy
        self._index = index

    def decided(self, order: Order, facts: Facts, record: Record) -> dict[Key, ExceptionState]:
        """The exception whose case a decision changes."""
        data, now = cast("CaseEvent", record.event.data), record.log
        for key, state in order.exceptions.states.items():
            if order.exceptions.id_of(state) != data.exception_id:
                continue
            before, setting = state.work or NEW, self._setting(order, state)
            case = decided(
                before,
                record.event.type,
                data,
                now,
                until=_until(data),
                longest=setting.longest_pause.n,
                over=_aged(state),
                severity=state.severity,
                promise=_dates(facts),
            )
            if case is before:
                return {}
            if before.paused is not None and case.state != "waiting":
                case = clocks.resumed(case, now, self._terms(order, setting, state, case))
            elif case.state == "waiting" and case.opened is not None and before.paused is None:
                case = replace(case, paused=now)
            found = self._planned(order, setting, replace(state, work=case), now)
            if _aged(state) and record.event.type == "case.reopened":
                found = replace(found, status="open", resolution=None)
            return {key: found}
        return {}

    def suggested(self, order: Order, record: Record) -> dict[Key, ExceptionState]:
        """The exception about which something is suggested. How it stands, its case and its clocks stay as they are."""
        data = cast("SuggestionMade", record.event.data)
        for key, state in order.exceptions.states.items():
            if order.exceptions.id_of(state) == data.exception_id:
                return {key: replace(state, suggestions=suggested(state.suggestions or NONE, data, record.log))}
        return {}

    def due(self, order: Order, now: int) -> dict[Key, ExceptionState]:
        """The exceptions of whose cases something is due: a snooze or a wait that ends, else the next rung of a ladder."""
        found: dict[Key, ExceptionState] = {}
        for key, state in order.exceptions.states.items():
            case = state.work
            if case is None or case.due is None or case.due > now:
                continue
            setting = self._setting(order, state)
            if case.until is not None and case.until <= now and case.state in PAUSED:
                found[key] = self._woken(order, setting, state, case, TIME, now)
            else:
                found[key] = self._escalated(order, setting, state, case, now)
        return found

    def followed(
        self, order: Order, facts: Facts, states: Mapping[Key, ExceptionState], changes: dict[Key, ExceptionState], *, dated: bool
    ) -> None:
        """Adds to the changes of an order what they make of its cases. `dated`: dates that it states may have been changed."""
        now = facts.now
        for key, state in changes.items():
            after = self._followed(order, order.exceptions.states.get(key), state, now)
            if after is not state:
                changes[key] = after
        if dated:
            dates = ""
            for key, known in states.items():
                state = changes.get(key, known)
                case = state.work
                if case is not None and case.opened is not None and case.state == "snoozed" and case.until_kind == PROMISE_MOVES:
                    dates = dates or _dates(facts)
                    if case.promise != dates:
                        changes[key] = self._woken(order, self._setting(order, state), state, case, PROMISE_MOVES, now)

    def _followed(self, order: Order, before: ExceptionState | None, state: ExceptionState, now: int) -> ExceptionState:
        """An exception's state with its case as its change makes it."""
        case = state.work or NEW
        if before is not None and _came_back(before, state):
            case = replace(case, flaps=case.flaps + 1)
            state = replace(state, work=case)
        if state.status != "open" or state.mode != "on":  # In shadow nobody has it, and no clock runs.
            if case.opened is None:
                return state
            return self._planned(order, self._setting(order, state), replace(state, work=clocks.stopped(case)), now)
        setting = self._setting(order, state)
        terms = self._terms(order, setting, state, case)
        case = (clocks.opened if case.opened is None else clocks.risen)(case, state.severity, now, terms)
        state = replace(state, work=case)
        if case.until is not None and case.until <= now:
            return self._woken(order, setting, state, case, TIME, now)  # It ended while the exception was not open.
        if case.state == "snoozed" and case.until_kind == SEVERITY_RISES and _rank(state.severity) > _rank(case.grade_then):
            return self._woken(order, setting, state, case, SEVERITY_RISES, now)
        return self._planned(order, setting, state, now)

    def _woken(self, order: Order, setting: RuleSetting, state: ExceptionState, case: CaseState, by: str, now: int) -> ExceptionState:
        terms = self._terms(order, setting, state, case)
        return self._planned(order, setting, replace(state, work=clocks.resumed(woken(case, by, now), now, terms)), now)

    def _escalated(self, order: Order, setting: RuleSetting, state: ExceptionState, case: CaseState, now: int) -> ExceptionState:
        ladder = self._policy.ladders.get(setting.ladder or "")
        if ladder is not None:
            case = escalation.escalated(case, ladder, self._duty(order, state, case), _team(state, case), now)
        return self._planned(order, setting, replace(state, work=case), now)

    def _planned(self, order: Order, setting: RuleSetting, state: ExceptionState, now: int) -> ExceptionState:
        """The state with the instant at which its case escalates next."""
        case = state.work or NEW
        ladder = self._policy.ladders.get(setting.ladder or "") if state.mode == "on" else None
        planned = escalation.planned(case, ladder, self._duty(order, state, case), _team(state, case), now)
        return replace(state, work=planned)

    def _setting(self, order: Order, state: ExceptionState) -> RuleSetting:
        index = self._index.get(state.kind)
        return UNSET if index is None or order.profile is None else order.profile.settings[index]

    def _terms(self, order: Order, setting: RuleSetting, state: ExceptionState, case: CaseState) -> Terms:
        return Terms(setting.acknowledge, setting.resolve, self._policy.team_calendar(_team(state, case), order.tenant))

    def _duty(self, order: Order, state: ExceptionState, case: CaseState) -> Duty:
        policy, tenant = self._policy, order.tenant

        def windows(step: LadderStep, team: str) -> tuple[Calendar, ...]:
            return policy.windows(step, team, tenant)

        return Duty(policy.team_calendar(_team(state, case), tenant), windows)


def next_due(states: Mapping[Key, ExceptionState]) -> int | None:
    """When something happens by itself to one of some cases."""
    return min((at for state in states.values() if state.work is not None and (at := state.work.due) is not None), default=None)


def _aged(state: ExceptionState) -> bool:
    """Whether an exception was closed for age."""
    return state.status == "resolved" and state.resolution == EXPIRED


def _came_back(before: ExceptionState, state: ExceptionState) -> bool:
    """Whether an exception that was over or taken back holds again, by itself."""
    if state.status not in ("open", "suppressed"):
        return False
    return before.status == "retracted" or (before.status == "resolved" and before.resolution not in ("case", EXPIRED))


def _team(state: ExceptionState, case: CaseState) -> str:
    """Whoever has a case: the team that it was given to, else the owner."""
    return case.team or state.owner


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _until(data: CaseEvent) -> int | None:
    return None if data.until is None else micros(data.until)


def _dates(facts: Facts) -> str:
    """The dates that an order and its lines state, as far as they are promises: a text that is another when one of them is moved."""
    if facts.placed is None:
        return ""
    fields = facts.fields
    lines = sorted((line.line_id or "", line.sku or "", line.promised_by or "", line.ship_by or "") for line in fields.lines or ())
    dated = [line for line in lines if line[2] or line[3]]
    return repr((fields.promised_by, fields.ship_by, dated))
