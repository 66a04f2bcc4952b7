"""The shape of a policy file: every field has a reader of texts (see `tree`). The form of a rule's setting derives from its struct."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, cast, get_args, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    PlainValidator,
    create_model,
    model_validator,
)

from dataflows.core.clocks import Span
from dataflows.core.clocks.spans import ZERO
from dataflows.core.policy import values as read
from dataflows.core.policy.form_handling import ActionsForm, GuardrailForm, PriorityForm
from dataflows.core.policy.form_messages import MessagesForm
from dataflows.core.policy.form_parts import STRICT, Section, many
from dataflows.core.policy.model import BACKFILL, MOST_EVENTS, PACE
from dataflows.core.policy.setting import LANES, SEVERITIES, STEP_DATES, STEP_MILESTONES, Change, Read, RuleSetting
from schemas.identifiers import DEFAULT, ORDER_FORMS, SKU_FORMS, TRACKING_FORMS, Identifiers
from schemas.problems import mistake

_OFF = frozenset(("off", "false", "no", "none"))


def _removable(value: object) -> object:
    """None where a file says `off`."""
    return None if isinstance(value, str) and value.lower() in _OFF else value


def _short(value: object) -> object:
    """`shipment.scan_gap: shadow` is short for `{switch: shadow}`."""
    return {"switch": value} if isinstance(value, str) else value


def _days_once(stated: dict[tuple[int, ...], Any]) -> dict[tuple[int, ...], Any]:
    """What is stated by weekdays, each stated once."""
    days = [day for group in stated for day in group]
    twice = sorted({read.WEEKDAYS[day] for day in days if days.count(day) > 1})
    if twice:
        raise mistake(f"stated twice: {', '.join(twice)}")
    return stated


def _cutoff(value: object) -> int | dict[int, int]:
    """A local time for all days, or times by weekdays."""
    if not isinstance(value, dict):
        return read.minutes(value)
    stated = {read.weekdays(days): read.minutes(at) for days, at in cast("dict[object, object]", value).items()}
    return {day: at for days, at in _days_once(stated).items() for day in days}


def _week(hours: dict[tuple[int, ...], tuple[tuple[int, int], ...]]) -> dict[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The hours of a calendar's weekdays, each stated once."""
    _days_once(hours)
    if not any(hours.values()):
        raise mistake("a calendar needs working hours on some weekday")
    return hours


Zone = Annotated[str, PlainValidator(read.zone)]
Name = Annotated[str, PlainValidator(read.named)]
Country = Annotated[str, PlainValidator(read.country)]
AnyCountry = Annotated[str, PlainValidator(read.country_of)]
Currency = Annotated[str, PlainValidator(read.currency)]
Amount = Annotated[Decimal, PlainValidator(read.amount)]
Region = Annotated[str, PlainValidator(read.region)]
CalendarKey = Annotated[str, PlainValidator(read.calendar_key)]
CalendarName = Annotated[str, PlainValidator(read.calendar)]
KindOrAll = Annotated[str, PlainValidator(read.kind_or_all)]
Milestone = Annotated[str, PlainValidator(read.choice("milestone", read.MILESTONES))]
FeedPrefix = Annotated[str, PlainValidator(read.feed)]
Elapsed = Annotated[Span, PlainValidator(read.elapsed)]
Period = Annotated[Span, PlainValidator(read.period)]
Instant = Annotated[int, PlainValidator(read.instant)]
Hours = Annotated[Span, PlainValidator(read.hours)]
Times = Annotated[int, PlainValidator(read.count)]
Events = Annotated[int, PlainValidator(read.events)]
Day = Annotated[date, PlainValidator(read.day)]
Weekdays = Annotated[tuple[int, ...], PlainValidator(read.weekdays)]
DayHours = Annotated[tuple[tuple[int, int], ...], PlainValidator(read.intervals)]
Names = Annotated[tuple[Name, ...], BeforeValidator(many)]
Days = Annotated[tuple[Day, ...], BeforeValidator(many)]


class PolicySection(BaseModel):
    """A part of the file: unknown keys are refused."""

    model_config = STRICT


class CalendarForm(PolicySection):
    """A calendar: zone, hours per weekday, public holidays, own closed and open dates, cut-off."""

    zone: Zone | None = None
    hours: Annotated[dict[Weekdays, DayHours], AfterValidator(_week)] | None = None
    holidays: Annotated[str | None, PlainValidator(read.holidays)] = None
    closed: Days = ()
    open: Days = ()
    cutoff: Annotated[int | dict[int, int] | None, PlainValidator(_cutoff)] = None


class SiteForm(PolicySection):
    """A site: where it stands and when it works."""

    country: Country | None = None
    zone: Zone | None = None
    calendar: CalendarName | None = None


class CarrierForm(PolicySection):
    """A carrier: when it works."""

    calendar: CalendarName


class PlaceForm(PolicySection):
    """A country or a tenant: its zone and its calendar."""

    zone: Zone | None = None
    calendar: CalendarName | None = None


class FeedForm(PolicySection):
    """A monitored feed: `silence` may be left out where `cadence` is stated."""

    delay: Elapsed = ZERO
    silence: Period | None = None
    cadence: Period | None = None
    owner: Name | None = None

    @model_validator(mode="after")
    def _measured(self) -> FeedForm:
        if self.silence is None and self.cadence is None:
            raise mistake("`silence` or `cadence` is required here")
        if self.silence is not None and self.cadence is not None and self.silence.n < self.cadence.n:
            raise mistake("`silence` is shorter than `cadence`: the feed would be stale between any two of its calls")
        return self


class RungForm(PolicySection):
    """One rung of a ladder."""

    wait: Annotated[Span, PlainValidator(read.any_span)] = ZERO
    team: Name | None = None
    role: Name | None = None
    days: Weekdays | None = None
    hours: DayHours | None = None
    zone: Zone | None = None


class LadderForm(PolicySection):
    """A ladder: its rungs, and what happens while nobody is there."""

    steps: Annotated[tuple[RungForm, ...], BeforeValidator(many)]
    repeat: Annotated[int, PlainValidator(read.repeats)] = 0
    off_duty: Annotated[str, PlainValidator(read.choice("answer", ("wait", "skip")))] = "wait"


class RetentionForm(PolicySection):
    """How long things are kept, in elapsed time, and how many events an order may have."""

    close_after: Period = read.any_span("120 d")
    dedupe: Period = read.any_span("180 d")
    expire_unknown: Period = read.any_span("30 d")
    most_events: Events = MOST_EVENTS


class BackfillForm(PolicySection):
    """When an order counts as history that is told, and what of it is said then, in elapsed time."""

    after: Elapsed = Span(BACKFILL.after, "us")
    settle: Elapsed = Span(BACKFILL.settle, "us")
    max_age: Elapsed = Span(BACKFILL.max_age, "us")


class PaceForm(PolicySection):
    """When a source that no feed names is silent against its own pace, and what waits for it then."""

    factor: Times = PACE.factor
    floor: Hours = Span(PACE.floor, "us")
    catch_up: Elapsed = Span(PACE.catch_up, "us")
    longest: Elapsed = Span(PACE.longest, "us")


METHODS = ("ship", "pickup", "local", "digital")
TERMS = ("prepaid", "on_ship", "on_delivery", "invoice", "external")
HOLDS = ("fraud", "credit", "payment", "address", "inventory", "customs", "manual", "other")


class IdentifiersForm(PolicySection):
    """The form that identifiers are compared in. It belongs to the state: another one needs a new state."""

    order: Annotated[str, PlainValidator(read.choice("form", ORDER_FORMS))] = DEFAULT.order
    tracking: Annotated[str, PlainValidator(read.choice("form", TRACKING_FORMS))] = DEFAULT.tracking
    sku: Annotated[str, PlainValidator(read.choice("form", SKU_FORMS))] = DEFAULT.sku


def _all_alike(value: object) -> object:
    """`identifiers: none` is short for none of them."""
    return dict.fromkeys(Identifiers._fields, value) if isinstance(value, str) else value


READERS: dict[str, Callable[..., object]] = {
    "span": read.any_span,
    "step": read.step,
    "elapsed": read.elapsed,
    "period": read.period,
    "name": read.named,
    "kind": read.kind,
    "clock": read.clock,
    "switch": read.switch,
    "count": read.count,
    "allowed": read.allowed,
    "ladder": read.named,
    "severity": read.choice("severity", SEVERITIES),
    "lane": read.choice("lane", LANES),
    "fallback anchor": read.choice("anchor", ("placed", "captured")),
    "step since": read.choice("date or milestone of an order", (*STEP_DATES, *STEP_MILESTONES)),
    "step milestone": read.choice("milestone of an order", STEP_MILESTONES),
    "amounts": read.amounts,
}
"""What makes the value of a rule's setting of a text."""


def _fields_of(struct: type) -> dict[str, Any]:
    """The fields that a struct has in a policy file."""
    found: dict[str, Any] = {}
    hints = get_type_hints(struct, include_extras=True)
    for field in fields(struct):
        hint = hints[field.name]
        how = next((part for part in get_args(hint) if isinstance(part, Read)), None)
        if how is not None:
            nothing: Any = ... if field.default is MISSING else field.default
            nothing = nothing if field.default_factory is MISSING else field.default_factory()
            found[field.name] = (_type_of(get_args(hint)[0], how), nothing)
    return found


def _type_of(hint: Any, how: Read) -> Any:
    """The type of a field, with what reads it."""
    if how.reader:
        one: Any = Annotated[object, PlainValidator(READERS[how.reader])]
    else:
        part = next(t for t in (*get_args(hint), hint) if isinstance(t, type) and is_dataclass(t))
        form = create_model(f"{part.__name__}Form", __base__=PolicySection, **_fields_of(part))
        one = Annotated[form, AfterValidator(lambda stated: part(**dict(stated)))]
    key: Any = Annotated[str, PlainValidator(READERS[how.keys])] if how.keys else str
    found = tuple[one, ...] if how.many else dict[key, one] if how.table else one
    if how.many:
        return Annotated[found, BeforeValidator(many)]
    if not how.off:
        return found
    return Annotated[found | None, BeforeValidator(_removable), AfterValidator(lambda value: {} if value is None and how.table else value)]


SettingForm: type[PolicySection] = create_model("SettingForm", __base__=PolicySection, **_fields_of(RuleSetting))
"""Derived from `RuleSetting`; `model_fields_set` are the fields that the file states."""


def change_of(form: BaseModel) -> Change:
    """What a file changes of a setting."""
    return {name: getattr(form, name) for name in form.model_fields_set}


Rules = Annotated[dict[KindOrAll, Annotated[SettingForm, BeforeValidator(_short)]], Section]


class WhenForm(PolicySection):
    """The orders that an override is for: a value or a list of values per dimension."""

    tenant: Names | None = None
    site: Names | None = None
    carrier: Names | None = None
    service: Names | None = None
    country: Annotated[tuple[AnyCountry, ...], BeforeValidator(many)] | None = None
    channel: Names | None = None
    tier: Names | None = None
    region: Names | None = None
    postal_code: Names | None = None
    method: (
        Annotated[tuple[Annotated[str, PlainValidator(read.choice("method", METHODS, any_case=True))], ...], BeforeValidator(many)] | None
    ) = None
    terms: (
        Annotated[tuple[Annotated[str, PlainValidator(read.choice("payment terms", TERMS, any_case=True))], ...], BeforeValidator(many)]
        | None
    ) = None
    value: Annotated[tuple[Annotated[str, PlainValidator(read.amount_test)], ...], BeforeValidator(many)] | None = None
    sku: Names | None = None
    seller: Names | None = None
    tags: Names | None = None
    hold: Annotated[tuple[Annotated[str, PlainValidator(read.choice("hold", HOLDS, any_case=True))], ...], BeforeValidator(many)] | None = (
        None
    )


class OverrideForm(PolicySection):
    """Settings for some orders."""

    when: Annotated[WhenForm, Section]
    rules: Rules


class PolicyForm(PolicySection):
    """A whole policy file."""

    name: Name = "default"
    zone: Zone = "UTC"
    emits: Annotated[tuple[Milestone, ...], BeforeValidator(many)] | None = None
    tolerance: Annotated[dict[Currency, Amount], Section] = {}
    zones: Annotated[dict[Region, Zone], Section] = {}
    calendars: Annotated[dict[CalendarKey, Annotated[CalendarForm, Section]], Section] = {}
    sites: Annotated[dict[Name, Annotated[SiteForm, Section]], Section] = {}
    carriers: Annotated[dict[Name, CarrierForm], Section] = {}
    countries: Annotated[dict[Country, PlaceForm], Section] = {}
    tenants: Annotated[dict[Name, PlaceForm], Section] = {}
    retention: Annotated[RetentionForm, Section] = RetentionForm()
    backfill: Annotated[BackfillForm, Section] = BackfillForm()
    pace: Annotated[PaceForm | None, BeforeValidator(_removable), Section] = PaceForm()
    """`off`: no such source is ever silent."""
    watch_from: Instant | None = None
    feeds: Annotated[dict[FeedPrefix, Annotated[FeedForm, Section]], Section] = {}
    teams: Annotated[dict[Name, Annotated[PlaceForm, Section]], Section] = {}
    ladders: Annotated[dict[Name, LadderForm], Section] = {}
    identifiers: Annotated[IdentifiersForm | None, BeforeValidator(_all_alike)] = None
    actions: Annotated[ActionsForm, Section] = ActionsForm()
    guardrails: Annotated[dict[Name, Annotated[GuardrailForm | None, BeforeValidator(_removable)]], Section] = {}
    """By name; a built-in one that is `off` no longer holds."""
    messages: Annotated[MessagesForm, Section] = MessagesForm()
    priority: Annotated[PriorityForm, Section] = PriorityForm()
    custom_rules: Any = None
    """Rules of the user by name: `dataflows.core.rules.user` reads them."""
    rules: Rules = {}
    overrides: Annotated[tuple[OverrideForm, ...], BeforeValidator(many)] = ()
