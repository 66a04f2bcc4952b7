"""Whatever is killed, and whenever: each output record is written once, and is what an undisturbed replay says.

`ORDERWATCH_KILLS` is how often each test kills (default 3); 50 take about six minutes each.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.campaign.fight import Plan, fight

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.brokers import Broker

KILLS = int(os.environ.get("ORDERWATCH_KILLS", "3"))

PLANS = {
    "the engine": Plan(KILLS, seed=1),
    "the broker": Plan(KILLS, engine=False, broker=True, seed=2),
    "the engine and the broker": Plan(KILLS, broker=True, seed=3),
    "the engine while actions are decided about": Plan(KILLS, processes=(1, 2), seed=6, decides=True),
    "one of two processes": Plan(KILLS, processes=(2,), seed=4),
    "one, two and three processes": Plan(KILLS, processes=(1, 2, 3), seed=5),
}


@pytest.mark.slow
@pytest.mark.parametrize("killed", PLANS)
def test_each_record_is_written_once_whatever_is_killed(
    killed: str, own_broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Orders are placed all the while; at the end the topics hold, by ID and content, what one replay of the same records gives."""
    outcome = fight(own_broker, tmp_path, PLANS[killed])
    with capsys.disabled():
        print(f"\n  killed: {killed}. {outcome}")  # noqa: T201 - the figures are what the test is for
    found = outcome.verdicts
    assert found.equal, {name: value[:5] for name, value in vars(found).items() if isinstance(value, list)}
    assert outcome.behind == 0
    # It was a fair fight: every kind of output record was at stake.
    assert (
        {"raised", "updated", "resolved", "retracted"}
        >= {kind.partition(" ")[2] for kind in found.kinds}
        >= {"raised", "resolved", "retracted"}
    )
    assert min(found.expected[output] for output in ("exceptions", "rejects")) > 0
