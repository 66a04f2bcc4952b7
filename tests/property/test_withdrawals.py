"""Every withdrawal that an adapter makes names an event that the same adapter tells: of all payloads, in growing and shuffled histories."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
import pytest

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of
from sources.adapters.histories import Remembered, settle
from tests.support.adapters import CONNECTION, payloads
from tests.support.prefixes import prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable

WITHDRAWN: Final = "evidence.withdrawn"
SEEDS: Final = {system: [payload_of(path.read_bytes()) for _, path in payloads(system)] for system in ADAPTERS}


class Memory:
    """What is known, for `settle` to read."""

    def __init__(self) -> None:
        self.known: dict[str, Remembered] = {}

    def get(self, key: str) -> Remembered | None:
        """What is known of a thing."""
        return self.known.get(key)


def without(value: object, name: str) -> object:
    """A JSON value without the fields of a name."""
    if isinstance(value, dict):
        return {key: without(below, name) for key, below in cast("dict[str, object]", value).items() if key != name}
    return [without(one, name) for one in cast("list[object]", value)] if isinstance(value, list) else value


def before(system: str, payload: Payload) -> list[Payload]:
    """What the system would have sent before it sent this: the scans that came first, and what it takes back as it was told."""
    found = prefixes(system, payload)
    if system == "epcis":
        body = payload.body.replace(b"errorDeclaration>", b"otherDeclaration>")
        if payload.body.lstrip()[:1] in (b"{", b"["):
            body = orjson.dumps(without(orjson.loads(payload.body), "errorDeclaration"))
        found.insert(0, Payload(body, payload.headers, payload.received))
    if system == "shopify" and payload.headers.get("x-shopify-topic", "").endswith("/delete"):
        topic = payload.headers["x-shopify-topic"].replace("/delete", "/create")
        found.insert(0, Payload(payload.body, {**payload.headers, "x-shopify-topic": topic}, payload.received))
    return found


def sent(system: str, arriving: Iterable[Payload], connection: AdapterConnection = CONNECTION) -> list[dict[str, Any]]:
    """What is written when these have come in."""
    memory = Memory()
    written: list[dict[str, Any]] = []
    for payload in arriving:
        adapted = translate(ADAPTERS[system], payload, connection)
        found, keep = settle(adapted.events, adapted.histories, memory, connection)
        memory.known |= keep
        written += found
    return written


def missed(written: list[dict[str, Any]], told: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """The withdrawals among these that name nothing that was told."""
    named = [(event["data"]["event_source"], event["data"]["event_id"]) for event in written if event["type"] == WITHDRAWN]
    return sorted(set(named) - told)


def names(written: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Source and ID of what was told."""
    return {(event["source"], event["id"]) for event in written if event["type"] != WITHDRAWN}


@pytest.mark.parametrize("system", ADAPTERS)
def test_every_withdrawal_names_an_event_that_was_told(system: str) -> None:
    """Payload by payload in growing histories, then all of them together, as they come and shuffled."""
    everything = [one for seed in SEEDS[system] for one in before(system, seed)]
    for seed in SEEDS[system]:
        written = sent(system, before(system, seed))
        assert missed(written, names(written)) == []
    lots = random.Random(system)
    for _ in range(5):
        written = sent(system, everything)
        assert missed(written, names(written)) == []
        lots.shuffle(everything)


@pytest.mark.parametrize("system", ADAPTERS)
def test_nothing_is_withdrawn_of_what_the_connection_leaves_out(system: str) -> None:
    """Another system is the record of it: what was never told cannot be taken back."""
    everything = [one for seed in SEEDS[system] for one in before(system, seed)]
    whole = sent(system, everything)
    for type_ in sorted({event["type"] for event in whole} - {WITHDRAWN}):
        connection = AdapterConnection(zone=CONNECTION.zone, accept_test=True, omit=(type_,))
        written = sent(system, everything, connection)
        assert type_ not in {event["type"] for event in written}
        left_out = {(event["source"], event["id"]) for event in whole if event["type"] == type_}
        assert [one for one in missed(written, names(written)) if one in left_out] == []


def test_a_failed_capture_of_an_account_that_captures_at_once_takes_back_what_was_told() -> None:
    """Adyen tells such a capture by the authorisation alone, and its failure under a reference of its own."""

    def item(code: str, psp: str, original: str | None) -> bytes:
        amount = {"value": 1000, "currency": "EUR"}
        body = {"eventCode": code, "pspReference": psp, "originalReference": original, "success": "true", "amount": amount}
        body |= {"eventDate": "2026-05-04T10:00:00+02:00", "merchantReference": "O-1", "merchantAccountCode": "A"}
        return orjson.dumps({"live": "true", "notificationItems": [{"NotificationRequestItem": body}]})

    messages = [Payload(item("AUTHORISATION", "P1", None)), Payload(item("CAPTURE_FAILED", "C1", "P1"))]
    written = sent("adyen", messages, AdapterConnection(auto_capture=True))
    assert [event["type"] for event in written] == ["payment.captured", "payment.failed", WITHDRAWN]
    assert missed(written, names(written)) == []
