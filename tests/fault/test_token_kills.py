"""The gateway is killed while token holders send: what was answered as accepted is in the log, events and decisions alike.

`ORDERWATCH_KILLS` is how often it is killed (default 3).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.support.brokers import topic
from tests.support.deciding import DecidingShop
from tests.support.gateway import READY
from tests.support.live import committed
from tests.support.webhooks import Sender
from tests.unit.gateway.api_parts import EVENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("ORDERWATCH_KILLS", "3"))
SENDERS = 4
PATIENCE = 90.0


class Answered:
    """What was answered as accepted."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.decisions: list[str] = []
        self.cut = 0


def body_of(route: str, number: int) -> bytes:
    """A batch with one piece in it that is refused."""
    if route == "events":
        pieces: list[dict[str, Any]] = [{**EVENT, "id": f"{number}-{n}", "source": "/w/1"} for n in range(3)]
        pieces[1]["source"] = "/elsewhere"
    else:
        pieces = [{"type": "case.acknowledged", "subject": "SO-1", "id": f"{number}-{n}", "data": {"exception_id": "x"}} for n in range(3)]
        pieces[1]["data"] = {"by": "user:eve"}
    return json.dumps(pieces).encode()


async def sends(shop: DecidingShop, token: str, which: int, answered: Answered, done: asyncio.Event) -> None:
    """Sends without end; what breaks is sent no more: nobody was told anything of it."""
    headers, number, sender = {"authorization": f"Bearer {token}"}, which * 1_000_000, Sender(shop.gateway.port)
    while not done.is_set():
        number += 1
        route = "events" if number % 2 else "decisions"
        try:
            reply = await asyncio.wait_for(sender.post(f"/{route}", body_of(route, number), headers), 10)
        except (OSError, EOFError, TimeoutError):
            answered.cut += 1
            await sender.close()
            await asyncio.sleep(0.05)
            continue
        if reply.status != 207:
            await asyncio.sleep(0.05)
            continue
        results = json.loads(reply.body)["results"]
        assert [one["status"] for one in results] == ["accepted", "refused", "accepted"]
        (answered.events if route == "events" else answered.decisions).extend(one["id"] for one in results if one["status"] == "accepted")
    await sender.close()


async def campaign(shop: DecidingShop, token: str, seed: int) -> Answered:
    """Kills the gateway by lot while some send."""
    answered, done, lots = Answered(), asyncio.Event(), random.Random(seed)
    senders = [asyncio.create_task(sends(shop, token, which, answered, done)) for which in range(SENDERS)]
    for _ in range(KILLS):
        before, give_up = len(answered.decisions), time.monotonic() + PATIENCE
        while len(answered.decisions) <= before:
            assert time.monotonic() < give_up, shop.gateway.said()
            await asyncio.sleep(0.02)
        await asyncio.sleep(lots.random() * 0.3)
        shop.gateway.kill()
        shop.gateway.start(wait=False)
        while READY not in shop.gateway.said():
            assert time.monotonic() < give_up + PATIENCE, shop.gateway.said()
            await asyncio.sleep(0.02)
    done.set()
    await asyncio.gather(*senders)
    return answered


def holder(shop: DecidingShop) -> str:
    """A token for both routes."""
    return shop.token("both", "--source", "/w/*", "--user", "anna", "--role", "operator")


def test_what_was_answered_is_in_the_files(tmp_path: Path) -> None:
    """And so is a line of the audit for each decision that was."""
    shop = DecidingShop(tmp_path)
    token = holder(shop)
    shop.gateway.start()
    try:
        answered = asyncio.run(campaign(shop, token, 1))
        assert shop.gateway.stop() == 0
    finally:
        shop.gateway.destroy()
    events = {orjson.loads(line)["id"] for line in shop.gateway.events()}
    assert answered.cut > 0
    assert set(answered.events) <= events
    assert set(answered.decisions) <= {one["id"] for one in shop.decisions()}
    assert {one["data"]["by"] for one in shop.decisions()} == {"user:anna"}
    audited = {orjson.loads(line).get("id") for line in (shop.folder / "audit.jsonl").read_bytes().splitlines()}
    assert set(answered.decisions) <= audited


def test_what_was_answered_is_in_kafka_and_each_in_its_topic(broker: Broker, tmp_path: Path) -> None:
    """Events nowhere but in theirs, decisions nowhere but in theirs, keyed by their order."""
    events = topic(broker, "token-events", partitions=2)
    decided = topic(broker, "token", partitions=2, ending="-order-decisions")
    shop = DecidingShop(
        tmp_path,
        "kafka",
        kafka={"brokers": [broker.bootstrap]},
        inputs={"topics": [events, decided]},
        gateway={"topic": events, "write_timeout_seconds": 5},
        dispatch={"decisions": decided},
    )
    token = holder(shop)
    shop.gateway.start()
    try:
        answered = asyncio.run(campaign(shop, token, 2))
        assert shop.gateway.stop() == 0
    finally:
        shop.gateway.destroy()
    of_events, of_decisions = ([orjson.loads(one.value) for one in committed(broker.bootstrap, name)] for name in (events, decided))
    assert set(answered.events) <= {one["id"] for one in of_events}
    assert set(answered.decisions) <= {one["id"] for one in of_decisions}
    assert {one["type"] for one in of_events} == {"warehouse.packed"}
    assert {one["type"] for one in of_decisions} == {"case.acknowledged"}
    assert {one.key for one in committed(broker.bootstrap, decided)} == {b"SO-1"}
