"""What a decision is, and where it must come from to count: only those who may decide can write there.

The topic's name is fixed but for a prefix, so that nothing that passes records on needs to know which topic of a run it is.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, cast

from schemas.topics import DECISIONS

if TYPE_CHECKING:
    from schemas.events import OrderForgotten
    from schemas.record import Record

OF_ACTIONS: Final = ("action.", "automation.")
"""How the types of decisions about actions begin."""
FORGOTTEN: Final = "order.forgotten"
"""The type that erases an order, or a customer with all orders."""
PREFIXES: Final = ("case.", "policy.", "suggestion.", FORGOTTEN, *OF_ACTIONS)
"""How the types of decisions begin."""
OF_POLICIES: Final = frozenset(("admin", "policy_author"))
"""The roles that may activate a policy. A role for some tenants only is written with them (`policy_author@acme`), and is none of these."""
OF_ERASURE: Final = frozenset(("admin",))
"""The roles that may erase."""
_ENDINGS: Final = (f".{DECISIONS}", f"-{DECISIONS}")


def is_decision(type_: str) -> bool:
    """Whether an event type is that of a decision."""
    return type_.startswith(PREFIXES)


def decides(topic: str) -> bool:
    """Whether decisions are taken from a topic."""
    return topic == DECISIONS or topic.endswith(_ENDINGS)


def refused_erasure(record: Record) -> tuple[str, str] | None:
    """Why an erasure cannot count, as reason and detail; None if it does. Every part of the engine asks the same."""
    if refused := refused_decision(record):
        return refused
    data = cast("OrderForgotten", record.event.data)
    if not data.by:
        return "no_name", "who had it erased is not said"
    if not OF_ERASURE & {*(data.by_roles or ())}:
        return "role_missing", f"what is erased does not come back: that is decided by {' or '.join(sorted(OF_ERASURE))}"
    if not record.order and not data.customer_id:
        return "nothing_to_forget", "an erasure names an order as subject, or a customer"
    return None


def customer_digest(tenant: str, customer: str) -> str:
    """What stands for a customer in the record that says that they were erased: SHA-256, as hexadecimal digits."""
    return hashlib.sha256(f"{tenant}\x1f{customer}".encode()).hexdigest()


def refused_decision(record: Record) -> tuple[str, str] | None:
    """Why a decision cannot count wherever it is about, as reason and detail; None if it can, or is no decision."""
    if not is_decision(record.event.type) or decides(record.topic):
        return None
    return "not_a_decision_source", f"decisions are taken from {DECISIONS} only"
