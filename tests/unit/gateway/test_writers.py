"""What a writer says of itself when it cannot write; writing itself is tested over a real Kafka (`tests/e2e`)."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest

from sources.gateway import probing
from sources.gateway.journal import Journal
from sources.gateway.writers import EventWriter, KafkaWriter, LogWriter, UnavailableError
from tests.support.logs import T0, iso

if TYPE_CHECKING:
    from pathlib import Path

    from sources.adapters.output import Draft

EVENT: Draft = {
    "specversion": "1.0",
    "id": "1",
    "source": "/carrier/ups",
    "type": "carrier.scan",
    "time": iso(T0),
    "data": {"status": "in_transit", "tracking_number": "TRK1"},
}


def said(writer: EventWriter) -> str | None:
    """What a writer says of itself now."""
    return writer.ailment


def test_a_full_disk_makes_the_gateway_not_ready_until_it_can_write_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or for some time: a gateway that nobody asks, because it is not ready, could never show that it is."""

    def full(handle: int, data: bytes) -> int:
        del handle, data
        raise OSError(28, "No space left on device")

    async def run() -> None:
        writer = LogWriter(Journal(tmp_path, "events"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(UnavailableError, match="the log cannot be written: no space left on device"):
                await writer.write([EVENT])
            assert said(writer) == "the log cannot be written: no space left on device"
            now = time.monotonic()
            patch.setattr("sources.gateway.probing.time.monotonic", lambda: now + probing.AILING_S)
            assert said(writer) is None
        assert said(writer)
        await writer.write([EVENT])
        assert said(writer) is None
        writer.close()
        with pytest.raises(UnavailableError, match="stopping"):
            await writer.write([EVENT])

    asyncio.run(run())


def test_without_a_broker_a_write_ends_within_its_time() -> None:
    """And leaves nothing in the queue."""
    complaints: list[str] = []

    async def run() -> None:
        writer = KafkaWriter({"bootstrap.servers": "127.0.0.1:1"}, "nowhere", 0.3, complaints.append)
        for _ in range(2):
            with pytest.raises(UnavailableError, match="cannot be written to Kafka"):
                await writer.write([EVENT])
        assert said(writer)
        writer.close()

    asyncio.run(run())
    assert complaints
