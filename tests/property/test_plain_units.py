"""What an order owes is met line by line where that is plain, else unit by unit: where the one speaks, the other says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.core.history.milestones import MilestoneFacts
from tests.property.histories import histories
from tests.property.policies import policy_of
from tests.property.test_every_rule import end_of
from tests.support.drawing import drawn
from tests.support.engine import records_of, run

if TYPE_CHECKING:
    from collections.abc import Iterable


@pytest.mark.slow
def test_the_short_way_says_what_the_long_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over random histories, whenever a rule asks."""
    asked: list[bool] = []
    units, reached = MilestoneFacts.units, MilestoneFacts._reached  # pyright: ignore[reportPrivateUsage]

    def both_units(self: MilestoneFacts, *kinds: str) -> Iterable[object]:
        found = tuple(units(self, *kinds))
        if self.lines:
            asked.append(self._met_whole(kinds) is not None)  # pyright: ignore[reportPrivateUsage]
            assert found == tuple(self.obligations.units(*map(self.covered_by, kinds)))
        return found

    def both_reached(self: MilestoneFacts, *kinds: str) -> object:
        found = reached(self, *kinds)
        if self.lines:
            assert found == self.obligations.whole(*map(self.covered_by, kinds))
        return found

    monkeypatch.setattr(MilestoneFacts, "units", both_units)
    monkeypatch.setattr(MilestoneFacts, "_reached", both_reached)
    for history in drawn(histories(chapters=2), 300, 5):
        lines = history.lines()
        for out in run(records_of(lines), policy_of({}), end_of(lines)):
            assert out.kind != "data.rule_failed"
    assert asked.count(True) > 100
    assert asked.count(False) > 100
