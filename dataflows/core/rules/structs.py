"""The data of the forms that rules are written in: `Overdue`, `Reported`, `Silent`, `Lasting`; what none says is a `Custom` function.

A form is immutable data. `judging` makes a judge of it, `derive` the triggers and texts; `forms` builds rules of forms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.conditions import Condition
from dataflows.core.rules.vocabulary import Anchor, Date, EventTerm, Held, Milestone, Scope, Staying, Strictly, Term, Where

Found = Iterable[Condition | None]
Find = Callable[[Facts, RuleSetting], Found]


class Form(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What all forms have in common: the orders that they speak of.

    `methods` and `terms` name the delivery methods and payment terms (none: all); `emits` pairs payment terms (`*`: any) with the milestone
    that the policy must say the feeds emit; `only` are tests of the order's fields as they stand.
    """

    methods: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    emits: tuple[tuple[str, str], ...] = ()
    only: tuple[Where, ...] = ()


class Overdue(Form, frozen=True, kw_only=True, tag=True):
    """Something was not reached in the rule's `threshold` from an anchor: a milestone, a date, or each event of a kind.

    `until`: what was awaited; `unless`: what ends the expectation otherwise. Several anchors of a shipment follow each other: the first
    counts until the next is reached. `ahead`: a date counts only if the deadline lies after the order came to have it. `owing`: only while
    the order owes anything; what comes to owe later counts from then.
    """

    since: Anchor | tuple[Milestone, ...]
    until: tuple[Term, ...]
    unless: tuple[Milestone | EventTerm, ...] = ()
    each: Scope = Scope.ORDER
    label: str = ""
    ahead: bool = False
    owing: bool = False


class Reported(Form, frozen=True, kw_only=True, tag=True):
    """An event says so: from it until one of the clearing terms at or after it, or until one of `unless`.

    `when`: of several, any. `after`: one of these was reached at or before it; `not_after`: none of these was. `first`: only the first such
    event of a parcel; `tracked`: only of parcels with a tracking number. `detail`: fields of its data, the first that is given. `minor`:
    events such as this have the rule's `minor_lane`. Of a parcel, what comes within the rule's `margin` after a scan that clears is of
    before. `for_good`: a cancellation answers it, also if the order is wanted again.
    """

    when: tuple[EventTerm, ...]
    until: tuple[Term, ...] = ()
    unless: tuple[Milestone | EventTerm, ...] = ()
    after: tuple[Milestone | EventTerm | Strictly, ...] = ()
    not_after: tuple[Milestone | EventTerm, ...] = ()
    each: Scope = Scope.ORDER
    detail: tuple[str, ...] = ()
    first: bool = False
    tracked: bool = False
    minor: EventTerm | None = None
    for_good: bool = False


class Between(msgspec.Struct, frozen=True, tag=True):
    """From each event of a kind until a milestone, if that comes at or after it."""

    event: EventTerm
    until: Milestone


class Silent(Form, frozen=True, kw_only=True, tag=True):
    """Nothing was heard for the rule's `threshold`.

    Without `heard` it is any event of the order; of a parcel, a scan once the carrier has it: the next scan of any kind ends the silence.
    `undated`: only while the order has no ship-by date; `paused_by`: a silence that would be broken then is none. `proven`:
    where the policy lists no milestones, only of who was seen to tell of one of these, or of an order of which a step was told.
    """

    heard: EventTerm | None = None
    unless: tuple[Milestone | EventTerm, ...] = ()
    each: Scope = Scope.ORDER
    undated: bool = False
    paused_by: tuple[Held | Between, ...] = ()
    proven: tuple[str, ...] = ()


class Lasting(Form, frozen=True, kw_only=True, tag=True):
    """A state has lasted for the rule's `threshold`, or reaches into the last `margin` before a date (`into`).

    `until`: events at or after its beginning that end it as well.
    """

    state: Held | Staying
    until: tuple[EventTerm, ...] = ()
    unless: tuple[Milestone | EventTerm, ...] = ()
    each: Scope = Scope.HOLD
    label: str = ""
    into: Date | None = None


class Custom(Form, frozen=True, kw_only=True, tag=True):
    """A function of the facts. `inputs`: the traits of events that it reads, at which it is judged again.

    `requires`: traits of which the order must have seen one for it to find anything; `unless_seen`: traits that rule it out; `timed`: it
    waits for something; `clears`: what ends it, for people; `ignores`: settings without an effect on it; `general`: those that hold for
    all orders alike. `absence`: it rests on something not having been said, so it waits for `grace` and for its feeds like what is overdue.
    `dated`: it counts from a date that may lie ahead; `placeless`: it speaks of events that no order is known for;
    `of_money`: its conditions say what difference of money they are about; `by`: its dates end in the same zone as this one.
    """

    find: Find
    inputs: tuple[str, ...]
    requires: tuple[str, ...] = ()
    unless_seen: tuple[str, ...] = ()
    timed: bool = False
    clears: str
    ignores: tuple[str, ...] = ()
    general: tuple[str, ...] = ()
    absence: bool = False
    dated: bool = False
    placeless: bool = False
    of_money: bool = False
    by: Date | None = None
    fits: Callable[[object, RuleSetting], bool] | None = None


AnyForm = Overdue | Reported | Silent | Lasting | Custom
