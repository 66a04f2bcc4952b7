"""The table that forgets: what is kept of it goes on exactly where it stopped."""

from __future__ import annotations

from dataflows.core.identity.recent import Recent


def test_a_use_counts_across_a_restart() -> None:
    """An entry that was read in a later generation lives on from that use, also in the program that takes over."""
    table = Recent[str, int](10)
    table.advance(5)
    table.set("read", 1)
    table.set("left", 2)
    kept = {key: (used, value) for key, used, value in table.changes()}
    table.advance(15)
    assert table.get("read") == 1
    kept |= {key: (used, value) for key, used, value in table.changes()}

    again = Recent[str, int](10)
    again.restore(table.last, [(key, used, value) for key, (used, value) in kept.items()])
    for one in (table, again):
        one.advance(25)
    assert [(one.get("read"), one.get("left")) for one in (table, again)] == [(1, None), (1, None)]


def test_a_set_and_a_pop_are_changes() -> None:
    """What was taken out does not come back, what was replaced is the new value."""
    table = Recent[str, int](10)
    table.advance(0)
    table.set("gone", 1)
    table.set("new", 1)
    assert {entry.key for entry in table.changes()} == {"gone", "new"}
    table.pop("gone")
    table.set("new", 2)
    assert {(entry.key, entry.value) for entry in table.changes()} == {("gone", None), ("new", 2)}
    assert list(table.changes()) == []
