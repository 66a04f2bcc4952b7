"""What an order's shard says of actions: that an exception asks for one, what stands against it now, and that its reason has gone.

Others decide what becomes of it.

An intent is plain data, an array in MessagePack: it travels to the action shard of its tenant, and waits there in checkpoints. A field is
added at its end, with a default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from dataflows.core.decisions.messages import CustomerMessage
from dataflows.core.engine.exceptions import ExceptionState, action_id, derived_id
from dataflows.core.history.facts import Facts
from dataflows.core.rules.guarding import Objection
from schemas.actions import ACTIONS, ActionSpec, action_of
from schemas.output import OutputRecord
from schemas.record import Evidence

INTENTS: Final = "intents"
"""The `topic` of an output record that is an intent: it is for the action shards, and never written."""
Sort = Literal["asked", "guarded", "gone", "sent", "spoken", "forgotten"]
KindPrefix = Literal["return", "shipment", "payment"]


class MessageTerms(Struct, array_like=True, frozen=True, omit_defaults=True):
    """What is known of a message where it would go out: what it says, and the guardrail that speaks against it, if one does.

    `at`: of a message that somebody else sent, when (µs).
    """

    message: CustomerMessage
    objection: Objection | None = None
    at: int = 0


class Intent(Struct, array_like=True, frozen=True, omit_defaults=True):
    """That an exception asks for a step the `number`th time, or no longer does. `guarded`: other things stand against it now.

    `log` and `key` are its place in what its order says. `said` is the sequence of the exception with which it was said. `target` is what
    the action would change, `hold_until` an instant before which it must not be requested (µs; 0: none). `amount` is what it is about in
    money, `owner` the team that has the exception. Of messages there is more: `message`, and why one is taken back (`why`) although its
    exception stands. `replaces`: the number of the one that said something else before. `sent`: somebody else told the customer something;
    `spoken`: what is to be said of the message `action_of`, which a person asked for. `forgotten`: the order was erased by `owner`.
    """

    log: int
    key: str
    sort: Sort
    tenant: str
    order: str
    exception: str
    said: int
    kind: str
    step: str
    action: str
    number: int
    target: str
    parameters: dict[str, object]
    lane: str
    guardrails: list[Objection]
    reason: str
    evidence: list[Evidence]
    severity: str
    policy: str
    customer: str | None = None
    amount: tuple[str, str] | None = None
    hold_until: int = 0
    owner: str = ""
    message: MessageTerms | None = None
    why: Objection | None = None
    replaces: int = 0
    action_of: str = ""

    @property
    def firing(self) -> str:
        """Which time of which step of which exception it is."""
        return self.firing_of(self.number)

    def firing_of(self, number: int) -> str:
        """Another time of the same step of the same exception."""
        return f"{self.exception}\x1f{self.step}\x1f{number}"

    @property
    def action_id(self) -> str:
        """The ID of the action: as ever where its parameters follow from the exception, else of them as well."""
        if self.action_of:
            return self.action_of
        own = {name: value for name, value in self.parameters.items() if name not in GIVEN}
        if not own:
            return action_id(self.exception, self.step, self.number)
        return derived_id(f"{self.firing}\x1f{msgspec.json.encode(own, order='sorted').decode()}")


GIVEN: Final = frozenset(("kind", "scope", "lane", "step", "topic", "channel", "language", "promised_by"))
"""Parameters that follow from the exception, its rule, and what its order says: what is otherwise there has another number."""
encode_intent: Callable[[Intent], bytes] = msgspec.msgpack.Encoder().encode
decode_intent: Callable[[bytes], Intent] = msgspec.msgpack.Decoder(Intent).decode
"""The intent that bytes hold."""


def intent_record(intent: Intent, status: str) -> OutputRecord:
    """An intent as it leaves its shard."""
    type_ = f"intent.{intent.sort}"
    data: dict[str, object] = {
        "action_id": intent.action_id,
        "exception_id": intent.exception,
        "action": intent.action,
        "step": intent.step,
    }
    data |= {"lane": intent.lane, "reason": intent.reason}
    return OutputRecord(
        intent.log,
        intent.order,
        INTENTS,
        type_,
        intent.key,
        encode_intent(intent),
        intent.kind,
        intent.severity,
        status,
        data,
    )


def spec_of(step: str) -> ActionSpec:
    """What the table says of a step. One that no table knows (of a policy of before) is a task for a person."""
    return ACTIONS[action_of(step) or "create_task"]


def target_of(spec: ActionSpec, scope: str | None) -> str:
    """What an action for an exception changes: its own shipment, payment or return, else the whole order."""
    if spec.target in ("customer", "task", "order"):
        return spec.target
    return scope if scope is not None and scope.startswith(f"{spec.target}:") else "order"


class AskedAction(NamedTuple):
    """What is known of an action when it is asked for."""

    parameters: dict[str, object]
    amount: tuple[str, str] | None


def asked(spec: ActionSpec, step: str, state: ExceptionState, facts: Facts) -> AskedAction:
    """The parameters of an action."""
    parameters: dict[str, object] = {"kind": state.kind, "scope": state.scope, "lane": state.lane}
    if step != spec.name:
        parameters["step"] = step
    money = _amount(spec, facts)
    if "amount" in spec.needs and money is not None:
        parameters["amount"] = {"amount": money[0], "currency": money[1]}
    return AskedAction(parameters, money)


def _amount(spec: ActionSpec, facts: Facts) -> tuple[str, str] | None:
    """What an action is about in money: of a refund what was taken and not yet paid back, else the order's total."""
    total = facts.fields.total if facts.placed is not None else None
    if total is None:
        return None
    if spec.name != "approve_refund":
        return total.amount, total.currency
    left: Decimal = facts.payments.captured - facts.payments.refunded
    return (str(left), total.currency) if left > 0 else None


def lane_of(lane: str, spoken: Iterable[Objection]) -> str:
    """The lane of an action: its rule's, or what the gravest guardrail asks for."""
    lanes = {lane, *(each.effect for each in spoken)}
    return next((each for each in ("block", "review") if each in lanes), "auto")
