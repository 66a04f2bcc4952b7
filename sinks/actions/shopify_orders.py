"""An order as Shopify shows it: its fulfilment orders, what holds them, and where they are to leave from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, cast

from sinks.actions.executor import ActionCall, ActionRefused
from sinks.actions.shopify_graphql import ORDER, ORDER_BY_NAME, GraphqlError, ShopifyApi

OPEN: Final = ("OPEN", "SCHEDULED", "ON_HOLD")
"""Statuses of what nobody has begun to ship."""


class FulfilmentHold(NamedTuple):
    """A hold. `own`: whether this app placed it."""

    id: str
    handle: str
    own: bool


class FulfilmentPart(NamedTuple):
    """A fulfilment order: what leaves from one location."""

    id: str
    status: str
    location: str
    can: tuple[str, ...]
    holds: tuple[FulfilmentHold, ...]

    def held_by(self, handle: str) -> bool:
        """Whether we hold it for an action."""
        return any(hold.own and hold.handle == handle for hold in self.holds)


class ShopOrder(NamedTuple):
    """An order."""

    id: str
    note: str
    tags: tuple[str, ...]
    cancelled: bool
    parts: tuple[FulfilmentPart, ...]

    def held_by(self, handle: str) -> bool:
        """Whether an action holds anything of it."""
        return any(part.held_by(handle) for part in self.parts)

    def own_holds(self, handle: str | None) -> dict[str, list[str]]:
        """The IDs of our holds by what they hold: those of an action, or all."""
        found = {part.id: [hold.id for hold in part.holds if hold.own and handle in (None, hold.handle)] for part in self.parts}
        return {part: ids for part, ids in found.items() if ids}

    def named(self, call: ActionCall, parts: Sequence[FulfilmentPart]) -> list[FulfilmentPart]:
        """Of these, the one that an action names; all, where it names none."""
        named = call.parameters.get("fulfillment_order_id")
        return [part for part in parts if named is None or part.id.rpartition("/")[2] == str(named).rpartition("/")[2]]


async def order_of(api: ShopifyApi, order: str, by: Literal["id", "name"]) -> ShopOrder | None:
    """The order of an ID or a name; None if there is none, or there are two of the name. Raises what `ShopifyApi.ask` does."""
    if by == "id":
        number = order.rpartition("/")[2]
        if not (number.isascii() and number.isdigit()):
            return None
        found = (await api.ask(ORDER, {"id": f"gid://shopify/Order/{number}"})).get("order")
        return _read(cast("dict[str, Any]", found)) if isinstance(found, dict) else None
    quoted = order.removeprefix("#").replace("\\", "\\\\").replace('"', '\\"')
    data = await api.ask(ORDER_BY_NAME, {"query": f'name:"{quoted}"'})
    nodes = _listed(_mapped(data.get("orders")).get("nodes"))
    # The search also finds names of which this is a part.
    same = [node for node in nodes if str(node.get("name", "")).removeprefix("#") == order.removeprefix("#")]
    return _read(same[0]) if len(same) == 1 else None


def _read(found: dict[str, Any]) -> ShopOrder:
    listed = _mapped(found.get("fulfillmentOrders"))
    if _mapped(listed.get("pageInfo")).get("hasNextPage"):
        raise GraphqlError(ActionRefused("too_many_parts", "the order has more fulfilment orders than are read"))
    return ShopOrder(
        id=str(found["id"]),
        note=str(found.get("note") or ""),
        tags=tuple(str(tag) for tag in cast("list[Any]", found.get("tags") or [])),
        cancelled=bool(found.get("cancelledAt")),
        parts=tuple(_part(node) for node in _listed(listed.get("nodes"))),
    )


def _part(node: dict[str, Any]) -> FulfilmentPart:
    location = _mapped(_mapped(node.get("assignedLocation")).get("location"))
    return FulfilmentPart(
        id=str(node["id"]),
        status=str(node.get("status") or ""),
        location=str(location.get("id") or ""),
        can=tuple(str(each.get("action")) for each in _listed(node.get("supportedActions"))),
        holds=tuple(
            FulfilmentHold(str(hold["id"]), str(hold.get("handle") or ""), bool(hold.get("heldByRequestingApp")))
            for hold in _listed(node.get("fulfillmentHolds"))
        ),
    )


def _mapped(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _listed(value: object) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", value) if isinstance(value, list) else []
