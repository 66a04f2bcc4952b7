"""What the gateway tells whoever watches it. Nothing here is of a payload but unmapped codes."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from sources.gateway.connections import Stage
from sources.gateway.request import Outcome


class GatewayListener(Protocol):
    """Told on the loop's thread. `system` and `connection` are configured ones, or `unknown`: never what stood in a URL."""

    def answered(self, system: str, connection: str, outcome: Outcome, seconds: float, size: int) -> None:
        """A request was answered, `seconds` after its head had come; its body had `size` bytes."""
        ...

    def wrote(self, system: str, connection: str, count: int) -> None:
        """So many events of a request are durable."""
        ...

    def refused(self, system: str, connection: str, reason: str) -> None:
        """A part of a genuine payload could not be taken."""
        ...

    def unmapped(self, system: str, table: str, code: str) -> None:
        """A code stood in no table."""
        ...

    def evicted(self, stage: Stage) -> None:
        """A connection was closed to make way for others; what it was at."""
        ...

    def missing(self, system: str, connection: str, setting: str) -> None:
        """A payload has no field such as the one that a setting names."""
        ...

    def never_found(self, system: str, connection: str, setting: str, name: str) -> None:
        """None of the first hundred payloads had the field `name` that a setting names."""
        ...

    def failed(self, what: str, error: Exception) -> None:
        """Something went wrong that is not a sender's fault."""
        ...


class GatewayStats:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.replies: Counter[tuple[str, str, str]] = Counter()
        self.events: Counter[tuple[str, str]] = Counter()
        self.refusals: Counter[tuple[str, str, str]] = Counter()
        self.codes: Counter[tuple[str, str, str]] = Counter()
        self.evictions: Counter[str] = Counter()
        self.absences: Counter[tuple[str, str, str]] = Counter()
        self.warnings: list[str] = []
        self.failures: list[str] = []

    def answered(self, system: str, connection: str, outcome: Outcome, seconds: float, size: int) -> None:
        """Counts a request."""
        del seconds, size
        self.replies[system, connection, outcome] += 1

    def wrote(self, system: str, connection: str, count: int) -> None:
        """Counts events."""
        self.events[system, connection] += count

    def refused(self, system: str, connection: str, reason: str) -> None:
        """Counts a refusal."""
        self.refusals[system, connection, reason] += 1

    def unmapped(self, system: str, table: str, code: str) -> None:
        """Counts a code."""
        self.codes[system, table, code] += 1

    def evicted(self, stage: Stage) -> None:
        """Counts a connection."""
        self.evictions[stage] += 1

    def missing(self, system: str, connection: str, setting: str) -> None:
        """Counts a payload without a configured field."""
        self.absences[system, connection, setting] += 1

    def never_found(self, system: str, connection: str, setting: str, name: str) -> None:
        """Keeps which field is never found."""
        self.warnings.append(f"{system}/{connection}: {setting} {name}")

    def failed(self, what: str, error: Exception) -> None:
        """Keeps a failure."""
        self.failures.append(f"{what}: {type(error).__name__}")
