"""Erasure in what the gateway keeps: refused requests that name who is erased, histories of their things; the audit names them no more.

A refused request is not read: one goes if a name stands in it as a word, whoever sent it. Too much goes rather than too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import orjson

from sources.gateway.dead_letters import DeadLetters
from sources.gateway.journal import Journal
from sources.gateway.memory import DeliveryNote, GatewayMemory

AUDITED: Final = frozenset(("subject", "exception_id", "action_id"))
"""What a line of the audit loses that is about an erased order: that something was decided, when and by whom, stays."""
SHORTEST: Final = 6
"""A name of a thing (a parcel, a payment) that is shorter is no word to look for in other people's requests."""


class ErasedNames(NamedTuple):
    """Who is erased, and what is known of theirs: orders and customers by their IDs; parcels and payments that were theirs alone."""

    orders: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()

    def words(self) -> frozenset[str]:
        """What must stand in no refused request."""
        return self.orders | self.customers | frozenset(thing for thing in self.things if len(thing) >= SHORTEST)


async def erase_from(dead_letters: DeadLetters, audit: Journal, memory: GatewayMemory, names: ErasedNames) -> int:
    """Erases; returns how many refused requests went. Once it returns, it is done on the disk. Raises OSError, sqlite3.Error."""
    words = names.words()
    if not words:
        return 0
    pattern = _pattern(words)
    orders = frozenset(name.encode() for name in names.orders)

    def refused(line: bytes) -> bytes | None:
        return None if pattern.search(line) else line

    def audited(line: bytes) -> bytes | None:
        if not any(order in line for order in orders):
            return line
        try:
            said = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None
        return orjson.dumps({**said, **dict.fromkeys(AUDITED & said.keys())}) if said.get("subject") in names.orders else line

    gone = await dead_letters.refused.rewrite(refused) + await dead_letters.forged.rewrite(refused)
    await audit.rewrite(audited)
    await memory.save(DeliveryNote(None, {}, names.orders | names.things))
    return gone


def _pattern(words: Iterable[str]) -> re.Pattern[bytes]:
    """Names that stand by themselves: `SO-1` is not in `SO-10`."""
    parts = b"|".join(re.escape(word.encode()) for word in sorted(words, key=len, reverse=True))
    return re.compile(rb"(?<![\w-])(?:" + parts + rb")(?![\w-])")
