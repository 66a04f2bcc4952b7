"""The policy that holds: its text, its rules, its history; what is armed and why not; what rules in shadow have said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, cast

from starlette.responses import Response

from dataflows.console.access import EVERY, Needs
from dataflows.console.counting import answers
from dataflows.console.govern.holding import policy_in_force
from dataflows.console.govern.in_force import BUILT_IN, PolicyUnknownError
from dataflows.console.govern.opening import parts_for
from dataflows.console.render import words
from dataflows.console.routes import Route
from dataflows.console.visit import BadRequestError, NotHereError, Visit
from dataflows.core.policy import Policy
from dataflows.core.policy.diff import settings_of
from dataflows.core.policy.effective_handling import priority_of
from dataflows.core.policy.origin import origins, others
from dataflows.core.rules.load import read_policy, read_policy_text
from dataflows.core.rules.model import Rule
from dataflows.detect.armed import ArmedReport, armed_in_state
from dataflows.detect.arming import STATES, RuleArming, arming, tenants_of
from dataflows.detect.in_force import policy_in_force as policy_of_state
from dataflows.runtime.state.errors import StateError
from sinks.cases.queries.policies import activated_text, activation, activations, decided_under, shadow_results
from sinks.cases.queries.wanted import FilterError

LIMITS: Final = ("threshold", "within", "margin", "grace", "clock", "anchor")
"""The settings of a rule that say when it speaks."""
LONGEST_TEXT: Final = 100
SHADOW_DAYS: Final = (7, 30, 90, 365)


class RuleLine(NamedTuple):
    """A rule as the list shows it."""

    kind: str
    switch: str
    severity: str
    limits: Sequence[tuple[str, str]]
    owner: str
    lane: str
    action: str
    own: bool


async def show_policy(visit: Visit) -> Response:
    """The first page: which holds, since when and by whom, its rules, and what was activated before."""
    history = await visit.read(activations)
    decided = await visit.read(decided_under)
    try:
        found = await policy_in_force(visit)
    except PolicyUnknownError as error:
        return visit.page("policy/unknown.html", why=str(error), history=history)
    lines = [_line(cast("Rule", rule), found.policy, place) for place, rule in enumerate(found.policy.rules)]
    wanted = visit.request.query_params.get("switch", "")
    switches = {name: sum(line.switch == name for line in lines) for name in ("on", "shadow", "off")}
    text = visit.request.query_params.get("text", "").strip()[:LONGEST_TEXT]
    shown = [line for line in lines if (not wanted or line.switch == wanted) and _names(line, text.lower())]
    return visit.page(
        "policy/policy.html", found=found, lines=shown, switches=switches, wanted=wanted, text=text, history=history, decided=decided
    )


def _names(line: RuleLine, text: str) -> bool:
    """Whether a rule, its owner or its action is called so, by its name or in words."""
    said = f"{line.kind} {line.owner} {line.action}".lower()
    return text in said or text in words(said)


def _line(rule: Rule, policy: Policy, place: int) -> RuleLine:
    setting = policy.base[place]
    settings = settings_of(rule, setting)
    limits = [(name, settings[name]) for name in LIMITS if settings.get(name) not in (None, "off")]
    action = rule.actions[0][0] if rule.actions else ""
    severity = settings.get("severity", setting.severity)
    return RuleLine(rule.kind, setting.switch, severity, limits, setting.owner, setting.lane, action, rule.stated is not None)


async def show_text(visit: Visit) -> Response:
    """The text of the policy that holds, with the numbers of its lines."""
    try:
        found = await policy_in_force(visit)
    except PolicyUnknownError as error:
        return visit.page("policy/unknown.html", why=str(error), history=())
    return visit.page(
        "policy/text.html", version=found.policy.version, name=found.policy.name, lines=found.text.splitlines(), activation=None
    )


async def show_activation(visit: Visit) -> Response:
    """One activation: who, when, why, and what became of it; the text that it holds."""
    event_id = str(visit.request.path_params["event_id"])
    found = await visit.read(activation, event_id)
    if found is None:
        # It was sent a moment ago: the engine and the store have not come to it.
        return visit.page("policy/activation.html", event_id=event_id, found=None, lines=(), decided=None)
    text = await visit.read(activated_text, event_id)
    decided = await visit.read(decided_under)
    return visit.page("policy/activation.html", event_id=event_id, found=found, lines=(text or "").splitlines(), decided=decided)


async def show_rule(visit: Visit) -> Response:
    """One rule: what it means, which settings hold and where each comes from."""
    kind = str(visit.request.path_params["kind"])
    try:
        found = await policy_in_force(visit)
    except PolicyUnknownError as error:
        raise BadRequestError(str(error)) from error
    rule = next((cast("Rule", one) for one in found.policy.rules if one.kind == kind), None)
    if rule is None:
        raise NotHereError
    # What the console writes down of the built-in defaults states every setting: there is no file that any of them came from.
    read = await visit.own(read_policy, None) if found.origin == BUILT_IN else await visit.own(read_policy_text, found.text, "policy")
    own = next(cast("Rule", one) for one in read.policy.rules if one.kind == kind)
    return visit.page(
        "policy/rule.html",
        found=found,
        rule=rule,
        origins=origins(own, read.policy, read.form, read.tree, None),
        others=others(own, read.policy, read.form, read.tree),
        weights=priority_of(read.policy.priority),
    )


async def show_armed(visit: Visit) -> Response:
    """By rule and tenant: what it waits for, whether that is armed, and why not."""
    state = parts_for(visit).state
    if state is None:
        return visit.page("policy/armed.html", report=None, rules=(), tenants=(), tenant="", wanted="", many={}, why=None)
    try:
        # It reads all shards: who looks within a minute gets the same.
        policy, report, at = await answers(visit.parts).get(("armed", state), lambda: visit.own(_armed, state, visit.now))
    except (StateError, ValueError, OSError) as error:
        return visit.page("policy/armed.html", report=None, rules=(), tenants=(), tenant="", wanted="", many={}, why=str(error))
    tenants = [name for name in tenants_of(report) or ["default"] if visit.person.may_see(name)]
    tenant = visit.request.query_params.get("tenant") or next(iter(tenants), "default")
    if not visit.person.may_see(tenant):
        raise NotHereError
    wanted = visit.request.query_params.get("state", "")
    rules = sorted(arming(policy, report, tenant), key=lambda one: (STATES.index(one.state), one.kind))
    many = {name: sum(one.state == name for one in rules) for name in STATES}
    shown: list[RuleArming] = [one for one in rules if not wanted or one.state == wanted]
    return visit.page(
        "policy/armed.html", report=report, rules=shown, tenants=tenants, tenant=tenant, wanted=wanted, many=many, why=None, read_at=at
    )


def _armed(state: Path, at: datetime) -> tuple[Policy, ArmedReport, datetime]:
    """The policy of the state, what the engine waits for, and when that was read. Raises StateError, ValueError, OSError."""
    return policy_of_state(state), armed_in_state(state), at


async def show_shadow(visit: Visit) -> Response:
    """What rules in shadow have said, and how much of it people found to be real."""
    text = visit.request.query_params.get("days", "30")
    if not text.isdecimal() or int(text) not in SHADOW_DAYS:
        raise FilterError(f"days is one of {', '.join(map(str, SHADOW_DAYS))}")
    scope = visit.person.scope
    tenants = () if EVERY in scope.tenants else scope.tenants
    rows = await visit.read(shadow_results, visit.now - timedelta(days=int(text)), tenants)
    try:
        policy = (await policy_in_force(visit)).policy
    except PolicyUnknownError:
        policy = None
    now: set[str] = set() if policy is None else {setting.kind for setting in policy.base if setting.switch == "shadow"}
    silent = sorted(now - {row.kind for row in rows})
    return visit.page("policy/shadow.html", rows=rows, silent=silent, days=int(text), choices=SHADOW_DAYS, now=now)


ROUTES: Final = (
    Route("policy", "/policy", show_policy, Needs.READ),
    Route("policy_text", "/policy/text", show_text, Needs.READ),
    Route("policy_rule", "/policy/rules/{kind}", show_rule, Needs.READ),
    Route("policy_armed", "/policy/armed", show_armed, Needs.READ),
    Route("policy_shadow", "/policy/shadow", show_shadow, Needs.READ),
    Route("policy_activation", "/policy/activations/{event_id}", show_activation, Needs.READ),
)
