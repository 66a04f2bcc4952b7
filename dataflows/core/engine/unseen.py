"""Milestones that orders owe and nobody has ever told: one line for each, instead of one for every order, or of none at all.

Where a policy lists no milestones, those that were never shown are not waited for, and a feed that is broken from its first day would be
missed. Once `ENOUGH` orders have owed a milestone of one carrier or site (or of the tenant) for `PATIENCE` each, and nobody has shown it by
then, that is said once; it is over with the first record that shows it. Everything follows from what was learned, which is the same in
every shard; one of them says it.
"""

from __future__ import annotations

from typing import Final
from uuid import uuid5
from zlib import crc32

from dataflows.core.clocks.explain import moment
from dataflows.core.engine.exceptions import NAMESPACE, event
from dataflows.core.history.learned import Learned, Owed
from schemas.instants import DAY, FAR, iso
from schemas.learned import BY_CARRIER
from schemas.output import OutputRecord

PATIENCE: Final = DAY
ZONE: Final = "UTC"
NEVER_SEEN: Final = "feed.never_seen"
OPEN, OVER = 1, 2
WORDS: Final = {"captured": "capture of a payment", "shipped": "hand-over", "first_scan": "first scan"}
"""What is owed (see `schemas.learned`), in words."""


class Unseen:
    """What one shard says of milestones that were never shown. `place`: which shard of how many this is."""

    def __init__(self, learned: Learned, place: tuple[int, int]) -> None:
        self.due = FAR
        """The next instant at which something is to be said or found to be in order."""
        self._learned = learned
        self._number, self._total = place

    def plan(self) -> None:
        """Looks anew at what was learned."""
        self.due = min((at for _, at, _ in self._ahead()), default=FAR)

    def reach(self, at: int) -> list[OutputRecord]:
        """Lets log time be `at`, whose records are all in: what is to be said."""
        if at < self.due:
            return []
        said: list[OutputRecord] = []
        for owed, due, since in list(self._ahead()):
            if due > at:
                continue
            known = self._learned.stages.get(owed)
            first = self._learned.first(owed)
            if known is None and first is not None and first <= due:
                self._learned.note(owed, OVER)
                continue
            stage = OPEN if known is None else OVER
            self._learned.note(owed, stage)
            said.append(_line(owed, stage, due, since, self._learned.owing(owed)))
        self.plan()
        return said

    def _ahead(self) -> list[tuple[Owed, int, int]]:
        """What is to be decided, when (log time), and since when enough orders owe it."""
        found: list[tuple[Owed, int, int]] = []
        for owed, since in self._learned.owed():
            stage = self._learned.stages.get(owed)
            if stage == OVER or crc32("\x1f".join(owed).encode()) % self._total != self._number:
                continue
            if stage is None:
                found.append((owed, since + PATIENCE, since))
            elif (first := self._learned.first(owed)) is not None:
                found.append((owed, first, since))
        return found


def _sentence(owed: Owed, stage: int, at: int, since: int, orders: list[str]) -> str:
    whose = "" if not owed.place else f" by carrier {owed.place}" if owed.milestone in BY_CARRIER else f" at site {owed.place}"
    what, begun = WORDS.get(owed.milestone, owed.milestone) + whose, moment(since, ZONE)
    if stage == OPEN:
        said = f"No {what} has ever been told: since {begun} {len(orders)} orders wait for one, the first of them {orders[0]}."
    else:
        said = f"A {what} was told on {moment(at, ZONE)}, the first ever: {len(orders)} orders had waited for one since {begun}."
    return f"{said} (Times: {ZONE}.)"


def _line(owed: Owed, stage: int, at: int, since: int, orders: list[str]) -> OutputRecord:
    name = f"{owed.place or owed.tenant}: {owed.milestone}"
    incident = uuid5(NAMESPACE, "\x1f".join(("never_seen", *owed, str(since))))
    status = "open" if stage == OPEN else "resolved"
    data: dict[str, object] = {
        "incident_id": str(incident),
        "status": status,
        "milestone": owed.milestone,
        "carrier": owed.place or None if owed.milestone in BY_CARRIER else None,
        "site": None if owed.milestone in BY_CARRIER else owed.place or None,
        "owed_since": iso(since),
        "orders": orders,
        "summary": _sentence(owed, stage, at, since, orders),
    }
    body = event(owed.tenant, name, NEVER_SEEN, f"{incident}:{stage}", at, data)
    return OutputRecord(at, name, "incidents", NEVER_SEEN, NEVER_SEEN, body, kind=NEVER_SEEN, status=status, data=data)
