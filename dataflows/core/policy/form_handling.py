"""The shape of what a policy file says of actions and guardrails."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, PlainValidator, model_validator

from dataflows.core.clocks import Span
from dataflows.core.policy import values as read
from dataflows.core.policy.form_parts import STRICT, Section, many
from dataflows.core.policy.handling import ACTION_POLICY, ANY
from dataflows.core.policy.priority import GREATEST, HALF_AT, PRIORITY, SEVERITY_POINTS, TIER_POINTS
from dataflows.core.policy.setting import SEVERITIES
from schemas.actions import ACTIONS
from schemas.problems import mistake

ActionName = Annotated[str, PlainValidator(read.choice("action", ACTIONS))]
ActionOrAll = Annotated[str, PlainValidator(read.choice("action", (ANY, *ACTIONS)))]
Name = Annotated[str, PlainValidator(read.named)]
Names = Annotated[tuple[Name, ...], BeforeValidator(many)]
Period = Annotated[Span, PlainValidator(read.period)]
Kind = Annotated[str, PlainValidator(read.kind)]
MOST = 1_000_000


def _most(value: object) -> int:
    """How many actions a day there may be: 0 to 1000000."""
    name = read.text(value)
    if not (name.isascii() and name.isdigit() and int(name) <= MOST):
        raise mistake(f"{name!r} is no number of actions a day: 0 to {MOST}")
    return int(name)


def _quiet(value: object) -> tuple[int, int] | None:
    """`21:00-08:00` in the recipient's zone, over midnight or not; `off`: never quiet."""
    name = read.text(value)
    if name.lower() in {"off", "no", "none", "false"}:
        return None
    begins, dash, ends = name.partition("-")
    if not dash:
        raise mistake(f"{name!r} are no quiet hours such as '21:00-08:00'")
    found = (read.minutes(begins.strip()) % (24 * 60), read.minutes(ends.strip()) % (24 * 60))
    if found[0] == found[1]:
        raise mistake(f"{name!r}: quiet hours end at another time than they begin; for none write off")
    return found


def _roles(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise mistake("name at least one role that may approve")
    return tuple(sorted(set(value)))


Roles = Annotated[Names, AfterValidator(_roles)]


class HandlingSection(BaseModel):
    """A part of the file: unknown keys are refused."""

    model_config = STRICT


class BudgetForm(HandlingSection):
    """How many actions a day; without a rule, an action or a tenant it counts all of them."""

    most: Annotated[int, PlainValidator(_most)]
    rule: Kind | None = None
    action: ActionName | None = None
    tenant: Name | None = None
    each: Annotated[str | None, PlainValidator(read.choice("each", ("customer",)))] = None


class ActionsForm(HandlingSection):
    """Who must agree to an action, how many there may be, and when customers are told nothing."""

    approval_timeout: Period = Span(ACTION_POLICY.approval_timeout, "us")
    approve_within: Period | None = None
    ladder: Name = ACTION_POLICY.ladder
    remember: Period = Span(ACTION_POLICY.remember, "us")
    approvers: Annotated[dict[ActionOrAll, Roles], Section] = {}
    second_approval_above: Annotated[
        dict[Annotated[str, PlainValidator(read.currency)], Annotated[Decimal, PlainValidator(read.amount)]], Section
    ] = {}
    budgets: Annotated[tuple[BudgetForm, ...], BeforeValidator(many)] = ()
    quiet_hours: Annotated[tuple[int, int] | None, PlainValidator(_quiet)] = ACTION_POLICY.quiet


class GuardrailForm(HandlingSection):
    """A predicate about an order under which automation stops; without `actions` it is about all of them."""

    when: Annotated[str, PlainValidator(read.text)]
    lane: Annotated[str, PlainValidator(read.choice("lane", ("review", "block")))] = "review"
    actions: Annotated[tuple[ActionName, ...], BeforeValidator(many)] = ()
    says: Name | None = None


def _points(value: object) -> int:
    """How many points of a score: 0 to 1000."""
    name = read.text(value)
    if not (name.isascii() and name.isdigit() and int(name) <= GREATEST):
        raise mistake(f"{name!r} are no points of a score: 0 to {GREATEST}")
    return int(name)


Points = Annotated[int, PlainValidator(_points)]
Grade = Annotated[str, PlainValidator(read.choice("severity", SEVERITIES))]
HalfAt = Annotated[tuple[tuple[str, Decimal], ...], PlainValidator(read.amounts)]


class PriorityForm(HandlingSection):
    """The most points that each term of a score gives."""

    severity: Annotated[dict[Grade, Points], Section] = {}
    breach: Points = PRIORITY.breach
    time_left: Points = PRIORITY.time_left
    lateness: Points = PRIORITY.lateness
    value: Points = PRIORITY.value
    half_at: HalfAt = tuple(HALF_AT.items())
    tiers: Annotated[dict[Name, Points], Section] = {}
    blocking: Points = PRIORITY.blocking
    reopenings: Points = PRIORITY.reopenings

    @model_validator(mode="after")
    def _sums_up(self) -> PriorityForm:
        severity = {**SEVERITY_POINTS, **self.severity}
        tiers = {**TIER_POINTS, **{name.casefold(): points for name, points in self.tiers.items()}}
        terms = (self.breach, self.time_left, self.lateness, self.value, self.blocking, self.reopenings)
        most = sum(terms) + max(severity.values()) + max(tiers.values())
        if most > GREATEST:
            raise mistake(f"all terms together give up to {most} points, and a score has {GREATEST}: what is gravest would all be equal")
        if [severity[grade] for grade in SEVERITIES] != sorted(severity.values()):
            raise mistake("a graver severity gives fewer points: " + ", ".join(f"{grade} {severity[grade]}" for grade in SEVERITIES))
        return self
