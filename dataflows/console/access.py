"""Who may see and do what in the console: one table of needs and roles, and the scope of each person. What is not in it is denied."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeVar, overload

from schemas.roles import ADMIN, APPROVER, OPERATOR, POLICY_AUTHOR, ROLES, VIEWER
from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter

EVERY: Final = "*"
"""In a scope: all of them."""
NONE: Final = ("",)
"""In a filter: what nothing has. No tenant, team or site is called so."""
OF_POLICY: Final = "of_policy"
"""Stands for any role that a policy names for its approvals and that is not known here."""
Wanted = TypeVar("Wanted", ExceptionFilter, ActionFilter)


class Needs(StrEnum):
    """What a route asks of who comes."""

    OPEN = "open"
    SIGNED_IN = "signed_in"
    READ = "read"
    DECIDE = "decide"
    APPROVE = "approve"
    POLICY = "policy"
    ADMIN = "admin"


ALLOWED: Final[dict[Needs, frozenset[str]]] = {
    Needs.READ: frozenset((VIEWER, OPERATOR, APPROVER, POLICY_AUTHOR, ADMIN, OF_POLICY)),
    Needs.DECIDE: frozenset((OPERATOR, APPROVER, ADMIN)),
    Needs.APPROVE: frozenset((APPROVER, ADMIN, OF_POLICY)),
    Needs.POLICY: frozenset((POLICY_AUTHOR, ADMIN)),
    Needs.ADMIN: frozenset((ADMIN,)),
}
"""By need: the roles of which one is enough. `OPEN` asks for nobody, `SIGNED_IN` for anybody who is logged in."""
FOR_PEOPLE: Final = (VIEWER, OPERATOR, APPROVER, POLICY_AUTHOR, ADMIN)
"""The roles of people; the others of `schemas/roles.py` are of programs."""


@dataclass(frozen=True, slots=True)
class PersonScope:
    """Which cases somebody may see: those of these tenants, of these teams and of these sites. `*`: of all."""

    tenants: tuple[str, ...] = (EVERY,)
    teams: tuple[str, ...] = (EVERY,)
    sites: tuple[str, ...] = (EVERY,)

    @property
    def is_whole(self) -> bool:
        """Whether it leaves nothing out."""
        return all(EVERY in part for part in (self.tenants, self.teams, self.sites))


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. `language`, `zone`, `theme`: as chosen, `None` where nothing was."""

    name: str
    roles: tuple[str, ...] = ()
    scope: PersonScope = PersonScope()
    language: str | None = None
    zone: str | None = None
    theme: str | None = None
    single_keys: bool = True
    shown: str | None = None
    origin: str = "local"

    @property
    def by(self) -> str:
        """As decisions name them."""
        return f"user:{self.name}"

    @property
    def is_known(self) -> bool:
        """Whether it is anybody: who is not logged in has no name."""
        return bool(self.name)

    def may(self, needs: Needs) -> bool:
        """Whether one of the roles is enough."""
        return may(self.roles, needs, known=self.is_known)

    @overload
    def narrow(self, wanted: ExceptionFilter) -> ExceptionFilter: ...
    @overload
    def narrow(self, wanted: ActionFilter) -> ActionFilter: ...
    def narrow(self, wanted: ExceptionFilter | ActionFilter) -> ExceptionFilter | ActionFilter:
        """The filter cut down to the scope; where both exclude each other, one that finds nothing."""
        return replace(
            wanted,
            tenants=_both(wanted.tenants, self.scope.tenants),
            teams=_both(wanted.teams, self.scope.teams),
            sites=_both(wanted.sites, self.scope.sites),
        )

    def may_see(self, tenant: str, team: str | None = None, site: str | None = None) -> bool:
        """Whether a case of these is within the scope. What is not known is outside of a scope that asks for it."""
        scope = self.scope
        return _holds(scope.tenants, tenant) and _holds(scope.teams, team) and _holds(scope.sites, site)


NOBODY: Final = Person("")
"""Who is not logged in."""


def may(roles: Iterable[str], needs: Needs, *, known: bool = True) -> bool:
    """Whether somebody with these roles gets what needs this; `known`: whether they are logged in at all."""
    if needs is Needs.OPEN:
        return True
    if not known:
        return False
    if needs is Needs.SIGNED_IN:
        return True
    allowed = ALLOWED.get(needs, frozenset())
    return any((role if role in ROLES else OF_POLICY) in allowed for role in roles)


def _both(wanted: Collection[str], scope: tuple[str, ...]) -> tuple[str, ...]:
    if EVERY in scope:
        return tuple(wanted)
    return (tuple(one for one in wanted if one in scope) if wanted else scope) or NONE


def _holds(scope: tuple[str, ...], value: str | None) -> bool:
    return EVERY in scope or value in scope
