"""Which conditions are armed where the policy lists no `emits`: those whose milestone had been learned when their anchor was told.

The anchor's place in the log counts, so that what is learned later says nothing about what has begun before, and the answer about an
anchor never changes. A history that has itself shown what is waited for (`Condition.shown`) needs nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dataflows.core.history.facts import Facts
from dataflows.core.rules.conditions import Condition
from schemas.learned import BY_CARRIER, BY_SITE, SCAN, place_of
from schemas.record import Record

OF_PLACING = frozenset({"authorized", "allocated", "released"})
"""The milestones that every order waits for from its placing on, whatever its deadline counts from."""


def awaited(o: Facts, milestones: Iterable[str], found: Iterable[Condition | None]) -> Iterator[Condition]:
    """Those of some conditions that wait for a milestone which was known to be emitted when what they rest on was told."""
    for condition in found:
        if condition is None:
            continue
        if condition.shown or any(armed(o, milestone, condition.scope, condition.evidence) for milestone in milestones):
            yield condition


def armed(o: Facts, milestone: str, scope: str | None, evidence: tuple[Record, ...]) -> bool:
    """Whether a milestone was known to be emitted when what an expectation rests on was told."""
    if milestone in o.policy.emits:
        return True
    if o.placed is not None and (milestone in OF_PLACING or not evidence):
        evidence = (o.placed,)
    if not evidence:
        return False
    anchor = min(record.position for record in evidence)
    return o.learned.armed(o.tenant, milestone, _places(o, milestone, scope, evidence), anchor)


def _places(o: Facts, milestone: str, scope: str | None, evidence: tuple[Record, ...]) -> set[str]:
    """The carriers or sites that would tell of a milestone. None stands for any.

    The carrier of a scan that a condition rests on, else those that the labels and hand-overs of its shipment name; the site that it rests
    on, else the order's.
    """
    if milestone in BY_CARRIER:
        scans = {place_of(record, milestone) for record in evidence if record.event.type == SCAN}
        return scans or _named(_announcing(o, scope) or evidence, "carrier")
    if milestone in BY_SITE:
        return _named(evidence, "site") or ({o.site.casefold()} if o.site else set())
    return set()


def _announcing(o: Facts, scope: str | None) -> list[Record]:
    shipment = None if scope is None else next((x for x in o.shipments if x.scope == scope), None)
    return [] if shipment is None else [*shipment.labels, *shipment.handovers]


def _named(records: Iterable[Record], name: str) -> set[str]:
    return {str(value).casefold() for record in records if (value := getattr(record.event.data, name, None))}
