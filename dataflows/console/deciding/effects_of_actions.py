"""What a decision about actions or automation would do: who is told what, what it costs, what speaks against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from dataflows.console.deciding.allowances import Allowances, foreseen
from dataflows.console.deciding.effects import Effect
from dataflows.console.deciding.reading import ActionTarget
from dataflows.console.deciding.undoing import GOES_ON, PAUSES, REJECTS, STAYS_REJECTED, STAYS_SEEN
from dataflows.console.text import mark
from dataflows.console.visit import Visit
from schemas.actions import ACTIONS, ActionSpec
from schemas.messages import CHANNELS, MESSAGES
from sinks.actions.messages import MessageTextError, render
from sinks.cases.queries.deciding import ActionAbout, ScopePause
from sinks.cases.queries.rows import ExceptionRow, ListedAction

CANNOT_BE_UNDONE: Final = mark("What it does cannot be undone.")
CAN_BE_MADE_GOOD: Final = mark("What it does can be undone: by %(action)s.")
CAN_BE_UNDONE: Final = mark("What it does can be undone.")
GIVES_MONEY: Final = mark("It gives away money or its worth: %(value)s.")
GIVES_WORTH: Final = mark("It gives away money or its worth.")
CARRIED_OUT: Final = mark("It is requested, and dispatch carries it out at once.")
MORE_MUST_AGREE: Final = mark("%(count)s more must agree (%(roles)s) before it is requested.")
EXPIRES: Final = mark("It expires on %(at)s if nobody agrees.")
TELLS_CUSTOMER: Final = mark("The order's customer is told: about %(topic)s, by %(channel)s, in %(language)s.")
TELLS_TEAM: Final = mark("The team that has the exception is told.")
TELLS_SYSTEM: Final = mark("The endpoint that dispatch has for %(action)s is called.")
NOT_CARRIED_OUT: Final = mark("It is not carried out, and cannot be approved any more.")
SPEAKS: Final = mark("Guardrail %(name)s: %(reason)s.")
IS_PAUSED: Final = mark("Automation is paused for %(scope)s: an approval is refused until it goes on.")
RIVAL: Final = mark("Another action that cannot be undone is open for the same order: %(action)s (%(state)s). Only one at a time goes on.")
OWN: Final = mark("You asked for it: another person must approve it.")
AGREED: Final = mark("You have agreed already: another person must.")
NOT_WAITING: Final = mark("It waits for no approval: it is %(state)s. The engine will refuse this.")
NO_ROLE: Final = mark("It is approved by %(roles)s; you have %(own)s.")
SOMEBODY_APPROVES: Final = mark("Another person than you must approve it: %(count)s, and a role that the policy names.")
JUDGED: Final = mark("The engine looks at it first: was the customer told so already, or something else? Did they agree to this channel?")
OF_ORDER_ONLY: Final = mark("Nothing was ever asked for about this exception: the action is asked for in the name of its order.")
ENDS_DOUBT: Final = mark("The doubt ends: the action is then %(state)s.")
MAY_GO_ON: Final = mark("Other actions of the same target may go on then.")
NOTHING_REQUESTED: Final = mark(
    "Nothing is requested there without a person, and nothing that was requested begins. What has begun goes on."
)
AGAIN_REQUESTED: Final = mark("What waits there is looked at by a person; new actions are requested as the policy says.")


class Beside(NamedTuple):
    """What stands beside an action: pauses, the order's other actions, what is known of the order, and what it would meet going out."""

    paused: Sequence[ScopePause] = ()
    others: Sequence[ActionAbout] = ()
    context: Mapping[str, object] = {}
    met: Allowances | None = None


def approving(visit: Visit, targets: Sequence[ActionTarget], beside: Beside, templates: Path | None) -> Effect:
    """The effect of an approval."""
    effect = Effect(undo=visit.say(REJECTS))
    effect.irreversible = any(grave(one.about) for one in targets)
    if len(targets) > 1:
        effect.changes += _many(visit, targets)
        effect.against += sorted({text for one in targets for text in hindrances(visit, one.about, beside.paused)})
        effect.informed += sorted({text for one in targets for text in informed(visit, one.about)})
        return effect
    about = targets[0].about
    row = about.row
    if row.approvals_needed > 1:
        more = visit.language.number(row.approvals_needed - 1)
        effect.changes.append(visit.say(MORE_MUST_AGREE, count=more, roles=", ".join(row.approvers)))
    else:
        effect.changes.append(visit.say(CARRIED_OUT))
    effect.changes += facts(visit, about)
    _foresee(visit, effect, beside.met)
    effect.informed += informed(visit, about)
    effect.text = text_of(about, templates, beside.context)
    effect.against += [*spoken(visit, about), *hindrances(visit, about, beside.paused)]
    effect.against += [
        visit.say(RIVAL, action=visit.say(other.row.action.replace("_", " ")), state=visit.say(other.row.state.replace("_", " ")))
        for other in beside.others
        if other.row.action_id != row.action_id and other.row.irreversible and row.irreversible and other.row.target == row.target
    ]
    refusal = why_not(visit, row)
    if refusal:
        effect.against.insert(0, refusal)
    effect.refused = bool(refusal)
    return effect


def rejecting(visit: Visit, targets: Sequence[ActionTarget]) -> Effect:
    """The effect of a rejection."""
    effect = Effect(undo=visit.say(STAYS_REJECTED), changes=[visit.say(NOT_CARRIED_OUT)])
    states = Counter(one.about.row.state for one in targets if one.about.row.state not in ("proposed", "blocked", "requested"))
    effect.against += [visit.say(NOT_WAITING, state=visit.say(state.replace("_", " "))) for state in states]
    effect.refused = sum(states.values()) == len(targets)
    return effect


def observing(visit: Visit, target: ActionTarget, data: Mapping[str, Any]) -> Effect:
    """The effect of an observation."""
    state = "executed" if data.get("outcome") == "executed" else "failed"
    effect = Effect(undo=visit.say(STAYS_SEEN), changes=[visit.say(ENDS_DOUBT, state=visit.say(state)), visit.say(MAY_GO_ON)])
    if target.about.row.state not in ("in_doubt", "begun"):
        effect.against.append(visit.say(NOT_WAITING, state=visit.say(target.about.row.state.replace("_", " "))))
        effect.refused = True
    return effect


def initiating(visit: Visit, data: Mapping[str, Any], row: ExceptionRow, beside: Beside, *, exception_known: bool) -> Effect:
    """The effect of asking for an action."""
    name = str(data.get("action"))
    spec, amount = ACTIONS[name], data.get("parameters", {}).get("amount")
    effect = Effect(undo=visit.say(REJECTS), irreversible=spec.money or (not spec.reversible and name not in MESSAGES))
    effect.changes.append(visit.say(SOMEBODY_APPROVES, count=1))
    effect.changes += _risk(visit, spec, None if amount is None else _money(visit, amount))
    _foresee(visit, effect, beside.met)
    effect.informed.append(_tells(visit, spec))
    if name in MESSAGES:
        effect.against.append(visit.say(JUDGED))
    if not exception_known:
        effect.against.append(visit.say(OF_ORDER_ONLY))
    effect.against += _pauses(visit, beside.paused, name, row.kind, row.tenant)
    return effect


def switching(visit: Visit, verb: str) -> Effect:
    """The effect of a pause, or of its end."""
    if verb == "pause":
        return Effect(changes=[visit.say(NOTHING_REQUESTED)], undo=visit.say(GOES_ON))
    return Effect(changes=[visit.say(AGAIN_REQUESTED)], undo=visit.say(PAUSES))


def why_not(visit: Visit, row: ListedAction) -> str:
    """Why the person may not approve an action; empty if they may."""
    if not row.approvals_needed or row.state not in ("proposed", "blocked"):
        return visit.say(NOT_WAITING, state=visit.say(row.state.replace("_", " ")))
    if (row.initiated_by or "").casefold() == visit.person.by.casefold():
        return visit.say(OWN)
    if visit.person.by.casefold() in (one.casefold() for one in row.approved_by):
        return visit.say(AGREED)
    if not set(row.approvers) & set(visit.person.roles):
        return visit.say(NO_ROLE, roles=", ".join(row.approvers), own=", ".join(visit.person.roles))
    return ""


def facts(visit: Visit, about: ActionAbout) -> list[str]:
    """What an action risks."""
    row = about.row
    value = None if row.value is None else visit.language.money(row.value, row.currency)
    found = _risk(visit, _spec(about), value)
    if row.expires_at is not None and row.approvals_needed:
        found.append(visit.say(EXPIRES, at=visit.language.date_time(row.expires_at, visit.zone)))
    return found


def grave(about: ActionAbout) -> bool:
    """Whether an action gives money away or does what cannot be undone."""
    return about.row.irreversible or _spec(about).money


def informed(visit: Visit, about: ActionAbout) -> list[str]:
    """Who is told something by an action."""
    said = about.message
    if said is None:
        return [_tells(visit, _spec(about))]
    words = {name: visit.say(str(said.get(name) or mark("unknown"))) for name in ("topic", "channel", "language")}
    return [visit.say(TELLS_CUSTOMER, **words)]


def spoken(visit: Visit, about: ActionAbout) -> list[str]:
    """What guardrails have said of an action."""
    return [visit.say(SPEAKS, name=str(one.get("name")).replace("_", " "), reason=one.get("reason")) for one in about.guardrails]


def hindrances(visit: Visit, about: ActionAbout, paused: Sequence[ScopePause]) -> list[str]:
    """What would keep an action from being requested now, as far as the store knows."""
    return _pauses(visit, paused, about.row.action, about.kind or "", about.row.tenant)


def text_of(about: ActionAbout, templates: Path | None, context: Mapping[str, object] | None = None) -> str:
    """The text of a message as it would go out today; empty where it is none, or where there is no text for it."""
    if about.row.action not in MESSAGES or about.message is None or about.message.get("channel") not in CHANNELS:
        return ""
    data = {
        "order_id": about.row.order_id,
        "action": about.row.action,
        "step": about.row.step,
        "parameters": about.parameters,
        "message": about.message,
    }
    try:
        made = render(data, context or {}, folder=templates)
    except MessageTextError as error:
        return str(error)
    return "\n\n".join(part for part in (made.subject, made.text) if part)


def _foresee(visit: Visit, effect: Effect, met: Allowances | None) -> None:
    """Adds what it would meet: budgets, quiet hours, a cap."""
    if met is not None:
        said, against = foreseen(visit, met)
        effect.changes += said
        effect.against += against


def _spec(about: ActionAbout) -> ActionSpec:
    return ACTIONS[about.row.action]


def _many(visit: Visit, targets: Sequence[ActionTarget]) -> list[str]:
    found = [
        visit.say(
            mark("%(count)s actions are approved: %(action)s."), count=len(targets), action=targets[0].about.row.action.replace("_", " ")
        )
    ]
    sums: dict[str, Decimal] = {}
    for one in targets:
        if one.about.row.value is not None and _spec(one.about).money:
            sums[one.about.row.currency or ""] = sums.get(one.about.row.currency or "", Decimal(0)) + one.about.row.value
    found += [visit.say(GIVES_MONEY, value=visit.language.money(value, currency)) for currency, value in sums.items()]
    return found


def _risk(visit: Visit, spec: ActionSpec, value: str | None) -> list[str]:
    found: list[str] = []
    if spec.money:
        found.append(visit.say(GIVES_WORTH) if value is None else visit.say(GIVES_MONEY, value=value))
    if not spec.reversible:
        found.append(visit.say(CANNOT_BE_UNDONE))
    elif spec.compensation is not None and spec.compensation != "create_task":
        found.append(visit.say(CAN_BE_MADE_GOOD, action=visit.say(spec.compensation.replace("_", " "))))
    else:
        found.append(visit.say(CAN_BE_UNDONE))
    return found


def _tells(visit: Visit, spec: ActionSpec) -> str:
    if spec.name in MESSAGES or spec.target == "customer":
        return visit.say(mark("The order's customer is told."))
    return visit.say(TELLS_TEAM) if spec.target == "task" else visit.say(TELLS_SYSTEM, action=visit.say(spec.name.replace("_", " ")))


def _pauses(visit: Visit, paused: Sequence[ScopePause], action: str, kind: str, tenant: str) -> list[str]:
    scopes = ("all", f"action:{action}", f"rule:{kind}", f"tenant:{tenant}")
    return [visit.say(IS_PAUSED, scope=one.scope) for one in paused if one.scope in scopes]


def _money(visit: Visit, amount: Mapping[str, Any]) -> str:
    return visit.language.money(Decimal(str(amount["amount"])), str(amount["currency"]))
