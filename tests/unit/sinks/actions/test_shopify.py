"""Shopify: each action on a shop that speaks the documented API, what it finds there already, and what the shop will not do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sinks.actions.executor import ActionRefused, Done, NotDone, RetryLater, Unknown
from sinks.actions.registry import actions_of, build, settings_of
from tests.support.endpoints.harness import KEY, SECRET, VARIABLE, call_of, local
from tests.support.endpoints.shopify import ShopifyServer

if TYPE_CHECKING:
    from sinks.actions.executor import Observation, Outcome

HERE = {"locations": {"BER-2": "77"}, "tags": {"escalate": "urgent"}, "notes": True}
ORDER = "450789469"


async def done(server: ShopifyServer, action: str, *, times: int = 1, settings: dict[str, Any] | None = None, **call: Any) -> list[Outcome]:
    """The outcomes of so many attempts."""
    async with server.running():
        given = local(server.url, url=server.url, token={"env": VARIABLE}, **HERE, **(settings or {}))
        executor = build("shopify", settings_of("shopify", given))
        made: dict[str, Any] = {"order": ORDER, **call}
        return [await executor.execute(call_of(action, attempt=number, **made)) for number in range(1, times + 1)]


async def found(server: ShopifyServer, action: str, **call: Any) -> Observation:
    """What a status query finds."""
    async with server.running():
        given = local(server.url, url=server.url, token={"env": VARIABLE}, **HERE)
        made: dict[str, Any] = {"order": ORDER, **call}
        return await build("shopify", settings_of("shopify", given)).status(call_of(action, **made))


def test_a_hold_bears_the_actions_id_and_all_that_is_open_is_held_once() -> None:
    """Two fulfilment orders, held twice over: one hold each."""
    server = ShopifyServer(parts=2, token=SECRET)
    outcomes = asyncio.run(done(server, "hold_order", times=2))
    assert outcomes == [Done("gid://shopify/FulfillmentOrder/100", "held 2 fulfilment orders")] * 2
    assert [[hold["handle"] for hold in part["holds"]] for part in server.parts] == [[KEY], [KEY]]
    assert isinstance(asyncio.run(found(server, "hold_order")), Done)


def test_what_is_shipped_is_not_held() -> None:
    """Closed fulfilment orders are passed over; where there are no others, nothing can be held."""
    server = ShopifyServer()
    server.parts[0]["status"] = "CLOSED"
    (outcome,) = asyncio.run(done(server, "hold_order"))
    assert outcome == ActionRefused("nothing_to_hold", "nothing of the order can be held any more")
    assert asyncio.run(found(server, "hold_order")) == NotDone("the order does not show it")


def test_only_our_own_hold_is_released() -> None:
    """Another app's stays; where an action makes another good, that one's hold alone goes."""
    server = ShopifyServer()
    holds = [("1", "theirs", False), ("2", "other-action", True), ("3", "first-action", True)]
    server.parts[0]["holds"] = [{"id": id_, "handle": handle, "heldByRequestingApp": own} for id_, handle, own in holds]
    asyncio.run(done(server, "release_order", says={"compensates": "first-action"}))
    assert [hold["id"] for hold in server.parts[0]["holds"]] == ["1", "2"]
    outcomes = asyncio.run(done(server, "release_order", times=2))
    assert [hold["id"] for hold in server.parts[0]["holds"]] == ["1"]
    assert outcomes[1] == Done("gid://shopify/Order/450789469", "nothing of ours held it")


def test_a_part_moves_to_the_site_that_is_named_once() -> None:
    """The site stands for a location in the settings; a second attempt finds it there."""
    server = ShopifyServer()
    outcomes = asyncio.run(done(server, "reroute", times=2, parameters={"site": "BER-2"}))
    assert outcomes == [
        Done("gid://shopify/FulfillmentOrder/100", "moved"),
        Done("gid://shopify/FulfillmentOrder/100", "was there already"),
    ]
    assert (server.parts[0]["location"], server.effects["move"]) == ("gid://shopify/Location/77", 1)


def test_which_part_is_meant_is_not_guessed() -> None:
    """Of two that are open the action has to name one."""
    (outcome,) = asyncio.run(done(ShopifyServer(parts=2), "reroute", parameters={"site": "BER-2"}))
    assert outcome == ActionRefused("ambiguous", "fulfillment_order_id has to name what is moved")
    server = ShopifyServer(parts=2)
    asyncio.run(done(server, "reroute", parameters={"site": "BER-2", "fulfillment_order_id": "101"}))
    assert [part["location"][-2:] for part in server.parts] == ["55", "77"]
    (outcome,) = asyncio.run(done(ShopifyServer(), "reroute", parameters={"site": "MARS"}))
    assert outcome == ActionRefused("no_destination", "neither site nor location_id names a location")


def test_a_tag_is_added_and_a_note_gets_one_line() -> None:
    """What was there stays, and a second attempt adds nothing."""
    server = ShopifyServer()
    server.order["note"] = "gift wrap"
    asyncio.run(done(server, "escalate", times=2))
    asyncio.run(done(server, "update_ticket", times=2))
    assert server.order["tags"] == ["urgent", "vip"]
    assert server.order["note"].split("\n")[0] == "gift wrap"
    assert server.order["note"].count(KEY) == 1
    assert (asyncio.run(found(server, "escalate")), asyncio.run(found(server, "update_ticket"))) == (
        Done("gid://shopify/Order/450789469", "found done"),
        Done("gid://shopify/Order/450789469", "found done"),
    )


def test_an_order_is_cancelled_once() -> None:
    """What is cancelled already is done."""
    server = ShopifyServer()
    outcomes = asyncio.run(done(server, "cancel_order", times=2))
    assert [outcome.result for outcome in outcomes if isinstance(outcome, Done)] == ["cancelled", "was cancelled already"]
    assert server.effects["cancel"] == 1


def test_a_cancellation_takes_its_time() -> None:
    """Shopify does it in a job: until the order shows it, it is neither done nor known not to be."""
    server = ShopifyServer()
    server.slow_cancel = True
    assert asyncio.run(done(server, "cancel_order")) == [RetryLater("cancellation_under_way", 30.0, in_doubt=True)]
    assert asyncio.run(found(server, "cancel_order")) == Unknown("not_cancelled_yet")
    server.order["cancelledAt"] = "2026-11-01T10:00:00Z"
    assert asyncio.run(done(server, "cancel_order")) == [Done("gid://shopify/Order/450789469", "was cancelled already")]


def test_throttling_waits_for_what_the_request_costs() -> None:
    """752 points are asked for, 666 are left, 100 come back each second."""
    assert asyncio.run(done(ShopifyServer(["throttled"]), "hold_order")) == [RetryLater("throttled", 0.86, throttle=True)]


def test_what_is_refused_after_a_part_was_done_is_left_to_people() -> None:
    """One of two is held: that is neither done nor undone."""
    server = ShopifyServer(["none", "refused"], parts=2)
    assert asyncio.run(done(server, "hold_order")) == [Unknown("partly_done", "a part of it is done, and the rest was refused")]


def test_what_fails_after_a_part_was_done_is_in_doubt_and_goes_on() -> None:
    """The next attempt holds the rest."""
    server = ShopifyServer(["none", "throttled"], parts=2)
    first, second = asyncio.run(done(server, "hold_order", times=2))
    assert first == RetryLater("throttled", 0.86, throttle=True, in_doubt=True)
    assert isinstance(second, Done)
    assert server.effects[KEY] == 2


def test_a_withdrawn_token_disables_the_endpoint() -> None:
    """401: nothing after it would get in."""
    (outcome,) = asyncio.run(done(ShopifyServer(token="another"), "hold_order"))
    assert outcome == ActionRefused("http_401", "the shop does not let us in", disable=True)


@pytest.mark.parametrize(("order", "known"), [("1001", True), ("#1001", True), ("100", False), ('x" OR name:*', False)])
def test_an_order_is_found_by_its_whole_name(order: str, known: bool) -> None:
    """Shopify's search finds parts of names too; those are other orders."""
    (outcome,) = asyncio.run(done(ShopifyServer(), "hold_order", settings={"order_ids": "name"}, order=order))
    assert isinstance(outcome, Done) == known


@pytest.mark.parametrize("order", ["999", "SO-1042", ""])
def test_an_order_that_the_shop_does_not_have_is_refused(order: str) -> None:
    """Nothing is changed."""
    (outcome,) = asyncio.run(done(ShopifyServer(), "hold_order", order=order))
    assert outcome == ActionRefused("order_not_found", "the shop has no such order, or two of the name")


def test_an_endpoint_can_do_what_its_settings_have_a_tag_or_a_note_for() -> None:
    """The others always."""
    bare = settings_of("shopify", {"url": "https://acme.myshopify.com", "token": {"env": VARIABLE}})
    assert actions_of("shopify", bare) == {"hold_order", "hold_shipment", "release_order", "reroute", "cancel_order"}
    with pytest.raises(ValueError, match="the oldest that is understood"):
        settings_of("shopify", {"url": "https://acme.myshopify.com", "token": {"env": VARIABLE}, "version": "2025-10"})
