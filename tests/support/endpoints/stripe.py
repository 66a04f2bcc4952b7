"""An account that speaks what Stripe documents of its API (v1): payment intents, refunds, idempotency keys, errors by type and code.

Keys are kept with the first answer, a 500 too, as documented; `forget_keys` is the day after which they are pruned.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.endpoints.faults import Fault, FaultServer
from tests.support.endpoints.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.endpoints.wire import Received


def error(status: int, type_: str, code: str | None = None, **more: Any) -> Reply:
    """An error as the API writes it."""
    return Reply(status, {"error": {"type": type_, "message": "no part of this may be shown", **({"code": code} if code else {}), **more}})


class StripeServer(FaultServer):
    """One intent, `pi_123`, in a status of its own, and its refunds. `decline`: what the bank says of the next attempt."""

    def __init__(self, faults: Sequence[Fault] = (), status: str = "requires_capture", key: str | None = None) -> None:
        super().__init__(faults)
        self.key = key
        self.intent: dict[str, Any] = {"id": "pi_123", "object": "payment_intent", "status": status, "amount": 5_000, "currency": "eur"}
        self.manual = False
        self.decline: str | None = None
        self.refunds: list[dict[str, Any]] = []
        self.saved: dict[str, tuple[str, Reply]] = {}

    def forget_keys(self) -> None:
        """A day has passed."""
        self.saved.clear()

    def effect(self, request: Received, key: str) -> None:
        """It is carried out; `reply` finds the saved answer."""
        if self.concerns(request):
            self._once(request, key)

    def stated(self, fault: Fault, request: Received) -> Reply:
        """Faults in Stripe's words; a 500 that came after the endpoint began is saved for its key."""
        match fault:
            case "throttled":
                reply = error(429, "invalid_request_error", "rate_limit")
                reply.headers["retry-after"] = self.wait
                return reply
            case "refused":
                return error(404, "invalid_request_error", "resource_missing", param="intent")
            case "error_before" | "error_after" | "lie":
                return error(500, "api_error")
            case _:
                return super().stated(fault, request)

    def reply(self, request: Received) -> Reply:
        """As the API answers."""
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return error(401, "invalid_request_error", "api_key_expired")
        if request.method == "GET":
            return self._asked(request)
        return self._once(request, self.key_of(request))

    def _asked(self, request: Received) -> Reply:
        if request.path == "/v1/payment_intents/pi_123":
            return Reply(200, self.intent)
        if request.path == "/v1/refunds" and request.query.get("payment_intent") == "pi_123":
            return Reply(200, {"object": "list", "data": self.refunds, "has_more": False, "url": "/v1/refunds"})
        return error(404, "invalid_request_error", "resource_missing")

    def _once(self, request: Received, key: str) -> Reply:
        asked = f"{request.path}\n{json.dumps(request.form, sort_keys=True)}"
        if key in self.saved:
            before, reply = self.saved[key]
            if before != asked:
                return error(400, "idempotency_error")
            reply.headers["idempotent-replayed"] = "true"
            return reply
        reply = self._changed(request)
        if reply.status not in (401, 409, 429):
            self.saved[key] = (asked, reply)
        if reply.status == 200:
            self.effects[key] += 1
        return reply

    def _changed(self, request: Received) -> Reply:
        form, status = request.form, self.intent["status"]
        match request.path.removeprefix("/v1/").split("/"):
            case ["payment_intents", "pi_123", "capture"]:
                if status != "requires_capture":
                    return error(400, "invalid_request_error", "payment_intent_unexpected_state", payment_intent=self.intent)
                self.intent["status"] = "succeeded"
            case ["payment_intents", "pi_123", "confirm"]:
                if status not in ("requires_confirmation", "requires_payment_method"):
                    return error(400, "invalid_request_error", "payment_intent_unexpected_state", payment_intent=self.intent)
                if self.decline is not None:
                    self.intent["status"] = "requires_payment_method"
                    return error(402, "card_error", "card_declined", decline_code=self.decline)
                self.intent["status"] = "requires_capture" if self.manual else "succeeded"
            case ["payment_intents", "pi_123", "cancel"]:
                if status in ("succeeded", "canceled", "processing"):
                    return error(400, "invalid_request_error", "payment_intent_unexpected_state", payment_intent=self.intent)
                self.intent["status"] = "canceled"
            case ["refunds"]:
                return self._refunded(form)
            case _:
                return error(404, "invalid_request_error", "resource_missing")
        return Reply(200, dict(self.intent))

    def _refunded(self, form: dict[str, str]) -> Reply:
        amount = int(form["amount"])
        if amount > self.intent["amount"] - sum(refund["amount"] for refund in self.refunds):
            return error(400, "invalid_request_error", "charge_already_refunded")
        metadata = {name.removeprefix("metadata[").removesuffix("]"): value for name, value in form.items() if name.startswith("metadata[")}
        made = {"id": f"re_{len(self.refunds) + 1}", "object": "refund", "amount": amount, "status": "succeeded", "metadata": metadata}
        self.refunds.append(made)
        return Reply(200, made)
