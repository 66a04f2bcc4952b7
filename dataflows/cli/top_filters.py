"""Which exceptions `orderwatch top` shows: filters that keys step through, and their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sinks.cases.queries.wanted import IN_HAND, SEVERITIES, Breach, ExceptionFilter

LEAST = (None, "critical", "high", "medium")
"""The least severity that is shown, as the key steps through."""
BREACHES: tuple[Breach | None, ...] = (None, "any", "acknowledge", "resolve")
WORDS = {"any": "a clock has run out", "acknowledge": "not acknowledged in time", "resolve": "not resolved in time"}


@dataclass(frozen=True, slots=True)
class Filters:
    """What is shown; None where it does not matter. `least`: the least severity; `nobody`: only what nobody has by name.

    `resting`: also what is snoozed or waits.
    """

    least: str | None = None
    team: str | None = None
    nobody: bool = False
    breached: Breach | None = None
    text: str | None = None
    tenant: str | None = None
    resting: bool = False

    @property
    def wanted(self) -> ExceptionFilter:
        """As the store is asked."""
        return ExceptionFilter(
            states=() if self.resting or self.breached else IN_HAND,
            severities=() if self.least is None else SEVERITIES[: SEVERITIES.index(self.least) + 1],
            teams=() if self.team is None else (self.team,),
            unassigned=self.nobody,
            breached=self.breached,
            text=self.text,
            tenants=() if self.tenant is None else (self.tenant,),
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return replace(self, resting=False) != Filters()

    def next(self, what: str, teams: Sequence[str]) -> Filters:
        """After a key: the next severity, team (of those shown) or breach, only what nobody has, or also what rests."""
        match what:
            case "severity":
                return replace(self, least=LEAST[(LEAST.index(self.least) + 1) % len(LEAST)] if self.least in LEAST else None)
            case "team":
                later = [team for team in teams if self.team is None or team > self.team]
                return replace(self, team=later[0] if later else None)
            case "nobody":
                return replace(self, nobody=not self.nobody)
            case "resting":
                return replace(self, resting=not self.resting)
            case _:
                return replace(self, breached=BREACHES[(BREACHES.index(self.breached) + 1) % len(BREACHES)])

    def words(self) -> str:
        """The filters in words, to stand behind the counts; empty if there are none."""
        parts = [
            "" if self.least is None else self.least if self.least == "critical" else f"{self.least} and graver",
            "" if self.team is None else f"team {self.team}",
            "nobody's" if self.nobody else "",
            "" if self.breached is None else WORDS[self.breached],
            "" if self.text is None else f"with {self.text!r}",
            "" if self.tenant is None else f"tenant {self.tenant}",
        ]
        said = ", ".join(part for part in parts if part)
        also = " [also: snoozed, waiting]" if self.resting else ""
        return f" [only: {said}]{also}" if said else also
