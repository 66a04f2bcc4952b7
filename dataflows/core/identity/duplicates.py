"""Orders that look like the same purchase made twice: one address, one basket, within minutes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import cast

from dataflows.core.identity.items import Head, ResolvedEvent, evidence, noted, put, record_of
from dataflows.core.identity.recent import Recent
from schemas.events import OrderPlaced
from schemas.record import Evidence, Record

KIND = "order.duplicate_suspected"
REMEMBERED = 2 * 24 * 3_600 * 1_000_000
"""How long (µs of log time) a basket waits for its twin; an `order.placed` that comes in later than that is not compared."""

MOST = 16
"""Placements of one basket that a further one is compared with: of more the latest."""
TAKEN_ELSEWHERE = frozenset(("pickup", "digital"))
"""Methods by which orders of many people go to one address."""


@dataclass(slots=True)
class Placement:
    """When (µs, event time) and as which order a basket was bought; `flagged`: it was found to be a twin."""

    at: int
    order: str
    evidence: Evidence
    flagged: bool = False


class Baskets:
    """Recent purchases by address and basket; orders placed further apart than `within` (µs) are two purchases."""

    def __init__(self, within: int) -> None:
        self._within = within
        self.seen: Recent[bytes, list[Placement]] = Recent(REMEMBERED)

    def see(self, head: Head) -> list[ResolvedEvent]:
        """Takes an `order.placed` in; returns a note for every order that turns out to be a later twin."""
        self.seen.advance(head.log)
        record = cast("Record", record_of(head))
        key = _fingerprint(record)
        if key is None:
            return []
        placements = self.seen.get(key)
        if placements is None:
            self.seen.set(key, placements := [])
        if any(known.order == record.order for known in placements):
            return []
        new = Placement(record.at, record.order, evidence(record))
        findings: list[ResolvedEvent] = []
        for known in placements[-MOST:]:
            if abs(known.at - new.at) > self._within:
                continue
            first, later = sorted((known, new), key=lambda placement: (placement.at, placement.order))
            later.flagged = True
            proof = (first.evidence, later.evidence)
            finding = noted(head.log, later.at, record, order=later.order, kind=KIND, scope_id=None, proof=proof, others=(first.order,))
            findings.append(put(head, record, later.order, finding))
        placements.append(new)
        self.seen.touched(key)
        return findings


def address_of(data: OrderPlaced) -> str | None:
    """The address by which an order is compared with others, if it says one."""
    return data.ship_to.address_hash if data.ship_to is not None else None


def _fingerprint(record: Record) -> bytes | None:
    data = cast("OrderPlaced", record.event.data)
    if data.ship_to is None:
        return None
    if data.lines:
        pieces: dict[str, int] = {}
        for line in data.lines:
            pieces[line.sku or ""] = pieces.get(line.sku or "", 0) + (1 if line.quantity is None else line.quantity)
        basket = repr(sorted(pieces.items()))
    elif data.total is not None:
        basket = f"{Decimal(data.total.amount).normalize()} {data.total.currency}"
    else:
        return None
    # A guest is another customer each time: the address tells, unless it is one that many share. There only a known customer has twins.
    customer = None
    if data.method in TAKEN_ELSEWHERE:
        customer = data.customer.id if data.customer is not None else None
        if customer is None:
            return None
    text = repr((record.event.tenant, customer, data.ship_to.address_hash, basket))
    return blake2b(text.encode(), digest_size=16).digest()
