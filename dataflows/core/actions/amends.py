"""What becomes of an action when what it was asked for under changes: it is asked for anew, held back, or made good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dataflows.core.actions.digest import payload_hash
from dataflows.core.actions.exclusive import overlap
from dataflows.core.actions.machine import Machine
from dataflows.core.actions.messages import OF_MESSAGES
from dataflows.core.actions.model import RULE, ActionState, with_guardrail
from dataflows.core.engine.exceptions import derived_id
from schemas.actions import ACTIONS, UNDER_WAY

if TYPE_CHECKING:
    from dataflows.core.engine.intents import Intent
    from dataflows.core.rules.guarding import Objection

WAITS = ("proposed", "blocked")
GRAVER = {"auto": 0, "review": 1, "block": 2}
"""Lanes, the freest first."""
OWN = frozenset(("automation_paused", "budget", "one_irreversible_action", "parameters", *OF_MESSAGES))
"""The guardrails that only an action shard asks, or that an order says in other ways: they stay when others are said anew."""


def guarded(machine: Machine, intent: Intent) -> None:
    """Takes in what stands against an action now. What has begun is a fact, what has ended is over: neither changes.

    What was requested and would not be so now is withdrawn, and proposed anew to a person. What waits for a person goes on waiting for
    one: that a guardrail speaks no more loosens nothing that was held once.
    """
    action = machine.of_firing(intent.firing)
    if action is None or action.state not in (*WAITS, "requested"):
        return
    if _does(intent.parameters) != _does(action.parameters) or intent.target != action.target:
        again(machine, action, intent.log, "what it would do has changed", intent)
        return
    spoken = (*(each for each in action.guardrails if each.name in OWN or each.effect == "hold"), *_lasting(intent))
    new = [each for each in intent.guardrails if each.effect != "hold" and each.name not in {known.name for known in action.guardrails}]
    graver = GRAVER[intent.lane] > GRAVER[action.lane]
    if action.state == "requested":
        # Who approved it knew what spoke then: what blocks goes back to a person, what asks for one has had one.
        if any(each.effect == "block" for each in new) or (graver and (intent.lane == "block" or not action.approved)):
            why = "; ".join(each.reason for each in new) or f"its lane is {intent.lane} now"
            again(machine, action, intent.log, why, intent)
        return
    lane = intent.lane if graver else _loosened(action, intent, spoken)
    if (spoken, lane) == (action.guardrails, action.lane) and not new:
        return
    action.guardrails, action.lane, action.severity, action.owner = spoken, lane, intent.severity, intent.owner
    if lane != "auto" and not action.outstanding:
        action.approvals = max(machine.needed(action.action, action.amount), len(action.approved) + 1)
        machine.await_person(action, intent.log)
    machine.say(action, intent.log)


def gone(machine: Machine, intent: Intent) -> None:
    """The reason of an action has gone: what has not begun is withdrawn, what has is made good."""
    action = machine.of_firing(intent.firing)
    if action is None:
        if intent.why is None:
            machine.writer.withdrawn_of_before(intent)
        return
    action.wanted = False
    machine.touch(action.id)
    if action.state in (*WAITS, "requested"):
        if intent.why is not None:
            with_guardrail(action, intent.why)
        machine.withdraw(action, intent.log, "" if intent.why is None else intent.why.reason)
    elif action.state in UNDER_WAY:
        compensate(machine, action, intent.log, "its reason has gone since it began")
    elif action.state == "failed" and action.retry_at:
        action.retry_at = 0
        machine.say(action, intent.log)


def judged(machine: Machine, intent: Intent) -> None:
    """An order's shard has judged a message that a person asked for: what must not be said is taken back."""
    action = machine.actions.get(intent.action_of)
    if action is None or action.final:
        return
    action.message = intent.message
    machine.touch(action.id)
    objection = None if intent.message is None else intent.message.objection
    if objection is None:
        return
    with_guardrail(action, objection)
    if action.state in (*WAITS, "requested"):
        machine.withdraw(action, intent.log, objection.reason)
    elif action.state in UNDER_WAY:
        compensate(machine, action, intent.log, objection.reason)


def again(machine: Machine, action: ActionState, now: int, why: str, intent: Intent | None = None) -> None:
    """Withdraws an action that has not begun, and asks for it anew: under another ID, with nobody's approval.

    `intent`: what is asked for now; None: the same as before.
    """
    machine.withdraw(action, now, why)
    firing, action.firing, action.wanted = action.firing, "", False
    machine.forget_firing(firing)
    fresh = replace(
        action,
        id=derived_id(f"{action.id}\x1fagain"),
        state="proposed",
        sequence=0,
        firing=firing,
        guardrails=tuple(each for each in action.guardrails if each.name not in OWN),
        reason=f"asked for again: {why}",
        approved=(),
        approvals=max(1, machine.needed(action.action, action.amount)),
        lane="review" if action.lane == "auto" else action.lane,
        wanted=True,
        deciding=(),
        ended=0,
        was_requested=False,
        replaces=action.id,
    )
    if intent is not None:
        lane = intent.lane if GRAVER[intent.lane] > GRAVER["auto"] else "review"
        fresh.parameters, fresh.target, fresh.guardrails, fresh.lane = intent.parameters, intent.target, tuple(intent.guardrails), lane
        fresh.payload = payload_hash(fresh.tenant, fresh.order, fresh.exception, fresh.action, fresh.target, fresh.parameters)
        fresh.amount, fresh.severity, fresh.owner, fresh.policy = intent.amount, intent.severity, intent.owner, intent.policy
        fresh.said, fresh.hold_until = intent.said, intent.hold_until
        fresh.approvals = max(1, machine.needed(fresh.action, fresh.amount))
    fresh.stop_waiting()
    machine.begin(fresh, now)


def began_after_all(machine: Machine, action: ActionState, now: int) -> None:
    """An action has begun although it had ended: what was asked for in its place is not to be done as well."""
    for other in machine.of_order(action.tenant, action.order):
        if other.replaces == action.id and other.state in (*WAITS, "requested"):
            firing, other.firing, other.wanted = other.firing, "", False
            machine.withdraw(other, now, f"{action.action} began after all")
            machine.forget_firing(firing)
            action.firing, action.wanted = firing, True
            machine.add(action)


def hold_back(machine: Machine, doubtful: ActionState, now: int) -> None:
    """What is requested for the target of an action in doubt is taken back: nobody knows what it would meet."""
    for other in machine.of_order(doubtful.tenant, doubtful.order):
        apart = other.id == doubtful.id or other.target == "task"
        if other.state == "requested" and not apart and overlap(other.target, doubtful.target):
            again(machine, other, now, f"what {doubtful.action} has done is not known ({doubtful.id})")


def compensate(machine: Machine, action: ActionState, now: int, why: str) -> None:
    """Proposes, once, what makes an action good that has begun and should not have."""
    name = action.spec.compensation
    if name is None or action.compensated or action.compensates is not None:
        return
    action.compensated = True
    machine.touch(action.id)
    target = "task" if ACTIONS[name].target == "task" else action.target
    parameters: dict[str, object] = {"compensates": action.id, "action": action.action, "target": action.target}
    machine.begin(
        ActionState(
            id=derived_id(f"{action.id}\x1fcompensation"),
            tenant=action.tenant,
            order=action.order,
            action=name,
            target=target,
            parameters=parameters,
            payload=payload_hash(action.tenant, action.order, action.exception, name, target, parameters),
            exception=action.exception,
            kind=action.kind,
            step="compensate",
            said=action.said,
            reason=f"makes {action.action} good: {why}",
            evidence=action.evidence,
            severity=action.severity,
            policy=action.policy,
            customer=action.customer,
            amount=action.amount,
            initiated_by=f"{RULE}{action.kind}" if action.by_rule else action.initiated_by,
            approvals=machine.needed(name, action.amount),
            compensates=action.id,
            owner=action.owner,
        ),
        now,
    )


def not_done(machine: Machine, action: ActionState, now: int) -> None:
    """An action has ended without effect: nothing is to be made good."""
    known = machine.actions.get(derived_id(f"{action.id}\x1fcompensation"))
    if known is not None and known.state in (*WAITS, "requested"):
        machine.withdraw(known, now, f"{action.action} was not carried out")


def _does(parameters: dict[str, object]) -> dict[str, object]:
    """What an action would do: the lane of its exception is no part of that."""
    return {name: value for name, value in parameters.items() if name != "lane"}


def _lasting(intent: Intent) -> tuple[Objection, ...]:
    """What an order says against an action; for how long it is quiet was said when it was asked for."""
    return tuple(each for each in intent.guardrails if each.effect != "hold")


def _loosened(action: ActionState, intent: Intent, spoken: tuple[Objection, ...]) -> str:
    """The lane of what waits when nothing graver was said: `block` ends with what blocked it, `review` never."""
    blocked = intent.lane == "block" or any(each.effect == "block" for each in spoken)
    return "review" if action.lane == "block" and not blocked else action.lane
