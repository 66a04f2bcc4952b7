"""The steps by which shipments cover lines: when each came to where it covers something, and what it covers then.

Of a shipment and its replacement the first to get there covers, the other adds nothing. One of which no lines are known may hold any: it
waits until no other that is under way is left, and then covers the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from dataflows.core.history.obligations import Step
from dataflows.core.history.shipments import Shipment
from schemas.instants import earliest

Reached = Callable[[Shipment], "int | None"]


def steps_of(shipments: Sequence[Shipment], reached: Reached, begun: Reached) -> Iterator[Step]:
    """The steps of shipments. `reached`: when one came there; `begun`: since when one that has not is waited for."""
    came = {id(x): at for x in shipments if (at := reached(x)) is not None}
    family = _family(shipments)
    for shipment in shipments:
        at = came.get(id(shipment))
        if at is None:
            continue
        before, after = family.get(id(shipment), ((), ()))
        if any(came.get(id(x), at + 1) <= at for x in before) or any(came.get(id(x), at) < at for x in after):
            continue
        if shipment.lines:
            yield at, shipment.lines
        else:
            last = _alone(shipment, at, shipments, came, begun)
            if last is not None:
                yield last, None


def delivered(shipment: Shipment) -> int | None:
    """When a shipment was delivered."""
    return shipment.delivered


def ready(shipment: Shipment) -> int | None:
    """When all of a shipment could be fetched."""
    instants = [parcel.ready for parcel in shipment.parcels]
    known = [at for at in instants if at is not None]
    return max(known) if known and len(known) == len(instants) else None


def _alone(shipment: Shipment, at: int, shipments: Sequence[Shipment], came: dict[int, int], begun: Reached) -> int | None:
    """The first instant from `at` on at which no other shipment is waited for."""
    while True:
        ends: list[int | None] = []
        for other in shipments:
            since = None if other is shipment or not other.left else begun(other)
            if since is not None and since <= at:
                end = earliest(came.get(id(other)), other.replaced)
                if end is None or end > at:
                    ends.append(end)
        if not ends:
            return at
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        at = max(known)


def _family(shipments: Sequence[Shipment]) -> dict[int, tuple[list[Shipment], list[Shipment]]]:
    """Of each shipment those that it replaces, and so on, and those that replace it."""
    above: dict[int, list[Shipment]] = {}
    for shipment in shipments:
        if shipment.replaces:
            above[id(shipment)] = [x for x in shipments if x is not shipment and x.known_as(shipment.replaces)]
    if not above:
        return {}
    family: dict[int, tuple[list[Shipment], list[Shipment]]] = {id(x): ([], []) for x in shipments}
    for shipment in shipments:
        queue, seen = list(above.get(id(shipment), ())), {id(shipment)}
        while queue:
            other = queue.pop()
            if id(other) not in seen:
                seen.add(id(other))
                family[id(shipment)][0].append(other)
                family[id(other)][1].append(shipment)
                queue.extend(above.get(id(other), ()))
    return family
