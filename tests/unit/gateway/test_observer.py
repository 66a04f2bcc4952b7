"""What the gateway's metrics and log say, and that neither grows with what strangers send."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dataflows.ingest.metrics import LONGEST, MOST_CODES, GatewayObserver
from dataflows.observe import catalogue
from dataflows.observe.logs import logging_to_stderr
from dataflows.observe.observer import Observer
from dataflows.settings import LogSettings
from sources.gateway.writers import UnavailableError

if TYPE_CHECKING:
    import pytest


def test_answers_events_and_refusals_are_counted_by_connection() -> None:
    """And how long answers took, by outcome."""
    observer = Observer()
    gateway = GatewayObserver(observer)
    for outcome in ("accepted", "accepted", "forged"):
        gateway.answered("easypost", "acme", outcome, 0.01, 100)
    gateway.wrote("easypost", "acme", 5)
    gateway.refused("easypost", "acme", "bad_time")
    values = observer.metrics.values
    assert values(catalogue.GATEWAY_REQUESTS) == {("easypost", "acme", "accepted"): 2, ("easypost", "acme", "forged"): 1}
    assert values(catalogue.GATEWAY_BYTES) == {("easypost", "acme"): 300}
    assert values(catalogue.GATEWAY_EVENTS) == {("easypost", "acme"): 5}
    assert values(catalogue.GATEWAY_REFUSED) == {("easypost", "acme", "bad_time"): 1}


def test_unmapped_codes_are_named_once_if_they_look_like_codes(capfd: pytest.CaptureFixture[str]) -> None:
    """All are counted by table; what may be anything, such as a name in a field that is mapped by mistake, is not named."""
    observer = Observer()
    gateway = GatewayObserver(observer)
    codes = ["BEAM_UP", "BEAM_UP", "jane@example.com", "Jürgen Müller", "x" * 100, "", "<b>"]
    with logging_to_stderr(LogSettings()):
        for code in codes:
            gateway.unmapped("easypost", "status", code)
        for number in range(2 * MOST_CODES):
            gateway.unmapped("fedex", "status", f"C{number}")
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["code"] for line in lines if line["system"] == "easypost"] == ["BEAM_UP", "x" * LONGEST]
    assert len([line for line in lines if line["system"] == "fedex"]) == MOST_CODES
    found = observer.metrics.values(catalogue.GATEWAY_UNMAPPED)
    assert found == {("easypost", "status"): len(codes), ("fedex", "status"): 2 * MOST_CODES}


def test_a_failure_is_told_by_its_kind(capfd: pytest.CaptureFixture[str]) -> None:
    """Words of our own and of the system are told; what an exception quotes may be of a payload, and is not."""
    observer = Observer()
    gateway = GatewayObserver(observer)
    with logging_to_stderr(LogSettings()):
        gateway.failed("events not written", UnavailableError("the broker did not answer in time"))
        gateway.failed("state not written", OSError(28, "No space left on device"))
        gateway.failed("request not processed", KeyError("Jane Customer"))
    errors = [json.loads(line)["error"] for line in capfd.readouterr().err.splitlines()]
    assert errors == ["the broker did not answer in time", "OSError: No space left on device", "KeyError"]
    assert observer.metrics.total(catalogue.GATEWAY_FAILURES) == 3
