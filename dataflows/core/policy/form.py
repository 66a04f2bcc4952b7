"""The shape of a policy file. Reading starts from texts (see `tree`), so every field here has a reader out of `values`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator, model_validator

from dataflows.core.clocks import Span
from dataflows.core.policy import values as read
from dataflows.core.policy.setting import Switch
from schemas.problems import mistake

# The rules' own names for these; they are not imported because rules import the policy.
Severity = Literal["low", "medium", "high", "critical"]
Lane = Literal["auto", "review", "block"]
SEVERITIES = ("low", "medium", "high", "critical")
LANES = ("auto", "review", "block")
_OFF = frozenset(("off", "false", "no", "none"))


def _many(value: object) -> object:
    """A single value counts as a list of one; an empty entry as an empty list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def _section(value: object) -> object:
    """A section without entries is an empty one."""
    return {} if value is None else value


def _removable(value: object) -> object:
    return None if isinstance(value, str) and value.lower() in _OFF else value


def _short(value: object) -> object:
    """`shipment.scan_gap: shadow` is short for `{switch: shadow}`."""
    return {"switch": value} if isinstance(value, str) else value


def _week(hours: dict[tuple[int, ...], tuple[tuple[int, int], ...]]) -> dict[tuple[int, ...], tuple[tuple[int, int], ...]]:
    days = [day for group in hours for day in group]
    twice = sorted({read.WEEKDAYS[day] for day in days if days.count(day) > 1})
    if twice:
        raise mistake(f"stated twice: {', '.join(twice)}")
    if not any(hours.values()):
        raise mistake("a calendar needs working hours on some weekday")
    return hours


def _optional_span(value: object) -> Span | None:
    return None if _removable(value) is None and value is not None else read.any_span(value)


Zone = Annotated[str, PlainValidator(read.zone)]
Name = Annotated[str, PlainValidator(read.named)]
Country = Annotated[str, PlainValidator(read.country)]
Region = Annotated[str, PlainValidator(read.region)]
CalendarKey = Annotated[str, PlainValidator(read.calendar_key)]
CalendarName = Annotated[str, PlainValidator(read.calendar)]
Kind = Annotated[str, PlainValidator(read.kind)]
KindOrAll = Annotated[str, PlainValidator(read.kind_or_all)]
Milestone = Annotated[str, PlainValidator(read.choice("milestone", read.MILESTONES))]
FeedPrefix = Annotated[str, PlainValidator(read.feed)]
AnySpan = Annotated[Span, PlainValidator(read.any_span)]
Elapsed = Annotated[Span, PlainValidator(read.elapsed)]
Period = Annotated[Span, PlainValidator(read.period)]
Day = Annotated[date, PlainValidator(read.day)]
SeverityName = Annotated[Severity, PlainValidator(read.choice("severity", SEVERITIES))]
Weekdays = Annotated[tuple[int, ...], PlainValidator(read.weekdays)]
DayHours = Annotated[tuple[tuple[int, int], ...], PlainValidator(read.intervals)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_many)]
Days = Annotated[tuple[Day, ...], BeforeValidator(_many)]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(_many)]
Section = BeforeValidator(_section)


class Form(BaseModel):
    """What all parts have in common: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CalendarForm(Form):
    """A calendar: zone, hours per weekday, public holidays, own closed and open dates, cut-off."""

    zone: Zone | None = None
    hours: Annotated[dict[Weekdays, DayHours], AfterValidator(_week)] | None = None
    holidays: Annotated[str | None, PlainValidator(read.holidays)] = None
    closed: Days = ()
    open: Days = ()
    cutoff: Annotated[int, PlainValidator(read.minutes)] | None = None


class SiteForm(Form):
    """A site: where it stands and when it works."""

    country: Country | None = None
    zone: Zone | None = None
    calendar: CalendarName | None = None


class CarrierForm(Form):
    """A carrier: when it works."""

    calendar: CalendarName


class PlaceForm(Form):
    """A country or a tenant: its zone and its calendar."""

    zone: Zone | None = None
    calendar: CalendarName | None = None


class FeedForm(Form):
    """A monitored feed: `silence` may be left out where `cadence` is stated."""

    delay: Elapsed = read.any_span("0 s")
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


class RetentionForm(Form):
    """How long things are kept, in elapsed time."""

    close_after: Period = read.any_span("60 d")
    dedupe: Period = read.any_span("180 d")
    expire_unknown: Period = read.any_span("30 d")


class StepForm(Form):
    """A further instant and its severity."""

    at: AnySpan
    severity: SeverityName


class FallbackForm(Form):
    """What counts where the rule's date is missing."""

    anchor: Annotated[str, PlainValidator(read.choice("anchor", read.MILESTONES))]
    threshold: AnySpan


class SettingForm(Form):
    """The fields of a rule that the file sets (`model_fields_set`)."""

    switch: Annotated[Switch, PlainValidator(read.switch)] = "on"
    anchor: Name | None = None
    threshold: AnySpan = read.any_span("0 s")
    international: Annotated[Span | None, PlainValidator(_optional_span)] = None
    clock: Annotated[str, PlainValidator(read.clock)] = "destination"
    grace: Elapsed = read.any_span("0 s")
    fallback: Annotated[FallbackForm | None, BeforeValidator(_removable)] = None
    suppressed_by: Kinds = ()
    feeds: Names = ()
    steps: tuple[StepForm, ...] = ()
    severity: SeverityName = "medium"
    owner: Name = "OPS"
    lane: Annotated[Lane, PlainValidator(read.choice("lane", LANES))] = "review"
    fields: Names = ()


Rules = Annotated[dict[KindOrAll, Annotated[SettingForm, BeforeValidator(_short)]], Section]


class WhenForm(Form):
    """The orders that an override is for: a value or a list of values per dimension."""

    tenant: Names | None = None
    site: Names | None = None
    carrier: Names | None = None
    service: Names | None = None
    country: Annotated[tuple[Country, ...], BeforeValidator(_many)] | None = None
    channel: Names | None = None
    tier: Names | None = None


class OverrideForm(Form):
    """Settings for some orders."""

    when: Annotated[WhenForm, Section]
    rules: Rules


class PolicyForm(Form):
    """A whole policy file."""

    name: Name = "default"
    zone: Zone = "UTC"
    emits: Annotated[tuple[Milestone, ...], BeforeValidator(_many)] = ("placed", "captured", "shipped", "scans")
    zones: Annotated[dict[Region, Zone], Section] = {}
    calendars: Annotated[dict[CalendarKey, Annotated[CalendarForm, Section]], Section] = {}
    sites: Annotated[dict[Name, Annotated[SiteForm, Section]], Section] = {}
    carriers: Annotated[dict[Name, CarrierForm], Section] = {}
    countries: Annotated[dict[Country, PlaceForm], Section] = {}
    tenants: Annotated[dict[Name, PlaceForm], Section] = {}
    retention: Annotated[RetentionForm, Section] = RetentionForm()
    feeds: Annotated[dict[FeedPrefix, Annotated[FeedForm, Section]], Section] = {}
    rules: Rules = {}
    overrides: Annotated[tuple[OverrideForm, ...], BeforeValidator(_many)] = ()
