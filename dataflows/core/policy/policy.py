"""The policy as the engine asks it: settings per order, calendars and zones per place.

Which setting of a rule holds for an order is decided per field. The layers, each beating the ones before it:

1. the rule's own defaults;
2. `'*'` under `rules`, for all rules;
3. the rule's entry under `rules`;
4. the overrides whose `when` matches the order. Of two, the one that names more dimensions wins. If they name equally many, the one that
   names the weightier dimension wins: tenant, then site, carrier, service, country, channel, tier,
   region, postal code, method, terms, value, SKU, seller, tags, hold. If they name the same
   dimensions, the later entry wins. Within one override the rule's entry beats `'*'`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from dataflows.core.clocks import Calendar, CalendarSpec
from dataflows.core.clocks.days import holiday_region
from dataflows.core.policy.handling import ACTION_POLICY, GUARDRAILS, ActionPolicy, Guardrail
from dataflows.core.policy.matching import matcher
from dataflows.core.policy.messaging import MESSAGE_POLICY, MessagePolicy
from dataflows.core.policy.model import (
    BACKFILL,
    PACE,
    BackfillPolicy,
    Dims,
    FeedPolicy,
    Ladder,
    LadderStep,
    Override,
    PacePolicy,
    Place,
    RetentionPolicy,
)
from dataflows.core.policy.priority import PRIORITY, Priority
from dataflows.core.policy.setting import Change, Described, RuleSetting, changed
from schemas.identifiers import Identifiers
from schemas.instants import NEVER
from schemas.learned import SCANS
from schemas.places import country_zone, is_zone

TOLERANCE: Final = Decimal("0.02")
"""What amounts may differ by unless the policy says otherwise (P): one rounding on each side."""
_KEPT: Final = 4_096
_NOWHERE: Final = Place()


@dataclass(frozen=True, slots=True)
class Policy:
    """A checked policy. It does not change; it only remembers what it has answered.

    `version` is the hash of everything that can change a verdict: comments, the order of keys and the name are no part of it, nor are
    `identifiers`, which belong to the state.
    `base` holds the settings without overrides, in the order of `rules`.
    """

    name: str
    version: str
    zone: str
    emits: frozenset[str]
    zones: Mapping[str, str]
    calendars: Mapping[str, CalendarSpec]
    sites: Mapping[str, Place]
    carriers: Mapping[str, Place]
    countries: Mapping[str, Place]
    tenants: Mapping[str, Place]
    retention: RetentionPolicy
    rules: tuple[Described, ...]
    base: tuple[RuleSetting, ...]
    overrides: tuple[Override, ...]
    """As written; `settings` applies them by precedence."""
    feeds: Mapping[str, FeedPolicy]
    """The monitored feeds by prefix of `source`; of two that fit a source the longer one is its feed."""
    tolerances: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    """By currency (`*`: all others), as far as the file says: up to how much two amounts are taken to be the same."""
    identifiers: Identifiers | None = None
    """The form that identifiers are brought into; None: the file does not say, and a state goes on with its own."""
    backfill: BackfillPolicy = BACKFILL
    pace: PacePolicy | None = PACE
    """When a source that nobody declared is silent; None: never."""
    watch_from: int = NEVER
    """Orders placed earlier (µs, UTC) are history only."""
    teams: Mapping[str, Place] = field(default_factory=dict[str, Place])
    """When which team works; one that is not here is there at any time, and counts by its tenant's calendar."""
    ladders: Mapping[str, Ladder] = field(default_factory=dict[str, Ladder])
    learns: bool = False
    """Whether milestones besides `emits` are armed for those who have been seen to emit them."""
    actions: ActionPolicy = ACTION_POLICY
    guardrails: tuple[Guardrail, ...] = GUARDRAILS
    """By name; their predicates have been checked."""
    messages: MessagePolicy = MESSAGE_POLICY
    priority: Priority = PRIORITY

    named: frozenset[str] = field(init=False, repr=False, compare=False)
    """The dimensions that overrides depend on."""

    _ranked: tuple[tuple[Override, Callable[[Dims], bool]], ...] = field(init=False, repr=False, compare=False)
    _sites: dict[str, Place] = field(init=False, repr=False, compare=False)
    _carriers: dict[str, Place] = field(init=False, repr=False, compare=False)
    _index: dict[str, int] = field(init=False, repr=False, compare=False)
    _by_dims: dict[Dims, tuple[RuleSetting, ...]] = field(init=False, repr=False, compare=False)
    _by_match: dict[tuple[bool, ...], tuple[RuleSetting, ...]] = field(init=False, repr=False, compare=False)
    _calendars: dict[str, Calendar] = field(init=False, repr=False, compare=False)
    _by_default: dict[tuple[str, str | None], Calendar] = field(init=False, repr=False, compare=False)
    _by_place: dict[tuple[str | None, str | None], Calendar] = field(init=False, repr=False, compare=False)
    _by_window: dict[tuple[str, object], Calendar] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepares the answers."""
        remember = object.__setattr__
        whens = [override.when for override in self.overrides]
        remember(self, "named", frozenset(name for i, name in enumerate(Dims._fields) if any(when[i] for when in whens)))
        ranked = sorted(self.overrides, key=lambda override: override.weight)
        remember(self, "_ranked", tuple((override, matcher(override)) for override in ranked))
        remember(self, "_sites", {name.casefold(): place for name, place in self.sites.items()})
        remember(self, "_carriers", {name.casefold(): place for name, place in self.carriers.items()})
        remember(self, "_index", {setting.kind: i for i, setting in enumerate(self.base)})
        remember(self, "_calendars", {name: Calendar(name, spec) for name, spec in self.calendars.items()})
        for memo in ("_by_dims", "_by_match", "_by_default", "_by_place", "_by_window"):
            remember(self, memo, {})

    @property
    def lateness(self) -> dict[str, int]:
        """Per monitored feed how long after it happened a record may be told before it is late, µs."""
        return {name: terms.late_after for name, terms in self.feeds.items()}

    def every_team(self) -> frozenset[str]:
        """The teams that are named anywhere: with their hours, or as the owner of a rule, of a step of it, or of a feed."""
        stated = (change for one in self.overrides for change in (one.everything, *one.rules.values()))
        changes: list[Change] = [{name: getattr(setting, name) for name in ("owner", "owners", "steps")} for setting in self.base]
        named = {feed.owner for feed in self.feeds.values()} | set(self.teams)
        for change in (*changes, *stated):
            named |= {change.get("owner"), *change.get("owners", {}).values(), *(step.owner for step in change.get("steps", ()))}
        return frozenset(team for team in named if team)

    # milestones

    def awaits(self, milestone: str) -> bool:
        """Whether the policy itself says that the feeds emit a milestone; `scans` stands for three."""
        return milestone in self.emits or (milestone in SCANS and "scans" in self.emits)

    # settings

    def settings(self, dims: Dims) -> tuple[RuleSetting, ...]:
        """The settings of all rules for an order, in the order of `rules`; the same object for orders that no override tells apart."""
        if not self.overrides:
            return self.base
        known = self._by_dims.get(dims)
        if known is None:
            if len(self._by_dims) >= _KEPT:
                self._by_dims.clear()
            known = self._by_dims[dims] = self._resolve(dims)
        return known

    def setting(self, kind: str, dims: Dims) -> RuleSetting:
        """The setting of one rule for an order. Raises KeyError for an unknown kind."""
        return self.settings(dims)[self._index[kind]]

    def _resolve(self, dims: Dims) -> tuple[RuleSetting, ...]:
        match = tuple(matches(dims) for _, matches in self._ranked)
        known = self._by_match.get(match)
        if known is None:
            found = self.base
            for (override, _), applies in zip(self._ranked, match, strict=True):
                if applies:
                    found = tuple(overridden(setting, override) for setting in found)
            if len(self._by_match) >= _KEPT:
                self._by_match.clear()
            known = self._by_match[match] = found
        return known

    def tolerance(self, currency: str | None) -> Decimal:
        """Up to how much two amounts of a currency are taken to be the same."""
        if not self.tolerances:
            return TOLERANCE
        own = self.tolerances.get(currency) if currency is not None else None
        return self.tolerances.get("*", TOLERANCE) if own is None else own

    # zones

    def valid_zone(self, name: str | None) -> str | None:
        """`name` if it is a time zone, else None."""
        return name if name is not None and is_zone(name) else None

    def ship_to_zone(self, country: str | None, region: str | None = None) -> str:
        """The zone of a destination: the policy's `zones` for the region, its `countries`, the zone of most people there, UTC."""
        if country is None:
            return "UTC"
        if region is not None and (own := self.zones.get(f"{country}-{region.removeprefix(f'{country}-')}")):
            return own
        return self.countries.get(country, _NOWHERE).zone or country_zone(country, region) or "UTC"

    def site_zone(self, site: str | None, tenant: str | None = None) -> str:
        """The zone of a site: its own, its calendar's, its country's; of an unknown site the tenant's."""
        place = self._site(site)
        if place.zone is not None:
            return place.zone
        if place.calendar is not None:
            return self.calendars[place.calendar].zone
        return self.tenant_zone(tenant) if place.country is None else self.ship_to_zone(place.country)

    def tenant_zone(self, tenant: str | None) -> str:
        """The zone of a tenant: its own, else the policy's."""
        return self._tenant(tenant).zone or self.zone

    def site_country(self, site: str | None) -> str | None:
        """The country of a site; None if the policy does not say."""
        return self._site(site).country

    # calendars

    def calendar(self, name: str) -> Calendar:
        """A calendar that the policy names. Raises KeyError if it does not."""
        return self._calendars[name]

    def site_calendar(self, site: str | None, tenant: str | None = None) -> Calendar:
        """The calendar of a site: its own, else the default one in its zone with its country's holidays; if unknown, the tenant's."""
        place = self._site(site)
        if place.calendar is not None:
            return self._calendars[place.calendar]
        if place == _NOWHERE:
            return self.tenant_calendar(tenant)
        return self._default(self.site_zone(site, tenant), holiday_region(place.country))

    def carrier_calendar(self, carrier: str | None, country: str | None = None, region: str | None = None) -> Calendar:
        """The calendar of a carrier: its own, else the destination's."""
        place = _NOWHERE if carrier is None else self._carriers.get(carrier.casefold(), _NOWHERE)
        return self._calendars[place.calendar] if place.calendar is not None else self.destination_calendar(country, region)

    def destination_calendar(self, country: str | None, region: str | None = None) -> Calendar:
        """The calendar of a country's own entry, else the default one in the destination's zone with its public holidays."""
        known = self._by_place.get((country, region))
        if known is None:
            place = _NOWHERE if country is None else self.countries.get(country, _NOWHERE)
            if place.calendar is not None:
                known = self._calendars[place.calendar]
            else:
                part = None if region is None else region.removeprefix(f"{country}-")
                known = self._default(self.ship_to_zone(country, region), holiday_region(country, part))
            if len(self._by_place) >= _KEPT:
                self._by_place.clear()
            self._by_place[country, region] = known
        return known

    def tenant_calendar(self, tenant: str | None) -> Calendar:
        """The calendar of a tenant: its own, else the default one in its zone, without holidays."""
        place = self._tenant(tenant)
        return self._calendars[place.calendar] if place.calendar is not None else self._default(self.tenant_zone(tenant), None)

    def team_calendar(self, team: str, tenant: str | None) -> Calendar:
        """The calendar of a team: its own, else the default one in its zone; of a team that the policy does not name the tenant's."""
        place = self.teams.get(team)
        if place is None:
            return self.tenant_calendar(tenant)
        return (
            self._calendars[place.calendar] if place.calendar is not None else self._default(place.zone or self.tenant_zone(tenant), None)
        )

    def windows(self, step: LadderStep, team: str, tenant: str | None) -> tuple[Calendar, ...]:
        """What a rung of a ladder waits for: its own local times, and that the team which it goes to works."""
        duty = (self.team_calendar(team, tenant),) if team in self.teams else ()
        if step.hours is None:
            return duty
        zone = step.zone or self.team_calendar(team, tenant).zone
        key = (zone, tuple(sorted(step.hours.items())))
        known = self._by_window.get(key)
        if known is None:
            known = self._by_window[key] = Calendar(f"window, {zone}", CalendarSpec(zone, step.hours))
        return (known, *duty)

    def _default(self, zone: str, holidays: str | None) -> Calendar:
        known = self._by_default.get((zone, holidays))
        if known is None:
            name = f"default, {zone}" + (f", holidays of {holidays}" if holidays else "")
            known = self._by_default[zone, holidays] = Calendar(name, CalendarSpec(zone, holidays=holidays))
        return known

    def _site(self, site: str | None) -> Place:
        return _NOWHERE if site is None else self._sites.get(site.casefold(), _NOWHERE)

    def _tenant(self, tenant: str | None) -> Place:
        return _NOWHERE if tenant is None else self.tenants.get(tenant, _NOWHERE)


def overridden(setting: RuleSetting, override: Override) -> RuleSetting:
    """A rule's setting with what an override changes of it."""
    own = override.rules.get(setting.kind)
    if not override.everything and not own:
        return setting
    return changed(changed(setting, override.everything), own or {})
