"""What a page is told of changes in the store: which rows of its list are new, which have changed, which are no longer of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import orjson
from sqlalchemy import Connection

from dataflows.console.live.interests import Interest
from sinks.cases.queries.changes import (
    MatchedRow,
    Position,
    StoreChanges,
    matching_actions,
    matching_exceptions,
    packed_position,
)

MOST_IDS: Final = 1_000
"""Rows of one sort that are named; further ones are counted."""
Pair = tuple[str, int]


@dataclass(frozen=True)
class Notice:
    """Changes of a list up to a position: IDs with the number of their last event. `complete`: False if the page is to be read anew.

    All pages that show the same are told by the same one: what is sent is made once.
    """

    position: Position
    new: tuple[Pair, ...] = ()
    changed: tuple[Pair, ...] = ()
    gone: tuple[Pair, ...] = ()
    complete: bool = True

    @property
    def says_something(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.new or self.changed or self.gone) or not self.complete

    def data(self) -> dict[str, object]:
        """As it is sent."""
        lists = {"new": self.new, "changed": self.changed, "gone": self.gone}
        named = {name: [list(pair) for pair in pairs[:MOST_IDS]] for name, pairs in lists.items()}
        more = {name: max(0, len(pairs) - MOST_IDS) for name, pairs in lists.items()}
        return {**named, "more": more, "complete": self.complete}

    @cached_property
    def payload(self) -> bytes:
        """The same, packed."""
        return orjson.dumps(self.data())

    @cached_property
    def id(self) -> str:
        """What a browser names when it comes back."""
        return packed_position(self.position)


def notices(connection: Connection, found: StoreChanges, interests: Collection[Interest], now: datetime) -> dict[Interest, Notice]:
    """What pages with these interests are told of some changes. Raises FilterError."""
    if not found.complete:
        return dict.fromkeys(interests, Notice(found.position, complete=False))
    lists = [one for one in interests if one.shows == "exceptions"]
    matched = matching_exceptions(connection, found.exceptions, [one.exceptions for one in lists], now)
    rows: dict[Interest, Sequence[MatchedRow]] = {one: _only(of_it, one) for one, of_it in zip(lists, matched, strict=True)}
    for one in interests:
        if one.shows == "feeds":
            rows[one] = [MatchedRow(row.id, row.sequence, now=True, before=row.before is not None) for row in found.incidents]
        elif one.shows == "actions":
            rows[one] = _only(matching_actions(connection, found.actions, one.actions), one)
    return {one: _notice(found.position, of_it) for one, of_it in rows.items()}


def _notice(position: Position, rows: Sequence[MatchedRow]) -> Notice:
    return Notice(
        position,
        new=tuple((row.id, row.sequence) for row in rows if row.now and not row.before),
        changed=tuple((row.id, row.sequence) for row in rows if row.now and row.before),
        gone=tuple((row.id, row.sequence) for row in rows if row.before and not row.now),
    )


def _only(rows: Sequence[MatchedRow], interest: Interest) -> Sequence[MatchedRow]:
    return [row for row in rows if row.id in interest.only] if interest.only else rows
