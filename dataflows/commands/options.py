"""Reads what users type: instants, spans, policies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dataflows.commands.errors import MisuseError

if TYPE_CHECKING:
    from pathlib import Path

    from dataflows.core.policy import Policy

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(option: str, text: str | None) -> int | None:
    """An RFC 3339 instant as µs since the epoch, UTC; None if it is not given."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise MisuseError(f"{option} {text}: not an instant; write it like 2026-04-24T14:02:00Z")
    return (at - EPOCH) // timedelta(microseconds=1)


def elapsed(option: str, text: str) -> int:
    """A span of elapsed time such as `90 s`, `15 m`, `1 h` or `2 d`, in µs."""
    from dataflows.core.clocks import span

    try:
        value = span(text)
    except ValueError:
        value = None
    if value is None or value.unit != "us" or value.n < 0:
        raise MisuseError(f"{option} {text}: not a span of time; write it like 90s, 15m, 1h or 2d")
    return value.n


def policy(path: Path | None) -> Policy:
    """Loads a policy; the built-in one if none is given."""
    from dataflows.core.policy import PolicyError, load_policy

    try:
        return load_policy(path)
    except PolicyError as error:
        first, *more = error.problems
        rest = f" (and {len(more)} more: orderwatch policy check {path})" if more else ""
        raise MisuseError(f"{first}{rest}") from error
