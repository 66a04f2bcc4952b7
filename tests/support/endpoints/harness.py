"""For each kind of executor: an endpoint that it can be sent to here, settings that lead there, and an action that it can do.

A new kind has an entry here; the contract suite does the rest.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

from sinks.actions.executor import ActionCall, Contact
from sinks.actions.messages import RenderedMessage
from tests.support.endpoints.faults import Fault, FaultServer
from tests.support.endpoints.shopify import ShopifyServer
from tests.support.endpoints.smtp import MailFaultServer, mails_by_key
from tests.support.endpoints.stripe import StripeServer
from tests.support.endpoints.wire import Received, Reply

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
    order: str = "SO-1042"
    secret: Callable[[str], str] = lambda _: SECRET
    """What stands in the environment, given the URL: of some kinds the URL is the secret."""
    blind: bool = False
    """Whether it learns only that something went wrong, and not what: then all that is not done is in doubt."""


def call_of(
    name: str,
    key: str = KEY,
    *,
    parameters: Mapping[str, object] | None = None,
    target: str = "order",
    order: str = "SO-1042",
    attempt: int = 1,
    says: Mapping[str, object] | None = None,
    **more: Any,
) -> ActionCall:
    """An attempt at an action, as dispatch makes it."""
    action: dict[str, object] = {
        "action_id": key,
        "idempotency_key": key,
        "exception_id": "3a1e8f0e-0a51-5a43-b8d4-6f6f6b1d2f10",
        "order_id": order,
        "action": name,
        "target": target,
        "parameters": {"kind": "shipment.stuck", "scope": target, **(parameters or {})},
        "reason": "no scan for three days",
        "owner": "carrier-desk",
        "state": "requested",
        "approved_by": ["user:anna"],
        **(says or {}),
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
    """Settings that let an endpoint be here; time-outs that no load of the machine reaches."""
    near = {"allow_http": address.startswith("http:"), "allow_networks": ["127.0.0.0/8"]}
    return {**near, "timeout_seconds": 60, "connect_timeout_seconds": 60, **more}


def _webhook(address: str) -> dict[str, Any]:
    return local(address, url=f"{address}/actions", secrets=[{"env": VARIABLE}])


def _mail(address: str) -> dict[str, Any]:
    host, port = address.removeprefix("http://").split(":")
    given = local(address, host=host, port=int(port), security="none", sender="Shop <orders@example.com>", to="desk@example.com")
    return {name: value for name, value in given.items() if name != "allow_http"}


def effects_in_all(server: FaultServer, _: str) -> int:
    """Of servers that know no keys."""
    return sum(server.effects.values())


def _forgetful(faults: Sequence[Fault]) -> FaultServer:
    """A server that knows no keys."""
    return FaultServer(faults, honours_keys=False)


def _chat(address: str) -> dict[str, Any]:
    return local(address, url={"env": VARIABLE})


def _in_path(address: str) -> str:
    return f"{address}/services/T0/{SECRET}"


def _rest(address: str) -> dict[str, Any]:
    asked = {"path": "/orders/{order_id}/holds/{action_id}", "done_when": "held", "not_done_when": "!held"}
    request = {
        "path": "/orders/{order_id}/holds",
        "body": {"reason": "{reason}", "order": "{order_id}", "kind": "{parameters.kind}"},
        "reference": "id",
        "status": asked,
    }
    keys = {"bearer": {"env": VARIABLE}, "key_header": "Idempotency-Key", "honours_keys": True}
    return local(address, base_url=f"{address}/api", actions={"hold_order": request}, **keys)


class RestServer(FaultServer):
    """An API that holds orders, and says of a GET whether it has."""

    def reply(self, request: Received) -> Reply:
        """The hold, or whether it is there."""
        if request.method == "GET":
            return Reply(200, {"held": bool(self.effects[request.path.rpartition("/")[2]])})
        return Reply(201, {"id": "hold-1"})


def _shopify(address: str) -> dict[str, Any]:
    return local(address, url=address, token={"env": VARIABLE}, locations={"BER-2": "77"}, tags={"escalate": "urgent"}, notes=True)


def _stripe(address: str) -> dict[str, Any]:
    return local(address, url=address, key={"env": VARIABLE})


def _gotify(address: str) -> str:
    return f"gotify://{address.removeprefix('http://')}/{SECRET}"


HARNESSES: dict[str, Harness] = {
    "webhook": Harness(
        server=FaultServer,
        settings=_webhook,
        action="notify_customer",
        effects=effects_by_key,
    ),
    "mail": Harness(server=MailFaultServer, settings=_mail, action="notify_customer", effects=mails_by_key),
    "rest": Harness(server=RestServer, settings=_rest, action="hold_order", effects=effects_by_key),
    "shopify": Harness(server=ShopifyServer, settings=_shopify, action="hold_order", effects=effects_by_key, order="450789469"),
    "stripe": Harness(
        server=StripeServer,
        settings=_stripe,
        action="approve_refund",
        effects=effects_by_key,
        parameters={"amount": {"amount": "12.50", "currency": "EUR"}},
        target="payment:pi_123",
    ),
    "chat": Harness(server=_forgetful, settings=_chat, action="create_task", effects=effects_in_all, secret=_in_path),
    "apprise": Harness(server=_forgetful, settings=_chat, action="escalate", effects=effects_in_all, secret=_gotify, blind=True),
}
