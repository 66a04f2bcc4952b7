"""Where automation is paused: nothing is requested there without a person, and nothing that was requested is begun."""

from __future__ import annotations

from typing import NamedTuple

from dataflows.core.actions.model import ActionState
from dataflows.core.rules.guarding import Objection
from schemas.actions import ACTIONS
from schemas.instants import iso

NAME = "automation_paused"


class Pause(NamedTuple):
    """Since when (µs of log time), by whom and why."""

    since: int
    by: str
    reason: str


def wrong_scope(scope: str) -> str | None:
    """Why a scope is none; None if it is one."""
    word, colon, name = scope.partition(":")
    if scope == "all" or (word in ("rule", "tenant") and name):
        return None
    if word == "action" and colon:
        return None if name in ACTIONS else f"unknown action {name!r}"
    return f"{scope!r} is no scope: all, action:NAME, rule:KIND or tenant:NAME"


def pause_over(pauses: dict[str, Pause], action: ActionState) -> Objection | None:
    """The pause that an action falls under, as a guardrail; None if there is none."""
    for scope in ("all", f"action:{action.action}", f"rule:{action.kind}", f"tenant:{action.tenant}"):
        pause = pauses.get(scope)
        if pause is not None:
            why = f": {pause.reason}" if pause.reason else ""
            return Objection(NAME, "review", f"automation is paused for {scope} since {iso(pause.since)} by {pause.by}{why}")
    return None
