"""The words that rules are written in: events and their filters, milestones, dates, states and scopes. All of it is immutable data.

Nothing here computes. `reading` turns a term into a function of facts, `derive` into triggers and texts; a native evaluator could do both
from the same data, and a user's policy file builds the same structs.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from dataflows.core.history.parcels import NEVER_POSSESSION, POSSESSION

Value = str | int | None
UNHEARD: Final = ("case.", "action.", "policy.", "suggestion.", "feed.")
"""Prefixes of the event types that say nothing about the order itself."""


class Scope(Enum):
    """What one condition speaks of. A condition of a parcel has the scope of its shipment."""

    ORDER = "order"
    LINE = "line"
    SHIPMENT = "shipment"
    PARCEL = "parcel"
    PAYMENT = "payment"
    RETURN = "return"
    HOLD = "hold"


class Op(Enum):
    """How a field is compared."""

    IS = "is"
    IS_NOT = "is not"
    ABOVE = "above"
    AT_MOST = "at most"
    GIVEN = "given"
    NAMED = "named"
    """An update names the field, whatever it says of it."""


class Where(msgspec.Struct, frozen=True):
    """A test of one field: of an event's data or, where a form says so, of the order (`ship_to.country`)."""

    field: str
    op: Op
    values: tuple[Value, ...] = ()


class Lines(Enum):
    """Which events speak of the SKU that a condition is about."""

    ANY = "any"
    """Those whose lines have it, and those without lines."""
    STATED = "stated"
    """Those whose lines have it."""
    CANCELLED = "cancelled"
    """Those whose lines have it by SKU or by line."""
    IGNORED = "ignored"
    """All."""


class EventTerm(msgspec.Struct, frozen=True, tag="Event"):
    """Events of some types that pass all tests. `text` names one to people, as what ends a condition."""

    types: tuple[str, ...]
    where: tuple[Where, ...] = ()
    text: str = ""
    lines: Lines = Lines.ANY


class Milestone(Enum):
    """What an order, a shipment, a parcel or a return can come to. Its facts, events and texts stand in `MILESTONES`."""

    PLACED = "placed"
    SECURED = "secured"
    CAPTURED = "captured"
    ALLOCATED = "allocated"
    RELEASED = "released"
    PICKED = "picked"
    PACKED = "packed"
    LABELLED = "labelled"
    HANDED_OVER = "handed over"
    FIRST_SCAN = "first scan"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    ENDED = "ended"
    """Nothing more is owed: cancelled, or refunded in full; of a shipment or parcel also voided or replaced."""
    OVER = "over"
    """A parcel's journey: ended, delivered or returned."""
    SETTLED = "settled"
    """Of a shipment that turned back: the refund of its lines."""
    REFUND = "refund"
    """Of a return: a refund that names it, or that names none and came after it began."""
    NAMED_REFUND = "named refund"
    """Of a return: a refund that names it."""


class Covered(msgspec.Struct, frozen=True, tag=True):
    """The instant at which events of one type had covered every line."""

    event: str
    label: str


class ByTerms(msgspec.Struct, frozen=True, tag=True):
    """The anchor that the payment terms choose, unless the policy's `anchor` names one of the two."""

    prepaid: Milestone
    on_ship: Milestone


class Date(Enum):
    """A date that an order promises; each value that it had is a deadline of its own, replaced by the next."""

    SHIP_BY = "ship_by"
    PROMISED_BY = "promised_by"


class StatedInstant(msgspec.Struct, frozen=True, tag="Stated"):
    """An instant that an event states; the next such event of the same payment replaces it."""

    event: EventTerm
    field: str
    label: str


class Held(msgspec.Struct, frozen=True, tag=True):
    """A hold of one of these kinds is open."""

    kinds: tuple[str, ...]


class Staying(msgspec.Struct, frozen=True, tag=True):
    """A parcel's scans are such, one after another."""

    event: EventTerm
    label: str


class Next(msgspec.Struct, frozen=True, tag=True):
    """The next scan of the parcel that is such; `other`: that is not such."""

    event: EventTerm
    other: bool = False


class Strictly(msgspec.Struct, frozen=True, tag=True):
    """A milestone, not at the same instant."""

    milestone: Milestone


Anchor = Milestone | EventTerm | Covered | ByTerms | Date | StatedInstant
Term = Milestone | EventTerm | Next | Strictly


def event(*types: str, text: str = "", lines: Lines = Lines.ANY, where: tuple[Where, ...] = (), **fields: Value) -> EventTerm:
    """Events of these types whose fields have these values."""
    return EventTerm(types, (*(Where(name, Op.IS, (value,)) for name, value in fields.items()), *where), text, lines)


def scan(*statuses: str, reason: Value | tuple[Value, ...] = "", where: tuple[Where, ...] = (), text: str = "") -> EventTerm:
    """Scans with one of these statuses (none: any) and, where stated, one of these reasons."""
    tests = list(where)
    if reason != "":
        tests.insert(0, Where("reason", Op.IS, reason if isinstance(reason, tuple) else (reason,)))
    if statuses:
        tests.insert(0, Where("status", Op.IS, statuses))
    return EventTerm(("carrier.scan",), tuple(tests), text)


def excluding(field: str, *values: Value) -> tuple[Where, ...]:
    """A test that a field has none of these values."""
    return (Where(field, Op.IS_NOT, values),)


POSSESSED: Final = scan(*sorted(POSSESSION), where=excluding("reason", *sorted(NEVER_POSSESSION)), text="a possession scan")
"""A scan that shows that the carrier has the parcel."""
GOES_ON: Final = event(
    *("warehouse.released", "warehouse.pick_started", "warehouse.picked", "warehouse.packed", "warehouse.shipped"),
    text="a later warehouse step",
    lines=Lines.IGNORED,
)
"""The warehouse works on the order."""
CANCELLATION: Final = "the cancellation"


class Reached(msgspec.Struct, frozen=True):
    """What is known of a milestone.

    `fact`: the attribute of the facts of an order; empty: it is one of a shipment, a parcel or a return. `types`: the event types without
    which it is never reached. `arms`: traits of events at which it may just have been reached. `met`: traits of an event that speaks of
    the whole order after which it has been reached; `first`: the first such event is enough, whatever part it speaks of. `text` and
    `event` name it and what brings it to people.
    """

    text: str
    event: str
    fact: str = ""
    types: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    met: tuple[str, ...] = ()
    first: bool = False


STATED_TRAITS: Final = {("payment.authorized", "expires_at"): ("expires", "settled")}
"""Finer traits of an event that states an instant, and of one after which it is not awaited."""
_LEFT: Final = ("warehouse.shipped", "scanned")
_MOVED: Final = ("warehouse.shipped", "carrier.scan")
_PAID: Final = ("payment.authorized", "payment.captured")
_PACKED: Final = "warehouse.packed"
_PICKED: Final = "warehouse.picked"
_RELEASES: Final = ("warehouse.released", "warehouse.pick_started", _PICKED, _PACKED)
_ENDS: Final = ("order.cancelled", "payment.refunded")
_SHIPPED: Final = ("warehouse.shipped", "unannounced")

MILESTONES: Final[dict[Milestone, Reached]] = {
    Milestone.PLACED: Reached("the order", "an order.placed", "placed_at", ("order.placed",), ("order.placed",), ("order.placed",), True),
    Milestone.SECURED: Reached(
        "an authorization or capture", "a payment.authorized or payment.captured", "authorized", _PAID, _PAID, _PAID, True
    ),
    Milestone.CAPTURED: Reached("a capture", "a payment.captured", "captured", _PAID[1:], _PAID[1:], _PAID[1:], True),
    Milestone.ALLOCATED: Reached(
        "the allocation",
        "an inventory.allocated for every line",
        "allocated",
        ("inventory.allocated", *_RELEASES, *_MOVED),
        met=("inventory.allocated", *_RELEASES, *_LEFT),
    ),
    Milestone.RELEASED: Reached(
        "the release", "a warehouse.released", "released", (*_RELEASES, *_MOVED), _RELEASES, met=(*_RELEASES, *_LEFT)
    ),
    Milestone.PICKED: Reached(
        "the pick (or a later step)", "a warehouse.picked", "picked", (_PICKED, _PACKED, *_MOVED), met=(_PICKED, _PACKED, *_LEFT)
    ),
    Milestone.PACKED: Reached("the packing (or a later step)", "a warehouse.packed", "packed", (_PACKED, *_MOVED), met=(_PACKED, *_LEFT)),
    Milestone.LABELLED: Reached("a label", "a warehouse.label_created", arms=("warehouse.label_created",)),
    Milestone.HANDED_OVER: Reached("the hand-over", "a warehouse.shipped", arms=("warehouse.shipped",)),
    Milestone.FIRST_SCAN: Reached("the first possession scan", "a carrier.scan that shows possession", met=("scanned",)),
    Milestone.SHIPPED: Reached("the shipment", "a warehouse.shipped or a possession scan", "shipped", _MOVED, _SHIPPED, _LEFT),
    Milestone.DELIVERED: Reached(
        "the delivery",
        "a delivered scan for every parcel",
        "delivered",
        ("carrier.scan",),
        ("carrier.scan:delivered",),
        ("carrier.scan:delivered",),
    ),
    Milestone.RETURNED: Reached("the return to the sender", "a returned scan", met=("carrier.scan:returned",)),
    Milestone.CANCELLED: Reached(CANCELLATION, "an order.cancelled", "cancelled", _ENDS[:1]),
    Milestone.ENDED: Reached("the end of the order", "an order.cancelled", "ended", _ENDS),
    Milestone.OVER: Reached(
        "the end of the shipment", "a delivered or returned scan", met=("carrier.scan:delivered", "carrier.scan:returned")
    ),
    Milestone.SETTLED: Reached("a refund of its lines", "a payment.refunded"),
    Milestone.REFUND: Reached("the refund", "a payment.refunded"),
    Milestone.NAMED_REFUND: Reached("a refund", "a payment.refunded"),
}
