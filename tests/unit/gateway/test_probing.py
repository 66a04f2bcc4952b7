"""Readiness follows the ability to write, whether somebody writes or not."""

from __future__ import annotations

import asyncio
import time
from threading import Event
from typing import TYPE_CHECKING

import pytest

from sources.gateway import probing
from sources.gateway.probing import FolderProbe, Probe
from sources.gateway.writers import KafkaWriter
from tests.support.logs import T0, iso
from tests.support.webhooks import tracker
from tests.unit.gateway.parts import hook, parts

if TYPE_CHECKING:
    from collections.abc import Callable
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


def until(said: Callable[[], str | None], wanted: Callable[[str | None], bool]) -> str | None:
    """Waits until something is said."""
    give_up = time.monotonic() + 20
    while not wanted(found := said()):
        assert time.monotonic() < give_up, found
        time.sleep(0.01)
    return found


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are not waited for."""
    monkeypatch.setattr(probing, "PROBE_S", 0.02)


def test_a_folder_that_cannot_be_written_is_found_though_nobody_writes(tmp_path: Path) -> None:
    """And found well when it can be again."""
    folder = tmp_path / "state"
    folder.mkdir()
    better = Event()
    probe = Probe("disk", FolderProbe(folder), "late", better.set)
    until(lambda: probe.ailment, lambda said: said is None)
    folder.rename(tmp_path / "away")
    assert until(lambda: probe.ailment, lambda said: said is not None) == f"{folder} cannot be written: no such file or directory"
    (tmp_path / "away").rename(folder)
    until(lambda: probe.ailment, lambda said: said is None)
    assert better.wait(5)
    probe.close()


def test_a_look_that_does_not_end_is_a_sign_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk, or with a broker, that does not answer."""
    monkeypatch.setattr(probing, "LATE_S", 0.05)
    gate = Event()

    def check() -> str | None:
        gate.wait(20)
        return None

    probe = Probe("stuck", check, "the disk does not answer")
    assert until(lambda: probe.ailment, lambda said: said is not None) == "the disk does not answer"
    gate.set()
    until(lambda: probe.ailment, lambda said: said is None)
    probe.close()


def test_without_a_broker_the_gateway_says_so_though_nobody_writes() -> None:
    """Long before a webhook comes."""
    writer = KafkaWriter({"bootstrap.servers": "127.0.0.1:1"}, "nowhere", 0.3)
    said = until(lambda: writer.ailment, lambda said: said is not None)
    assert said is not None
    assert "down" in said or "do not answer" in said
    writer.close()


def test_a_cluster_that_lacks_replicas_is_not_ready() -> None:
    """The client's own mock of a cluster has one replica of each partition in sync; a write that needs two cannot be durable."""
    client = {"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1}
    fine = KafkaWriter(client, "events", 5.0, in_sync=1)
    asyncio.run(fine.write([EVENT]))
    until(lambda: fine.ailment, lambda said: said is None)
    fine.close()
    short = KafkaWriter(client, "events", 5.0, in_sync=2)
    until(lambda: short.ailment, lambda said: "partition 0 has 1 replicas in sync, and a write needs 2" in (said or ""))
    short.close()


def test_a_request_that_waits_too_long_makes_the_gateway_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is answered."""
    monkeypatch.setattr("sources.gateway.intake.LATE_S", 0.05)
    one = hook()

    async def run() -> None:
        gateway.writer.gate = asyncio.Event()
        waiting = asyncio.create_task(gateway.take(one, tracker("TRK1", 1)))
        await asyncio.sleep(0.1)
        assert "has waited for 0 s for its events to become durable" in str(gateway.intake.ailment)
        gateway.writer.gate.set()
        await waiting
        assert gateway.intake.ailment is None

    with parts(tmp_path, one) as gateway:
        assert gateway.intake.ailment is None
        asyncio.run(run())


def test_what_cannot_be_remembered_makes_the_gateway_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until something can be again."""
    one = hook()

    async def full(note: object) -> None:
        del note
        raise OSError(28, "No space left on device")

    with parts(tmp_path, one) as gateway:
        with monkeypatch.context() as patch:
            patch.setattr(gateway.memory, "save", full)
            assert asyncio.run(gateway.take(one, tracker("TRK1", 1))).outcome == "unavailable"
        assert gateway.intake.ailment == "what the gateway remembers or refuses cannot be written"
        assert asyncio.run(gateway.take(one, tracker("TRK1", 1))).outcome == "accepted"
        assert gateway.intake.ailment is None
