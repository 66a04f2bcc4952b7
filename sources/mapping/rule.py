"""What an entry of a mapping's `events` is once it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sources.mapping.expressions import Expression
from sources.mapping.values import Coded, Here, Reader


@dataclass(frozen=True, slots=True)
class RecordCondition:
    """Under which records are ignored or refused, and why."""

    when: Expression
    why: str


@dataclass(frozen=True, slots=True)
class MappingRule:
    """One entry of `events`: which records it is for, and what they say.

    `scan` is the code of a `carrier.scan`; `data` reads the other fields by name. `history` gives when the source said all of the list
    that `each` gives: what it no longer says is withdrawn.
    """

    types: tuple[str, ...] | Coded
    time: Callable[[Here], datetime | None]
    time_text: str
    when: Expression | None = None
    each: Expression | None = None
    order: Expression | None = None
    recorded: Callable[[Here], datetime | None] | None = None
    history: Callable[[Here], datetime | None] | None = None
    id: tuple[Expression, ...] = ()
    refused: tuple[RecordCondition, ...] = ()
    source: Expression | str | None = None
    scan: Coded | None = None
    data: dict[str, Reader] = field(default_factory=dict[str, "Reader"])

    @property
    def event_types(self) -> set[str]:
        """The types of events that it can give."""
        if isinstance(self.types, tuple):
            return set(self.types)
        return {type_ for table in self.types.tables for _, meaning in table.rows for type_ in meaning.terms}
