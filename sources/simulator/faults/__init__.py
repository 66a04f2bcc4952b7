"""All faults that the simulator can inject, one function each, by domain. `FAULTS` is the whole table."""

from __future__ import annotations

from sources.simulator.faults import conflicts, doorsteps, evidence, fulfilment, inventory, obligations, orders, payments, shipments
from sources.simulator.faults.base import InjectedFault

DOMAINS = (orders, payments, inventory, fulfilment, shipments, doorsteps, conflicts, evidence, obligations)
FAULTS: tuple[InjectedFault, ...] = tuple(fault for domain in DOMAINS for fault in domain.FAULTS)

__all__ = ["FAULTS", "InjectedFault"]
