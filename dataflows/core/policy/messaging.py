"""What a policy says of messages to customers: by which channels, how many, in which language, and what others call their topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from schemas.instants import DAY

ANYWHERE: Final = "*"
"""Stands for every country."""
CONSENTS: Final = ("stated", "required", "off")
"""Whether a customer must have agreed to a channel: where the order states what they agreed to, always, never."""
ENGLISH: Final = "en"


class MessageCap(NamedTuple):
    """How many messages one customer may get within a span (µs)."""

    most: int
    within: int


USUAL_CAP: Final = MessageCap(3, DAY)


@dataclass(frozen=True, slots=True)
class MessagePolicy:
    """Messages to customers. `channels`: by preference; `languages`: by country of the destination; `topics`: what others call them."""

    channels: tuple[str, ...] = ("email", "sms")
    consent: str = "stated"
    cap: MessageCap | None = USUAL_CAP
    languages: Mapping[str, str] = field(default_factory=dict[str, str])
    topics: Mapping[str, str] = field(default_factory=dict[str, str])

    def language(self, country: str | None) -> str:
        """The language that customers in a country are written to in."""
        return self.languages.get(country or ANYWHERE) or self.languages.get(ANYWHERE, ENGLISH)


MESSAGE_POLICY: Final = MessagePolicy()
"""Unless the policy says otherwise (P)."""
