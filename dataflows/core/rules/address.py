"""Address kinds: where the parcel should go is wrong, risky or changed too late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import RuleDefaults
from dataflows.core.rules.conditions import Condition, signal
from dataflows.core.rules.model import rule
from schemas.events import AddressSignal
from schemas.instants import earliest

Found = Iterable[Condition | None]
ADDRESS = ("address.validated", "address.invalid", "address.change_requested")


def readdressed(o: Facts) -> list[int]:
    """When updates changed the address."""
    return [r.at for r in o.t.of("order.updated") if "ship_to" in cast("dict[str, object]", r.event.data)]


@rule(
    "address.invalid",
    "signal",
    definition="The address was found undeliverable.",
    clears="a validation, a new address, or the end of the order",
    prevented_by="address validation at checkout",
    source="event (ShipBob 401, Shopify INCORRECT_ADDRESS)",
    actions=(("ask_customer", "only the customer knows the right address"),),
    defaults=RuleDefaults(owner="CS", severity="high", lane="block"),
    on=("address.invalid",),
)
def invalid(o: Facts, s: RuleSetting) -> Found:
    for record in o.t.of("address.invalid"):
        data = cast("AddressSignal", record.event.data)
        minor = data.suggestion is not None and data.risk == "low"
        clears = [*o.instants("address.validated"), *readdressed(o)]
        yield signal(s, record, clears=clears, lifted=o.ended, lane="auto" if minor else None)


@rule(
    "address.change_late",
    "signal",
    definition="The customer asked for another address after the label was made and before the delivery.",
    clears="a new label, the delivery, or the end of the order",
    prevented_by="the change before the label",
    source="event",
    actions=(("redirect_shipment", "the label bears the old address"),),
    defaults=RuleDefaults(owner="FULF", severity="high", lane="review"),
    on=("address.change_requested",),
)
def change_late(o: Facts, s: RuleSetting) -> Found:
    announced = earliest(o.first("warehouse.label_created"), o.shipped)
    for record in o.t.of("address.change_requested"):
        if announced is not None and announced <= record.at and (o.delivered is None or o.delivered > record.at):
            clears = [*o.instants("warehouse.label_created"), o.delivered]
            yield signal(s, record, clears=clears, lifted=o.ended)


@rule(
    "address.risk",
    "signal",
    definition="The address carries a high risk.",
    clears="a lower risk, a new address, or the end of the order",
    prevented_by="a review of the address before payment",
    source="event",
    actions=(("review_order", "fraud often shows in the address first"),),
    defaults=RuleDefaults(owner="FIN", severity="high", lane="block"),
    on=("high risk",),
)
def risk(o: Facts, s: RuleSetting) -> Found:
    known = [(r, cast("AddressSignal", r.event.data).risk) for r in o.t.of(*ADDRESS)]
    lower = [r.at for r, level in known if level in ("low", "medium")]
    for record, level in known:
        if level == "high":
            yield signal(s, record, clears=[*lower, *readdressed(o)], lifted=o.ended)
