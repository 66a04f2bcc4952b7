"""The ledger of messages to customers, and where automation is paused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from starlette.datastructures import QueryParams
from starlette.responses import Response

from dataflows.console.access import NONE, Needs
from dataflows.console.deciding.allowances import budget_uses
from dataflows.console.govern.holding import known_policy
from dataflows.console.routes import Route
from dataflows.console.visit import Visit
from schemas.envelope import DEFAULT_TENANT
from sinks.cases.queries.deciding import held_by, paused_scopes, requested_since
from sinks.cases.queries.ledger import MessageFilter, list_messages, message_words
from sinks.cases.queries.wanted import ActionFilter

PAGE: Final = 50
DAY: Final = timedelta(days=1)
STATES: Final = ("sent", "executed", "requested", "begun", "in_doubt", "proposed", "blocked", "failed", "withdrawn", "rejected", "expired")


async def show_messages(visit: Visit) -> Response:
    """What customers were told, by us and by others, and what waits or was withdrawn."""
    query = visit.request.query_params
    page = await visit.read(list_messages, _narrow(visit, _filter(query)), limit=PAGE, after=query.get("after"))
    topics, channels = await visit.read(message_words)
    await visit.reads("message", None, len(page.rows))
    kept = [(name, value) for name, value in query.multi_items() if name != "after" and value]
    return visit.page(
        "actions/messages.html",
        rows=page.rows,
        next=None if page.after is None else visit.url("messages", [*kept, ("after", page.after)]),
        topics=topics,
        channels=channels,
        states=STATES,
        query=query,
        narrowed=any(name in ("topic", "channel", "state", "whose", "order", "tenant") for name, _ in kept),
    )


async def show_automation(visit: Visit) -> Response:
    """Where automation is paused, since when, by whom and why; and what waits there."""
    scopes = [one for one in await visit.read(paused_scopes) if _concerns(visit, one.scope)]
    wanted = visit.person.narrow(ActionFilter())
    policy = await known_policy(visit)
    tenants = [] if policy is None else [name for name in (*policy.tenants, DEFAULT_TENANT) if visit.person.may_see(name)]
    return visit.page(
        "actions/automation.html",
        scopes=scopes,
        policy=policy,
        uses=[] if policy is None else await visit.read(budget_uses, policy, list(dict.fromkeys(tenants)), visit.now),
        budgets=await visit.read(held_by, wanted),
        used=await visit.read(requested_since, wanted, visit.now - DAY),
    )


def _concerns(visit: Visit, scope: str) -> bool:
    """Whether a scope is of a tenant that the person may see, or of all."""
    word, _, name = scope.partition(":")
    return word != "tenant" or "*" in visit.person.scope.tenants or name in visit.person.scope.tenants


def _filter(query: QueryParams) -> MessageFilter:
    whose = query.get("whose")
    return MessageFilter(
        tenants=_named(query, "tenant"),
        orders=_named(query, "order"),
        topics=_named(query, "topic"),
        channels=_named(query, "channel"),
        states=tuple(one for one in query.getlist("state") if one in STATES),
        whose="ours" if whose == "ours" else "others" if whose == "others" else None,
    )


def _narrow(visit: Visit, wanted: MessageFilter) -> MessageFilter:
    """Cut down to the person's scope."""
    scope = visit.person.scope
    tenants = wanted.tenants
    if "*" not in scope.tenants:
        tenants = tuple(one for one in wanted.tenants if one in scope.tenants) if wanted.tenants else scope.tenants
        tenants = tenants or NONE
    teams, sites = (() if "*" in part else part for part in (scope.teams, scope.sites))
    return replace(wanted, tenants=tenants, teams=teams, sites=sites)


def _named(query: QueryParams, name: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in query.getlist(name) if one.strip())


ROUTES: Final = (
    Route("messages", "/messages", show_messages, Needs.READ),
    Route("automation", "/automation", show_automation, Needs.READ),
)
