"""What an entry can speak of, as immutable data: words of the parts of an order, events, dates, statuses; and the entry itself."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from dataflows.core.clocks import Span
from dataflows.core.history.returns import RETURNS
from dataflows.core.policy.setting import Lane, Severity
from dataflows.core.predicates import Part, Predicate
from schemas.learned import SCANS

FormName = Literal["overdue", "early", "reported", "silent", "lasting", "apart"]
FORMS: Final[tuple[FormName, ...]] = ("overdue", "early", "reported", "silent", "lasting", "apart")
SCAN: Final = "carrier.scan"
DELIVERED_SCAN: Final = "carrier.scan:delivered"
_ENDS: Final = ("order.cancelled", "payment.refunded", "payment.captured", "order.updated")
_LEAVING: Final = ("warehouse.label_created", "warehouse.shipped", "warehouse.shipment_cancelled", SCAN)
_ARRIVING: Final = (*_LEAVING[:3], DELIVERED_SCAN)
_PACKING: Final = ("warehouse.packed", *_LEAVING)
_PICKING: Final = ("warehouse.picked", *_PACKING)
_RELEASING: Final = ("warehouse.released", "warehouse.pick_started", *_PICKING)

WORDS: Final[dict[Part, dict[str, tuple[str, ...]]]] = {
    Part.ORDER: {
        "placed": ("order.placed",),
        "authorized": ("payment.authorized", "payment.captured"),
        "captured": ("payment.captured",),
        "allocated": ("inventory.allocated", *_RELEASING),
        "released": _RELEASING,
        "picked": _PICKING,
        "packed": _PACKING,
        "labelled": ("warehouse.label_created",),
        "shipped": _LEAVING,
        "delivered": _ARRIVING,
        "cancelled": ("order.cancelled", "order.updated"),
        "ended": _ENDS,
    },
    Part.LINE: {
        "allocated": ("inventory.allocated", *_RELEASING),
        "released": _RELEASING,
        "picked": _PICKING,
        "packed": _PACKING,
        "shipped": _LEAVING,
        "delivered": _ARRIVING,
        "cancelled": ("order.cancelled", "order.updated"),
    },
    Part.SHIPMENT: {
        "labelled": _LEAVING,
        "handed_over": _LEAVING,
        "first_scan": _LEAVING,
        "shipped": _LEAVING,
        "delivered": _ARRIVING,
        "returned": _LEAVING,
        "ended": (*_LEAVING, *_ENDS),
    },
    Part.PARCEL: {
        "labelled": _LEAVING,
        "handed_over": _LEAVING,
        "first_scan": _LEAVING,
        "delivered": _ARRIVING,
        "returned": _LEAVING,
        "ended": (*_LEAVING, *_ENDS),
    },
    Part.PAYMENT: {
        "authorized": ("payment.authorized",),
        "captured": ("payment.captured",),
        "voided": ("payment.voided",),
        "failed": ("payment.failed",),
        "refunded": ("payment.refunded",),
        "disputed": ("payment.disputed",),
    },
    Part.RETURN: {**{name.partition(".")[2]: (name,) for name in RETURNS}, "refunded": ("payment.refunded",)},
    Part.HOLD: {"placed": ("order.hold_placed",), "released": ("order.hold_released",)},
}
"""What each part can come to, and the traits of the events without which it never does. A word that a part lacks is the order's."""
EACH: Final = tuple(WORDS)
_EMITTED: Final = {
    "captured": "captured",
    "authorized": "authorized",
    "allocated": "allocated",
    "released": "released",
    "picked": "picked",
    "packed": "packed",
    "shipped": "shipped",
    "handed_over": "shipped",
    "delivered": "delivered",
    "first_scan": "first_scan",
}
_EMITTED_OF_RETURNS: Final = {"shipped": "return_shipped", "inspected": "inspected", "refunded": "refunded"}
EMITTED: Final[dict[Part, dict[str, str]]] = {**dict.fromkeys(WORDS, _EMITTED), Part.RETURN: _EMITTED_OF_RETURNS, Part.HOLD: {}}
"""The milestones of `emits` by the words of parts that need them: a rule that awaits what no feed tells of would hold of every order."""
STATUSES: Final = ("placed", "allocated", "released", "picked", "packed", "shipped", "delivered")
"""The statuses of an order, each of which lasts until a later one is reached."""
DATES: Final[dict[str, tuple[frozenset[Part], tuple[str, ...]]]] = {
    "order.ship_by": (frozenset(Part), ("order.placed", "order.updated")),
    "order.promised_by": (frozenset(Part), ("order.placed", "order.updated")),
    "line.ship_by": (frozenset((Part.LINE,)), ("order.placed", "order.updated")),
    "line.promised_by": (frozenset((Part.LINE,)), ("order.placed", "order.updated")),
    "parcel.eta": (frozenset((Part.PARCEL,)), (*_LEAVING, "estimate", "order.updated")),
    "payment.expires_at": (frozenset((Part.PAYMENT,)), ("payment.authorized",)),
    "backorder.expected_at": (frozenset(Part), ("inventory.backordered",)),
}
"""The dates that an entry can name: the parts that have them, and the traits of the events that bring or move them."""


class Word(msgspec.Struct, frozen=True, tag=True):
    """What a part of an order can come to."""

    part: Part
    name: str


class Occurrence(msgspec.Struct, frozen=True, tag=True):
    """An event of one of some types that passes a test."""

    types: tuple[str, ...]
    where: Predicate | None
    text: str


class OtherStatus(msgspec.Struct, frozen=True, tag=True):
    """The next scan of the parcel that is not such."""


class DateName(msgspec.Struct, frozen=True, tag=True):
    """A date; each value that it had counts until the next."""

    name: str


class Choice(msgspec.Struct, frozen=True, tag=True):
    """The earliest or the latest of several words; the latest is known once all are."""

    latest: bool
    words: tuple[Word, ...]


Term = Word | Occurrence | OtherStatus
Anchor = Word | Occurrence | DateName | Choice


class ThresholdCase(msgspec.Struct, frozen=True):
    """The threshold of the parts that pass a test."""

    where: Predicate
    threshold: Span


class Share(msgspec.Struct, frozen=True):
    """A step at so many per cent of the threshold."""

    percent: int
    severity: Severity


class Handling(msgspec.Struct, frozen=True):
    """Who owns an exception from a step on, and its lane."""

    at: Span
    owner: str | None
    lane: Lane | None


class UserRule(msgspec.Struct, frozen=True, kw_only=True):
    """One entry, checked. What a form does not use is empty; see `parse` for what each needs."""

    form: FormName
    each: Part
    where: Predicate | None = None
    since: Anchor | None = None
    until: tuple[Term, ...] = ()
    unless: tuple[Word | Occurrence, ...] = ()
    when: Word | Occurrence | None = None
    after: tuple[Word | Occurrence, ...] = ()
    not_after: tuple[Word | Occurrence, ...] = ()
    times: int = 1
    within: Span | None = None
    """Of `reported`: the time within which it must have happened so often."""
    source: tuple[str, ...] = ()
    states: tuple[tuple[str, Span | None], ...] = ()
    """Of `lasting`: statuses, each with a threshold of its own if it has one; none: all of them."""
    date: DateName | None = None
    later_than: DateName | None = None
    earlier_than: DateName | None = None
    cases: tuple[ThresholdCase, ...] = ()
    shares: tuple[Share, ...] = ()
    handling: tuple[Handling, ...] = ()


def milestones_awaited(rule: UserRule) -> frozenset[str]:
    """The milestones of which an entry waits for one; none, where it may end by something that no feed need be known to tell."""
    if rule.form != "overdue" or not all(isinstance(term, Word) for term in rule.until):
        return frozenset()
    needed = [EMITTED[term.part].get(term.name) for term in rule.until if isinstance(term, Word)]
    return frozenset(name for name in needed if name) if all(needed) else frozenset()


_SHOWN_BY: Final[dict[str, frozenset[str]]] = {
    SCAN: SCANS,
    "warehouse.shipped": frozenset(("shipped",)),
    "warehouse.packed": frozenset(("packed",)),
    "warehouse.picked": frozenset(("picked",)),
    "warehouse.released": frozenset(("released",)),
    "inventory.allocated": frozenset(("allocated",)),
    "payment.authorized": frozenset(("authorized",)),
    "payment.captured": frozenset(("captured",)),
    "payment.refunded": frozenset(("refunded",)),
    "invoice.issued": frozenset(("invoiced",)),
    "return.inspected": frozenset(("inspected",)),
    "return.shipped": frozenset(("return_shipped",)),
}
"""The milestones of `emits` that an event of a type shows."""


def milestones_shown(rule: UserRule) -> frozenset[str]:
    """The milestones that the events show of which an entry waits for one; none, where others than such may end it."""
    if rule.form != "overdue":
        return frozenset()
    found = [_SHOWN_BY.get(type_) for term in rule.until for type_ in (term.types if isinstance(term, Occurrence) else ("",))]
    return frozenset[str]().union(*(each for each in found if each)) if found and all(found) else frozenset()
