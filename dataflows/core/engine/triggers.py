"""Which rules an event makes the engine evaluate, now or later: the triggers of one set of settings, compiled.

Most events of most orders touch no rule that could be true at once; they only start expectations. What an event does follows from its
traits and its order's alone, but for a few dates, so it is worked out once for each combination and then looked up: a rule is evaluated
when one of its triggers comes, when an expectation may have run out, or when it has something open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dataflows.core.clocks.spans import Later, Portion, Span, apart
from dataflows.core.engine.ruleset import RuleSet, TriggerMasks
from dataflows.core.engine.traits import BITS, SCATTERED, UNDATED, mask
from dataflows.core.policy import Policy, RuleSetting
from dataflows.core.policy.setting import Step
from dataflows.core.rules.model import Fits
from dataflows.core.rules.soonest import EARLIEST, least, soonest
from dataflows.core.rules.vocabulary import UNHEARD

MOST = 20_000
"""Combinations of traits that are remembered at once; an ordinary stream has some thousands."""
DATES = {"ship_by": ("order.placed",), "promised_by": ("order.placed",), "expires_at": ("payment.authorized",)}
"""The dates that arm rules, and the events that bring them."""
ARRIVAL_TRAITS = {
    "unannounced": ("carrier.scan",),
    "late eta": ("carrier.scan", "estimate"),
    "eta": ("carrier.scan", "estimate"),
    "parcel scanned": ("carrier.scan",),
    "part shipped": ("warehouse.shipped",),
    "balance": ("payment.captured",),
}
"""Traits that say how an event stands to those that came before it, and the plain traits of such events."""
_DATES = {name: mask(types) for name, types in DATES.items()}
_ARRIVAL = [(BITS[trait], mask(plain)) for trait, plain in ARRIVAL_TRAITS.items()]
_AGAIN = BITS["again"]
_UNHEARD = mask(name for name in BITS if name.startswith(UNHEARD))


def bound(setting: RuleSetting, of_parcels: Iterable[RuleSetting] = ()) -> int:
    """A lower bound in µs of the time from an anchor to the first instant at which the rule may be raised.

    `of_parcels`: what else its setting may be for a parcel of the order, whose own carrier counts: several of these may count at once.
    """
    first = soonest(setting, setting.threshold)
    first = first if setting.international is None else min(first, soonest(setting, setting.international))
    for other in of_parcels:
        if any(isinstance(step.at, Portion) for step in other.steps):
            return EARLIEST
        if any(not _after(step, other.threshold) for step in other.steps):
            return 0
        first = min(first, least(other.threshold), *(least(span) for span in (other.international,) if span is not None))
    return first


def _after(step: Step, threshold: Span) -> bool:
    """Whether a step certainly comes no earlier than the threshold."""
    return step.depends or isinstance(step.at, Later) or ((distance := apart(step.at, threshold)) is not None and distance.n >= 0)


@dataclass(frozen=True, slots=True)
class Dated:
    """A rule that the date of an event arms: it may be true from `wait` µs after it; where there is no date, `fallback` after the event."""

    index: int
    date: str
    wait: int
    fallback: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event with certain traits, of an order with certain traits, makes the engine do.

    `evaluate`: rules to evaluate now; `fits`: those to evaluate if the event's data do not exclude it; `met`: those no longer to be waited
    for; `arm`: rules, each with the time in µs after which it may become true, unless it is waited for already; `postpone`: rules that
    wait for a silence which the event broke; `dated`: rules that a date arms.
    """

    evaluate: frozenset[int]
    fits: tuple[tuple[int, Fits, RuleSetting], ...]
    met: tuple[int, ...]
    arm: tuple[tuple[int, int], ...]
    postpone: tuple[tuple[int, int], ...]
    dated: tuple[Dated, ...]


class Profile:
    """The triggers of one tuple of settings. It only remembers what it has worked out, so shards share it."""

    def __init__(self, ruleset: RuleSet, settings: tuple[RuleSetting, ...]) -> None:
        self.settings = settings
        self.active = frozenset(i for i, s in enumerate(settings) if s.switch != "off" or s.kind in ruleset.overridden)
        apart = frozenset(i for i in self.active if settings[i].kind in ruleset.by_shipment)
        at_site = (i for i in self.active if settings[i].clock == "site" or settings[i].international or ruleset.rules[i].sited)
        self.at_site = apart.union(at_site)
        """The rules whose deadlines the order's site, or that of a shipment, has a say in."""
        by_carrier = self.active if ruleset.policy.carriers else ()
        self.of_carrier = apart.union(i for i in by_carrier if settings[i].clock == "carrier")
        """Those whose deadlines the carrier of a shipment has a say in."""
        self.suppressors = {s.kind: frozenset(s.suppressed_by) for s in settings if s.suppressed_by}
        self._ruleset = ruleset
        self._triggers = tuple((index, ruleset.triggers[index]) for index in sorted(self.active))
        self._asked, self._concerning = SCATTERED, 0
        """What plans depend on of an order's traits, and what of them makes rules possible."""
        for _, triggers in self._triggers:
            self._asked |= triggers.needs | triggers.unless
            self._concerning |= triggers.on | triggers.arms | triggers.needs
        self._plans: dict[tuple[int, int, bool], Plan] = {}
        self._possible: dict[int, frozenset[int]] = {}

    def plan(self, event: int, order: int, *, whole: bool) -> Plan:
        """What an event does. `event`, `order`: its traits and its order's, with it; `whole`: it speaks of the whole order."""
        key = (event, order & self._asked, whole)
        known = self._plans.get(key)
        if known is None:
            if len(self._plans) >= MOST:
                self._plans.clear()
            known = self._plans[key] = self._compile(event, order, whole=whole)
        return known

    def possible(self, traits: int) -> frozenset[int]:
        """The active rules that an order with these traits could have something to do with.

        Traits that depend on what came before an event count as any event of its type: after a change further back they may be wrong.
        """
        for trait, plain in _ARRIVAL:
            if traits & plain:
                traits |= trait
        traits &= self._concerning
        known = self._possible.get(traits)
        if known is None:
            if len(self._possible) >= MOST:
                self._possible.clear()
            known = self._possible[traits] = frozenset(index for index, triggers in self._triggers if triggers.may_concern(traits))
        return known

    def _compile(self, event: int, order: int, *, whole: bool) -> Plan:
        rules, settings = self._ruleset.rules, self.settings
        evaluate: set[int] = set()
        fits: list[tuple[int, Fits, RuleSetting]] = []
        arm: list[tuple[int, int]] = []
        postpone: list[tuple[int, int]] = []
        dated: list[Dated] = []
        met = [index for index, triggers in self._triggers if event & triggers.met_by and (whole or rules[index].triggers.partly)]
        for index, triggers in self._triggers:
            if (triggers.needs and not triggers.needs & order) or triggers.unless & order:
                continue
            rule, setting = rules[index], settings[index]
            if event & triggers.on:
                if rule.fits is None:
                    evaluate.add(index)
                else:
                    fits.append((index, rule.fits, setting))
            if index in met or not (triggers.arms_always or event & triggers.arms):
                continue
            fallback = None if setting.fallback is None else soonest(setting, setting.fallback.threshold)
            wait = bound(setting, self._ruleset.by_parcel.get(setting.kind, ()))
            if rule.triggers.dated is None:
                arm.append((index, wait))
                if rule.triggers.silence and not order & SCATTERED and _breaks_silence(event, triggers):
                    postpone.append((index, wait))
            elif event & _DATES[rule.triggers.dated]:
                dated.append(Dated(index, rule.triggers.dated, wait, fallback))
                if event & UNDATED and fallback is not None:
                    arm.append((index, fallback))
            else:
                arm.append((index, fallback or 0))
        return Plan(frozenset(evaluate), tuple(fits), tuple(met), tuple(arm), tuple(postpone), tuple(dated))


def _breaks_silence(event: int, triggers: TriggerMasks) -> bool:
    """Whether an event that arms a rule counts as a word of the order. A scan that may be none is left to the rule."""
    return not event & _AGAIN and (event & triggers.arms != 0 or not event & _UNHEARD)


class Profiles:
    """The rules of a policy and the profiles of its settings, compiled as they are met."""

    def __init__(self, policy: Policy) -> None:
        self.ruleset = RuleSet(policy)
        self._known: dict[int, Profile] = {}
        self.base = self.of(policy.base)
        """Of an order that no override tells apart."""

    def of(self, settings: tuple[RuleSetting, ...]) -> Profile:
        """The profile of settings, which are told apart by identity: a policy gives the same object for orders that are alike."""
        known = self._known.get(id(settings))
        if known is None or known.settings is not settings:
            if len(self._known) >= MOST:
                self._known.clear()
            known = self._known[id(settings)] = Profile(self.ruleset, settings)
        return known


_compiled: dict[int, Profiles] = {}
_POLICIES = 8


def profiles_of(policy: Policy) -> Profiles:
    """What is compiled of a policy, once for all shards of a process."""
    known = _compiled.get(id(policy))
    if known is None or known.ruleset.policy is not policy:
        if len(_compiled) >= _POLICIES:
            _compiled.clear()
        known = _compiled[id(policy)] = Profiles(policy)
    return known
