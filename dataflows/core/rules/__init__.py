"""All rules, in the order in which they are judged and published.

Adding one: write its judge in the module of its domain (a new module is one more name in `ROOMS`), and add its stories to the tests.
"""

from __future__ import annotations

from dataflows.core.rules import (
    address,
    conflict,
    data,
    fulfilment,
    inventory,
    order,
    payment,
    returns,
    shipment_progress,
    shipment_reports,
)
from dataflows.core.rules.model import Rule

ROOMS = (order, payment, inventory, fulfilment, address, shipment_progress, shipment_reports, conflict, returns, data)

RULES: tuple[Rule, ...] = tuple(
    sorted((value for room in ROOMS for value in vars(room).values() if isinstance(value, Rule)), key=lambda rule: rule.kind)
)
"""Every rule that the rooms define, by kind: a rule is registered by being written in one of them."""

RULES_BY_KIND: dict[str, Rule] = {rule.kind: rule for rule in RULES}
