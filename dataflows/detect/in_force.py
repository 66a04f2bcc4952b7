"""Which policy holds in a state directory: the one that was activated last in the stream, else the one of the last start."""

from __future__ import annotations

from pathlib import Path

from dataflows.core.engine.activation import POLICY, Activations
from dataflows.core.policy import Policy
from dataflows.core.rules.load import load_policy
from dataflows.detect.names import ORDER_SHARDS
from dataflows.runtime.state.directory import policy_file, read_state
from dataflows.runtime.state.reader import look


def policy_in_force(path: Path) -> Policy:
    """The policy that holds. Raises StateError or PolicyError if it cannot be read."""
    read_state(path)
    policy = load_policy(policy_file(path))
    last = Activations(policy)
    for name in ORDER_SHARDS:
        # Every shard takes the same activations; one may have been kept a moment later than another.
        directory = path / "shards" / name
        seen = look(directory) if directory.exists() else None
        known = Activations(policy)
        if seen is not None and POLICY in seen[1] and known.restore([(POLICY, seen[1][POLICY])]) and known.since > last.since:
            last = known
    return last.policy() if last else policy
