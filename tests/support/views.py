"""All views of a console that can be looked at: each route that answers with a page, with examples for what stands in its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import select

from dataflows.console.routes import Route, every_route
from sinks.cases.tables import actions, exceptions
from tests.support.console import ConsoleHost

UNSEEN: Final = frozenset(("live", "oidc", "oidc_back"))
"""Routes that answer to no reader: a stream, and what an identity provider is asked and says."""


def shown_views(host: ConsoleHost, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The paths of all views, by the names of their routes. `more`: paths of those whose examples are not in the store.

    Raises KeyError for a route that has something in its path for which there is no example.
    """
    found = {**_examples(host), **(more or {})}
    client = host.client("ada")
    views: dict[str, str] = {}
    for route in every_route():
        if "GET" not in route.methods or route.name in UNSEEN:
            continue
        path = _path(route, found)
        answer = client.get(path)
        if answer.headers.get("content-type", "").startswith("text/html"):
            views[route.name] = path
    return views


def _path(route: Route, examples: Mapping[str, str]) -> str:
    return examples[route.name] if route.name in examples or "{" in route.path else route.path


def _examples(host: ConsoleHost) -> dict[str, str]:
    """Of the gravest exception, of its order, of an action that waits, and what the forms of decisions are about."""
    with host.parts.store.connect() as connection:
        columns = exceptions.c.exception_id, exceptions.c.sequence, exceptions.c.tenant, exceptions.c.order_id
        about = connection.execute(
            select(*columns).where(exceptions.c.status == "open", exceptions.c.due_at.is_not(None)).order_by(exceptions.c.score.desc()).limit(1)
        ).one()
        action = connection.execute(select(actions.c.action_id).limit(1)).scalar_one()
    return {
        "exception": f"/exceptions/{about.exception_id}",
        "exception_record": f"/exceptions/{about.exception_id}/record",
        "order": f"/orders/{about.tenant}/{about.order_id}",
        "action": f"/actions/{action}",
        "decide": f"/decide?do=snooze&x={about.exception_id}:{about.sequence}&back=/",
        "decided": "/decided/none",  # nobody has decided yet: the page of what is not there
        "undo": "/undo",
    }
