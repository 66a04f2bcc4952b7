"""Address kinds: where the parcel should go is wrong, risky or changed too late."""

from __future__ import annotations

from dataflows.core.rules.forms import reported
from dataflows.core.rules.vocabulary import Milestone, Op, Where, event, excluding

ADDRESS = ("address.validated", "address.invalid", "address.change_requested")
READDRESSED = event("order.updated", where=(Where("ship_to", Op.NAMED),), text="a new address")

# fmt: off
RULES = (
    reported(
        "address.invalid", "The address was found undeliverable.",
        when=event("address.invalid"), until=(event("address.validated", text="a validation"), READDRESSED), unless=Milestone.ENDED,
        minor=event("address.invalid", risk="low", where=excluding("suggestion", None)),
        minor_lane="auto", owner="CS", severity="high", lane="block",
        actions={"ask_customer": "only the customer knows the right address"},
        source="event (ShipBob 401, Shopify INCORRECT_ADDRESS)", advice="address validation at checkout",
    ),
    reported(
        "address.change_late", "The customer asked for another address after the label was made and before the delivery.",
        when=event("address.change_requested"), after=(event("warehouse.label_created"), Milestone.SHIPPED), not_after=Milestone.DELIVERED,
        until=(event("warehouse.label_created", text="a new label"), Milestone.DELIVERED), unless=Milestone.ENDED,
        owner="FULF", severity="high", lane="review",
        actions={"redirect_shipment": "the label bears the old address"},
        advice="the change before the label",
    ),
    reported(
        "address.risk", "The address carries a high risk.",
        when=event(*ADDRESS, risk="high"),
        until=(event(*ADDRESS, where=(Where("risk", Op.IS, ("low", "medium")),), text="a lower risk"), READDRESSED), unless=Milestone.ENDED,
        owner="FIN", severity="high", lane="block",
        actions={"review_order": "fraud often shows in the address first"},
        advice="a review of the address before payment",
    ),
)
