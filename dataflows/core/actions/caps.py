"""How many messages a customer got within a span: those that were requested, and those that others sent.

One is counted when it is requested, and no more when it is withdrawn or rejected before it began.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

import msgspec

from dataflows.core.actions.model import ActionState
from dataflows.core.policy.messaging import MessageCap

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[int]).decode


class MessageCounts:
    """The instants (µs) of the messages that each customer got, as far back as a cap reaches. `changed`: whose are not stored yet."""

    def __init__(self) -> None:
        self._sent: dict[str, list[int]] = {}
        self._order: list[tuple[int, str]] = []
        self.changed: set[str] = set()

    def add(self, whose: str, at: int, cap: MessageCap, now: int) -> None:
        """Counts a message; what no cap asks for any more is forgotten."""
        if at > now - cap.within:
            insort(self._sent.setdefault(whose, []), at)
            insort(self._order, (at, whose))
            self.changed.add(whose)
        self._forget(now - cap.within)

    def remove(self, whose: str, at: int) -> None:
        """Counts a message no more."""
        known = self._sent.get(whose, [])
        if at in known:
            known.remove(at)
            self._order.remove((at, whose))
            self._changed(whose)

    def erase(self, whose: str) -> None:
        """Forgets all messages of a customer."""
        for at in list(self._sent.get(whose, ())):
            self.remove(whose, at)

    def free_at(self, whose: str, cap: MessageCap, now: int) -> int:
        """When a customer may be told something again: `now`, or when enough of what they got lies further back than the cap reaches."""
        recent = [at for at in self._sent.get(whose, ()) if at > now - cap.within]
        return now if len(recent) < cap.most else recent[len(recent) - cap.most] + cap.within

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """What is counted, by customer."""
        for whose, sent in self._sent.items():
            yield whose, _encode(sent)

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """The rows that changed since the last call; None: it is gone."""
        for whose in sorted(self.changed):
            sent = self._sent.get(whose)
            yield whose, None if sent is None else _encode(sent)
        self.changed.clear()

    def restore(self, whose: str, row: bytes) -> None:
        """Takes a row in as `rows` gave it."""
        self._sent[whose] = _decode(row)
        for at in self._sent[whose]:
            insort(self._order, (at, whose))

    def _forget(self, until: int) -> None:
        gone = 0
        while gone < len(self._order) and self._order[gone][0] <= until:
            at, whose = self._order[gone]
            self._sent[whose].remove(at)
            self._changed(whose)
            gone += 1
        del self._order[:gone]

    def _changed(self, whose: str) -> None:
        self.changed.add(whose)
        if not self._sent[whose]:
            del self._sent[whose]


def recipient(tenant: str, order: str, customer: str | None) -> str:
    """What stands for a customer: their ID, or their order where that is not known."""
    return f"{tenant}\x1f{customer if customer is not None else f'order {order}'}"


def recipient_of(action: ActionState) -> str:
    """Whom an action tells something."""
    return recipient(action.tenant, action.order, action.customer)
