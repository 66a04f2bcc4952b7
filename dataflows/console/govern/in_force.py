"""Which policy holds, as far as the console knows: by the store's activations, else the engine's state, else the settings' file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from dataflows.core.policy import Policy
from dataflows.core.policy.check import PolicyError
from dataflows.core.policy.show import render
from dataflows.core.rules.load import load_policy, policy_of_text
from dataflows.detect.in_force import in_force
from dataflows.runtime.state.errors import StateError
from schemas.problems import Problem
from sinks.cases.queries.policies import ActivationRow, activated_text, last_activation

ACTIVATED, STATE, FILE, BUILT_IN = "activated", "state", "file", "built_in"
FIRST: Final = "policy.yaml"


@dataclass(frozen=True)
class PolicyInForce:
    """The policy that holds. `origin`: how the console knows; `activation`: the one that made it hold, where there was one."""

    policy: Policy
    text: str
    origin: str
    activation: ActivationRow | None = None

    @property
    def since(self) -> datetime | None:
        """Since when it holds, where that is known."""
        return None if self.activation is None else self.activation.logged_at


class PolicyUnknownError(Exception):
    """It cannot be said which policy holds; the message is one line."""


def activated_policy(connection: Connection) -> PolicyInForce | None:
    """The policy of the last activation that was not refused; None if there was none. Raises PolicyUnknownError."""
    row = last_activation(connection)
    if row is None:
        return None
    text = activated_text(connection, row.event_id)
    found = None if text is None else policy_of_text(text)
    if text is None or found is None or isinstance(found, Problem):
        raise PolicyUnknownError(f"version {row.version} holds, and its text cannot be read here: {found or 'the store does not have it'}")
    return PolicyInForce(found, text, ACTIVATED, row)


def started_policy(state: Path | None, file: Path | None) -> PolicyInForce:
    """The policy of the start, where none was activated yet. Blocking. Raises PolicyUnknownError."""
    try:
        if state is not None:
            policy, text = in_force(state)
            return PolicyInForce(policy, text, STATE)
        if file is not None:
            return PolicyInForce(load_policy(file), file.read_text(encoding="utf-8"), FILE)
    except (StateError, PolicyError, OSError, ValueError) as error:
        raise PolicyUnknownError(" ".join(str(error).split())) from error
    built_in = load_policy(None)
    return PolicyInForce(built_in, render(built_in), BUILT_IN)
