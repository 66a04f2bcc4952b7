"""The signed webhook, as the Standard Webhooks specification (1.0) describes it: https://www.standardwebhooks.com.

`webhook-id` is the action's ID, the same for every attempt: by it the receiver knows what it has had. `webhook-signature` has one
signature for each secret, so that a receiver may change from one to the next. Any 2xx is a success; a 410 disables the endpoint.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from pydantic import BeforeValidator, Field, model_validator
from standardwebhooks import Webhook

from sinks.actions.addresses import Resolver, resolved
from sinks.actions.endpoint import HttpEndpointSettings, several
from sinks.actions.executor import ActionCall, Done, Observation, Outcome, RetryLater, Unknown
from sinks.actions.kind import ExecutorKind
from sinks.actions.outbound import NoAnswerError, NotSentError, Outbound, url_refused
from sinks.actions.outcomes import of_failure, of_status
from sinks.actions.secrets import SecretSource, SecretUnreadableError

TYPE: Final = "action.requested"
NOT_YET: Final = (401, 403, 404, 405, 407, 409, 421, 423)
"""Refusals that say more of how the receiver stands than of what it was sent: the specification repeats them, and so do we."""


class WebhookSettings(HttpEndpointSettings):
    """An endpoint that takes signed webhooks."""

    url: str = Field(description="Where requests go.")
    secrets: Annotated[tuple[SecretSource, ...], BeforeValidator(several), Field(min_length=1, max_length=4)] = Field(
        description="What they are signed with, `whsec_…`: `{env: NAME}` or `{file: PATH}`; two while one changes over to the next."
    )
    honours_keys: bool = Field(
        default=True,
        description="Whether the receiver acts once on each `webhook-id`, as the specification asks. If not, doubt is never repeated.",
    )

    @model_validator(mode="after")
    def _callable(self) -> WebhookSettings:
        if why := url_refused(self.url, allow_http=self.allow_http):
            raise ValueError(f"url: {why}")
        return self


class WebhookExecutor:
    """Sends actions to one receiver. `clock` gives seconds since the epoch."""

    can_be_asked = False

    def __init__(self, settings: WebhookSettings, resolver: Resolver = resolved, clock: Callable[[], datetime] | None = None) -> None:
        self._settings = settings
        self._outbound = Outbound(settings, resolver)
        self._clock = clock or (lambda: datetime.now(UTC))
        self.honours_keys = settings.honours_keys

    async def execute(self, call: ActionCall) -> Outcome:
        """As `Executor` says."""
        body = payload(call)
        try:
            headers = {"content-type": "application/json", **self._signed(call.key, body)}
            answer = await self._outbound.send("POST", self._settings.url, headers=headers, content=body)
        except (NotSentError, NoAnswerError, SecretUnreadableError) as error:
            return of_failure(error, honours_keys=self.honours_keys)
        if 200 <= answer.status < 300:
            return Done(None, f"accepted with {answer.status}")
        if answer.status in NOT_YET:
            return RetryLater(f"http_{answer.status}", answer.retry_after())
        return of_status(answer, honours_keys=self.honours_keys)

    async def status(self, call: ActionCall) -> Observation:
        """Nothing can be found out."""
        return Unknown("not_askable", f"a webhook cannot be asked about {call.name}")

    async def close(self) -> None:
        """Nothing stays open between requests."""

    def _signed(self, key: str, body: bytes) -> dict[str, str]:
        at = self._clock()
        try:
            signatures = [Webhook(key_of(secret.read())).sign(key, at, body.decode()) for secret in self._settings.secrets]
        except ValueError:
            raise SecretUnreadableError("a secret of a webhook is base64, behind whsec_") from None
        return {"webhook-id": key, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": " ".join(signatures)}


def key_of(secret: str) -> bytes:
    """The bytes that are signed with. Raises ValueError for what is no base64: the library would leave out what it cannot read."""
    text = secret.removeprefix("whsec_").rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def payload(call: ActionCall) -> bytes:
    """What is sent: the action as the contract has it, and the message and its recipient where it is about one. The same each time."""
    said: dict[str, Any] = {"type": TYPE, "tenant": call.tenant, "data": dict(call.action)}
    if call.message is not None:
        said["message"] = {name: value for name, value in call.message._asdict().items() if value}
    if call.recipient is not None:
        said["recipient"] = {"channel": call.recipient.channel, "address": call.recipient.address}
    return msgspec.json.encode(said)


KIND: Final = ExecutorKind(
    name="webhook",
    about="A signed webhook to a system of your own (Standard Webhooks).",
    promise="exactly once by `webhook-id`, if the receiver honours it",
    settings=WebhookSettings,
    build=WebhookExecutor,
)
