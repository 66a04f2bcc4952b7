"""What is left of closed orders, and for how long."""

from __future__ import annotations

from dataflows.core.engine.tombstones import Tombstones
from tests.support.logs import T0, line, record

EVENT, OTHER = record(line("1", T0), T0), record(line("2", T0), T0)


def test_a_tombstone_knows_the_events_of_its_order_until_its_time() -> None:
    """By source and ID, up to but not at the instant."""
    tombs = Tombstones()
    tombs.add("a", 100, [EVENT])
    tomb = tombs.find("a", 99)
    assert tomb is not None
    assert tomb.knows(EVENT)
    assert not tomb.knows(OTHER)
    assert tombs.find("a", 100) is None
    assert tombs.find("b", 0) is None


def test_tombstones_are_stored_once_and_forgotten_once() -> None:
    """Changes name what was added and what was forgotten; what was restored is forgotten in its time, too."""
    tombs = Tombstones()
    tombs.add("a", 100, [EVENT])
    rows = dict(tombs.changes())
    assert tombs.changes() == []
    tombs.add("b", 200, [OTHER])
    tombs.evict(100)
    changed = dict(tombs.changes())
    assert changed["a"] is None
    assert rows.keys() == {"a"}
    restored = Tombstones()
    restored.restore((key, value) for key, value in changed.items() if value is not None)
    assert restored.find("b", 199) == tombs.find("b", 199)
    restored.evict(200)
    assert restored.changes() == [("b", None)]
    assert len(restored) == 0


def test_under_a_shorter_retention_every_tombstone_still_goes() -> None:
    """A tomb behind one that stays longer goes when that one does; an order that was closed again meanwhile keeps its own time."""
    tombs = Tombstones()
    tombs.add("a", 300, [EVENT])
    tombs.add("b", 100, [EVENT])
    tombs.evict(150)
    assert tombs.find("b", 150) is None
    tombs.add("b", 400, [OTHER])
    tombs.evict(300)
    assert [key for key, _ in tombs.rows()] == ["b"]
    tombs.evict(400)
    assert len(tombs) == 0
