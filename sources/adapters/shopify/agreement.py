"""Whether a webhook's body is what its topic says. The topic is a header, and headers are not signed: only the body is.

Whoever has a body that Shopify once signed could otherwise send it again under another topic, and have it mean something else. What is
refused here is plainly of another topic. Some bodies fit two topics (an event of a fulfilment and its deletion; a fulfilment order whose
hold was released, and one that may begin): these cannot be told apart. What an order, a refund, a fulfilment, a return or a dispute tells
does not depend on its topic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sources.adapters.output import RefuseError
from sources.adapters.payload import PayloadReader
from sources.adapters.shopify.common import GID, id_of

MESSAGE, REQUEST, REMAINING = "message", "fulfillment_order_merchant_request", "remaining_fulfillment_order"


class Shape(NamedTuple):
    """What a webhook about a fulfilment order says: its `status` and `request_status` if it names them, and what it has not beside it."""

    status: frozenset[str] | None = None
    request: frozenset[str] | None = None
    without: tuple[str, ...] = ()


WORK: Final[dict[str, Shape]] = {
    "fulfillment_orders/fulfillment_request_accepted": Shape(request=frozenset(("accepted",))),
    "fulfillment_orders/fulfillment_request_rejected": Shape(request=frozenset(("rejected",))),
    "fulfillment_orders/cancellation_request_submitted": Shape(
        request=frozenset(("cancellation_request", "cancellation_requested")), without=(MESSAGE,)
    ),
    "fulfillment_orders/cancellation_request_rejected": Shape(request=frozenset(("cancellation_rejected",))),
    "fulfillment_orders/fulfillment_service_failed_to_complete": Shape(status=frozenset(("closed", "incomplete"))),
    "fulfillment_orders/progress_reported": Shape(status=frozenset(("in_progress",))),
    "fulfillment_orders/line_items_prepared_for_pickup": Shape(frozenset(("open", "in_progress")), without=(MESSAGE, REQUEST, REMAINING)),
    "fulfillment_orders/line_items_prepared_for_local_delivery": Shape(
        frozenset(("open", "in_progress")), without=(MESSAGE, REQUEST, REMAINING)
    ),
    "fulfillment_orders/hold_released": Shape(
        frozenset(("open", "in_progress", "scheduled")), without=(MESSAGE, REQUEST, REMAINING, "fulfillment_order.preparable")
    ),
}
"""By topic, as Shopify's samples of its webhooks show them (shopify.dev, versions 2023-01 to 2025-07)."""


def agree(
    payload: PayloadReader, topic: str, resource: str | None, kinds: Mapping[str, str], markers: Sequence[tuple[str, tuple[str, ...]]]
) -> None:
    """Raises RefuseError for a body that is not of its topic.

    `resource`: what the topic's bodies are; None where the adapter reads none of them. `kinds` names resources by the type in a gid,
    `markers` by fields that no other has.
    """
    if not isinstance(payload.value, dict):
        return  # nothing of Shopify's: its reader says so
    gid = GID.fullmatch(payload.text("admin_graphql_api_id") or "")
    named = kinds.get(gid[1]) if gid else None
    if named is not None and named != resource:
        raise _mismatch(topic, f"the body is of another kind: {named}")
    if named is None and resource is not None:
        found = {name for name, fields in markers if all(payload.has(field) for field in fields)}
        if found and resource not in found:
            raise _mismatch(topic, f"the body is of another kind: {', '.join(sorted(found))}")
    if topic == "orders/cancelled" and payload.has("cancelled_at") and not payload.get("cancelled_at"):
        raise _mismatch(topic, "cancelled_at is empty")


def agree_on_work(payload: PayloadReader, topic: str) -> None:
    """Raises RefuseError for a body about a fulfilment order that is not of its topic."""
    work, shape = payload.get("fulfillment_order"), WORK.get(topic, Shape())
    status, request = work.text("status"), work.text("request_status")
    if shape.status is not None and status is not None and status.lower() not in shape.status:
        raise _mismatch(topic, "fulfillment_order.status is that of another topic")
    if shape.request is not None and request is not None and request.lower() not in shape.request:
        raise _mismatch(topic, "fulfillment_order.request_status is that of another topic")
    for name in shape.without:
        *above, last = name.split(".")
        if payload.get(*above).has(last):
            raise _mismatch(topic, f"{name} is of another topic")
    gone = id_of(payload.get("fulfillment_hold")) if payload.has("fulfillment_hold") else None
    held = {id_of(one) for one in work.each("fulfillment_holds")} if work.has("fulfillment_holds") else None
    if topic == "fulfillment_holds/added" and gone is not None and held is not None and gone not in held:
        raise _mismatch(topic, "fulfillment_hold is none of those that hold")
    if topic == "fulfillment_holds/released" and gone is not None and held is not None and gone in held:
        raise _mismatch(topic, "fulfillment_hold holds still")
    if topic == "fulfillment_orders/hold_released" and held:
        raise _mismatch(topic, "fulfillment_order.fulfillment_holds: it is held still")


def _mismatch(topic: str, why: str) -> RefuseError:
    return RefuseError("topic_mismatch", f"x-shopify-topic {topic}: {why}")
