"""The returns of one order: their steps, the scans of their parcels, and the refunds that are theirs."""

from __future__ import annotations

from typing import cast

from dataflows.core.history.facts import RETURNS, Facts
from dataflows.core.history.shipments import is_estimate, scan_of
from schemas.events import PaymentRefunded, ReturnStep
from schemas.record import Record


class Return:
    """One return: its steps and the scans of its parcels, as they happened."""

    def __init__(self, return_id: str | None) -> None:
        self.return_id = return_id
        self.steps: list[Record] = []
        self.scans: list[Record] = []

    @property
    def scope(self) -> str | None:
        """Its scope in verdicts."""
        return f"return:{self.return_id}" if self.return_id else None

    def first(self, step: str) -> int | None:
        """When it first came to a step."""
        return next((r.at for r in self.steps if r.event.type == f"return.{step}"), None)

    def of(self, step: str) -> tuple[Record, ...]:
        """The events of a step."""
        return tuple(r for r in self.steps if r.event.type == f"return.{step}")


def returns_of(o: Facts) -> list[Return]:
    """All returns of an order with the scans of their parcels."""
    found: dict[str | None, Return] = {}
    trackings: dict[str, list[Return]] = {}
    for record in o.t.of(*RETURNS):
        data = cast("ReturnStep", record.event.data)
        known = found.setdefault(data.return_id, Return(data.return_id))
        known.steps.append(record)
        number = data.tracking_number
        if number is not None and number in o.returning:
            sharing = trackings.setdefault(number, [])
            if known not in sharing:
                sharing.append(known)
    for record in o.t.of("carrier.scan") if trackings else ():
        number = scan_of(record).tracking_number
        for known in trackings.get(number, ()) if number is not None and not is_estimate(record) else ():
            known.scans.append(record)
    return list(found.values())


def refunds_of(o: Facts, known: Return, *, named: bool = False) -> list[int]:
    """When money was paid back for this return: a refund that names it, or (unless `named`) that names none and came after it began."""
    began = known.steps[0].at
    refunds = [(r.at, cast("PaymentRefunded", r.event.data).return_id) for r in o.t.of("payment.refunded")]
    return [at for at, id_ in refunds if (at >= began and not named if id_ is None else id_ == known.return_id)]
