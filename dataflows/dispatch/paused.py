"""Second stage: whether automation is paused for an action. What has been read of a pause holds at once."""

from __future__ import annotations

from dataflows.dispatch.model import PendingAction


def pausing(pauses: frozenset[str], action: PendingAction) -> str | None:
    """The scope of the pause that an action falls under; None: it may be begun."""
    if not pauses:
        return None
    scopes = ("all", f"action:{action.action}", f"rule:{action.kind}", f"tenant:{action.tenant}")
    return next((scope for scope in scopes if scope in pauses), None)
