"""First stage: whether an action is still to be carried out, and by which attempt."""

from __future__ import annotations

from typing import Final

from dataflows.dispatch.model import PendingAction

NEVER: Final = 1 << 62


def due_at(action: PendingAction, begun: dict[int, tuple[str, int]]) -> int:
    """When an action is due; NEVER: nothing is to be begun as things stand. `begun`: its attempts, whoever's, as the log has them."""
    own = action.own
    if own is not None:
        # One of ours whose effect is in doubt: called again with the same key, or asked about.
        return own.next_at if own.phase in ("calling", "asking") and own.next_at else NEVER
    number = action.attempt + 1
    if number in begun or action.failed >= number:
        return NEVER  # The log does not know yet what became of it.
    if action.state == "requested":
        return max(action.requested_at, action.next_at)
    if action.state == "failed" and action.retry_at:
        return max(action.retry_at, action.next_at)
    return NEVER


def is_late(action: PendingAction, now: int) -> bool:
    """Whether the time in which it was to be carried out is over."""
    return 0 < action.expires_at <= now
