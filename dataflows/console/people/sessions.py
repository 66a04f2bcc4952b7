"""Sessions: rows in the console's own database; the browser has a random ID, the database its digest."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, Row, delete, func, insert, select, update

from dataflows.console.people.directory import KnownPerson, enter
from dataflows.console.people.directory import known as known_of
from dataflows.console.people.tables import people, sessions
from sinks.cases.schema import writing

SEEN: Final = timedelta(seconds=30)
"""How exact it is known when a session was last used."""
BROWSERS: Final = (("Firefox/", "Firefox"), ("Edg/", "Edge"), ("OPR/", "Opera"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
"""Signs of browsers and systems, the most telling first: most claim to be others too."""


@dataclass(frozen=True, slots=True)
class PersonSession:
    """A session. `ends_at`: when it ends if nothing more is asked for; `ends_anyway`: when it does in any case."""

    digest: str
    name: str
    began_at: datetime
    seen_at: datetime
    agent: str | None
    way: str
    message: str | None
    ends_at: datetime
    ends_anyway: datetime


class Sessions:
    """The sessions. Blocking: call it on a thread."""

    def __init__(self, engine: Engine, idle: timedelta, longest: timedelta) -> None:
        self._engine, self._idle, self._longest = engine, idle, longest

    def begin(self, name: str, way: str, agent: str | None, at: datetime) -> str:
        """Begins one; returns its ID, which is kept nowhere here."""
        id_ = secrets.token_urlsafe(32)
        row = {"digest": digest_of(id_), "name": name, "began_at": at, "seen_at": at, "way": way, "agent": browser_of(agent)}
        with writing(self._engine).begin() as connection:
            connection.execute(delete(sessions).where((sessions.c.seen_at < at - self._idle) | (sessions.c.began_at < at - self._longest)))
            connection.execute(insert(sessions).values(**row))
            enter(connection, at, f"user:{name}", "logged_in", name, {"way": way})
        return id_

    def find(self, id_: str, at: datetime, *, used: bool = True) -> tuple[PersonSession, KnownPerson] | None:
        """A session that has not ended, and whose it is; that it was used is noted, unless a page asks by itself."""
        digest = digest_of(id_)
        chosen = select(sessions, people).join(people, people.c.name == sessions.c.name).where(sessions.c.digest == digest)
        with self._engine.connect() as connection:
            row = connection.execute(chosen).one_or_none()
        if row is None or row.disabled or not self._lives(row, at):
            return None
        if used and at - row.seen_at >= SEEN:
            with writing(self._engine).begin() as connection:
                connection.execute(update(sessions).where(sessions.c.digest == digest).values(seen_at=at))
        return self._session(row, max(at, row.seen_at) if used else row.seen_at), known_of(row)

    def lives(self, digest: str, at: datetime) -> bool:
        """Whether a session has not ended, nor its person been disabled; asking does not keep it alive."""
        chosen = select(sessions, people.c.disabled).join(people, people.c.name == sessions.c.name).where(sessions.c.digest == digest)
        with self._engine.connect() as connection:
            row = connection.execute(chosen).one_or_none()
        return row is not None and not row.disabled and self._lives(row, at)

    def of(self, name: str, at: datetime) -> Sequence[PersonSession]:
        """Somebody's sessions, the last used first."""
        chosen = select(sessions).where(sessions.c.name == name).order_by(sessions.c.seen_at.desc())
        with self._engine.connect() as connection:
            return [self._session(row, row.seen_at) for row in connection.execute(chosen) if self._lives(row, at)]

    def count(self, at: datetime) -> int:
        """How many have not ended."""
        live = (sessions.c.seen_at >= at - self._idle) & (sessions.c.began_at >= at - self._longest)
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(sessions).where(live)) or 0

    def end(self, digest: str, *, by: str, at: datetime, what: str = "logged_out") -> bool:
        """Ends one; False if there is none."""
        with writing(self._engine).begin() as connection:
            row = connection.execute(select(sessions.c.name).where(sessions.c.digest == digest)).one_or_none()
            if row is None:
                return False
            connection.execute(delete(sessions).where(sessions.c.digest == digest))
            enter(connection, at, by, what, row.name)
        return True

    def tell(self, digest: str, message: str | None) -> None:
        """What the next page shows once; None: it was shown."""
        with writing(self._engine).begin() as connection:
            connection.execute(update(sessions).where(sessions.c.digest == digest).values(message=message))

    def _lives(self, row: Row[Any], at: datetime) -> bool:
        return bool(at - row.seen_at <= self._idle and at - row.began_at <= self._longest)

    def _session(self, row: Row[Any], seen: datetime) -> PersonSession:
        anyway = row.began_at + self._longest
        ends = min(seen + self._idle, anyway)
        return PersonSession(row.digest, row.name, row.began_at, seen, row.agent, row.way, row.message, ends, anyway)


def browser_of(agent: str | None) -> str | None:
    """A browser in two words, from what it says of itself; None if that is nothing known."""
    said = agent or ""
    browser = next((name for sign, name in BROWSERS if sign in said), None)
    system = next((name for sign, name in SYSTEMS if sign in said), None)
    return " · ".join(filter(None, (browser, system))) or None


def digest_of(id_: str) -> str:
    """What is kept of the ID of a session."""
    return hashlib.sha256(id_.encode()).hexdigest()
