"""Senders that go on sending webhooks while the gateway, or its broker, is killed; and what must stand in the log afterwards.

Each sender has parcels of its own, whose trackers grow, lose a scan now and then and get it back. A delivery is sent until it is answered
with 2xx, as real senders do; then it may be sent once more. Among them come requests that must not get in.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.histories import settle
from tests.support.webhooks import SECRETS, SIGN, Sender, tracker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sources.adapters.histories import Remembered
    from tests.support.brokers import Broker
    from tests.support.gateway import Gateway

SCHEME = "stripe"
"""Signs with a time, so that there are stale requests."""
PATH = "/hooks/easypost/acme"
CONNECTION = AdapterConnection(name="acme")
MAX_BODY = 100_000
REFUSED = {"forged": {401}, "stale": {401}, "oversized": {413}, "unknown": {404}}
"""What must not get in, and how it is answered where it is: a busy or dying gateway may answer nothing, or 503."""
ANSWER_S = 8.0
"""After so many seconds without an answer a sender gives up, as real ones do."""


class Memory:
    """What an undisturbed gateway would remember."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


@dataclass
class Told:
    """What senders sent and were told."""

    expected: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """By ID: the events of all deliveries that were answered with 2xx."""
    answers: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])


@dataclass
class Traffic:
    """Senders against one gateway, until `stop` is set; each ends with its last delivery answered."""

    port: int
    seed: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    told: Told = field(default_factory=Told)

    async def send(self, number: int) -> None:
        """One sender."""
        rng, memory = Random(f"{self.seed} {number}"), Memory()
        sender, parcel, scans = Sender(self.port), 0, 0
        while not self.stop.is_set():
            scans += 1
            if scans > 12:
                parcel, scans = parcel + 1, 1
            body = _body(f"P{number}-{parcel}", scans, rng)
            await self._deliver(sender, body)
            self._expect(body, memory)
            if rng.random() < 0.2:
                await self._again(sender, body)
            if rng.random() < 0.3:
                await self._intrude(sender, rng.choice(list(REFUSED)), body)
            await asyncio.sleep(0)
        await sender.close()

    def _expect(self, body: bytes, memory: Memory) -> None:
        adapted = translate(ADAPTERS["easypost"], Payload(body), CONNECTION)
        events, keep = settle(adapted.events, adapted.histories, memory, CONNECTION)
        memory.known |= keep
        self.told.expected |= {event["id"]: event for event in events}

    async def _deliver(self, sender: Sender, body: bytes) -> None:
        """Sends until it is answered with 2xx."""
        while True:
            status = await self._try(sender, PATH, body, _signed(body))
            if status in (200, 202):
                self.told.answers["taken"] += 1
                return
            if status not in (None, 503):
                self.told.wrong.append(f"a genuine request got {status}")
                return
            self.told.answers["sent again"] += 1
            await asyncio.sleep(0.05)

    async def _again(self, sender: Sender, body: bytes) -> None:
        status = await self._try(sender, PATH, body, _signed(body))
        self.told.answers[f"repeated: {status}"] += 1
        if status not in (None, 200, 503):
            self.told.wrong.append(f"a repetition got {status}")

    async def _intrude(self, sender: Sender, how: str, body: bytes) -> None:
        path = PATH
        # What gets in would show: these parcels are nobody's.
        body = body.replace(b'"P', b'"X')
        headers = _signed(body)
        match how:
            case "forged":
                headers = _signed(body, secret="whsec_another")
            case "stale":
                headers = _signed(body, at=time.time() - 3_600)
            case "oversized":
                body += b" " * MAX_BODY
                headers = _signed(body)
            case _:
                path = "/hooks/easypost/nobody"
        status = await self._try(sender, path, body, headers)
        self.told.answers[f"{how}: {status}"] += 1
        if status is not None and status not in REFUSED[how] | {503}:
            self.told.wrong.append(f"{how} got {status}")

    async def _try(self, sender: Sender, path: str, body: bytes, headers: dict[str, str]) -> int | None:
        """The status; None if there was no answer."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return (await sender.post(path, body, headers)).status
        except (OSError, EOFError, TimeoutError):
            await sender.close()
            return None


def _signed(body: bytes, *, secret: str | None = None, at: float | None = None) -> dict[str, str]:
    return SIGN[SCHEME](secret or SECRETS[SCHEME], body, int(time.time() if at is None else at)).headers


def _body(code: str, scans: int, rng: Random) -> bytes:
    """A tracker with so many scans; now and then one of the middle is missing."""
    body = tracker(code, scans)
    if scans > 3 and rng.random() < 0.3:
        message = json.loads(body)
        del message["result"]["tracking_details"][rng.randrange(1, scans - 1)]
        body = json.dumps(message).encode()
    return body


def _what(event: dict[str, Any]) -> dict[str, Any]:
    """What an event says, whenever its source said so: a scan is said again in every later history of its parcel."""
    return {name: value for name, value in event.items() if name != "recordedtime"}


@dataclass(frozen=True)
class Outcome:
    """What a campaign came to. `missing`, `foreign` and `different` are IDs of events."""

    told: Told
    kills: Counter[str]
    events: int
    missing: list[str]
    foreign: list[str]
    different: list[str]

    def __str__(self) -> str:
        told = self.told
        repeated = self.events - len(told.expected)
        answers = ", ".join(f"{what} {count}" for what, count in sorted(told.answers.items()))
        return (
            f"Kills: {dict(self.kills)}; {len(told.expected)} events expected, {self.events} in the log ({repeated} repeated); "
            f"lost {len(self.missing)}, foreign {len(self.foreign)}, different {len(self.different)}. {answers}"
        )


def compared(told: Told, log: Iterable[bytes], kills: Counter[str]) -> Outcome:
    """What the log has of what it must have, and no more."""
    found: set[str] = set()
    events, different = 0, list[str]()
    for line in log:
        event = json.loads(line)
        events += 1
        found.add(event["id"])
        wanted = told.expected.get(event["id"])
        if wanted is not None and _what(wanted) != _what(event):
            different.append(event["id"])
    missing = [id_ for id_ in told.expected if id_ not in found]
    return Outcome(told, kills, events, missing, [id_ for id_ in found if id_ not in told.expected], different)


async def campaign(gateway: Gateway, kills: int, seed: int, *, senders: int = 8, broker: Broker | None = None) -> tuple[Told, Counter[str]]:
    """Kills so often, at random, while senders send; ends when every delivery is answered, with the gateway running."""
    rng, traffic, done = Random(seed), Traffic(gateway.port, seed), Counter[str]()
    sending = [asyncio.create_task(traffic.send(number)) for number in range(senders)]
    for _ in range(kills):
        await asyncio.sleep(rng.uniform(0.1, 1.0))
        if broker is not None and rng.random() < 0.5:
            done["broker"] += 1
            await asyncio.to_thread(broker.kill)
            await asyncio.sleep(rng.uniform(0.1, 1.0))
            await asyncio.to_thread(broker.restart)
        else:
            done["gateway"] += 1
            await asyncio.to_thread(gateway.kill)
            await asyncio.to_thread(gateway.start)
    await asyncio.sleep(0.3)
    traffic.stop.set()
    await asyncio.gather(*sending)
    return traffic.told, done
