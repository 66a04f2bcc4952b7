"""What one order keeps of messages: plain data, an array in MessagePack. A field is added at its end, with a default."""

from __future__ import annotations

from msgspec import Struct

from dataflows.core.decisions.messages import CustomerMessage, SentMessage
from dataflows.core.engine.exceptions import derived_id
from schemas.instants import FAR
from schemas.messages import OURS

MOST = 32
"""How many messages of ours an order remembers, and how many that were asked for and are not any more."""
MOST_AGAIN = 16
"""How often an action that is asked for anew, under an ID that follows from its own, is known to be the same message."""
Key = tuple[str, "str | None", int]


class AskedMessage(Struct, array_like=True, omit_defaults=True):
    """A message that is asked for. `key` is its exception, None where a person asked without one, or for what is not known.

    `out`: its action stands, so that it must be taken back where it is wrong; `objection`: the guardrail that speaks against it; `until`:
    when time alone may change that (µs). `initiated`: a person asked for it; `stated`: topic, channel and date that they did.
    """

    id: str
    action: str
    message: CustomerMessage
    key: Key | None = None
    exception: str = ""
    scope: str | None = None
    objection: str = ""
    out: bool = True
    until: int = FAR
    initiated: bool = False
    stated: tuple[str | None, str | None, str | None] = (None, None, None)

    def has(self, action: str) -> bool:
        """Whether an action is this one, or one that it was asked for anew as."""
        name = self.id
        for _ in range(MOST_AGAIN):
            if name == action:
                return True
            name = derived_id(f"{name}\x1fagain")
        return False


class MessageBook(Struct, array_like=True, omit_defaults=True):
    """What an order keeps of messages: those asked for, by exception (by action where a person asked), those before, and what we sent."""

    asked: dict[str, AskedMessage] = {}
    former: list[AskedMessage] = []
    sent: list[SentMessage] = []

    def close(self, name: str) -> AskedMessage | None:
        """Asks for a message no more. It may have been begun: its end is still heard of."""
        entry = self.asked.pop(name, None)
        if entry is not None:
            self.former = [*self.former, entry][-MOST:]
        return entry

    def executed(self, action: str, now: int) -> bool:
        """Takes in that an action was carried out; whether it is a message of this order, not heard of before."""
        if any(each.action == action for each in self.sent):
            return False
        name = next((name for name, entry in self.asked.items() if entry.has(action)), None)
        entry = self.close(name) if name is not None else next((each for each in self.former if each.has(action)), None)
        if entry is None:
            return False
        said = entry.message
        message = SentMessage(now, OURS, said.topic, said.channel or None, said.promised, entry.exception or None, entry.scope, action)
        self.sent = [*self.sent, message][-MOST:]
        return True

    @property
    def due(self) -> int:
        """When time alone may change what may be said."""
        return min((entry.until for entry in self.asked.values()), default=FAR)
