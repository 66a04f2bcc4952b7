"""What a rule is: its definition for people, its setting for the policy, its forms, and what follows from them for the engine.

A rule never keeps state and never reads a clock. Its judge maps the facts of one order to *conditions*: stretches of event time
during which something is wrong. The engine compares conditions with what it has published and says the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from dataflows.core.clocks import Span
from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.policy.setting import OF_ALL, Shape
from dataflows.core.rules.conditions import Condition
from dataflows.core.rules.structs import AnyForm
from schemas.plain import Data

Fits = Callable[[object, "RuleSetting"], bool]
Judge = Callable[["Facts", "RuleSetting"], "Iterable[Condition | None]"]


@dataclass(frozen=True, slots=True)
class Triggers:
    """When the engine evaluates a rule. It saves work: a rule is true or not by its judge alone.

    The engine knows what an order has seen by *traits*: event types, and finer ones that tell, say, a parcel's first scan from a later one
    (the engine's `classify` finds them). `on` are traits of events that can make the condition true at once, `arms` of those that start an
    expectation, so that the engine must check again later (`*`: any event); both count only if the order has one of the traits in `needs`
    (if any are given) and none of `unless`. `met_by` are traits after which nothing is awaited: of events that speak of the whole order, or
    of any part where `partly` is set. `dated` names the date (`ship_by`, `promised_by`, `expires_at`) by which the event that brings it
    arms the rule; other events arm it by their own time. `silence` is set where the rule speaks of nothing but the time since the last
    event of those that arm it.
    """

    on: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    met_by: tuple[str, ...] = ()
    partly: bool = False
    dated: str | None = None
    silence: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One exception kind.

    `definition` says when it is true, `clears` when it ends, `prevented_by` which event would have prevented it (texts for people);
    `source` is where the default threshold comes from (`P`: our own proposal). `actions` are (action, reason), best first.
    `anchors` are the values that `anchor` may take in a policy (empty: the anchor is fixed); `settings` those that have an effect on it,
    `limits` between what a span among them must lie, `general` those that no override has a say in, `choices` the names that some of them
    may have; `waits`: although it is reported it waits for its feeds from its beginning on; `awaits` the milestones of which the feeds
    must emit one; `methods` and `terms` the orders that it speaks of (empty: all); `dated`: it may count from a date that lies ahead;
    `placeless`: it speaks of events that no order is known for; `of_money`: it is about a difference of money, which steps may ask for.

    `triggers`, `fits` and `sited` are derived (see `derive`). `fits` says of an event's data alone that it cannot make the
    rule true. `sited`: its deadlines end in the zone of the order's site, whatever its clock.
    """

    kind: str
    shape: Shape
    definition: str
    clears: str
    prevented_by: str
    source: str
    actions: tuple[tuple[str, str], ...]
    defaults: RuleSetting
    judge: Judge
    triggers: Triggers = Triggers()
    anchors: tuple[str, ...] = ()
    fits: Fits | None = None
    sited: bool = False
    settings: frozenset[str] = OF_ALL
    awaits: tuple[str, ...] = ()
    limits: Mapping[str, tuple[Span, Span]] = field(default_factory=dict[str, "tuple[Span, Span]"])
    general: tuple[str, ...] = ()
    waits: bool = False
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    forms: tuple[AnyForm, ...] = ()
    methods: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    dated: bool = True
    placeless: bool = False
    of_money: bool = False
    stated: Mapping[str, Data] | None = None
    """Of a rule of the user: its entry in the policy file."""
