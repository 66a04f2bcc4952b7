"""How teams keep up: what they have, what is late, how long it takes, what had to be done again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, Select, and_, case, exists, func, literal, or_, select, union_all

from sinks.cases.expressions import Expression, at, between, counted
from sinks.cases.queries.windows import Window, chosen, said_in
from sinks.cases.tables import action_events, cases, exceptions
from sinks.cases.views.ageing import ageing
from sinks.cases.views.clocks import acknowledge_broken, resolve_broken
from sinks.cases.views.sla import promises
from sinks.cases.views.workload import workload

_E, _C = exceptions.c, cases.c
MEASURES: Final = ("acknowledge", "act", "resolve")
STEPS: Final = ((3_600, 30), (86_400, 300), (7 * 86_400, 1_800))
"""How finely durations are told apart: up to so many seconds, by so many."""
COARSEST: Final = 4 * 3_600
NOBODY: Final = ""
"""The team of what has none."""


@dataclass(frozen=True, slots=True)
class OpenLoad:
    """What a team, or a person of it, has open. `assignee` None: nobody has it; `late`: exceptions of which any clock has run out."""

    team: str
    assignee: str | None
    by_severity: Mapping[str, int]
    open: int
    unacknowledged: int
    snoozed: int
    waiting: int
    escalated: int
    late: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class AgeBucket:
    """What has been open for so long, by severity."""

    bucket: str
    rank: int
    by_severity: Mapping[str, int]
    late: int


@dataclass(frozen=True, slots=True)
class KeptPromises:
    """How many cases of a team were taken up and resolved within their clocks."""

    team: str
    acknowledge_within: int
    acknowledge_breached: int
    resolve_within: int
    resolve_breached: int
    resolve_running: int


@dataclass(slots=True)
class Durations:
    """How long something took, by how often it did; told apart as finely as `STEPS` says."""

    taken: Counter[int] = field(default_factory=Counter[int])

    @property
    def many(self) -> int:
        """How many were measured."""
        return self.taken.total()

    def percentile(self, percent: int) -> int | None:
        """By nearest rank: the least length, in seconds, that so many per cent do not exceed; None if nothing was measured."""
        left = (self.many * percent + 99) // 100
        for seconds, many in sorted(self.taken.items()):
            left -= many
            if left <= 0:
                return seconds
        return None


@dataclass(frozen=True, slots=True)
class ReworkCount:
    """What of a team's cases was opened again, came back by itself, was handed on, was noise, had gone to the wrong team."""

    team: str
    reopened: int
    flapped: int
    handed_on: int
    noise: int
    wrong_owner: int


def open_load(connection: Connection, window: Window, now: datetime) -> list[OpenLoad]:
    """Who has what, as of now; the window's time does not matter."""
    found: dict[tuple[str, str | None], list[Any]] = {}
    # An exception whose both clocks have run out is late once.
    late = counted(or_(and_(acknowledge_broken(at(now)), exceptions.c.acknowledged_at.is_(None)), resolve_broken(at(now))))
    counts = cast("Select[*tuple[Any, ...]]", workload(at(now), *chosen(window))).add_columns(late.label("late"))
    for row in connection.execute(counts):
        found.setdefault((row.team or NOBODY, row.assignee), []).append(row)
    return [_load(team, assignee, rows) for (team, assignee), rows in sorted(found.items(), key=lambda one: (one[0][0], one[0][1] or ""))]


def _load(team: str, assignee: str | None, rows: Sequence[Any]) -> OpenLoad:
    def total(name: str) -> int:
        return sum(int(getattr(row, name)) for row in rows)

    severities = Counter[str]()
    for row in rows:
        severities[row.severity] += row.open
    counts = {name: total(name) for name in ("open", "unacknowledged", "snoozed", "waiting", "escalated", "late")}
    return OpenLoad(team, assignee, severities, **counts, oldest=min(row.oldest_raised_at for row in rows))


def ages(connection: Connection, window: Window, now: datetime) -> list[AgeBucket]:
    """How long what is open has been open, as of now."""
    found: dict[tuple[int, str], Counter[str]] = {}
    late = Counter[int]()
    for row in connection.execute(ageing(at(now), *chosen(window))):
        found.setdefault((row.bucket_rank, row.bucket), Counter())[row.severity] += row.open
        late[row.bucket_rank] += int(row.resolve_breached)
    return [AgeBucket(bucket, rank, severities, late[rank]) for (rank, bucket), severities in sorted(found.items())]


def kept_promises(connection: Connection, window: Window, now: datetime) -> list[KeptPromises]:
    """Of what was first said in a window: what was taken up and resolved within its clock, by team."""
    names = ("acknowledge_within", "acknowledge_breached", "resolve_within", "resolve_breached", "resolve_running")
    found: dict[str, Counter[str]] = {}
    for row in connection.execute(promises(at(now), *said_in(window))):
        counts = found.setdefault(row.team or NOBODY, Counter())
        for name in names:
            counts[name] += int(getattr(row, name))
    return [KeptPromises(team, *(counts[name] for name in names)) for team, counts in sorted(found.items())]


def durations(connection: Connection, window: Window) -> dict[str, dict[str, Durations]]:
    """By team and measure, how long it took until what was first said in a window was taken up, acted upon, over."""
    found: dict[str, dict[str, Durations]] = {}
    for team, measure, seconds, many in connection.execute(_taken(window)):
        of_team = found.setdefault(team or NOBODY, {name: Durations() for name in MEASURES})
        of_team[measure].taken[int(seconds)] += many
    return found


def together(durations_: Iterable[Durations]) -> Durations:
    """Several as one."""
    joined = Durations()
    for one in durations_:
        joined.taken.update(one.taken)
    return joined


def reworked(connection: Connection, window: Window) -> list[ReworkCount]:
    """Of what was first said in a window, by team."""
    again = or_(_C.reopenings > 0, _C.flaps > 0, _C.reassignments > 0, _C.label.is_not(None))
    rows = (
        select(
            _E.team,
            counted(_C.reopenings > 0).label("reopened"),
            counted(_C.flaps > 0).label("flapped"),
            counted(_C.reassignments > 0).label("handed_on"),
            counted(_C.label == "noise").label("noise"),
            counted(_C.label == "wrong_owner").label("wrong_owner"),
        )
        .join_from(exceptions, cases, _C.exception_id == _E.exception_id)
        .where(*said_in(window), again)
        .group_by(_E.team)
    )
    found = [ReworkCount(row.team or NOBODY, *map(int, row[1:])) for row in connection.execute(rows)]
    return sorted(found, key=lambda one: one.team)


def _taken(window: Window) -> Select[*tuple[Any, ...]]:
    """Team, measure, length, and how often."""
    said = said_in(window)
    again = exists().where(_C.exception_id == _E.exception_id, _C.reopenings > 0)
    begun = (
        select(action_events.c.exception_id, func.min(action_events.c.time).label("at"))
        .where(
            action_events.c.state.in_(("begun", "executed")),
            action_events.c.exception_id.is_not(None),
            action_events.c.time >= at(window.since),
        )
        .group_by(action_events.c.exception_id)
        .subquery("begun")
    )
    lengths: dict[str, tuple[Expression, Expression]] = {
        "acknowledge": (between(_E.raised_at, _E.acknowledged_at), and_(_E.acknowledged_at.is_not(None), ~again)),
        "resolve": (between(_E.raised_at, _E.closed_at), _E.closed_at.is_not(None)),
    }
    parts = [
        select(_E.team, literal(measure).label("measure"), _stepped(length).label("seconds")).where(*said, condition)
        for measure, (length, condition) in lengths.items()
    ]
    acted = select(_E.team, literal("act").label("measure"), _stepped(between(_E.raised_at, begun.c.at)).label("seconds"))
    parts.append(acted.join_from(exceptions, begun, begun.c.exception_id == _E.exception_id).where(*said))
    found = union_all(*parts).subquery("took").c
    return select(found.team, found.measure, found.seconds, func.count()).group_by(found.team, found.measure, found.seconds)


def _stepped(seconds: Expression) -> Expression:
    steps = [(seconds < most, seconds // step * step) for most, step in STEPS]
    return case(*steps, else_=seconds // COARSEST * COARSEST)


def share(within: int, breached: int) -> float | None:
    """Which share was in time; None where there is nothing to say."""
    return within / (within + breached) if within + breached else None
