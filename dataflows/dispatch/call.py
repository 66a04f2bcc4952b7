"""Sixth stage: the call itself, within a bound of time. Whatever comes back is an outcome; nothing of what was sent is logged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from sinks.actions.executor import ActionCall, Executor, Observation, Outcome, RetryLater, Unknown

GRACE_S: Final = 5.0
"""By how much the time-out of the executor itself comes before ours."""


async def execute(executor: Executor, call: ActionCall, timeout_s: float, mistaken: Callable[[str], None]) -> Outcome:
    """Calls. `mistaken` is told the type of an error that an executor should not have raised: its text may quote what was sent."""
    try:
        async with asyncio.timeout(timeout_s + GRACE_S):
            return await executor.execute(call)
    except TimeoutError:
        code = "timeout"
    except Exception as error:  # noqa: BLE001 - whatever an executor does, this action is in doubt and all others go on
        code = "executor_error"
        mistaken(type(error).__name__)
    return unanswered(executor, code)


def unanswered(executor: Executor, code: str) -> Outcome:
    """The outcome of a call of which nothing is known."""
    return RetryLater(code, in_doubt=True) if executor.honours_keys else Unknown(code)


async def ask(executor: Executor, call: ActionCall, timeout_s: float, mistaken: Callable[[str], None]) -> Observation:
    """Asks whether it was effected, likewise."""
    try:
        async with asyncio.timeout(timeout_s + GRACE_S):
            return await executor.status(call)
    except TimeoutError:
        return Unknown("timeout")
    except Exception as error:  # noqa: BLE001 - as above
        mistaken(type(error).__name__)
        return Unknown("executor_error")
