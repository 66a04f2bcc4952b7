"""Which endpoint an action goes to: the first route that matches it."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from dataflows.dispatch.model import PendingAction
from dataflows.settings.dispatch import RouteSettings

NOBODY: Final = "none"
"""Where a route leads whose actions nobody carries out."""


def route_of(routes: Sequence[RouteSettings], action: PendingAction) -> str | None:
    """The name of the endpoint, or `NOBODY`; None if no route matches."""
    return next((route.endpoint for route in routes if _matches(route, action)), None)


def _matches(route: RouteSettings, action: PendingAction) -> bool:
    return (
        (not route.actions or action.action in route.actions)
        and (not route.channels or action.channel in route.channels)
        and _one(route.tenants, action.tenant)
        and _one(route.kinds, action.kind)
        and _one(route.steps, action.step)
        and _one(route.owners, action.owner)
    )


def _one(patterns: Sequence[str], value: str) -> bool:
    return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)
