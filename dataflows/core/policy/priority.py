"""What the score of an exception is made of: how many points each term gives at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

GREATEST: Final = 1_000
"""The greatest score. All terms together give no more, so that the gravest are not all equal."""
SEVERITY_POINTS: Final[Mapping[str, int]] = {"low": 100, "medium": 210, "high": 320, "critical": 430}
TIER_POINTS: Final[Mapping[str, int]] = {"vip": 100, "platinum": 100, "gold": 75, "premium": 75, "silver": 40}
HALF_AT: Final[Mapping[str, Decimal]] = {"*": Decimal(200), "INR": Decimal(15_000), "JPY": Decimal(30_000), "KRW": Decimal(250_000)}


@dataclass(frozen=True, slots=True)
class Priority:
    """The weights of the score (P): the most points that each term gives.

    `severity`: by severity; `breach`: times the probability that the promise, or the exception's own deadline, is broken; `time_left`: when
    the deadline has come, less the longer it is ahead; `lateness`: after it, more the longer it is past; `value`: for money without end,
    half of it for the amount of `half_at`, by currency (`*`: all others); `tiers`: of the customer, in lower case; `blocking`: where
    automation on the order must pause; `reopenings`: for what keeps coming back.
    """

    severity: Mapping[str, int] = field(default_factory=lambda: SEVERITY_POINTS)
    breach: int = 100
    time_left: int = 50
    lateness: int = 100
    value: int = 120
    half_at: Mapping[str, Decimal] = field(default_factory=lambda: HALF_AT)
    tiers: Mapping[str, int] = field(default_factory=lambda: TIER_POINTS)
    blocking: int = 50
    reopenings: int = 50

    @property
    def most(self) -> int:
        """What all terms together give at most."""
        terms = (self.breach, self.time_left, self.lateness, self.value, self.blocking, self.reopenings)
        return sum(terms) + max(self.severity.values()) + max(self.tiers.values(), default=0)

    @property
    def tells_apart(self) -> bool:
        """Whether anything but the severity, and how the exception stands, is counted."""
        return bool(self.breach or self.time_left or self.lateness or self.value or any(self.tiers.values()))


PRIORITY: Final = Priority()
"""Unless the policy says otherwise."""
