"""Return kinds: goods, inspection or money that should be coming back and are not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from dataflows.core.history.facts import RETURNS, Facts
from dataflows.core.history.shipments import is_estimate, possession, scan_of
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import RuleDefaults
from dataflows.core.rules.conditions import Condition, silences, timeout
from dataflows.core.rules.model import rule
from schemas.events import PaymentRefunded, ReturnStep
from schemas.instants import earliest
from schemas.record import Record

Found = Iterable[Condition | None]


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


@rule(
    "return.label_unused",
    "timeout",
    definition="A return was authorized and nothing was sent back for 14 days.",
    clears="the parcel's hand-over, first scan or arrival",
    prevented_by="a return.shipped",
    source="P: 14 days",
    actions=(("remind_customer", "the return window runs"),),
    defaults=RuleDefaults(owner="CS", severity="low", lane="auto", threshold="14 d", feeds=("carrier", "warehouse")),
    arms=("return.authorized",),
)
def label_unused(o: Facts, s: RuleSetting) -> Found:
    for known in returns_of(o) if o.emits("return_shipped") else ():
        authorized = known.of("authorized")
        if authorized:
            scanned = next((r.at for r in known.scans if possession(r)), None)
            met = earliest(known.first("shipped"), scanned, known.first("received"))
            yield timeout(s, o.calendar(s), authorized[0].at, "return authorized", authorized[:1], scope=known.scope, met=met)


@rule(
    "return.transit_stalled",
    "timeout",
    definition="A return parcel has not been scanned for five business days.",
    clears="the next scan, or its arrival",
    prevented_by="a scan of the return parcel",
    source="P: 5 business days",
    actions=(("trace_parcel", "the customer waits for money"),),
    defaults=RuleDefaults(owner="CARR", severity="medium", lane="review", threshold="5 bd", clock="carrier", feeds=("carrier",)),
    arms=("return.shipped", "carrier.scan"),
    needs=RETURNS,
)
def transit_stalled(o: Facts, s: RuleSetting) -> Found:
    for known in returns_of(o) if o.emits("scans") else ():
        heard = sorted([*known.of("shipped"), *known.scans], key=lambda r: (r.at, r.event.source, r.event.id))
        delivered = next((r.at for r in known.scans if scan_of(r).status == "delivered"), None)
        met = earliest(known.first("received"), delivered)
        calendar = o.calendar(s, carrier=next((name for r in reversed(known.scans) if (name := scan_of(r).carrier)), None))
        for record, (at, until) in zip(heard, silences([r.at for r in heard], None), strict=True):
            label = f"last event {record.event.type}"
            yield timeout(s, calendar, at, label, (record,), scope=known.scope, met=until, lifted=met)


@rule(
    "return.inspection_overdue",
    "timeout",
    definition="A returned parcel was not inspected within two business days of its arrival.",
    clears="the inspection, or a refund",
    prevented_by="a return.inspected",
    source="P: 2 business days",
    actions=(("create_warehouse_task", "inspect the return"),),
    defaults=RuleDefaults(owner="FULF", severity="medium", lane="review", threshold="2 bd", clock="site", feeds=("warehouse",)),
    arms=("return.received",),
)
def inspection_overdue(o: Facts, s: RuleSetting) -> Found:
    for known in returns_of(o) if o.emits("inspected") else ():
        received = known.of("received")
        if received:
            met = earliest(known.first("inspected"), *refunds_of(o, known, named=True))
            yield timeout(s, o.calendar(s), received[0].at, "return received", received[:1], scope=known.scope, met=met)


@rule(
    "return.received_not_refunded",
    "timeout",
    definition="A return arrived and was not refunded within three business days.",
    clears="the refund",
    prevented_by="a payment.refunded",
    source="P: 3 business days",
    actions=(("approve_refund", "the goods are back"),),
    defaults=RuleDefaults(owner="FIN", severity="medium", lane="review", threshold="3 bd", clock="tenant", feeds=("payments",)),
    arms=("return.received",),
)
def received_not_refunded(o: Facts, s: RuleSetting) -> Found:
    for known in returns_of(o) if o.emits("refunded") else ():
        received = known.of("received")
        if received:
            met = earliest(*refunds_of(o, known))
            yield timeout(s, o.calendar(s), received[0].at, "return received", received[:1], scope=known.scope, met=met)
