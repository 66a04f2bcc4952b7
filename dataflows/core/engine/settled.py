"""What a policy that was activated leaves as it was: what was over by then, of the rules that it changed.

An exception that was closed stays as it was said, whatever the new rule thinks of it. What had ended by then is not said any more. An
open one goes on: as the new rule finds it, or else it is resolved. Of a rule that the activation did not change nothing is different.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from dataflows.core.engine.exceptions import POLICY_CHANGED, ExceptionState
from dataflows.core.engine.lifecycle import Key, was_over
from dataflows.core.rules.conditions import Condition


def still_since(
    found: dict[str | None, list[Condition]], states: Mapping[Key, ExceptionState], activated: int
) -> dict[str | None, list[Condition]]:
    """What a rule found (by scope, in order), without what had ended when the policy was activated.

    Conditions of a scope do not overlap, and neither do its exceptions. What ended before the first exception began that was not over then
    belongs to those that were, or was never said.
    """
    after: dict[str | None, list[Condition]] = {}
    for scope, conditions in found.items():
        going = (s.start for s in states.values() if s.scope == scope and s.status != "retracted" and not was_over(s, activated))
        over = min((*going, activated + 1))
        kept = [condition for condition in conditions if condition.end is None or condition.end >= over]
        if kept:
            after[scope] = kept
    return after


def policy_changed(known: Mapping[Key, ExceptionState], changes: Mapping[Key, ExceptionState], now: int) -> dict[Key, ExceptionState]:
    """The changes that a policy that was activated makes: what it does not find any more is resolved, and was no false alarm."""
    after: dict[Key, ExceptionState] = {}
    for key, state in changes.items():
        before = known.get(key)
        if before is None or state.status != "retracted":
            after[key] = state
        elif before.status in ("open", "suppressed"):
            after[key] = replace(before, status="resolved", resolution=POLICY_CHANGED, end=now, suppressed_by=None, news=now)
    return after
