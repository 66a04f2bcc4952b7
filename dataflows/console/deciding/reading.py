"""About what is decided: the exceptions and actions that a link or a form names, as far as the person may see them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from dataflows.console.deciding.verbs import Verb
from dataflows.console.visit import NotHereError, Visit
from sinks.cases.queries.deciding import ActionAbout, DecidedCase, actions_about, case_standings
from sinks.cases.queries.exceptions import by_id
from sinks.cases.queries.rows import ExceptionRow

NAMED: Final = re.compile(r"([0-9a-fA-F-]{8,64})(?::(\d{1,9}))?")
"""How links and forms name what is decided about: an ID and the sequence that was shown."""


class Named(NamedTuple):
    """What a link or a form names. `sequence`: of what the person has seen; None: of what is shown now."""

    id: str
    sequence: int | None


class CaseTarget(NamedTuple):
    """A case to decide about. `seen`: the sequence that the person has read."""

    row: ExceptionRow
    standing: DecidedCase
    seen: int

    @property
    def value(self) -> str:
        """As forms name it."""
        return f"{self.row.exception_id}:{self.seen}"


class ActionTarget(NamedTuple):
    """An action to decide about, likewise."""

    about: ActionAbout
    seen: int

    @property
    def value(self) -> str:
        """As forms name it."""
        return f"{self.about.row.action_id}:{self.seen}"


class Targets(NamedTuple):
    """All that is decided about at once. `gone`: how many were named that there are not, or that the person may not see."""

    cases: Sequence[CaseTarget] = ()
    actions: Sequence[ActionTarget] = ()
    gone: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.cases) + len(self.actions)

    @property
    def values(self) -> list[str]:
        """As forms name them."""
        return [*(one.value for one in self.cases), *(one.value for one in self.actions)]


def named(values: Sequence[str]) -> list[Named]:
    """What is named, each once, in its order; what is no name is left out."""
    found: dict[str, Named] = {}
    for value in values:
        if (match := NAMED.fullmatch(value.strip())) is not None:
            found.setdefault(match[1].lower(), Named(match[1].lower(), None if match[2] is None else int(match[2])))
    return list(found.values())


async def targets(visit: Visit, verb: Verb, wanted: Sequence[Named]) -> Targets:
    """What is named, as it stands now. Raises NotHereError if nothing of it is there, StoreDownError."""
    if verb.about in ("case", "order"):
        found = await visit.read(_cases, wanted, visit)
        kept = [one for one in found if visit.person.may_see(one.row.tenant, one.row.team, one.row.site)]
        read = Targets(cases=kept, gone=len(wanted) - len(kept))
    else:
        about = await visit.read(actions_about, [one.id for one in wanted])
        seen = {one.id: one.sequence for one in wanted}
        there = [ActionTarget(one, _seen(seen, one.row.action_id, one.row.sequence)) for one in about if may_see_action(visit, one)]
        read = Targets(actions=there, gone=len(wanted) - len(there))
    if not read.total:
        raise NotHereError
    return read


def may_see_action(visit: Visit, about: ActionAbout) -> bool:
    """Whether an action is within the person's scope: as its exception is."""
    return visit.person.may_see(about.row.tenant, about.team, about.site)


def _cases(connection: Connection, wanted: Sequence[Named], visit: Visit) -> list[CaseTarget]:
    seen = {one.id: one.sequence for one in wanted}
    rows = by_id(connection, [*seen], visit.now)
    standings = case_standings(connection, [row.exception_id for row in rows])
    return [CaseTarget(row, standings.get(row.exception_id) or _unknown(row), _seen(seen, row.exception_id, row.sequence)) for row in rows]


def _seen(seen: Mapping[str, int | None], id_: str, now: int) -> int:
    sequence = seen.get(id_)
    return now if sequence is None else sequence


def _unknown(row: ExceptionRow) -> DecidedCase:
    return DecidedCase(row.exception_id, row.case_state, row.assignee, row.team, row.until, None, row.waiting_on, None, None)
