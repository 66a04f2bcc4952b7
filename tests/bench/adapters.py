"""What translating costs: per adapter, the payloads that become events, against plain parsing of the same bytes in the same run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import orjson
from defusedxml.ElementTree import fromstring

from sources.adapters import ADAPTERS, translate
from sources.adapters.captured import payload_of
from tests.support.adapters import CONNECTION, payloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from sources.adapters import Payload

RUNS = 5
SECONDS = 0.2
"""How long one run lasts at least."""


class Translated(NamedTuple):
    """Payloads of a system that become events: how many there are, their events and bytes, and per second what is translated or parsed."""

    system: str
    payloads: int
    events: int
    size: int
    translated: float
    """Payloads per second, checked events made of them."""
    parsed: float
    """Payloads per second, by the plain parser of their format."""


def adapters() -> list[Translated]:
    """One measurement for each adapter; the best of a few runs, the two in turn so that both meet the same machine."""
    return [_measured(system) for system in ADAPTERS]


def _measured(system: str) -> Translated:
    adapter = ADAPTERS[system]
    chosen = [payload_of(path.read_bytes()) for _, path in payloads(system)]
    told = [(payload, len(translate(adapter, payload, CONNECTION).events)) for payload in chosen]
    kept = [payload for payload, events in told if events]
    translated = parsed = 0.0
    for _ in range(RUNS):
        translated = max(translated, _rate(kept, lambda payload: translate(adapter, payload, CONNECTION)))
        parsed = max(parsed, _rate(kept, lambda payload: _parse(payload.body)))
    return Translated(system, len(kept), sum(events for _, events in told), sum(len(one.body) for one in kept), translated, parsed)


def _rate(chosen: list[Payload], work: Callable[[Payload], object]) -> float:
    done, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SECONDS:
        for payload in chosen:
            work(payload)
        done += len(chosen)
    return done / passed


def _parse(body: bytes) -> object:
    """What any reader of the format must do: JSON by orjson, XML by defusedxml, X12 by splitting."""
    body = body.strip()
    if body.startswith(b"ISA"):
        return [segment.split("*") for segment in body.decode("latin-1").split("~")]
    return fromstring(body, forbid_dtd=True) if body.startswith(b"<") else orjson.loads(body)
