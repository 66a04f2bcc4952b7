"""Who may decide what: one table of roles and types of decisions. What does not stand in it is refused.

Whoever writes decisions asks it before the writing; the engine checks again what only it knows, such as the roles that the policy names for
an action, or that nobody approves what he asked for himself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

OPERATOR, APPROVER, POLICY_AUTHOR, ADMIN = "operator", "approver", "policy_author", "admin"
DISPATCH, MODEL, VIEWER = "dispatch", "model", "viewer"

ROLES: Final[dict[str, str]] = {
    VIEWER: "reads, and decides nothing",
    OPERATOR: "works on cases, asks for actions, and may stop automation",
    APPROVER: "as an operator; also approves actions, and lets automation go on",
    POLICY_AUTHOR: "activates policies",
    ADMIN: "all that a person may decide",
    DISPATCH: "a program that carries actions out and says what became of them",
    MODEL: "a program that suggests",
}
"""The roles that are known here, and what each is for."""

_PEOPLE: Final = (OPERATOR, APPROVER, ADMIN)

DECIDERS: Final[dict[str, tuple[str, ...]]] = {
    "case.acknowledged": _PEOPLE,
    "case.assigned": _PEOPLE,
    "case.snoozed": _PEOPLE,
    "case.waiting": _PEOPLE,
    "case.noted": _PEOPLE,
    "case.resolved": _PEOPLE,
    "case.reopened": _PEOPLE,
    "case.labelled": _PEOPLE,
    "action.initiated": _PEOPLE,
    "action.approved": (APPROVER, ADMIN),
    "action.rejected": _PEOPLE,
    "action.observed": (*_PEOPLE, DISPATCH),
    "action.begun": (DISPATCH,),
    "action.executed": (DISPATCH,),
    "action.failed": (DISPATCH,),
    "action.in_doubt": (DISPATCH,),
    "automation.paused": _PEOPLE,
    "automation.resumed": (APPROVER, ADMIN),
    "policy.activated": (POLICY_AUTHOR, ADMIN),
    "suggestion.made": (MODEL,),
    "order.forgotten": (ADMIN,),
}
"""By type of decision: the roles of which one is needed. An operator may reject because whoever asked for an action may take that back."""

OF_POLICY_ROLES: Final = frozenset(("action.approved", "action.rejected"))
"""What a role may decide that is not known here: a policy can name roles of its own for an action, and the engine knows which."""

FOR_ALL: Final = frozenset(("policy.activated",))
"""What holds for all tenants: only who may decide for all of them may decide it."""


def may_decide(roles: Iterable[str], type_: str) -> bool:
    """Whether one of some roles may make decisions of a type."""
    wanted = DECIDERS.get(type_, ())
    return any(role in wanted or (role not in ROLES and type_ in OF_POLICY_ROLES) for role in roles)
