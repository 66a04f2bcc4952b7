"""WooCommerce, Magento, BigCommerce and Amazon: what an order's life says, whichever of its overlapping messages arrive."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any, cast

import pytest

from dataflows.core.rules.load import load_policy
from schemas.places import country_zone
from schemas.wire import micros
from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of
from sources.adapters.histories import Remembered, settle
from tests.support.adapters import OWN, made_of, payloads
from tests.support.engine import records_of, run, standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sources.adapters import Adapted
    from sources.adapters.output import Draft

LIVE = AdapterConnection()
PLATFORMS = ("woocommerce", "magento", "bigcommerce", "amazon")


def captured(system: str, name: str) -> Payload:
    """One of the payloads made here."""
    return payload_of((OWN / system / f"{name}.json").read_bytes())


def output(system: str, name: str, connection: AdapterConnection = LIVE) -> Adapted:
    """What one of them becomes."""
    return translate(ADAPTERS[system], captured(system, name), connection)


def bent(system: str, name: str, **changes: object) -> Adapted:
    """What one of them becomes with some fields of its body changed."""
    payload = captured(system, name)
    body = cast("dict[str, object]", json.loads(payload.body)) | changes
    return translate(ADAPTERS[system], Payload(json.dumps(body).encode(), payload.headers, payload.received), LIVE)


class Memory:
    """Histories in memory."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


def log(system: str, names: Iterable[str], connection: AdapterConnection = LIVE) -> dict[tuple[str, str], Draft]:
    """The events in the log after these messages, by their identity: the first one counts."""
    memory, found = Memory(), dict[tuple[str, str], "Draft"]()
    for name in names:
        adapted = output(system, name, connection)
        drafts, keep = settle(adapted.events, adapted.histories, memory, connection)
        memory.known |= keep
        for draft in drafts:
            found.setdefault((draft["source"], draft["id"]), draft)
    return found


def left_of(found: dict[tuple[str, str], Draft], *types: str) -> list[Draft]:
    """The events of some types that nothing withdrew."""
    gone = {(one["data"]["event_source"], one["data"]["event_id"]) for one in found.values() if one["type"] == "evidence.withdrawn"}
    return [one for key, one in found.items() if key not in gone and one["type"] in types]


def of(events: Iterable[Draft], type_: str) -> list[Draft]:
    """The events of a type."""
    return [event for event in events if event["type"] == type_]


def data_of(events: Iterable[Draft], type_: str) -> dict[str, Any]:
    """The data of the one event of a type."""
    (found,) = of(events, type_)
    return cast("dict[str, Any]", found["data"])


def scan(number: str, status: str, time: str) -> Draft:
    """What a carrier says of a parcel, as a tracker tells it."""
    return {
        "specversion": "1.0",
        "id": f"{number}-{status}",
        "source": "/carrier/tracker",
        "type": "carrier.scan",
        "time": time,
        "recordedtime": time,
        "tenant": "default",
        "dataschema": "https://orderwatch.dev/schemas/v1/carrier.scan",
        "data": {"status": status, "tracking_number": number},
    }


def verdicts(events: Iterable[Draft], until: str) -> set[tuple[str, str]]:
    """What the engine says of these events with its own policy: kind and status, without what was never so."""
    at = micros(datetime.fromisoformat(until).replace(tzinfo=UTC))
    lines = sorted(events, key=lambda one: cast("str", one.get("recordedtime") or one["time"]))
    return {(one.kind, one.status) for one in standing(run(records_of(lines), load_policy(None), at)) if one.status != "retracted"}


# the whole life of an order through the engine

LIVES: dict[str, tuple[Sequence[str], Sequence[Draft], str]] = {
    "woocommerce": (
        tuple(
            "order_placed order_paid order_completed_with_tracking order_tracking_number_removed order_partly_refunded refunds_of_an_order"
            " order_refunded".split()
        ),
        (
            scan("JVGL06251111111111", "accepted", "2026-04-02T17:00:00Z"),
            scan("JVGL06251111111111", "delivered", "2026-04-03T12:00:00Z"),
        ),
        "2026-04-12T12:00:00",
    ),
    "magento": (
        tuple(
            "order_placed order_authorized invoice_paid order_paid shipment order_complete creditmemo creditmemos_page order_closed".split()
        ),
        (
            scan("1Z999AA10123456784", "accepted", "2026-05-03T20:00:00Z"),
            scan("1Z999AA10123456784", "delivered", "2026-05-05T12:00:00Z"),
        ),
        "2026-05-14T12:00:00",
    ),
    "bigcommerce": (
        tuple(
            "hook_order_created transactions_of_an_order order_awaiting_fulfillment shipments_of_an_order order_shipped refunds_of_an_order"
            " order_partly_refunded".split()
        ),
        (scan("AUPX0001", "accepted", "2026-06-03T05:00:00Z"), scan("AUPX0001", "delivered", "2026-06-05T05:00:00Z")),
        "2026-06-12T12:00:00",
    ),
    "amazon": (
        ("orders_page", "notification_order_unshipped", "notification_order_shipped", "order_shipped", "financial_events"),
        (),
        "2026-07-08T12:00:00",
    ),
}  # fmt: skip
ORDERS = {"woocommerce": "5123", "magento": "142", "bigcommerce": "318", "amazon": "902-1845936-5435065"}


@pytest.mark.parametrize("system", LIVES)
def test_of_an_order_that_goes_as_it_should_the_engine_reports_nothing(system: str) -> None:
    """Placed, paid, shipped, delivered, refunded: whatever the messages repeat, none contradicts another."""
    names, scans, until = LIVES[system]
    events = [one for one in log(system, names).values() if one.get("subject") == ORDERS[system]]
    assert of(events, "order.placed")
    assert of(events, "warehouse.shipped")
    assert of(events, "payment.refunded")
    assert {kind for kind, _ in verdicts([*events, *scans], until)} - {"payment.disputed", "payment.chargeback_open"} == set()


LATE = (
    ("woocommerce", ("order_placed",), "2026-04-07T08:00:01", "payment.capture_overdue"),
    ("woocommerce", ("order_placed", "order_paid"), "2026-04-07T12:00:00", "fulfilment.ship_overdue"),
    ("magento", ("order_placed",), "2026-05-06T00:00:01", "payment.capture_overdue"),
    ("magento", ("order_placed", "invoice_paid"), "2026-05-08T12:00:00", "fulfilment.ship_overdue"),
    ("bigcommerce", ("order_awaiting_payment",), "2026-06-03T12:00:00", "payment.capture_overdue"),
    ("bigcommerce", ("order_awaiting_fulfillment",), "2026-06-08T12:00:00", "fulfilment.ship_overdue"),
    ("amazon", ("order_unshipped_after_pending",), "2026-07-04T00:00:00", "fulfilment.ship_overdue"),
)


@pytest.mark.parametrize(("system", "names", "until", "kind"), LATE, ids=[f"{one[0]}-{one[3]}-{len(one[1])}" for one in LATE])
def test_of_an_order_that_is_late_the_engine_reports_that(system: str, names: Sequence[str], until: str, kind: str) -> None:
    """What was not paid, or did not leave, is overdue."""
    assert kind in {one for one, status in verdicts(log(system, names).values(), until) if status in ("open", "suppressed")}


def test_amazon_takes_the_money() -> None:
    """Nobody waits for a payment of an order that Amazon collects."""
    found = verdicts(log("amazon", ("order_unshipped_after_pending",)).values(), "2026-07-20T12:00:00")
    assert not {kind for kind, _ in found if kind.startswith("payment.")}


# one fact, one event


SNAPSHOTS = {
    "woocommerce": ("order_placed", "order_paid", "order_completed_with_tracking", "order_refunded"),
    "magento": ("order_placed", "order_authorized", "order_paid", "order_closed"),
    "bigcommerce": ("order_awaiting_payment", "order_awaiting_fulfillment", "order_shipped", "order_partly_refunded"),
}


@pytest.mark.parametrize("system", SNAPSHOTS)
def test_in_any_order_snapshots_end_in_the_same_facts(system: str) -> None:
    """Webhooks are not sent in order, and pages of an API overlap."""
    found = [log(system, names) for names in permutations(SNAPSHOTS[system])]
    ends = [{(one["source"], one["id"].partition("~")[0]) for one in left_of(each, *ADAPTERS[system].emits)} for each in found]
    assert all(end == ends[0] for end in ends)


@pytest.mark.parametrize(
    ("system", "names", "amounts"),
    [
        ("woocommerce", ("order_partly_refunded", "order_refunded", "refunds_of_an_order", "refunds_of_the_shop"), ["16.20", "38.40"]),
        ("magento", ("creditmemo", "creditmemos_page", "order_closed"), ["40", "79.94"]),
        ("bigcommerce", ("transactions_of_an_order", "refunds_of_an_order", "order_partly_refunded"), ["22"]),
    ],
)
def test_what_went_back_is_told_once_and_with_its_sign(system: str, names: Sequence[str], amounts: list[str]) -> None:
    """Orders, refunds and transactions repeat each other; WooCommerce writes -16.20 for a refund of 16.20."""
    refunds = of(log(system, names).values(), "payment.refunded")
    assert sorted(one["data"]["amount"]["amount"] for one in refunds if "amount" in one["data"]) == amounts


@pytest.mark.parametrize(
    ("system", "names"),
    [
        ("woocommerce", ("order_cancelled_unpaid", "order_cancelled_set_back")),
        ("bigcommerce", ("hook_status_cancelled", "order_cancelled", "order_cancelled_set_back")),
        ("woocommerce", ("order_deleted", "order_restored")),
    ],
)
def test_what_is_set_back_by_hand_is_wanted_again(system: str, names: Sequence[str]) -> None:
    """Whichever message comes first; what passed meanwhile did, and the order itself stays."""
    for arriving in permutations(names):
        found = log(system, arriving)
        (cancelled,), (again,) = left_of(found, "order.cancelled"), left_of(found, "order.reinstated")
        assert again["id"] == f"reinstated-{cancelled['id']}"
        assert of(found.values(), "evidence.withdrawn") == []
        assert len(left_of(found, "order.placed")) == 1
    before = log(system, names[:-1])
    assert (len(left_of(before, "order.cancelled")), left_of(before, "order.reinstated")) == (1, [])


def test_an_order_may_be_cancelled_and_set_back_again_and_again() -> None:
    """Each time is another one."""
    found: dict[tuple[str, str], Draft] = {}
    memory = Memory()
    for day, status in enumerate(("cancelled", "processing", "cancelled", "processing"), 2):
        stated = f"2026-04-{day:02}T10:00:00"
        adapted = bent("woocommerce", "order_cancelled_unpaid", status=status, date_modified=stated, date_modified_gmt=stated)
        drafts, keep = settle(adapted.events, adapted.histories, memory, LIVE)
        memory.known |= keep
        for one in drafts:
            found.setdefault((one["source"], one["id"]), one)
    turns = [(one["type"], one["time"][:10], one["id"]) for one in found.values() if one["type"] in ("order.cancelled", "order.reinstated")]
    assert turns == [
        ("order.cancelled", "2026-04-02", "cancelled-5133"),
        ("order.reinstated", "2026-04-03", "reinstated-cancelled-5133"),
        ("order.cancelled", "2026-04-04", "cancelled-5133~1"),
        ("order.reinstated", "2026-04-05", "reinstated-cancelled-5133~1"),
    ]


def test_a_webhook_of_a_cancellation_leaves_the_order_placed() -> None:
    """It says less than a snapshot, and takes nothing back."""
    assert len(left_of(log("bigcommerce", ("order_awaiting_fulfillment", "hook_status_cancelled")), "order.placed")) == 1
    assert left_of(log("woocommerce", ("order_restored", "order_deleted")), "order.placed")


@pytest.mark.parametrize(
    ("system", "names", "numbers"),
    [
        ("woocommerce", ("order_completed_with_tracking", "order_tracking_number_removed"), {"JVGL06251111111111"}),
        ("magento", ("shipment", "shipment_of_two_parcels", "shipment_number_removed"), {"MHC 0042"}),
    ],
)
def test_a_tracking_number_that_is_taken_back_is_withdrawn(system: str, names: Sequence[str], numbers: set[str]) -> None:
    """What left stays told: only the number was wrong."""
    found = log(system, names)
    assert {one["data"]["tracking_number"] for one in left_of(found, "warehouse.label_created")} == numbers
    assert len(left_of(found, "warehouse.shipped")) == 1


# when it was


def test_what_a_snapshot_shows_is_dated_by_what_it_says_itself() -> None:
    """Days later, the first snapshot that is seen still says when the order was paid and completed."""
    found = output("woocommerce", "order_partly_refunded").events
    assert {one["type"]: one["time"] for one in found if one["type"] in ("payment.captured", "warehouse.shipped")} == {
        "payment.captured": "2026-04-01T08:01:10Z",
        "warehouse.shipped": "2026-04-02T13:30:04Z",
    }


@pytest.mark.parametrize(
    ("system", "names", "scans"),
    [
        ("magento", ("order_closed", "shipment"), ()),
        ("bigcommerce", ("order_partly_refunded", "shipments_of_an_order"), ()),
        ("bigcommerce", ("order_shipped", "shipments_of_an_order"), ()),
    ],
)
def test_an_order_that_is_first_seen_when_it_has_left_was_not_paid_after_that(
    system: str, names: Sequence[str], scans: Sequence[Draft]
) -> None:
    """It does not say when it was paid: its last change is no such instant."""
    events = [one for one in log(system, names).values() if one.get("subject") == ORDERS[system] and one["type"] != "payment.authorized"]
    assert "conflict.shipped_unpaid" not in {kind for kind, _ in verdicts([*events, *scans], "2026-06-13T00:00:00")}


def test_an_order_that_is_paid_and_has_not_left_was_paid_when_it_was_seen_to_be() -> None:
    """A bound that is too early would let the time to ship it run out."""
    (paid,) = of(output("magento", "order_paid").events, "payment.captured")
    assert paid["time"] == "2026-05-02T09:15:31Z"


def test_a_hold_begins_when_the_history_of_the_order_says() -> None:
    """Magento's history of statuses says more than its last change."""
    (held,) = of(output("magento", "order_on_hold").events, "order.hold_placed")
    assert (held["time"], held["data"]["hold"]) == ("2026-05-01T17:45:10Z", "manual")


# what an order is


def test_guests_have_nothing_in_common() -> None:
    """Two orders of guests are not one customer's."""
    for system, name in (("woocommerce", "order_placed"), ("magento", "order_cash_on_delivery"), ("bigcommerce", "order_shipped")):
        assert "customer" not in data_of(output(system, name).events, "order.placed")


@pytest.mark.parametrize(
    ("system", "name", "terms"),
    [
        ("woocommerce", "order_placed", None),
        ("woocommerce", "order_by_bank_transfer", "prepaid"),
        ("woocommerce", "order_cash_on_delivery", "on_delivery"),
        ("magento", "order_by_purchase_order", "invoice"),
        ("magento", "order_cash_on_delivery", "on_delivery"),
        ("bigcommerce", "order_by_cod_for_two_addresses", "on_delivery"),
        ("amazon", "order_shipped", "external"),
        ("amazon", "order_cash_on_delivery_replacement", "on_delivery"),
    ],
)
def test_how_an_order_is_paid_says_when_its_money_is_awaited(system: str, name: str, terms: str | None) -> None:
    """Payment at the door is not overdue before the parcel is there."""
    assert data_of(output(system, name).events, "order.placed").get("payment_terms") == terms


@pytest.mark.parametrize(
    ("system", "name", "method"),
    [
        ("woocommerce", "order_placed", "ship"),
        ("woocommerce", "order_collected", "pickup"),
        ("woocommerce", "order_downloads", "digital"),
        ("magento", "order_virtual", "digital"),
        ("magento", "order_collected_in_store", "pickup"),
        ("bigcommerce", "order_digital", "digital"),
        ("bigcommerce", "order_awaiting_pickup", "pickup"),
    ],
)
def test_how_the_goods_reach_the_customer(system: str, name: str, method: str) -> None:
    """Nothing that is fetched or downloaded is late for shipping."""
    adapted = output(system, name)
    assert data_of(adapted.events, "order.placed")["method"] == method
    if method != "ship":
        assert of(adapted.events, "warehouse.shipped") == []


def test_each_thing_is_counted_once() -> None:
    """A configurable product and its variant, a bundle and its parts are one line; half a kilogram is no number of pieces."""
    lines = {
        (system, name): [(line["sku"], line.get("quantity")) for line in data_of(output(system, name).events, "order.placed")["lines"]]
        for system, name in (("magento", "order_placed"), ("magento", "order_bundle"), ("woocommerce", "order_bundle_and_fractions"))
    }
    assert lines == {
        ("magento", "order_placed"): [("SHIRT-M-RED", 2), ("CUP", 1)],
        ("magento", "order_bundle"): [("SET-BREAKFAST", 1)],
        ("woocommerce", "order_bundle_and_fractions"): [("BOX", 1), ("TEA-KG", None)],
    }


def test_a_status_of_the_shops_own_is_counted_and_concludes_nothing() -> None:
    """Plugins add statuses: the order is told as it is."""
    found = output("woocommerce", "order_own_status").events
    assert {one["type"] for one in found} == {"order.placed", "order.updated", "payment.captured"}


def test_a_pre_order_waits_for_its_goods_and_may_be_paid_upon_its_release() -> None:
    """WooCommerce Pre-Orders: no ship-by fallback runs while it is held for its goods, and none is late to pay before they are there."""
    charged = {"id": 1, "key": "_wc_pre_orders_when_charged", "value": "upon_release"}
    waiting = [{"id": 2, "key": "_wc_pre_orders_is_pre_order", "value": "1"}, charged]
    kept = {"payment_method": "stripe", "meta_data": waiting}
    found = bent("woocommerce", "order_by_bank_transfer", status="pre-ordered", **kept).events
    placed, held = data_of(found, "order.placed"), data_of(found, "order.hold_placed")
    assert (placed["payment_terms"], placed["tags"], held["hold"]) == ("on_ship", ["preorder"], "inventory")
    released = bent("woocommerce", "order_by_bank_transfer", status="processing", date_modified_gmt="2026-06-02T15:00:00", **kept).events
    assert data_of(released, "order.hold_released")["hold_id"] == held["hold_id"]
    upfront = bent("woocommerce", "order_by_bank_transfer", status="pre-ordered", meta_data=[waiting[0]]).events
    assert data_of(upfront, "order.placed")["payment_terms"] == "prepaid"


def test_what_was_completed_and_is_worked_on_again_did_not_leave() -> None:
    """WooCommerce keeps the date of the completion when the status is set back by hand."""
    again = bent("woocommerce", "order_completed_with_tracking", status="processing", date_modified_gmt="2026-04-02T15:00:00")
    assert of(again.events, "warehouse.shipped") == []
    assert of(bent("woocommerce", "order_completed_with_tracking", status="refunded").events, "warehouse.shipped")


def test_an_order_that_was_made_complete_by_hand_left() -> None:
    """It has no shipment that would say so; one that has is told by that alone."""
    for system, by_hand, by_shipment in (
        ("magento", "order_complete_by_hand", "order_complete"),
        ("bigcommerce", "order_shipped_by_hand", "order_shipped"),
    ):
        assert of(output(system, by_hand).events, "warehouse.shipped")
        assert of(output(system, by_shipment).events, "warehouse.shipped") == []


def test_an_id_that_a_system_only_counts_bears_its_name() -> None:
    """Shipment 31 of Magento is not shipment 31 of another system in the tenant."""
    assert data_of(output("magento", "shipment").events, "warehouse.shipped")["shipment_id"] == "magento-31"


@pytest.mark.parametrize(("system", "field"), [("woocommerce", "number"), ("magento", "increment_id")])
def test_another_field_may_be_the_order_s_id(system: str, field: str) -> None:
    """Then the system's own ID ties what names nothing else."""
    connection = AdapterConnection(order_field=field)
    name = {"woocommerce": "order_by_bank_transfer", "magento": "order_placed"}[system]
    (placed,) = of(output(system, name, connection).events, "order.placed")
    assert (placed["subject"], placed["data"]["order_alias"]) == {"woocommerce": ("T-2030", "5130"), "magento": ("000000142", "142")}[
        system
    ]
    if system == "magento":
        (shipped,) = of(output(system, "shipment", connection).events, "warehouse.shipped")
        assert (shipped.get("subject"), shipped["data"]["order_alias"]) == (None, "142")


MESSAGES_OF_A_FULFILMENT = (
    "fulfillment_order",
    "notification_fulfillment_processing",
    "notification_fulfillment_return",
    "notification_fulfillment_shipped",
)


@pytest.mark.parametrize("name", MESSAGES_OF_A_FULFILMENT)
def test_every_message_of_a_fulfilment_names_the_shop_s_order(name: str) -> None:
    """Whichever field bears its ID. Notifications have but one of them, and write it with a capital."""
    adapted = output("amazon", name, AdapterConnection(order_field="sellerFulfillmentOrderId"))
    assert adapted.events
    assert not adapted.refused
    assert {(one.get("subject"), one["data"].get("order_alias")) for one in adapted.events} == {("MCF-SO-70031", None)}
    adapted = output("amazon", name, AdapterConnection(order_field="displayableOrderId"))
    known = "SO-70031" if name == "fulfillment_order" else None
    assert adapted.events
    assert not adapted.refused
    assert {(one.get("subject"), one["data"].get("order_alias")) for one in adapted.events} == {(known, "MCF-SO-70031")}


def test_an_answer_ties_what_notifications_of_a_fulfilment_name() -> None:
    """The order is the shop's; Amazon's return of it comes home."""
    found = log("amazon", MESSAGES_OF_A_FULFILMENT, AdapterConnection(order_field="displayableOrderId"))
    data = {"payment_terms": "external", "ship_to": {"country": "DE"}, "lines": [{"line_id": "1", "sku": "SCARF-GREY", "quantity": 2}]}
    placed: Draft = {
        "specversion": "1.0",
        "id": "1",
        "source": "/storefront/shop",
        "type": "order.placed",
        "subject": "SO-70031",
        "time": "2026-07-05T08:00:00Z",
        "tenant": "default",
        "dataschema": "https://orderwatch.dev/schemas/v1/order.placed",
        "data": data,
    }
    # The first notification comes before an answer that ties it, and waits.
    stated_at = verdicts((placed, *found.values()), "2026-07-21T00:00:00")
    assert not {("data.orphan_signal", "open"), ("fulfilment.ship_overdue", "open"), ("fulfilment.ship_overdue", "resolved")} & stated_at


@pytest.mark.parametrize(
    ("status", "detail", "scan"),
    [
        ("UNDELIVERABLE", None, ("failed_final", None)),
        ("UNDELIVERABLE", "LOST", ("lost", None)),
        ("UNDELIVERABLE", "REJECTED_BY_BUYER", ("failed_final", "refused")),
        ("UNDELIVERABLE", "PICKED_UP", ("failed_final", None)),
        ("UNDELIVERABLE", "TELEPORTED", ("failed_final", None)),
        ("IN_TRANSIT", "RETURNING_TO_SELLER", ("returning", None)),
        ("SHIPPED", "DAMAGED", ("damaged", None)),
        ("IN_TRANSIT", "OUT_FOR_DELIVERY", None),
        ("DELIVERED", "DAMAGED", ("delivered", None)),
        ("PENDING", "LOST", None),
    ],
)
def test_a_package_s_detailed_status_says_how_its_way_ended(status: str, detail: str | None, scan: tuple[str, str | None] | None) -> None:
    """Amazon: the status alone says neither that a package is lost nor that it comes back."""
    order = cast("dict[str, Any]", json.loads(captured("amazon", "orders_2026_get_delivered").body))["order"]
    order["packages"][0]["packageStatus"] = {"status": status, "detailedStatus": detail}
    adapted = bent("amazon", "orders_2026_get_delivered", order=order)
    scans = [(one["data"]["status"], one["data"].get("reason")) for one in of(adapted.events, "carrier.scan")]
    assert scans == ([] if scan is None else [scan])


def test_bigcommerce_s_order_that_was_fetched_was_not_shipped() -> None:
    """Its consignments say so where its status no longer does; once it is completed, the customer has it."""
    events = output("bigcommerce", "order_fetched_by_the_customer").events
    assert data_of(events, "order.placed")["method"] == "pickup"
    assert data_of(events, "carrier.scan")["status"] == "delivered"
    assert not of(events, "warehouse.shipped")


@pytest.mark.parametrize(
    ("system", "name", "place", "clock"),
    [
        ("bigcommerce", "order_awaiting_payment", {"country_iso2": "AU", "state": "Western Australia"}, "Australia/Perth"),
        ("bigcommerce", "order_awaiting_payment", {"country_iso2": "US", "state": "Hawaii"}, "Pacific/Honolulu"),
        ("bigcommerce", "order_awaiting_payment", {"country_iso2": "BR", "state": "Amazonas"}, "America/Manaus"),
        ("bigcommerce", "order_awaiting_payment", {"country_iso2": "BR", "state": "Ceara"}, "America/Fortaleza"),
        ("bigcommerce", "order_awaiting_payment", {"country_iso2": "MX", "state": "Quintana Roo"}, "America/Cancun"),
        ("amazon", "order_unshipped_after_pending", {"CountryCode": "AU", "StateOrRegion": "Queensland"}, "Australia/Brisbane"),
        ("amazon", "order_unshipped_after_pending", {"CountryCode": "US", "StateOrRegion": "Ca"}, "America/Los_Angeles"),
        ("magento", "order_placed", {"country_id": "CA", "region_code": None, "region": "British Columbia"}, "America/Vancouver"),
        ("magento", "order_placed", {"country_id": "US", "region_code": "AZ", "region": "Arizona"}, "America/Phoenix"),
        ("woocommerce", "order_placed", {"country": "MX", "state": "BC"}, "America/Tijuana"),
        ("woocommerce", "order_placed", {"country": "CA", "state": "BC"}, "America/Vancouver"),
        ("woocommerce", "order_placed", {"country": "AU", "state": "NT"}, "Australia/Darwin"),
    ],
)
def test_clocks_are_those_of_the_region_however_it_is_written(system: str, name: str, place: dict[str, Any], clock: str) -> None:
    """Names of states, codes of the shop's own: a promised day ends by the clocks there."""
    body = cast("dict[str, Any]", json.loads(captured(system, name).body))
    address = {
        "woocommerce": lambda: body["shipping"],
        "magento": lambda: body["extension_attributes"]["shipping_assignments"][0]["shipping"]["address"],
        "bigcommerce": lambda: body["shipping_addresses"][0],
        "amazon": lambda: body["payload"]["ShippingAddress"],
    }[system]()
    address |= place
    to = data_of(bent(system, name, **body).events, "order.placed")["ship_to"]
    assert country_zone(to["country"], to["region"]) == clock


def test_woocommerce_s_japanese_prefectures_are_written_as_iso_has_them() -> None:
    """WooCommerce leaves the hyphen out."""
    shipping = {"country": "JP", "state": "JP13", "postcode": "150-0001"}
    assert data_of(bent("woocommerce", "order_placed", shipping=shipping).events, "order.placed")["ship_to"]["region"] == "JP-13"


@pytest.mark.parametrize("system", ["woocommerce", "bigcommerce"])
def test_webhooks_are_verified_as_the_system_signs_them(system: str) -> None:
    """Without any setting."""
    assert ADAPTERS[system].scheme == system


def test_a_refund_that_cannot_be_read_is_refused_by_itself() -> None:
    """The rest of the order is told."""
    adapted = bent("woocommerce", "order_partly_refunded", refunds=[{"id": 1, "total": "some"}, {"id": 2, "total": "-1.00"}])
    assert [one.reason for one in adapted.refused] == ["bad_value"]
    assert data_of(adapted.events, "payment.refunded")["amount"]["amount"] == "1.00"
    assert of(adapted.events, "warehouse.shipped")


def test_a_reinstatement_finds_the_order_by_the_names_that_the_connection_gives_it() -> None:
    """A cancellation has no parcel to be found by."""
    names = ("order_cancelled_unpaid", "order_cancelled_set_back")
    for connection, subject, alias in ((LIVE, "5133", None), (AdapterConnection(order_field="number"), "5133", "5133")):
        (again,) = of(log("woocommerce", names, connection).values(), "order.reinstated")
        assert (again["subject"], again["data"].get("order_alias")) == (subject, alias)
        assert (again["id"], again["source"]) == ("reinstated-cancelled-5133", "/storefront/woocommerce")


def test_addresses_and_goods_are_read_wherever_a_message_has_them() -> None:
    """In the order, in a list of addresses, in consignments: an order without them would seem to lack its data."""
    for system, name in (
        ("magento", "order_placed"),
        ("magento", "event_order_saved_with_addresses"),
        ("bigcommerce", "order_shipped"),
        ("bigcommerce", "order_with_consignments"),
    ):
        placed = data_of(output(system, name).events, "order.placed")
        assert placed["ship_to"]["country"] == {"magento": "US", "bigcommerce": "AU"}[system]
        assert len(placed["lines"]) == 2


# what is refused


def test_a_topic_is_believed_as_far_as_the_body_agrees() -> None:
    """WooCommerce signs the body and no header: a topic that is exchanged must not make another fact."""
    for name in ("topic_of_a_product_on_an_order", "topic_of_an_order_on_a_product", "topic_of_a_deletion_on_an_order"):
        adapted = output("woocommerce", name)
        assert (adapted.events, [one.reason for one in adapted.refused]) == ((), ["topic_mismatch"])


@pytest.mark.parametrize(
    ("system", "name"),
    [("woocommerce", "order_in_yen_of_a_test"), ("amazon", "order_of_the_sandbox")],
)
def test_what_is_a_test_is_refused_unless_the_connection_takes_it(system: str, name: str) -> None:
    """By the mark of the payment plugin, or the host that answered."""
    assert [one.reason for one in output(system, name).refused] == ["test_mode"]
    assert output(system, name).events == ()
    assert output(system, name, AdapterConnection(accept_test=True)).events


def test_an_order_of_the_test_gateway_is_refused() -> None:
    """BigCommerce marks it by its means of payment."""
    assert [one.reason for one in bent("bigcommerce", "order_shipped", payment_method="Test Payment Gateway").refused] == ["test_mode"]


def test_a_test_transaction_is_refused_by_itself() -> None:
    """The others on its page are told."""
    adapted = output("bigcommerce", "transactions_of_all_sorts")
    assert [one.reason for one in adapted.refused].count("test_mode") == 1
    assert adapted.events


def test_a_webhook_that_names_only_an_id_says_what_to_do() -> None:
    """BigCommerce's webhooks carry nothing else."""
    (ignored,) = output("bigcommerce", "hook_order_created").ignored
    assert ignored.why == "names only an ID: fetch the order and adapt the answer"


@pytest.mark.parametrize("system", PLATFORMS)
def test_every_withdrawal_names_what_was_told(system: str) -> None:
    """Over all payloads, one after another; what comes late is withdrawn without having been told (see `histories`)."""
    names = [path.stem for _, path in payloads(system) if path.suffix == ".json"]
    dated = sorted(names, key=lambda name: captured(system, name).received or datetime.max.replace(tzinfo=UTC))
    found = log(system, dated, AdapterConnection(accept_test=True))
    gone = {(one["data"]["event_source"], one["data"]["event_id"]) for one in found.values() if one["type"] == "evidence.withdrawn"}
    assert gone <= set(found)


# nobody's name


PERSONAL = frozenset(
    "first_name last_name address_1 address_2 email phone customer_note reason note firstname lastname street telephone customer_firstname"
    " customer_lastname customer_email comment po_number"
    " street_1 street_2 staff_notes customer_message comments AddressLine1 BuyerName"
    " BuyerEmail addressLine1 buyerName buyerEmail returnComment displayableOrderComment signedForBy GiftMessageText BuyerCancelReason"
    " remote_ip ip_address customer_ip_address order_key payment_url".split()
)


def personal(value: object, name: str = "", within: str = "") -> Iterator[str]:
    """What a payload says of persons: names, streets, contacts and notes. Only in an address is a `name` a person's."""
    if isinstance(value, dict):
        for key, below in cast("dict[str, object]", value).items():
            yield from personal(below, key, name)
    elif isinstance(value, list):
        for below in cast("list[object]", value):
            yield from personal(below, name, within)
    elif isinstance(value, str) and len(value) > 3 and (name in PERSONAL or (name in ("name", "Name") and "address" in within.lower())):
        yield value


@pytest.mark.parametrize(
    ("system", "path"),
    [pytest.param(system, path, id=name) for system in PLATFORMS for name, path in payloads(system) if path.suffix == ".json"],
)
def test_no_event_names_a_person_a_street_or_a_contact(system: str, path: Any) -> None:
    """Whatever the payload; nor does a refusal quote one."""
    adapted = made_of(system, path)
    text = json.dumps([adapted.events, adapted.refused, adapted.ignored], ensure_ascii=False).casefold()
    assert [secret for secret in set(personal(json.loads(path.read_bytes()))) if secret.casefold() in text] == []


def test_an_attempt_to_deliver_again_says_the_same() -> None:
    """Nothing but a deletion is dated by its arrival."""
    for system in PLATFORMS[:3]:
        for _, path in payloads(system):
            payload = payload_of(path.read_bytes())
            if payload.received is None or "deleted" in path.stem or path.stem in ("trackings_of_an_order", "products_of_an_order"):
                continue
            later = Payload(payload.body, payload.headers, payload.received + timedelta(days=3))
            assert translate(ADAPTERS[system], later, LIVE).events == translate(ADAPTERS[system], payload, LIVE).events
