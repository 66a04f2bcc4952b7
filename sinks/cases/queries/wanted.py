"""What is wanted of a list: filters, each None or empty where it does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final, Literal

Breach = Literal["acknowledge", "resolve", "any"]
Sort = Literal["gravity", "clock", "due", "age", "value", "newest"]
"""What comes first: the gravest; the clock that runs out next; the earliest deadline; the oldest; the most valuable; the last said."""
SEVERITIES: Final = ("critical", "high", "medium", "low")
STATES: Final = ("new", "acknowledged", "assigned", "snoozed", "waiting", "resolved", "open")
"""Of a case; `open`: it was opened again, and nobody has taken it up since."""
RESTING: Final = ("snoozed", "waiting")
"""States of cases that somebody has put aside: they come back by themselves."""
IN_HAND: Final = tuple(state for state in STATES if state not in (*RESTING, "resolved"))
"""States of cases that somebody is to work on now: what lists show where nothing is said of the state."""
ACTION_STATES: Final = (
    *("proposed", "requested", "begun", "in_doubt", "failed", "blocked"),
    *("executed", "rejected", "expired", "withdrawn"),
)


class FilterError(ValueError):
    """A filter that no list can be made by; the message says in one line what to change."""


@dataclass(frozen=True, slots=True)
class ExceptionFilter:
    """Which exceptions are wanted. Values of one field are alternatives; the fields must all hold.

    `states`: of the case. `teams`: who has it (the team that it was given to, else the owner). `unassigned`: nobody is named, as an
    alternative to `assignees`; `assigned`: somebody is. `kinds`: whole kinds, or domains (`shipment`). `older_than`: raised that long
    before the instant of looking, or earlier. `breached`: which clock of the case has run out. `text`: stands in the sentence or in the
    order ID, in any letter case, or begins the exception ID; only of what is open or suppressed. Of rules in shadow nothing is listed
    unless `modes` says so.

    `newer_than`: raised since. `due_within`: the next clock of the case runs out from now on within that time. `waking_within`: snoozed,
    for no longer than that. `handed_within`: somebody else has given it to its assignee within that time. `worth_from`, `worth_to`: the
    order's total, in whichever currency it has. `action_states`: of any of its actions. `shipments`: about a parcel, or about shipping.
    """

    statuses: tuple[str, ...] = ("open",)
    states: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    unassigned: bool = False
    kinds: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    carriers: tuple[str, ...] = ()
    lanes: tuple[str, ...] = ()
    modes: tuple[str, ...] = ("on",)
    older_than: timedelta | None = None
    breached: Breach | None = None
    text: str | None = None
    skus: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    action_states: tuple[str, ...] = ()
    worth_from: Decimal | None = None
    worth_to: Decimal | None = None
    newer_than: timedelta | None = None
    due_within: timedelta | None = None
    waking_within: timedelta | None = None
    handed_within: timedelta | None = None
    blocking: bool | None = None
    reopened: bool | None = None
    escalated: bool | None = None
    waiting_on: tuple[str, ...] = ()
    assigned: bool = False
    shipments: bool = False


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """Which actions are wanted.

    `teams`: of those who have its exception; `sites`: of its exception. `waiting`: an approval is outstanding.
    """

    states: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    waiting: bool = False
