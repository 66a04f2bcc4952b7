"""Monitored feeds through the whole graph, where each shard sees a part only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.logs import HOUR, T0, line
from tests.support.replays import lines, replay, write

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """
rules:
  '*': off
  payment.capture_overdue: {switch: on, threshold: 10 m, grace: 0 s}
feeds:
  /payments: {silence: 30 m}
  /carrier/ups: {silence: 20 m}
"""


def test_a_feed_that_never_speaks_is_missed_once_by_a_shard_that_has_no_order(tmp_path: Path) -> None:
    """One order in sixty-four shards: each silent feed is one incident all the same, and the deadline that depends on one is deferred."""
    placed = line("1", T0, "order.placed", source="/storefront/acme", data={"total": {"amount": "5.00", "currency": "EUR"}})
    later = line("2", T0 + 2 * HOUR, "support.contacted", source="/desk", data={"intent": "other"})
    events = write(tmp_path / "events.jsonl", [placed, later])
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    replay(events, tmp_path / "out", policy, until=T0 + 3 * HOUR)
    assert [(said["type"], said["subject"], said["time"]) for said in lines(tmp_path / "out", "incidents")] == [
        ("feed.stale", "/carrier/ups", "2026-04-20T08:20:00Z"),
        ("feed.stale", "/payments", "2026-04-20T08:30:00Z"),
    ]
    assert lines(tmp_path / "out", "exceptions") == []
