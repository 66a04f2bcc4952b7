"""What dispatch knows of actions that have not ended. Instants are µs since the epoch, UTC; 0 where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, cast

from schemas.actions import FINAL
from schemas.instants import EPOCH

SECOND: Final = 1_000_000
Clock: TypeAlias = Callable[[], int]
"""Gives the time, µs since the epoch, UTC."""
Phase: TypeAlias = Literal["beginning", "logged", "calling", "asking", "done"]
"""`beginning`, and `logged` once the log has shown it: not called yet. `calling`: called, or may have been. `asking`: only its status is
asked for. `done`: it has an outcome."""

CERTAIN: Final = frozenset(("executed", "retried", "failed", "refused"))
"""Words of the journal for attempts of which it is known whether they had their effect."""


def wall() -> int:
    """The time by this host's clock."""
    return time.time_ns() // 1_000


def stated(at: int) -> str:
    """An instant as events state it."""
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_instant(text: object) -> int:
    """An instant of an event; 0 if there is none."""
    return (datetime.fromisoformat(text) - EPOCH) // _MICROSECOND if isinstance(text, str) else 0


_MICROSECOND: Final = datetime.resolution


@dataclass(slots=True)
class OwnAttempt:
    """An attempt that this dispatcher began. `tries`: calls made in it. `doubtful`: one of them may have had its effect."""

    number: int
    endpoint: str
    phase: Phase
    began_at: int
    tries: int = 0
    doubtful: bool = False
    next_at: int = 0
    asked_by: str = ""
    """Who asked for it, of a replay."""
    adopted: bool = False
    """Whether another dispatcher began it, and has not been heard of."""


@dataclass(slots=True)
class PendingAction:
    """An action that has not ended, as the log said it last."""

    id: str
    tenant: str
    order: str
    action: str
    partition: int
    sequence: int = 0
    state: str = ""
    attempt: int = 0
    retry_at: int = 0
    expires_at: int = 0
    requested_at: int = 0
    said_at: int = 0
    exception: str | None = None
    kind: str = ""
    step: str = ""
    channel: str = ""
    owner: str = ""
    endpoint: str | None = None
    """Where its route leads; None: nowhere."""
    own: OwnAttempt | None = None
    failed: int = 0
    """The last of our own attempts that has an outcome: nothing is begun before the log has said it too."""
    certain: bool = False
    """Whether it is known what that attempt did, and the log may still have it in doubt."""
    calls: int = 0
    """Calls made for it so far, in all attempts: its place in the schedule."""
    busy: bool = False
    """Whether somebody carries it through the stages now."""
    waits: str = ""
    """Why it is not begun, in a word."""
    next_at: int = 0
    """When it is looked at next."""
    queued: int = field(default=0, repr=False)
    """The number of its newest place in the queue; older places count no more."""

    @property
    def ended(self) -> bool:
        """Whether the log says that nothing more becomes of it."""
        return ended(self.state, self.retry_at)


def ended(state: str, retry_at: int) -> bool:
    """Whether an action of this state has ended."""
    return state in FINAL or (state == "failed" and not retry_at)


def take_in(action: PendingAction, data: Mapping[str, Any], at: int) -> None:
    """Notes what an event says of an action; `at`: when it was appended."""
    action.sequence = int(data.get("sequence") or 1)
    action.state = str(data.get("state") or "")
    action.attempt = int(data.get("attempt") or 0)
    action.retry_at, action.expires_at = read_instant(data.get("retry_at")), read_instant(data.get("expires_at"))
    action.said_at = at
    if action.state == "requested" and not action.requested_at:
        action.requested_at = at
    parameters = cast("Mapping[str, Any]", data.get("parameters") or {})
    message = cast("Mapping[str, Any]", data.get("message") or {})
    kind = str(data.get("initiated_by") or "")
    action.exception = data.get("exception_id")
    action.kind = str(parameters.get("kind") or (kind.removeprefix("rule:") if kind.startswith("rule:") else ""))
    action.step, action.channel, action.owner = (
        str(data.get("step") or ""),
        str(message.get("channel") or parameters.get("channel") or ""),
        str(data.get("owner") or ""),
    )
