"""Intents and decisions, as tests of actions feed them to a shard, and what became of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dataflows.core.actions.shard import ActionShard
from dataflows.core.engine.exceptions import exception_id
from dataflows.core.engine.intents import Intent, Sort, spec_of, target_of
from dataflows.core.policy.build import build
from dataflows.core.policy.check import known_in
from dataflows.core.policy.form import PolicyForm
from dataflows.core.rules import RULES
from schemas.deciding import is_decision
from schemas.record import Record
from schemas.topics import DECISIONS
from schemas.tree import read
from schemas.wire import decode
from tests.support.logs import T0, iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dataflows.core.policy import Policy
    from dataflows.core.rules.guarding import Objection
    from schemas.output import OutputRecord

ANNA, BEN, CARA = "user:anna", "user:ben", "user:cara"
ROLES = ["approver"]


def policy_of(text: str = "") -> Policy:
    """The policy of a text."""
    tree = read(text)
    return build(PolicyForm.model_validate({} if tree.data is None else tree.data, context=known_in(tree, RULES)), RULES)


def intent(
    kind: str = "shipment.delivery_overdue",
    step: str = "notify_customer",
    *,
    log: int = T0,
    sort: Sort = "asked",
    order: str = "A-1",
    tenant: str = "default",
    scope: str | None = None,
    lane: str = "auto",
    number: int = 1,
    amount: tuple[str, str] | None = ("80.00", "EUR"),
    customer: str | None = "c1",
    guardrails: Iterable[Objection] = (),
    hold_until: int = 0,
) -> Intent:
    """What an order's shard says."""
    spec = spec_of(step)
    parameters: dict[str, object] = {"kind": kind, "scope": scope, "lane": lane}
    if "amount" in spec.needs and amount is not None:
        parameters["amount"] = {"amount": amount[0], "currency": amount[1]}
    return Intent(
        log=log,
        key=f"{number:09d}",
        sort=sort,
        tenant=tenant,
        order=order,
        exception=exception_id(tenant, order, kind, scope, 1),
        said=number,
        kind=kind,
        step=step,
        action=spec.name,
        number=number,
        target=target_of(spec, scope),
        parameters=parameters,
        lane=lane,
        guardrails=list(guardrails),
        reason="it is time",
        evidence=[],
        severity="medium",
        policy="p1",
        customer=customer,
        amount=amount,
        hold_until=hold_until,
    )


class Desk:
    """A shard, and those who decide about its actions. `states` is the last that was said of every action, by ID."""

    def __init__(self, policy: str = "") -> None:
        self.shard = ActionShard(policy_of(policy))
        self.states: dict[str, dict[str, Any]] = {}
        self.outs: list[OutputRecord] = []
        self._number = 0

    def take(self, *items: Intent | Record) -> list[tuple[str, str]]:
        """Feeds items; returns type and state (of a reject: its reason) of what was said."""
        for item in items:
            self.shard.apply(item)
        return self._drain()

    def wait(self, until: int) -> list[tuple[str, str]]:
        """Lets time pass, inclusive."""
        self.shard.advance(until)
        return self._drain()

    def decide(
        self, type_: str, log: int = T0, *, order: str = "A-1", topic: str = DECISIONS, id_: str = "", **data: Any
    ) -> list[tuple[str, str]]:
        """Feeds a decision."""
        return self.take(self.decision(type_, log, order=order, topic=topic, id_=id_, **data))

    def decision(
        self, type_: str, log: int, *, order: str = "A-1", topic: str = DECISIONS, id_: str = "", tenant: str = "default", **data: Any
    ) -> Record:
        """A decision as a record."""
        assert is_decision(type_)
        self._number += 1
        event = {
            "specversion": "1.0",
            "id": id_ or f"d{self._number}",
            "source": "/desk",
            "type": type_,
            "subject": order,
            "tenant": tenant,
            "time": iso(log),
            "data": data,
        }
        raw = json.dumps(event).encode()
        return Record(log, topic, 0, self._number, 0, log, order, decode(raw), raw)

    def approve(self, action: str, by: str = ANNA, log: int = T0, **more: Any) -> list[tuple[str, str]]:
        """A person agrees to what was said of an action."""
        fields: dict[str, Any] = {"by": by, "by_roles": ROLES, "payload_hash": self.states[action]["payload_hash"]}
        return self.decide("action.approved", log, action_id=action, **(fields | more))

    def state(self, id_: str) -> str:
        """How an action stands."""
        return str(self.states[id_]["state"])

    def spoken(self, id_: str) -> list[str]:
        """The names of the guardrails that spoke."""
        return [each["name"] for each in self.states[id_]["guardrails"]]

    def _drain(self) -> list[tuple[str, str]]:
        said: list[tuple[str, str]] = []
        for out in self.shard.drain():
            self.outs.append(out)
            data: dict[str, Any] = json.loads(out.body)["data"] if out.topic == "actions" else dict(out.data)
            if out.type.startswith("action."):
                self.states[data["action_id"]] = data
            said.append((out.type, str(data.get("state", data.get("reason", "")))))
        return said
