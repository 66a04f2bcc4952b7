"""The people of the console: found, made, changed. Each change is entered, with who made it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from dataflows.console.access import EVERY, FOR_PEOPLE, Person, PersonScope
from dataflows.console.people.passwords import Passwords
from dataflows.console.people.tables import entries, people, sessions
from schemas.places import is_zone
from schemas.roles import ROLES
from sinks.cases.schema import writing

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,98}[a-z0-9]|[a-z0-9]")
ROLE: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
LOCAL: Final = "local"
COMMAND: Final = "command"
"""Who changes people from the command line."""
LANGUAGES: Final = ("en", "de")
THEMES: Final = ("light", "dark")


class PeopleError(ValueError):
    """What cannot be done to people; the message is one line."""


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody as the directory has them."""

    person: Person
    disabled: bool
    has_password: bool
    created_at: datetime
    changed_at: datetime


class Directory:
    """The people in the console's own database. Blocking: call it on a thread."""

    def __init__(self, engine: Engine, passwords: Passwords) -> None:
        self._engine, self._passwords = engine, passwords

    def prepare(self) -> None:
        """Does once what makes the first log-in of a name that there is not take longer than others."""
        self._passwords.matches(None, "")

    def everybody(self) -> Sequence[KnownPerson]:
        """All, by name."""
        with self._engine.connect() as connection:
            return [known(row) for row in connection.execute(select(people).order_by(people.c.name))]

    def count(self) -> int:
        """How many there are that may log in."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(people).where(people.c.disabled.is_(False))) or 0

    def find(self, name: str) -> KnownPerson | None:
        """Somebody by their name."""
        with self._engine.connect() as connection:
            row = connection.execute(select(people).where(people.c.name == name)).one_or_none()
        return None if row is None else known(row)

    def verified(self, name: str, password: str) -> KnownPerson | None:
        """Who it is, if the password is theirs and they are not disabled; takes the same time for a name that there is not."""
        with self._engine.connect() as connection:
            row = connection.execute(select(people).where(people.c.name == name)).one_or_none()
        digest = None if row is None else row.password
        if not self._passwords.matches(digest, password) or row is None or row.disabled:
            return None
        if self._passwords.is_dated(row.password):
            with writing(self._engine).begin() as connection:
                connection.execute(update(people).where(people.c.name == name).values(password=self._passwords.digest(password)))
        return known(row)

    def add(
        self,
        name: str,
        roles: Sequence[str],
        scope: PersonScope | None = None,
        *,
        password: str | None = None,
        origin: str = LOCAL,
        by: str = COMMAND,
        at: datetime,
    ) -> None:
        """Adds somebody. Raises PeopleError, WeakPasswordError."""
        scope = scope or PersonScope()
        if not NAME.fullmatch(name):
            raise PeopleError(f"{name!r} is no name: small letters, digits and . _ @ - are expected, at most 100")
        row = {
            "name": name,
            "password": None if password is None else self._passwords.digest(password),
            "roles": list(known_roles(roles)),
            **_of_scope(scope),
            "single_keys": True,
            "disabled": False,
            "origin": origin,
            "created_at": at,
            "changed_at": at,
        }
        with writing(self._engine).begin() as connection:
            if connection.execute(select(people.c.name).where(people.c.name == name)).one_or_none() is not None:
                raise PeopleError(f"{name} is there already")
            connection.execute(insert(people).values(**row))
            enter(connection, at, by, "person_added", name, {"roles": row["roles"], **_of_scope(scope), "origin": origin})

    def vouched(self, name: str, roles: Sequence[str], scope: PersonScope, *, issuer: str, subject: str, at: datetime) -> KnownPerson:
        """Somebody for whom a provider vouches, added or brought up to date. Raises PeopleError where the name is somebody else's."""
        wanted = {"roles": list(known_roles(roles)), **_of_scope(scope)}
        if not NAME.fullmatch(name):
            raise PeopleError("the provider's name of somebody is none of the console's: small letters, digits and . _ @ - are expected")
        with writing(self._engine).begin() as connection:
            row = connection.execute(select(people).where(people.c.name == name)).one_or_none()
            if row is None:
                fixed = {"name": name, "single_keys": True, "disabled": False, "origin": issuer, "subject": subject, "created_at": at}
                connection.execute(insert(people).values(**fixed, **wanted, changed_at=at))
                enter(connection, at, f"user:{name}", "person_added", name, {**wanted, "origin": issuer})
            elif (row.origin, row.subject) != (issuer, subject):
                raise PeopleError("the provider's name of somebody is taken by somebody else here")
            elif row.disabled:
                raise PeopleError("somebody for whom the provider vouches is disabled here")
            elif any(getattr(row, part) != value for part, value in wanted.items()):
                connection.execute(update(people).where(people.c.name == name).values(**wanted, changed_at=at))
                enter(connection, at, f"user:{name}", "person_changed", name, wanted)
            found = connection.execute(select(people).where(people.c.name == name)).one()
        return known(found)

    def change(
        self,
        name: str,
        *,
        roles: Sequence[str] | None = None,
        scope: PersonScope | None = None,
        by: str = COMMAND,
        at: datetime,
    ) -> None:
        """Gives somebody other roles or another scope; it holds for their next request. Raises PeopleError."""
        changes: dict[str, object] = {}
        if roles is not None:
            changes["roles"] = list(known_roles(roles))
        if scope is not None:
            changes |= _of_scope(scope)
        self._change(name, changes, "person_changed", by, at, detail=changes)

    def set_password(self, name: str, password: str, *, keep: str | None = None, by: str = COMMAND, at: datetime) -> None:
        """Gives somebody another password, which ends their sessions, but `keep` (a digest). Raises PeopleError, WeakPasswordError."""
        digest = self._passwords.digest(password)
        self._change(name, {"password": digest}, "password_changed", by, at, ends=True, keep=keep)

    def disable(self, name: str, *, disabled: bool = True, by: str = COMMAND, at: datetime) -> None:
        """Keeps somebody from logging in and ends their sessions, or lets them again. Raises PeopleError."""
        self._change(name, {"disabled": disabled}, "person_disabled" if disabled else "person_enabled", by, at, ends=disabled)

    def prefer(self, name: str, *, language: str | None, zone: str | None, theme: str | None, single_keys: bool, at: datetime) -> None:
        """How somebody wants to see the console. Raises PeopleError."""
        if language is not None and language not in LANGUAGES:
            raise PeopleError(f"{language!r} is no language of the console: {', '.join(LANGUAGES)}")
        if zone is not None and not is_zone(zone):
            raise PeopleError(f"{zone!r} is no time zone of the IANA database, such as Europe/Berlin")
        if theme is not None and theme not in THEMES:
            raise PeopleError(f"{theme!r} is no theme: {', '.join(THEMES)}")
        wanted = {"language": language, "zone": zone, "theme": theme, "single_keys": single_keys}
        self._change(name, wanted, None, name, at)

    def _change(
        self,
        name: str,
        changes: Mapping[str, object],
        what: str | None,
        by: str,
        at: datetime,
        *,
        ends: bool = False,
        keep: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        with writing(self._engine).begin() as connection:
            stamp = {"changed_at": at} if what else {}
            if not connection.execute(update(people).where(people.c.name == name).values(**changes, **stamp)).rowcount:
                raise PeopleError(f"there is nobody called {name}")
            if ends:
                connection.execute(delete(sessions).where(sessions.c.name == name, sessions.c.digest != (keep or "")))
            if what:
                enter(connection, at, by, what, name, detail)


def enter(
    connection: Connection, at: datetime, by: str, what: str, subject: str | None, detail: Mapping[str, object] | None = None
) -> None:
    """Enters what happened to people and sessions."""
    row = {"entry_id": secrets.token_hex(16), "at": at, "by": by, "what": what, "subject": subject, "detail": detail}
    connection.execute(insert(entries).values(**row))


def note_failure(engine: Engine, at: datetime) -> None:
    """Enters that a log-in has failed; the name is not kept: often enough it is a password typed into the wrong field."""
    with writing(engine).begin() as connection:
        enter(connection, at, "nobody", "log_in_failed", None)


def known_roles(roles: Sequence[str]) -> tuple[str, ...]:
    """The roles, each once. A policy may name roles of its own; those of programs nobody has. Raises PeopleError."""
    found = tuple(dict.fromkeys(roles))
    if not found:
        raise PeopleError("somebody without a role may do nothing: give at least one")
    for role in found:
        if role in ROLES and role not in FOR_PEOPLE:
            raise PeopleError(f"{role} is a role of programs; people have {', '.join(FOR_PEOPLE)}, or roles that the policy names")
        if not ROLE.fullmatch(role):
            raise PeopleError(f"{role!r} is no role: small letters, digits and _ are expected")
    return found


def known(row: Row[Any]) -> KnownPerson:
    """A row of the directory."""
    scope = PersonScope(*(tuple(part or (EVERY,)) for part in (row.tenants, row.teams, row.sites)))
    person = Person(row.name, tuple(row.roles or ()), scope, row.language, row.zone, row.theme, row.single_keys, row.shown, row.origin)
    return KnownPerson(person, row.disabled, row.password is not None, row.created_at, row.changed_at)


def _of_scope(scope: PersonScope) -> dict[str, object]:
    for part in (scope.tenants, scope.teams, scope.sites):
        if not part or not all(part):
            raise PeopleError("a scope names at least one tenant, team and site; * is all")
    return {"tenants": list(scope.tenants), "teams": list(scope.teams), "sites": list(scope.sites)}
