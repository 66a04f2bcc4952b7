"""Who has spoken of an order, and the carriers and sites that were named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schemas.record import Record


class Voices(NamedTuple):
    """The sources of an order's events, and the names of carriers and sites in them."""

    sources: frozenset[str]
    names: frozenset[str]

    def heard(self, record: Record) -> Voices:
        """The voices with one event more: these themselves, if it says nothing new of them."""
        source, names = record.event.source, names_in(record)
        if source in self.sources and self.names.issuperset(names):
            return self
        return Voices(self.sources | {source}, self.names.union(names))


def voices_of(records: Iterable[Record]) -> Voices:
    """The voices in a history."""
    sources: set[str] = set()
    names: set[str] = set()
    for record in records:
        sources.add(record.event.source)
        names.update(names_in(record))
    return Voices(frozenset(sources), frozenset(names))


def names_in(record: Record) -> list[str]:
    """The carrier and the site that an event names."""
    data = record.event.data
    named = (getattr(data, "carrier", None), getattr(data, "site", None))
    return [name for name in named if isinstance(name, str)]
