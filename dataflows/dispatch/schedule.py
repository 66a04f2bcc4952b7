"""When a failed action is tried again: Standard Webhooks' schedule, lengthened at random: what failed together comes back apart."""

from __future__ import annotations

import random

from dataflows.dispatch.model import SECOND
from dataflows.settings.dispatch import DispatchSettings


class Schedule:
    """`chance` gives numbers from 0 to 1."""

    def __init__(self, settings: DispatchSettings, chance: random.Random | None = None) -> None:
        self._delays, self._jitter, self._most = settings.schedule, settings.jitter, settings.retry_after_most_seconds
        self._chance = chance or random.Random()

    def next_at(self, tries: int, now: int, after: float | None = None, until: int = 0) -> int:
        """When the next try is due after so many; 0: there is none. `after`: the seconds that the endpoint asked for, `until`: the end."""
        if tries >= len(self._delays):
            return 0
        delay = self._delays[tries] * (1 + self._jitter * self._chance.random())
        at = now + int(max(delay, self.kept(after)) * SECOND)
        return 0 if until and at >= until else at

    def kept(self, after: float | None) -> float:
        """How long an endpoint is left alone that asked for it, in seconds."""
        return 0.0 if after is None else max(0.0, min(after, self._most))
