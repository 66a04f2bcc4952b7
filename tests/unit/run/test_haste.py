"""The world in haste as the demonstration appends it: what a newcomer sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import orjson

from dataflows.cli.up_demo import ORDERS
from dataflows.embedded.demo import DAY_US, SEED, SOON_S
from dataflows.embedded.haste import Haste, hasty_policy, hasty_world
from schemas.instants import SECOND
from schemas.values import from_micros
from tests.support.replays import Data, lines, replay, write

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = 1_796_000_000 * SECOND
MINUTE = 60 * SECOND
STEP = int(SOON_S * SECOND)


def test_nothing_that_came_in_time_is_missed_in_the_first_minute(tmp_path: Path) -> None:
    """However events are gathered before they are written: what is due, and met, is not said to be late."""
    haste = Haste(BEGIN, DAY_US)
    events: list[bytes] = []
    for log, event in hasty_world(ORDERS, SEED, haste):
        appended = BEGIN - (BEGIN - log) // STEP * STEP
        if appended < BEGIN + MINUTE:
            events.append(orjson.dumps({**event, "recordedtime": from_micros(appended).isoformat().replace("+00:00", "Z")}))
    replay(write(tmp_path / "events.jsonl", events), tmp_path / "out", hasty_policy(tmp_path / "policy.yaml", haste))
    said = [(one["type"], cast("Data", one["data"])) for one in lines(tmp_path / "out", "exceptions")]
    assert sum(type_ == "exception.raised" for type_, _ in said) >= 15
    assert [(data["kind"], data["order_id"]) for type_, data in said if type_ == "exception.retracted" and data["due_at"]] == []
