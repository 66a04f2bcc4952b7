"""Stripe: take what is owed (confirm or capture a payment intent), cancel a payment intent, pay back what was approved.

https://docs.stripe.com/api (v1). `Idempotency-Key` is the action's ID. Stripe keeps a key for at least a day, and with it whatever it
answered first, a 500 too; a day later the same key would do it again. So every attempt but the first asks before it repeats: an intent
shows what has become of it, and a refund bears the action's ID in its metadata. Use a restricted key that may do no more than this.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast
from urllib.parse import quote, urlencode

from pydantic import Field, model_validator

from sinks.actions.addresses import Resolver, resolved
from sinks.actions.endpoint import HttpEndpointSettings
from sinks.actions.executor import ActionCall, ActionRefused, Done, NotDone, Observation, Outcome, RetryLater, Unknown
from sinks.actions.kind import ExecutorKind
from sinks.actions.outbound import Answer, NoAnswerError, NotSentError, Outbound, url_refused
from sinks.actions.outcomes import of_failure, of_status
from sinks.actions.secrets import SecretSource, SecretUnreadableError
from sinks.actions.stripe_money import minor_units

METADATA: Final = "orderwatch_action"
INTENT: Final = re.compile(r"pi_[A-Za-z0-9_]{1,250}")
WORD: Final = re.compile(r"[a-z0-9_]{1,64}")
UNDER_WAY_S: Final = 600.0
"""After how long a payment that is under way is looked at again."""
Way: TypeAlias = Literal["capture", "confirm", "cancel"]
WAITS_FOR: Final[dict[str, Way]] = {
    "requires_capture": "capture",
    "requires_confirmation": "confirm",
    "requires_payment_method": "confirm",
}
"""By an intent's status: what takes the money."""
BY_STEP: Final[dict[str, Way]] = {"retry_capture": "capture", "reauthorise": "confirm"}
REACHED: Final[dict[Way, tuple[str, ...]]] = {
    "capture": ("succeeded",),
    "confirm": ("succeeded", "requires_capture"),
    "cancel": ("canceled",),
}
"""Statuses of an intent that has what was asked for."""


class StripeSettings(HttpEndpointSettings):
    """An account of Stripe."""

    url: str = Field(default="https://api.stripe.com", description="Where the API is.")
    key: SecretSource = Field(description="A restricted key (`rk_live_…`): `{env: NAME}` or `{file: PATH}`.")
    version: str | None = Field(
        default=None, pattern=r"^20\d\d-\d\d-\d\d(\.[a-z]+)?$", description="`Stripe-Version`; unset: the account's."
    )
    account: str | None = Field(default=None, pattern=r"^acct_[A-Za-z0-9]+$", description="The connected account (`Stripe-Account`).")

    @model_validator(mode="after")
    def _usable(self) -> StripeSettings:
        if why := url_refused(self.url, allow_http=self.allow_http):
            raise ValueError(f"url: {why}")
        return self


class ApiAnswer(NamedTuple):
    """An answer: the object, or what the error means."""

    found: dict[str, Any]
    outcome: Outcome | None = None
    code: str = ""


class StripeExecutor:
    """Acts on the payments of one account."""

    honours_keys = True
    can_be_asked = True

    def __init__(self, settings: StripeSettings, resolver: Resolver = resolved) -> None:
        self._settings = settings
        self._outbound = Outbound(settings, resolver)

    async def execute(self, call: ActionCall) -> Outcome:
        """As `Executor` says."""
        intent = intent_of(call)
        if intent is None:
            return ActionRefused("no_payment_intent", "the action names no payment intent (pi_…)")
        try:
            if call.name == "approve_refund":
                return await self._refund(call, intent)
            return await self._intent(call, intent)
        except (NotSentError, NoAnswerError, SecretUnreadableError) as error:
            return of_failure(error, honours_keys=True)

    async def status(self, call: ActionCall) -> Observation:
        """As `Executor` says: how the intent stands, or whether the refund is there."""
        intent = intent_of(call)
        if intent is None:
            return NotDone("the action names no payment intent")
        try:
            if call.name == "approve_refund":
                found = await self._refund_of(call, intent)
                return found if isinstance(found, Done | NotDone) else Unknown("not_readable", "the account could not be asked")
            asked = await self._ask(f"/v1/payment_intents/{intent}")
        except (NotSentError, NoAnswerError, SecretUnreadableError):
            return Unknown("not_reachable", "the account could not be asked")
        if asked.outcome is not None:
            return Unknown("not_readable", "the account did not say")
        status = str(asked.found.get("status"))
        if status in REACHED[_way(call, status)]:
            return Done(intent, status)
        return Unknown("under_way") if status == "processing" else NotDone(f"it is {status}" if WORD.fullmatch(status) else "")

    async def close(self) -> None:
        """Nothing stays open between requests."""

    async def _intent(self, call: ActionCall, intent: str) -> Outcome:
        asked = await self._asked(f"/v1/payment_intents/{intent}")
        if asked.outcome is not None:
            return asked.outcome
        status = str(asked.found.get("status"))
        way = _way(call, status)
        if status in REACHED[way]:
            return Done(intent, f"was {status} already")
        if status == "processing":
            return RetryLater("under_way", UNDER_WAY_S)
        form: dict[str, str] = {}
        if way != "cancel":
            if WAITS_FOR.get(status) != way:
                return ActionRefused(status if WORD.fullmatch(status) else "wrong_state", f"its state allows no {way}")
            if status == "requires_payment_method":
                method = _method(asked.found)
                if method is None:
                    return ActionRefused("no_payment_method", "there is none to try again with: the customer has to give one")
                form = {"payment_method": method, "off_session": "true"}
        changed = await self._change(f"/v1/payment_intents/{intent}/{way}", form, call.key)
        if changed.code in ("payment_intent_unexpected_state", "charge_already_captured"):
            # It has moved on since it was read, maybe by a request of ours whose answer was lost.
            again = await self._ask(f"/v1/payment_intents/{intent}")
            if again.found.get("status") in REACHED[way]:
                return Done(intent, "was done already")
        if changed.outcome is not None:
            return changed.outcome
        after = str(changed.found.get("status"))
        if after in REACHED[way]:
            return Done(intent, after)
        if after == "processing":
            return Done(intent, "under way at the bank")
        return ActionRefused(after if WORD.fullmatch(after) else "not_reached", "the payment needs the customer")

    async def _refund(self, call: ActionCall, intent: str) -> Outcome:
        if not call.action.get("approved_by"):
            return ActionRefused("not_approved", "money is paid back only if somebody has approved it")
        amount = minor_units(call.parameters.get("amount"))
        if amount is None:
            return ActionRefused("bad_amount", "the amount cannot be paid back to the cent, or its currency is not known")
        if call.first_begun is not None or call.attempt > 1:
            before = await self._refund_of(call, intent)
            if not isinstance(before, NotDone):
                return before
        form = {"payment_intent": intent, "amount": str(amount), f"metadata[{METADATA}]": call.key}
        made = await self._change("/v1/refunds", form, call.key)
        return made.outcome if made.outcome is not None else _refunded(made.found)

    async def _refund_of(self, call: ActionCall, intent: str) -> Done | NotDone | ActionRefused | RetryLater:
        """The refund of an action, by its metadata. A question that fails leaves what it asked about in doubt."""
        listed = await self._asked(f"/v1/refunds?{urlencode({'payment_intent': intent, 'limit': 100})}")
        if listed.outcome is not None:
            code = listed.outcome.code if isinstance(listed.outcome, RetryLater | ActionRefused | Unknown) else "not_readable"
            after = listed.outcome.after if isinstance(listed.outcome, RetryLater) else None
            return RetryLater(code, after, in_doubt=True)
        refunds = cast("list[dict[str, Any]]", listed.found.get("data") or [])
        for refund in refunds:
            if cast("dict[str, Any]", refund.get("metadata") or {}).get(METADATA) == call.key:
                return _refunded(refund)
        if listed.found.get("has_more"):
            return RetryLater("too_many_refunds", in_doubt=True)
        return NotDone("there is no refund of this action")

    async def _asked(self, path: str) -> ApiAnswer:
        """As `_ask`, before anything is changed: that no answer comes leaves no doubt about this attempt."""
        try:
            return await self._ask(path)
        except NoAnswerError as error:
            return ApiAnswer({}, RetryLater(error.code))

    async def _ask(self, path: str) -> ApiAnswer:
        answer = await self._outbound.send("GET", self._settings.url.rstrip("/") + path, headers=self._headers())
        read = _read(answer)
        if isinstance(read.outcome, RetryLater):
            return ApiAnswer({}, RetryLater(read.outcome.code, read.outcome.after, read.outcome.throttle), read.code)
        return read

    async def _change(self, path: str, form: dict[str, str], key: str) -> ApiAnswer:
        headers = {**self._headers(), "idempotency-key": key, "content-type": "application/x-www-form-urlencoded"}
        content = urlencode(form, quote_via=quote).encode()
        return _read(await self._outbound.send("POST", self._settings.url.rstrip("/") + path, headers=headers, content=content))

    def _headers(self) -> dict[str, str]:
        given = self._settings
        versioned = {} if given.version is None else {"stripe-version": given.version}
        account = {} if given.account is None else {"stripe-account": given.account}
        return {"authorization": f"Bearer {given.key.read()}", "accept": "application/json", **versioned, **account}


def intent_of(call: ActionCall) -> str | None:
    """The payment intent that an action is about: a parameter, else its target or its exception's scope."""
    named = call.parameters.get("payment_id")
    scopes = (call.action.get("target"), call.parameters.get("scope"))
    found = [str(scope).removeprefix("payment:") for scope in scopes if str(scope).startswith("payment:")]
    return next((each for each in (str(named or ""), *found) if INTENT.fullmatch(each)), None)


def _way(call: ActionCall, status: str) -> Way:
    """What is done to an intent: cancelled, or what the step says, else what its status waits for."""
    if call.name == "cancel_order":
        return "cancel"
    return BY_STEP.get(str(call.action.get("step") or call.parameters.get("step"))) or WAITS_FOR.get(status, "capture")


def _method(intent: dict[str, Any]) -> str | None:
    """What the last attempt was paid with."""
    failed = cast("dict[str, Any]", intent.get("last_payment_error") or {})
    method = intent.get("payment_method") or cast("dict[str, Any]", failed.get("payment_method") or {}).get("id")
    return method if isinstance(method, str) else None


def _refunded(refund: dict[str, Any]) -> Done | ActionRefused:
    """What a refund has come to. One that waits for a bank is made; one that failed is not."""
    status = str(refund.get("status"))
    if status in ("failed", "canceled"):
        return ActionRefused(f"refund_{status}", "the bank did not take it")
    return Done(str(refund.get("id")), f"refund {status}" if WORD.fullmatch(status) else "refund made")


def _read(answer: Answer) -> ApiAnswer:
    """An answer by its status, and by type and code of its error (docs.stripe.com/error-handling)."""
    said = answer.json()
    found = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    if answer.status == 200:
        if found.get("object"):
            return ApiAnswer(found)
        return ApiAnswer({}, RetryLater("bad_answer", in_doubt=True))
    error = cast("dict[str, Any]", found["error"]) if isinstance(found.get("error"), dict) else {}
    type_, code = (str(error.get(name) or "") for name in ("type", "code"))
    word = next((each for each in (str(error.get("decline_code") or ""), code, type_) if WORD.fullmatch(each)), f"http_{answer.status}")
    match answer.status, type_, code:
        case (401, _, _) | (403, _, _):
            return ApiAnswer({}, ActionRefused(word, "the account does not let us in", disable=True), code)
        case _, "idempotency_error", _:
            return ApiAnswer({}, _of_key(answer, word), code)
        case 409, _, _:
            return ApiAnswer({}, RetryLater(word, answer.retry_after(), in_doubt=True), code)
        case 429, _, _:
            return ApiAnswer({}, RetryLater(word, answer.retry_after(), throttle=code != "lock_timeout"), code)
        case 424, _, _:
            return ApiAnswer({}, RetryLater(word, in_doubt=True), code)
        case status, _, _ if 400 <= status < 500:
            return ApiAnswer({}, ActionRefused(word, "the account does not do it"), code)
        case _:
            return ApiAnswer({}, of_status(answer, honours_keys=True), code)


def _of_key(answer: Answer, word: str) -> Outcome:
    """Of a key that is in use, another attempt is under way; one that was used for something else leaves a doubt for people."""
    if answer.status == 409:
        return RetryLater(word, answer.retry_after(), in_doubt=True)
    return Unknown(word, "the key was used for another request")


KIND: Final = ExecutorKind(
    name="stripe",
    about="A Stripe account: confirm, capture or cancel a payment intent, refund.",
    promise="exactly once by `Idempotency-Key`; after a day by asking first",
    settings=StripeSettings,
    build=StripeExecutor,
)
