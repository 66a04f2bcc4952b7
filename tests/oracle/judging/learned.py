"""Which milestones feeds have been seen to tell of, and from which place in the log on (`Armed` in section 2 of the catalogue)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.oracle.judging.reading import ALIASES, Event

if TYPE_CHECKING:
    from collections.abc import Iterable

SCANS = frozenset({"first_scan", "progress", "delivered"})
"""What `scans` in a list of milestones stands for."""
AT_ONCE = frozenset({"placed", "captured", "shipped", "delivered"})
"""The milestones that are waited for from the start."""
ENOUGH = 20
OF_CARRIERS = ("first_scan", "progress")
OF_SITES = ("allocated", "released", "picked", "packed")
TOLD_BY = {
    "payment.authorized": "authorized",
    "payment.captured": "captured",
    "warehouse.shipped": "shipped",
    "payment.refunded": "refunded",
    "invoice.issued": "invoiced",
    "return.inspected": "inspected",
    "return.shipped": "return_shipped",
    **{f"warehouse.{step}": step for step in ("released", "picked", "packed")},
    "inventory.allocated": "allocated",
}
Place = tuple[int, int]
"""Where an event stands in the log: its log time, and its place among those of that time."""


class Teller(NamedTuple):
    """Whose word it is: a tenant's source, about one carrier or site."""

    tenant: str
    source: str
    place: str


def place_of(event: Event) -> Place:
    """Where an event stands in the log."""
    return (event.log, event.place)


def shown_by(event: Event) -> list[str]:
    """The milestones of which an event is a record of its own."""
    if event.type != "carrier.scan":
        return [TOLD_BY[event.type]] if event.type in TOLD_BY else []
    if event.text("status") == "accepted":
        return ["first_scan"]
    return ["first_scan", "progress"] if event.text("status") in ("in_transit", "customs") else []


def told_for(event: Event, milestone: str) -> str:
    """The carrier or site that the event speaks for: the one it names, else its source's."""
    named = event.text("carrier" if milestone in OF_CARRIERS else "site")
    return (named or event.source.rstrip("/").split("/")[-1]).casefold()


def spoken_of(event: Event) -> str:
    """The order that an event names, else what it names instead."""
    names = [event.text(name) for name in ALIASES]
    return event.subject or next((name for name in [*event.numbers, *names] if name), "")


@dataclass
class Learned:
    """What a log teaches: of each milestone who tells of it, each with where it had done so of enough orders."""

    armed: dict[str, dict[Teller, Place]] = field(default_factory=dict[str, dict[Teller, Place]])

    @classmethod
    def of(cls, log: Iterable[Event]) -> Learned:
        """What a log teaches, in its order."""
        found = cls()
        orders: dict[tuple[str, Teller], set[str]] = {}
        for event in log:
            for milestone in shown_by(event):
                teller = Teller(event.tenant, event.source, told_for(event, milestone))
                mine = orders.setdefault((milestone, teller), set())
                mine.add(spoken_of(event))
                if len(mine) == ENOUGH:
                    found.armed.setdefault(milestone, {}).setdefault(teller, place_of(event))
        return found

    def knows(self, tenant: str, milestone: str, of: set[str], anchor: Place) -> bool:
        """Whether somebody was known to tell of a milestone of these carriers or sites (none: of any) by a place in the log."""
        tellers = self.armed.get(milestone, {})
        return any(one.tenant == tenant and (not of or one.place in of) and at <= anchor for one, at in tellers.items())
