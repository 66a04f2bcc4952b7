"""What a state directory is pinned to, and what of it a run must keep to."""

from __future__ import annotations

from typing import Protocol

import msgspec

from dataflows.runtime.state.errors import StateError
from schemas.identifiers import DEFAULT, Identifiers

FORMAT = 1
"""The version of the directory's layout and of `state.json`."""


class Announce(Protocol):
    """Sees to it that the log says what of policy or engine is another than before; whether it does."""

    def __call__(self, state: State, pins: Pins, *, clean: bool) -> bool:
        """`state`: as the last run left it; `pins`: what this one brings. After an unclean stop the policy stays."""
        ...


class State(msgspec.Struct, frozen=True):
    """`state.json`. `made`: when (µs since the epoch, UTC; 0: not known).

    `policy` is None until a first run has begun, `policy_hash` the SHA-256 of its kept text ("": kept before there were hashes). `lead` is
    the (process, incarnation) that began the last one. `topic_ids` are those of all topics that it ever read or wrote, as far as the
    brokers told.
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
    topic_ids: dict[str, str] = {}
    identifiers: int = 0
    """The form of identifiers that its orders have (`schemas.identifiers`); 0: as they were sent, as in every state of before."""
    given: str = ""
    """The hash of the policy's text as the last run was given it; "": not known, as in every state of before."""
    first: str = ""
    """The version of the policy that holds until one is activated in the stream, where that is not `policy`."""
    changes: int = 0
    """How many activations its starts have written."""
    begins: dict[str, int] = {}
    """By part of the Kafka sink, where it began: before that stands what the state had written elsewhere (`orderwatch state move`)."""


class Pins(msgspec.Struct, frozen=True):
    """What a run brings: counts of shards by group, of partitions by topic; its version, its policy and the policy's text.

    `topic_ids` are those of its topics, of which the brokers tell; in `accepted` are topics that may have been made again. `identifiers`
    is the form that its policy states, if it does. `given` is the hash of the policy's text as it was given. `announce` writes the
    activation of a policy into the log, so that all shards switch at one place; None where there is no log for that.
    """

    shards: dict[str, int]
    inputs: dict[str, int]
    outputs: dict[str, int]
    engine: str
    policy: str
    policy_text: str
    topic_ids: dict[str, str] = {}
    accepted: frozenset[str] = frozenset()
    identifiers: Identifiers | None = None
    given: str = ""
    announce: Announce | None = None


class Resume(msgspec.Struct, frozen=True):
    """What a run must go on with.

    `notes` say in one line each what is not as the run brought it, `topics` what is to be noted of topics; both belong in the log.

    `policy` is the version to run under (its file: `home.policy_file`), `inputs` and `outputs` are the partitions to read and write.
    """

    fresh: bool
    clean: bool
    policy: str
    inputs: dict[str, int]
    outputs: dict[str, int]
    notes: tuple[str, ...]
    topics: tuple[str, ...] = ()
    identifiers: Identifiers = DEFAULT
    first: str = ""
    """The version of the policy that holds until one is activated in the stream; "": `policy`."""


def policy_changes(state: State, now: Pins) -> bool:
    """Whether a run was given another policy than the last one. Another version of the engine may make another one of the same text."""
    return state.policy != now.policy and not (state.given and state.given == now.given)


def upgraded(state: State, now: Pins) -> bool:
    """Whether the engine is of another version than the last run's."""
    return state.engine not in {"", now.engine}


def check_inputs(state: State, now: Pins) -> None:
    """Raises StateError if an input topic has lost partitions: then its offsets mean something else now."""
    for topic, count in now.inputs.items():
        if count < state.inputs.get(topic, 0):
            raise StateError(f"topic {topic} has {count} partitions, {state.inputs[topic]} were read: was it deleted and made again?")


def check_identifiers(state: State, now: Pins) -> Identifiers:
    """The form that identifiers have from now on. Raises StateError if the policy states another one than the state has."""
    if state.policy is None:
        return now.identifiers or DEFAULT
    pinned = Identifiers.of(state.identifiers)
    if now.identifiers is not None and now.identifiers != pinned:
        raise StateError(
            f"the policy's identifiers ({now.identifiers}) are not those of the state ({pinned}): orders would not find their events any"
            " more; state those, or begin with another state.dir and --new-state"
        )
    return pinned


def check_topics(state: State, now: Pins) -> tuple[str, ...]:
    """What is to be noted of the topics. Raises StateError if one is no longer the one that the state knows by its name."""
    for topic, found in now.topic_ids.items():
        known = state.topic_ids.get(topic)
        if known is not None and known != found and topic not in now.accepted:
            raise StateError(replaced(topic, known, found, written=topic in now.outputs))
    notes: list[str] = []
    if again := sorted(topic for topic in now.accepted if state.topic_ids.get(topic, now.topic_ids.get(topic)) != now.topic_ids.get(topic)):
        notes.append(f"accepted as made again: {', '.join(again)}; offsets of the state hold there as they are")
    if adopted := sorted(topic for topic in {**state.inputs, **state.outputs} if topic in now.topic_ids.keys() - state.topic_ids.keys()):
        notes.append(f"the state did not know the IDs of {', '.join(adopted)}; from now on it does")
    if silent := sorted({*now.inputs, *now.outputs} - now.topic_ids.keys()):
        notes.append(f"the brokers give no ID of {', '.join(silent)}: that a topic was made again shows only if it has become shorter")
    return tuple(notes)


def replaced(topic: str, known: str, found: str, *, written: bool) -> str:
    """That a topic was deleted and made again, and how to go on, in one line."""
    lost = "what the state has written there is gone" if written else "the state's offsets mean other records there"
    return (
        f"topic {topic} was deleted and made again (ID {found}, the state knows {known}): {lost}. Either begin with another state.dir and"
        f" --new-state, and everything is processed again; or, if the topic was restored with the offsets that it had"
        f"{' or its past may be missing' if written else ''}, go on with --accept-topic {topic}"
    )


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
    return Resume(
        fresh=False, clean=clean, policy=state.policy, inputs=state.inputs, outputs=state.outputs, notes=tuple(notes), first=state.first
    )
