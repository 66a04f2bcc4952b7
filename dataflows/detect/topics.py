"""The topics of a run: made where they are missing, checked, and asked whose output records they hold."""

from __future__ import annotations

from dataclasses import dataclass

from dataflows.errors import MisuseError
from dataflows.runtime.state.directory import StateHome
from dataflows.settings import Settings
from schemas.limits import LEAST_TOPIC_BYTES
from sinks.jsonl import set_aside, written_by
from sinks.kafka.sink import OutputTopic
from sinks.kafka.whose import find_output
from sources.kafka import broker
from sources.kafka.broker import Topic
from sources.kafka.settings import KafkaInputError
from sources.kafka.topics import BROKER_DEFAULT, ensure_topics, input_topic, output_topic

SEE = "see dataflows/STATE.md"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What `orderwatch run` is allowed to by its options.

    `new_state`: to begin with a new state where another one's output records stand; `topics`: to go on with these though they were made
    again.
    """

    new_state: bool = False
    topics: frozenset[str] = frozenset()
    drains: bool = False
    """To end once all of an embedded installation's input log has been read."""


def prepare(settings: Settings) -> dict[str, Topic]:
    """Makes topics that are missing, if asked to, and checks those that are written; returns all that are read or written.

    Raises KafkaInputError if one is missing or does not fit.
    """
    inputs, outputs, options = settings.inputs, settings.outputs, settings.kafka.client()
    written = sorted(outputs.topics.values()) if outputs.kind == "kafka" else []
    limit = options.get("message.max.bytes", "")
    if written and limit.isdecimal() and int(limit) < LEAST_TOPIC_BYTES:
        raise KafkaInputError(
            f"kafka.options: message.max.bytes={limit}, at least {LEAST_TOPIC_BYTES} is needed for what may be written: raise it or leave"
            " it out"
        )
    client = broker.admin(options)
    known = broker.describe_topics(client, options, [*inputs.topics, *written])
    found = {name: topic for name, topic in known.items() if topic is not None}
    specs = {name: output_topic(found[name].partitions if name in found else outputs.partitions) for name in written}
    # How a topic that is read was made is its producers' affair; the source says what it needs of it.
    specs |= {name: input_topic(inputs.partitions) for name in inputs.topics if name not in found}
    missing = [name for name in specs if name not in found]
    if missing and not settings.kafka.create_topics:
        raise KafkaInputError(f"topic {missing[0]} does not exist: make it with `orderwatch topics create`, or set kafka.create_topics")
    ensure_topics(options, specs, replication=settings.kafka.replication or BROKER_DEFAULT)
    if missing:
        made = broker.describe_topics(client, options, missing)
        found |= {name: topic for name, topic in made.items() if topic is not None}
    return found


def output_topics(settings: Settings, known: dict[str, Topic], partitions: dict[str, int]) -> dict[str, OutputTopic]:
    """The topics that are written, by what they hold; `partitions` are the state's."""
    topics: dict[str, OutputTopic] = {}
    for topic, name in settings.outputs.topics.items():
        output = OutputTopic(name, partitions[name])
        limit = known[name].limit if name in known else None
        topics[topic] = output if limit is None else output._replace(limit=limit)
    return topics


def check_whose(settings: Settings, home: StateHome, known: dict[str, Topic], *, fresh: bool, allowed: Allowed) -> None:
    """Sees to it that a new state does not say again what another one has said, unless that is allowed.

    Raises:
        MisuseError: if output records of another state stand where this one would write. KafkaOutputError: if that cannot be found out.
    """
    if settings.outputs.kind == "files":
        assert settings.outputs.folder is not None
        _check_files(settings, home, fresh=fresh, allowed=allowed)
    elif fresh and not allowed.new_state:
        counts = {name: known[name].partitions for name in settings.outputs.topics.values()}
        # Of this state another process of the cluster may have written some already.
        found = find_output(settings.kafka.client(), counts, str(home.uuid))
        if found is not None:
            raise MisuseError(
                _refusal(f"topic {found.topic}", f"{found.state}, such as at {found.topic}/{found.partition}/{found.offset}", home)
            )


def _check_files(settings: Settings, home: StateHome, *, fresh: bool, allowed: Allowed) -> None:
    folder = settings.outputs.folder
    assert folder is not None
    try:
        owner = written_by(folder)
    except OSError as error:
        raise MisuseError(f"{error.filename or folder}: {(error.strerror or str(error)).lower()}") from error
    if owner is None or owner == str(home.uuid) or (not owner and not fresh):
        return
    if not fresh:
        raise MisuseError(f"{folder} holds output of another state ({owner}, this one is {home.uuid}): give each state an outputs.folder")
    if not allowed.new_state:
        raise MisuseError(
            _refusal(str(folder), owner or "one that is not known", home, "; the files that are there are kept under other names")
        )
    try:
        set_aside(folder, owner)
    except OSError as error:
        raise MisuseError(f"{error.filename or folder}: {(error.strerror or str(error)).lower()}") from error


def _refusal(where: str, whose: str, home: StateHome, more: str = "") -> str:
    return (
        f"{where} holds output of another state ({whose}), and the state directory {home.path} is new: if it was emptied or is another"
        f" than before, put the state back ({SEE}); --new-state begins all the same: everything in the input topics is processed again, and"
        f" all output is written again under the new state{more}"
    )
