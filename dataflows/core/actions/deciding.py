"""What people, and what carries actions out, say about actions: each is checked, and refused with a reason where it cannot count."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from dataflows.core.actions.amends import began_after_all, compensate, hold_back, not_done
from dataflows.core.actions.digest import payload_hash
from dataflows.core.actions.exclusive import excludes
from dataflows.core.actions.machine import Machine
from dataflows.core.actions.messages import objection_of
from dataflows.core.actions.model import PERSON, ActionState
from dataflows.core.actions.pauses import Pause, pause_over, wrong_scope
from dataflows.core.engine.exceptions import derived_id
from dataflows.core.rules.legality import legal
from schemas.actions import ACTIONS
from schemas.deciding import refused_decision
from schemas.events import ActionEvent, ActionInitiated, AutomationEvent
from schemas.record import Evidence, Record
from schemas.wire import micros

Refusal = tuple[str, str]
"""A reason and its detail."""
MOST_PARAMETERS = 20_000
"""How many bytes the parameters of an action may have as a text."""
MOST_REMEMBERED = 64
"""How many decisions on one action are remembered, so that repeated ones are dropped."""


def decide(machine: Machine, record: Record) -> Refusal | None:
    """Takes a decision about one action in; says why if it cannot count."""
    refused = refused_decision(record)
    if refused is not None:
        return refused
    if not record.order:
        return "no_subject", "a decision about an action names its order as subject"
    if record.event.type == "action.initiated":
        return _initiate(machine, record)
    data = cast("ActionEvent", record.event.data)
    action = machine.actions.get(data.action_id)
    if action is None or (action.tenant, action.order) != (record.event.tenant, record.order):
        return "unknown_action", f"no action {data.action_id} has been said of this order before"
    name = identity(record)
    if name in action.deciding:
        return None  # The same event again.
    # What was refused is remembered as well: sent again it does not count because the way is free by then.
    action.deciding = (*action.deciding, name)[-MOST_REMEMBERED:]
    machine.touch(action.id)
    return _SORTS[record.event.type](machine, action, data, record.log)


def identity(record: Record) -> str:
    """What a repeated event has in common with the first."""
    return f"{record.event.source}\x1f{record.event.id}"


def pause(machine: Machine, record: Record) -> Refusal | bool:
    """Takes in that automation is paused or resumed; whether that changes anything, or why it cannot count."""
    refused = refused_decision(record)
    if refused is not None:
        return refused
    data = cast("AutomationEvent", record.event.data)
    if not data.by:
        return "no_name", "who paused or resumed it is not said"
    wrong = wrong_scope(data.scope)
    if wrong is not None:
        return "bad_scope", wrong
    if record.event.type == "automation.resumed":
        return machine.pauses.pop(data.scope, None) is not None
    if data.scope in machine.pauses:
        return False
    machine.pauses[data.scope] = Pause(record.log, data.by, data.reason or "")
    return True


def _judged(action: ActionState, data: ActionEvent) -> Refusal | None:
    """Why a person's word about an action cannot count."""
    if not data.payload_hash:
        return "no_hash", "an approval or rejection names the payload_hash of what was read"
    if data.payload_hash != action.payload:
        return "wrong_hash", f"what was read is not this action: its payload_hash is {action.payload}"
    if not data.by:
        return "no_name", "who decided is not said"
    if not data.by.startswith(PERSON):
        return "not_a_person", f"{data.by} is no person"
    return None


def _role(machine: Machine, action: ActionState, data: ActionEvent) -> Refusal | None:
    roles = machine.policy.actions.roles_for(action.action)
    if not set(roles) & set(data.by_roles or ()):
        return "role_missing", f"{action.action} is decided by {' or '.join(roles)}"
    return None


def _approve(machine: Machine, action: ActionState, data: ActionEvent, now: int) -> Refusal | None:
    refused = _judged(action, data)
    if refused is not None:
        return refused
    by = cast("str", data.by)
    if action.state == "blocked":
        objection = objection_of(action)
        if objection is not None and not action.rival:
            return objection.name, objection.reason
        return "blocked", f"another action of the same target comes first: {action.rival}"
    if action.state != "proposed" or not action.outstanding:
        return "wrong_state", f"the action waits for no approval: it is {action.state}"
    if by.casefold() == action.initiated_by.casefold():
        return "own_action", "who asked for an action does not approve it"
    if by.casefold() in (each.casefold() for each in action.approved):
        return "already_approved", f"{by} has approved it already"
    refused = _role(machine, action, data)
    if refused is not None:
        return refused
    if action.outstanding == 1:
        # The last one that is needed: what would keep it from being requested refuses the approval, so that nothing waits unseen.
        hindered = machine.hindrance(action, now)
        if hindered is not None:
            return hindered.name, hindered.reason
        rival = machine.rival(action)
        if rival is not None:
            return "blocked", f"another action of the same target is open: {rival.id}"
    action.approved = (*action.approved, by)
    if action.outstanding:
        machine.say(action, now)
    else:
        machine.request_if_free(action, now)
    return None


def _reject(machine: Machine, action: ActionState, data: ActionEvent, now: int) -> Refusal | None:
    refused = _judged(action, data)
    if refused is not None:
        return refused
    if action.state not in ("proposed", "blocked", "requested"):
        return "wrong_state", f"the action is {action.state}"
    refused = None if cast("str", data.by) == action.initiated_by else _role(machine, action, data)
    if refused is not None:
        return refused
    action.was_requested = action.state == "requested"
    action.state, action.rival, action.reason = "rejected", "", f"rejected by {data.by}"
    machine.budgets.give_back(action)
    machine.say(action, now)
    return None


def _begin(machine: Machine, action: ActionState, data: ActionEvent, now: int) -> Refusal | None:
    late = action.state in ("withdrawn", "rejected") and action.was_requested
    again = action.state == "failed" and action.retry_at > 0
    if data.replay and action.state == "failed" and not again:
        refused = _replayed(machine, action)
        if refused is not None:
            return refused
        again = True
    if not (action.state == "requested" or late or again):
        if action.state == "in_doubt":
            return "in_doubt", "what the last attempt did is not known: only an observation ends that"
        return "not_requested", f"nobody asked for it to be begun: it is {action.state}"
    attempt = data.attempt if data.attempt is not None else action.attempt + 1
    if attempt <= action.attempt:
        return "attempt_repeated", f"attempt {action.attempt} has begun already"
    action.state, action.attempt, action.began, action.retry_at, action.ended = "begun", attempt, now, 0, 0
    if late:
        # It was begun before the end was read: that is a fact now, and what was given back is used up.
        machine.budgets.reserve(action, now)
        began_after_all(machine, action, now)
        for other in machine.of_order(action.tenant, action.order):
            if other.state == "requested" and excludes(action, other):
                machine.withdraw(other, now, f"{action.action} of {action.kind or action.initiated_by} began after all")
    machine.say(action, now)
    paused = pause_over(machine.pauses, action)
    if late:
        compensate(machine, action, now, "it was begun although it had been withdrawn")
    elif paused is not None:
        compensate(machine, action, now, f"it was begun although {paused.reason}")
    return None


def _replayed(machine: Machine, action: ActionState) -> Refusal | None:
    """Why an action that has failed for good is not to be begun again, although a person asked for it."""
    if not action.wanted:
        return "not_wanted", "its reason has gone since it failed"
    paused = pause_over(machine.pauses, action)
    if paused is not None:
        return paused.name, paused.reason
    rival = machine.rival(action)
    if rival is not None:
        return "blocked", f"another action of the same target is open: {rival.id}"
    for other in machine.of_order(action.tenant, action.order):
        if excludes(action, other) and other.state == "executed" and other.ended >= action.ended:
            return "blocked", f"another action of the same target was carried out since: {other.id}"
    return None


def _of_attempt(action: ActionState, data: ActionEvent) -> Refusal | None:
    """Why the outcome of an attempt cannot count. What was requested and not said to have begun has begun unseen."""
    if action.state == "in_doubt":
        return "in_doubt", "what the attempt did is not known: only an observation ends that"
    if action.state not in ("begun", "requested"):
        return "not_begun", f"it has not begun: it is {action.state}"
    if data.attempt is not None and action.state == "begun" and data.attempt != action.attempt:
        return "other_attempt", f"attempt {action.attempt} is under way"
    action.attempt = data.attempt or max(1, action.attempt)
    return None


def _executed(machine: Machine, action: ActionState, data: ActionEvent, now: int) -> Refusal | None:
    refused = _of_attempt(action, data)
    if refused is None:
        action.state, action.retry_at = "executed", 0
        machine.say(action, now)
    return refused


def _failed(machine: Machine, action: ActionState, data: ActionEvent, now: int) -> Refusal | None:
    refused = _of_attempt(action, data)
    if refused is None:
        _without_effect(machine, action, data, now)
    return refused


def _without_effect(machine: Machine, action: ActionState, data: ActionEvent, now: int) -> None:
    """An attempt had no effect: the next one is as it says, but what nobody wants any more is not tried again."""
    action.state = "failed"
    action.retry_at = 0 if data.retry_at is None or not action.wanted or action.compensated else micros(data.retry_at)
    machine.say(action, now)
    if action.final:
        not_done(machine, action, now)


def _doubt(machine: Machine, action: ActionState, data: ActionEvent, now: int) -> Refusal | None:
    refused = _of_attempt(action, data)
    if refused is None and data.retry_at is not None:
        # Not the end of the attempt: the same call is made again, under the same key, and may find out.
        action.state, action.began, action.retry_at = "begun", action.began or now, micros(data.retry_at)
        machine.say(action, now)
    elif refused is None:
        action.state, action.retry_at = "in_doubt", 0
        machine.say(action, now)
        hold_back(machine, action, now)
    return refused


def _observe(machine: Machine, action: ActionState, data: ActionEvent, now: int) -> Refusal | None:
    if action.state not in ("in_doubt", "begun"):
        return "wrong_state", f"there is no doubt about it: it is {action.state}"
    if data.outcome not in ("executed", "not_executed"):
        return "bad_outcome", f"an observation says executed or not_executed, not {data.outcome!r}"
    if data.attempt not in (None, action.attempt):
        return "other_attempt", f"what is not known is what attempt {action.attempt} did"
    if data.outcome == "not_executed":
        _without_effect(machine, action, data, now)
    else:
        action.state, action.retry_at = "executed", 0
        machine.say(action, now)
    return None


_SORTS: dict[str, Callable[[Machine, ActionState, ActionEvent, int], Refusal | None]] = {
    "action.approved": _approve,
    "action.rejected": _reject,
    "action.begun": _begin,
    "action.executed": _executed,
    "action.failed": _failed,
    "action.in_doubt": _doubt,
    "action.observed": _observe,
}


def _initiate(machine: Machine, record: Record) -> Refusal | None:
    """A person asks for an action."""
    event, data = record.event, cast("ActionInitiated", record.event.data)
    tenant, order = event.tenant, record.order
    id_ = derived_id(f"{tenant}\x1f{order}\x1f{identity(record)}\x1finitiated")
    if id_ in machine.actions:
        return None  # The same event again.
    if not data.by or not data.by.startswith(PERSON):
        return ("not_a_person", f"{data.by} is no person") if data.by else ("no_name", "who asked for it is not said")
    spec = ACTIONS.get(data.action)
    if spec is None:
        return "illegal_action", f"{data.action} is no action"
    kind, severity, customer = "", "low", None
    evidence: tuple[Evidence, ...] = (_evidence(record),)
    if data.exception_id is not None:
        known = next((each for each in machine.of_order(tenant, order) if each.exception == data.exception_id), None)
        if known is None:
            return "unknown_exception", f"nothing is known of an action for exception {data.exception_id}: name none"
        kind, severity, customer = known.kind, known.severity, known.customer
        evidence = (*known.evidence, *evidence)
        if data.action not in legal(kind):
            return "illegal_action", f"{data.action} is no step for {kind}"
    parameters: dict[str, object] = {**(data.parameters or {})}
    missing = [name for name in spec.needs if parameters.get(name) is None]
    if missing:
        return "parameters", f"missing: {', '.join(missing)}"
    if len(repr(parameters)) > MOST_PARAMETERS:
        return "parameters", "too large"
    wanted = parameters.get("target")
    target = wanted if isinstance(wanted, str) and wanted.startswith(f"{spec.target}:") else spec.target
    if target in ("shipment", "payment", "return"):
        target = "order"
    try:
        payload = payload_hash(tenant, order, data.exception_id, data.action, target, parameters)
    except ValueError as error:
        return "parameters", str(error)
    money = parameters.get("amount")
    amount = _money(money)
    if "amount" in spec.needs and amount is None:
        return "parameters", "amount is {amount: '12.90', currency: EUR}"
    machine.begin(
        ActionState(
            id=id_,
            tenant=tenant,
            order=order,
            action=data.action,
            target=target,
            parameters=parameters,
            payload=payload,
            exception=data.exception_id,
            kind=kind,
            step=data.action,
            lane="review",
            reason=f"{data.by} asked for it",
            evidence=evidence,
            severity=severity,
            policy=machine.policy.version,
            customer=customer,
            amount=amount,
            initiated_by=data.by,
            approvals=machine.needed(data.action, amount),
        ),
        record.log,
    )
    return None


def _money(stated: object) -> tuple[str, str] | None:
    if not isinstance(stated, dict):
        return None
    fields = cast("dict[str, object]", stated)
    value, currency = fields.get("amount"), fields.get("currency")
    if not isinstance(value, str) or not isinstance(currency, str) or not value.replace(".", "", 1).isdecimal() or not value.isascii():
        return None
    return value, currency


def _evidence(record: Record) -> Evidence:
    event = record.event
    return Evidence(event.source, event.id, event.type, record.at, record.topic, record.partition, record.offset, record.log)
