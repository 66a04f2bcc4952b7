"""Invitations: whoever has the code of one sets the password of a name, once. Only a digest of it is kept, and no log or URL holds it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, delete, insert, select

from dataflows.console.govern.tables import invitations
from dataflows.console.people.directory import Directory, enter
from sinks.cases.schema import writing

VALID: Final = timedelta(days=3)
LONGEST: Final = 100


class InvitationError(ValueError):
    """An invitation that is not one any more, or never was."""


def invite(own: Engine, name: str, by: str, at: datetime) -> str:
    """A new code for somebody, which is shown once; one that they had before ends. Blocking."""
    code = secrets.token_urlsafe(24)
    row = {"digest": _digest(code), "name": name, "by": by, "at": at, "expires_at": at + VALID}
    with writing(own).begin() as connection:
        connection.execute(delete(invitations).where((invitations.c.name == name) | (invitations.c.expires_at < at)))
        connection.execute(insert(invitations).values(**row))
        enter(connection, at, by, "invited", name)
    return code


def accept(own: Engine, directory: Directory, code: str, password: str, at: datetime) -> str:
    """Sets the password of whom a code is for; returns their name. Blocking. Raises InvitationError, WeakPasswordError, PeopleError."""
    digest = _digest(code.strip()[:LONGEST])
    with own.connect() as connection:
        row = connection.execute(select(invitations).where(invitations.c.digest == digest)).one_or_none()
    if row is None or row.expires_at <= at:
        raise InvitationError
    directory.set_password(row.name, password, by=f"user:{row.name}", at=at)
    with writing(own).begin() as connection:
        connection.execute(delete(invitations).where(invitations.c.digest == digest))
        enter(connection, at, f"user:{row.name}", "invitation_used", row.name)
    return str(row.name)


def open_invitations(own: Engine, at: datetime) -> dict[str, datetime]:
    """Who has one that was not used, and when it ends. Blocking."""
    chosen = select(invitations.c.name, invitations.c.expires_at).where(invitations.c.expires_at > at)
    with own.connect() as connection:
        return {row.name: row.expires_at for row in connection.execute(chosen)}


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
