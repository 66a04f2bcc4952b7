"""Whom dispatch tells what it does: metrics and log. Nothing in it is of a customer."""

from __future__ import annotations

from typing import Protocol

from dataflows.dispatch.model import OwnAttempt, PendingAction


class DispatchListener(Protocol):
    """Told on the event loop."""

    def attempt(self, action: PendingAction, own: OwnAttempt, outcome: str, code: str, now: int) -> None:
        """An attempt has an outcome."""
        ...

    def began(self, action: PendingAction, endpoint: str, now: int) -> None:
        """An attempt has begun."""
        ...

    def lost(self, action: PendingAction, endpoint: str) -> None:
        """Another dispatcher was first."""
        ...

    def breaker(self, endpoint: str, code: str, seconds: float) -> None:
        """An endpoint is left alone for a while."""
        ...

    def disabled(self, endpoint: str, code: str) -> None:
        """An endpoint is called no more until somebody has looked."""
        ...

    def mistaken(self, endpoint: str, error: str) -> None:
        """An executor has raised what it should not."""
        ...
