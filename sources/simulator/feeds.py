"""How the events of a script are delivered: a little late, sometimes very late, sometimes twice, and after an outage all at once.

None of this may cause or hide an exception in the end: what is late retracts what it disproves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from random import Random
from typing import NamedTuple

import orjson

from sources.simulator.moments import DAY, HOUR, LASTING, MINUTE, OPENING, instant
from sources.simulator.order import SimulatedOrder
from sources.simulator.parts import Data, SimulatedStep
from sources.simulator.topology import CARRIERS, COURIER, PROVIDERS, SHOPS, SITES


class StreamLine(NamedTuple):
    """One line of the stream with its place in it: when it is recorded, when it happened, and a number for what is left."""

    log: int
    at: int
    number: str
    line: bytes


class Outage(NamedTuple):
    """While it lasts nothing of a source is recorded; at its end everything is. Seconds since the world's opening."""

    source: str
    start: int
    end: int

    def holds(self, source: str, at: int, opening: int) -> bool:
        """Whether it keeps back what a source says at an instant, in a world that began at `opening`."""
        return source == self.source and self.start <= at - opening < self.end


TYING = frozenset({"carrier.relabelled"})
"""What carriers say that others of their events wait for: late, it would leave these without an order for longer than is waited."""
# Carriers and payments only: what they say ties no other source's events to an order, so no event waits for one of theirs.
OUTAGES = (
    Outage("/carrier/ups", 9 * DAY + 5 * HOUR, 9 * DAY + 14 * HOUR),
    Outage("/payments/adyen", 24 * DAY + 8 * HOUR, 24 * DAY + 13 * HOUR),
    Outage("/carrier/fedex", 38 * DAY + 1 * HOUR, 38 * DAY + 12 * HOUR),
)

_ZONES: dict[str, tzinfo] = {site.source: site.zone for site in SITES}
_SOURCES = (
    *(f"/storefront/{shop}" for shop in SHOPS),
    *(f"/payments/{provider}" for provider in PROVIDERS),
    *(site.source for site in SITES),
    *(carrier.source for carrier in (*CARRIERS, COURIER)),
    *(f"/returns/{shop}" for shop in SHOPS),
)


def deliver(order: SimulatedOrder, opening: int = OPENING) -> Iterator[StreamLine]:
    """The lines of an order's script, in no particular order."""
    rng = order.rng
    for step in order.script:
        recorded = _recorded(step, rng, opening) if step.recorded is None else step.recorded
        log = step.at if recorded is None else recorded
        line = _encode(step, order.id, recorded)
        yield StreamLine(log, step.at, step.id, line)
        if step.recorded is None and rng.random() < 0.008:
            again = log + rng.randint(0, HOUR)
            yield StreamLine(again, step.at, step.id + "+", line if again == log else _encode(step, order.id, again))


def _recorded(step: SimulatedStep, rng: Random, opening: int) -> int | None:
    """When a step is recorded, or None for at once."""
    for outage in OUTAGES:
        if outage.holds(step.source, step.at, opening):
            return opening + outage.end + rng.randint(0, 2 * MINUTE)
    draw = rng.random()
    if step.source.startswith("/carrier/"):
        if draw < 0.02 and step.type not in TYING:
            return step.at + rng.randint(2 * HOUR, 20 * HOUR)
        return step.at + rng.randint(5, 10 * MINUTE) if draw < 0.3 else None
    return step.at + rng.randint(1, 20) if draw < 0.2 and step.type != "order.placed" else None


def _encode(step: SimulatedStep, subject: str, recorded: int | None) -> bytes:
    zone = _ZONES.get(step.source, UTC)
    event: Data = {"specversion": "1.0", "id": step.id, "source": step.source, "type": step.type}
    if step.named:
        event["subject"] = subject
    event["time"] = instant(step.at, zone)
    if recorded is not None:
        event["recordedtime"] = instant(recorded, zone)
    event["data"] = step.data
    return orjson.dumps(event)


def heartbeats(opening: int = OPENING) -> Iterator[StreamLine]:
    """Signs of life of all sources in turn, one every 4 hours until a day before the world's end; none during an outage."""
    for n, at in enumerate(range(opening + HOUR, opening + LASTING - DAY, 4 * HOUR)):
        source = _SOURCES[n % len(_SOURCES)]
        if any(outage.holds(source, at, opening) for outage in OUTAGES):
            continue
        step = SimulatedStep(f"beat-{n:05d}", at, source, "feed.heartbeat", {}, named=False)
        yield StreamLine(at, at, step.id, _encode(step, "", None))
