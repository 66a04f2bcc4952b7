"""All views of a console that can be looked at: each route that answers with a page, with examples for what stands in its path."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from dataflows.console.routes import Route, every_route
from sinks.cases.tables import actions, exceptions
from tests.support.console import ConsoleHost

UNSEEN: Final = frozenset(("live", "oidc", "oidc_back"))
"""Routes that answer to no reader: a stream, and what an identity provider is asked and says."""
MADE: Final = frozenset(("decided", "invitation", "policy_activation", "policy_draft", "policy_trial", "policy_export", "reject"))
"""Pages of what somebody has made before: the stories of `tests/e2e` look at them."""


def _is_view(route: Route) -> bool:
    return "GET" in route.methods and route.name not in UNSEEN | MADE and not route.path.endswith(".csv")


VIEWS: Final = tuple(sorted(route.name for route in every_route() if _is_view(route)))
"""The names of all others."""


def shown_views(host: ConsoleHost) -> dict[str, str]:
    """The paths of those for which there is an example, by the names of their routes."""
    examples = {**_examples(host), "person": "/people/anna", "policy_rule": "/policy/rules/shipment.delivery_overdue"}
    paths = {route.name: route.path for route in every_route() if _is_view(route)}
    return {name: examples.get(name, path) for name, path in paths.items() if name in examples or "{" not in path}


def _examples(host: ConsoleHost) -> dict[str, str]:
    """Of the gravest exception, of its order, of an action that waits, and what the forms of decisions are about."""
    with host.parts.store.connect() as connection:
        columns = exceptions.c.exception_id, exceptions.c.sequence, exceptions.c.tenant, exceptions.c.order_id
        about = connection.execute(
            select(*columns)
            .where(exceptions.c.status == "open", exceptions.c.due_at.is_not(None))
            .order_by(exceptions.c.score.desc())
            .limit(1)
        ).one()
        action = connection.execute(select(actions.c.action_id).limit(1)).scalar_one()
    return {
        "exception": f"/exceptions/{about.exception_id}",
        "exception_record": f"/exceptions/{about.exception_id}/record",
        "order": f"/orders/{about.tenant}/{about.order_id}",
        "action": f"/actions/{action}",
        "decide": f"/decide?do=snooze&x={about.exception_id}:{about.sequence}&back=/",
    }
