"""Tokens of programs and persons who send events or decisions to the gateway: made, listed, given a new secret, revoked."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from starlette.datastructures import FormData
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.govern.opening import parts_for
from dataflows.console.people.directory import enter
from dataflows.console.routes import Route
from dataflows.console.visit import BadRequestError, Visit
from schemas.roles import ROLES
from sinks.cases.schema import writing
from sources.gateway.tokens.book import Token, TokenBook, TokenError
from sources.gateway.tokens.scopes import ALL, DecisionScope, EventScope, TokenScope, scope_problems

T = TypeVar("T")
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
GRACES: Final = {"0": 0, "1h": 3_600, "1d": 86_400, "7d": 604_800}
"""How long the secret before holds, s."""
MOST_DAYS: Final = 3_650


class ListedToken(NamedTuple):
    """A token as the list shows it."""

    token: Token
    state: str
    created: datetime
    expires: datetime | None
    used: datetime | None
    before_until: datetime | None


async def _book(visit: Visit, work: Callable[[TokenBook], T]) -> T:
    """Works with the tokens of the gateway on this host. Raises BadRequestError."""
    folder = parts_for(visit).tokens
    if folder is None:
        raise BadRequestError(visit.say("The gateway's directory is not on this host: use `orderwatch tokens` there."))

    def inside() -> T:
        with closing(TokenBook(folder, clock=visit.now.timestamp)) as book:
            return work(book)

    try:
        return await visit.own(inside)
    except TokenError as error:
        raise BadRequestError(str(error)) from error
    except OSError as error:
        raise BadRequestError(f"{folder}: {(error.strerror or str(error)).lower()}") from error


async def show_tokens(visit: Visit) -> Response:
    """All of them, and the form that makes one."""
    return await _tokens(visit, (), {})


async def _tokens(visit: Visit, problems: tuple[str, ...], given: dict[str, str]) -> Response:
    if parts_for(visit).tokens is None:
        return visit.page("tokens/absent.html")
    found = await _book(visit, TokenBook.all)
    listed = [_listed(token, visit.now) for token in found]
    status = 400 if problems else 200
    return visit.page(
        "tokens/list.html", status=status, listed=listed, problems=problems, given=given, roles=ROLES, graces=[*GRACES], all=ALL
    )


def _listed(token: Token, now: datetime) -> ListedToken:
    before = _at(token.before_until)
    kept = before if before is not None and before > now else None
    created = _at(token.created)
    assert created is not None
    return ListedToken(token, token.state(now.timestamp()), created, _at(token.expires), _at(token.used), kept)


def _at(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


async def create_token(visit: Visit) -> Response:
    """Makes one and shows its text, this once."""
    form = await visit.form()
    name = str(form.get("name", "")).strip()
    scope = _scope(form)
    problems = scope_problems(scope)
    if not NAME.fullmatch(name):
        problems.insert(0, visit.say("A name has letters, digits, '.', '_' and '-', and at most 64 of them."))
    if scope.decisions is not None and not scope.decisions.roles:
        problems.append(visit.say("Whoever decides needs a role."))
    days = str(form.get("days", "")).strip()
    if days and not (days.isdecimal() and 0 < int(days) <= MOST_DAYS):
        problems.append(visit.say("The days until it ends are a number from 1 to 3650, or nothing."))
    if problems:
        return await _tokens(visit, tuple(problems), {key: str(value) for key, value in form.items()})
    expires = (visit.now + timedelta(days=int(days))).timestamp() if days else None
    try:
        text = await _book(visit, lambda book: str(book.create(name, scope, expires)))
    except BadRequestError as error:
        return await _tokens(visit, (str(error),), {key: str(value) for key, value in form.items()})
    await _enter(visit, "token_created", name)
    return visit.page("tokens/made.html", name=name, text=text, rotated=False)


def _scope(form: FormData) -> TokenScope:
    """What a form lets a token do."""

    def several(name: str, usual: tuple[str, ...] = ()) -> tuple[str, ...]:
        return tuple(str(form.get(name, "")).replace(",", " ").split()) or usual

    tenants = several("tenants", ("default",))
    by = str(form.get("by", "")).strip()
    sources = several("sources")
    kind = "service" if form.get("kind") == "service" else "user"
    roles = (*map(str, form.getlist("role")), *several("other_roles"))
    return TokenScope(
        events=EventScope(sources, several("event_types", (ALL,)), tenants) if sources else None,
        decisions=DecisionScope(f"{kind}:{by}", roles, several("decision_types", (ALL,)), tenants) if by else None,
    )


async def rotate_token(visit: Visit) -> Response:
    """A new secret; the one before holds for a while."""
    form = await visit.form()
    name, grace = str(form.get("name", "")), str(form.get("grace", "1h"))
    if grace not in GRACES:
        raise BadRequestError(visit.say("The secret before holds for none, an hour, a day or a week."))
    text = await _book(visit, lambda book: str(book.rotate(name, GRACES[grace])))
    await _enter(visit, "token_rotated", name)
    return visit.page("tokens/made.html", name=name, text=text, rotated=True)


async def revoke_token(visit: Visit) -> Response:
    """Nothing more is taken with it."""
    form = await visit.form()
    name = str(form.get("name", ""))
    token = await _book(visit, lambda book: book.revoke(name))
    await _enter(visit, "token_revoked", token.name)
    return visit.done(visit.url("tokens"), visit.say("Token %(name)s is revoked.", name=token.name))


async def _enter(visit: Visit, what: str, name: str) -> None:
    def noted() -> None:
        with writing(visit.parts.own).begin() as connection:
            enter(connection, visit.now, visit.person.by, what, name)

    await visit.own(noted)


ROUTES: Final = (
    Route("tokens", "/tokens", show_tokens, Needs.ADMIN),
    Route("tokens_create", "/tokens", create_token, Needs.ADMIN, ("POST",)),
    Route("tokens_rotate", "/tokens/rotate", rotate_token, Needs.ADMIN, ("POST",)),
    Route("tokens_revoke", "/tokens/revoke", revoke_token, Needs.ADMIN, ("POST",)),
)
