"""Erasure in a shard of orders: what is left of an order is its name, for good, so that no late event brings it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import cast

import msgspec

from dataflows.core.engine.exceptions import derived_id, event
from dataflows.core.engine.intents import Intent, intent_record
from dataflows.core.engine.order import names_of_key
from dataflows.core.engine.orders import OrderCache
from dataflows.core.engine.tombstones import Tombstones, customer_mark
from dataflows.core.history.customers import customers_of
from schemas.deciding import customer_digest
from schemas.events import OrderForgotten
from schemas.instants import iso
from schemas.output import ACTION_FORGOTTEN, EXCEPTION_FORGOTTEN, OutputRecord
from schemas.record import Record

DETAIL = "the order was erased; nothing of it is kept"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(int).decode


class ForgottenOrders:
    """The keys of the orders that were erased, each with the log time (µs) at which it was."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._changed: set[str] | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._at

    def __len__(self) -> int:
        return len(self._at)

    def add(self, key: str, at: int) -> None:
        """Remembers an order as erased."""
        self._at[key] = at
        if self._changed is not None:
            self._changed.add(key)

    def changes(self) -> list[tuple[str, bytes]]:
        """What changed since the last call; everything if there was none."""
        changed, self._changed = self._changed, set()
        return [(key, _encode(self._at[key])) for key in (self._at if changed is None else sorted(changed))]

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """All that is remembered."""
        for key, at in self._at.items():
            yield key, _encode(at)

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Goes on from `rows`."""
        self._changed = set()
        self._at = {key: _decode(row) for key, row in rows}


def keys_of_customer(tenant: str, customer: str, orders: OrderCache, tombstones: Tombstones) -> list[str]:
    """The orders, open and closed, that ever named a customer. It takes a look at every order of the shard."""
    found = {key for key in tombstones.keys_of(customer_mark(tenant, customer)) if names_of_key(key)[0] == tenant}
    for key in list(orders.keys()):
        if names_of_key(key)[0] == tenant:
            order = orders.find(key)
            if order is not None and customer in customers_of((*order.timeline.records, *order.timeline.hidden)):
                found.add(key)
    return sorted(found)


def said_forgotten(key: str, record: Record, place: Callable[[int], str]) -> list[OutputRecord]:
    """What is said of an order that is erased: to whoever follows its actions, then to all. `place`: the next one at an instant."""
    tenant, order = names_of_key(key)
    about = cast("OrderForgotten", record.event.data)
    intent = Intent(
        log=record.log,
        key=place(record.log),
        sort="forgotten",
        tenant=tenant,
        order=order,
        exception="",
        said=0,
        kind="",
        step="",
        action="",
        number=0,
        target="",
        parameters={},
        lane="",
        guardrails=[],
        reason=DETAIL,
        evidence=[],
        severity="low",
        policy="",
        customer=about.customer_id,
        owner=about.by or "",
    )
    return [intent_record(intent, ""), forgotten_record(tenant, order, about.by or "", "exceptions", record.log, place(record.log))]


def customer_forgotten(record: Record, place: Callable[[int], str]) -> OutputRecord:
    """That a customer was erased, for whoever knows more orders of them than the engine; it names them by a digest."""
    tenant, about = record.event.tenant, cast("OrderForgotten", record.event.data)
    digest = customer_digest(tenant, about.customer_id or "")
    data = _data(None, digest, record.log, about.by or "")
    body = event(tenant, None, EXCEPTION_FORGOTTEN, _id(tenant, digest), record.log, data)
    return OutputRecord(record.log, "", "exceptions", EXCEPTION_FORGOTTEN, place(record.log), body, data=data)


def forgotten_record(tenant: str, order: str, by: str, topic: str, log: int, key: str) -> OutputRecord:
    """The record of a topic that says that an order was erased: all that stands before it of the order is to be erased, and stays so."""
    data = _data(order, None, log, by)
    type_ = EXCEPTION_FORGOTTEN if topic == "exceptions" else ACTION_FORGOTTEN
    body = event(tenant, order, type_, _id(tenant, order), log, data)
    return OutputRecord(log, order, topic, type_, key, body, data=data)


def _id(tenant: str, name: str) -> str:
    erased = derived_id(f"{tenant}\x1f{name}\x1fforgotten")
    return f"{erased}:1"


def _data(order: str | None, customer: str | None, log: int, by: str) -> dict[str, object]:
    return {"order_id": order, "customer_digest": customer, "detected_at": iso(log), "by": by}
