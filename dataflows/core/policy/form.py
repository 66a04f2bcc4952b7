"""The shape of a policy file. Reading starts from texts (see `tree`), so every field has a reader; those of a rule stand in `setting`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, PlainValidator, create_model, model_validator

from dataflows.core.policy import values as read
from dataflows.core.policy.fields import (
    STRICT,
    CalendarKey,
    CalendarName,
    Country,
    DayHours,
    Days,
    Elapsed,
    FeedPrefix,
    KindOrAll,
    Milestone,
    Name,
    Names,
    Period,
    Region,
    Section,
    Weekdays,
    Zone,
    many,
    short,
    week,
)
from dataflows.core.policy.setting import FIELDS
from schemas.problems import mistake


class Form(BaseModel):
    """A part of the file."""

    model_config = STRICT


class CalendarForm(Form):
    """A calendar: zone, hours per weekday, public holidays, own closed and open dates, cut-off."""

    zone: Zone | None = None
    hours: Annotated[dict[Weekdays, DayHours], AfterValidator(week)] | None = None
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


SettingForm: type[Form] = create_model("SettingForm", __base__=Form, __doc__="The fields of a rule that the file sets.", **FIELDS)
"""Derived from `RuleSetting`; `model_fields_set` are the fields that the file states."""
Rules = Annotated[dict[KindOrAll, Annotated[SettingForm, BeforeValidator(short)]], Section]


class WhenForm(Form):
    """The orders that an override is for: a value or a list of values per dimension."""

    tenant: Names | None = None
    site: Names | None = None
    carrier: Names | None = None
    service: Names | None = None
    country: Annotated[tuple[Country, ...], BeforeValidator(many)] | None = None
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
    emits: Annotated[tuple[Milestone, ...], BeforeValidator(many)] = ("placed", "captured", "shipped", "scans")
    zones: Annotated[dict[Region, Zone], Section] = {}
    calendars: Annotated[dict[CalendarKey, Annotated[CalendarForm, Section]], Section] = {}
    sites: Annotated[dict[Name, Annotated[SiteForm, Section]], Section] = {}
    carriers: Annotated[dict[Name, CarrierForm], Section] = {}
    countries: Annotated[dict[Country, PlaceForm], Section] = {}
    tenants: Annotated[dict[Name, PlaceForm], Section] = {}
    retention: Annotated[RetentionForm, Section] = RetentionForm()
    feeds: Annotated[dict[FeedPrefix, Annotated[FeedForm, Section]], Section] = {}
    rules: Rules = {}
    overrides: Annotated[tuple[OverrideForm, ...], BeforeValidator(many)] = ()
