"""Erasure in a shard of orders: an order goes, or a customer with all orders that the shard knows, open and closed."""

from __future__ import annotations

from typing import cast

from dataflows.core.engine.admission import Admission
from dataflows.core.engine.forgotten import customer_forgotten, keys_of_customer, said_forgotten
from dataflows.core.engine.order import alias_key, key_of
from dataflows.core.engine.orders import OrderCache
from dataflows.core.engine.publish import Publisher
from dataflows.core.engine.tombstones import Tombstones
from schemas.deciding import refused_erasure
from schemas.events import OrderForgotten
from schemas.output import OutputRecord
from schemas.record import Record


class Eraser:
    """Erases from the orders of one shard. `first`: of what all shards say alike it is the one that says it."""

    def __init__(self, orders: OrderCache, tombstones: Tombstones, admission: Admission, *, first: bool) -> None:
        self._orders = orders
        self._tombstones = tombstones
        self._admission = admission
        self._first = first

    def take(self, record: Record, publisher: Publisher) -> list[OutputRecord]:
        """Takes an erasure in; what is said of it."""
        customer, tenant = cast("OrderForgotten", record.event.data).customer_id, record.event.tenant
        if refused := refused_erasure(record):
            return [publisher.reject(record, *refused)] if not customer or self._first else []
        if customer:
            keys = keys_of_customer(tenant, customer, self._orders, self._tombstones)
        else:
            alias = alias_key(tenant, record.order)
            keys = [alias if self._orders.check_of(alias) is not None else key_of(tenant, record.order)]
        said: list[OutputRecord] = []
        for key in keys:
            if self._admission.erase(key, record.log):
                said += said_forgotten(key, record, publisher.key)
        if customer and self._first:
            said.append(customer_forgotten(record, publisher.key))
        return said
