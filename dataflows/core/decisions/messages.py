"""What a message would say, and whether it may be said: nothing twice, nothing that disagrees with what the customer knows.

Everything here is a function of what an order says and of the messages that were sent. Quiet hours and the cap are asked later, when a
message would go out (`actions.messages`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from dataflows.core.policy.messaging import MessagePolicy
from dataflows.core.rules.guarding import Objection
from schemas.instants import FAR, iso
from schemas.messages import TOPICS

DUPLICATE, CONTRADICTION, CONSENT, CHANGED = "duplicate_message", "contradicting_message", "no_consent", "message_changed"
"""Why a message is not sent as it was asked for; the names of guardrails."""
WITHDRAWN: Final = "withdraw"
"""The effect of a guardrail that ends a message: there is nothing for a person to decide."""


class SentMessage(Struct, array_like=True, frozen=True, omit_defaults=True):
    """A message that the customer got, by an action of ours or from somebody else (`by`: their source). `at`: when, µs."""

    at: int
    by: str
    topic: str | None = None
    channel: str | None = None
    promised: str | None = None
    exception: str | None = None
    scope: str | None = None
    action: str | None = None


class CustomerMessage(Struct, array_like=True, frozen=True, omit_defaults=True):
    """What a message would say if it went out now. `promised`: the date that it names; `channel`: empty where there is none to use."""

    topic: str
    channel: str
    language: str
    zone: str
    promised: str | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """As whoever carries it out reads it."""
        return {"topic": self.topic, "channel": self.channel or None, "language": self.language, "promised_by": self.promised}

    def differs(self, other: CustomerMessage) -> str:
        """What of it another one says otherwise, in words; empty if nothing."""
        names = {"topic": "its topic", "channel": "the channel", "language": "the language", "promised": "the date", "zone": "the zone"}
        return ", ".join(words for name, words in names.items() if getattr(self, name) != getattr(other, name))


class Promise(NamedTuple):
    """The promise that is in force: as it was stated, the instant at which it ends, and since when it holds."""

    stated: str
    deadline: int
    since: int


class Occasion(NamedTuple):
    """What a message is sent for: the exception (its ID, empty where there is none), what of the order it is about, and since when."""

    exception: str
    scope: str | None
    since: int


class Judgement(NamedTuple):
    """Whether a message may be said. `until`: when time alone may make that otherwise."""

    message: CustomerMessage
    objection: Objection | None
    until: int


def channel_for(policy: MessagePolicy, consents: Sequence[str] | None, wanted: str | None = None) -> tuple[str, Objection | None]:
    """The channel for a customer: the one that is `wanted`, else the first that the policy has and the customer agreed to."""
    if policy.consent == "off" or (consents is None and policy.consent == "stated"):
        return wanted or policy.channels[0], None
    if consents is None:
        return "", Objection(CONSENT, "block", "the order does not state what the customer agreed to")
    agreed = {consent.casefold() for consent in consents}
    fits = [channel for channel in ((wanted,) if wanted else policy.channels) if channel.casefold() in agreed]
    if fits:
        return fits[0], None
    return "", Objection(CONSENT, "block", f"the customer agreed to none of {', '.join((wanted,) if wanted else policy.channels)}")


def judged(
    message: CustomerMessage,
    objection: Objection | None,
    occasion: Occasion,
    sent: Iterable[SentMessage],
    *,
    promise: Promise | None,
    deadline: Callable[[str], int],
    now: int,
) -> Judgement:
    """Whether a message may be said. `objection`: what speaks against it already; `sent`: by when they were; `promise`: in force now."""
    until = FAR
    ends = None if message.promised is None else deadline(message.promised)
    if ends is not None and ends > now:
        until = ends
    known = [each for each in sent if each.at <= now]
    if objection is None and ends is not None:
        objection = _contradiction(ends, promise, known, deadline)
    if objection is None:
        covering = next((each for each in reversed(known) if _covers(each, message, ends, occasion, promise, deadline, now)), None)
        if covering is not None:
            who = "by us" if covering.action is not None else f"by {covering.by}"
            objection = Objection(DUPLICATE, WITHDRAWN, f"the customer was told so {who} on {iso(covering.at)}{_by_channel(covering)}")
            if ends is None and covering.promised is not None:
                until = min(until, deadline(covering.promised))
    return Judgement(message, objection, until)


def _by_channel(sent: SentMessage) -> str:
    return f" by {sent.channel}" if sent.channel else ""


def _contradiction(ends: int, promise: Promise | None, sent: Sequence[SentMessage], deadline: Callable[[str], int]) -> Objection | None:
    """That a date which a message names is not the one that is true, or not the one that the customer was given since."""
    if promise is not None and promise.deadline != ends:
        return Objection(CONTRADICTION, "block", f"the order is promised by {promise.stated}")
    since = promise.since if promise is not None else None
    last = next((each for each in reversed(sent) if each.promised is not None), None)
    if last is None or last.promised is None or deadline(last.promised) == ends or (since is not None and last.at < since):
        return None
    who = "we told" if last.action is not None else f"{last.by} told"
    return Objection(CONTRADICTION, "block", f"{who} the customer {last.promised} on {iso(last.at)}, after the promise was made")


def _covers(
    sent: SentMessage,
    message: CustomerMessage,
    ends: int | None,
    occasion: Occasion,
    promise: Promise | None,
    deadline: Callable[[str], int],
    now: int,
) -> bool:
    """Whether the customer knows by a message what another one would say."""
    if sent.topic != message.topic:
        return False
    if sent.scope is not None and occasion.scope is not None and sent.scope != occasion.scope:
        return False
    same = bool(occasion.exception) and sent.exception == occasion.exception
    dated = TOPICS[message.topic].dated and sent.promised is not None
    if ends is not None:
        if dated and sent.promised is not None:
            return deadline(sent.promised) == ends
        # It named no date: the one of the order was known, unless it has been moved since.
        moved = promise.since if promise is not None else occasion.since
        return sent.at >= moved and (same or sent.at >= occasion.since)
    if dated and sent.promised is not None and deadline(sent.promised) > now:
        return True  # The customer was given another date, which lies ahead.
    return not dated and (same or sent.at >= occasion.since)
