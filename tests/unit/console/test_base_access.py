"""Who gets what: every route for every role, with and without a scope, as the one table says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from starlette.responses import PlainTextResponse, Response

from dataflows.cli.docs import table
from dataflows.cli.docs_console import permissions
from dataflows.console.access import ALLOWED, FOR_PEOPLE, NONE, OF_POLICY, Needs, Person, PersonScope, may
from dataflows.console.routes import Route, every_route
from dataflows.console.visit import Visit
from schemas.roles import ROLES
from sinks.cases.queries.wanted import ActionFilter, ExceptionFilter
from tests.support.console import ConsoleHost, console

NOBODY: Final = "nobody"
ROLE_OF_POLICY: Final = "finance_lead"
WHO: Final = (NOBODY, *FOR_PEOPLE, ROLE_OF_POLICY, "dispatch")
NARROW: Final = PersonScope(("default",), ("CARR",), ("S1",))
GIVEN: Final = "given"


async def give(visit: Visit) -> Response:
    """Stands for any view: what is tested is who comes to it."""
    return PlainTextResponse(GIVEN if visit.person.is_known or visit.route else "")


def expected(needs: Needs, who: str) -> bool:
    """What the table says, written out."""
    if needs is Needs.OPEN:
        return True
    if who == NOBODY:
        return False
    if needs is Needs.SIGNED_IN:
        return True
    return (who if who in ROLES else OF_POLICY) in ALLOWED.get(needs, ())


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleHost]:
    """All routes with one view, and somebody of each role, once with a scope."""
    routes = [route._replace(view=give) for route in every_route()]
    with console(tmp_path_factory.mktemp("access"), orders=None, routes=routes, people={}) as made:
        for role in WHO[1:]:
            if role == "dispatch":
                continue
            for scoped in (False, True):
                made.add(f"{role}-{scoped}".lower(), role, scope=NARROW if scoped else None)
        yield made


@pytest.mark.parametrize(
    ("role", "scoped"), [(who, scoped) for who in WHO for scoped in (False, True) if who != "dispatch" and not (who == NOBODY and scoped)]
)
def test_every_route_gives_itself_to_whom_the_table_says(host: ConsoleHost, role: str, scoped: bool) -> None:
    """Each method of each route; who is not logged in is led to the log-in, who may not is told so. A scope changes nothing of that."""
    browser = host.client(None if role == NOBODY else f"{role}-{scoped}".lower())
    wrong: list[str] = []
    for route in every_route():
        path = route.path.replace(":path}", "}").replace(":int}", "}")
        while "{" in path:
            path = path[: path.index("{")] + "1" + path[path.index("}") + 1 :]
        for method in route.methods:
            answer = browser.request(method, path)
            given = (answer.status_code, answer.text) == (200, GIVEN)
            refused = (303, 401) if role == NOBODY else (403,)
            if given != expected(route.needs, role) or (not given and answer.status_code not in refused):
                wrong.append(f"{method} {route.name}: {answer.status_code}")
    assert wrong == []


def test_what_is_not_in_the_table_is_denied() -> None:
    """Roles of programs get nothing, whatever a route needs; nobody has no role; a need that the table lacks is nobody's."""
    for needs in set(Needs) - {Needs.OPEN, Needs.SIGNED_IN}:
        assert not may(("dispatch", "model"), needs)
        assert not may(FOR_PEOPLE, needs, known=False)
        assert not may((), needs)
        assert ALLOWED[needs] <= {*FOR_PEOPLE, OF_POLICY}
    assert set(ALLOWED) == set(Needs) - {Needs.OPEN, Needs.SIGNED_IN}


def test_the_documented_table_is_the_one_that_was_enumerated() -> None:
    """One row for each route and method; a tick where `expected` says so."""
    rows = [line for line in permissions(table).splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(route.methods) for route in every_route())
    columns = ("viewer", "operator", "approver", "policy_author", "admin", ROLE_OF_POLICY)
    wanted = {
        f"{method} {route.path}": [expected(route.needs, role) for role in columns] for route in every_route() for method in route.methods
    }
    found = {row.split("|")[1].strip().strip("`"): [cell.strip() == "yes" for cell in row.split("|")[3:9]] for row in rows}
    assert found == wanted


def test_a_scope_cuts_filters_down_and_an_empty_overlap_finds_nothing() -> None:
    """Fields that nobody asked for get the scope; those asked for what both have."""
    anna = Person("anna", ("operator",), PersonScope(("default", "acme"), ("*",), ("S1",)))
    assert anna.narrow(ExceptionFilter()) == ExceptionFilter(tenants=("default", "acme"), sites=("S1",))
    wanted = anna.narrow(ExceptionFilter(tenants=("acme", "other"), teams=("CARR",), sites=("S2",)))
    assert (wanted.tenants, wanted.teams, wanted.sites) == (("acme",), ("CARR",), NONE)
    assert anna.narrow(ActionFilter(tenants=("other",))).tenants == NONE
    assert Person("ada").narrow(ExceptionFilter(teams=("X",))) == ExceptionFilter(teams=("X",))


def test_what_is_not_known_is_outside_of_a_scope_that_asks_for_it() -> None:
    """An exception without a site is not seen by who may see one site only."""
    anna = Person("anna", ("operator",), PersonScope(sites=("S1",)))
    assert anna.may_see("default", "CARR", "S1")
    assert not anna.may_see("default", "CARR", None)
    assert not anna.may_see("default", "CARR")
    assert Person("ada").may_see("default")
    assert anna.scope.is_whole is False


def test_a_route_that_says_nothing_of_what_it_needs_cannot_be_written() -> None:
    """The need has no default; a name given twice is refused."""
    with pytest.raises(TypeError):
        Route("x", "/x", give)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_the_views_are_found(tmp_path: Path) -> None:
    """A module of `views` with ROUTES is all that a view needs."""
    del tmp_path
    assert {"login", "logout", "settings", "csp", "oidc"} <= {route.name for route in every_route()}
    assert all(route.path.startswith("/") for route in every_route())
