"""Failed log-ins slow further ones down, by name and by address. Counted in the database: a restart forgets none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, delete, func, select

from dataflows.console.own import upsert
from dataflows.console.people.tables import attempts
from sinks.cases.schema import writing

LEAST_S: Final = 2.0
MOST: Final = timedelta(minutes=15)
"""The longest wait."""
FORGET: Final = timedelta(hours=24)
"""After how long without a failure they are forgotten."""
ADDRESS: Final = "address:"
"""How subjects begin that are addresses."""
PER_ADDRESS: Final = 10
"""Of an address so many times as many failures are free as of a name: a whole office has one, and so have all who come by one proxy."""
FORGET_ADDRESS: Final = timedelta(hours=1)
"""Those of an address are forgotten sooner: among many people somebody mistypes every day, and no name would then be let in at once."""


class Attempts:
    """Counts failures. Blocking: call it on a thread. `free`: how many of one name do not slow anything down."""

    def __init__(self, engine: Engine, free: int) -> None:
        self._engine, self._free = engine, free

    def wait(self, subjects: Sequence[str], at: datetime) -> timedelta:
        """How long nothing more is looked at, of whichever subject it is longest; nothing if an attempt may be made."""
        digests = [digest(one) for one in subjects]
        with self._engine.connect() as connection:
            until = connection.scalar(select(func.max(attempts.c.next_at)).where(attempts.c.subject.in_(digests)))
        return max(until - at, timedelta()) if until is not None else timedelta()

    def failed(self, subjects: Sequence[str], at: datetime) -> None:
        """Notes a failure."""
        with writing(self._engine).begin() as connection:
            connection.execute(delete(attempts).where(attempts.c.last_at < at - FORGET))
            for subject in subjects:
                of_address = subject.startswith(ADDRESS)
                stands = attempts.c.last_at >= at - (FORGET_ADDRESS if of_address else FORGET)
                before = select(attempts.c.failures).where(attempts.c.subject == digest(subject), stands)
                many = (connection.scalar(before) or 0) + 1
                beyond = many - self._free * (PER_ADDRESS if of_address else 1)
                wait = min(MOST, timedelta(seconds=LEAST_S * 2 ** min(beyond, 20))) if beyond >= 0 else timedelta()
                row = {"subject": digest(subject), "failures": many, "last_at": at, "next_at": at + wait}
                connection.execute(upsert(connection, attempts, row))

    def succeeded(self, subject: str) -> None:
        """Forgets the failures of a name: whoever fails from an address may know one name well."""
        with writing(self._engine).begin() as connection:
            connection.execute(delete(attempts).where(attempts.c.subject == digest(subject)))


def digest(subject: str) -> str:
    """What is kept of a name or an address."""
    return hashlib.sha256(subject.encode()).hexdigest()
