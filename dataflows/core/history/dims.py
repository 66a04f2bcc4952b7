"""What policy overrides may depend on, beyond what costs nothing to know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dataflows.core.history.holds import Hold
from dataflows.core.history.shipments import Shipment
from dataflows.core.policy.model import Dims
from schemas.events import OrderPlaced

PLAIN: Final = frozenset(Dims._fields[:7])
"""The dimensions of most policies."""


def agreed(shipments: Iterable[Shipment], name: str) -> str | None:
    """What all shipments that say so say of their carrier or service, in any letter case; None if they differ."""
    said = [value for shipment in shipments if (value := shipment.said(name)) is not None]
    return said[0] if len({value.casefold() for value in said}) == 1 else None


def further(found: Dims, named: frozenset[str], fields: OrderPlaced, method: str, terms: str, holds: Iterable[Hold]) -> Dims:
    """Adds the dimensions that few policies ask for."""
    ship_to, total, lines = fields.ship_to, fields.total, fields.lines or ()
    region = ship_to.region if ship_to else None
    if ship_to and region and ship_to.country and not region.casefold().startswith(f"{ship_to.country}-".casefold()):
        region = f"{ship_to.country}-{region}"
    return found._replace(
        region=region,
        postal_code=ship_to.postal_code if ship_to and "postal_code" in named else None,
        method=method,
        terms=terms,
        value=f"{total.amount} {total.currency}" if total and "value" in named else None,
        sku=frozenset(line.sku for line in lines if line.sku) if "sku" in named else None,
        seller=frozenset(line.seller for line in lines if line.seller) if "seller" in named else None,
        tags=frozenset((*(fields.tags or ()), *(tag for line in lines for tag in line.tags or ()))) if "tags" in named else None,
        hold=frozenset(hold.hold for hold in holds if hold.released is None) if "hold" in named else None,
    )
