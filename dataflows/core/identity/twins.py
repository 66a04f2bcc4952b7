"""Whether an order that another one repeats is still wanted: one that was cancelled or declined is nobody's twin.

The shard of the earlier order decides, since what ends it comes in under its name, before the later one is placed or after.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, cast

from msgspec import structs

from dataflows.core.history.again import Stretch
from dataflows.core.history.wanted import unwanted
from dataflows.core.identity.duplicates import address_of
from dataflows.core.identity.items import ResolvedEvent, evidence, noted, put, record_of
from dataflows.core.identity.recent import NameTable, Recent, order_key
from dataflows.core.identity.signs import history_of, is_placed, says_something, sign_of
from schemas.events import OrderPlaced
from schemas.instants import DAY, NEVER
from schemas.record import Evidence, IdentityFinding, Record

SUSPECTED: Final = "order.duplicate_suspected"
PLACED: Final = "order.placed"
REMEMBERED: Final = 2 * DAY
"""How long what tells whether an order is wanted waits for one that repeats it: as long as its basket does."""
REPEATED: Final = 30 * DAY
"""How long an order that another one repeats is followed: a declined one is often paid for days later."""
MOST: Final = 16_384
"""Bytes that are kept of one order: some 300 events. What comes later is not followed."""
APART: Final = b""
"""What is kept of an order that was placed without an address: no other is compared with it."""


@dataclass(slots=True)
class TwinLife:
    """What is known of an order that another one repeats: what tells whether it was wanted (see `signs`), and the later orders."""

    signs: bytes = b""
    later: dict[str, tuple[int, tuple[Evidence, ...]]] = field(default_factory=dict[str, tuple[int, tuple[Evidence, ...]]])
    """When each was placed, and what shows that they are alike."""

    def lapses(self, since: int) -> list[Stretch]:
        """When the order was not wanted, as far as that is not over by `since`."""
        return [(start, end) for start, end in unwanted(history_of(self.signs)) if end is None or end > since]


class Lives:
    """The orders of one shard: those that another one may repeat, and those that another one repeats.

    They are forgotten some time after they were last spoken of.
    """

    def __init__(self) -> None:
        self.alone: NameTable[bytes] = NameTable(REMEMBERED)
        self.followed: Recent[tuple[str, str], TwinLife] = Recent(REPEATED)
        self._turn_at = NEVER
        """When the generations of the first change next; those of the second are multiples of it."""

    def see(self, head: Record | ResolvedEvent, order: str) -> list[ResolvedEvent]:
        """Takes in that another order repeats this one, or what became of it."""
        if isinstance(head, ResolvedEvent) and isinstance(head.item, IdentityFinding):
            return self.repeated(head, order)
        return self.note(head, cast("Record", record_of(head)))

    def repeated(self, head: ResolvedEvent, earlier: str) -> list[ResolvedEvent]:
        """Takes in that an order repeats `earlier`; returns what is said of that."""
        if head.log >= self._turn_at:
            self._advance(head.log)
        finding = cast("IdentityFinding", head.item)
        key = (finding.tenant, earlier)
        life = self.followed.get(key) or TwinLife(self.alone.known(order_key(*key)) or b"")
        life.later[finding.order] = (finding.at, finding.evidence)
        self.followed.set(key, life)
        lapses = life.lapses(finding.at)
        if lapses and lapses[0][0] <= finding.at and lapses[0][1] is None:
            return []
        return _changed(head, finding, lapses)

    def note(self, head: Record | ResolvedEvent, record: Record) -> list[ResolvedEvent]:
        """Takes in what became of an order; returns what that says of those which repeat it."""
        if not says_something(record):
            return []
        if head.log >= self._turn_at:
            self._advance(head.log)
        key = (record.event.tenant, record.order)
        life = self.followed.get(key) if len(self.followed) else None
        if life is None:
            self._keep(order_key(*key), record)
            return []
        sign = sign_of(record)
        if sign in life.signs or len(life.signs) > MOST:
            return []
        before = {later: life.lapses(at) for later, (at, _) in life.later.items()}
        life.signs += sign
        self.followed.touched(key)
        found: list[ResolvedEvent] = []
        for later, (at, proof) in life.later.items():
            lapses = life.lapses(at)
            if lapses != before[later]:
                cited = (*proof, evidence(record))
                finding = noted(head.log, at, record, order=later, kind=SUSPECTED, scope_id=None, proof=cited, others=(key[1],))
                found += _changed(put(head, record, later, finding), finding, lapses)
        return found

    def _keep(self, name: str, record: Record) -> None:
        """Keeps a sign of an order that no other repeats as yet."""
        known = self.alone.known(name)
        placed = record.event.type == PLACED
        if known == APART and not placed:
            return
        if placed and not address_of(cast("OrderPlaced", record.event.data)) and not (known and is_placed(known)):
            self.alone.set(name, APART)
        elif known is None or known == APART:
            self.alone.set(name, sign_of(record))
        elif len(known) <= MOST and (sign := sign_of(record)) not in known:
            self.alone.set(name, known + sign)

    def _advance(self, log: int) -> None:
        self.alone.advance(log)
        self.followed.advance(log)
        self._turn_at = (log // REMEMBERED + 1) * REMEMBERED


def _changed(head: ResolvedEvent, finding: IdentityFinding, lapses: list[Stretch]) -> list[ResolvedEvent]:
    """That an order repeats another, with all times at which the other was not wanted: said at once, so that nothing is half known."""
    return [replace(head, item=structs.replace(finding, lapses=tuple(lapses)))]
