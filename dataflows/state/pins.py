"""What a state directory is pinned to, and what of it a run must keep to."""

from __future__ import annotations

import msgspec

from dataflows.state.errors import StateError

FORMAT = 1
"""The version of the directory's layout and of `state.json`."""


class State(msgspec.Struct, frozen=True):
    """`state.json`. `made`: when (µs since the epoch, UTC; 0: not known).

    `policy` is None until a first run has begun, `policy_hash` the SHA-256 of its kept text ("": kept before there were hashes); `lead` is
    the (process, incarnation) that began the last one.
    """

    id: str
    recovery: int
    format: int = FORMAT
    made: int = 0
    shards: dict[str, int] = {}
    inputs: dict[str, int] = {}
    outputs: dict[str, int] = {}
    engine: str = ""
    policy: str | None = None
    policy_hash: str = ""
    processes: int = 0
    clean: bool = False
    lead: tuple[int, int] = (0, 0)


class Pins(msgspec.Struct, frozen=True):
    """What a run brings: counts of shards by group, of partitions by topic; its version, its policy and the policy's text."""

    shards: dict[str, int]
    inputs: dict[str, int]
    outputs: dict[str, int]
    engine: str
    policy: str
    policy_text: str


class Resume(msgspec.Struct, frozen=True):
    """What a run must go on with. `notes` say in one line each what is not as the run brought it; they belong in the log.

    `policy` is the version to run under (its file: `home.policy_file`), `inputs` and `outputs` are the partitions to read and write.
    """

    fresh: bool
    clean: bool
    policy: str
    inputs: dict[str, int]
    outputs: dict[str, int]
    notes: tuple[str, ...]


def check_inputs(state: State, now: Pins) -> None:
    """Raises StateError if an input topic has lost partitions: then its offsets mean something else now."""
    for topic, count in now.inputs.items():
        if count < state.inputs.get(topic, 0):
            raise StateError(f"topic {topic} has {count} partitions, {state.inputs[topic]} were read: was it deleted and made again?")


def hold(state: State, now: Pins, *, clean: bool) -> Resume:
    """What a run must go on with that finishes another. Raises StateError if it lacks what the other one read or wrote."""
    notes: list[str] = []
    for word, pinned, found in (("read", state.inputs, now.inputs), ("written", state.outputs, now.outputs)):
        for topic, count in pinned.items():
            if found.get(topic, 0) < count:
                raise StateError(
                    f"the last run has {word} {count} partitions of topic {topic} and did not stop cleanly; now there are"
                    f" {found.get(topic, 0)}: start it as it was, stop it, then change it"
                )
        more = sorted(topic for topic, count in found.items() if count > pinned.get(topic, 0))
        if more:
            notes.append(f"new partitions of {', '.join(more)} are not {word} before a clean stop and restart")
    if state.policy is None:
        raise AssertionError("a run without a policy holds nothing")
    if state.policy != now.policy:
        notes.append(f"the last run is finished under its own policy {state.policy}; {now.policy} holds after a clean stop and restart")
    if state.engine != now.engine:
        notes.append(f"the last run was one of version {state.engine}, this is version {now.engine}")
    return Resume(fresh=False, clean=clean, policy=state.policy, inputs=state.inputs, outputs=state.outputs, notes=tuple(notes))
