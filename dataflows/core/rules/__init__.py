"""All rules, in the order in which they are judged and published.

Reading order: `vocabulary` and `structs` (the data that rules are), `forms` (what makes a rule of it), then the domains, one file each;
`reading`, `judging` and `dates` make its judge, `derive` its triggers and texts. Adding a rule is one entry in the `RULES` of its domain,
and its stories.
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
    shipment,
    shipment_reports,
)
from dataflows.core.rules.model import Rule

DOMAINS = (order, payment, inventory, fulfilment, address, shipment, shipment_reports, conflict, returns, data)

RULES: tuple[Rule, ...] = tuple(sorted((rule for domain in DOMAINS for rule in domain.RULES), key=lambda rule: rule.kind))

RULES_BY_KIND: dict[str, Rule] = {rule.kind: rule for rule in RULES}
