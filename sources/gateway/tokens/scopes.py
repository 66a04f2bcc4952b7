"""What a token may: which events it may send, and which decisions it may make, each for which tenants. What is not named is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct

from schemas.deciding import is_decision
from schemas.events import DATA_MODELS
from schemas.roles import DECIDERS, FOR_ALL, may_decide

ALL: Final = "*"
BY: Final = re.compile(r"(user|service):[A-Za-z0-9][A-Za-z0-9._@+-]{0,126}")
"""Whom a token stands for."""
ROLE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class EventScope(Struct, frozen=True, forbid_unknown_fields=True):
    """Events that may be sent. Sources and types are patterns in which `*` stands for anything; tenants are names, or `*` for all."""

    sources: tuple[str, ...]
    types: tuple[str, ...] = (ALL,)
    tenants: tuple[str, ...] = ("default",)

    def refused(self, tenant: str, source: str, type_: str) -> tuple[str, str] | None:
        """Why an event may not be sent, as reason and detail; None if it may."""
        if is_decision(type_) or type_ in DECIDERS:
            return "not_a_decision_source", "decisions are sent to /decisions only"
        if not _named(tenant, self.tenants):
            return "tenant_not_allowed", "the token does not write for this tenant"
        if not any(fnmatchcase(source, pattern) for pattern in self.sources):
            return "source_not_allowed", "the token does not write for this source"
        if not any(fnmatchcase(type_, pattern) for pattern in self.types):
            return "type_not_allowed", f"the token does not write {type_}"
        return None


class DecisionScope(Struct, frozen=True, forbid_unknown_fields=True):
    """Decisions that may be made, by whom: `by` is `user:NAME` or `service:NAME`. Types are patterns, tenants as of events."""

    by: str
    roles: tuple[str, ...]
    types: tuple[str, ...] = (ALL,)
    tenants: tuple[str, ...] = ("default",)

    def refused(self, tenant: str, type_: str) -> tuple[str, str] | None:
        """Why a decision may not be made, as reason and detail; None if it may."""
        if not _named(tenant, self.tenants) or (type_ in FOR_ALL and ALL not in self.tenants):
            return "tenant_not_allowed", "no decisions for this tenant" if type_ not in FOR_ALL else "it holds for all tenants"
        if not any(fnmatchcase(type_, pattern) for pattern in self.types):
            return "type_not_allowed", f"no decisions of type {type_}"
        if not may_decide(self.roles, type_):
            who = " or ".join(DECIDERS.get(type_, ())) or "nobody"
            return "role_missing", f"{type_} is decided by {who}, not by {', '.join(self.roles)}"
        return None


class TokenScope(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that a token may."""

    events: EventScope | None = None
    decisions: DecisionScope | None = None


def scope_problems(scope: TokenScope) -> list[str]:
    """What is wrong with a scope, a line each."""
    problems: list[str] = []
    if scope.events is None and scope.decisions is None:
        problems.append("the token may do nothing: give it sources of events, or a person or service with roles")
    if scope.events is not None:
        problems += [f"source {one!r} is no URI-reference such as /warehouse/ams1" for one in scope.events.sources if not _is_source(one)]
        known = [type_ for type_ in DATA_MODELS if type_ not in DECIDERS and not is_decision(type_)]
        problems += _unmatched(scope.events.types, known, "type of event")
    if scope.decisions is not None:
        if not BY.fullmatch(scope.decisions.by):
            problems.append(f"{scope.decisions.by!r} is neither user:NAME nor service:NAME")
        problems += [f"role {one!r} is no name for a role" for one in scope.decisions.roles if not ROLE.fullmatch(one)]
        problems += _unmatched(scope.decisions.types, list(DECIDERS), "type of decision")
    return problems


def _named(tenant: str, tenants: Sequence[str]) -> bool:
    return ALL in tenants or tenant in tenants


def _is_source(text: str) -> bool:
    return bool(text) and text.isprintable() and not any(sign.isspace() for sign in text)


def _unmatched(patterns: Sequence[str], known: Sequence[str], what: str) -> list[str]:
    return [f"{pattern!r} is no {what}" for pattern in patterns if not any(fnmatchcase(name, pattern) for name in known)]
