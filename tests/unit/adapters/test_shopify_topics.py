"""A Shopify webhook whose topic, which is not signed, does not go with its body is refused, whatever it would have meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of

SAMPLES = Path(__file__).parent / "payloads" / "shopify"


def sample(name: str) -> tuple[str, dict[str, Any]]:
    """The topic and the body of a sample."""
    payload = payload_of((SAMPLES / f"{name}.json").read_bytes())
    return payload.headers["x-shopify-topic"], json.loads(payload.body)


def reasons(topic: str, body: dict[str, Any]) -> list[str]:
    """Why it was refused; that it was taken or ignored is no reason."""
    headers = {"x-shopify-topic": topic, "x-shopify-triggered-at": "2026-03-02T09:20:00Z"}
    adapted = translate(ADAPTERS["shopify"], Payload(json.dumps(body).encode(), headers), AdapterConnection())
    assert not (adapted.events and adapted.refused)
    return [one.reason for one in adapted.refused]


PAIRS = [
    ("order_paid", "orders/cancelled"),
    ("order_placed", "refunds/create"),
    ("order_placed", "fulfillments/create"),
    ("order_placed", "products/update"),
    ("order_placed", "app/uninstalled"),
    ("refund_in_two_parts", "orders/create"),
    ("refund_in_two_parts", "orders/updated"),
    ("refund_in_two_parts", "tender_transactions/create"),
    ("fulfillment_two_parcels", "orders/create"),
    ("fulfillment_two_parcels", "fulfillment_events/delete"),
    ("event_delivered", "fulfillments/update"),
    ("transaction_sale", "refunds/create"),
    ("transaction_refund", "orders/paid"),
    ("dispute_inquiry", "order_transactions/create"),
    ("return_requested", "orders/create"),
    ("return_label", "returns/approve"),
    ("work_accepted", "fulfillment_orders/fulfillment_request_rejected"),
    ("work_accepted", "fulfillment_orders/hold_released"),
    ("work_accepted", "fulfillment_orders/fulfillment_service_failed_to_complete"),
    ("work_rejected", "fulfillment_orders/fulfillment_request_accepted"),
    ("work_rejected", "fulfillment_orders/line_items_prepared_for_pickup"),
    ("work_rejected", "fulfillment_orders/cancellation_request_submitted"),
    ("work_prepared_for_pickup", "fulfillment_orders/progress_reported"),
    ("hold_placed_twice", "fulfillment_orders/hold_released"),
    ("hold_placed_twice", "fulfillment_orders/line_items_prepared_for_local_delivery"),
    ("hold_added", "fulfillment_holds/released"),
    ("hold_of_a_reason_released", "fulfillment_holds/added"),
]
"""A sample, and a topic that is not its own."""
UNREAD = ("products/update", "app/uninstalled", "tender_transactions/create")
"""Topics of which the adapter reads nothing: only a gid shows that a body is of another."""
MARKED = [(name, topic) for name, topic in PAIRS if not name.startswith(("return", "work", "hold", "dispute")) and topic not in UNREAD]
"""Those whose samples have fields, beside the gid, that no other kind has."""


@pytest.mark.parametrize(("name", "topic"), PAIRS)
def test_a_body_under_another_topic_is_refused(name: str, topic: str) -> None:
    """By the type in its gid, or by what it says of a fulfilment order; however the topic is written."""
    own, body = sample(name)
    assert reasons(own, body) == []
    assert reasons(topic, body) == ["topic_mismatch"]
    assert reasons(topic.upper(), body) == ["topic_mismatch"]


@pytest.mark.parametrize(("name", "topic"), MARKED)
def test_a_body_without_a_gid_shows_what_it_is_by_its_fields(name: str, topic: str) -> None:
    """Those that only its kind has."""
    own, body = sample(name)
    del body["admin_graphql_api_id"]
    assert reasons(own, body) == []
    assert reasons(topic, body) == ["topic_mismatch"]


def test_a_webhook_that_is_filtered_may_lack_what_others_have() -> None:
    """What is not there says nothing: subscriptions can leave fields out."""
    _, body = sample("order_cancelled")
    few = {name: body[name] for name in ("id", "created_at", "updated_at")}
    assert reasons("orders/cancelled", few) == []
    assert reasons("orders/cancelled", {**few, "cancelled_at": None}) == ["topic_mismatch"]
    assert reasons("orders/cancelled", {**few, "cancelled_at": ""}) == ["topic_mismatch"]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_agrees_with_its_topic(path: Path) -> None:
    """None of our own is refused for it."""
    adapted = translate(ADAPTERS["shopify"], payload_of(path.read_bytes()), AdapterConnection(accept_test=True))
    assert "topic_mismatch" not in [one.reason for one in adapted.refused]


SHARED = Path(__file__).parents[4] / "shared" / "data" / "payloads" / "shopify"


@pytest.mark.skipif(not SHARED.is_dir(), reason="Shopify's published samples do not lie beside the checkout")
def test_every_published_sample_agrees_with_its_topic() -> None:
    """Nor any of Shopify's."""
    files = sorted(SHARED.glob("*.json"))
    assert files
    for path in files:
        adapted = translate(ADAPTERS["shopify"], payload_of(path.read_bytes()), AdapterConnection(accept_test=True))
        assert "topic_mismatch" not in [one.reason for one in adapted.refused], path.name
