"""What an action would meet on its way out: budgets of the day, quiet hours, and how much its customer has heard already.

The engine decides by its own counts when it comes to that; this foresees it from the policy that holds and from what the store knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dataflows.console.text import mark
from dataflows.console.visit import Visit
from dataflows.core.decisions.quiet import quiet_until
from dataflows.core.policy import Policy
from dataflows.core.policy.handling import Budget
from schemas.instants import EPOCH, MICROSECOND, micros
from schemas.messages import MESSAGES
from sinks.cases.queries.allowances import Counts, messages_since, orders_of, recipient_of, requested_counts

LEFT: Final = mark("Of the budget %(name)s, %(left)s are left today (%(used)s used).")
SPENT: Final = mark("The budget %(name)s is spent: until %(at)s it is not requested, and an approval is refused.")
QUIET: Final = mark("It is quiet where the customer is: it goes out on %(at)s (%(zone)s).")
CAPPED: Final = mark("The customer was sent %(sent)s messages within %(span)s: it goes out on %(at)s.")
MOST_HOLDS: Final = 16


class BudgetUse(NamedTuple):
    """A budget, and how much of it is used on the tenant's day. `tenant`: whose day it is."""

    budget: Budget
    used: int
    tenant: str

    @property
    def left(self) -> int:
        """How much is left."""
        return max(0, self.budget.most - self.used)


@dataclass(frozen=True, slots=True)
class ForeseenAction:
    """An action that may go out. `kind`: of its exception; None where it is for none."""

    tenant: str
    order_id: str
    action: str
    kind: str | None


@dataclass(frozen=True, slots=True)
class Allowances:
    """What it would meet. `goes_at`: when a message may go out, None: at once, or where it is none; `quiet`, `capped`: what holds it."""

    budgets: Sequence[BudgetUse] = ()
    ends: datetime | None = None
    zone: str = "UTC"
    goes_at: datetime | None = None
    quiet: bool = False
    sent: int = 0
    within: timedelta | None = None


def allowances(connection: Connection, policy: Policy, asked: ForeseenAction, now: datetime) -> Allowances:
    """What an action would meet if it went out now."""
    since, ends = day_of(policy, asked.tenant, now)
    budgets = [one for one in policy.actions.budgets if concerns(one, asked)]
    message, cap = asked.action in MESSAGES, policy.messages.cap
    whose = recipient_of(connection, asked.tenant, asked.order_id)
    alone = message or any(one.each_customer for one in budgets)
    own = orders_of(connection, asked.tenant, asked.order_id, whose.customer) if alone else []
    every = requested_counts(connection, asked.tenant, since) if any(not one.each_customer for one in budgets) else Counts()
    of_customer = requested_counts(connection, asked.tenant, since, own) if any(one.each_customer for one in budgets) else Counts()
    uses = [BudgetUse(one, used(one, of_customer if one.each_customer else every), asked.tenant) for one in budgets]
    if not message:
        return Allowances(uses, ends)
    zone = policy.ship_to_zone(whose.country)
    within = None if cap is None else cap.within * MICROSECOND
    sent = [] if within is None else messages_since(connection, asked.tenant, own, MESSAGES, now - within)
    at, quiet, capped = now, False, False
    for _ in range(MOST_HOLDS):
        begin = at
        silent = 0 if policy.actions.quiet is None else quiet_until(micros(at), zone, policy.actions.quiet)
        if silent:
            at, quiet = EPOCH + silent * MICROSECOND, True
        if cap is not None and within is not None:
            recent = [one for one in sent if one > at - within]
            if len(recent) >= cap.most:
                at, capped = recent[len(recent) - cap.most] + within, True
        if at == begin:
            break
    return Allowances(uses, ends, zone, at if at > now else None, quiet, len(sent) if capped else 0, within)


def budget_uses(connection: Connection, policy: Policy, tenants: Sequence[str], now: datetime) -> list[BudgetUse]:
    """How much of each budget is used today, by tenant. One that counts every customer on their own has no sum."""
    found: list[BudgetUse] = []
    for tenant in tenants:
        counted = requested_counts(connection, tenant, day_of(policy, tenant, now)[0])
        budgets = [one for one in policy.actions.budgets if not one.each_customer and one.tenant in (None, tenant)]
        found += [BudgetUse(one, used(one, counted), tenant) for one in budgets]
    return found


def day_of(policy: Policy, tenant: str, now: datetime) -> tuple[datetime, datetime]:
    """The calendar day of a tenant: when it began and when it ends."""
    zone = ZoneInfo(policy.tenant_zone(tenant))
    day = now.astimezone(zone).date()
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


def concerns(budget: Budget, asked: ForeseenAction) -> bool:
    """Whether an action counts in a budget."""
    return budget.rule in (None, asked.kind) and budget.action in (None, asked.action) and budget.tenant in (None, asked.tenant)


def used(budget: Budget, counts: Counts) -> int:
    """How many of what was requested count in a budget."""
    return sum(many for (action, kind), many in counts.items() if budget.rule in (None, kind) and budget.action in (None, action))


def foreseen(visit: Visit, met: Allowances) -> tuple[list[str], list[str]]:
    """What it would meet, in sentences: what is known of it, and what speaks against it."""
    said: list[str] = []
    against: list[str] = []
    number = visit.language.number

    def at(when: datetime) -> str:
        return visit.language.date_time(when, visit.zone)

    for one in met.budgets:
        if one.left:
            said.append(visit.say(LEFT, name=one.budget.name, left=number(one.left), used=number(one.used)))
        elif met.ends is not None:
            against.append(visit.say(SPENT, name=one.budget.name, at=at(met.ends)))
    if met.goes_at is not None and met.quiet:
        against.append(visit.say(QUIET, at=at(met.goes_at), zone=met.zone))
    if met.goes_at is not None and met.sent and met.within is not None:
        against.append(visit.say(CAPPED, sent=number(met.sent), span=visit.language.span(met.within), at=at(met.goes_at)))
    return said, against
