"""The identifiers that events carry."""

from __future__ import annotations

from schemas.aliases import aliases
from tests.support.events import event


def test_aliases_come_in_a_fixed_order_and_each_once() -> None:
    """Payment and shipment IDs first; a tracking number stated twice counts once."""
    shipped = event(
        "warehouse.shipped", {"tracking_number": "T1", "tracking_numbers": ["T2", "T1"], "shipment_id": "S1", "order_alias": "web-1"}
    )
    assert aliases(shipped) == (("shipment_id", "S1"), ("tracking_number", "T1"), ("tracking_number", "T2"), ("order_alias", "web-1"))


def test_every_alias_kind_is_found_where_events_carry_it() -> None:
    """The shipped examples show all kinds of the contract."""
    assert aliases(event("payment.refunded")) == (("payment_id", "pay_3Nq8"), ("return_id", "RMA-88"))
    assert aliases(event("payment.disputed")) == (("payment_id", "pay_3Nq8"), ("dispute_id", "dp_71"))
    assert aliases(event("invoice.issued")) == (("invoice_id", "INV-2026-1187"),)
    assert aliases(event("warehouse.released")) == (("fulfillment_order_id", "fo-901"),)
    assert aliases(event("order.placed")) == (("order_alias", "web-7731"),)
    assert aliases(event("order.updated", {"order_alias": "web-2"})) == (("order_alias", "web-2"),)


def test_what_is_about_no_order_has_no_alias() -> None:
    """Heartbeats and case events tie nothing."""
    assert aliases(event("feed.heartbeat")) == ()
    assert aliases(event("case.assigned")) == ()
    assert aliases(event("warehouse.shipped", {"tracking_numbers": []})) == ()
