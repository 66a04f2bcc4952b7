"""What carries an action out: the protocol of executors, what one is called with, and what it answers.

An executor stands for one endpoint. It is called once for each attempt, by dispatch, which has written `action.begun` before. It never
raises for what the endpoint or the network does: that is one of the four outcomes. Whatever it raises is a mistake of its own.

An outcome speaks of its own attempt. Where an earlier one was in doubt, a later refusal, or a later failure that is certain, leaves that
doubt standing: the action has not failed, it is in doubt.

No outcome, and no text of an exception, holds a secret, a request's or an answer's body, or anything of a customer: `why` and `code` go
into logs, events and the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, cast

from sinks.actions.messages import RenderedMessage


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a customer is reached: by `channel` (`email`, `sms`, `push`), a mail address, a number (E.164) or a device's token."""

    channel: str
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ActionCall:
    """One attempt to carry an action out."""

    action: Mapping[str, object] = field(repr=False)
    """`data` of `action.requested` (`schemas.output_events.Action`)."""
    tenant: str
    key: str
    """The idempotency key: the action's ID, the same for each attempt and each replay."""
    attempt: int = 1
    """The number of this attempt, from 1."""
    first_begun: float | None = None
    """When the first attempt began, in seconds since the epoch; None: this is the first. Keys are forgotten by endpoints in time."""
    exception: Mapping[str, object] | None = field(default=None, repr=False)
    """`data` of the action's exception where it is known: its summary and context stand in what people read."""
    message: RenderedMessage | None = field(default=None, repr=False)
    """The text, of an action that tells a customer something."""
    recipient: Contact | None = field(default=None, repr=False)
    """Who is told, of such an action."""

    @property
    def name(self) -> str:
        """The action, such as `hold_order`."""
        return str(self.action["action"])

    @property
    def order(self) -> str:
        """The order that it is about."""
        return str(self.action["order_id"])

    @property
    def parameters(self) -> Mapping[str, object]:
        """What the rule or the person says beside it."""
        return cast("Mapping[str, object]", self.action.get("parameters") or {})


@dataclass(frozen=True, slots=True)
class Done:
    """It is carried out. `reference`: what the endpoint calls it. `result`: a few words, such as `held`, or `was held already`."""

    reference: str | None = None
    result: str = "done"


@dataclass(frozen=True, slots=True)
class RetryLater:
    """It did not work now and may work later.

    Without `in_doubt` it is certain that nothing was effected. With it something may have been: the endpoint honours keys, so that a
    repetition with the same key does no harm, but where no attempt follows, the action ends in doubt and has not failed.
    """

    code: str
    """A word for what went wrong, such as `refused_connection`, `http_503`, `throttled`."""
    after: float | None = None
    """Seconds that the endpoint asks to wait at least; None: it says nothing, the schedule decides."""
    throttle: bool = False
    """Whether the endpoint has too much to do: whoever calls it calls it less often."""
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class ActionRefused:
    """The endpoint will not do it, and nothing was effected: to repeat the same is of no use."""

    code: str
    why: str = ""
    disable: bool = False
    """Whether the endpoint is gone (410) or lets nobody in (a withdrawn key): nothing more goes there until a person has looked."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been effected, or not: nobody repeats it before an observation has said which."""

    code: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class NotDone:
    """What a status query found: the endpoint has not effected it, and nothing of it is under way there."""

    why: str = ""


Outcome: TypeAlias = Done | RetryLater | ActionRefused | Unknown
Observation: TypeAlias = Done | NotDone | Unknown
"""What a status query says: of `Unknown` nothing is known after it either."""


class Executor(Protocol):
    """An endpoint that actions can be sent to.

    Nothing was effected, for certain: `RetryLater` without doubt, `ActionRefused`. So a failure before the first byte of a request was
    sent (name, connection, TLS) is `RetryLater`; after it, without an answer, it is `RetryLater(in_doubt=True)` where keys are honoured,
    else `Unknown`.
    """

    @property
    def honours_keys(self) -> bool:
        """What is promised: with True each action is effected exactly once by its key, otherwise at most once."""
        ...

    @property
    def can_be_asked(self) -> bool:
        """Whether `status` can say anything."""
        ...

    async def execute(self, call: ActionCall) -> Outcome:
        """Carries the action out, within the time-out of the endpoint. May be cancelled; what it did is not known then."""
        ...

    async def status(self, call: ActionCall) -> Observation:
        """Asks whether the action has been effected; changes nothing. `Unknown` where the endpoint cannot be asked."""
        ...

    async def close(self) -> None:
        """Closes its connections; nothing is under way any more."""
        ...
