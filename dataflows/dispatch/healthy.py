"""Third stage: whether an endpoint may be called now. Breaker, throttle and rate of each, as the journal keeps them over restarts."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from dataflows.dispatch.model import SECOND
from dataflows.dispatch.wanted import NEVER
from dataflows.settings.dispatch import EndpointTerms

LONGEST_BREAK_S: Final = 900.0
"""How long an endpoint that goes on failing is left alone at most."""


@dataclass(slots=True)
class EndpointHealth:
    """How an endpoint is. Instants are µs since the epoch; all on one thread.

    `allowed`: calls that may be under way; halved when it has too much to do, one more with each success. `failures`: those in a row.
    `openings`: how often the breaker has opened since the last success; while it has, one call at a time tries whether it is back.
    """

    name: str
    terms: EndpointTerms
    allowed: int = 1
    failures: int = 0
    openings: int = 0
    open_until: int = 0
    throttled_until: int = 0
    tokens: float = 0.0
    tokens_at: int = 0
    disabled: str = ""

    @property
    def burst(self) -> float:
        """Calls that the rate allows at once."""
        return float(self.terms.burst or max(1, int(self.terms.rate or 1)))

    @property
    def concurrency(self) -> int:
        """Calls that may be under way."""
        return 1 if self.openings else self.allowed

    def ready_at(self, now: int) -> tuple[int, str]:
        """From when on it may be called, `now` or earlier: at once; and why not before, in a word."""
        if self.disabled:
            return NEVER, "disabled"
        if self.open_until > now:
            return self.open_until, "breaker"
        if self.throttled_until > now:
            return self.throttled_until, "throttled"
        if self.terms.rate is not None:
            self._fill(now)
            if self.tokens < 1:
                return now + max(1_000, int((1 - self.tokens) / self.terms.rate * SECOND)), "rate"
        return now, ""

    def take(self, now: int) -> None:
        """A call goes out."""
        if self.terms.rate is not None:
            self._fill(now)
            self.tokens -= 1

    def succeeded(self) -> None:
        """It has answered as it should."""
        self.failures = self.openings = self.open_until = 0
        self.allowed = min(self.terms.concurrency, self.allowed + 1)

    def answered(self) -> None:
        """It has refused: it is there."""
        self.failures = self.openings = self.open_until = 0

    def failed(self, now: int) -> bool:
        """It has not answered, or not as a healthy one does; whether the breaker opens by that."""
        self.failures += 1
        if self.failures < self.terms.breaker_failures and not self.openings:
            return False
        pause = min(self.terms.breaker_seconds * 2 ** min(self.openings, 20), max(LONGEST_BREAK_S, self.terms.breaker_seconds))
        opened = self.open_until <= now
        if opened:
            self.openings += 1
            self.open_until = now + int(pause * SECOND)
        return opened

    def throttled(self, now: int, seconds: float | None) -> None:
        """It has too much to do."""
        self.allowed = max(1, self.allowed // 2)
        self.throttled_until = max(self.throttled_until, now + int((self.terms.throttle_seconds if seconds is None else seconds) * SECOND))

    def row(self) -> tuple[object, ...]:
        """How it stands, as the journal keeps it."""
        return (
            self.name, self.failures, self.openings, self.open_until, self.throttled_until, self.tokens, self.tokens_at, self.disabled,
        )  # fmt: skip

    def _fill(self, now: int) -> None:
        assert self.terms.rate is not None
        passed = max(0, now - self.tokens_at) / SECOND
        self.tokens, self.tokens_at = min(self.burst, self.tokens + passed * self.terms.rate), now


def store_health(db: sqlite3.Connection, row: tuple[object, ...]) -> None:
    """Writes a row into the journal."""
    db.execute("INSERT OR REPLACE INTO endpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def load_health(db: sqlite3.Connection, endpoints: dict[str, EndpointTerms]) -> dict[str, EndpointHealth]:
    """How each endpoint of the settings was when dispatch stopped; a new one is well."""
    known = {
        row[0]: row[1:]
        for row in db.execute("SELECT name, failures, openings, open_until, throttled_until, tokens, tokens_at, disabled FROM endpoints")
    }
    found: dict[str, EndpointHealth] = {}
    for name, terms in endpoints.items():
        made = EndpointHealth(name, terms, terms.concurrency)
        if name in known:
            made.failures, made.openings, made.open_until, made.throttled_until, made.tokens, made.tokens_at, made.disabled = known[name]
        else:
            made.tokens = made.burst
        found[name] = made
    return found
