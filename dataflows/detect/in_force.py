"""Which policy holds in a state directory: the one that was activated last in the stream, else the one before the first activation."""

from __future__ import annotations

from pathlib import Path

from dataflows.core.engine.activation import POLICY, Activations, with_state_of
from dataflows.core.policy import Policy
from dataflows.core.rules.load import load_policy
from dataflows.detect.names import ORDER_SHARDS
from dataflows.runtime.state.directory import policy_file, read_state
from dataflows.runtime.state.reader import look


def policy_in_force(path: Path) -> Policy:
    """The policy that holds. Raises StateError or PolicyError if it cannot be read."""
    return in_force(path)[0]


def in_force(path: Path) -> tuple[Policy, str]:
    """The policy that holds, and its text. Raises StateError or PolicyError if it cannot be read."""
    last = last_activation(path)
    if last:
        return last.policy(), last.text
    file = policy_file(path, read_state(path).first)
    return policy_before(path, last.base), file.read_text(encoding="utf-8")


def policy_before(path: Path, base: Policy) -> Policy:
    """The policy that holds in a state directory until one is activated; `base` is the one of the last start."""
    first = read_state(path).first
    return with_state_of(base, load_policy(policy_file(path, first))) if first else base


def last_activation(path: Path) -> Activations:
    """The last activation that a state directory knows; false if there is none. Raises as `policy_in_force` does."""
    base = load_policy(policy_file(path))
    last = Activations(base)
    # Every shard takes the same activations, if it may have kept one a moment later than another: any of them will do.
    for directory in (path / "shards" / name for name in ORDER_SHARDS):
        if directory.exists() and (seen := look(directory)) is not None:
            if POLICY in seen[1]:
                last.restore([(POLICY, seen[1][POLICY])])
            break
    return last
