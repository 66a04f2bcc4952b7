"""The event that activates a policy, and when a start of the engine writes one: its policy file is another one, or the engine is.

So every shard switches at one place of the log, and a replay of the log knows what was in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from dataflows.core.engine.activation import untested_rules
from dataflows.core.policy import Policy
from dataflows.core.policy.check import PolicyError
from dataflows.detect.in_force import in_force
from dataflows.runtime.state.errors import StateError
from dataflows.runtime.state.pins import Announce, Pins, State, policy_changes, upgraded
from schemas.deciding import decides
from schemas.envelope import ACTIVATED
from schemas.wire import decode
from sources.kafka import load as loading

SOURCE: Final = "/orderwatch/run"
BY: Final = "service:run"
ROLE: Final = "policy_author"


def activation(policy: Policy, text: str, *, id_: str, source: str, time: str, data: Mapping[str, object]) -> bytes:
    """The event that activates a policy, as a line. Raises Rejected if it is none of the contract."""
    about: dict[str, object] = {
        "version": policy.version,
        "text": text,
        "text_hash": hashlib.sha256(text.encode()).hexdigest(),
        "by_roles": [ROLE],
        **data,
    }
    line = orjson.dumps({"specversion": "1.0", "id": id_, "source": source, "type": ACTIVATED, "time": time, "data": about})
    decode(line)
    return line


def now() -> str:
    """The present instant, as events state it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_topic(options: Mapping[str, object], topic: str) -> Callable[[bytes], None]:
    """What writes an event into a topic of decisions."""

    def write(line: bytes) -> None:
        loading.load(options, topic, iter([(SOURCE, line)]), lambda _: None)

    return write


def announcer(path: Path, policy: Policy, text: str, write: Callable[[bytes], None]) -> Announce:
    """What writes the activation of a start over the state directory `path` to where decisions are written, durably, by `write`.

    `policy`, `text`: those of the start's file.
    """

    def announce(state: State, pins: Pins, *, clean: bool) -> bool:
        try:
            holds, its_text = in_force(path)
        except (PolicyError, ValueError) as error:
            raise StateError(f"{path}: the policy that holds cannot be read: {error}") from error
        changed = clean and policy_changes(state, pins)
        new, its = (policy, text) if changed else (holds, its_text)
        if changed and (untested := untested_rules(holds, new, (), None)):
            raise StateError(
                f"{untested}; start with the policy as it was, and activate this one:"
                " orderwatch policy activate POLICY --backtest DIR, with what `orderwatch backtest --out DIR` wrote"
            )
        if new.version == holds.version and not upgraded(state, pins):
            return True  # The log has said it.
        why = [f"engine {state.engine} → {pins.engine}"] if upgraded(state, pins) else []
        why += ["the policy of a start"] if changed else []
        data = {"by": BY, "note": "; ".join(why), "engine": pins.engine}
        id_ = f"{state.id}:{state.changes + 1}:{new.version}"
        line = activation(new, its, id_=id_, source=SOURCE, time=now(), data=data)
        write(line)
        return True

    return announce


def topic_of_decisions(topics: Sequence[str]) -> str | None:
    """The topic among some from which decisions are taken."""
    return next((name for name in topics if decides(name)), None)
