"""An alias shard between runs: every entry of its tables is a row of plain data.

A row's key is the letter of its table and `[names of the table..., key]`, its value `[last used at the latest, value]`. The key of an alias
is its digest; the last release wrote the alias itself. The row of
scalars, `SCALARS`, is `[version, [[letter, names, last instant of its present generation]...]]`; there are no other tables.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, cast

import msgspec

from dataflows.core.engine.persistent import Change, Row
from dataflows.core.identity.codec import item_of, record_of_row, row_of
from dataflows.core.identity.duplicates import Placement
from dataflows.core.identity.orphans import AliasKey, PendingEvents
from dataflows.core.identity.recent import AliasTable, NameTable, Recent
from dataflows.core.identity.signs import signs_of
from dataflows.core.identity.tracking import pack
from dataflows.core.identity.twins import TwinLife
from schemas.record import Evidence, Orphan

VERSION = 7
"""Of the row of scalars. With 1 the rows of aliases had the aliases themselves as keys, up to 2 there were no scans and no children;
up to 3 orders that others may repeat were kept only if they had ended, with instants in place of signs; up to 4 orphans were closed for age
here, and the shard of their alias kept nothing of them; up to 5 there were no paces, up to 6 no numbers that moved on."""
WITHOUT_ORPHANS = 4
SCALARS = b"s"
TIES, NUMBERS, PENDING, BASKETS, SCANS, CHILDREN, LIVES, FOLLOWED = b"a", b"n", b"w", b"k", b"p", b"c", b"l", b"f"
PLACED, STEPS, PACES, MOVED = b"o", b"t", b"v", b"m"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Table(NamedTuple):
    """A table and what it is called: its letter, and the names that tell it from others of that letter."""

    letter: bytes
    names: tuple[str, ...]
    entries: Recent[Any, Any]


class StoredTable(NamedTuple):
    """What a table's rows hold: the last instant of the generation that it had come to, and its entries."""

    letter: bytes
    names: tuple[str, ...]
    last: int | None
    entries: list[tuple[Any, int, Any]]
    """Key, last instant of use, value."""


def scalars(tables: Iterable[Table]) -> bytes:
    """The row of scalars."""
    return _encode([VERSION, [[table.letter, table.names, table.entries.last] for table in tables]])


def changed_rows(table: Table) -> Iterator[Change]:
    """The rows of a table that changed since the last call."""
    entries = table.entries
    if isinstance(entries, AliasTable | NameTable):
        for former in entries.rewritten():
            yield _key(table, former), None
    for key, used, value in entries.changed_entries() if isinstance(entries, NameTable) else entries.changes():
        name = _key(table, key)
        yield name, None if value is None else _encode([used, _PACK[table.letter](value)])


def all_rows(table: Table) -> Iterator[Row]:
    """All rows of a table."""
    entries = table.entries
    for key, used, value in entries.all_entries() if isinstance(entries, NameTable) else entries.entries():
        yield _key(table, key), _encode([used, _PACK[table.letter](value)])


def read(rows: Iterable[Row]) -> tuple[bytes, list[StoredTable]]:
    """The row of scalars, and the tables of some rows.

    Raises:
        ValueError: if they were written by a later version, or are incomplete.
    """
    # Millions of rows: those of one table have all before the key in common, so that is looked at once.
    found: dict[tuple[bytes, tuple[str, ...]], list[tuple[Any, int, Any]]] = {}
    known: dict[bytes, tuple[Callable[[Any], Any], list[tuple[Any, int, Any]]]] = {}
    head: bytes | None = None
    start, size = b"\x00", 0
    unpack: Callable[[Any], Any] = _tie
    entries: list[tuple[Any, int, Any]] = []
    for name, packed in rows:
        if not name.startswith(start):
            if name[:1] == SCALARS:
                head = packed
                continue
            start = next((each for each in known if name.startswith(each)), b"")
            if not start:
                letter = name[:1]
                if letter not in _UNPACK:
                    raise ValueError(f"identity state holds a row of an unknown kind ({letter!r})")
                *names, key = cast("list[Any]", _decode(name[1:]))
                start = name[: len(name) - len(_encode(key))]
                known[start] = (_UNPACK[letter], found.setdefault((letter, tuple(names)), []))
            size = len(start)
            unpack, entries = known[start]
        used, value = _decode(packed)
        entries.append((_decode(name[size:]), used, unpack(value)))
    if head is None:
        raise ValueError("identity state is incomplete: its scalars are missing")
    version, tables = cast("tuple[int, list[Any]]", _decode(head))
    if not 1 <= version <= VERSION:
        raise ValueError(f"identity state of version {version}, this program reads version {VERSION}")
    for (letter, _), entries in found.items():
        if letter == PENDING:
            entries[:] = [(AliasKey(*key), used, value) for key, used, value in entries]
        elif letter in {LIVES, FOLLOWED}:
            # Up to version 3 those of both tables were lists of the tenant and the order.
            entries[:] = [(key if isinstance(key, bytes) else tuple(cast("list[str]", key)), used, value) for key, used, value in entries]
    return head, [StoredTable(letter, tuple(names), last, found.get((letter, tuple(names)), [])) for letter, names, last in tables]


def keeps_orphans(head: bytes) -> bool:
    """Whether the shards of aliases have what they were told of orphans, going by a row of scalars."""
    return cast("tuple[int, list[Any]]", _decode(head))[0] > WITHOUT_ORPHANS


def _key(table: Table, key: object) -> bytes:
    return table.letter + _encode([*table.names, key])


def _tie(value: str | list[str]) -> str | tuple[str, ...]:
    # Interned, as the events' own: an order's identifier stands in memory once, in however many ties it occurs.
    return sys.intern(value) if isinstance(value, str) else tuple(map(sys.intern, value))


def _pack_number(value: str | bytes) -> object:
    return value if isinstance(value, str) else msgspec.Raw(value)


def _number(value: str | list[Any]) -> str | bytes:
    return sys.intern(value) if isinstance(value, str) else pack(value)


def _pack_pending(pending: PendingEvents) -> object:
    events = [[row_of(record), watch] for record, watch in pending.events.values()]
    return [events, None if pending.raised is None else row_of(pending.raised), pending.due]


def _pending(value: list[Any]) -> PendingEvents:
    events, raised, due = value
    pending = PendingEvents(raised=None if raised is None else cast("Orphan", item_of(raised)), due=due)
    for row, watch in events:
        record = record_of_row(row)
        pending.events[record.event.source, record.event.id] = (record, watch)
    return pending


def _pack_basket(placements: list[Placement]) -> object:
    return [[p.at, p.order, list(p.evidence), p.flagged] for p in placements]


def _basket(value: list[Any]) -> list[Placement]:
    return [Placement(at, order, Evidence(*evidence), flagged) for at, order, evidence, flagged in value]


def _pack_life(life: TwinLife) -> object:
    return [life.signs, [[later, at, [list(one) for one in proof]] for later, (at, proof) in life.later.items()]]


def _life(value: list[Any]) -> TwinLife:
    signs, later = value
    repeats = {order: (at, tuple(Evidence(*one) for one in proof)) for order, at, proof in later}
    return TwinLife(_signs(signs), repeats)


def _alone(value: bytes | list[Any]) -> bytes:
    return value if isinstance(value, bytes) else _signs(value[0])


def _signs(value: bytes | list[Any]) -> bytes:
    """The signs of a row; up to version 3 they were instants."""
    return value if isinstance(value, bytes) else signs_of([(at, what) for at, what in value])


_PACK: dict[bytes, Callable[[Any], object]] = {
    TIES: lambda v: v,
    NUMBERS: _pack_number,
    PENDING: _pack_pending,
    BASKETS: _pack_basket,
    SCANS: lambda v: v,
    PLACED: lambda v: v,
    STEPS: lambda v: v,
    PACES: lambda v: v,
    MOVED: lambda v: v,
    CHILDREN: lambda v: v,
    LIVES: lambda v: v,
    FOLLOWED: _pack_life,
}
_UNPACK: dict[bytes, Callable[[Any], object]] = {
    TIES: _tie,
    NUMBERS: _number,
    PENDING: _pending,
    BASKETS: _basket,
    SCANS: lambda v: v,
    PLACED: lambda v: v,
    STEPS: lambda v: v,
    PACES: lambda v: v,
    MOVED: lambda v: v,
    CHILDREN: _tie,
    LIVES: _alone,
    FOLLOWED: _life,
}
