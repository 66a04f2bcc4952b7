"""Whatever its endpoints do and whenever it is killed: each action has its effect once by its key, and what nobody knows is in doubt.

`ORDERWATCH_KILLS` is how often dispatch is killed (default 3, among 120 actions; with 50 among 10,000: eight minutes).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.campaign.dispatching import campaign

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("ORDERWATCH_KILLS", "3"))
ACTIONS = 120 if KILLS <= 3 else 200 * KILLS


def test_each_action_has_its_effect_once_whatever_is_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Receivers time out, answer 500, 429 with Retry-After, 200 twice, late, close, talk nonsense; half of them do not honour keys."""
    found = campaign(tmp_path / "log", ACTIONS, KILLS, endpoints=max(5, KILLS // 3), timeout=1_800)
    with capsys.disabled():
        print(f"\n  {found}")  # noqa: T201 - the figures are what the test is for
    assert found.wrong == []
    assert found.states == {"executed": ACTIONS - found.doubtful, "in_doubt": found.doubtful}
    # It was a fair fight: most actions had to be tried more than once, or were in doubt.
    assert found.calls > ACTIONS
    assert found.doubtful > ACTIONS // 20
