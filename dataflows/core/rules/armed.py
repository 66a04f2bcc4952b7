"""Which conditions are armed where the policy lists no `emits`: those whose milestone had been learned when their anchor was told.

The anchor's place in the log counts, so that what is learned later says nothing about what has begun before, and the answer about an
anchor never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dataflows.core.history.facts import Facts
from dataflows.core.rules.conditions import Condition
from schemas.learned import BY_CARRIER, BY_SITE, SCAN, place_of
from schemas.record import Record


def awaited(o: Facts, milestones: Iterable[str], found: Iterable[Condition | None]) -> Iterator[Condition]:
    """Those of some conditions that wait for a milestone which was known to be emitted when what they rest on was told."""
    for condition in found:
        if condition is None:
            continue
        evidence = condition.evidence or (() if o.placed is None else (o.placed,))
        if evidence and any(_armed(o, milestone, evidence) for milestone in milestones):
            yield condition


def _armed(o: Facts, milestone: str, evidence: tuple[Record, ...]) -> bool:
    if milestone in o.policy.emits:
        return True
    anchor = min(record.position for record in evidence)
    return o.learned.armed(o.tenant, milestone, _places(o, milestone, evidence), anchor)


def _places(o: Facts, milestone: str, evidence: tuple[Record, ...]) -> set[str]:
    """The carriers or sites that would tell of a milestone: those of what the condition rests on, else all that the order names.

    None, where nothing is known of them, stands for any.
    """
    if milestone not in BY_CARRIER and milestone not in BY_SITE:
        return set()
    name = "carrier" if milestone in BY_CARRIER else "site"
    named = {str(value).casefold() for record in evidence if (value := getattr(record.event.data, name, None))}
    if milestone in BY_CARRIER:
        named |= {place_of(record, milestone) for record in evidence if record.event.type == SCAN}
    return named or {value.casefold() for value in o.voices.names}
