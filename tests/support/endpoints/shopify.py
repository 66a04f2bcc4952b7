"""A shop that speaks what Shopify documents of its GraphQL Admin API (2026-10): queries of an order, six mutations, userErrors, costs.

Written from the documentation: it shares no text with the executor. What a document asks for is held against the documented arguments and
fields, so that a misspelt one is refused as Shopify would refuse it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.support.endpoints.faults import Fault, FaultServer
from tests.support.endpoints.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.endpoints.wire import Received

ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {
    "fulfillmentOrderHold": ({"id", "fulfillmentHold"}, {"fulfillmentHold", "fulfillmentOrder", "remainingFulfillmentOrder", "userErrors"}),
    "fulfillmentOrderReleaseHold": ({"id", "holdIds", "externalId"}, {"fulfillmentOrder", "userErrors"}),
    "fulfillmentOrderMove": (
        {"id", "newLocationId", "fulfillmentOrderLineItems"},
        {"movedFulfillmentOrder", "originalFulfillmentOrder", "remainingFulfillmentOrder", "userErrors"},
    ),
    "tagsAdd": ({"id", "tags"}, {"node", "userErrors"}),
    "orderUpdate": ({"input"}, {"order", "userErrors"}),
    "orderCancel": (
        {"orderId", "refundMethod", "restock", "reason", "notifyCustomer", "staffNote"},
        {"job", "orderCancelUserErrors", "userErrors"},
    ),
}
"""By mutation: its arguments, and the fields of its payload, as documented."""
PATH = re.compile(r"/admin/api/20\d\d-(01|04|07|10)/graphql\.json")
TOKEN_HEADER = "x-shopify-access-token"
HOLD_FIELDS = {"reason", "reasonNotes", "handle", "externalId", "notifyMerchant", "fulfillmentOrderLineItems"}
REASONS = {
    *("AWAITING_PAYMENT", "AWAITING_RETURN_ITEMS", "HIGH_RISK_OF_FRAUD", "INCORRECT_ADDRESS", "INVENTORY_OUT_OF_STOCK"),
    *("ONLINE_STORE_POST_PURCHASE_CROSS_SELL", "UNKNOWN_DELIVERY_DATE", "OTHER"),
}


class ShopifyServer(FaultServer):
    """One order, `450789469`, named `#1001`, with as many fulfilment orders as `parts` says."""

    def __init__(self, faults: Sequence[Fault] = (), parts: int = 1, token: str | None = None) -> None:
        super().__init__(faults)
        self.token = token
        self.next_hold = 900
        self.order: dict[str, Any] = {
            "id": "gid://shopify/Order/450789469",
            "name": "#1001",
            "note": None,
            "tags": ["vip"],
            "cancelledAt": None,
        }
        self.parts: list[dict[str, Any]] = [
            {
                "id": f"gid://shopify/FulfillmentOrder/{100 + number}",
                "status": "OPEN",
                "location": "gid://shopify/Location/55",
                "holds": [],
            }
            for number in range(parts)
        ]
        self.slow_cancel = False

    def concerns(self, request: Received) -> bool:
        """Faults are for mutations."""
        return request.method == "POST" and "mutation" in str(request.json().get("query"))

    def key_of(self, request: Received) -> str:
        """The hold's handle, where there is one."""
        hold: dict[str, Any] = request.json()["variables"].get("hold") or {}
        return str(hold.get("handle") or "")

    def effect(self, request: Received, key: str) -> None:
        """It is carried out; what comes of it is told by `reply`, which finds it there."""
        self._result = self._changed(request.json(), key) if self.concerns(request) else None

    def stated(self, fault: Fault, request: Received) -> Reply:
        """Two faults have a form of Shopify's own."""
        if fault == "throttled":
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/limits"}}
            return Reply(200, {"errors": [error], "extensions": self._cost(752, None, 666)})
        if fault == "refused":
            name = self._name(request.json()["query"])
            errors = "orderCancelUserErrors" if name == "orderCancel" else "userErrors"
            return Reply(200, {"data": {name: {errors: [{"code": "FULFILLMENT_ORDER_NOT_FOUND", "field": ["id"], "message": "no"}]}}})
        return super().stated(fault, request)

    def reply(self, request: Received) -> Reply:
        """As the API answers."""
        if not PATH.fullmatch(request.path) or request.method != "POST":
            return Reply(404, {"errors": "Not Found"})
        if self.token is not None and request.headers.get(TOKEN_HEADER) != self.token:
            return Reply(401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"})
        if self.concerns(request):
            result = self._result
            return Reply(
                200, result if result is not None and "errors" in result else {"data": result, "extensions": self._cost(10, 10, 990)}
            )
        body = request.json()
        if "orders(" in body["query"]:
            wanted = body["variables"]["query"].removeprefix("name:").strip('"')
            nodes = [self._order()] if wanted in self.order["name"] else []
            return Reply(200, {"data": {"orders": {"nodes": nodes}}, "extensions": self._cost(20, 12, 990)})
        found = self._order() if body["variables"]["id"] == self.order["id"] else None
        return Reply(200, {"data": {"order": found}, "extensions": self._cost(20, 12, 990)})

    def _cost(self, asked: int, actual: int | None, left: int) -> dict[str, Any]:
        status = {"maximumAvailable": 2000.0, "currentlyAvailable": left, "restoreRate": 100.0}
        return {"cost": {"requestedQueryCost": asked, "actualQueryCost": actual, "throttleStatus": status}}

    def _order(self) -> dict[str, Any]:
        nodes = [
            {
                "id": part["id"],
                "status": part["status"],
                "assignedLocation": {"location": {"id": part["location"]}},
                "supportedActions": [{"action": "RELEASE_HOLD" if part["holds"] else "HOLD"}, {"action": "MOVE"}],
                "fulfillmentHolds": part["holds"],
            }
            for part in self.parts
        ]
        return {**self.order, "fulfillmentOrders": {"pageInfo": {"hasNextPage": False}, "nodes": nodes}}

    def _name(self, document: str) -> str:
        return next(name for name in ARGUMENTS if f"{name}(" in document)

    def _changed(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        document, variables = body["query"], body["variables"]
        name = self._name(document)
        call = document[document.index(f"{name}(") :]
        arguments = dict(re.findall(r"(\w+): \$(\w+)", call[: call.index(")")]))
        fields = set(re.findall(r"(?:[{}]|^)\s*(\w+) \{", call[call.index(")") + 1 :]))
        allowed, payload = ARGUMENTS[name]
        if wrong := (set(arguments) - allowed) | (fields - payload) | (set(arguments.values()) - set(variables)):
            return {"errors": [{"message": f"unknown: {sorted(wrong)}", "extensions": {"code": "undefinedField"}}]}
        given = {argument: variables[variable] for argument, variable in arguments.items()}
        return {name: getattr(self, f"_{name}")(given, key)}

    def _fulfillmentOrderHold(self, given: dict[str, Any], key: str) -> dict[str, Any]:  # noqa: N802 - the API's name
        hold = given["fulfillmentHold"]
        part = next((part for part in self.parts if part["id"] == given["id"]), None)
        assert set(hold) <= HOLD_FIELDS
        assert hold["reason"] in REASONS
        if part is None:
            return self._no("FULFILLMENT_ORDER_NOT_FOUND")
        if any(each["handle"] == hold["handle"] and each["heldByRequestingApp"] for each in part["holds"]):
            return self._no("DUPLICATE_FULFILLMENT_HOLD_HANDLE")
        if sum(each["heldByRequestingApp"] for each in part["holds"]) >= 10:
            return self._no("FULFILLMENT_ORDER_HOLD_LIMIT_REACHED")
        self.next_hold += 1
        made = {"id": f"gid://shopify/FulfillmentHold/{self.next_hold}", "handle": hold["handle"], "heldByRequestingApp": True}
        part["holds"].append(made)
        part["status"] = "ON_HOLD"
        self.effects[key] += 1
        return {"fulfillmentHold": made, "userErrors": []}

    def _fulfillmentOrderReleaseHold(self, given: dict[str, Any], _: str) -> dict[str, Any]:  # noqa: N802 - as above
        part = next((part for part in self.parts if part["id"] == given["id"]), None)
        if part is None:
            return self._no("FULFILLMENT_ORDER_NOT_FOUND")
        part["holds"] = [hold for hold in part["holds"] if hold["id"] not in given["holdIds"]]
        part["status"] = "ON_HOLD" if part["holds"] else "OPEN"
        self.effects["release"] += 1
        return {"fulfillmentOrder": {"id": part["id"], "status": part["status"]}, "userErrors": []}

    def _fulfillmentOrderMove(self, given: dict[str, Any], _: str) -> dict[str, Any]:  # noqa: N802 - as above
        part = next(part for part in self.parts if part["id"] == given["id"])
        part["location"] = given["newLocationId"]
        self.effects["move"] += 1
        return {"movedFulfillmentOrder": {"id": part["id"]}, "userErrors": []}

    def _tagsAdd(self, given: dict[str, Any], _: str) -> dict[str, Any]:  # noqa: N802 - as above
        self.order["tags"] = sorted({*self.order["tags"], *given["tags"]})
        return {"node": {"id": given["id"]}, "userErrors": []}

    def _orderUpdate(self, given: dict[str, Any], _: str) -> dict[str, Any]:  # noqa: N802 - as above
        self.order["note"] = given["input"]["note"]
        self.effects["note"] += 1
        return {"order": {"id": given["input"]["id"]}, "userErrors": []}

    def _orderCancel(self, given: dict[str, Any], _: str) -> dict[str, Any]:  # noqa: N802 - as above
        assert isinstance(given["refundMethod"]["originalPaymentMethodsRefund"], bool)
        assert given["reason"] in {"CUSTOMER", "DECLINED", "FRAUD", "INVENTORY", "OTHER", "STAFF"}
        if self.order["cancelledAt"]:
            return {"job": None, "orderCancelUserErrors": [{"code": "INVALID", "field": ["orderId"], "message": "already cancelled"}]}
        self.effects["cancel"] += 1
        if not self.slow_cancel:
            self.order["cancelledAt"] = "2026-11-01T10:00:00Z"
        return {"job": {"id": "gid://shopify/Job/1", "done": False}, "orderCancelUserErrors": []}

    def _no(self, code: str) -> dict[str, Any]:
        return {"userErrors": [{"code": code, "field": ["id"], "message": "it cannot be"}]}
