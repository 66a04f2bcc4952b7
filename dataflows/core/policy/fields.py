"""The types of a policy file's fields: what the engine uses, each with the reader that makes it of a file's text (out of `values`)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator

from dataflows.core.clocks import Span
from dataflows.core.policy import values as read
from schemas.problems import mistake

Severity = Literal["low", "medium", "high", "critical"]
Lane = Literal["auto", "review", "block"]
SEVERITIES = ("low", "medium", "high", "critical")
LANES = ("auto", "review", "block")
_OFF = frozenset(("off", "false", "no", "none"))


def many(value: object) -> object:
    """A single value counts as a list of one; an empty entry as an empty list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def _section(value: object) -> object:
    """A section without entries is an empty one."""
    return {} if value is None else value


def removable(value: object) -> object:
    """None where a file says `off`."""
    return None if isinstance(value, str) and value.lower() in _OFF else value


def short(value: object) -> object:
    """`shipment.scan_gap: shadow` is short for `{switch: shadow}`."""
    return {"switch": value} if isinstance(value, str) else value


def table(value: dict[str, str] | None) -> dict[str, str]:
    """A table that may be switched off: then it is empty."""
    return {} if value is None else value


def week(hours: dict[tuple[int, ...], tuple[tuple[int, int], ...]]) -> dict[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The hours of a calendar's weekdays, each stated once."""
    days = [day for group in hours for day in group]
    twice = sorted({read.WEEKDAYS[day] for day in days if days.count(day) > 1})
    if twice:
        raise mistake(f"stated twice: {', '.join(twice)}")
    if not any(hours.values()):
        raise mistake("a calendar needs working hours on some weekday")
    return hours


def _optional_span(value: object) -> Span | None:
    return None if removable(value) is None and value is not None else read.any_span(value)


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
Names = Annotated[tuple[Name, ...], BeforeValidator(many)]
OptionalSpan = Annotated[Span | None, PlainValidator(_optional_span)]
Days = Annotated[tuple[Day, ...], BeforeValidator(many)]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(many)]
Section = BeforeValidator(_section)


STRICT = ConfigDict(extra="forbid", frozen=True)
"""What all parts of a file have in common: unknown keys are refused."""


class Step(BaseModel):
    """A further instant (a warning before or an escalation after the threshold), counted from the anchor, and its severity."""

    model_config = STRICT

    at: AnySpan
    severity: SeverityName


class Fallback(BaseModel):
    """What counts where the date that a rule goes by is missing: `threshold` after `anchor`."""

    model_config = STRICT

    anchor: Annotated[str, PlainValidator(read.choice("anchor", ("placed", "captured")))]
    threshold: AnySpan
