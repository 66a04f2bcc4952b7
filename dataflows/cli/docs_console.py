"""The console's table of routes and roles, for its README."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from dataflows.console.access import FOR_PEOPLE, may
from dataflows.console.routes import every_route

POLICY_ROLE: Final = "(a role of the policy's own)"


Row = tuple[str, ...]
Table = Callable[[Row, Iterable[Row]], str]


def permissions(table: Table) -> str:
    """For each route what it needs, and which roles get it."""
    rows: list[Row] = []
    for route in sorted(every_route(), key=lambda one: (one.path, one.methods)):
        for method in route.methods:
            ticks = ["yes" if may((role,), route.needs) else "" for role in (*FOR_PEOPLE, POLICY_ROLE)]
            rows.append((f"`{method} {route.path}`", route.needs.replace("_", " "), *ticks))
    heads = ("route", "needs", *(role.replace("_", " ") for role in FOR_PEOPLE), "a policy's role")
    return table(heads, rows)
