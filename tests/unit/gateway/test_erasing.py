"""Erasure in what the gateway keeps: whole words only, all files, and nothing of anybody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dataflows.ingest import erasure
from dataflows.ingest.erasure import GatewayErasure, NothingSaidError
from schemas.deciding import customer_digest
from sources.adapters.histories import Remembered
from sources.gateway.dead_letters import DeadLetters
from sources.gateway.erasing import ErasedNames, erase_from
from sources.gateway.journal import Journal
from sources.gateway.memory import DeliveryNote, GatewayMemory
from sources.outputs.reader import LoggedRecord, LogReader, UnreadableLogError
from tests.support.stores import ListReader, record

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ErasedNames(frozenset({"SO-1"}), frozenset({"anna"}), frozenset({"TRK0001", "12"}))


def line(body: str) -> bytes:
    """A refused request."""
    return json.dumps({"received": NOW.isoformat(), "body": body}).encode()


def lines(folder: Path, name: str) -> list[bytes]:
    """All lines of a journal, over its files."""
    return [each for path in sorted(folder.glob(f"{name}*.jsonl")) for each in path.read_bytes().splitlines()]


def test_what_names_who_is_erased_goes_and_nothing_else(tmp_path: Path) -> None:
    """A longer name is another one, a short thing is no word to look for; the audit keeps that something was decided."""
    stays = [line("SO-10"), line("XSO-1"), line("annabel"), line("12 mugs"), line("TRK00012")]
    goes = [line("SO-1"), line("for anna."), line('"TRK0001"')]
    noted = {"at": NOW.isoformat(), "by": "user:clerk", "type": "case.noted", "tenant": "default", "subject": "SO-1", "exception_id": "e1"}
    other = {**noted, "subject": "SO-10", "exception_id": "e2"}
    known = Remembered(NOW, {"s-1": NOW}, {})

    async def work(dead_letters: DeadLetters, audit: Journal, memory: GatewayMemory) -> int:
        for one in (*goes, *stays):
            await dead_letters.refused.write([one])
        await dead_letters.forged.write([goes[0], stays[0]])
        await audit.write([json.dumps(noted).encode(), json.dumps(other).encode()])
        await memory.save(DeliveryNote(b"d", {"default /carrier/dhl TRK0001": known, "default /carrier/dhl TRK00012": known}))
        return await erase_from(dead_letters, audit, memory, NAMES)

    folder = tmp_path / "refused"
    with (
        closing(DeadLetters(folder, 1_500)) as dead_letters,
        closing(Journal(tmp_path, "audit")) as audit,
        closing(GatewayMemory(tmp_path / "memory.sqlite3")) as memory,
    ):
        assert asyncio.run(work(dead_letters, audit, memory)) == len(goes) + 1
        assert sorted(lines(folder, "refused")) == sorted(stays)
        assert lines(folder, "forged") == [stays[0]]
        first, second = (json.loads(each) for each in lines(tmp_path, "audit"))
        assert first == {**noted, "subject": None, "exception_id": None}
        assert second == other
        assert memory.get("default /carrier/dhl TRK0001") is None
        assert memory.get("default /carrier/dhl TRK00012") is not None
        assert memory.counts["histories"] == 1
        asyncio.run(dead_letters.refused.write([line("later")]))
    assert b"TRK0001\x00" not in (tmp_path / "memory.sqlite3").read_bytes()
    assert line("later") in lines(folder, "refused")


def test_erasing_nobody_changes_nothing(tmp_path: Path) -> None:
    """Where nobody was erased no pattern may match everything."""

    async def work(dead_letters: DeadLetters, audit: Journal, memory: GatewayMemory) -> int:
        await dead_letters.refused.write([line("SO-1")])
        return await erase_from(dead_letters, audit, memory, ErasedNames())

    with (
        closing(DeadLetters(tmp_path, 1_000_000)) as dead_letters,
        closing(Journal(tmp_path, "audit")) as audit,
        closing(GatewayMemory(tmp_path / "memory.sqlite3")) as memory,
    ):
        assert asyncio.run(work(dead_letters, audit, memory)) == 0
    assert lines(tmp_path, "refused") == [line("SO-1")]


def erased(order: str | None, customer: str | None) -> bytes:
    """What the engine says of an erasure (contract)."""
    digest = customer and customer_digest("default", customer)
    data = {"order_id": order, "customer_digest": digest, "detected_at": "2026-03-01T00:00:00Z"}
    return json.dumps({"type": "exception.forgotten", "tenant": "default", "data": data}).encode()


class Silent(ListReader):
    """A log that gives nothing, although it says that it has not ended."""

    def poll(self, timeout: float) -> Sequence[LoggedRecord]:
        """Nothing."""
        del timeout
        return ()


def test_the_log_is_followed_wherever_it_lies_and_read_on_where_it_ended(tmp_path: Path) -> None:
    """Orders, customers and things of their own go; while there is no log, or the input does not end, nothing is taken as done."""
    kept = [line("SO-1"), line("SO-2"), line("anna"), line("TRK0001"), line("TRK0002"), line("TRK0003")]
    parcels = {"SO-1": ["TRK0001", "TRK0002"], "SO-2": ["TRK0002"], "SO-3": ["TRK0003"]}
    shipped = [
        json.dumps(
            {"type": "warehouse.shipped", "subject": order, "data": {"parcels": [{"tracking_number": one} for one in numbers]}}
        ).encode()
        for order, numbers in parcels.items()
    ]
    decided = json.dumps({"type": "order.forgotten", "data": {"customer_id": "anna"}}).encode()
    said = {"exceptions:0": [record("exceptions", b"{}", 0), record("exceptions", erased("SO-1", None), 1)]}
    inputs = {"events": {"events:0": [record("events", each, number) for number, each in enumerate([b"not JSON SO-1", *shipped])]}}
    inputs["decisions"] = {"decisions:0": [record("decisions", decided, 0)]}
    there = dict[str, LogReader]()

    def open_log(holds: str) -> LogReader:
        if holds not in there:
            raise NothingSaidError
        return there[holds]

    async def work(dead_letters: DeadLetters, audit: Journal, memory: GatewayMemory) -> None:
        for one in kept:
            await dead_letters.refused.write([one])
        follower = GatewayErasure(open_log, tmp_path, dead_letters, audit, memory)
        with pytest.raises(NothingSaidError):
            await follower.turn()
        there.update({"exceptions": ListReader(said), "events": Silent(inputs["events"]), "decisions": ListReader(inputs["decisions"])})
        with pytest.raises(UnreadableLogError, match="no word of the end"):
            await follower.turn()
        follower.close()
        there["events"] = ListReader(inputs["events"])
        assert await follower.turn() == 2
        assert await follower.turn() is None
        said["exceptions:0"] += [record("exceptions", erased(None, "anna"), 2)]
        again = GatewayErasure(open_log, tmp_path, dead_letters, audit, memory)
        assert await again.turn() == 1

    with (
        closing(DeadLetters(tmp_path / "refused", 1_000_000)) as dead_letters,
        closing(Journal(tmp_path, "audit")) as audit,
        closing(GatewayMemory(tmp_path / "memory.sqlite3")) as memory,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(erasure, "SILENCE_S", 0.0)
        asyncio.run(work(dead_letters, audit, memory))
    assert lines(tmp_path / "refused", "refused") == [
        line("SO-2"),
        line("TRK0002"),
        line("TRK0003"),
    ]  # A parcel of two orders is not one's own.
    assert json.loads((tmp_path / erasure.FILE).read_bytes()) == {"exceptions:0": 3}
