"""One shard of one identity stage: which alias belongs to which order, and what waits for an answer.

Pure: sightings go in by log order, placed items come out; it is handed the time and reads no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from sys import intern
from typing import Any, cast

from dataflows.core.engine.persistent import Change, Row
from dataflows.core.identity import checkpoint
from dataflows.core.identity.duplicates import Baskets
from dataflows.core.identity.erasing import Memory, erase
from dataflows.core.identity.items import (
    AliasLookup,
    Ambiguous,
    Head,
    ResolvedEvent,
    Tie,
    evidence,
    found_by_another,
    joined,
    noted,
    put,
    record_of,
)
from dataflows.core.identity.orphans import AliasKey, PendingQueue
from dataflows.core.identity.paces import Paces
from dataflows.core.identity.parcels import Parcels
from dataflows.core.identity.recent import AliasTable, NameTable, Recent
from dataflows.core.identity.relabels import TRACKING, MovedNumbers
from dataflows.core.identity.rules import IdentityRules
from dataflows.core.identity.sharding import (
    BETWEEN_ORDERS,
    CHILD,
    CUSTOMER,
    NAMELESS,
    PACE,
    PARCEL,
    PART,
    STAGE_TWO_KINDS,
    TWIN,
    UNCLAIMED,
    sightings,
)
from dataflows.core.identity.shared import GOODS, LINKED, Children, RecentEvents
from dataflows.core.identity.signs import LIFE
from dataflows.core.identity.twins import Lives
from schemas.aliases import aliases
from schemas.instants import NEVER
from schemas.record import IdentityFinding, Record

Owners = str | tuple[str, ...]
"""The order of an alias, or the several that claim it."""


class AliasResolver:
    """One alias shard of a stage. `resolved` and `onward` (what the next stage must see) fill up until they are drained."""

    def __init__(self, number: int, rules: IdentityRules) -> None:
        self._first = number == 1
        self._rules = rules
        self._ties: dict[tuple[str, str], AliasTable[Owners]] = {}
        self._waiting = PendingQueue(rules.keep, rules.may_wait, rules.backfill)
        self._parcels = Parcels(rules.keep, MovedNumbers(rules.keep) if number == 2 else None, self._waiting, self._join, self._report)
        self._baskets = Baskets(rules.twins_within)
        self._children = Children(rules.keep, rules.unplaced)
        self._lives = Lives()
        self._paces = Paces(rules.pace)
        self._turn_at = NEVER
        self._head = b""
        self.erased = False  # See `runtime.checkpoint.Core`.
        self._resolved: list[ResolvedEvent] = []
        self._onward: list[AliasLookup] = []

    def apply(self, sightings_: Iterable[AliasLookup]) -> None:
        """Takes sightings in, sorted by position."""
        turn_at, due = self._turn_at, self._waiting.due
        ties, first, waiting, children = self._ties, self._first, self._waiting, self._children
        seen = sightings_ if isinstance(sightings_, list) else list(sightings_)
        for place, (head, kind, value, watch) in enumerate(seen):
            log = head.log
            if log >= turn_at:
                turn_at = self._turn(log)
            if due and due[0][0] < log:
                waiting.advance(log)
            if kind in BETWEEN_ORDERS:
                # Every step of goods is looked for as one of a part; most are of an order that was placed, and no part of another.
                if kind != CHILD or children.tables or not children.is_whole(head, value):
                    self._relate(head, kind, value, home=watch)
                continue
            record = record_of(head)
            order = record.order
            if kind == TRACKING:
                if order or type(head) is ResolvedEvent or not found_by_another(seen, place, value):
                    self._parcels.see(head, record, value, watch=watch)
                continue
            key = (record.event.tenant, kind)
            if not first and kind not in STAGE_TWO_KINDS:
                self._watch(head, record, AliasKey(*key, value))
                continue
            table = ties.get(key)
            if table is None:
                table = ties[key] = AliasTable(self._rules.keep)
                table.advance(log)
            known = table.known(value)
            if order:
                if type(head) is ResolvedEvent:
                    waiting.forget(AliasKey(*key, value), record, log)
                if known != order:
                    self._tie(table, known, head, record, kind, value)
            elif known is None:
                waiting.wait(AliasKey(*key, value), cast("Record", record), watch=watch)
            elif isinstance(known, str):
                self._join(head, cast("Record", record), known)
            else:
                self._refuse(head, cast("Record", record), known, AliasKey(*key, value), watch=watch)

    def _relate(self, head: Head, kind: str, value: str, *, home: bool) -> None:
        """What is no alias: an event looked for where orders are compared, or where one may be a part of another."""
        if kind == CHILD:
            record = record_of(head)
            self._resolved += self._children.see(head, record, value, home=home)
            if self._first and record.event.type == LINKED:
                self._onward += self._children.numbered(head, cast("Record", record), value)
        elif kind == TWIN:
            self._resolved += self._lives.see(cast("Record | ResolvedEvent", head), value)
        elif kind == CUSTOMER:
            # Whether the earlier one is still wanted is known where it is told by its own name.
            found = self._baskets.see(head)
            self._onward += [(each, TWIN, cast("IdentityFinding", each.item).others[0], False) for each in found]
        elif kind == PACE:
            self._resolved += self._paces.see(head, value)
        elif kind == PART:
            step = cast("Record", record_of(head))
            parents = self._children.parents(step.event.tenant, step.order)
            self._resolved += [joined(head, own, parent) for own in self._parcels.nameless_of(head, step, value) for parent in parents]
        elif kind == PARCEL:
            self._parcels.take_over(cast("ResolvedEvent", head), value)
        elif kind == NAMELESS:
            self._parcels.remember(head, cast("Record", record_of(head)), value)
        elif kind == UNCLAIMED:
            self._parcels.adopt(cast("ResolvedEvent", head), value)
        else:
            memory = Memory(self._parcels.numbers, self._parcels.nameless, self._children, self._lives, self._baskets)
            self.erased |= erase(cast("Record", head), self._waiting, memory)

    def advance(self, to: int) -> None:
        """Lets log time pass: everything due before `to` (µs) is decided."""
        self._waiting.advance(to)

    @property
    def waiting(self) -> int:
        """At how many aliases events wait."""
        return len(self._waiting)

    def drain(self) -> tuple[list[ResolvedEvent], list[AliasLookup]]:
        """What came out since the last time: places in the logs of orders, and sightings for the second stage."""
        self._resolved += self._waiting.signals
        resolved, onward = self._resolved, self._onward + self._parcels.onward
        self._resolved, self._onward, self._parcels.onward, self._waiting.signals = [], [], [], []
        return resolved, onward

    def changes(self) -> Iterator[Change]:
        """The rows that changed since the last call; see `Persistent`."""
        tables = self._tables()
        head = checkpoint.scalars(tables)
        if head != self._head:
            self._head = head
            yield checkpoint.SCALARS, head
        for table in tables:
            yield from checkpoint.changed_rows(table)

    def rows(self) -> Iterator[Row]:
        """All rows."""
        tables = self._tables()
        yield checkpoint.SCALARS, checkpoint.scalars(tables)
        for table in tables:
            yield from checkpoint.all_rows(table)

    def restore(self, rows: Iterable[Row], changed_at: int | None = None) -> None:
        """Goes on from rows. `changed_at`: the log time (µs) from which on another policy holds than the one they were kept under, if so.

        Raises:
            ValueError: if they were written by a later version, or are incomplete.
        """
        # Written anew if it differs, such as that of an earlier version.
        self._head, tables = checkpoint.read(rows)
        for letter, names, last, entries in tables:
            if letter == checkpoint.PENDING:
                self._waiting.restore(last, entries, changed_at, kept=checkpoint.keeps_orphans(self._head))
                continue
            table = self._table(letter, names)
            if isinstance(table, AliasTable | NameTable):
                table.take_over(last, entries)
            else:
                table.restore(last, entries)

    def _table(self, letter: bytes, names: tuple[str, ...]) -> Recent[Any, Any]:
        """The table of a letter, and of a tenant or of a tenant's kind of alias; made if there is none yet."""
        by_names: dict[bytes, dict[Any, Any]] = {
            checkpoint.TIES: self._ties,
            checkpoint.NUMBERS: self._parcels.numbers,
            checkpoint.SCANS: self._parcels.nameless,
            checkpoint.CHILDREN: self._children.tables,
            checkpoint.MOVED: {} if self._parcels.moved is None else self._parcels.moved.tables,
        }
        if letter not in by_names:
            return next(table.entries for table in self._tables() if table.letter == letter)
        key = names if letter == checkpoint.TIES else names[0]
        made: Recent[Any, Any] = RecentEvents() if letter == checkpoint.SCANS else AliasTable(self._rules.keep)
        return cast("Recent[Any, Any]", by_names[letter].setdefault(key, made))

    def _tables(self) -> list[checkpoint.Table]:
        moved = {} if self._parcels.moved is None else self._parcels.moved.tables
        return [
            *(checkpoint.Table(checkpoint.TIES, names, table) for names, table in self._ties.items()),
            *(checkpoint.Table(checkpoint.NUMBERS, (tenant,), numbers) for tenant, numbers in self._parcels.numbers.items()),
            *(checkpoint.Table(checkpoint.SCANS, (tenant,), known) for tenant, known in self._parcels.nameless.items()),
            *(checkpoint.Table(checkpoint.CHILDREN, (tenant,), table) for tenant, table in self._children.tables.items()),
            *(checkpoint.Table(checkpoint.MOVED, (tenant,), table) for tenant, table in moved.items()),
            checkpoint.Table(checkpoint.PLACED, (), self._children.placed),
            checkpoint.Table(checkpoint.STEPS, (), self._children.steps),
            checkpoint.Table(checkpoint.PENDING, (), self._waiting.pendings),
            checkpoint.Table(checkpoint.BASKETS, (), self._baskets.seen),
            checkpoint.Table(checkpoint.LIVES, (), self._lives.alone),
            checkpoint.Table(checkpoint.FOLLOWED, (), self._lives.followed),
            checkpoint.Table(checkpoint.PACES, (), self._paces.known),
        ]

    def _turn(self, log: int) -> int:
        keep = max(self._rules.keep, 1)
        for table in self._ties.values():
            table.advance(log)
        self._parcels.advance(log)
        self._waiting.advance(log)
        self._turn_at = min((log // keep + 1) * keep, self._children.advance(log))
        return self._turn_at

    def _tie(self, table: AliasTable[Owners], known: Owners | None, head: Head, record: Record | Tie, kind: str, value: str) -> None:
        order = record.order
        if known is None:
            table.learn(value, intern(order))
            self._release(kind, value, head, record)
        elif isinstance(known, str):
            table.learn(value, (known, order))
        elif order not in known:
            table.learn(value, (*known, order))

    def _release(self, kind: str, value: str, head: Head, record: Record | Tie) -> None:
        key = AliasKey(record.event.tenant, kind, value) if len(self._waiting) else None
        for waiting in () if key is None else self._waiting.release(key, head.log, record.order):
            self._join(head, waiting, record.order)

    def _join(self, head: Head, own: Record, order: str) -> None:
        resolved = joined(head, own, order)
        self._resolved.append(resolved)
        if self._children and own.event.type in GOODS:
            self._resolved += [joined(head, own, parent) for parent in self._children.parents(own.event.tenant, order)]
        self._parcels.tie_relabelled(resolved, own)
        if self._first:
            self._onward += sightings(resolved, aliases(own.event))[1]
            if own.event.type in LIFE and self._rules.compare_customers:
                self._onward.append((resolved, TWIN, order, False))

    def _watch(self, head: Head, record: Record | Tie, key: AliasKey) -> None:
        """An alias of the first stage at the second: nothing is tied here, the event is only missed if the first stage cannot place it."""
        if record.order:
            self._waiting.forget(key, record, head.log)
        else:
            self._waiting.wait(key, cast("Record", record), watch=True)

    def _refuse(self, head: Head, record: Record, orders: tuple[str, ...], key: AliasKey, *, watch: bool) -> None:
        """The alias stands for several orders: an event that has nothing else cannot be placed, any other may be by its other aliases."""
        if len(aliases(record.event)) > 1:
            if not self._first:
                self._waiting.wait(key, record, watch=watch)
            return
        self._resolved.append(put(head, record, "", Ambiguous(record, key.kind, orders)))
        if self._first:
            self._onward += sightings(joined(head, record, orders[0]), aliases(record.event))[1]
        for order in orders:
            self._report(head, record, order, "data.identity_unresolved", None, record.at, orders)

    def _report(self, head: Head, record: Record | Tie, order: str, kind: str, scope: str | None, at: int, orders: tuple[str, ...]) -> None:
        """`orders`: those that it is about."""
        others = tuple(other for other in orders if other != order)
        finding = noted(head.log, at, record, order=order, kind=kind, scope_id=scope, proof=(evidence(record),), others=others)
        self._resolved.append(put(head, record, order, finding))
