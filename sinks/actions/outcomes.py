"""What an answer by HTTP means where nothing else is known of the endpoint, and what a failure on the way does."""

from __future__ import annotations

from sinks.actions.executor import ActionRefused, Outcome, RetryLater, Unknown
from sinks.actions.outbound import Answer, NoAnswerError, NotAllowedError, NotSentError
from sinks.actions.secrets import SecretUnreadableError

THROTTLED = (429, 502, 503, 504)
"""Statuses of an endpoint that has too much to do (Standard Webhooks names 429, 502 and 504; 503 says so itself)."""


def of_failure(error: NotSentError | NoAnswerError | SecretUnreadableError, *, honours_keys: bool) -> Outcome:
    """What becomes of an attempt without an answer."""
    match error:
        case SecretUnreadableError():
            return RetryLater("secret_unreadable")
        case NotAllowedError():
            return ActionRefused(error.code, "the endpoint may not be called there")
        case NotSentError():
            return RetryLater(error.code)
        case _:
            return in_doubt(error.code, honours_keys=honours_keys)


def in_doubt(code: str, *, honours_keys: bool, after: float | None = None, throttle: bool = False) -> RetryLater | Unknown:
    """Something may have been effected: with a key it is repeated, without one nobody repeats it."""
    return RetryLater(code, after, throttle, in_doubt=True) if honours_keys else Unknown(code)


def of_status(answer: Answer, *, honours_keys: bool) -> Outcome:
    """What a status that is no success means.

    1xx to 3xx: whoever answers so has not done it. 4xx: refused, except those that say "later". 5xx: it may have been done.
    """
    status, code, after = answer.status, f"http_{answer.status}", answer.retry_after()
    match status:
        case 408 | 425 | 429:
            return RetryLater(code, after, throttle=status == 429)
        case 410:
            return ActionRefused(code, "the endpoint is gone", disable=True)
        case 401 | 403 | 407:
            return ActionRefused(code, "the endpoint does not let us in")
        case 501 | 505:
            return ActionRefused(code, "the endpoint cannot do it")
        case 503 if after is not None:
            return RetryLater(code, after, throttle=True)
        case _ if 500 <= status < 600:
            return in_doubt(code, honours_keys=honours_keys, after=after, throttle=status in THROTTLED)
        case _ if 300 <= status < 400:
            return ActionRefused(code, "it redirects, and redirects are not followed")
        case _ if 400 <= status < 500:
            return ActionRefused(code)
        case _:
            return in_doubt(code, honours_keys=honours_keys)
