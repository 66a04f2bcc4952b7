"""What is left of closed orders, and for how long."""

from __future__ import annotations

from dataflows.core.engine.tombstones import Tombstones
from tests.support.logs import T0, line, record

EVENT, OTHER = record(line("1", T0), T0), record(line("2", T0), T0)


def test_a_tomb_knows_the_events_of_its_order_until_its_time() -> None:
    """By source and ID, up to but not at the instant."""
    tombstones = Tombstones()
    tombstones.add("a", 100, [EVENT])
    tombstone = tombstones.find("a", 99)
    assert tombstone is not None
    assert tombstone.knows(EVENT)
    assert not tombstone.knows(OTHER)
    assert tombstones.find("a", 100) is None
    assert tombstones.find("b", 0) is None


def test_tombs_are_told_once_and_forgotten_once() -> None:
    """Changes name what was added and what was forgotten; what was restored is forgotten in its time, too."""
    tombstones = Tombstones()
    tombstones.add("a", 100, [EVENT])
    rows = dict(tombstones.changes())
    assert tombstones.changes() == []
    tombstones.add("b", 200, [OTHER])
    tombstones.evict(100)
    changed = dict(tombstones.changes())
    assert changed["a"] is None
    assert rows.keys() == {"a"}
    restored = Tombstones()
    restored.restore((key, value) for key, value in changed.items() if value is not None)
    assert restored.find("b", 199) == tombstones.find("b", 199)
    restored.evict(200)
    assert restored.changes() == [("b", None)]
    assert len(restored) == 0


def test_under_a_shorter_memory_every_tomb_still_goes() -> None:
    """A tombstone behind one that stays longer goes when that one does; an order that was closed again meanwhile keeps its own time."""
    tombstones = Tombstones()
    tombstones.add("a", 300, [EVENT])
    tombstones.add("b", 100, [EVENT])
    tombstones.evict(150)
    assert tombstones.find("b", 150) is None
    tombstones.add("b", 400, [OTHER])
    tombstones.evict(300)
    assert [key for key, _ in tombstones.rows()] == ["b"]
    tombstones.evict(400)
    assert len(tombstones) == 0
