"""All that the page of an exception or of an order needs of the store, read at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from dataflows.console.access import Person
from dataflows.console.pages.calendars import policy_of, policy_text
from dataflows.console.pages.scope import may_see, within_scope
from dataflows.core.policy import Policy
from dataflows.core.policy.setting import Described
from dataflows.core.rules import RULES_BY_KIND
from dataflows.core.rules.model import Rule
from sinks.cases.queries.detail import exception_detail
from sinks.cases.queries.exceptions import of_order, resolve_prefix
from sinks.cases.queries.past import OrderPast, order_past
from sinks.cases.queries.rows import Data, ExceptionDetail, ExceptionRow, values
from sinks.cases.tables import exceptions

Policies = Mapping[str, Policy | None]


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order as a reader may see it. `rows`: its exceptions as lists show them, the first said first."""

    past: OrderPast
    rows: Sequence[ExceptionRow]
    policies: Policies

    @property
    def standing(self) -> list[ExceptionRow]:
        """What is open of it."""
        return [row for row in self.rows if row.status == "open"]


@dataclass(frozen=True, slots=True)
class ExceptionFacts:
    """An exception with its order. `stored`: its row; `rule`: what decides of its kind, if this program knows it."""

    detail: ExceptionDetail
    stored: Data
    order: OrderFacts
    rule: Rule | Described | None

    @property
    def policy(self) -> Policy | None:
        """The policy that decided."""
        return self.order.policies.get(str(self.stored["policy"]))

    @property
    def others(self) -> list[ExceptionRow]:
        """The other exceptions of its order."""
        return [row for row in self.order.rows if row.exception_id != self.detail.row.exception_id]

    @property
    def suppresses(self) -> list[Data]:
        """The exceptions that are not worth a page because of it."""
        return [row for row in self.order.past.exceptions if row["suppressed_by"] == self.detail.row.exception_id]


def exception_facts(
    connection: Connection, exception_id: str, person: Person, now: datetime, usual: Policy | None
) -> ExceptionFacts | None:
    """An exception of this ID that the reader may see. `usual`: the policy that holds until one is activated."""
    detail = exception_detail(connection, exception_id, now)
    if detail is None:
        return None
    order = order_facts(connection, detail.row.tenant, detail.row.order_id, person, now, usual)
    if order is None:
        return None
    stored = next((one for one in order.past.exceptions if one["exception_id"] == exception_id), None)
    if stored is None:
        return None
    policy = order.policies.get(str(stored["policy"]))
    own = () if policy is None else policy.rules
    rule = RULES_BY_KIND.get(detail.row.kind) or next((one for one in own if one.kind == detail.row.kind), None)
    return ExceptionFacts(detail, stored, order, rule)


def order_facts(
    connection: Connection, tenant: str, order_id: str, person: Person, now: datetime, usual: Policy | None
) -> OrderFacts | None:
    """An order, if the store has anything of it that the reader may see."""
    past = order_past(connection, tenant, order_id)
    seen = within_scope(past, person) if past.is_known else None
    if seen is None:
        return None
    shown = {one["exception_id"] for one in seen.exceptions}
    rows = [row for row in of_order(connection, tenant, order_id, now) if row.exception_id in shown]
    versions = sorted({str(one["policy"]) for one in seen.exceptions})
    policies = {version: policy_of(policy_text(connection, version), version, usual) for version in versions}
    return OrderFacts(seen, rows, policies)


def whole_id(connection: Connection, prefix: str, person: Person) -> str | None:
    """The one exception whose ID begins so, if the reader may see it; None if there is none, or several."""
    found = resolve_prefix(connection, prefix)
    if len(found) != 1:
        return None
    row = connection.execute(select(exceptions).where(exceptions.c.exception_id == found[0])).one()
    return found[0] if may_see(values(row), person) else None
