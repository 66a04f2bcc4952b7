"""What people keep of lists, in the console's own database: views that they have saved, alone or for others, and the columns they see."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Index, Row, Table, delete, func, select, update

from dataflows.console.access import EVERY, Needs, Person
from dataflows.console.own import upsert
from dataflows.console.tables import METADATA
from sinks.cases.schema import writing
from sinks.cases.tables.base import about, instant, json, number, text

MOST_VIEWS: Final = 100
"""How many views a person may keep."""
LONGEST_NAME: Final = 80
PRIVATE: Final = "private"
ALL: Final = "all"
TEAM: Final = "team:"
"""Before the name of the team with which a view is shared."""

saved_views: Final = Table(
    "saved_views",
    METADATA,
    text("view_id", "A random ID.", key=True),
    text("by", "Whose it is, such as `user:anna`.", needed=True),
    text("name", "What it is called.", needed=True),
    text("shared", "`private`, `team:NAME`, or `all`.", needed=True),
    text("route", "The list that it is of: the name of its route.", needed=True),
    text("query", "Its filter and order, as they stand in the URL.", needed=True),
    number("place", "Where it stands among those of its author.", needed=True),
    instant("changed_at", "When it was last changed.", needed=True),
    Index("ix_saved_views_by", "by", "place"),
    info=about("Views that people have saved."),
)
list_columns: Final = Table(
    "list_columns",
    METADATA,
    text("by", "Who.", key=True),
    json("columns", "The names of the columns that lists show them."),
    instant("changed_at", "When it was last changed.", needed=True),
    info=about("Which columns people see in lists."),
)


class ViewError(Exception):
    """A view that cannot be kept so; the message says in one line what to change."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view. `by`: its author."""

    view_id: str
    by: str
    name: str
    shared: str
    route: str
    query: str
    place: int


def views_of(own: Engine, person: Person) -> Sequence[SavedView]:
    """Those of a person in their order, then those that others share with them, by name."""
    with own.connect() as connection:
        rows = connection.execute(
            select(saved_views)
            .where((saved_views.c.by == person.by) | (saved_views.c.shared != PRIVATE))
            .order_by(saved_views.c.place, saved_views.c.name, saved_views.c.view_id)
        ).all()
    found = [_view(row) for row in rows]
    shared = [view for view in found if view.by != person.by and _shared_with(view, person)]
    return [*(view for view in found if view.by == person.by), *sorted(shared, key=lambda view: (view.name.casefold(), view.view_id))]


def save_view(own: Engine, person: Person, name: str, shared: str, route: str, query: str, at: datetime) -> SavedView:
    """Keeps a view; one of the same author and name is replaced. Raises ViewError."""
    name = _name(name)
    _may_share(person, shared)
    with writing(own).begin() as connection:
        mine = connection.execute(select(saved_views).where(saved_views.c.by == person.by)).all()
        same = next((row for row in mine if row.name == name), None)
        if same is None and len(mine) >= MOST_VIEWS:
            raise ViewError(f"{MOST_VIEWS} views are kept for each person: delete one of yours first")
        view = SavedView(
            view_id=secrets.token_hex(8) if same is None else same.view_id,
            by=person.by,
            name=name,
            shared=shared,
            route=route,
            query=query,
            place=max((row.place for row in mine), default=0) + 1 if same is None else same.place,
        )
        row = {field: getattr(view, field) for field in ("view_id", "by", "name", "shared", "route", "query", "place")}
        connection.execute(upsert(connection, saved_views, {**row, "changed_at": at}))
    return view


def change_view(own: Engine, person: Person, view_id: str, name: str, shared: str, at: datetime) -> bool:
    """Renames a view of one's own, and says with whom it is shared. Returns whether there is one. Raises ViewError."""
    name = _name(name)
    _may_share(person, shared)
    with writing(own).begin() as connection:
        taken = select(func.count()).where(saved_views.c.by == person.by, saved_views.c.name == name, saved_views.c.view_id != view_id)
        if connection.scalar(taken):
            raise ViewError(f"you have another view called {name}")
        changed = update(saved_views).where(saved_views.c.view_id == view_id, saved_views.c.by == person.by)
        return connection.execute(changed.values(name=name, shared=shared, changed_at=at)).rowcount > 0


def delete_view(own: Engine, person: Person, view_id: str) -> bool:
    """Deletes a view of one's own. Returns whether there is one."""
    with writing(own).begin() as connection:
        gone = delete(saved_views).where(saved_views.c.view_id == view_id, saved_views.c.by == person.by)
        return connection.execute(gone).rowcount > 0


def move_view(own: Engine, person: Person, view_id: str, by: int) -> bool:
    """Moves a view of one's own up (-1) or down (1) among them. Returns whether there is one."""
    with writing(own).begin() as connection:
        ids = _ids(connection, person)
        if view_id not in ids:
            return False
        at = ids.index(view_id)
        ids.insert(min(max(at + by, 0), len(ids) - 1), ids.pop(at))
        for place, one in enumerate(ids):
            connection.execute(update(saved_views).where(saved_views.c.view_id == one).values(place=place))
    return True


def columns_of(own: Engine, person: Person) -> tuple[str, ...]:
    """The columns that a person has chosen; none where nothing was."""
    with own.connect() as connection:
        row = connection.execute(select(list_columns.c.columns).where(list_columns.c.by == person.by)).one_or_none()
    return () if row is None else tuple(str(name) for name in row.columns or ())


def choose_columns(own: Engine, person: Person, names: Sequence[str], at: datetime) -> None:
    """Keeps the columns that a person has chosen."""
    with writing(own).begin() as connection:
        connection.execute(upsert(connection, list_columns, {"by": person.by, "columns": list(names), "changed_at": at}))


def _ids(connection: Connection, person: Person) -> list[str]:
    rows = select(saved_views.c.view_id).where(saved_views.c.by == person.by)
    return [str(one) for one in connection.scalars(rows.order_by(saved_views.c.place, saved_views.c.name, saved_views.c.view_id))]


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ViewError(f"a view needs a name of 1 to {LONGEST_NAME} characters")
    return name


def _may_share(person: Person, shared: str) -> None:
    if shared == PRIVATE:
        return
    if not person.may(Needs.DECIDE):
        raise ViewError("who only reads keeps views to themselves")
    if shared == ALL:
        return
    team = shared.removeprefix(TEAM)
    if not shared.startswith(TEAM) or not team or len(team) > LONGEST_NAME or not _of_team(person, team):
        raise ViewError("a view is shared with nobody, with a team of yours, or with all")


def _shared_with(view: SavedView, person: Person) -> bool:
    return view.shared == ALL or (view.shared.startswith(TEAM) and _of_team(person, view.shared.removeprefix(TEAM)))


def _of_team(person: Person, team: str) -> bool:
    return EVERY in person.scope.teams or team in person.scope.teams


def _view(row: Row[Any]) -> SavedView:
    return SavedView(row.view_id, row.by, row.name, row.shared, row.route, row.query, row.place)
