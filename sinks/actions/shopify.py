"""Shopify: hold and release an order, move it to another location, tag it, write its note, cancel it. Admin API, version 2026-10.

Every effect can be repeated without harm: a hold bears the action's ID as its `handle`, of which an app has one for each fulfilment order;
a tag is there or not; a note has the action's ID in its line; an order is cancelled once. So each is effected exactly once by its key.

It holds and moves what is not shipped, and releases its own holds alone. Needs the scopes `read_orders`, `write_orders`, and read and
write of `merchant_managed_fulfillment_orders` (or the third-party ones).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final, Literal

from pydantic import Field, model_validator

from sinks.actions.addresses import Resolver, resolved
from sinks.actions.endpoint import HttpEndpointSettings
from sinks.actions.executor import ActionCall, ActionRefused, Done, NotDone, Observation, Outcome, RetryLater, Unknown
from sinks.actions.kind import ExecutorKind
from sinks.actions.notes import note_of, one_line
from sinks.actions.outbound import NoAnswerError, NotSentError, Outbound, url_refused
from sinks.actions.outcomes import of_failure
from sinks.actions.secrets import SecretSource, SecretUnreadableError
from sinks.actions.shopify_graphql import CANCEL, HOLD, MOVE, NOTE, OLDEST, RELEASE, TAG, VERSION, GraphqlError, ShopifyApi, UserError
from sinks.actions.shopify_orders import OPEN, ShopOrder, order_of

TAGGED: Final = ("create_task", "escalate", "procurement_review", "reconcile")
"""Actions that a tag can stand for."""
HELD: Final = ("DUPLICATE_FULFILLMENT_HOLD_HANDLE", "TAKEN")
"""What is said of a hold that is there already."""
LOCATION: Final = re.compile(r"(gid://shopify/Location/)?(\d{1,20})")
RECHECK_S: Final = 30.0
"""After how long a cancellation that is under way is looked at again."""


class ShopifySettings(HttpEndpointSettings):
    """A shop."""

    url: str = Field(description="The shop: `https://acme.myshopify.com`.")
    token: SecretSource = Field(description="The app's access token (`shpat_…`): `{env: NAME}` or `{file: PATH}`.")
    version: str = Field(default=VERSION, pattern=r"^20\d\d-(01|04|07|10)$", description="Version of the Admin API.")
    order_ids: Literal["id", "name"] = Field(default="id", description="Whether orders are named by Shopify's ID or by their name, `1042`.")
    hold_reason: Literal[
        "AWAITING_PAYMENT", "AWAITING_RETURN_ITEMS", "HIGH_RISK_OF_FRAUD", "INCORRECT_ADDRESS", "INVENTORY_OUT_OF_STOCK", "OTHER"
    ] = Field(default="OTHER", description="The reason that a hold states.")
    notify_merchant: bool = Field(default=False, description="Whether Shopify tells the merchant of a hold.")
    locations: dict[str, str] = Field(
        default_factory=dict[str, str], description="Locations by the sites that `reroute` may name: `{BER-2: 88012345}`."
    )
    tags: dict[Literal["create_task", "escalate", "procurement_review", "reconcile"], str] = Field(
        default_factory=dict[Any, str], description="The tag that an order gets for an action: `{create_task: needs-attention}`."
    )
    notes: bool = Field(default=False, description="Whether `update_ticket` adds a line to the order's note.")
    cancel_reason: Literal["CUSTOMER", "DECLINED", "FRAUD", "INVENTORY", "OTHER", "STAFF"] = Field(
        default="OTHER", description="The reason that a cancellation states."
    )
    cancel_refunds: bool = Field(default=False, description="Whether a cancellation pays back what was captured.")
    cancel_restocks: bool = Field(default=True, description="Whether it gives the stock free.")
    cancel_notifies: bool = Field(default=False, description="Whether Shopify tells the customer of it.")

    @model_validator(mode="after")
    def _usable(self) -> ShopifySettings:
        if why := url_refused(self.url, allow_http=self.allow_http):
            raise ValueError(f"url: {why}")
        if self.version < OLDEST:
            raise ValueError(f"version: {OLDEST} is the oldest that is understood")
        if wrong := [site for site, location in self.locations.items() if not LOCATION.fullmatch(location)]:
            raise ValueError(f"locations: {wrong[0]} is no location's ID")
        return self


class ShopifyExecutor:
    """Acts on the orders of one shop."""

    honours_keys = True
    can_be_asked = True

    def __init__(self, settings: ShopifySettings, resolver: Resolver = resolved) -> None:
        self._settings = settings
        self._outbound = Outbound(settings, resolver)
        self._do: dict[str, Callable[[ShopifyApi, ActionCall, ShopOrder], Awaitable[Outcome]]] = {
            "hold_order": self._hold,
            "hold_shipment": self._hold,
            "release_order": self._release,
            "reroute": self._move,
            "cancel_order": self._cancel,
            "update_ticket": self._note,
            **dict.fromkeys(TAGGED, self._tag),
        }

    async def execute(self, call: ActionCall) -> Outcome:
        """As `Executor` says."""
        if call.name not in able(self._settings):
            return ActionRefused("not_declared", "the endpoint's settings say nothing of this action")
        try:
            api = self._api()
        except SecretUnreadableError as error:
            return of_failure(error, honours_keys=True)
        try:
            order = await order_of(api, call.order, self._settings.order_ids)
        except GraphqlError as error:
            return error.outcome
        except (NotSentError, NoAnswerError) as error:
            return of_failure(error, honours_keys=True) if isinstance(error, NotSentError) else RetryLater(error.code)
        if order is None:
            return ActionRefused("order_not_found", "the shop has no such order, or two of the name")
        return _in_all(await self._done(api, call, order), api)

    async def status(self, call: ActionCall) -> Observation:
        """As `Executor` says: whether the hold, the tag, the line of the note is there, whether the order is cancelled or has moved."""
        try:
            order = await order_of(self._api(), call.order, self._settings.order_ids)
        except (GraphqlError, NoAnswerError, NotSentError, SecretUnreadableError) as error:
            return Unknown(type(error).__name__, "the shop could not be asked")
        if order is None:
            return NotDone("the shop has no such order")
        match call.name:
            case "hold_order" | "hold_shipment":
                done = order.held_by(call.key)
            case "release_order":
                done = not order.own_holds(self._of(call))
            case "reroute":
                location = self._location(call)
                done = location is not None and any(each.location == location for each in order.parts)
            case "cancel_order":
                # A cancellation takes its time: that it is not done does not say that it will not be.
                return Done(order.id, "cancelled") if order.cancelled else Unknown("not_cancelled_yet")
            case "update_ticket":
                done = call.key in order.note
            case _:
                done = self._settings.tags.get(call.name) in order.tags  # type: ignore[call-overload]
        return Done(order.id, "found done") if done else NotDone("the order does not show it")

    async def close(self) -> None:
        """Nothing stays open between requests."""

    def _api(self) -> ShopifyApi:
        return ShopifyApi(self._outbound, self._settings.url, self._settings.version, self._settings.token.read())

    async def _done(self, api: ShopifyApi, call: ActionCall, order: ShopOrder) -> Outcome:
        try:
            return await self._do[call.name](api, call, order)
        except UserError as error:
            return ActionRefused(error.code.lower(), "the shop does not do it")
        except GraphqlError as error:
            return error.outcome
        except (NotSentError, NoAnswerError) as error:
            return of_failure(error, honours_keys=True)

    async def _hold(self, api: ShopifyApi, call: ActionCall, order: ShopOrder) -> Outcome:
        parts = [part for part in order.parts if part.status in OPEN and (part.held_by(call.key) or "HOLD" in part.can or part.holds)]
        if call.name == "hold_shipment":
            parts = order.named(call, parts)
            if len(parts) > 1:
                return ActionRefused("ambiguous", "several fulfilment orders are open: fulfillment_order_id has to name one")
        if not parts:
            return ActionRefused("nothing_to_hold", "nothing of the order can be held any more")
        hold = {
            "reason": self._settings.hold_reason,
            "reasonNotes": one_line(call.action.get("reason") or "")[:250],
            "handle": call.key,
            "notifyMerchant": self._settings.notify_merchant,
        }
        for part in parts:
            if not part.held_by(call.key):
                try:
                    await api.change(HOLD, {"id": part.id, "hold": hold})
                except UserError as error:
                    if error.code not in HELD:
                        raise
        return Done(parts[0].id, f"held {len(parts)} fulfilment order{'s' if len(parts) > 1 else ''}")

    async def _release(self, api: ShopifyApi, call: ActionCall, order: ShopOrder) -> Outcome:
        holds = order.own_holds(self._of(call))
        for part, ids in holds.items():
            await api.change(RELEASE, {"id": part, "holds": ids, "external": call.key})
        return Done(order.id, f"released {len(holds)} fulfilment orders" if holds else "nothing of ours held it")

    async def _move(self, api: ShopifyApi, call: ActionCall, order: ShopOrder) -> Outcome:
        location = self._location(call)
        if location is None:
            return ActionRefused("no_destination", "neither site nor location_id names a location")
        parts = order.named(call, [part for part in order.parts if part.status in OPEN])
        if len(parts) != 1:
            return ActionRefused("ambiguous" if parts else "nothing_to_move", "fulfillment_order_id has to name what is moved")
        if parts[0].location == location:
            return Done(parts[0].id, "was there already")
        result = await api.change(MOVE, {"id": parts[0].id, "location": location})
        moved: Any = result.get("movedFulfillmentOrder")
        return Done(str(moved["id"]) if moved else parts[0].id, "moved")

    async def _tag(self, api: ShopifyApi, call: ActionCall, order: ShopOrder) -> Outcome:
        tag = self._settings.tags[call.name]  # type: ignore[index]
        await api.change(TAG, {"id": order.id, "tags": [tag]})
        return Done(order.id, "tagged")

    async def _note(self, api: ShopifyApi, call: ActionCall, order: ShopOrder) -> Outcome:
        if call.key in order.note:
            return Done(order.id, "was noted already")
        line = f"{one_line(note_of(call).subject)}: {one_line(call.action.get('reason') or '')} [{call.key}]"
        await api.change(NOTE, {"input": {"id": order.id, "note": f"{order.note}\n{line}".strip()}})
        return Done(order.id, "noted")

    async def _cancel(self, api: ShopifyApi, call: ActionCall, order: ShopOrder) -> Outcome:
        if order.cancelled:
            return Done(order.id, "was cancelled already")
        given = self._settings
        variables = {
            "id": order.id,
            "refund": {"originalPaymentMethodsRefund": given.cancel_refunds},
            "restock": given.cancel_restocks,
            "reason": given.cancel_reason,
            "notify": given.cancel_notifies,
            "note": f"{one_line(call.action.get('reason') or '')[:200]} [{call.key}]",
        }
        await api.change(CANCEL, variables)
        after = await order_of(api, call.order, given.order_ids)
        if after is not None and after.cancelled:
            return Done(order.id, "cancelled")
        return RetryLater("cancellation_under_way", RECHECK_S, in_doubt=True)

    def _location(self, call: ActionCall) -> str | None:
        """Where an order is to go: the ID of a location."""
        named = call.parameters.get("location_id") or self._settings.locations.get(str(call.parameters.get("site")))
        found = LOCATION.fullmatch(str(named or ""))
        return None if found is None else f"gid://shopify/Location/{found[2]}"

    def _of(self, call: ActionCall) -> str | None:
        """The action whose hold is released, where one makes another good; None: all that are ours."""
        return str(call.action["compensates"]) if call.action.get("compensates") else None


def _in_all(outcome: Outcome, api: ShopifyApi) -> Outcome:
    """What becomes of an action of several parts, where the last one came to nothing and others before it are done."""
    match outcome:
        case RetryLater() if api.changed:
            return RetryLater(outcome.code, outcome.after, outcome.throttle, in_doubt=True)
        case ActionRefused() if api.changed:
            return Unknown("partly_done", "a part of it is done, and the rest was refused")
        case _:
            return outcome


def able(settings: ShopifySettings) -> Collection[str]:
    """What a shop can do by its settings."""
    always = ("hold_order", "hold_shipment", "release_order", "reroute", "cancel_order")
    return frozenset((*always, *settings.tags, *(("update_ticket",) if settings.notes else ())))


KIND: Final = ExecutorKind(
    name="shopify",
    about="A Shopify shop: hold, release, move, tag, note, cancel.",
    promise="exactly once: effects bear the action's ID or can only be there once",
    settings=ShopifySettings,
    build=ShopifyExecutor,
    actions=able,
)
