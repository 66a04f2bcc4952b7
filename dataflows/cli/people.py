"""`orderwatch people`: who may enter the console, with which role and scope."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.choosing import AsJson, Several
from dataflows.cli.known import say_unknown_roles
from dataflows.cli.listing import print_list
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError

if TYPE_CHECKING:
    from pathlib import Path

    from dataflows.console.access import PersonScope
    from dataflows.console.people.directory import Directory, KnownPerson

app = typer.Typer(name="people", help="People of the console: add and list them, their roles, scopes and passwords.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name by which they log in; decisions are by user:NAME.")]
Role = Annotated[Several, typer.Option(help="viewer, operator, approver, policy_author, admin, or one of the policy's; again for more.")]
Tenant = Annotated[Several, typer.Option(help="Only cases of this tenant; again for more. Unset: of all.")]
Team = Annotated[Several, typer.Option(help="Only cases of this team; again for more. Unset: of all.")]
Site = Annotated[Several, typer.Option(help="Only cases of this site; again for more. Unset: of all.")]


@app.callback()
def people() -> None:
    """People of the console: add and list them, their roles, scopes and passwords."""


@app.command()
def add(
    name: Name, role: Role = None, tenant: Tenant = None, team: Team = None, site: Site = None, settings: options.SettingsFile = None
) -> None:
    """Add somebody. The password is asked for, or read from standard input: one line."""
    if not role:
        raise MisuseError("--role is missing: what may they do?")
    with _directory(settings) as directory:
        directory.add(name, role, _scope(tenant, team, site), password=_password(name), at=datetime.now(UTC))
    say_unknown_roles(role)
    typer.echo(f"{name} may log in, as {', '.join(role)}")


@app.command("list")
def list_(settings: options.SettingsFile = None, as_json: AsJson = False) -> None:
    """List the people: roles, scope, whether they may log in."""
    import orjson

    with _directory(settings) as directory:
        found = directory.everybody()
    if as_json:
        typer.echo(orjson.dumps([_plain(one) for one in found], option=orjson.OPT_INDENT_2).decode())
    else:
        rows = [_row(one) for one in found]
        nobody = "nobody: `orderwatch people add NAME --role admin` makes the first one"
        print_list(("name", "roles", "tenants", "teams", "sites", "from", "disabled"), rows, nobody)


@app.command()
def roles(
    name: Name, role: Role = None, tenant: Tenant = None, team: Team = None, site: Site = None, settings: options.SettingsFile = None
) -> None:
    """Give somebody these roles, and this scope, instead of those before. It holds from their next request on."""
    if not any((role, tenant, team, site)):
        raise MisuseError("which: --role, --tenant, --team, --site")
    scoped = any((tenant, team, site))
    with _directory(settings) as directory:
        directory.change(name, roles=role, scope=_scope(tenant, team, site) if scoped else None, at=datetime.now(UTC))
    say_unknown_roles(role or ())
    typer.echo(f"{name} is changed")


@app.command()
def password(name: Name, settings: options.SettingsFile = None) -> None:
    """Give somebody another password, which ends their sessions. It is asked for, or read from standard input: one line."""
    with _directory(settings) as directory:
        if directory.find(name) is None:
            raise MisuseError(f"there is nobody called {name}")
        directory.set_password(name, _password(name), at=datetime.now(UTC))
    typer.echo(f"{name} has another password")


@app.command()
def disable(
    name: Name,
    again: Annotated[bool, typer.Option("--enable", help="Let them log in again.")] = False,
    settings: options.SettingsFile = None,
) -> None:
    """Keep somebody from logging in, and end their sessions. What they decided stays theirs."""
    with _directory(settings) as directory:
        directory.disable(name, disabled=not again, at=datetime.now(UTC))
    typer.echo(f"{name} may {'log in again' if again else 'not log in any more'}")


def _password(name: str) -> str:
    """Never an argument: those stand in the shell's history and in the list of processes."""
    if sys.stdin.isatty():
        return str(typer.prompt(f"password of {name}", hide_input=True, confirmation_prompt=True, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise MisuseError("standard input has no password: a line is expected")
    return line


def _scope(tenant: Several, team: Several, site: Several) -> PersonScope:
    from dataflows.console.access import EVERY, PersonScope

    return PersonScope(*(tuple(part or (EVERY,)) for part in (tenant, team, site)))


@contextmanager
def _directory(settings: Path | None) -> Generator[Directory]:
    """The people of the console that the settings name. Raises MisuseError."""
    from dataflows.console.people.directory import PeopleError
    from dataflows.console.people.passwords import WeakPasswordError
    from dataflows.console.run import folder_of, opened
    from dataflows.runtime.state.files import keep_private

    found = read_settings(settings, {})
    keep_private()
    options.into_folder("console.dir", folder_of(found))
    with opened(found) as parts:
        try:
            yield parts.directory
        except (PeopleError, WeakPasswordError) as error:
            raise MisuseError(str(error)) from error


def _plain(one: KnownPerson) -> dict[str, object]:
    person, scope = one.person, one.person.scope
    return {
        "name": person.name,
        "roles": person.roles,
        "tenants": scope.tenants,
        "teams": scope.teams,
        "sites": scope.sites,
        "origin": person.origin,
        "disabled": one.disabled,
        "created_at": one.created_at,
        "changed_at": one.changed_at,
    }


def _row(one: KnownPerson) -> tuple[str, ...]:
    scope = one.person.scope
    parts = (", ".join(part) for part in (one.person.roles, scope.tenants, scope.teams, scope.sites))
    return (one.person.name, *parts, one.person.origin, "disabled" if one.disabled else "")
