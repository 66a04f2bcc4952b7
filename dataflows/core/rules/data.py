"""Data kinds: what arrives is unmapped, unplaced, ambiguous or dated wrongly. Two of them speak about arrival, not about the order."""

from __future__ import annotations

from dataflows.core.rules.custom import data as find
from dataflows.core.rules.forms import custom

# fmt: off
RULES = (
    custom(
        "data.unmapped_status", "A carrier's code is in no table, so its meaning is unknown.",
        find=find.unmapped_status, inputs=("carrier.scan+reason",), clears="the next scan whose code is known, or the end of the shipment",
        owner="DATA", severity="low", lane="review",
        actions={"map_code": "add the code to the carrier's table"},
        advice="a complete code table",
    ),
    custom(
        "data.unmapped_place", "The country or region of the ship-to address is no ISO code and no known name, so its zone is unknown.",
        find=find.unmapped_place, inputs=("order.placed", "order.updated"), clears="an update with a known place, or the end of the order",
        owner="DATA", severity="low", lane="review",
        actions={"mend_address": "deadlines are counted in the wrong zone"},
        source="ISO 3166, by pycountry", advice="an ISO code for the country and the region",
    ),
    custom(
        "data.orphan_signal", "An event has waited 15 minutes of log time for the order, or for the tie to an order, that it belongs to.",
        find=find.orphan_signal, inputs=("order.placed", "*"), unless_seen=("order.placed",), clears="the order, or the tie",
        ignores=("clock", "feeds"), placeless=True, within="15 m",
        owner="DATA", severity="medium", lane="review",
        actions={"find_order": "a feed may be late, or an order lost"},
        source="P: 15 minutes", advice="an order.placed (or an event that names both the order and this identifier) in time",
    ),
    custom(
        "data.clock_skew", "An event is dated more than 15 minutes after it was logged.",
        find=find.clock_skew, inputs=("future",), clears="log time reaching the event's date",
        margin="15 m", limits={"margin": ("1 m", "3660 d")}, owner="DATA", severity="low", lane="review",
        actions={"mend_clock": "deadlines that rest on this source are wrong"},
        source="P: 15 minutes", advice="a source with a right clock",
    ),
    custom(
        "data.identity_unresolved", "A payment, shipment, return or invoice ID, which may name one order only, names this one and another.",
        find=find.identity_unresolved, inputs=("note",), clears="nothing: the source must be mended",
        owner="DATA", severity="medium", lane="block",
        actions={"reconcile": "find out which of the two orders the ID belongs to"},
        advice="unique identifiers",
    ),
    custom(
        "data.rule_failed",
        "A rule could not be judged of this order because of a fault in the program; what it says of the order may be missing.",
        find=find.rule_failed, inputs=(), clears="the rule being judged of the order without failing", ignores=("clock", "steps", "feeds"),
        owner="DATA", severity="high", lane="review",
        actions={"mend_rule": "what the rule says of the order is missing or out of date"},
        source="log", advice="a rule that stands whatever an order's history is",
    ),
)
