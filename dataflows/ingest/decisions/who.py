"""Who decides, and by which way: the holder of a token, or a person who is signed in. One check serves both."""

from __future__ import annotations

from typing import Final, NamedTuple

from sources.gateway.tokens.book import Token
from sources.gateway.tokens.scopes import ALL, DecisionScope

API_SOURCE: Final = "/orderwatch/api"
"""The `source` of every decision that comes with a token."""
EVERYTHING: Final = (ALL,)


class Decider(NamedTuple):
    """Who decides.

    `id`: what the IDs of their decisions begin with, so that nobody repeats another's. `name`: how the audit calls the token or the
    session. `way`: by which way it comes, `source`: what decisions by it have as their source. `scope`: as whom, with which roles, what,
    for which tenants. `teams`, `sites`: whose exceptions; `*` for all.
    """

    id: str
    name: str
    way: str
    source: str
    scope: DecisionScope
    teams: tuple[str, ...] = EVERYTHING
    sites: tuple[str, ...] = EVERYTHING

    @property
    def narrowed(self) -> bool:
        """Whether the exceptions of some teams or sites only may be decided about."""
        return ALL not in self.teams or ALL not in self.sites

    def may_see(self, team: str | None, site: str | None) -> bool:
        """Whether an exception of a team and a site may be decided about. Of no site is seen by those who see all sites."""
        return _among(team, self.teams) and _among(site, self.sites)


def holder(token: Token) -> Decider:
    """Who holds a token that may decide."""
    scope = token.scope.decisions
    assert scope is not None, "the route asks whether a token may"
    return Decider(token.id, token.name, "api", API_SOURCE, scope)


def _among(value: str | None, allowed: tuple[str, ...]) -> bool:
    return ALL in allowed or value in allowed
