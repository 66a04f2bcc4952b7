"""Shopify's GraphQL Admin API as far as actions need it: documents, and what its answers mean. Documentation of version 2026-10.

https://shopify.dev/docs/api/admin-graphql/2026-10. A request that costs more than is left is answered with 200, `THROTTLED` and the cost
in `extensions.cost`; what cannot be done for a reason of the shop's, with `userErrors`. All versions from `OLDEST` on have these fields.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

import msgspec

from sinks.actions.executor import ActionRefused, Outcome, RetryLater
from sinks.actions.outbound import Answer, Outbound
from sinks.actions.outcomes import in_doubt, of_status

VERSION: Final = "2026-10"
OLDEST: Final = "2026-07"
CODE: Final = re.compile(r"[A-Za-z0-9_]{1,64}")

_ORDER: Final = """
  id name note tags cancelledAt
  fulfillmentOrders(first: 50) {
    pageInfo { hasNextPage }
    nodes {
      id status
      assignedLocation { location { id } }
      supportedActions { action }
      fulfillmentHolds { id handle heldByRequestingApp }
    }
  }
"""
"""Of an order with more than fifty fulfilment orders, which is left to people, it is seen that there are more."""
ORDER: Final = "query Order($id: ID!) { order(id: $id) {" + _ORDER + "} }"
ORDER_BY_NAME: Final = "query OrderByName($query: String!) { orders(first: 2, query: $query) { nodes {" + _ORDER + "} } }"
HOLD: Final = """
mutation Hold($id: ID!, $hold: FulfillmentOrderHoldInput!) {
  fulfillmentOrderHold(id: $id, fulfillmentHold: $hold) { fulfillmentHold { id handle } userErrors { code field message } }
}"""
RELEASE: Final = """
mutation Release($id: ID!, $holds: [ID!], $external: String) {
  fulfillmentOrderReleaseHold(id: $id, holdIds: $holds, externalId: $external) {
    fulfillmentOrder { id status } userErrors { code field message }
  }
}"""
MOVE: Final = """
mutation Move($id: ID!, $location: ID!) {
  fulfillmentOrderMove(id: $id, newLocationId: $location) { movedFulfillmentOrder { id } userErrors { code field message } }
}"""
TAG: Final = "mutation Tag($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } } }"
NOTE: Final = "mutation Note($input: OrderInput!) { orderUpdate(input: $input) { order { id } userErrors { field message } } }"
CANCEL: Final = """
mutation Cancel($id: ID!, $refund: OrderCancelRefundMethodInput!, $restock: Boolean!, $reason: OrderCancelReason!, $notify: Boolean,
    $note: String) {
  orderCancel(orderId: $id, refundMethod: $refund, restock: $restock, reason: $reason, notifyCustomer: $notify, staffNote: $note) {
    job { id done } orderCancelUserErrors { code field message }
  }
}"""
ERRORS: Final = ("userErrors", "orderCancelUserErrors")


class GraphqlError(Exception):
    """What a request came to that has no data: `outcome`."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


class UserError(Exception):
    """The shop will not do it. `code` is a word of the API, or none where the error has no code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ShopifyApi:
    """One attempt's talk with a shop. `changed`: whether a mutation has succeeded."""

    def __init__(self, outbound: Outbound, url: str, version: str, token: str) -> None:
        self._outbound, self._url = outbound, f"{url.rstrip('/')}/admin/api/{version}/graphql.json"
        self._token = token
        self.changed = False

    async def ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The `data` of a query. Raises GraphqlError, and what `Outbound.send` raises: nothing was changed in any case."""
        return self._data(await self._send(document, variables), mutation=False)

    async def change(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The result of a mutation, of one field. Raises UserError, GraphqlError, and what `Outbound.send` raises."""
        data = self._data(await self._send(document, variables), mutation=True)
        result = next(iter(data.values()), None)
        if not isinstance(result, dict):
            raise GraphqlError(in_doubt("no_result", honours_keys=True))
        found = cast("dict[str, Any]", result)
        for name in ERRORS:
            for error in cast("list[dict[str, Any]]", found.get(name) or []):
                raise UserError(_word(error.get("code")) or "user_error")
        self.changed = True
        return found

    async def _send(self, document: str, variables: dict[str, Any]) -> Answer:
        headers = {"content-type": "application/json", "accept": "application/json", "x-shopify-access-token": self._token}
        content = msgspec.json.encode({"query": document, "variables": variables})
        return await self._outbound.send("POST", self._url, headers=headers, content=content)

    def _data(self, answer: Answer, *, mutation: bool) -> dict[str, Any]:
        if answer.status in (401, 402, 403):
            raise GraphqlError(ActionRefused(f"http_{answer.status}", "the shop does not let us in", disable=True))
        if answer.status in (423, 430):
            raise GraphqlError(RetryLater(f"http_{answer.status}", answer.retry_after(), throttle=True))
        if answer.status != 200:
            raise GraphqlError(_certain(of_status(answer, honours_keys=True), mutation=mutation))
        said = answer.json()
        body = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        errors = body.get("errors")
        if errors:
            raise GraphqlError(_certain(_of_errors(errors, body), mutation=mutation))
        data = body.get("data")
        if not isinstance(data, dict):
            raise GraphqlError(_certain(in_doubt("bad_answer", honours_keys=True), mutation=mutation))
        return cast("dict[str, Any]", data)


def _certain(outcome: Outcome, *, mutation: bool) -> Outcome:
    """A query changes nothing: of it there is no doubt."""
    if isinstance(outcome, RetryLater) and not mutation:
        return RetryLater(outcome.code, outcome.after, outcome.throttle)
    return outcome


def _of_errors(errors: Any, body: dict[str, Any]) -> Outcome:
    """What errors beside the data mean. Only `INTERNAL_SERVER_ERROR` may come after something was done."""
    each: list[Any] = [*errors] if isinstance(errors, list) else []
    codes = {_word(_field(_field(error, "extensions"), "code")) for error in each}
    if "THROTTLED" in codes:
        return RetryLater("throttled", wait_for(body), throttle=True)
    if "INTERNAL_SERVER_ERROR" in codes or not each:
        return in_doubt("internal_server_error", honours_keys=True)
    code = next((code for code in sorted(codes) if code), "graphql_error")
    return ActionRefused(code.lower(), "the API refuses the request", disable=code == "SHOP_INACTIVE")


def wait_for(body: dict[str, Any]) -> float | None:
    """The seconds until what a request costs is there again, by `extensions.cost`; None if it does not say."""
    cost = _field(_field(body, "extensions"), "cost")
    status = _field(cost, "throttleStatus")
    values = [_field(cost, "requestedQueryCost"), _field(status, "currentlyAvailable"), _field(status, "restoreRate")]
    if not all(isinstance(value, int | float) for value in values):
        return None
    asked, left, rate = (float(cast("float", value)) for value in values)
    return None if rate <= 0 else max(0.0, (asked - left) / rate)


def _field(value: object, name: str) -> Any:
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def _word(value: object) -> str:
    """A code of the API, and nothing else that may stand in its place."""
    return value if isinstance(value, str) and CODE.fullmatch(value) else ""
