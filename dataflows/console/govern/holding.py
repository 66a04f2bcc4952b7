"""The policy that holds, for views and for the previews of decisions: read once for each activation, and not at every look."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple, cast

from sqlalchemy import Connection

from dataflows.console.govern.in_force import PolicyInForce, PolicyUnknownError, activated_policy, started_policy
from dataflows.console.govern.opening import NAME, parts_for
from dataflows.console.pages.opening import page_parts
from dataflows.console.visit import Visit
from dataflows.core.policy import Policy
from sinks.cases.queries.policies import last_activation

HELD: Final = "policy_held"
"""What this part is called among what parts of the console keep."""
AGE: Final = timedelta(seconds=30)
"""For how long what was read of the engine's start is taken to hold: nothing says when it starts anew."""


class _HeldPolicy(NamedTuple):
    found: PolicyInForce
    event_id: str | None
    at: datetime


async def policy_in_force(visit: Visit) -> PolicyInForce:
    """The policy that holds. Raises PolicyUnknownError, StoreDownError."""
    more = visit.parts.more
    known = cast("_HeldPolicy | None", more.get(HELD))
    found = await visit.read(_activated, known)
    if found is None:
        if known is not None and known.event_id is None and abs(visit.now - known.at) < AGE:
            return known.found
        parts = parts_for(visit)
        found = await visit.own(started_policy, parts.state, parts.policy)
    event_id = None if found.activation is None else found.activation.event_id
    more[HELD] = _HeldPolicy(found, event_id, visit.now)
    return found


async def known_policy(visit: Visit) -> Policy | None:
    """The policy that holds; None where the console cannot know it, which is no reason not to decide. Raises StoreDownError."""
    if NAME not in visit.parts.more:
        found = await visit.read(_activated, None)
        return page_parts(visit.parts.more).usual if found is None else found.policy
    try:
        return (await policy_in_force(visit)).policy
    except PolicyUnknownError:
        return None


def _activated(connection: Connection, known: _HeldPolicy | None) -> PolicyInForce | None:
    """The policy of the last activation; the one that is known, if that is still it."""
    row = last_activation(connection)
    if row is not None and known is not None and known.event_id == row.event_id:
        return known.found
    return None if row is None else activated_policy(connection)
