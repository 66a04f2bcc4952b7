"""What of a connection each adapter reads: a setting without effect is refused, so both directions are shown on all payloads."""

from __future__ import annotations

import pytest

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of
from tests.support.adapters import SAMPLES, payloads

FIELDS = frozenset({"zone", "order_field", "order_is_alias", "accept_test", "auto_capture"})
NOT_SHOWN = {"epcis": {"zone"}}
"""What no payload shows: EPCIS requires `eventTimeZoneOffset`, and local times without one are read in the connection's zone."""


class Watched(AdapterConnection):
    """A connection that notes which of its fields are read."""

    read: frozenset[str] = frozenset()

    def __getattribute__(self, name: str) -> object:
        """Any field."""
        if name in FIELDS:
            Watched.read |= {name}
        return object.__getattribute__(self, name)


class WatchedHeaders(dict[str, str]):
    """Headers that note whether one of them is asked for."""

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """A header."""
        Watched.read |= {"headers"}
        return super().get(key, default)


@pytest.mark.parametrize("system", sorted(ADAPTERS))
def test_an_adapter_ignores_what_it_says_and_nothing_else(system: str) -> None:
    """By the samples of the project, and the real ones where they are there."""
    Watched.read = frozenset()
    found = list(payloads(system)) if system in SAMPLES else []
    assert found, "an adapter has samples"
    for _, path in found:
        payload = payload_of(path.read_bytes())
        connection = Watched(zone="America/New_York", accept_test=True)
        translate(ADAPTERS[system], Payload(payload.body, WatchedHeaders(payload.headers), payload.received), connection)
    ignored = ADAPTERS[system].ignores
    assert not ignored & Watched.read
    if any(name.startswith("shared/") for name, _ in found):
        assert (FIELDS | {"headers"}) - ignored - Watched.read - NOT_SHOWN.get(system, set()) == frozenset()


def test_only_what_is_stated_and_without_effect_is_named() -> None:
    """With the reason."""
    shopify, easypost = ADAPTERS["shopify"], ADAPTERS["easypost"]
    assert shopify.useless(AdapterConnection(auto_capture=True), {"tenant"}) == {}
    assert set(shopify.useless(AdapterConnection(auto_capture=True), {"auto_capture", "tenant"})) == {"auto_capture"}
    assert set(easypost.useless(AdapterConnection(order_is_alias=True), {"order_is_alias"})) == {"order_is_alias"}
    assert easypost.useless(AdapterConnection(order_is_alias=True, order_field="a"), {"order_is_alias", "order_field"}) == {}
    assert set(easypost.useless(AdapterConnection(omit=("payment.*",)), {"omit"})) == {"omit"}
    assert easypost.useless(AdapterConnection(omit=("carrier.scan",)), {"omit"}) == {}
