"""History that is told long after it happened: when it counts as told, and what of it is not said (contract, part 2, Calm)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.judging.reading import DAY, HOUR, MINUTE, NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.oracle.judging.conditions import Condition
    from tests.oracle.judging.identity import Member, OrderKey, Waited

LONGEST = 6 * HOUR


@dataclass(frozen=True, slots=True)
class Terms:
    """The policy's `backfill`, and since when orders are watched at all."""

    after: int = 15 * MINUTE
    settle: int = HOUR
    max_age: int = 14 * DAY
    watch_from: int = -NEVER


class Arrival(NamedTuple):
    """When something became known, and when it had happened."""

    known: int
    at: int


def told_by(arrivals: Sequence[Arrival], terms: Terms) -> int | None:
    """When the history that begins with the first of these had been told; None if the first came in time. They are in log order."""
    late = [one.known for one in arrivals if one.known - one.at > terms.after]
    if not late or arrivals[0].known - arrivals[0].at <= terms.after:
        return None
    longest = late[0] + LONGEST
    told = late[0]
    for known in late:
        if known <= told:
            told = min(known + terms.settle, longest)
    return told


def once(members: Iterable[Member]) -> list[Member]:
    """What became known of an order, as it did, without what had been told before; what had waited comes after what it waited for."""
    found: dict[tuple[str, str], Member] = {}
    for member in sorted(members, key=lambda one: (one.known, one.known > one.event.log, one.event.place)):
        found.setdefault((member.event.source, member.event.id), member)
    return list(found.values())


def order_told_by(members: Iterable[Member], terms: Terms) -> int | None:
    """When the history of an order had been told, from its placing on: the one that made it known, unless it is not known any more."""
    gone: list[tuple[str | None, str | None]] = []
    standing: list[tuple[str, str]] = []
    arrivals: list[Arrival] = []
    for member in once(members):
        event = member.event
        identity = (event.source, event.id)
        if event.type == "evidence.withdrawn":
            gone.append((event.text("event_source"), event.text("event_id")))
            standing = [one for one in standing if not _names(gone[-1:], one)]
        elif event.type == "order.placed" and not _names(gone, identity):
            if not standing:
                arrivals = []
            standing.append(identity)
        arrivals.append(Arrival(member.known, event.at))
    return told_by(arrivals, terms) if standing else None


def _names(gone: Iterable[tuple[str | None, str | None]], identity: tuple[str, str]) -> bool:
    source, id_ = identity
    return any(id_ == name and origin in (None, source) for origin, name in gone)


def history(condition: Condition, told: int, terms: Terms) -> bool:
    """Whether a condition is not said, as the history that was told by `told` stands: it was over then, or had begun long before."""
    return condition.end <= told or condition.start <= told - terms.max_age


def orphans_told_by(waited: Sequence[Waited], terms: Terms) -> list[int | None]:
    """Of each event that waited, when the history that waited at its alias with it had been told; None: it began in time."""
    sessions: dict[OrderKey, list[list[Waited]]] = {}
    for one in sorted(waited, key=lambda each: each.log):
        known = sessions.setdefault((one.tenant, one.alias), [])
        if known and one.log < max(each.tied for each in known[-1]):
            known[-1].append(one)
        else:
            known.append([one])
    told = {
        id(one): told_by([Arrival(each.log, each.at) for each in session], terms)
        for found in sessions.values()
        for session in found
        for one in session
    }
    return [told[id(one)] for one in waited]
