"""Every payload, real or made here, becomes the events that a person reading it would write down, or is refused with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sources.adapters import ADAPTERS, AdapterConnection
from sources.adapters.base import SOURCE_ROOTS
from sources.adapters.output import FAULTS
from tests.support.adapters import CONNECTION, EXPECTED, SAMPLES, SHARED, expected, line_of, made_of, payloads

if TYPE_CHECKING:
    from pathlib import Path

CASES = [(system, name, path) for system in ADAPTERS for name, path in payloads(system)]


@pytest.mark.parametrize(("system", "name", "path"), CASES, ids=[name for _, name, _ in CASES])
def test_a_payload_becomes_what_a_person_would_write_down(system: str, name: str, path: Path) -> None:
    """The expected results were read and checked by hand; see `tests.support.adapters`."""
    assert line_of(name, made_of(system, path)) == expected(system).get(name)


@pytest.mark.parametrize("system", ADAPTERS)
def test_every_expectation_has_its_payload(system: str) -> None:
    """An expectation whose payload is gone would prove nothing."""
    there = {name for name, _ in payloads(system)}
    assert {name for name in expected(system) if name.startswith("own/") or SHARED.exists()} == there


@pytest.mark.parametrize("system", ADAPTERS)
def test_every_adapter_is_proved_by_payloads_made_here(system: str) -> None:
    """Where the real samples are absent, the suites still have something to run on."""
    assert any(name.startswith("own/") for name, _ in payloads(system))
    assert (EXPECTED / f"{system}.jsonl").exists()


def test_the_real_samples_are_all_somebodys() -> None:
    """No sample is left out by a pattern that does not match it."""
    if not SHARED.exists():
        pytest.skip(f"no real samples: {SHARED} is absent")
    claimed = {path for patterns in SAMPLES.values() for pattern in patterns for path in SHARED.glob(pattern)}
    assert {path for path in SHARED.glob("*/*") if path.name != "NOTES.md"} == claimed


@pytest.mark.parametrize(("system", "name", "path"), CASES, ids=[name for _, name, _ in CASES])
def test_an_adapter_tells_only_the_types_that_it_says_and_never_faults(system: str, name: str, path: Path) -> None:
    """`emits` is what the list of systems shows."""
    del name
    adapted = made_of(system, path)
    assert {event["type"] for event in adapted.events} <= set(ADAPTERS[system].emits)
    assert {event["source"].split("/")[1] for event in adapted.events} <= set(SOURCE_ROOTS.values())
    assert not [one for one in adapted.refused if one.reason in FAULTS]


@pytest.mark.parametrize(("system", "name", "path"), CASES, ids=[name for _, name, _ in CASES])
def test_the_connection_shows_in_every_event(system: str, name: str, path: Path) -> None:
    """Tenant and name are the connection's; nothing else changes."""
    del name
    plain = made_of(system, path)
    other = made_of(system, path, AdapterConnection("acme", "eu", CONNECTION.zone, accept_test=True))
    assert [event["id"] for event in plain.events] == [event["id"] for event in other.events]
    assert all(event["tenant"] == "eu" and event["source"].endswith(f"/{system}/acme") for event in other.events)
