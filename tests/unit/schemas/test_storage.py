"""The packed form of events: small, complete for the rules, readable by later programs."""

from __future__ import annotations

import msgspec
import pytest

from schemas.events import DATA_MODELS, Component, Customer, Line, Model, Money, OrderUpdated, ShipTo
from schemas.storage import TYPES, StorageError, pack, pack_events, unpack, unpack_events
from schemas.structs import field_types, kept, struct_of
from schemas.values import Retention
from tests.support.events import event

TYPE_CODES = (
    "order.placed order.updated order.cancel_requested order.cancelled order.hold_placed order.hold_released payment.authorized "
    "payment.captured payment.voided payment.failed payment.refunded payment.disputed payment.dispute_closed inventory.allocated "
    "inventory.short inventory.backordered address.validated address.invalid address.change_requested warehouse.released "
    "warehouse.pick_started warehouse.picked warehouse.packed warehouse.pick_short warehouse.rejected warehouse.label_created "
    "warehouse.shipped warehouse.shipment_cancelled carrier.scan return.requested return.authorized return.shipped return.received "
    "return.inspected invoice.issued invoice.disputed support.contacted evidence.withdrawn feed.heartbeat case.acknowledged "
    "case.assigned case.snoozed case.resolved case.reopened case.labelled action.approved action.rejected action.executed "
    "action.failed order.reinstated order.cancel_declined order.linked carrier.relabelled return.cancelled "
    "case.waiting case.noted action.initiated action.begun action.in_doubt action.observed automation.paused automation.resumed "
    "policy.activated suggestion.made message.sent order.forgotten"
)
"""Event types by their stored code. New ones go to the end."""

LAYOUTS = {
    "OrderPlaced": "customer promised_by ship_by ship_to lines channel service method payment_terms total order_alias tags",
    "OrderReinstated": "reason order_alias",
    "OrderLinked": "children parent order_alias",
    "MessageSent": "channel topic promised_by exception_id order_alias",
    "Relabelled": "tracking_number replaces_number carrier order_alias",
    "OrderCancel": "reason lines order_alias",
    "HoldPlaced": "hold hold_id shipment_id fulfillment_order_id reason order_alias",
    "HoldReleased": "hold hold_id shipment_id fulfillment_order_id order_alias",
    "Payment": "payment_id amount expires_at final order_alias",
    "PaymentFailed": "payment_id stage decline code attempt order_alias",
    "PaymentRefunded": "payment_id amount reason return_id lines order_alias",
    "PaymentDispute": "payment_id dispute_id amount reason stage outcome order_alias",
    "InventoryAllocated": "site lines order_alias",
    "InventoryShort": "site sku ordered available substitutes order_alias",
    "InventoryBackordered": "lines expected_at order_alias",
    "AddressSignal": "reason suggestion risk order_alias",
    "WarehouseStep": "site shipment_id fulfillment_order_id lines order_alias",
    "PickShort": "site sku ordered picked fulfillment_order_id order_alias",
    "WarehouseRejected": "site sku reason fulfillment_order_id order_alias",
    "WarehouseShipment": (
        "site shipment_id fulfillment_order_id carrier service tracking_number tracking_numbers lines replaces order_alias"
    ),
    "ShipmentCancelled": "shipment_id tracking_number order_alias",
    "CarrierScan": "status tracking_number shipment_id reason carrier eta order_alias",
    "ReturnStep": "return_id lines tracking_number order_alias resolution",
    "Invoice": "invoice_id amount reason order_alias",
    "SupportContacted": "ticket_id channel intent order_alias",
    "EvidenceWithdrawn": "event_id event_source order_alias",
    "Heartbeat": "",
    "CaseEvent": "exception_id by assignee until outcome label by_roles team until_kind on note_ref put_back",
    "ActionEvent": "action_id by by_roles payload_hash attempt endpoint reference code retry_at outcome evidence",
    "ActionInitiated": "action exception_id parameters by by_roles",
    "AutomationEvent": "scope by by_roles reason",
    "PolicyActivated": "version by by_roles against covered text_hash engine",
    "SuggestionMade": "exception_id by by_roles",
    "OrderForgotten": "by by_roles",
    "Money": "amount currency",
    "Line": "line_id sku quantity ship_by promised_by seller method components parent_line_id tags",
    "Component": "sku quantity",
    "Customer": "id tier consents",
    "ShipTo": "country region postal_code timezone address_hash",
}
"""Kept fields by their stored position. Another order, or a new field that is not the last, takes a new version."""

STORED_BY_VERSION_1 = bytes.fromhex(
    "9301dc0021b02f73746f726566726f6e742f61636d65a9534f2d313030303432a7632d3230383137a4676f6c64a5656d61696caa323032362d30342d"
    "3234aa323032362d30342d3232a24e4ca24e48a431303132b04575726f70652f416d7374657264616db062313934366163393234393264323334a131"
    "a74c414d502d3031a132a842554c422d453237a3776562a87374616e64617264a473686970a770726570616964a63132392e3930a3455552a8776562"
    "2d37373331a461636d65b02f7061796d656e74732f737472697065a87061795f334e7138a92f6f6d732f61636d65b4686f7573655f6e756d6265725f"
    "6d697373696e67a66d656469756dac2f636172726965722f757073aa696e5f7472616e736974b2315a39393941413130313233343536373834a37570"
    "73969800af65782d6f726465722e706c6163656400cf00064fe0b8629140019b93020391040506950708090a0b92930c0d01930e0f04101112139214"
    "1516c0179801b065782d6f726465722e7570646174656400cf00064fe23cb594000184ab70726f6d697365645f6279aa323032362d30342d3235a773"
    "6869705f746f81ab706f7374616c5f636f6465a431303133a76368616e6e656cc0a773657276696365a765636f6e6f6d79c0179806b565782d706179"
    "6d656e742e617574686f72697a656418cf00064fe0b88115c0019319921415cf0006506d8964b5c0c0179811b265782d616464726573732e696e7661"
    "6c69641acf00064fe0b8aedc8001931bc31cc017981caf65782d636172726965722e7363616e1dcf000650029fb7230001961e1fc0c02005cf000650"
    "612f8bba00179826b165782d666565642e6865617274626561741dcf00065061acb72f00c0c0c017"
)
"""Written by the first program that packed: the examples of order.placed, order.updated, payment.authorized, address.invalid,
carrier.scan and feed.heartbeat as they were then. Never to be written anew."""

LINES: list[object] = [{"line_id": "1", "sku": "LAMP-01", "quantity": 1}, {"line_id": "2", "sku": "BULB-E27", "quantity": 4}]


def test_type_codes_and_field_positions_are_stored_data() -> None:
    """What open orders were packed with must be what they are unpacked with."""
    assert tuple(TYPE_CODES.split()) == TYPES
    models: list[type[Model]] = [*DATA_MODELS.values(), Money, Line, Component, Customer, ShipTo]
    for model in models:
        if model is OrderUpdated:
            continue
        forms = field_types(model)
        names = [name for name in struct_of(model).__struct_fields__ if kept(forms[name]) is not Retention.NOTHING]
        assert " ".join(names) == LAYOUTS[model.__name__]


def test_what_version_1_wrote_is_still_read() -> None:
    """Bytes from the first program come back with their values."""
    placed, updated, authorized, invalid, scan, heartbeat = unpack_events(STORED_BY_VERSION_1)
    assert placed.data == event("order.placed").data
    assert (placed.id, placed.source, placed.subject, placed.tenant) == ("ex-order.placed", "/storefront/acme", "SO-100042", "acme")
    assert updated.data == {"promised_by": "2026-04-25", "service": "economy", "ship_to": {"postal_code": "1013"}, "channel": None}
    assert authorized.data == event("payment.authorized").data
    assert getattr(invalid.data, "suggestion", None) is not None
    assert getattr(scan.data, "status", None) == "in_transit"
    assert scan.recordedtime == event("carrier.scan").recordedtime
    assert (heartbeat.type, heartbeat.subject, heartbeat.time) == ("feed.heartbeat", None, event("feed.heartbeat").time)


def test_bytes_of_another_version_or_of_another_making_are_refused() -> None:
    """An older program must not guess what a newer one meant."""
    for packed in (
        b"",
        b"\xc1",
        msgspec.msgpack.encode([2, [], []]),
        msgspec.msgpack.encode([1, [], [[0, "a", 0]]]),
        b"\x93\x01\x90",
        pack(event("carrier.scan"))[:-1],
    ):
        with pytest.raises(StorageError):
            unpack_events(packed)


def test_what_people_wrote_is_never_stored() -> None:
    """Texts, notes, addresses and the carrier's own words are not in the bytes; that there was a suggestion is."""
    for type_, data in {
        "support.contacted": {"intent": "not_received", "text": "SECRET"},
        "case.resolved": {"exception_id": "x", "note": "SECRET"},
        "carrier.scan": {"status": "lost", "raw": {"code": "SECRET", "text": "SECRET"}, "location": "SECRET"},
        "action.failed": {"action_id": "a", "result": {"SECRET": 1}},
        "address.invalid": {"suggestion": {"street": "SECRET"}},
    }.items():
        original = event(type_, data)
        assert b"SECRET" not in pack(original)
        assert unpack(pack(original)).type == type_
    assert getattr(unpack(pack(event("address.invalid", {"suggestion": "x"}))).data, "suggestion", None) == {}
    assert getattr(unpack(pack(event("address.invalid", {}))).data, "suggestion", 0) is None


def test_a_typical_order_of_seven_events_takes_at_most_650_bytes() -> None:
    """An open order must cost under a kibibyte, and its events are most of it."""
    order = [
        event("order.placed"),
        event("payment.authorized"),
        event("payment.captured"),
        event("warehouse.released", {"site": "ams1"}),
        event("warehouse.packed", {"site": "ams1", "lines": LINES}),
        event("warehouse.shipped", {"site": "ams1", "carrier": "ups", "tracking_number": "1Z999AA10123456784", "lines": LINES}),
        event("carrier.scan"),
    ]
    assert len(pack_events(order)) <= 650


def test_a_date_that_was_an_instant_before_is_read_as_its_text() -> None:
    """States of before kept `expected_at` as microseconds."""
    version, strings, rows = msgspec.msgpack.decode(pack(event("inventory.backordered", {"expected_at": "2026-11-09"})))
    data = rows[0][5]
    assert strings[data[1]] == "2026-11-09"
    data[1] = 1_794_240_000_000_000
    old = unpack(msgspec.msgpack.encode([version, strings, rows]))
    assert getattr(old.data, "expected_at", None) == "2026-11-09T16:00:00+00:00"
