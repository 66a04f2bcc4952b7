"""Actions: those that wait for approval, all of them, and one with its whole life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection
from starlette.datastructures import QueryParams
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.deciding.effects_of_actions import facts, informed, spoken, text_of, why_not
from dataflows.console.deciding.forming import context_of
from dataflows.console.deciding.reading import may_see_action
from dataflows.console.routes import Route
from dataflows.console.visit import NotHereError, Visit
from schemas.actions import ACTIONS
from sinks.cases.queries.actions import list_actions
from sinks.cases.queries.deciding import ActionAbout, actions_about, decisions_on_action
from sinks.cases.queries.detail import action_detail, exception_detail
from sinks.cases.queries.rows import ListedAction, Page
from sinks.cases.queries.wanted import ActionFilter

PAGE: Final = 50
STATES: Final = ("in_doubt", "proposed", "blocked", "requested", "begun", "failed", "executed", "rejected", "expired", "withdrawn")
"""Those that need somebody first."""
TABS: Final[Mapping[str, tuple[str, ...]]] = {
    "in_doubt": ("in_doubt",),
    "under_way": ("requested", "begun"),
    "waiting": ("proposed", "blocked"),
    "failed": ("failed",),
    "over": ("executed", "rejected", "expired", "withdrawn"),
    "all": (),
}
"""How the list can be cut in one click."""


async def show_approvals(visit: Visit) -> Response:
    """What waits for somebody to agree: mine to give first, then others'."""
    query = visit.request.query_params
    wanted = visit.person.narrow(_filter(query, waiting=True))
    rows: Page[ListedAction] = await visit.read(list_actions, wanted, limit=PAGE, after=query.get("after"))
    about = await visit.read(actions_about, [row.action_id for row in rows.rows])
    shown = [(one, why_not(visit, one.row)) for one in about]
    groups = {
        "mine": [one for one in shown if not one[1]],
        "others": [one for one in shown if one[1]],
    }
    decisions = visit.parts.decisions
    return visit.page(
        "actions/approvals.html",
        groups=groups,
        next=None if rows.after is None else visit.url("approvals", [*_without(query, "after"), ("after", rows.after)]),
        escalated=sum(one.escalated_to is not None for one in about),
        limit=None if decisions is None else decisions.bulk_limit,
        informed=partial(informed, visit),
        spoken=partial(spoken, visit),
        query=query,
        narrowed=_narrowed(query),
    )


async def show_actions(visit: Visit) -> Response:
    """All actions: what is in doubt first, then the newest."""
    query = visit.request.query_params
    asked = _filter(query)
    tab = query.get("tab", "")
    if tab in TABS and not asked.states:
        asked = replace(asked, states=TABS[tab])
    wanted = visit.person.narrow(asked)
    rows = await visit.read(list_actions, wanted, limit=PAGE, after=query.get("after"))
    doubtful: Sequence[ListedAction] = ()
    if "after" not in query and not asked.states:
        doubtful = (await visit.read(list_actions, replace(wanted, states=("in_doubt",)), limit=PAGE)).rows
    known = {row.action_id for row in doubtful}
    return visit.page(
        "actions/list.html",
        rows=[*doubtful, *(row for row in rows.rows if row.action_id not in known)],
        next=None if rows.after is None else visit.url("actions", [*_without(query, "after"), ("after", rows.after)]),
        tabs={name: visit.url("actions", [*_without(query, "after", "tab", "state"), ("tab", name)]) for name in TABS},
        tab=tab or "all",
        names=sorted(ACTIONS),
        states=STATES,
        query=query,
        narrowed=_narrowed(query),
    )


async def show_action(visit: Visit) -> Response:
    """One action: what it does, who asked and agreed, what spoke against it, each step of its life, each attempt."""
    id_ = visit.request.path_params["id"]
    found = await visit.read(_whole, id_)
    if found is None or not may_see_action(visit, found["about"]):
        raise NotHereError
    about: ActionAbout = found["about"]
    case = None if about.row.exception_id is None else await visit.read(exception_detail, about.row.exception_id, visit.now)
    await visit.reads("message" if about.message else "exception", id_)
    decisions = visit.parts.decisions
    context: Mapping[str, Any] = {} if case is None else context_of(case.data)
    return visit.page(
        "actions/one.html",
        about=about,
        row=about.row,
        spec=ACTIONS.get(about.row.action),
        detail=found["detail"],
        runs=found["runs"],
        case=case,
        why=why_not(visit, about.row),
        informed=informed(visit, about),
        facts=facts(visit, about),
        spoken=spoken(visit, about),
        text=text_of(about, None if decisions is None else decisions.templates, context),
        others=found["others"],
    )


def _whole(connection: Connection, id_: str) -> dict[str, Any] | None:
    about = actions_about(connection, [id_])
    detail = action_detail(connection, id_)
    if not about or detail is None:
        return None
    related = [one for one in (about[0].compensates, about[0].replaces) if one]
    return {"about": about[0], "detail": detail, "runs": decisions_on_action(connection, id_), "others": actions_about(connection, related)}


def _filter(query: QueryParams, *, waiting: bool = False) -> ActionFilter:
    """What the URL asks for; what there is not is left out."""
    return ActionFilter(
        states=tuple(one for one in query.getlist("state") if one in STATES),
        actions=tuple(one for one in query.getlist("action") if one in ACTIONS),
        teams=_named(query, "team"),
        tenants=_named(query, "tenant"),
        orders=_named(query, "order"),
        exceptions=_named(query, "exception"),
        waiting=waiting,
    )


def _named(query: QueryParams, name: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in query.getlist(name) if one.strip())


def _narrowed(query: QueryParams) -> bool:
    return any(query.get(name, "").strip() for name in ("state", "action", "team", "tenant", "order", "exception", "tab"))


def _without(query: QueryParams, *names: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in query.multi_items() if name not in names and value]


ROUTES: Final = (
    Route("approvals", "/approvals", show_approvals, Needs.READ),
    Route("actions", "/actions", show_actions, Needs.READ),
    Route("action", "/actions/{id}", show_action, Needs.READ),
)
