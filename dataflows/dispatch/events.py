"""The decisions of dispatch, as CloudEvents. Their IDs follow from action and attempt: written twice, one counts once."""

from __future__ import annotations

from typing import Any, Final

from dataflows.dispatch.model import PendingAction, stated

SOURCE: Final = "/orderwatch/dispatch"
BY: Final = "service:dispatch"
ROLES: Final = ("dispatch",)


def event_id(action: str, attempt: int, type_: str) -> str:
    """The ID of a decision about an attempt."""
    return f"{action}:{attempt}:{type_.partition('.')[2]}"


def decision(action: PendingAction, type_: str, attempt: int, at: int, **said: object) -> dict[str, Any]:
    """What dispatch says of an attempt; what is None is left out."""
    data: dict[str, object] = {"action_id": action.id, "by": BY, "by_roles": [*ROLES], "attempt": attempt}
    data |= {name: value for name, value in said.items() if value is not None}
    return {
        "specversion": "1.0",
        "id": event_id(action.id, attempt, type_),
        "source": SOURCE,
        "type": type_,
        "subject": action.order,
        "tenant": action.tenant,
        "time": stated(at),
        "datacontenttype": "application/json",
        "dataschema": f"https://orderwatch.dev/schemas/v1/{type_}",
        "data": data,
    }
