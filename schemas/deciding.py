"""What a decision is, and where it must come from to count: only those who may decide can write there.

The topic's name is fixed but for a prefix, so that nothing that passes records on needs to know which topic of a run it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.topics import DECISIONS

if TYPE_CHECKING:
    from schemas.record import Record

OF_ACTIONS: Final = ("action.", "automation.")
"""How the types of decisions about actions begin."""
PREFIXES: Final = ("case.", "policy.", "suggestion.", *OF_ACTIONS)
"""How the types of decisions begin."""
OF_POLICIES: Final = frozenset(("admin", "policy_author"))
"""The roles that may activate a policy. A role for some tenants only is written with them (`policy_author@acme`), and is none of these."""
_ENDINGS: Final = (f".{DECISIONS}", f"-{DECISIONS}")


def is_decision(type_: str) -> bool:
    """Whether an event type is that of a decision."""
    return type_.startswith(PREFIXES)


def decides(topic: str) -> bool:
    """Whether decisions are taken from a topic."""
    return topic == DECISIONS or topic.endswith(_ENDINGS)


def refused_decision(record: Record) -> tuple[str, str] | None:
    """Why a decision cannot count wherever it is about, as reason and detail; None if it can, or is no decision."""
    if not is_decision(record.event.type) or decides(record.topic):
        return None
    return "not_a_decision_source", f"decisions are taken from {DECISIONS} only"
