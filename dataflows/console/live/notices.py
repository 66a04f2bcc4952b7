"""What a page is told of changes in the store: which rows of its list are new, which have changed, which are no longer of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import orjson
from sqlalchemy import Connection

from dataflows.console.live.interests import Interest
from sinks.cases.queries.changes import (
    ChangedRow,
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


def notice(connection: Connection, found: StoreChanges, interest: Interest, now: datetime) -> Notice:
    """What a page with this interest is told of some changes. Raises FilterError."""
    if not found.complete:
        return Notice(found.position, complete=False)
    if interest.shows == "feeds":
        rows = [MatchedRow(row.id, row.sequence, now=True, before=row.before is not None) for row in found.incidents]
    elif interest.shows == "actions":
        rows = matching_actions(connection, _only(found.actions, interest), interest.actions)
    else:
        rows = matching_exceptions(connection, _only(found.exceptions, interest), interest.exceptions, now)
    return Notice(
        found.position,
        new=tuple((row.id, row.sequence) for row in rows if row.now and not row.before),
        changed=tuple((row.id, row.sequence) for row in rows if row.now and row.before),
        gone=tuple((row.id, row.sequence) for row in rows if row.before and not row.now),
    )


def _only(rows: Sequence[ChangedRow], interest: Interest) -> Sequence[ChangedRow]:
    if not interest.only:
        return rows
    wanted = frozenset(interest.only)
    return [row for row in rows if row.id in wanted]
