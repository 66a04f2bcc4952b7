"""What an order says of itself: its fields, as they were placed and as they were changed."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from tests.oracle.judging.reading import NEVER, Event, Json, Line, Money, lines_of, mapping, money, text
from tests.oracle.judging.shipments import first

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracle.judging.settings import Policy, Setting

T = TypeVar("T")
TERMS = ("prepaid", "on_ship", "on_delivery", "invoice", "external")
METHODS = ("ship", "pickup", "local", "digital")


@dataclass(frozen=True, slots=True)
class Segment(Generic[T]):
    """A value and from when until when it was in force."""

    value: T
    start: int
    end: int


def patched(before: Json, patch: Json) -> dict[str, object]:
    """JSON Merge Patch (RFC 7396)."""
    after = dict(before)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict):
            after[name] = patched(mapping(after, name), mapping(patch, name))
        else:
            after[name] = value
    return after


@dataclass
class Fields:
    """One order: its history without duplicates and withdrawn events, sorted by time, and its fields."""

    tenant: str
    id: str
    history: list[Event]
    policy: Policy
    reused: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    unresolved: list[Event] = field(default_factory=list[Event])
    duplicate: bool = False

    def of(self, *types: str) -> list[Event]:
        """The events of the types, in history order."""
        return [event for event in self.history if event.type in types]

    def setting(self, kind: str) -> Setting:
        """The effective setting of a kind."""
        return self.policy.rules[kind]

    # --- order fields -----------------------------------------------------------------------------------------------

    @functools.cached_property
    def placed(self) -> int:
        """P."""
        return first(self.of("order.placed"))

    @functools.cached_property
    def states(self) -> list[tuple[int, dict[str, object]]]:
        """The order's fields after each change of them."""
        states: list[tuple[int, dict[str, object]]] = [(self.placed, patched({}, self.of("order.placed")[0].data))]
        for update in self.of("order.updated"):
            if update.at >= self.placed:
                states.append((update.at, patched(states[-1][1], update.data)))
        return states

    @property
    def latest(self) -> dict[str, object]:
        """The fields after all changes."""
        return self.states[-1][1]

    def segments(self, value: Callable[[Json], T]) -> list[Segment[T]]:
        """The values that something about the fields had, each with the time that it was in force."""
        found: list[Segment[T]] = []
        for (start, fields), end in zip(self.states, [*(at for at, _ in self.states[1:]), NEVER], strict=True):
            now = value(fields)
            if found and found[-1].value == now:
                found[-1] = Segment(now, found[-1].start, end)
            else:
                found.append(Segment(now, start, end))
        return found

    @property
    def terms(self) -> str:
        """Latest payment terms."""
        terms = text(self.latest, "payment_terms")
        return terms if terms in TERMS else "prepaid"

    @property
    def method(self) -> str:
        """Latest method of delivery."""
        method = text(self.latest, "method")
        return method if method in METHODS else "ship"

    @functools.cached_property
    def lines(self) -> list[Line]:
        """Latest lines as ordered."""
        return lines_of(self.latest)

    @property
    def total(self) -> Money | None:
        """Latest total."""
        return money(self.latest, "total")
