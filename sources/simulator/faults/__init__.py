"""All faults that the simulator can inject, one function each, by domain. `FAULTS` is the whole table."""

from __future__ import annotations

from sources.simulator.faults import conflicts, doorsteps, evidence, fulfilment, inventory, orders, payments, shipments
from sources.simulator.faults.base import InjectedFault

FAULTS: tuple[InjectedFault, ...] = tuple(
    fault for domain in (orders, payments, inventory, fulfilment, shipments, doorsteps, conflicts, evidence) for fault in domain.FAULTS
)

__all__ = ["FAULTS", "InjectedFault"]
