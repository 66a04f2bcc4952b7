"""The steps by which shipments cover lines: when each came to where it covers something, and what it covers then.

Of a shipment and its replacement the first to get there covers, the other adds nothing. One of which no lines are known may hold any: it
waits until no other that is under way is left, and then covers the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

from dataflows.core.history.obligations import Step
from dataflows.core.history.shipments import Shipment
from schemas.instants import FAR, earliest

Reached = Callable[[Shipment], "int | None"]


def steps_of(shipments: Sequence[Shipment], reached: Reached, begun: Reached) -> Iterator[Step]:
    """The steps of shipments. `reached`: when one came there; `begun`: since when one that has not is waited for."""
    came = {id(x): at for x in shipments if (at := reached(x)) is not None}
    before, after = _family(shipments, came)
    waited: list[tuple[int, int]] | None = None
    for shipment in shipments:
        key = id(shipment)
        at = came.get(key)
        if at is None or before.get(key, FAR) <= at or after.get(key, FAR) < at:
            continue
        if shipment.lines:
            yield at, shipment.lines
        else:
            if waited is None:
                waited = _waited(shipments, came, begun)
            last = _alone(waited, at)
            if last != FAR:
                yield last, None


def delivered(shipment: Shipment) -> int | None:
    """When a shipment was delivered."""
    return shipment.delivered


def ready(shipment: Shipment) -> int | None:
    """When all of a shipment could be fetched: all its parcels but those that were voided, or went over to another number."""
    instants = [parcel.ready for parcel in shipment.parcels if shipment.over_of(parcel) is None]
    known = [at for at in instants if at is not None]
    return max(known) if known and len(known) == len(instants) else None


def _waited(shipments: Sequence[Shipment], came: Mapping[int, int], begun: Reached) -> list[tuple[int, int]]:
    """From when until when some shipment was waited for, as it happened; those that go on do so until `FAR`.

    One that has come is waited for no more, so that none waits for itself.
    """
    found: list[tuple[int, int]] = []
    for shipment in shipments:
        since = begun(shipment) if shipment.left else None
        if since is not None:
            end = earliest(came.get(id(shipment)), shipment.replaced)
            found.append((since, FAR if end is None else end))
    found.sort()
    whole: list[tuple[int, int]] = []
    for since, end in found:
        if end <= since:
            continue
        if whole and since <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((since, end))
    return whole


def _alone(waited: Sequence[tuple[int, int]], at: int) -> int:
    """The first instant from `at` on at which no shipment is waited for."""
    place = bisect_right(waited, (at, FAR)) - 1
    return max(at, waited[place][1]) if place >= 0 else at


def _family(shipments: Sequence[Shipment], came: Mapping[int, int]) -> tuple[dict[int, int], dict[int, int]]:
    """Of each shipment when the first of those that it replaces, and so on, came there, and when the first of those that replace it did."""
    if not any(x.replaces for x in shipments):
        return {}, {}
    by_name: dict[str, list[Shipment]] = {}
    for shipment in shipments:
        for name in shipment.ids | shipment.trackings:
            by_name.setdefault(name, []).append(shipment)
    above = {id(x): [id(y) for y in by_name.get(x.replaces or "", ()) if y is not x] for x in shipments}
    below: dict[int, list[int]] = {key: [] for key in above}
    for key, others in above.items():
        for other in others:
            below[other].append(key)
    return _first_of(above, below, came), _first_of(below, above, came)


def _first_of(beyond: Mapping[int, list[int]], back: Mapping[int, list[int]], came: Mapping[int, int]) -> dict[int, int]:
    """The first instant of all that lies beyond each, however far; `back` leads the other way. `FAR` if there is none."""
    first: dict[int, int] = {}
    left = {key: len(others) for key, others in beyond.items()}
    free = [key for key, number in left.items() if not number]
    while free:
        key = free.pop()
        first[key] = min((min(came.get(other, FAR), first[other]) for other in beyond[key]), default=FAR)
        for other in back[key]:
            left[other] -= 1
            if not left[other]:
                free.append(other)
    for key in beyond.keys() - first.keys():
        # Where shipments replace each other in a circle, none comes after all that it rests on.
        queue, seen = list(beyond[key]), {key}
        while queue:
            other = queue.pop()
            if other not in seen:
                seen.add(other)
                queue.extend(beyond[other])
        first[key] = min((came.get(other, FAR) for other in seen - {key}), default=FAR)
    return first
