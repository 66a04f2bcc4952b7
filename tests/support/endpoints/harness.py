"""For each kind of executor: an endpoint that it can be sent to here, settings that lead there, and an action that it can do.

A new kind has an entry here; the contract suite does the rest.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

from sinks.actions.executor import ActionCall, Contact
from sinks.actions.messages import RenderedMessage
from tests.support.endpoints.faults import Fault, FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SECRET = "whsec_" + base64.b64encode(b"a secret that nobody may see 123").decode()
"""What every endpoint here is called with."""
VARIABLE = "ORDERWATCH_TEST_SECRET"
PRIVATE = "Hanna Muster moved to Hafenstrasse 12"
"""What stands in messages and notes of the sample actions: it must be found nowhere else."""
KEY = "5e0c2f4e-7a2b-5d7e-9a35-0c8a9a5c1b11"


class Harness(NamedTuple):
    """How a kind is tried out. `server` makes an endpoint with faults; `settings` leads there, given its URL."""

    server: Callable[[Sequence[Fault]], Any]
    settings: Callable[[str], dict[str, Any]]
    action: str
    effects: Callable[[Any, str], int]
    """How often something was effected for a key."""
    parameters: Mapping[str, object] = {}
    target: str = "order"


def call_of(
    name: str, key: str = KEY, *, parameters: Mapping[str, object] | None = None, target: str = "order", attempt: int = 1, **more: Any
) -> ActionCall:
    """An attempt at an action, as dispatch makes it."""
    action: dict[str, object] = {
        "action_id": key,
        "idempotency_key": key,
        "exception_id": "3a1e8f0e-0a51-5a43-b8d4-6f6f6b1d2f10",
        "order_id": "SO-1042",
        "action": name,
        "target": target,
        "parameters": {"kind": "shipment.stuck", "scope": target, **(parameters or {})},
        "reason": "no scan for three days",
        "owner": "carrier-desk",
        "state": "requested",
    }
    told: dict[str, Any] = {}
    if name in ("notify_customer", "ask_payment_update", "request_address_confirmation", "propose_substitute"):
        action["message"] = {"topic": "delay", "channel": "email", "language": "en", "promised_by": None}
        told["message"] = RenderedMessage("email", "en", "Your order SO-1042", PRIVATE, f"<p>{PRIVATE}</p>")
        told["recipient"] = Contact("email", "hanna@example.com")
    exception = {"summary": "Order SO-1042: the parcel stands still", "severity": "high", "kind": "shipment.stuck"}
    return ActionCall(action=action, tenant="default", key=key, attempt=attempt, exception=exception, **told, **more)


def effects_by_key(server: FaultServer, key: str) -> int:
    """Of servers that count by the key in a header."""
    return server.effects[key]


def local(address: str, **more: Any) -> dict[str, Any]:
    """Settings that let an endpoint be here, in a hurry."""
    near = {"allow_http": address.startswith("http:"), "allow_networks": ["127.0.0.0/8"]}
    return {**near, "timeout_seconds": 0.4, "connect_timeout_seconds": 0.3, **more}


def _webhook(address: str) -> dict[str, Any]:
    return local(address, url=f"{address}/actions", secrets=[{"env": VARIABLE}])


HARNESSES: dict[str, Harness] = {
    "webhook": Harness(
        server=FaultServer,
        settings=_webhook,
        action="notify_customer",
        effects=effects_by_key,
    ),
}
