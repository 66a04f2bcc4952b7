"""What the gateway remembers, across restarts and within bounds."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sources.adapters.histories import Remembered, Spoken
from sources.gateway.memory import Bound, DeliveryNote, GatewayMemory, UnusableMemoryError

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 5, 1, 10, 0, 0, 123456, tzinfo=UTC)
HISTORY = Remembered(AT, {"scan-1": AT, "scan-2": AT + timedelta(hours=1)}, {"scan-0": 2}, (Spoken(AT, AT),))


def save(memory: GatewayMemory, *notes: DeliveryNote) -> None:
    """Remembers some requests at the same time."""

    async def run() -> None:
        await asyncio.gather(*(memory.save(note) for note in notes))

    asyncio.run(run())


def test_what_was_remembered_is_known_after_a_restart(tmp_path: Path) -> None:
    """Deliveries, and histories to the microsecond."""
    path = tmp_path / "memory.sqlite3"
    memory = GatewayMemory(path)
    assert not memory.seen(b"one")
    assert memory.get("k") is None
    save(memory, DeliveryNote(b"one", {"k": HISTORY}), DeliveryNote(b"one", {}), DeliveryNote(None, {"other": HISTORY}))
    assert memory.seen(b"one")
    assert memory.get("k") == HISTORY
    memory.close()
    again = GatewayMemory(path)
    assert again.seen(b"one")
    assert not again.seen(b"two")
    assert again.get("k") == again.get("other") == HISTORY
    assert again.counts == {"seen": 1, "histories": 2}
    again.close()


def test_a_later_history_replaces_an_earlier_one(tmp_path: Path) -> None:
    """And counts once."""
    memory = GatewayMemory(tmp_path / "memory.sqlite3")
    save(memory, DeliveryNote(b"1", {"k": HISTORY}))
    later = Remembered(AT + timedelta(days=1), {"scan-3": AT}, {})
    save(memory, DeliveryNote(b"2", {"k": later}))
    assert memory.get("k") == later
    assert memory.counts["histories"] == 1
    memory.close()


def test_what_is_too_old_or_too_much_is_forgotten_oldest_first(tmp_path: Path) -> None:
    """By age at first, then by count."""
    now = 1_000_000.0
    memory = GatewayMemory(tmp_path / "memory.sqlite3", seen=Bound(1_000, 3), histories=Bound(10_000, 100), clock=lambda: now)
    for number in range(6):
        now += 100
        save(memory, DeliveryNote(b"%d" % number, {f"k{number}": HISTORY}))
    assert memory.counts["seen"] == 3
    assert [memory.seen(b"%d" % number) for number in range(6)] == [False, False, False, True, True, True]
    now += 950
    save(memory, DeliveryNote(b"new", {}))
    assert [memory.seen(b"%d" % number) for number in range(3, 6)] == [False, False, True]
    assert memory.counts == {"seen": 2, "histories": 6}
    memory.close()


def test_a_save_that_fails_is_raised_and_remembers_nothing(tmp_path: Path) -> None:
    """To every request that was in it."""
    path = tmp_path / "memory.sqlite3"
    memory = GatewayMemory(path)
    other = sqlite3.connect(path)
    other.execute("DROP TABLE histories")
    with pytest.raises(sqlite3.Error):
        save(memory, DeliveryNote(b"1", {"k": HISTORY}), DeliveryNote(b"2", {}))
    assert not memory.seen(b"1")
    assert memory.counts == {"seen": 0, "histories": 0}
    other.close()
    memory.close()


def test_a_file_of_another_version_or_kind_is_refused(tmp_path: Path) -> None:
    """Rather than misread."""
    path = tmp_path / "memory.sqlite3"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 9")
    other.close()
    with pytest.raises(UnusableMemoryError, match="another version"):
        GatewayMemory(path)
    path.write_bytes(b"this is no database at all, but long enough to be looked at" * 20)
    with pytest.raises(UnusableMemoryError, match="not a database"):
        GatewayMemory(path)


def test_the_file_is_not_for_everybody(tmp_path: Path) -> None:
    """Keys hold tracking numbers."""
    memory = GatewayMemory(tmp_path / "memory.sqlite3")
    save(memory, DeliveryNote(b"1", {"k": HISTORY}))
    assert all(not path.stat().st_mode & 0o007 for path in tmp_path.iterdir())
    memory.close()
